//! From a file to stored lines and shown credits, in chunks that may be cut off and run again.

use std::collections::{HashMap, HashSet};

use sha2::{Digest, Sha256};

use super::files::name_context;
use super::read::{Hole, Statement, StatementLine, read_all};
use super::sql;
use crate::access::{Deed, trail_in};
use crate::aside::aside;
use crate::fault::{Kind, OrFault, Refusal, Result};
use crate::ids;
use crate::inbox::{self, Likeness, Round};
use crate::roll::ReceivingAccount;
use crate::seal::{DataKey, Vault};
use crate::store::{Arg, Fence, Store, Tx, args, record, transact};
use crate::time::{Clock, Day, Moment};

/// Lines in one transaction: the one writer of SQLite is held for some milliseconds.
const CHUNK: usize = 400;
/// How many days at most lie between the days of two layouts, or between a payer's day and the books' over a holiday.
const NUMBER_DAYS_APART: i64 = 20;
/// How many days a layout that prints the payer's day is apart from one that prints the day of the books.
const DAYS_APART: i64 = 4;
/// How many days ahead of today a line may be booked.
const LATEST_AHEAD: i64 = 10;
/// How long one file may take; a program that dies while reading one keeps the next waiting so long.
const HOLD_MS: i64 = 120_000;

/// A file somebody brings.
#[derive(Debug, Clone, Default)]
pub struct Upload {
    /// Bank and number, when the file does not say whose statement it is.
    pub account: Option<(String, String)>,
    /// The school that brings it, `sch_…`; another school's statement is then refused.
    pub school: Option<String>,
    /// Its name.
    pub filename: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Who brings it.
    pub actor: String,
}

/// What a file did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Lines that were not known before, money in and out.
    pub new: usize,
    /// Credits that had been told of and are now shown.
    pub met: usize,
    /// Credits nobody had told of, found now.
    pub found: usize,
    /// Lines that an earlier file had brought.
    pub already: usize,
    /// The last day it tells of; none for a file without lines.
    pub last_day: Option<Day>,
    /// The file as it is kept, `stm_…`.
    pub file_id: String,
    /// Where it lacks lines.
    pub holes: Vec<Hole>,
}

/// A file as it was read.
struct Brought<'a> {
    upload: &'a Upload,
    keyed: Vec<Keyed>,
    /// The days of which every line is here.
    complete: Option<(Day, Day)>,
    /// The balances before the first line and after the last, where they are printed.
    ends: (Option<i64>, Option<i64>),
    /// Where lines are missing.
    holes: Vec<Hole>,
}

/// A line with its key, ready to be stored.
struct Keyed {
    line: StatementLine,
    key: String,
    likeness: Likeness,
}

/// Reads a file, stores the lines that are new, and shows or makes their credits.
///
/// # Errors
/// Refused with the cell or the row, nothing stored: a file that cannot be read, an account that is not ours, a balance
/// that breaks, or lines that an earlier file has otherwise.
pub async fn import(store: &Store, vault: &Vault, clock: &Clock, upload: &Upload) -> Result<Summary> {
    let (file, name) = (upload.bytes.clone(), upload.filename.clone());
    let statement = chosen(aside(move || read_all(&file, &name)).await?, upload)?;
    let account = account_of(store, upload, &statement).await?;
    check_days(&statement, clock.now().day())?;
    let (complete, ends) = (statement.complete, (statement.opening, statement.closing));
    let (keyed, holes) = (keyed(vault, statement.lines), statement.holes);
    // One file of an account after the other, in all processes: what one has stored the next must find.
    let name = format!("statement:{}", account.id);
    let turn = Fence::take(store, &name, &ids::new_id("imp"), HOLD_MS).await?.ok_or_else(at_work)?;
    let file = Brought { upload, keyed, complete, ends, holes };
    let kept = keep(store, vault, clock, &file, &account, &turn).await;
    if let Err(error) = turn.end(store).await {
        // What was kept is kept; the next file of this account waits until the turn is over by itself.
        tracing::warn!(%error, "the turn of a statement was not given back");
    }
    kept
}

async fn keep(
    store: &Store,
    vault: &Vault,
    clock: &Clock,
    brought: &Brought<'_>,
    account: &ReceivingAccount,
    turn: &Fence,
) -> Result<Summary> {
    let Brought { upload, keyed, .. } = brought;
    let now = clock.now();
    let mut already = check_overlap(store, account, keyed).await?;
    let key = vault.key_of(&format!("deliveries:{}", account.school_id)).await?;
    let file = file_row(&key, account, brought, now)?;
    let file_id: String = transact!(store, |tx| async {
        turn.check_in(tx).await?;
        let is_new = tx.insert_many(&sql::KEEP_FILE, vec![file.row.clone()]).await? > 0;
        let file_id: String = tx.one(&sql::FILE, args![&account.id, &file.sha256]).await?;
        if is_new {
            let (school_id, detail) = (Some(account.school_id.as_str()), account.id.as_str());
            let deed = Deed { actor: &upload.actor, action: "statement.imported", about: &file_id, school_id, detail };
            trail_in(tx, now, &deed).await?;
        }
        tx.insert_many(&sql::KEEP_HOLES, hole_rows(&file_id, &brought.holes)?).await?;
        Result::<String>::Ok(file_id)
    }
    .await)?;
    let last_day = keyed.iter().map(|keyed| keyed.line.day).max();
    let first_day = brought.complete.map(|(first, _)| first);
    let first_day = keyed.iter().map(|keyed| keyed.line.day).chain(first_day).min();
    let mut summary = Summary {
        already: already.len(),
        last_day,
        file_id: file_id.clone(),
        holes: brought.holes.clone(),
        ..Summary::default()
    };
    let mut fresh: Vec<&Keyed> = keyed.iter().filter(|keyed| already.insert(keyed.key.clone())).collect();
    summary.new = fresh.len();
    for round in [Round::Sure, Round::Rest] {
        let mut left = Vec::new();
        for chunk in fresh.chunks(CHUNK) {
            let ready = Ready::new(&key, account, (&file_id, first_day), chunk)?;
            let (proved, places) = transact!(store, |tx| ready.keep_in(tx, vault, account, turn, round, now).await)?;
            summary.met += proved.met;
            summary.found += proved.new;
            left.extend(places.into_iter().map(|at| chunk[at]));
        }
        fresh = left;
    }
    // Only now does the file count as one that covers its days: until then a line that is not stored proves nothing.
    transact!(store, |tx| async {
        turn.check_in(tx).await?;
        tx.insert_many(&sql::KEEP_STEP, vec![args![&file_id, "read", now, &upload.actor]]).await.map(drop)
    }
    .await)?;
    Ok(summary)
}

fn hole_rows(file_id: &str, holes: &[Hole]) -> Result<Vec<Vec<Arg>>> {
    let row = |row: Option<usize>| row.map(i64::try_from).transpose().or_fault("count rows");
    let rows = holes.iter().enumerate().map(|(place, hole)| {
        let place = i64::try_from(place).or_fault("count holes")?;
        let withheld = hole.withheld.as_ref().map(|line| line.amount);
        Ok(args![
            file_id,
            place,
            row(hole.after_row)?,
            row(hole.before_row)?,
            hole.from,
            hole.to,
            hole.from.day(),
            hole.to.day(),
            hole.missing,
            withheld
        ])
    });
    rows.collect()
}

fn at_work() -> Refusal {
    Refusal::new(
        Kind::Conflict,
        "statement-at-work",
        "Một sao kê khác của tài khoản này đang được đọc. Xin chờ một phút rồi gửi lại.",
        "Another statement of this account is being read. Please wait a minute and send it again.",
    )
}

/// A chunk of lines, sealed before its transaction begins.
struct Ready {
    rows: Vec<Vec<Arg>>,
    incoming: Vec<inbox::Line>,
    /// Where each incoming line stands among the rows.
    places: Vec<usize>,
}

impl Ready {
    fn new(
        key: &DataKey,
        account: &ReceivingAccount,
        (file_id, file_begins): (&str, Option<Day>),
        lines: &[&Keyed],
    ) -> Result<Ready> {
        let mut ready = Ready { rows: Vec::new(), incoming: Vec::new(), places: Vec::new() };
        for (place, Keyed { line, key: chain_key, likeness }) in lines.iter().enumerate() {
            let line_id = ids::new_id("lin");
            let row = i64::try_from(line.row).or_fault("number a row")?;
            let memo = key.seal(line.text.as_bytes(), &memo_context(&line_id))?;
            ready.rows.push(args![
                &line_id,
                file_id,
                &account.id,
                row,
                line.day,
                line.at,
                line.amount,
                line.balance,
                &line.reference,
                memo,
                chain_key
            ]);
            if line.amount <= 0 {
                continue;
            }
            let credit_id = ids::new_id("crd");
            let unique = inbox::bank_reference(&account.bank_bin, &line.reference, false);
            ready.places.push(place);
            ready.incoming.push(inbox::Line {
                day: line.day,
                file_begins: file_begins.unwrap_or(line.day),
                value_at: line.at,
                amount: line.amount,
                reference_is_unique: unique.is_some(),
                reference: unique.or_else(|| inbox::bank_reference(&account.bank_bin, &line.reference, true)),
                likeness: likeness.clone(),
                memo_sealed: key.seal(line.text.as_bytes(), &inbox::memo_context(&credit_id))?,
                credit_id,
                line_id,
            });
        }
        Ok(ready)
    }

    /// Stores the lines of this round with what they show, and tells the places of those that are left.
    async fn keep_in(
        &self,
        tx: &mut Tx,
        vault: &Vault,
        account: &ReceivingAccount,
        turn: &Fence,
        round: Round,
        now: Moment,
    ) -> Result<(inbox::Proved, Vec<usize>)> {
        turn.check_in(tx).await?;
        let met = inbox::meet_in(tx, vault, &account.id, &self.incoming, round).await?;
        let mut left: Vec<usize> = met.left.iter().map(|at| self.places[*at]).collect();
        left.sort_unstable();
        let rows = self.rows.iter().enumerate().filter(|(place, _)| left.binary_search(place).is_err());
        tx.insert_many(&sql::KEEP_LINES, rows.map(|(_, row)| row.clone()).collect()).await?;
        let proved = inbox::prove_in(tx, &account.school_id, &account.id, &self.incoming, met, now).await?;
        Ok((proved, left))
    }
}

/// The context a line's text is sealed under.
fn memo_context(line_id: &str) -> String {
    format!("line:{line_id}")
}

/// What the bank wrote beside a line, as it came.
///
/// # Errors
/// Refused when there is no such line; a fault when its key was erased.
pub async fn open_memo(store: &Store, vault: &Vault, line_id: &str) -> Result<String> {
    let sealed: Option<Vec<u8>> = store.optional(&sql::MEMO, args![line_id]).await?;
    vault.open_text(&sealed.ok_or_else(Refusal::absent)?, &memo_context(line_id)).await
}

/// Banks book at most over a holiday ahead; a line beyond is a date misread or mistyped, and its money would be looked
/// for on a day that nobody opens.
fn check_days(statement: &Statement, today: Day) -> Result<(), Refusal> {
    let last = today.plus_days(LATEST_AHEAD);
    let Some(line) = statement.lines.iter().find(|line| line.day > last) else { return Ok(()) };
    Err(Refusal::new(
        Kind::Meaning,
        "statement-ahead",
        format!(
            "Dòng {}: ngày {} ở quá xa sau hôm nay. Hãy xem lại ngày và tháng trong sao kê.",
            line.row,
            line.day.vietnamese()
        ),
        format!("Row {}: {} is too far ahead of today. Look at day and month in the statement.", line.row, line.day),
    ))
}

/// The one statement of a file, or the one among several that is of the account somebody named.
fn chosen(mut all: Vec<Statement>, upload: &Upload) -> Result<Statement, Refusal> {
    if all.len() > 1
        && let Some((_, number)) = &upload.account
    {
        all.retain(|statement| statement.account.as_deref().is_some_and(|named| is_number(named, number)));
    }
    match (all.pop(), all.is_empty()) {
        (Some(one), true) => Ok(one),
        (Some(_), false) => Err(Refusal::new(
            Kind::Meaning,
            "statement-many-accounts",
            "Tệp này có sao kê của nhiều tài khoản: hãy chọn tài khoản (--account BIN:SỐ).",
            "This file has statements of several accounts: choose the account (--account BIN:NUMBER).",
        )),
        (None, _) => Err(Refusal::new(
            Kind::Meaning,
            "statement-of-another-account",
            "Tệp này không có sao kê của tài khoản đã chọn.",
            "This file has no statement of the account that was chosen.",
        )),
    }
}

/// Is this the account's number, as a bank prints it: in groups, with zeros in front, or masked in the middle?
fn is_number(printed: &str, number: &str) -> bool {
    let bare = |text: &str| {
        let kept: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
        kept.trim_start_matches('0').to_ascii_uppercase()
    };
    let (printed, number) = (bare(printed), bare(number));
    if printed.contains('X') && !number.contains('X') {
        // A mask may be shorter than what it hides; what it shows must be there.
        let (head, _) = printed.split_once('X').unwrap_or_default();
        let (_, tail) = printed.rsplit_once('X').unwrap_or_default();
        return number.starts_with(head) && number.ends_with(tail);
    }
    printed == number || printed.is_empty()
}

/// The account a statement is of: the one named, else the one whose number stands above the table, else the only one.
async fn account_of(store: &Store, upload: &Upload, statement: &Statement) -> Result<ReceivingAccount> {
    let all: Vec<ReceivingAccount> = store.all(&sql::OPEN_ACCOUNTS, args![]).await?;
    let ours = |account: &&ReceivingAccount| upload.school.as_ref().is_none_or(|school| *school == account.school_id);
    let titled = |account: &&ReceivingAccount| statement.numbers.contains(&account.number);
    let named = |account: &&ReceivingAccount| {
        upload.account.as_ref().is_some_and(|(bin, number)| account.bank_bin == *bin && account.number == *number)
    };
    let refusal = |code, vi: &str, en: &str| Err(Refusal::new(Kind::Meaning, code, vi, en).into());
    if upload.account.is_some() {
        let Some(account) = all.iter().find(named).filter(ours) else {
            return refusal(
                "unknown-account",
                "Tài khoản này không phải tài khoản nhận của trường.",
                "This is not a receiving account of the school.",
            );
        };
        let names_another = statement.account.as_deref().is_some_and(|named| !is_number(named, &account.number));
        if !titled(&account) && (names_another || all.iter().any(|other| titled(&other))) {
            return refusal(
                "statement-of-another-account",
                "Sao kê này ghi số của một tài khoản nhận khác.",
                "This statement names another receiving account.",
            );
        }
        return Ok(account.clone());
    }
    let by_title: Vec<&ReceivingAccount> = all.iter().filter(titled).collect();
    let is_named = |account: &&ReceivingAccount| {
        statement.account.as_deref().is_none_or(|printed| is_number(printed, &account.number))
    };
    let possible: Vec<&ReceivingAccount> =
        if by_title.is_empty() { all.iter().filter(ours).filter(is_named).collect() } else { by_title };
    match possible.as_slice() {
        [one] if ours(one) => Ok((*one).clone()),
        [] if statement.account.is_some() => refusal(
            "unknown-account",
            "Sao kê ghi số của một tài khoản không phải tài khoản nhận của trường.",
            "The statement names an account that is not a receiving account of the school.",
        ),
        _ => refusal(
            "which-account",
            "Không rõ sao kê của tài khoản nào: hãy chọn tài khoản (--account BIN:SỐ).",
            "It is not clear whose statement this is: choose the account (--account BIN:NUMBER).",
        ),
    }
}

/// Gives each line its key: what the bank printed, and which it is among lines printed alike.
fn keyed(vault: &Vault, lines: Vec<StatementLine>) -> Vec<Keyed> {
    let mut equals: HashMap<String, usize> = HashMap::new();
    let mut keyed = Vec::with_capacity(lines.len());
    for line in lines {
        // Blanks are lost and found when a statement is printed and copied.
        let bare = |text: &str| text.split_whitespace().collect::<String>();
        let balance = line.balance.map(|balance| balance.to_string()).unwrap_or_default();
        let printed = [line.day.to_string(), line.amount.to_string(), balance, bare(&line.reference), bare(&line.text)]
            .join("\n");
        let ordinal = equals.entry(printed.clone()).or_default();
        *ordinal += 1;
        let key = hex::encode(Sha256::digest(format!("{printed}\n{ordinal}")));
        keyed.push(Keyed { likeness: inbox::likeness(vault.master(), &line.text), line, key });
    }
    keyed
}

record! {
    /// A line that an earlier file brought.
    struct Stored {
        day: Day,
        amount: i64,
        balance: Option<i64>,
        reference: String,
        chain_key: String,
        likeness: Option<String>,
    }
}

impl Stored {
    /// Is it what a new line prints otherwise?
    fn is_otherwise(&self, new: &Keyed, account: &ReceivingAccount, covered: (Day, Day)) -> bool {
        let number = |reference: &str| inbox::bank_reference(&account.bank_bin, reference, false);
        if let (Some(one), Some(other)) = (number(&new.line.reference), number(&self.reference)) {
            // A number that the bank gives once names one transfer, whatever day a layout prints.
            return one == other;
        }
        let near = new.line.day.plus_days(-DAYS_APART) <= self.day && self.day <= new.line.day.plus_days(DAYS_APART);
        let same_text = self.likeness.is_some() && self.likeness == new.likeness.mark;
        let same_balance = self.balance.is_some() && self.balance == new.line.balance;
        let is_covered = covered.0 <= self.day && self.day <= covered.1;
        let other_layout = self.balance.is_some() != new.line.balance.is_some();
        self.day == new.line.day || (near && same_text && (same_balance || is_covered || other_layout))
    }
}

/// The lines that are stored already. A new line beside a stored one that this file does not have, of the same amount
/// and the same day, or of the same amount and text some days off, is the same transfer printed otherwise, and would
/// be counted twice: layouts differ in which day they print, the payer's or the books'.
async fn check_overlap(store: &Store, account: &ReceivingAccount, keyed: &[Keyed]) -> Result<HashSet<String>> {
    let days = || keyed.iter().map(|keyed| keyed.line.day);
    let (Some(first), Some(last)) = (days().min(), days().max()) else { return Ok(HashSet::new()) };
    let span = args![&account.id, first.plus_days(-NUMBER_DAYS_APART), last.plus_days(NUMBER_DAYS_APART)];
    let stored: Vec<Stored> = store.all(&sql::LINES, span).await?;
    let brought: HashSet<&str> = keyed.iter().map(|keyed| keyed.key.as_str()).collect();
    let known: HashSet<&str> = stored.iter().map(|stored| stored.chain_key.as_str()).collect();
    let mut missing: HashMap<i64, Vec<&Stored>> = HashMap::new();
    for stored in stored.iter().filter(|stored| !brought.contains(stored.chain_key.as_str())) {
        missing.entry(stored.amount).or_default().push(stored);
    }
    let differing = keyed.iter().filter(|new| !known.contains(new.key.as_str())).find(|new| {
        missing
            .get(&new.line.amount)
            .is_some_and(|stored| stored.iter().any(|stored| stored.is_otherwise(new, account, (first, last))))
    });
    match differing {
        Some(differing) => Err(differs(differing.line.row).into()),
        None => Ok(known.intersection(&brought).map(|key| (*key).to_owned()).collect()),
    }
}

fn differs(row: usize) -> Refusal {
    Refusal::new(
        Kind::Conflict,
        "statement-differs",
        format!(
            "Dòng {row}: sao kê nhập trước có một khoản cùng số tiền trong ngày mà tệp này không có, nên không rõ đây là \
             khoản mới hay khoản ấy in khác đi. Hãy tải lại sao kê trọn ngày, cùng mẫu với lần trước, rồi nhập: khoản đã \
             có sẽ không bị tính hai lần."
        ),
        format!(
            "Row {row}: an earlier statement has a line of this amount and day that this file lacks, so it may be a new \
             transfer or that one printed otherwise. Download the whole day in the same layout and bring it: what is \
             known is not counted twice."
        ),
    )
    .at(row.to_string(), "khác với sao kê đã nhập", "differs from the statement imported before")
}

/// The days that a file covers: without a hole, over, and not after its last line. A file says until when it was asked
/// for, and not when it was downloaded: what came later that month is on none of its lines.
fn covered(complete: Option<(Day, Day)>, last_line: Option<Day>, today: Day) -> Option<(Day, Day)> {
    let (first, last) = complete?;
    let last = last.min(today.plus_days(-1)).min(last_line.unwrap_or(last));
    (first <= last).then_some((first, last))
}

struct FileRow {
    sha256: String,
    row: Vec<Arg>,
}

fn file_row(key: &DataKey, account: &ReceivingAccount, brought: &Brought<'_>, now: Moment) -> Result<FileRow> {
    let Brought { upload, keyed, complete, ends, .. } = brought;
    let id = ids::new_id("stm");
    let sha256 = hex::encode(Sha256::digest(&upload.bytes));
    let name = key.seal(upload.filename.as_bytes(), &name_context(&id))?;
    let count = i64::try_from(keyed.len()).or_fault("count lines")?;
    let days = || keyed.iter().map(|keyed| keyed.line.day);
    let (from, to) = (days().min(), days().max());
    let (first, last) = covered(*complete, to, now.day()).unzip();
    let opening = ends.0.or_else(|| keyed.first().and_then(|first| first.line.balance?.checked_sub(first.line.amount)));
    let closing = ends.1.or_else(|| keyed.last().and_then(|last| last.line.balance));
    let (actor, account) = (&upload.actor, &account.id);
    let row = args![id, account, &sha256, name, count, first, last, opening, closing, now, actor, from, to];
    Ok(FileRow { sha256, row })
}
