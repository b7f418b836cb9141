//! What banks do to a transfer's text on its way: case, blanks, punctuation, line breaks, doubling, cuts.
//!
//! Every symbol of a reference carries its place through all of it. Whether the reference is still there is therefore
//! known without looking for it, and the finder is judged by something it does not share a line with.

use super::chance::Chance;
use super::chatter;

/// A symbol of a line, and which place of the reference it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Symbol {
    letter: char,
    place: Option<usize>,
}

/// A transfer's text on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line(Vec<Symbol>);

/// How long banks let a text be.
const LIMITS: [usize; 11] = [98, 99, 100, 133, 140, 144, 147, 154, 156, 162, 240];
/// What a blank is.
const BLANKS: [&str; 8] = [" ", " ", " ", "\n", "\r\n", "\t", "\u{a0}", "\u{200b}"];

impl Line {
    /// A line around what the payer typed, before anything happens to it. With a reference, its places are marked.
    pub fn drawn(chance: &mut Chance, typed: &str, is_whole: bool) -> Line {
        let (wrap, tail) = chatter::wrapping(chance);
        let (before, after) = (chatter::words(chance), chatter::words(chance));
        // As many put it first as put it somewhere.
        let before = if chance.below(2) == 0 { String::new() } else { format!("{before}{}", chatter::between(chance)) };
        let after = if after.is_empty() { after } else { format!("{}{after}", chatter::between(chance)) };
        let mut line = Line(Vec::new());
        line.push(&format!("{wrap}{before}"));
        line.0.extend(
            typed.chars().enumerate().map(|(place, letter)| Symbol { letter, place: is_whole.then_some(place) }),
        );
        line.push(&format!("{after}{tail}"));
        line
    }

    fn push(&mut self, text: &str) {
        self.0.extend(text.chars().map(|letter| Symbol { letter, place: None }));
    }

    /// The text.
    pub fn text(&self) -> String {
        self.0.iter().map(|symbol| symbol.letter).collect()
    }

    /// Do the 13 symbols of the reference still stand one after the other, with no other letter or digit among them?
    pub fn holds_whole(&self) -> bool {
        let places: Vec<Option<usize>> =
            self.0.iter().filter(|symbol| symbol.letter.is_alphanumeric()).map(|symbol| symbol.place).collect();
        places.windows(13).any(|window| window.iter().enumerate().all(|(place, found)| *found == Some(place)))
    }

    /// What a bank does to it, without any cut.
    #[must_use]
    pub fn mangled(mut self, chance: &mut Chance) -> Line {
        for _ in 0..chance.below(4) {
            self = self.changed(chance);
        }
        self
    }

    /// As long as a bank lets it be.
    #[must_use]
    pub fn cut(mut self, chance: &mut Chance) -> Line {
        self.0.truncate(*chance.pick(&LIMITS));
        self
    }

    fn changed(self, chance: &mut Chance) -> Line {
        match chance.below(14) {
            0 | 1 => self.each(|letter| letter.to_ascii_uppercase()),
            2 => self.each(|letter| letter.to_ascii_lowercase()),
            3 => {
                let mut bits = chance.bits();
                self.each(|letter| {
                    bits = bits.rotate_left(1);
                    if bits & 1 == 0 { letter.to_ascii_lowercase() } else { letter.to_ascii_uppercase() }
                })
            }
            4 => self.without(|letter| matches!(letter, '-' | '_' | '/')),
            5 => self.without(|letter| letter.is_ascii_punctuation()),
            6 => self.each(|letter| if letter.is_ascii_punctuation() { ' ' } else { letter }),
            7 => self.without(char::is_whitespace),
            8 => self.doubled_blanks(),
            9 | 10 => self.with_blanks(chance),
            11 => {
                let width = *chance.pick(&[35, 36, 37, 65, 27, 34]);
                let blank = *chance.pick(&[" ", "\n", "\r\n"]);
                self.wrapped(width, blank)
            }
            12 => self.wrapped(1, " "),
            _ => self.twice(chance),
        }
    }

    fn each(mut self, mut change: impl FnMut(char) -> char) -> Line {
        for symbol in &mut self.0 {
            symbol.letter = change(symbol.letter);
        }
        self
    }

    fn without(mut self, is_lost: impl Fn(char) -> bool) -> Line {
        self.0.retain(|symbol| !is_lost(symbol.letter));
        self
    }

    fn doubled_blanks(self) -> Line {
        let double = |symbol: Symbol| std::iter::repeat_n(symbol, if symbol.letter == ' ' { 2 } else { 1 });
        Line(self.0.into_iter().flat_map(double).collect())
    }

    fn with_blanks(mut self, chance: &mut Chance) -> Line {
        for _ in 0..=chance.below(4) {
            let at = chance.below(self.0.len() + 1);
            let blank = chance.pick(&BLANKS).chars().map(|letter| Symbol { letter, place: None });
            self.0.splice(at..at, blank);
        }
        self
    }

    fn wrapped(self, width: usize, blank: &str) -> Line {
        let mut line = Line(Vec::new());
        for (at, symbol) in self.0.into_iter().enumerate() {
            if at > 0 && at % width == 0 {
                line.push(blank);
            }
            line.0.push(symbol);
        }
        line
    }

    fn twice(mut self, chance: &mut Chance) -> Line {
        let again = self.0.clone();
        self.push(chatter::between(chance));
        self.0.extend(again);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "RF42BCFGHJKLM";

    #[test]
    fn a_line_knows_whether_its_reference_is_whole() {
        let mut chance = Chance::new(1);
        for _ in 0..500 {
            let line = Line::drawn(&mut chance, CODE, true).mangled(&mut chance);
            assert!(line.holds_whole(), "no change but a cut breaks a reference: {}", line.text());
            assert!(!Line::drawn(&mut chance, CODE, false).holds_whole());
        }
        let cut = Line("RF42BCFG".chars().enumerate().map(|(at, letter)| Symbol { letter, place: Some(at) }).collect());
        assert!(!cut.holds_whole());
        let mut broken = Line::drawn(&mut chance, CODE, true);
        let inside = broken.0.iter().position(|symbol| symbol.place == Some(5)).expect("its middle");
        broken.0.insert(inside, Symbol { letter: '7', place: None });
        assert!(!broken.holds_whole());
    }
}
