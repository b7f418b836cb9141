//! Who is at school, and who watches over the school: the dated tree of authorities, schools with the accounts
//! parents pay into, classes, pupils, families and guardians, and the roster files they come from.
//!
//! **Invariants:** a school's receiving account never changes in place, a new one is a new row; membership of a
//! class is dated, so that last month's class is still known; guardians who share a telephone at one school are
//! one family, and a family belongs to one school; a roster with a wrong cell
//! stores nothing, and sending one again changes nothing.
//!
//! Deliberately absent: marks, addresses, personal identity numbers and everything else the sector database keeps:
//! the roll is a copy for collecting fees, not a second master.

mod biff;
pub mod first_day;
pub mod header;
pub mod import;
mod legacy;
mod markup;
pub mod reading;
mod roster;
pub mod setup;
pub mod sheet;
mod sql;
mod workbook;

use std::collections::HashMap;

use unicode_normalization::UnicodeNormalization;

pub use sql::ALL;

use crate::fault::{Kind, Refusal, Result};
use crate::store::{Arg, Store, args, record};
use crate::time::{Day, Moment};

/// The schools an authority watches over on a day: its own, and those of every authority below it.
///
/// # Errors
/// Faults of the store.
pub async fn schools_under(store: &Store, authority_id: &str, day: Day) -> Result<Vec<School>> {
    store.all(&sql::SCHOOLS_UNDER, args![authority_id, day]).await
}

/// An authority and every one below it on a day, by code.
///
/// # Errors
/// Faults of the store.
pub async fn authorities_under(store: &Store, authority_id: &str, day: Day) -> Result<Vec<Authority>> {
    store.all(&sql::AUTHORITIES_UNDER, args![authority_id, day]).await
}

record! {
    /// Sở, ward or commune. The kind is a word, because levels come and go.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Authority {
        /// `aut_…`
        pub id: String,
        /// The code it is known by.
        pub code: String,
        /// Its full name.
        pub name: String,
        /// `doet`, `ward`, `commune`, …
        pub kind: String,
    }
}

record! {
    /// A school: the legal unit that is paid.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct School {
        /// `sch_…`
        pub id: String,
        /// The sector's code.
        pub code: String,
        /// Its full name.
        pub name: String,
        /// `preschool`, `primary`, `lower_secondary`, `upper_secondary` or `continuing`.
        pub level: String,
        /// `public`, `community` or `private`.
        pub ownership: String,
        /// For its papers.
        pub address: String,
        /// Whom a parent may ring.
        pub phone: String,
        /// Mã ĐVQHNS; private schools have none.
        pub budget_code: Option<String>,
        /// The electronic id that stands in the QR.
        pub merchant_id: Option<String>,
        /// ISO 18245.
        pub mcc: Option<String>,
        /// City in the QR, ASCII.
        pub city: Option<String>,
        /// How its papers read amounts aloud: `hanoi` or `southern`.
        pub reading: String,
    }
}

record! {
    /// An account parents pay into.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct ReceivingAccount {
        /// `acc_…`
        pub id: String,
        /// Whose it is.
        pub school_id: String,
        /// The bank's BIN, six digits.
        pub bank_bin: String,
        /// The account's number.
        pub number: String,
        /// The holder's name as the bank writes it.
        pub holder: String,
        /// Since when it is used.
        pub opened_at: Moment,
        /// When somebody stopped it in a hurry.
        pub frozen_at: Option<Moment>,
        /// When it was given up.
        pub ended_at: Option<Moment>,
    }
}

impl ReceivingAccount {
    /// May new invoices name this account?
    pub fn is_usable(&self) -> bool {
        self.frozen_at.is_none() && self.ended_at.is_none()
    }
}

record! {
    /// A class in one school year.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct ClassGroup {
        /// `cls_…`
        pub id: String,
        /// Its school.
        pub school_id: String,
        /// `2026-2027`
        pub school_year: String,
        /// `3A`
        pub name: String,
        /// The level whose prices apply.
        pub level: String,
    }
}

record! {
    /// A pupil.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Pupil {
        /// `pup_…`
        pub id: String,
        /// The school.
        pub school_id: String,
        /// Whose credit balance a surplus goes to.
        pub family_id: String,
        /// The sector's code, unique at the school.
        pub code: String,
        /// As it stands in the roster, NFC.
        pub full_name: String,
        /// For searching: ASCII, lower case.
        pub folded_name: String,
        /// When it is known.
        pub birth_day: Option<Day>,
        /// The last day at school.
        pub left_day: Option<Day>,
    }
}

impl Pupil {
    /// The name as a page may show it before a second fact is given: `Nguyễn V. A.`
    pub fn short_name(&self) -> String {
        let mut words = self.full_name.split_whitespace();
        let mut short = words.next().unwrap_or_default().to_owned();
        for word in words {
            short.push(' ');
            short.extend(word.chars().next());
            short.push('.');
        }
        short
    }
}

record! {
    /// Somebody who answers for a pupil.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Guardian {
        /// `gua_…`
        pub id: String,
        /// The family.
        pub family_id: String,
        /// As it stands in the roster.
        pub full_name: String,
        /// Ten digits, when known.
        pub phone: Option<String>,
        /// `cha`, `mẹ`, …, as the roster says.
        pub relation: Option<String>,
    }
}

record! {
    /// A pupil found by name or code.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Found {
        /// `pup_…`
        pub id: String,
        /// The pupil's code.
        pub code: String,
        /// The pupil's name.
        pub full_name: String,
        /// The present class, when there is one.
        pub class_name: Option<String>,
    }
}

/// Something wrong in one cell of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellProblem {
    /// `B7`; with the sheet's name before it when the file has several: `3A!B7`.
    pub cell: String,
    /// What is wrong, in Vietnamese.
    pub vi: String,
    /// What is wrong, in English.
    pub en: String,
    /// What was probably meant.
    pub suggestion: Option<String>,
    /// Nothing is stored while it stands; the others are notices.
    pub blocking: bool,
}

impl CellProblem {
    /// A blocking problem.
    pub fn new(cell: String, vi: &str, en: &str) -> CellProblem {
        CellProblem { cell, vi: vi.to_owned(), en: en.to_owned(), suggestion: None, blocking: true }
    }

    /// A notice: something was mended or left out.
    pub fn notice(cell: String, vi: &str, en: &str) -> CellProblem {
        CellProblem { blocking: false, ..CellProblem::new(cell, vi, en) }
    }

    /// The same with what was probably meant.
    #[must_use]
    pub fn suggesting(self, suggestion: String) -> CellProblem {
        CellProblem { suggestion: Some(suggestion), ..self }
    }
}

/// The refusal of a file with blocking problems, which it lists.
pub fn refused_cells(problems: &[CellProblem]) -> Refusal {
    let refusal = Refusal::new(
        Kind::Meaning,
        "file-has-errors",
        "Tệp có ô sai nên chưa ghi gì cả. Hãy sửa các ô sau rồi gửi lại.",
        "The file has wrong cells, so nothing was stored. Please mend these and send it again.",
    );
    let blocking = problems.iter().filter(|problem| problem.blocking);
    blocking.fold(refusal, |refusal, problem| {
        let hint = |text: &str| match &problem.suggestion {
            Some(suggestion) => format!("{text} → {suggestion}"),
            None => text.to_owned(),
        };
        refusal.at(&problem.cell, hint(&problem.vi), hint(&problem.en))
    })
}

/// The levels a school, a class or a price may have, as they are stored.
pub const LEVELS: [&str; 5] = ["preschool", "primary", "lower_secondary", "upper_secondary", "continuing"];

/// A school by the code its people know.
///
/// # Errors
/// Faults of the store.
pub async fn school_by_code(store: &Store, code: &str) -> Result<Option<School>> {
    store.optional(&sql::SCHOOL_BY_CODE, args![code.trim()]).await
}

/// A school by its id.
///
/// # Errors
/// Faults of the store.
pub async fn school(store: &Store, id: &str) -> Result<Option<School>> {
    store.optional(&sql::SCHOOL, args![id]).await
}

/// Every school here.
///
/// # Errors
/// Faults of the store.
pub async fn schools(store: &Store) -> Result<Vec<School>> {
    store.all(&sql::SCHOOLS, args![]).await
}

/// How many schools are here.
///
/// # Errors
/// Faults of the store.
pub async fn count_schools(store: &Store) -> Result<i64> {
    store.one(&sql::COUNT_SCHOOLS, args![]).await
}

/// An authority by its code.
///
/// # Errors
/// Faults of the store.
pub async fn authority_by_code(store: &Store, code: &str) -> Result<Option<Authority>> {
    store.optional(&sql::AUTHORITY_BY_CODE, args![code.trim()]).await
}

/// An authority by its id.
///
/// # Errors
/// Faults of the store.
pub async fn authority(store: &Store, id: &str) -> Result<Option<Authority>> {
    store.optional(&sql::AUTHORITY, args![id]).await
}

/// Every account a school was ever paid into, the newest last.
///
/// # Errors
/// Faults of the store.
pub async fn accounts_of(store: &Store, school_id: &str) -> Result<Vec<ReceivingAccount>> {
    store.all(&sql::ACCOUNTS_OF, args![school_id]).await
}

/// Every account that these schools were ever paid into, by school.
///
/// # Errors
/// Faults of the store.
pub async fn accounts_of_schools(store: &Store, ids: &[&str]) -> Result<HashMap<String, Vec<ReceivingAccount>>> {
    let keys = ids.iter().map(|id| Arg::from(*id)).collect();
    let mut of: HashMap<String, Vec<ReceivingAccount>> = HashMap::new();
    for account in store.all_in::<ReceivingAccount>(&sql::ACCOUNTS_OF_SCHOOLS, keys).await? {
        of.entry(account.school_id.clone()).or_default().push(account);
    }
    Ok(of)
}

/// One receiving account.
///
/// # Errors
/// Faults of the store.
pub async fn account(store: &Store, id: &str) -> Result<Option<ReceivingAccount>> {
    store.optional(&sql::ACCOUNT, args![id]).await
}

/// The receiving account with this number at this bank.
///
/// # Errors
/// Faults of the store.
pub async fn account_by_number(store: &Store, bank_bin: &str, number: &str) -> Result<Option<ReceivingAccount>> {
    store.optional(&sql::ACCOUNT_BY_NUMBER, args![bank_bin, number]).await
}

/// A school's pupils in the order of their ids, after one (or from the first, after an empty id).
///
/// # Errors
/// Faults of the store.
pub async fn pupils_after(store: &Store, school_id: &str, after: &str, limit: i64) -> Result<Vec<Pupil>> {
    store.all(&sql::PUPILS_AFTER, args![school_id, after, limit]).await
}

/// The school years that have classes, the newest first.
///
/// # Errors
/// Faults of the store.
pub async fn school_years_of(store: &Store, school_id: &str) -> Result<Vec<String>> {
    store.all(&sql::YEARS_OF, args![school_id]).await
}

/// The classes of a school year, in the order people count them: 3A before 10A.
///
/// # Errors
/// Faults of the store.
pub async fn classes_of(store: &Store, school_id: &str, school_year: &str) -> Result<Vec<ClassGroup>> {
    let mut classes: Vec<ClassGroup> = store.all(&sql::CLASSES_OF, args![school_id, school_year]).await?;
    classes.sort_by_cached_key(|class| natural_key(&class.name));
    Ok(classes)
}

/// One class.
///
/// # Errors
/// Faults of the store.
pub async fn class_group(store: &Store, id: &str) -> Result<Option<ClassGroup>> {
    store.optional(&sql::CLASS, args![id]).await
}

/// The pupils who sit in a class on a day, by name.
///
/// # Errors
/// Faults of the store.
pub async fn pupils_of(store: &Store, class_group_id: &str, day: Day) -> Result<Vec<Pupil>> {
    store.all(&sql::PUPILS_OF, args![class_group_id, day]).await
}

/// One pupil.
///
/// # Errors
/// Faults of the store.
pub async fn pupil(store: &Store, id: &str) -> Result<Option<Pupil>> {
    store.optional(&sql::PUPIL, args![id]).await
}

/// Pupils by their ids, in no order.
///
/// # Errors
/// Faults of the store.
pub async fn pupils_by_id(store: &Store, ids: &[String]) -> Result<Vec<Pupil>> {
    store.all_in(&sql::PUPILS_BY_ID, ids.iter().map(Into::into).collect()).await
}

/// The class a pupil sits in on a day.
///
/// # Errors
/// Faults of the store.
pub async fn class_of(store: &Store, pupil_id: &str, day: Day) -> Result<Option<ClassGroup>> {
    store.optional(&sql::CLASS_OF_PUPIL, args![pupil_id, day]).await
}

/// The guardians of a family.
///
/// # Errors
/// Faults of the store.
pub async fn guardians_of(store: &Store, family_id: &str) -> Result<Vec<Guardian>> {
    store.all(&sql::GUARDIANS_OF, args![family_id]).await
}

/// The pupils of a family.
///
/// # Errors
/// Faults of the store.
pub async fn pupils_of_family(store: &Store, family_id: &str) -> Result<Vec<Pupil>> {
    store.all(&sql::PUPILS_OF_FAMILY, args![family_id]).await
}

/// So many letters of what somebody looks for count.
const MOST_SEARCHED: usize = 100;

/// Pupils of a school whose name holds the words, accents or not, or whose code begins with them.
///
/// # Errors
/// Faults of the store.
pub async fn search(store: &Store, school_id: &str, words: &str, day: Day, limit: i64) -> Result<Vec<Found>> {
    // A longer pattern than this SQLite refuses to look for, and nobody has such a name.
    let folded = folded(&words.chars().filter(|letter| *letter != '\0').take(MOST_SEARCHED).collect::<String>());
    if folded.is_empty() {
        return Ok(Vec::new());
    }
    let literal = folded.replace('!', "!!").replace('%', "!%").replace('_', "!_");
    let name = format!("%{literal}%");
    let code = format!("{}%", literal.replace(' ', ""));
    store.all(&sql::SEARCH, args![school_id, name, code, day, limit]).await
}

/// A Vietnamese text as a search key: ASCII, lower case, single blanks.
pub fn folded(text: &str) -> String {
    let plain: String = text
        .nfkd()
        .filter(|letter| !unicode_normalization::char::is_combining_mark(*letter))
        .map(|letter| match letter {
            'đ' | 'Đ' => 'd',
            other => other,
        })
        .flat_map(char::to_lowercase)
        .collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The school year a day lies in: it turns on 1 July, when the old one is closed and rosters of the new one appear.
pub fn school_year_of(day: Day) -> String {
    let (year, month) = (day.0.year(), day.0.month());
    let first = if month >= 7 { year } else { year - 1 };
    format!("{first}-{}", first + 1)
}

/// Six places, with zeros before the digits.
fn padded(digits: &str) -> impl Iterator<Item = char> {
    std::iter::repeat_n('0', 6_usize.saturating_sub(digits.len())).chain(digits.chars())
}

/// A key that sorts `3A` before `10A`: runs of digits padded to one width.
pub fn natural_key(name: &str) -> String {
    let mut key = String::new();
    let mut digits = String::new();
    for letter in name.chars() {
        if letter.is_ascii_digit() {
            digits.push(letter);
            continue;
        }
        if !digits.is_empty() {
            key.extend(padded(&digits));
            digits.clear();
        }
        key.extend(letter.to_lowercase());
    }
    if !digits.is_empty() {
        key.extend(padded(&digits));
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_folded_for_searching() {
        assert_eq!(folded("  Nguyễn  Đức\u{a0}Ước "), "nguyen duc uoc");
        assert_eq!(folded("Lê Thị Ngọc Ánh"), folded("le thi ngoc anh"));
    }

    #[test]
    fn a_school_year_turns_in_july() {
        let year = |text: &str| school_year_of(Day::parse(text).expect("a day"));
        assert_eq!(year("2026-06-30"), "2025-2026");
        assert_eq!(year("2026-07-01"), "2026-2027");
        assert_eq!(year("2027-01-15"), "2026-2027");
    }

    #[test]
    fn classes_sort_as_people_count() {
        let mut names = vec!["10A1", "3B", "3A", "10A", "1A"];
        names.sort_by_cached_key(|name| natural_key(name));
        assert_eq!(names, ["1A", "3A", "3B", "10A", "10A1"]);
    }

    #[test]
    fn a_name_is_shortened_before_a_second_fact_is_given() {
        let pupil = Pupil {
            id: String::new(),
            school_id: String::new(),
            family_id: String::new(),
            code: String::new(),
            full_name: "Nguyễn Văn Ánh".to_owned(),
            folded_name: String::new(),
            birth_day: None,
            left_day: None,
        };
        assert_eq!(pupil.short_name(), "Nguyễn V. Á.");
    }
}
