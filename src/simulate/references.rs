//! Is the reference found wherever it still stands, never where it does not, and is the right one suggested where a
//! hand slipped? Asked of as many transfer texts as one likes, against as many issued references.
//!
//! **Invariants:** the same part, seed and index draw the same text; what is expected of a text is known from how it
//! was made, not from looking for a reference in it.

use std::fmt::{self, Write as _};

use super::chance::Chance;
use super::chatter;
use super::mangle::Line;
use crate::ids::{Near, PaymentReference, Slip};
use crate::seal::token_hash;

/// Lines whose outcomes are hashed together.
const HASHED: u64 = 1_000;
/// So many failures are told in words.
const MOST_TOLD: usize = 20;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// A reference that banks mangled is found.
    Mangled,
    /// Nothing is found where nothing was.
    Strange,
    /// A mistyped reference moves no money by itself, and the right one is suggested first.
    Mistyped,
}

impl Part {
    /// All of it.
    pub const ALL: [Part; 3] = [Part::Mangled, Part::Strange, Part::Mistyped];

    /// The word for it.
    pub const fn code(self) -> &'static str {
        match self {
            Part::Mangled => "mangled",
            Part::Strange => "strange",
            Part::Mistyped => "mistyped",
        }
    }

    /// The part of this word.
    pub fn of_code(code: &str) -> Option<Part> {
        Part::ALL.into_iter().find(|part| part.code() == code)
    }
}

/// The references that schools have issued.
#[derive(Debug, Clone)]
pub struct Issued {
    /// In their order.
    references: Vec<PaymentReference>,
    schools: usize,
}

impl Issued {
    /// As many different references, spread over as many schools.
    pub fn drawn(seed: u64, many: usize, schools: usize) -> Issued {
        let mut chance = Chance::new(seed ^ 0x15_5EED);
        let mut references = Vec::with_capacity(many);
        while references.len() < many {
            while references.len() < many {
                references.extend(PaymentReference::of_letters(&chatter::letters(&mut chance, chatter::OURS, 9)));
            }
            references.sort_unstable();
            references.dedup();
        }
        Issued { references, schools: schools.max(1) }
    }

    fn place(&self, reference: &PaymentReference) -> Option<usize> {
        self.references.binary_search(reference).ok()
    }

    /// Is it of the same school as this one?
    fn is_beside(&self, reference: &PaymentReference, place: usize) -> bool {
        self.place(reference).is_some_and(|other| other % self.schools == place % self.schools)
    }
}

/// What came of many lines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Lines drawn.
    pub lines: u64,
    /// Lines that hold the whole reference.
    pub whole: u64,
    /// Of these, the ones where it was found.
    pub found: u64,
    /// Of these, the ones where somebody else's of the same shape was found as well, so that a person decides.
    pub beside: u64,
    /// Lines in which a reference was read that nobody had issued.
    pub nobodys: u64,
    /// Mistyped lines where a neighbour happens to be the very symbol that was lost, so that the whole reference stands
    /// there after all: the money goes where its payer meant it.
    pub completed: u64,
    /// Mistyped lines whose right reference is suggested first of the school's own.
    pub first: u64,
    /// Mistyped lines near which another school's reference happens to lie.
    pub others_near: u64,
    /// The most candidates that one line had.
    pub most_near: usize,
    /// Lines that ended otherwise than they must.
    pub failed: u64,
    /// The first of these in words.
    pub failures: Vec<String>,
    /// Over every line and what came of it.
    pub hash: String,
}

impl Outcome {
    fn fail(&mut self, what: &str, line: &str) {
        self.failed += 1;
        if self.failures.len() < MOST_TOLD {
            self.failures.push(format!("{what}: {line:?}"));
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "lines {} | whole {} | found {} | beside another {} | nobody's {} | completed {} | right one first {} | \
             other schools' near {} | most candidates {} | failures {}",
            self.lines,
            self.whole,
            self.found,
            self.beside,
            self.nobodys,
            self.completed,
            self.first,
            self.others_near,
            self.most_near,
            self.failed
        )
    }
}

/// Plays the lines of a part from one index on; `tell` hears how many are done.
pub fn play(part: Part, seed: u64, from: u64, cases: u64, issued: &Issued, mut tell: impl FnMut(u64)) -> Outcome {
    let mut outcome = Outcome::default();
    let mut hashes = String::new();
    let mut said = String::new();
    for index in from..from + cases {
        let mixed = index.wrapping_mul(0xD6E8_FEB8_6659_FD93) ^ (part as u64 + 1).wrapping_mul(0xA076_1D64_78BD_642F);
        let mut chance = Chance::new(seed ^ mixed);
        chance.bits();
        outcome.lines += 1;
        let (line, found) = match part {
            Part::Mangled => mangled(&mut chance, issued, &mut outcome),
            Part::Strange => strange(&mut chance, issued, &mut outcome),
            Part::Mistyped => mistyped(&mut chance, issued, &mut outcome),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(said, "{line}\t{found}");
        if outcome.lines % HASHED == 0 || index + 1 == from + cases {
            let _ = writeln!(hashes, "{}", token_hash(&said));
            said.clear();
            tell(outcome.lines);
        }
    }
    outcome.hash = token_hash(&hashes);
    outcome
}

fn found_in(line: &str) -> (Vec<PaymentReference>, String) {
    let found = PaymentReference::find_all(line);
    let said = found.iter().map(PaymentReference::as_str).collect::<Vec<_>>().join(" ");
    (found, said)
}

fn mangled(chance: &mut Chance, issued: &Issued, outcome: &mut Outcome) -> (String, String) {
    let right = chance.pick(&issued.references).clone();
    let mut line = Line::drawn(chance, right.as_str(), true).mangled(chance);
    if chance.below(4) == 0 {
        line = line.cut(chance);
    }
    let text = line.text();
    let (found, said) = found_in(&text);
    let is_found = found.contains(&right);
    let strangers = found.iter().filter(|other| **other != right).count();
    if line.holds_whole() {
        outcome.whole += 1;
        outcome.found += u64::from(is_found);
        outcome.beside += u64::from(strangers > 0);
        if !is_found {
            outcome.fail("not found", &text);
        }
    } else if is_found {
        outcome.fail("found although cut", &text);
    }
    if found.iter().any(|other| *other != right && issued.place(other).is_some()) {
        outcome.fail("another invoice's is found", &text);
    }
    (text, said)
}

fn strange(chance: &mut Chance, issued: &Issued, outcome: &mut Outcome) -> (String, String) {
    let typed = match chance.below(8) {
        0 => nobodys(chance, issued),
        1 | 2 => chatter::lookalike(chance),
        3 | 4 => chatter::words(chance),
        _ => String::new(),
    };
    let text = Line::drawn(chance, &typed, false).mangled(chance).text();
    let (found, said) = found_in(&text);
    outcome.nobodys += u64::from(!found.is_empty());
    if found.iter().any(|reference| issued.place(reference).is_some()) {
        outcome.fail("found although nobody wrote it", &text);
    }
    (text, said)
}

/// A reference with right check digits that no school has issued: another system of our kind may have.
fn nobodys(chance: &mut Chance, issued: &Issued) -> String {
    loop {
        match PaymentReference::of_letters(&chatter::letters(chance, chatter::OURS, 9)) {
            Some(reference) if issued.place(&reference).is_none() => return reference.to_string(),
            _ => {}
        }
    }
}

fn mistyped(chance: &mut Chance, issued: &Issued, outcome: &mut Outcome) -> (String, String) {
    let place = chance.below(issued.references.len());
    let Some(right) = issued.references.get(place) else { return Default::default() };
    let typed = slipped(chance, right);
    let text = Line::drawn(chance, &typed, false).mangled(chance).text();
    let (found, said) = found_in(&text);
    if found.iter().any(|other| other != right && issued.place(other).is_some()) {
        outcome.fail("another invoice's is found", &text);
    }
    if found.contains(right) {
        outcome.completed += 1;
        // Only a lost first or last symbol can be made good by a neighbour.
        if right.as_str().get(1..) != Some(typed.as_str()) && right.as_str().get(..12) != Some(typed.as_str()) {
            outcome.fail("a mistyped one is found", &text);
        }
        return (text, said);
    }
    outcome.nobodys += u64::from(!found.is_empty());
    let near = Near::find_all(&text);
    outcome.most_near = outcome.most_near.max(near.len());
    let is_others = |near: &&Near| issued.place(&near.reference).is_some() && !issued.is_beside(&near.reference, place);
    outcome.others_near += u64::from(near.iter().any(|near| is_others(&near)));
    let own = near.iter().find(|near| issued.is_beside(&near.reference, place));
    if own.is_some_and(|near| near.reference == *right) {
        outcome.first += 1;
    } else {
        outcome.fail(&format!("{right} is not suggested first"), &text);
    }
    (text, format!("{said} {}", own.map_or("", |near| near.reference.as_str())))
}

/// What becomes of a reference under a hand that slips once: never the reference itself.
fn slipped(chance: &mut Chance, right: &PaymentReference) -> String {
    // What stands beside the right key or looks like it, and any other.
    const TYPED: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789O0I1O0I1";
    loop {
        let mut typed: Vec<char> = right.as_str().chars().collect();
        let other = if chance.below(64) == 0 { 'Đ' } else { char::from(*chance.pick(TYPED)) };
        let place = chance.below(typed.len());
        match chance.pick(&Slip::ALL) {
            Slip::Wrong => typed[place] = other,
            Slip::Lost => drop(typed.remove(place)),
            Slip::Swapped if place > 0 => typed.swap(place - 1, place),
            Slip::Added if place > 0 => typed.insert(place, other),
            // Beside the first symbol stands a neighbour.
            Slip::Swapped | Slip::Added => {}
        }
        let typed: String = typed.into_iter().collect();
        // O for a zero and I for a one are read as meant, a doubled last letter is a neighbour: these are no slips.
        if PaymentReference::find_all(&typed).is_empty() {
            return typed;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A seed of its own: the long runs are played by the command.
    const SEED: u64 = 7;

    fn played(part: Part, cases: u64) -> Outcome {
        let issued = Issued::drawn(SEED, 5_000, 4);
        let outcome = play(part, SEED, 0, cases, &issued, |_| {});
        assert_eq!((outcome.failed, outcome.failures.as_slice()), (0, &[][..]));
        assert_eq!(outcome.lines, cases);
        outcome
    }

    #[test]
    fn a_reference_that_banks_mangled_is_found_wherever_it_still_stands() {
        let outcome = played(Part::Mangled, 3_000);
        assert_eq!(outcome.found, outcome.whole);
        assert!(outcome.whole > 2_500 && outcome.whole < outcome.lines, "{outcome}");
    }

    #[test]
    fn what_is_no_reference_leads_to_no_invoice() {
        let outcome = played(Part::Strange, 3_000);
        assert!(outcome.nobodys > 0, "some have right check digits by chance: {outcome}");
    }

    #[test]
    fn a_mistyped_reference_moves_nothing_and_the_right_one_is_suggested_first() {
        let outcome = played(Part::Mistyped, 2_000);
        assert_eq!(outcome.first + outcome.completed, outcome.lines);
        assert!(outcome.completed < outcome.lines / 50, "{outcome}");
    }

    #[test]
    fn the_same_seed_plays_the_same_lines_and_a_part_of_them_can_be_played_again() {
        let issued = Issued::drawn(SEED, 500, 1);
        let play = |from, cases| play(Part::Mangled, SEED, from, cases, &issued, |_| {});
        assert_eq!(play(0, 200), play(0, 200));
        assert_ne!(play(0, 200).hash, play(200, 200).hash);
        assert_eq!(play(0, 100).found + play(100, 100).found, play(0, 200).found);
    }
}
