//! How far each statement file came: received, read, chained, matched, explained, sealed. All but the first and the
//! last are derived, so that a file goes on by itself when what it lacked is brought.

use std::collections::{HashMap, HashSet};

use super::cover::{self, Stretch};
use super::hole::{english, vietnamese};
use super::{missing, sql};
use crate::access::{Deed, trail_in};
use crate::fault::{Kind, OrFault, Refusal, Result};
use crate::money::Dong;
use crate::seal::Vault;
use crate::store::{Arg, Store, args, record, transact};
use crate::time::{Clock, Day, Moment};

/// How far back holes are asked for.
const DAYS: i64 = 60;
/// An id that stands after every file's.
const NEWEST: &str = "stm_~";

/// How far a file came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Not all of its lines are stored: the program stopped while it read. The same file again goes on.
    Received,
    /// Its lines are stored, but they do not follow one another, or not the files before them.
    Read,
    /// Every line of its days is there, as the balances prove.
    Chained,
    /// What its lines show was given to invoices, or waits for a person.
    Matched,
    /// Nothing of it waits for a person.
    Explained,
    /// A person said that it is done.
    Sealed,
}

impl State {
    /// `received`, `read`, `chained`, `matched`, `explained` or `sealed`.
    pub fn code(self) -> &'static str {
        match self {
            State::Received => "received",
            State::Read => "read",
            State::Chained => "chained",
            State::Matched => "matched",
            State::Explained => "explained",
            State::Sealed => "sealed",
        }
    }
}

record! {
    /// A file as it was brought.
    #[derive(Debug, Clone, PartialEq, Eq)]
    struct Brought {
        id: String,
        account_id: String,
        name_sealed: Vec<u8>,
        lines: i64,
        first_day: Option<Day>,
        last_day: Option<Day>,
        opening: Option<Dong>,
        closing: Option<Dong>,
        received_at: Moment,
        received_by: String,
        read_at: Option<Moment>,
        sealed_at: Option<Moment>,
        sealed_by: Option<String>,
        brought: i64,
        waiting: i64,
        held: i64,
    }
}

record! {
    /// A hole as it is stored, with the account of its file.
    #[derive(Debug, Clone, PartialEq, Eq)]
    struct StoredHole {
        file_id: String,
        account_id: String,
        after_row: Option<i64>,
        before_row: Option<i64>,
        from_at: Moment,
        to_at: Moment,
        from_day: Day,
        to_day: Day,
        missing: Dong,
        withheld: Option<Dong>,
        brought: Dong,
    }
}

impl StoredHole {
    /// Did other files bring what the balances on both sides ask for?
    fn is_filled(&self) -> bool {
        let wanted = self.missing.plus(self.withheld.unwrap_or(Dong::ZERO));
        wanted == Some(self.brought)
    }
}

/// Lines that no file has, as the balances around them tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// Of which account.
    pub account_id: String,
    /// The file that lacks them, or begins after them.
    pub file_id: String,
    /// The row before and the row after, when one file has both.
    pub rows: (Option<i64>, Option<i64>),
    /// The instant before.
    pub from: Moment,
    /// The instant after.
    pub to: Moment,
    /// What they come to; none when a balance is not printed.
    pub missing: Option<Dong>,
    /// The amount of the row after them, when that row was not believed and is not stored.
    pub withheld: Option<Dong>,
}

impl Gap {
    /// `thiếu từ 09:12 đến 11:40 ngày 14/10/2026`
    pub fn vietnamese(&self) -> String {
        vietnamese(self.from, self.to)
    }

    /// `missing from 09:12 to 11:40 on 14/10/2026`
    pub fn english(&self) -> String {
        english(self.from, self.to)
    }
}

/// A file and how far it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// `stm_…`
    pub id: String,
    /// Of which account.
    pub account_id: String,
    /// Its lines, those withheld left out.
    pub lines: i64,
    /// Those of them that no file before it had.
    pub brought: i64,
    /// The days of which it has every line; none where the balances do not prove it.
    pub days: Option<(Day, Day)>,
    /// The balance before its first line.
    pub opening: Option<Dong>,
    /// The balance after its last line.
    pub closing: Option<Dong>,
    /// When it was brought.
    pub received_at: Moment,
    /// Who brought it: a person, a key or `system`.
    pub received_by: String,
    /// Credits it brought that matching has not looked at yet.
    pub waiting: i64,
    /// Credits it brought that wait for a person, and those told for its days that it does not have.
    pub held: i64,
    /// What it lacks.
    pub gaps: Vec<Gap>,
    /// When a person said that it is done, and who.
    pub sealed: Option<(Moment, String)>,
    /// How far it came.
    pub state: State,
    name_sealed: Vec<u8>,
}

impl File {
    /// Does it lack no line between its first and its last?
    pub fn is_whole(&self) -> bool {
        !matches!(self.state, State::Received | State::Read)
    }

    /// The file's name as it was brought.
    ///
    /// # Errors
    /// A fault when its key was erased.
    pub async fn name(&self, vault: &Vault) -> Result<String> {
        vault.open_text(&self.name_sealed, &name_context(&self.id)).await
    }
}

/// The context a file's name is sealed under.
pub(super) fn name_context(file_id: &str) -> String {
    format!("file:{file_id}")
}

/// The files of a school, the newest first, after one of them (empty: from the newest).
///
/// # Errors
/// Faults of the store.
pub async fn files(store: &Store, school_id: &str, after: &str, limit: usize, today: Day) -> Result<Vec<File>> {
    let after = if after.is_empty() { NEWEST } else { after };
    let brought: Vec<Brought> =
        store.all(&sql::FILES, args![school_id, after, i64::try_from(limit).or_fault("count files")?]).await?;
    judged(store, school_id, brought, today).await
}

/// One file of a school.
///
/// # Errors
/// Faults of the store.
pub async fn file(store: &Store, school_id: &str, id: &str, today: Day) -> Result<Option<File>> {
    let brought: Option<Brought> = store.optional(&sql::FILE_OF_SCHOOL, args![school_id, id]).await?;
    Ok(judged(store, school_id, brought.into_iter().collect(), today).await?.pop())
}

/// What the files of a school lack within the last sixty days, the oldest first.
///
/// # Errors
/// Faults of the store.
pub async fn gaps(store: &Store, school_id: &str, today: Day) -> Result<Vec<Gap>> {
    let since = today.plus_days(-DAYS);
    let holes: Vec<StoredHole> = store.all(&sql::HOLES_SINCE, args![school_id, since]).await?;
    let accounts: Vec<String> = store.all(&sql::ACCOUNTS_WITH_FILES, args![school_id]).await?;
    let chains = Chains::of(store, accounts.iter().map(String::as_str)).await?;
    let mut found: Vec<Gap> = holes.iter().filter(|hole| !hole.is_filled()).map(Gap::of_hole).collect();
    found.extend(accounts.iter().flat_map(|account| chains.between(account)).filter(|gap| gap.to.day() >= since));
    found.sort_by_key(|gap| (gap.from, gap.to));
    // Two downloads of one day may lack the same lines.
    found.dedup_by(|one, other| {
        (one.from, one.to, &one.account_id, one.missing) == (other.from, other.to, &other.account_id, other.missing)
    });
    Ok(found)
}

impl Gap {
    fn of_hole(hole: &StoredHole) -> Gap {
        Gap {
            account_id: hole.account_id.clone(),
            file_id: hole.file_id.clone(),
            rows: (hole.after_row, hole.before_row),
            from: hole.from_at,
            to: hole.to_at,
            missing: Some(hole.missing),
            withheld: hole.withheld,
        }
    }

    fn between(account_id: &str, before: &Stretch, after: &Stretch) -> Gap {
        let balances = before.ends.1.zip(after.ends.0);
        Gap {
            account_id: account_id.to_owned(),
            file_id: after.file_id.clone(),
            rows: (None, None),
            from: before.last.begins(),
            to: after.first.begins(),
            missing: balances.and_then(|(closing, opening)| opening.checked_sub(closing)).map(Dong::new),
            withheld: None,
        }
    }
}

/// The files of accounts that follow one another.
struct Chains(HashMap<String, Vec<Stretch>>);

impl Chains {
    async fn of(store: &Store, accounts: impl Iterator<Item = &str>) -> Result<Chains> {
        let accounts: Vec<&str> = accounts.collect::<HashSet<_>>().into_iter().collect();
        Ok(Chains(cover::of_accounts(store, &sql::CHAINS, &accounts).await?))
    }

    /// What is missing between files of an account.
    fn between(&self, account_id: &str) -> Vec<Gap> {
        let pairs = self.0.get(account_id).map_or(&[][..], Vec::as_slice).windows(2);
        pairs.map(|pair| Gap::between(account_id, &pair[0], &pair[1])).collect()
    }
}

async fn judged(store: &Store, school_id: &str, brought: Vec<Brought>, today: Day) -> Result<Vec<File>> {
    let ids = brought.iter().map(|file| Arg::from(&file.id)).collect();
    let holes: Vec<StoredHole> = store.all_in(&sql::HOLES, ids).await?;
    let chains = Chains::of(store, brought.iter().map(|file| file.account_id.as_str())).await?;
    let absent = missing(store, school_id, today).await?;
    let files = brought.into_iter().map(|file| {
        let own: Vec<&StoredHole> = holes.iter().filter(|hole| hole.file_id == file.id).collect();
        let mut gaps: Vec<Gap> = own.iter().filter(|hole| !hole.is_filled()).map(|hole| Gap::of_hole(hole)).collect();
        gaps.extend(chains.between(&file.account_id).into_iter().filter(|gap| gap.file_id == file.id));
        let is_absent = |credit: &&super::Missing| {
            let days = file.first_day.zip(file.last_day);
            credit.account_id == file.account_id
                && days.is_some_and(|(first, last)| first <= credit.day && credit.day <= last)
        };
        let absent = i64::try_from(absent.iter().filter(is_absent).count()).unwrap_or(i64::MAX);
        // Without balances nothing says that all is there.
        let is_proved = file.opening.is_some() && file.closing.is_some();
        file.judge(gaps, absent, is_proved)
    });
    Ok(files.collect())
}

impl Brought {
    fn judge(self, gaps: Vec<Gap>, absent: i64, is_proved: bool) -> File {
        let sealed = self.sealed_at.zip(self.sealed_by);
        let held = self.held.saturating_add(absent);
        let state = match () {
            () if self.read_at.is_none() => State::Received,
            () if sealed.is_some() => State::Sealed,
            () if !gaps.is_empty() || !is_proved => State::Read,
            () if self.waiting > 0 => State::Chained,
            () if held > 0 => State::Matched,
            () => State::Explained,
        };
        File {
            id: self.id,
            account_id: self.account_id,
            lines: self.lines,
            brought: self.brought,
            days: self.first_day.zip(self.last_day),
            opening: self.opening,
            closing: self.closing,
            received_at: self.received_at,
            received_by: self.received_by,
            waiting: self.waiting,
            held,
            gaps,
            sealed,
            state,
            name_sealed: self.name_sealed,
        }
    }
}

record! {
    /// A line of a file and what became of it.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct FileLine {
        /// `lin_…`
        pub id: String,
        /// The row as a spreadsheet numbers it.
        pub file_row: i64,
        /// The day it was booked.
        pub day: Day,
        /// When the payer acted, as far as the file says it.
        pub value_at: Moment,
        /// Positive: money came.
        pub amount: Dong,
        /// The balance afterwards.
        pub balance: Option<Dong>,
        /// The bank's number.
        pub reference: String,
        /// The credit it shows; none for money that left.
        pub credit_id: Option<String>,
        /// What was decided about that last; none while it waits.
        pub kind: Option<String>,
        /// Why it is held.
        pub reason: Option<String>,
        /// The invoice it is on.
        pub invoice_id: Option<String>,
    }
}

/// The lines that a file brought, after a row.
///
/// # Errors
/// Faults of the store.
pub async fn lines_of(store: &Store, file_id: &str, after_row: i64, limit: usize) -> Result<Vec<FileLine>> {
    let limit = i64::try_from(limit).or_fault("count lines")?;
    store.all(&sql::FILE_LINES, args![file_id, after_row, limit]).await
}

/// A person says that all of a file is explained.
///
/// # Errors
/// Absent; refused while something of it is missing or waits; faults of the store.
pub async fn seal(store: &Store, clock: &Clock, school_id: &str, id: &str, actor: &str) -> Result<()> {
    let now = clock.now();
    let found = file(store, school_id, id, now.day()).await?.ok_or_else(Refusal::absent)?;
    match found.state {
        State::Sealed => return Ok(()),
        State::Explained => {}
        _ => return Err(not_explained().into()),
    }
    transact!(store, |tx| async {
        // Money may have been set free meanwhile.
        let still: Option<Brought> = tx.optional(&sql::FILE_OF_SCHOOL, args![school_id, id]).await?;
        if still.is_none_or(|still| still.held + still.waiting > 0) {
            return Err(not_explained().into());
        }
        if tx.insert_many(&sql::KEEP_STEP, vec![args![id, "sealed", now, actor]]).await? > 0 {
            let deed = Deed {
                actor,
                action: "statement.sealed",
                about: id,
                school_id: Some(school_id),
                detail: &found.account_id,
            };
            trail_in(tx, now, &deed).await?;
        }
        Ok(())
    }
    .await)
}

fn not_explained() -> Refusal {
    Refusal::new(
        Kind::Conflict,
        "statement-not-explained",
        "Sao kê này còn thiếu dòng hoặc còn khoản chờ xử lý, nên chưa chốt được.",
        "This statement lacks lines or has money that waits for a person, so it cannot be sealed yet.",
    )
}
