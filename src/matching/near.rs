//! What a held credit may be for: the unpaid invoices whose references are one symbol away from its text, and where
//! there are none, what to look for. Both are shown to a person and decide nothing.

use std::collections::{HashMap, HashSet};

use super::HoldReason;
use crate::fault::Result;
use crate::fees::Lifecycle;
use crate::fees::view::{self, InvoiceRow};
use crate::ids::Near;
use crate::inbox;
use crate::roll;
use crate::seal::Vault;
use crate::store::Store;
use crate::time::Day;

/// The word for a held credit that has a suggestion. It is derived when asked, never stored: an invoice that is issued
/// or paid later makes and unmakes it.
pub const NEAR_REFERENCE: &str = "near_reference";

/// So many suggestions are made for one credit.
const MOST_SUGGESTED: usize = 3;
/// So many words of a text are looked for.
const MOST_SOUGHT: usize = 12;

/// An invoice that may have been meant.
#[derive(Debug, Clone)]
pub struct Suggestion {
    /// What was typed, and which reference it may have been.
    pub near: Near,
    /// Its invoice: open, of the same school, not paid in full.
    pub invoice: InvoiceRow,
}

/// May the text of a credit held for this reason hold a mistyped reference?
pub fn may_be_near(reason: &str) -> bool {
    matches!(HoldReason::of_code(reason), Some(HoldReason::NoReference | HoldReason::UnknownReference))
}

/// For each of a school's credits that has any: its open invoices, not yet paid, whose references are one symbol away
/// from the credit's text, the likeliest first. The texts are opened for it and go nowhere; the references are looked
/// up by their index, all at once.
///
/// # Errors
/// Faults of the store.
pub async fn near(
    store: &Store,
    vault: &Vault,
    school_id: &str,
    credits: &[String],
) -> Result<HashMap<String, Vec<Suggestion>>> {
    let memos = inbox::open_memos(store, vault, credits).await?;
    let near: HashMap<&String, Vec<Near>> = memos.iter().map(|(id, memo)| (id, Near::find_all(memo))).collect();
    let asked: HashSet<String> = near.values().flatten().map(|near| near.reference.to_string()).collect();
    let asked: Vec<String> = asked.into_iter().collect();
    let rows = view::invoices_by_reference(store, school_id, &asked).await?;
    let unpaid = |row: &InvoiceRow| row.lifecycle == Lifecycle::Open && row.money.owed.is_positive();
    let rows: HashMap<String, InvoiceRow> =
        rows.into_iter().filter(unpaid).map(|row| (row.reference.clone(), row)).collect();
    let mut suggested = HashMap::new();
    for (id, near) in near {
        let found: Vec<Suggestion> = near
            .into_iter()
            .filter_map(|near| rows.get(near.reference.as_str()).map(|row| Suggestion { near, invoice: row.clone() }))
            .take(MOST_SUGGESTED)
            .collect();
        if !found.is_empty() {
            suggested.insert(id.clone(), found);
        }
    }
    Ok(suggested)
}

/// What of a text to look for among a school's pupils: a code that one of them has, else a name that one of them has,
/// else the first thing that looks like a name. Empty where there is nothing of the kind.
///
/// # Errors
/// Faults of the store.
pub async fn lead(store: &Store, school_id: &str, memo: &str, day: Day) -> Result<String> {
    let leads = Leads::of(memo);
    for code in &leads.codes {
        let found = roll::search(store, school_id, code, day, 5).await?;
        if let Some(pupil) = found.into_iter().find(|pupil| pupil.code.eq_ignore_ascii_case(code)) {
            return Ok(pupil.code);
        }
    }
    for name in &leads.names {
        if !roll::search(store, school_id, name, day, 1).await?.is_empty() {
            return Ok(name.clone());
        }
    }
    Ok(leads.guess)
}

/// The words of a text that may lead to a pupil.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Leads {
    /// Words with digits, as pupils' codes are.
    codes: Vec<String>,
    /// Words that begin with a family name, the most of them first: given names such as Nam or Tiến are what payers
    /// write beside names too, and the roll knows better.
    names: Vec<String>,
    /// The first of these, cut where the payer goes on.
    guess: String,
}

/// The family names of nearly everybody, folded.
const FAMILIES: [&str; 44] = [
    "nguyen", "tran", "le", "pham", "hoang", "huynh", "phan", "vu", "vo", "dang", "bui", "do", "ho", "ngo", "duong",
    "ly", "truong", "dinh", "luong", "trinh", "mai", "cao", "dao", "doan", "lam", "phung", "ta", "to", "thai", "ha",
    "kieu", "quach", "chau", "luu", "tang", "la", "giang", "vuong", "tong", "au", "nghiem", "khuat", "dam", "ninh",
];
/// What payers write beside a name.
const BESIDE: [&str; 28] = [
    "chuyen", "ck", "nop", "dong", "hoc", "phi", "tien", "lop", "thang", "cho", "con", "be", "em", "ung", "toi", "tu",
    "tai", "qua", "ma", "hp", "truong", "gui", "tt", "kk", "ky", "nam", "va", "tk",
];

impl Leads {
    fn of(memo: &str) -> Leads {
        let folded = roll::folded(memo);
        let is_code = |word: &&str| (4..=20).contains(&word.len()) && word.bytes().any(|byte| byte.is_ascii_digit());
        let codes = folded.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-').filter(is_code);
        let codes = codes.take(MOST_SOUGHT).map(str::to_owned).collect();
        let mut leads = Leads { codes, ..Leads::default() };
        for said in folded.split(|letter: char| !letter.is_alphabetic() && letter != ' ') {
            let words: Vec<&str> = said.split(' ').filter(|word| !word.is_empty()).collect();
            let mut at = 0;
            while at < words.len() && leads.names.len() < MOST_SOUGHT {
                at += leads.add_name(&words[at..]).max(1);
            }
        }
        leads
    }

    /// Adds the name at the beginning of these words, and says how many of them it took.
    fn add_name(&mut self, words: &[&str]) -> usize {
        let is_school = words.get(1).is_some_and(|next| ["tieu", "th", "thcs", "thpt", "mam", "mau"].contains(next));
        if is_school || !words.first().is_some_and(|first| FAMILIES.contains(first)) {
            return 0;
        }
        let named = words.iter().skip(1).take(4).take_while(|word| !BESIDE.contains(word)).count() + 1;
        self.names.extend((2..=words.len().min(5)).rev().map(|many| words[..many].join(" ")));
        if self.guess.is_empty() && named > 1 {
            self.guess = words[..named].join(" ");
        }
        named
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_codes_are_picked_out_of_what_banks_wrap_around_them() {
        let memo =
            "MBVCB.6985532817.154278.Nguyễn Thị Bình An nop hoc phi HS-0012.CT tu 9413 TRAN VAN B toi TRUONG TIEU HOC";
        let leads = Leads::of(memo);
        assert_eq!(leads.guess, "nguyen thi binh an");
        assert!(leads.names.contains(&"tran van b".to_owned()), "{leads:?}");
        assert!(!leads.names.iter().any(|name| name.starts_with("truong")), "{leads:?}");
        assert!(leads.codes.contains(&"hs-0012".to_owned()), "{leads:?}");
        assert_eq!(Leads::of("hoc phi thang 11"), Leads::default());
        let mistaken = Leads::of("le hoang nam nop tien");
        assert_eq!((mistaken.guess.as_str(), mistaken.names.len()), ("le hoang", 4));
        assert!(mistaken.names.contains(&"le hoang nam".to_owned()), "{mistaken:?}");
        let endless = Leads::of(&"nguyen van a, 12345 ".repeat(500));
        assert!(endless.codes.len() <= MOST_SOUGHT && endless.names.len() <= 2 * MOST_SOUGHT);
    }
}
