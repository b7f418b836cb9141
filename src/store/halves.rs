//! A batch of which one part may be to blame: what fails is halved until only the guilty one is left.

/// The parts that are still to be tried, the earliest first.
pub struct Halves<T>(Vec<Vec<T>>);

impl<T> Halves<T> {
    /// All of it in one part.
    pub fn of(batch: Vec<T>) -> Halves<T> {
        Halves(vec![batch])
    }

    /// The next part to try; none of them is empty.
    #[expect(clippy::should_implement_trait, reason = "parts are given back while others are taken")]
    pub fn next(&mut self) -> Option<Vec<T>> {
        self.0.pop().filter(|part| !part.is_empty())
    }

    /// What is left of a part is tried before all others.
    pub fn give_back(&mut self, part: Vec<T>) {
        if !part.is_empty() {
            self.0.push(part);
        }
    }

    /// A part failed: both halves of it are tried, or it was one, and that one is guilty.
    pub fn halve(&mut self, mut part: Vec<T>) -> Option<T> {
        if part.len() <= 1 {
            return part.pop();
        }
        let later = part.split_off(part.len() / 2);
        self.0.push(later);
        self.0.push(part);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guilty_one_is_found_and_the_others_are_done_in_their_order() {
        let (mut halves, mut done, mut guilty) = (Halves::of((0..500).collect()), Vec::new(), Vec::new());
        while let Some(part) = halves.next() {
            if part.contains(&123) {
                guilty.extend(halves.halve(part));
            } else {
                done.extend(part);
            }
        }
        assert_eq!(guilty, [123]);
        assert_eq!(done, (0..500).filter(|one| *one != 123).collect::<Vec<_>>());
        assert!(Halves::<u8>::of(Vec::new()).next().is_none());
    }
}
