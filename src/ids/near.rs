//! Which references a mistyped one may have meant: every reference that one wrong, lost, added or swapped symbol turns
//! into what stands in a transfer text.
//!
//! The check digits leave few of them, and of these hardly ever more than one was issued. Which one was is asked of the
//! database by its unique index; that a person then decides is the business of others.

use std::collections::HashSet;

use super::PaymentReference;
use super::reference::{LENGTH, LETTERS, Letter, letters};

/// So many letters of a text are looked at; no bank passes on more.
const MOST_LETTERS: usize = 600;
/// So many candidates of one text are worth a look.
const MOST_NEAR: usize = 200;

/// What a hand did to one symbol of a reference, or to two that stand side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slip {
    /// Two neighbours changed places.
    Swapped,
    /// One symbol is another.
    Wrong,
    /// One is missing.
    Lost,
    /// One is too many.
    Added,
}

impl Slip {
    /// Each of them.
    pub const ALL: [Slip; 4] = [Slip::Swapped, Slip::Wrong, Slip::Lost, Slip::Added];

    /// The stable word for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Slip::Swapped => "swapped",
            Slip::Wrong => "wrong",
            Slip::Lost => "lost",
            Slip::Added => "added",
        }
    }

    /// How many symbols were typed in the place of how many.
    const fn widths(self) -> (usize, usize) {
        match self {
            Slip::Swapped => (2, 2),
            Slip::Wrong => (1, 1),
            Slip::Lost => (0, 1),
            Slip::Added => (1, 0),
        }
    }
}

/// A reference that one slip turns into what was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Near {
    /// What may have been meant.
    pub reference: PaymentReference,
    /// What was typed, in upper case and without what stands between: 12, 13 or 14 letters and digits.
    pub typed: String,
    /// What happened.
    pub slip: Slip,
    /// Before which symbol, counted from 0.
    pub place: usize,
}

impl Near {
    /// Every reference that is one slip away from something in this text, the likeliest first: what stands as a word of
    /// its own comes before what begins or ends within one, and what stands together before what is spread over many.
    pub fn find_all(memo: &str) -> Vec<Near> {
        let letters: Vec<Letter> = letters(memo).take(MOST_LETTERS).collect();
        let bytes: Vec<u8> = letters.iter().map(|letter| letter.byte).collect();
        let whole: HashSet<PaymentReference> = bytes.windows(LENGTH).filter_map(PaymentReference::read).collect();
        let fits = Fits::of(&letters);
        let mut found: Vec<(Rank, Near)> = Vec::new();
        for start in 0..letters.len() {
            for slip in Slip::ALL {
                let (typed, meant) = slip.widths();
                let end = start + LENGTH - meant + typed;
                if end > letters.len() {
                    continue;
                }
                for place in 0..=LENGTH - meant {
                    if fits.heads[start] >= place && fits.tails[end] >= LENGTH - meant - place {
                        let near = meant_by(&letters[start..end], slip, place);
                        found.extend(near.into_iter().map(|near| (Rank::of(&letters, start, end, slip), near)));
                    }
                }
            }
        }
        found.sort_by_key(|(rank, _)| *rank);
        // One may be reached in several ways; what stands there whole was not mistyped.
        let mut told = whole;
        found
            .into_iter()
            .map(|(_, near)| near)
            .filter(|near| told.insert(near.reference.clone()))
            .take(MOST_NEAR)
            .collect()
    }

    /// What was typed before the slip, at it and after it.
    pub fn typed_parts(&self) -> [&str; 3] {
        parts(&self.typed, self.place, self.slip.widths().0)
    }

    /// The reference before the slip, at it and after it.
    pub fn reference_parts(&self) -> [&str; 3] {
        parts(self.reference.as_str(), self.place, self.slip.widths().1)
    }
}

/// The likeliest is the least: how many ends lie within a word, how often something stands between, what happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank(usize, usize, Slip);

impl Rank {
    fn of(letters: &[Letter], start: usize, end: usize, slip: Slip) -> Rank {
        let begins = |at: usize| letters.get(at).is_none_or(|letter| letter.begins);
        let glued = usize::from(!begins(start)) + usize::from(!begins(end));
        Rank(glued, (start + 1..end).filter(|at| begins(*at)).count(), slip)
    }
}

/// How much of a reference stands from each place on, and before each place.
struct Fits {
    /// From here on so many symbols may be the first ones of a reference.
    heads: Vec<usize>,
    /// Up to here so many symbols may be its last ones.
    tails: Vec<usize>,
}

impl Fits {
    fn of(letters: &[Letter]) -> Fits {
        let head = |start: usize| {
            letters[start..].iter().zip(0..LENGTH).take_while(|(letter, place)| fits(letter.byte, *place)).count()
        };
        let tail = |end: usize| {
            letters[..end]
                .iter()
                .rev()
                .zip((0..LENGTH).rev())
                .take_while(|(letter, place)| fits(letter.byte, *place))
                .count()
        };
        Fits { heads: (0..=letters.len()).map(head).collect(), tails: (0..=letters.len()).map(tail).collect() }
    }
}

/// What may stand at a place of a reference.
fn symbols(place: usize) -> &'static [u8] {
    match place {
        0 => b"R",
        1 => b"F",
        2 | 3 => b"0123456789",
        _ => LETTERS,
    }
}

/// As [`symbols`], and what is read as a digit where one must stand.
fn fits(letter: u8, place: usize) -> bool {
    symbols(place).contains(&letter) || (matches!(place, 2 | 3) && matches!(letter, b'O' | b'I'))
}

/// The references that this slip at this place turns into the typed letters; what stands around it fits.
fn meant_by(typed: &[Letter], slip: Slip, place: usize) -> Vec<Near> {
    let (width, meant) = slip.widths();
    let (head, tail) = (&typed[..place], &typed[place + width..]);
    let with = |middle: &[u8]| {
        let mut text = [0_u8; LENGTH];
        let letters = head.iter().map(|letter| letter.byte).chain(middle.iter().copied());
        for (at, byte) in text.iter_mut().zip(letters.chain(tail.iter().map(|letter| letter.byte))) {
            *at = byte;
        }
        PaymentReference::read(&text).map(|reference| Near {
            reference,
            typed: typed.iter().map(|letter| letter.shown).collect(),
            slip,
            place,
        })
    };
    match (slip, &typed[place..place + width]) {
        (Slip::Swapped, [one, other]) if one.byte != other.byte => with(&[other.byte, one.byte]).into_iter().collect(),
        // Before the first or after the last symbol nothing is added to a reference: it has a neighbour.
        (Slip::Added, _) if place > 0 && place < LENGTH => with(&[]).into_iter().collect(),
        (Slip::Wrong | Slip::Lost, present) if meant == 1 => symbols(place)
            .iter()
            .filter(|symbol| present.first().is_none_or(|letter| letter.byte != **symbol))
            .filter_map(|symbol| with(&[*symbol]))
            .collect(),
        _ => Vec::new(),
    }
}

fn parts(text: &str, place: usize, width: usize) -> [&str; 3] {
    let at = |symbol: usize| text.char_indices().nth(symbol).map_or(text.len(), |(at, _)| at);
    let (from, to) = (at(place), at(place + width));
    [&text[..from], &text[from..to], &text[to..]]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn right() -> PaymentReference {
        PaymentReference::of_letters("QRSTVXZBC").expect("its letters")
    }

    fn first(memo: &str) -> Option<Near> {
        Near::find_all(memo).into_iter().find(|near| near.reference == right())
    }

    #[test]
    fn every_single_slip_leads_back_to_the_reference() {
        let text: Vec<char> = right().as_str().chars().collect();
        let mut mistyped: Vec<(String, Slip)> = Vec::new();
        for place in 0..LENGTH {
            for other in "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789Đ".chars() {
                let mut wrong = text.clone();
                wrong[place] = other;
                mistyped.push((wrong.iter().collect(), Slip::Wrong));
                let mut added = text.clone();
                added.insert(place, other);
                mistyped.push((added.iter().collect(), Slip::Added));
            }
            let mut lost = text.clone();
            lost.remove(place);
            mistyped.push((lost.iter().collect(), Slip::Lost));
            if place > 0 {
                let mut swapped = text.clone();
                swapped.swap(place - 1, place);
                mistyped.push((swapped.iter().collect(), Slip::Swapped));
            }
        }
        let mut tried = 0;
        for (typed, slip) in mistyped {
            for memo in [
                typed.clone(),
                format!("NGUYEN VAN A {} nop hoc phi", typed.to_lowercase()),
                format!("947{typed}.FT24253687437949"),
                format!("{} {}", parts(&typed, 5, 0)[0], parts(&typed, 5, 0)[2]),
            ] {
                // What still holds the whole reference is not mistyped: `RRF…`, a doubled letter, O for 0.
                if PaymentReference::find_all(&memo) == [right()] {
                    continue;
                }
                let near = first(&memo).unwrap_or_else(|| panic!("{memo}: nothing is near"));
                // Glued to a neighbour, a lost symbol and a wrong one are the same.
                assert!(near.slip == slip || memo.starts_with("947"), "{memo}: {near:?}");
                tried += 1;
            }
        }
        assert!(tried > 3_000, "{tried}");
    }

    #[test]
    fn the_differing_place_is_marked_in_both() {
        let code = right().to_string();
        let (head, tail) = (&code[..6], &code[7..]);
        let wrong = first(&format!("{head}D{tail}")).expect("one wrong");
        assert_eq!((wrong.typed_parts(), wrong.reference_parts()), ([head, "D", tail], [head, &code[6..7], tail]));
        let lost = first(&format!("{head}{tail}")).expect("one lost");
        assert_eq!((lost.typed_parts(), lost.reference_parts()), ([head, "", tail], [head, &code[6..7], tail]));
        let added = first(&format!("{head}Đ{}", &code[6..])).expect("one added");
        assert_eq!((added.typed_parts(), added.reference_parts()), ([head, "Đ", &code[6..]], [head, "", &code[6..]]));
        let swapped = first(&format!("{head}{}{}{}", &code[7..8], &code[6..7], &code[8..])).expect("two swapped");
        assert_eq!(swapped.typed_parts()[1].chars().rev().collect::<String>(), swapped.reference_parts()[1]);
    }

    #[test]
    fn few_references_are_near_any_text() {
        assert_eq!(Near::find_all("NGUYEN VAN A chuyen tien hoc phi thang 11 lop 3A 0912345678 RF"), []);
        assert_eq!(Near::find_all(""), []);
        let alone = Near::find_all(&format!("{} hoc phi", right()));
        assert!(alone.iter().all(|near| near.reference != right()), "what is right is not near itself");
        let worst: String = "RF42BCFGHJKLMNPQRSTVXZ".repeat(100);
        assert!(Near::find_all(&worst).len() <= MOST_NEAR);
    }
}
