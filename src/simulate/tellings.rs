//! Random days of a school's account: who pays what under which words, who tells of it how often and how late, and what
//! the bank's statement says in the end. Drawn from a seed, told in words, and played by [`super::converge`].
//!
//! **Invariants:** the same seed and index draw the same case; a payment reference that the payer wrote survives on the
//! statement in the order of its letters, as banks leave it when it stands first; a telling may be lost, doubled, late,
//! out of order and worded otherwise, but it is never of a transfer that did not happen.
//!
//! Deliberately absent: statements that cut a reference which a telling had whole. There the statement knows less than
//! the telling did, and two runs that heard differently cannot end alike.

use std::fmt;

use super::chance::Chance;
use crate::ids::PaymentReference;
use crate::time::{Day, Moment};

/// The letters of a reference.
const LETTERS: &[u8; 18] = b"BCFGHJKLMNPQRSTVXZ";
/// What families owe: few sums, so that transfers resemble each other.
const SUMS: [i64; 3] = [500_000, 1_315_000, 1_750_000];
/// Minutes of a day at which people pay: few, so that siblings meet; the last ones are booked tomorrow.
const MINUTES: [i64; 7] = [7 * 60, 9 * 60 + 14, 9 * 60 + 14, 12 * 60, 19 * 60 + 59, 22 * 60 + 40, 23 * 60 + 59];

/// A bank as it matters here: does its own number name a transfer for ever, and do webhook and statement share it?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AtBank {
    /// The BIN.
    pub bin: &'static str,
    /// Is the number of a transfer never given twice?
    pub is_unique: bool,
}

const BANKS: [AtBank; 3] = [
    AtBank { bin: "970407", is_unique: true },
    AtBank { bin: "970436", is_unique: false },
    AtBank { bin: "970416", is_unique: false },
];

/// An invoice of the case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Under which reference.
    pub reference: String,
    /// How much.
    pub amount: i64,
}

/// A transfer that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// How much; below zero when money left.
    pub amount: i64,
    /// When.
    pub at: Moment,
    /// The day the bank booked it.
    pub booked: Day,
    /// What the payer wrote.
    pub words: String,
    /// The bank's number on the webhook and on the statement.
    pub numbers: (String, String),
}

/// One telling of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Telling {
    /// Which connection tells.
    pub by: usize,
    /// Of which transfer.
    pub of: usize,
    /// How its words are changed on the way.
    pub style: usize,
}

/// What happens next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Somebody tells.
    Tell(Telling),
    /// The books are brought up to date.
    Settle,
    /// The program is started anew.
    Restart,
    /// A statement with these transfers is read.
    Statement(Vec<usize>),
    /// Somebody tells that the bank took back what this telling told of.
    Reverse(Telling),
    /// The accountant confirms what is told to be taken back.
    Confirm,
    /// The accountant has seen on the statement that this transfer went back, and takes its credit out of the books.
    TakeBack(usize),
}

/// A random day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// What it was drawn from.
    pub seed: u64,
    /// Which of the seed's cases it is.
    pub index: u64,
    /// The bank of the account.
    pub bank: AtBank,
    /// What families owe.
    pub asked: Vec<Asked>,
    /// What happened.
    pub transfers: Vec<Transfer>,
    /// Who tells, by the name of a provider.
    pub tellers: Vec<&'static str>,
    /// In this order.
    pub steps: Vec<Step>,
}

impl Case {
    /// The case of this seed and index.
    pub fn drawn(seed: u64, index: u64) -> Case {
        let mut chance = Chance::new(seed ^ index.wrapping_mul(0xD6E8_FEB8_6659_FD93));
        chance.bits();
        let bank = *chance.pick(&BANKS);
        let count = 1 + chance.below(4);
        let asked: Vec<Asked> = (0..count)
            .map(|at| Asked { reference: reference(seed, index, at as u64), amount: *chance.pick(&SUMS) })
            .collect();
        let mut transfers = transfers(&mut chance, bank, &asked, (seed, index));
        let mut tellers = vec!["sepay", "casso-v2", "payos"];
        chance.shuffle(&mut tellers);
        tellers.truncate(1 + chance.below(3));
        let taken_back = taken_back(&mut chance, &transfers);
        if let Some(of) = taken_back {
            transfers.push(going(&transfers[of], transfers.len()));
        }
        let steps = steps(&mut chance, &transfers, tellers.len(), taken_back);
        Case { seed, index, bank, asked, transfers, tellers, steps }
    }

    /// The same case without a telling: only what the statements say.
    #[must_use]
    pub fn untold(&self) -> Case {
        let mut untold = self.clone();
        untold.steps.retain(|step| !matches!(step, Step::Tell(_) | Step::Reverse(_) | Step::Confirm));
        untold
    }
}

/// A reference of its own for each invoice of every case: counting in the letters, scattered by an odd factor.
fn reference(seed: u64, index: u64, at: u64) -> String {
    let all = 18_u64.pow(9);
    let count = (seed % 1_000) * 10_000_000 + index * 10 + at;
    let mut left = u64::try_from(u128::from(count) * 77_777_777_777 % u128::from(all)).unwrap_or_default();
    let mut letters = String::new();
    for _ in 0..9 {
        letters.push(char::from(LETTERS[usize::try_from(left % 18).unwrap_or_default()]));
        left /= 18;
    }
    PaymentReference::of_letters(&letters).map_or(letters, |reference| reference.to_string())
}

fn transfers(chance: &mut Chance, bank: AtBank, asked: &[Asked], (seed, index): (u64, u64)) -> Vec<Transfer> {
    let first = Day::new(2026, 11, 16).map_or(Moment(0), Day::begins);
    let mut transfers = Vec::new();
    for at in 0..=chance.below(7) {
        let owed = chance.pick(asked).clone();
        let other = chance.pick(asked).reference.clone();
        let (amount, words) = match chance.below(12) {
            0..=4 => (owed.amount, owed.reference),
            5 => (owed.amount / 2, format!("{} hoc phi", owed.reference)),
            6 => (owed.amount + 100_000, format!("NGUYEN VAN A nop {}", owed.reference)),
            7 => (owed.amount, "NGUYEN VAN A chuyen tien".to_owned()),
            8 => (owed.amount, "hoc phi thang 11".to_owned()),
            9 => (owed.amount, reference(seed, index, 7)),
            10 if other != owed.reference => (owed.amount * 2, format!("{} {other}", owed.reference)),
            11 => (-owed.amount, "phi quan ly tai khoan".to_owned()),
            _ => (owed.amount, near(&owed.reference)),
        };
        let minutes = (i64::try_from(chance.below(3)).unwrap_or_default()) * 1_440 + *chance.pick(&MINUTES);
        let when = Moment(first.0 + minutes * 60_000 + i64::try_from(chance.below(2)).unwrap_or_default() * 7_000);
        let is_late = when.civil().hour() >= 22 && chance.below(2) == 0;
        let booked = if is_late { when.day().plus_days(1) } else { when.day() };
        let serial = (seed % 1_000) * 100_000_000 + index * 10 + at as u64;
        let numbers = if bank.is_unique {
            let number = format!("FT{:02}{:03}{serial:011}", 26, 320 + at);
            (number.clone(), number)
        } else {
            // As at Vietcombank and ACB: another number on the webhook, and a small one that begins anew each day.
            (format!("{}", 3_000 + at), format!("5243.{}", 10_000 + at))
        };
        transfers.push(Transfer { amount, at: when, booked, words, numbers });
    }
    transfers
}

/// A credit that the bank takes back, when there is one. It stands alone in its case: of two alike, one run would hear
/// that the first is gone before the second fills the invoice, and the other after it.
fn taken_back(chance: &mut Chance, transfers: &[Transfer]) -> Option<usize> {
    let of = chance.below(transfers.len());
    let one = transfers.get(of).filter(|one| one.amount > 0 && chance.below(4) == 0)?;
    let named = PaymentReference::find_all(&one.words);
    let is_like = |other: &Transfer| {
        let others = PaymentReference::find_all(&other.words);
        let shares = others.iter().any(|reference| named.contains(reference));
        shares || (named.is_empty() && others.is_empty() && other.amount == one.amount)
    };
    let alone = transfers.iter().enumerate().all(|(at, other)| at == of || !is_like(other));
    alone.then_some(of)
}

/// The money goes back the day after it was booked.
fn going(one: &Transfer, at: usize) -> Transfer {
    let booked = one.booked.plus_days(1);
    Transfer {
        amount: -one.amount,
        at: booked.begins().plus_ms(10 * 3_600_000),
        booked,
        words: format!("hoan tra {}", one.words),
        numbers: (format!("{}R", one.numbers.0), format!("5243.{}", 20_000 + at)),
    }
}

/// One letter changed: nobody's reference, because every single error is seen by the check digits.
fn near(reference: &str) -> String {
    let (head, last) = reference.split_at(reference.len() - 1);
    format!("{head}{}", if last == "B" { "C" } else { "B" })
}

/// Tellings in a random order with losses and retries, restarts among them, the statement before some of them.
fn steps(chance: &mut Chance, transfers: &[Transfer], tellers: usize, taken_back: Option<usize>) -> Vec<Step> {
    let mut steps = Vec::new();
    let told = transfers.len() - usize::from(taken_back.is_some());
    for by in 0..tellers {
        let lost = *chance.pick(&[0, 10, 30, 60, 100]);
        for of in 0..told {
            if chance.below(100) < lost {
                continue;
            }
            let style = chance.below(STYLES);
            let times = if chance.below(4) == 0 { 1 + chance.below(3) } else { 1 };
            steps.extend((0..times).map(|_| Step::Tell(Telling { by, of, style })));
            if taken_back == Some(of) && chance.below(3) > 0 {
                steps.push(Step::Reverse(Telling { by, of, style }));
            }
        }
    }
    if taken_back.is_some() && chance.below(2) == 0 {
        steps.extend([Step::Settle, Step::Confirm]);
    }
    // Mostly as it happened, sometimes in any order.
    if chance.below(3) == 0 {
        chance.shuffle(&mut steps);
    }
    for _ in 0..chance.below(3) {
        let at = chance.below(steps.len() + 1);
        steps.insert(at, if chance.below(3) == 0 { Step::Restart } else { Step::Settle });
    }
    let mut order: Vec<usize> = (0..transfers.len()).collect();
    order.sort_by_key(|at| (transfers[*at].booked, transfers[*at].at, *at));
    let statement_at = if chance.below(3) == 0 { chance.below(steps.len() + 1) } else { steps.len() };
    let mut files = vec![order.clone()];
    if chance.below(3) == 0 {
        let until = 1 + chance.below(order.len());
        files.insert(0, order[..until].to_vec());
    }
    if chance.below(4) == 0 {
        files.push(order);
    }
    for (offset, file) in files.into_iter().filter(|file| !file.is_empty()).enumerate() {
        steps.insert((statement_at + offset).min(steps.len()), Step::Statement(file));
    }
    steps.push(Step::Settle);
    steps.extend(taken_back.map(Step::TakeBack));
    steps
}

/// How many ways there are in which words change on their way.
const STYLES: usize = 6;

/// The payer's words as a connection tells them.
pub fn told(words: &str, style: usize) -> String {
    match style {
        0 => words.to_owned(),
        1 => words.to_uppercase(),
        2 => format!("MBVCB.6985532817.154278.{words}.CT tu 9413000000 NGUYEN VAN A toi 0011001932418 TRUONG TH"),
        3 => format!("115140912829-{words}-CHUYEN TIEN-OQCH0006Hkqg-MOMO115140912829MOMO"),
        4 => words.replace(' ', "  "),
        _ => format!("{words}   Ma giao dich  Trace783586 Trace 78358"),
    }
}

/// The same as the statement prints them: wrapped in the bank's own words, a blank where the line was broken.
pub fn printed(words: &str, bank: AtBank) -> String {
    match bank.bin {
        "970407" => {
            let at = words.char_indices().nth(7).map_or(words.len(), |(at, _)| at);
            format!("{} {}", &words[..at], &words[at..])
        }
        "970436" => format!("946732.161126.193350.{words} FT26320687437949"),
        _ => format!("{} GD 789604-161126 08:01:02", words.to_uppercase()),
    }
}

impl fmt::Display for Case {
    /// The story in words, for whoever looks for what went wrong.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unique = if self.bank.is_unique { "unique numbers" } else { "numbers that name nothing" };
        writeln!(
            f,
            "seed {} case {}: a bank with {unique}, told by {}",
            self.seed,
            self.index,
            self.tellers.join(", ")
        )?;
        for asked in &self.asked {
            writeln!(f, "  owed {} under {}", asked.amount, asked.reference)?;
        }
        for (at, one) in self.transfers.iter().enumerate() {
            writeln!(
                f,
                "  transfer {at}: {} at {}, booked {}: {}",
                one.amount,
                one.at.rfc3339(),
                one.booked,
                one.words
            )?;
        }
        for step in &self.steps {
            match step {
                Step::Tell(Telling { by, of, style }) => {
                    writeln!(f, "  {} tells of {of} in style {style}", self.tellers[*by])?;
                }
                Step::Settle => writeln!(f, "  the books are brought up to date")?,
                Step::Restart => writeln!(f, "  the program starts anew")?,
                Step::Reverse(Telling { by, of, .. }) => {
                    writeln!(f, "  {} tells that {of} is taken back", self.tellers[*by])?;
                }
                Step::Confirm => writeln!(f, "  the accountant confirms what is told to be taken back")?,
                Step::TakeBack(of) => writeln!(f, "  the accountant sees that {of} went back")?,
                Step::Statement(lines) => writeln!(f, "  a statement with {lines:?} is read")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_case_is_drawn_again_and_its_references_are_its_own() {
        assert_eq!(Case::drawn(1, 2), Case::drawn(1, 2));
        assert_ne!(Case::drawn(1, 2), Case::drawn(1, 3));
        let mut seen = HashSet::new();
        for index in 0..2_000 {
            for asked in Case::drawn(3, index).asked {
                assert!(PaymentReference::parse(&asked.reference).is_some(), "{}", asked.reference);
                assert!(seen.insert(asked.reference));
            }
        }
    }

    #[test]
    fn what_the_payer_wrote_survives_every_channel() {
        let reference = reference(1, 1, 1);
        let found = |memo: &str| PaymentReference::find_all(memo).iter().map(ToString::to_string).collect::<Vec<_>>();
        for words in [reference.clone(), format!("NGUYEN VAN A nop {reference}")] {
            for style in 0..STYLES {
                assert_eq!(found(&told(&words, style)), std::slice::from_ref(&reference), "style {style}");
            }
            for bank in BANKS {
                assert_eq!(found(&printed(&words, bank)), std::slice::from_ref(&reference), "{bank:?}");
            }
        }
        assert!(found(&near(&reference)).is_empty());
    }
}
