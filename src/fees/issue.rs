//! From a run to its invoices and back: in small chunks, each its own transaction, each safe to be cut off.
//!
//! The work that is left stands in `billing_run_work` with the class and the pupil looked at last, so a program that
//! starts again goes on where the other one stopped; the unique pair of run and pupil stands behind it. It goes class
//! by class, so that a chunk costs the same in a run of a hundred thousand as in one of a hundred, and looks through
//! all of them once more in the end: whoever changed his class meanwhile may have come to one that it had left behind.

use std::collections::{BTreeMap, HashSet};

use crate::access::trail_in;
use crate::fault::{Error, Fault, Kind, OrFault, Refusal, Result};
use crate::ids::{self, PaymentReference};
use crate::ledger::{self, Head};
use crate::money::Dong;
use crate::outbox::{self, Event, Happened};
use crate::seal::{MasterKey, Vault, token_hash};
use crate::store::{Arg, Store, Tx, args, record, transact};
use crate::time::{Clock, Day, Moment};

use super::plan::{Asked, Price, Seat};
use super::run::{Run, RunState};
use super::void::{Act, void_in};
use super::{Lifecycle, Line, books, invoice, preview_run, sql};

/// Pupils in one chunk of an issue: so many that its fsync is shared by enough of them, so few that the one writer of
/// SQLite is held for about six milliseconds.
const ISSUE_EMBEDDED: i64 = 50;
const ISSUE_SERVER: i64 = 512;
/// Classes that are looked through together in the end, and how often in one chunk where nobody was missed in them.
const AGAIN: usize = 64;
const LOOKS: usize = 16;
/// What a cursor begins with when all classes were walked and are looked through once more. To a program that does not
/// know it, it stands before all of them.
const ONCE_MORE: &str = "+";
/// Invoices in one chunk of an undoing, which reads what it takes back.
const UNDO: i64 = 50;

record! {
    struct Work {
        run_id: String,
        kind: String,
        cursor: String,
        started_at: Moment,
        actor: String,
        reason: String,
    }
}

/// What is asked of pupils alike, and of whom.
struct Asking {
    lines: Vec<Line>,
    total: Dong,
    drafts: Vec<Draft>,
}

/// An invoice about to be written.
struct Draft {
    id: String,
    seat: Seat,
}

/// A chunk as it was read, before its transaction begins.
struct Chunk {
    /// Where the run stood then; the chunk is written only if it still does.
    cursor: String,
    /// Where it stands afterwards; nowhere after the last.
    next: Option<String>,
    looked_at: usize,
    askings: Vec<Asking>,
}

/// Begins to make a run's invoices; [`advance_runs`] makes them. Beginning twice changes nothing.
///
/// # Errors
/// A run with problems in its preview, without any invoice, or already undone.
pub async fn start_issuing(store: &Store, clock: &Clock, run_id: &str, actor: &str) -> Result<()> {
    let now = clock.now();
    let pupils = ready_to_issue(store, now, run_id).await?;
    transact!(store, |tx| start_issuing_in(tx, run_id, pupils, now, actor).await)
}

/// How many pupils a run would be issued to, when nothing stands against it.
///
/// # Errors
/// A run with problems in its preview, or without any invoice.
pub async fn ready_to_issue(store: &Store, now: Moment, run_id: &str) -> Result<i64> {
    let preview = preview_run(store, run_id, now).await?;
    if !preview.problems.is_empty() || preview.invoices == 0 {
        let mut refusal = Refusal::new(
            Kind::Conflict,
            "run-not-ready",
            "Đợt thu chưa thể phát hành: hãy xem phần xem trước.",
            "The run cannot be issued yet: see its preview.",
        );
        for (vi, en) in preview.problems {
            refusal = refusal.at("", vi, en);
        }
        return Err(refusal.into());
    }
    Ok(preview.invoices + i64::try_from(preview.without_lines.len()).unwrap_or_default())
}

/// [`start_issuing`] in the caller's transaction, for as many pupils as [`ready_to_issue`] counted.
///
/// # Errors
/// A run that was undone.
pub async fn start_issuing_in(tx: &mut Tx, run_id: &str, pupils: i64, now: Moment, actor: &str) -> Result<()> {
    let (run, state) = state_in(tx, run_id).await?;
    match state {
        RunState::Draft => {}
        RunState::Issuing | RunState::Issued | RunState::Published => return Ok(()),
        RunState::Undoing | RunState::Undone => return Err(already_undone().into()),
    }
    tx.insert_many(&sql::ADD_RUN_EVENT, vec![args![run_id, "issuing", now, actor]]).await?;
    tx.insert_many(&sql::ADD_WORK, vec![args![run_id, "issue", pupils, 0_i64, "", now, actor, ""]]).await?;
    trail_in(tx, now, &run.deed("run.issuing", actor)).await
}

/// Shows a run's invoices to the parents, with one last row. Publishing twice changes nothing.
///
/// # Errors
/// A run whose invoices are not all made, or that is being undone.
pub async fn publish(store: &Store, clock: &Clock, run_id: &str, actor: &str) -> Result<()> {
    let now = clock.now();
    transact!(store, |tx| publish_in(tx, run_id, now, actor).await)
}

/// [`publish`] in the caller's transaction.
///
/// # Errors
/// As [`publish`].
pub async fn publish_in(tx: &mut Tx, run_id: &str, now: Moment, actor: &str) -> Result<()> {
    let (run, state) = state_in(tx, run_id).await?;
    match state {
        RunState::Issued => {
            tx.insert_many(&sql::ADD_RUN_EVENT, vec![args![run_id, "published", now, actor]]).await?;
            tell_in(tx, &run, Event::RunPublished, now).await?;
            trail_in(tx, now, &run.deed("run.published", actor)).await
        }
        RunState::Published => Ok(()),
        RunState::Draft | RunState::Issuing => Err(Refusal::new(
            Kind::Conflict,
            "run-not-issued",
            "Đợt thu chưa lập xong phiếu nên chưa công bố được.",
            "The run's invoices are not all made yet, so it cannot be published.",
        )
        .into()),
        RunState::Undoing | RunState::Undone => Err(already_undone().into()),
    }
}

/// Begins to take a whole run back; [`advance_runs`] voids its invoices and mirrors their entries.
///
/// # Errors
/// Money has come for one of its invoices: those are voided one by one, because each family must be told.
pub async fn undo(store: &Store, clock: &Clock, run_id: &str, actor: &str, reason: &str) -> Result<()> {
    let now = clock.now();
    transact!(store, |tx| undo_in(tx, run_id, now, actor, reason).await)
}

/// [`undo`] in the caller's transaction.
///
/// # Errors
/// As [`undo`].
pub async fn undo_in(tx: &mut Tx, run_id: &str, now: Moment, actor: &str, reason: &str) -> Result<()> {
    let (run, state) = state_in(tx, run_id).await?;
    if matches!(state, RunState::Undoing | RunState::Undone) {
        return Ok(());
    }
    let money: Option<String> = tx.optional(&sql::MONEY_FOR_RUN, args![run_id]).await?;
    if money.is_some() {
        return Err(Refusal::new(
            Kind::Conflict,
            "money-has-come",
            "Đã có tiền nộp cho đợt thu này nên không hủy cả đợt được; hãy hủy từng phiếu.",
            "Money has come for this run, so it cannot be undone as a whole; void its invoices one by one.",
        )
        .into());
    }
    let invoices: i64 = tx.one(&sql::COUNT_INVOICES, args![run_id]).await?;
    tx.insert_many(&sql::ADD_RUN_EVENT, vec![args![run_id, "undoing", now, actor]]).await?;
    tx.run(&sql::END_WORK, args![run_id]).await?;
    tx.insert_many(&sql::ADD_WORK, vec![args![run_id, "undo", invoices, 0_i64, "", now, actor, reason]]).await?;
    trail_in(tx, now, &run.deed("run.undoing", actor)).await
}

/// Does one chunk of the work that waits longest and tells how many pupils or invoices it looked at, or finished;
/// 0 when there is no work at all.
///
/// # Errors
/// Faults of the store; the chunk is then done again later.
pub async fn advance_runs(store: &Store, vault: &Vault, clock: &Clock) -> Result<usize> {
    let mut failed = Ok(0);
    for work in store.all::<Work>(&sql::WORK, args![]).await? {
        // A run that cannot go on keeps no other school's waiting.
        match advance(store, vault, clock, &work).await {
            Err(error) if !matches!(error, Error::Contended) => {
                tracing::error!(run = work.run_id, %error, "a run cannot go on and is tried again");
                failed = Err(error);
            }
            advanced => return advanced,
        }
    }
    failed
}

async fn advance(store: &Store, vault: &Vault, clock: &Clock, work: &Work) -> Result<usize> {
    let now = clock.now();
    if work.kind == "undo" {
        return transact!(store, |tx| undo_chunk_in(tx, &work.run_id, now).await);
    }
    let run: Run = store.one(&sql::RUN, args![&work.run_id]).await?;
    let asked: Vec<Asked> = store.all(&sql::ASKED, args![&work.run_id]).await?;
    let prices: Vec<Price> = store.all(&sql::PRICES_OF_RUN, args![&work.run_id, work.started_at]).await?;
    let issue = Issue { run, asked, prices, master: vault.master().clone(), now };
    let chunk = issue.read(store, work).await?;
    transact!(store, |tx| issue.write_in(tx, &chunk, &mut PaymentReference::random).await)
}

/// What every chunk of one run's issue shares.
struct Issue {
    run: Run,
    asked: Vec<Asked>,
    prices: Vec<Price>,
    master: MasterKey,
    now: Moment,
}

/// The class and the last pupil that a cursor stands for. One without a class is of the time when pupils were not
/// walked by class: it begins anew, past those who have their invoices.
fn place(cursor: &str) -> (&str, &str) {
    cursor.split_once('/').unwrap_or_default()
}

fn most_in_chunk(store: &Store) -> i64 {
    store.batch(ISSUE_EMBEDDED, ISSUE_SERVER)
}

type Draw<'a> = &'a mut (dyn FnMut() -> Result<PaymentReference> + Send);

impl Issue {
    /// The next chunk. It is read before the transaction that writes it, so that nobody waits while it is.
    async fn read(&self, store: &Store, work: &Work) -> Result<Chunk> {
        let (mut seats, next) = match work.cursor.strip_prefix(ONCE_MORE) {
            None => self.next_seats(store, work).await?,
            Some(cursor) => self.missed_seats(store, work, cursor).await?,
        };
        // Whoever changes his class between two questions is in both.
        let mut seen = HashSet::new();
        seats.retain(|seat| seen.insert(seat.pupil_id.clone()));
        let looked_at = seats.len();
        let registered = self.registered(store, &seats).await?;
        Ok(Chunk { cursor: work.cursor.clone(), next, looked_at, askings: self.askings(seats, &registered)? })
    }

    /// Writes a chunk, whole or not at all; not when the run has gone on or is undone since it was read.
    async fn write_in(&self, tx: &mut Tx, chunk: &Chunk, draw: Draw<'_>) -> Result<usize> {
        let Some(work) = tx.optional::<Work>(&sql::WORK_OF_RUN, args![&self.run.id]).await? else { return Ok(1) };
        if work.kind != "issue" || work.cursor != chunk.cursor {
            return Ok(1);
        }
        self.add_invoices_in(tx, &chunk.askings, draw).await?;
        for asking in &chunk.askings {
            self.add_lines_in(tx, asking, &work.actor).await?;
        }
        self.keep_sum_in(tx, &chunk.askings).await?;
        let Some(next) = &chunk.next else { return self.end_in(tx, &work.actor).await };
        let moved = i64::try_from(chunk.looked_at).unwrap_or_default();
        tx.run(&sql::MOVE_WORK, args![&self.run.id, next, moved]).await?;
        Ok(chunk.looked_at.max(1))
    }

    /// The pupils of the next chunk, and where the one after it begins.
    async fn next_seats(&self, store: &Store, work: &Work) -> Result<(Vec<Seat>, Option<String>)> {
        let most = most_in_chunk(store);
        let (mut seats, day) = (Vec::new(), work.started_at.day());
        let (class, mut pupil) = place(&work.cursor);
        let begun = if class.is_empty() { self.class_after(store, class).await? } else { Some(class.to_owned()) };
        let mut walked = begun;
        while let Some(class) = walked {
            let left = most - i64::try_from(seats.len()).or_fault("count pupils")?;
            let next: Vec<Seat> = store.all(&sql::NEXT_SEATS, args![&self.run.id, day, &class, pupil, left]).await?;
            let is_all_of_class = i64::try_from(next.len()).is_ok_and(|count| count < left);
            seats.extend(next);
            if let Some(last) = seats.last().filter(|_| !is_all_of_class) {
                let cursor = format!("{class}/{}", last.pupil_id);
                return Ok((seats, Some(cursor)));
            }
            (walked, pupil) = (self.class_after(store, &class).await?, "");
        }
        Ok((seats, Some(ONCE_MORE.to_owned())))
    }

    /// The next of those who are asked for something and have no invoice although all classes were walked, and where to
    /// look on; nowhere after the last.
    async fn missed_seats(&self, store: &Store, work: &Work, cursor: &str) -> Result<(Vec<Seat>, Option<String>)> {
        let (most, day) = (most_in_chunk(store), work.started_at.day());
        let wanted = i64::try_from(AGAIN + 1).or_fault("count classes")?;
        let mut cursor = cursor.to_owned();
        for _ in 0..LOOKS {
            let (class, pupil) = place(&cursor);
            let classes: Vec<String> = store.all(&sql::CLASSES_FROM, args![&self.run.id, class, wanted]).await?;
            let Some(last) = classes.iter().take(AGAIN).next_back() else { return Ok((Vec::new(), None)) };
            let span = args![&self.run.id, day, class, last, pupil, most];
            let mut seats: Vec<Seat> = store.all(&sql::MISSED_SEATS, span).await?;
            let is_cut_off = i64::try_from(seats.len()).is_ok_and(|count| count == most);
            let next = match seats.last().filter(|_| is_cut_off) {
                Some(seat) => Some(format!("{}/{}", seat.class_group_id, seat.pupil_id)),
                None => classes.get(AGAIN).map(|class| format!("{class}/")),
            };
            let registered = self.registered(store, &seats).await?;
            seats.retain(|seat| self.asked.iter().any(|item| item.is_asked_of(seat, &registered)));
            match next {
                Some(next) if seats.is_empty() => cursor = next,
                next => return Ok((seats, next.map(|next| format!("{ONCE_MORE}{next}")))),
            }
        }
        Ok((Vec::new(), Some(format!("{ONCE_MORE}{cursor}"))))
    }

    async fn class_after(&self, store: &Store, class: &str) -> Result<Option<String>> {
        store.optional(&sql::NEXT_CLASS, args![&self.run.id, class]).await
    }

    /// Which of these pupils registered for which items, where the run has any that wants it.
    async fn registered(&self, store: &Store, seats: &[Seat]) -> Result<HashSet<(String, String)>> {
        if !self.asked.iter().any(Asked::is_voluntary) {
            return Ok(HashSet::new());
        }
        let (pupils, day) = (seats.iter().map(|seat| Arg::from(&seat.pupil_id)).collect(), self.run.due_day);
        let rows: Vec<(String, String, Day, Option<Day>)> = store.all_in(&sql::REGISTRATIONS_OF, pupils).await?;
        let in_force = rows.into_iter().filter(|(_, _, from, to)| *from <= day && to.is_none_or(|to| to >= day));
        Ok(in_force.map(|(pupil, item, ..)| (pupil, item)).collect())
    }

    async fn end_in(&self, tx: &mut Tx, actor: &str) -> Result<usize> {
        tx.run(&sql::END_WORK, args![&self.run.id]).await?;
        tx.insert_many(&sql::ADD_RUN_EVENT, vec![args![&self.run.id, "issued", self.now, actor]]).await?;
        Ok(1)
    }

    /// What is asked of these pupils, those of whom the same is asked together.
    fn askings(&self, seats: Vec<Seat>, registered: &HashSet<(String, String)>) -> Result<Vec<Asking>> {
        let mut alike: BTreeMap<(String, Vec<i64>), Vec<Seat>> = BTreeMap::new();
        for seat in seats {
            let asked = self.asked.iter().filter(|item| item.is_asked_of(&seat, registered));
            let positions = asked.map(|item| item.position).collect();
            alike.entry((seat.level.clone(), positions)).or_default().push(seat);
        }
        let mut askings = Vec::new();
        for ((level, positions), seats) in alike {
            let asked = self.asked.iter().filter(|item| positions.contains(&item.position));
            let lines = asked.map(|item| {
                // The preview refused what has no price; prices only grow, so this cannot be met.
                let line = item.line(&self.prices, &self.run.school_id, &level, self.run.due_day);
                line.map_err(|_| Fault::new("issue a run: a line has no price any more"))
            });
            let lines = lines.collect::<Result<Vec<Line>, _>>()?;
            let total = Dong::sum(lines.iter().map(|line| line.payable))
                .ok_or_else(|| Fault::new("issue a run: an invoice is beyond every amount"))?;
            if total.is_positive() {
                let drafts = seats.into_iter().map(|seat| Draft { id: ids::new_id("inv"), seat }).collect();
                askings.push(Asking { lines, total, drafts });
            }
        }
        Ok(askings)
    }

    /// Writes the invoices. A reference that somebody carries already is drawn again.
    async fn add_invoices_in(&self, tx: &mut Tx, askings: &[Asking], draw: Draw<'_>) -> Result<()> {
        let all = askings.iter().flat_map(|asking| asking.drafts.iter().map(|draft| (draft, asking.total)));
        let mut waiting: Vec<(&Draft, Dong)> = all.collect();
        for _ in 0..8 {
            if waiting.is_empty() {
                return Ok(());
            }
            let rows = waiting.iter().map(|(draft, total)| self.row(draft, *total, draw));
            let rows = rows.collect::<Result<Vec<_>>>()?;
            let written: Vec<String> = tx.insert_returning(&sql::ADD_INVOICES, rows).await?;
            let written: HashSet<String> = written.into_iter().collect();
            waiting.retain(|(draft, _)| !written.contains(&draft.id));
        }
        if waiting.is_empty() {
            return Ok(());
        }
        Err(Fault::new("issue a run: no free payment reference after eight draws").into())
    }

    /// Adds what a chunk asks to what its run asks in all.
    async fn keep_sum_in(&self, tx: &mut Tx, askings: &[Asking]) -> Result<()> {
        let totals: Vec<Dong> = askings.iter().flat_map(|asking| asking.drafts.iter().map(|_| asking.total)).collect();
        let count = i64::try_from(totals.len()).or_fault("count a chunk of invoices")?;
        let total = Dong::sum(totals);
        let total = total.ok_or_else(|| Fault::new("add a chunk of invoices up: beyond an i64"))?;
        tx.run(&sql::KEEP_RUN_SUM, args![&self.run.id, count, total]).await?;
        Ok(())
    }

    /// Writes the lines and the entries of invoices that ask the same.
    async fn add_lines_in(&self, tx: &mut Tx, asking: &Asking, actor: &str) -> Result<()> {
        let each = asking.drafts.iter().map(|draft| args![&draft.id]).collect();
        let lines: Vec<Vec<Arg>> = asking.lines.iter().map(line_row).collect();
        tx.insert_each(&sql::ADD_LINES, each, &lines).await?;
        let head = |draft: &Draft| books::head(&self.run.school_id, &draft.id, self.now, actor);
        let Some(first) = asking.drafts.first() else { return Ok(()) };
        let pattern = books::issued(head(first), &first.id, &asking.lines)?;
        let heads: Vec<Head> = asking.drafts.iter().map(head).collect();
        ledger::post_alike_in(tx, &pattern, &heads).await
    }

    fn row(&self, draft: &Draft, total: Dong, draw: Draw<'_>) -> Result<Vec<Arg>> {
        let token = self.master.page_token("invoice", &draft.id);
        Ok(args![
            &draft.id,
            &self.run.id,
            &self.run.school_id,
            &self.run.account_id,
            &draft.seat.pupil_id,
            &draft.seat.family_id,
            &draft.seat.class_group_id,
            draw()?.as_str(),
            token_hash(&token),
            total,
            self.run.due_day,
            self.now
        ])
    }
}

fn line_row(line: &Line) -> Vec<Arg> {
    args![
        line.position,
        &line.item_id,
        &line.official_name,
        &line.legal_basis,
        &line.necessity,
        &line.revenue,
        &line.document_kind,
        &line.unit,
        line.quantity,
        line.unit_price,
        line.gross,
        line.exemption,
        line.payable
    ]
}

async fn undo_chunk_in(tx: &mut Tx, run_id: &str, now: Moment) -> Result<usize> {
    let Some(work) = tx.optional::<Work>(&sql::WORK_OF_RUN, args![run_id]).await? else { return Ok(1) };
    let next: Vec<(String, String)> = tx.all(&sql::NEXT_INVOICES, args![run_id, &work.cursor, UNDO]).await?;
    let (ids, pupils): (Vec<String>, Vec<String>) = next.into_iter().unzip();
    let invoices = invoice::invoices_in(tx, &ids).await?;
    let open = invoices.into_iter().filter(|invoice| invoice.lifecycle == Lifecycle::Open).collect();
    // Money that came after the run began to be undone goes to the family's credit with the void.
    void_in(tx, open, &Act { is_undo: true, at: now, actor: &work.actor, reason: &work.reason }).await?;
    if i64::try_from(ids.len()).is_ok_and(|count| count < UNDO) {
        tx.run(&sql::END_WORK, args![run_id]).await?;
        tx.insert_many(&sql::ADD_RUN_EVENT, vec![args![run_id, "undone", now, &work.actor]]).await?;
        let kinds: Vec<String> = tx.all(&sql::EVENTS_OF_RUN, args![run_id]).await?;
        if kinds.iter().any(|kind| kind == "published") {
            let run: Run = tx.one(&sql::RUN, args![run_id]).await?;
            tell_in(tx, &run, Event::RunUndone, now).await?;
        }
    } else if let Some(cursor) = pupils.last() {
        let moved = i64::try_from(ids.len()).unwrap_or_default();
        tx.run(&sql::MOVE_WORK, args![run_id, cursor, moved]).await?;
    }
    Ok(ids.len().max(1))
}

/// Promises to tell of a whole run: once, because its invoices can be read by whoever wants them one by one.
async fn tell_in(tx: &mut Tx, run: &Run, kind: Event, now: Moment) -> Result<()> {
    let sums: Vec<(String, i64, Dong)> = tx.all_in(&sql::RUN_SUMS, vec![Arg::from(&run.id)]).await?;
    let amount = sums.first().map_or(Dong::ZERO, |(_, _, total)| *total);
    let (school_id, record_id) = (run.school_id.clone(), run.id.clone());
    outbox::promise_in(tx, now, &[Happened { school_id, kind, record_id, invoice_id: None, amount }]).await
}

async fn state_in(tx: &mut Tx, run_id: &str) -> Result<(Run, RunState)> {
    let run: Run = tx.optional(&sql::RUN, args![run_id]).await?.ok_or_else(Refusal::absent)?;
    let kinds: Vec<String> = tx.all(&sql::EVENTS_OF_RUN, args![run_id]).await?;
    Ok((run, RunState::of(kinds.iter().map(String::as_str))))
}

fn already_undone() -> Refusal {
    Refusal::new(Kind::Conflict, "run-undone", "Đợt thu này đã bị hủy.", "This run was undone.")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHOOL: &str = "
        insert into school values ('sch', 'TH', 'T', 'primary', 'public', '', '', null, null, null, null, 'hanoi', 0);
        insert into receiving_account values ('acc', 'sch', '970436', '0011', 'T', 0, null, null);
        insert into class_group values ('cls', 'sch', '2026-2027', '3A', 'primary');
        insert into fee_item values ('itm', 'M', 'Tiền ăn', 'agreed', 'month', 'service', 'C45-BB', null, '1', 0);
        insert into fee_price values ('prc', 'itm', 'sch', 'all', 100, '2026-01-01', 0);
        insert into family values ('fam', 'sch', 0);
        insert into pupil values ('pup_1', 'sch', 'fam', 'P1', 'X', 'x', null, null, 0);
        insert into pupil values ('pup_2', 'sch', 'fam', 'P2', 'Y', 'y', null, null, 0);
        insert into class_membership values ('pup_1', 'cls', '2026-01-01', null);
        insert into class_membership values ('pup_2', 'cls', '2026-01-01', null);
        insert into billing_run values ('run', 'sch', 'acc', 'T', '2026-2027', '2026-12-01', 0, 'per');
        insert into billing_run_item values ('run', 1, 'itm', 1);
        insert into billing_run_class values ('run', 'cls');";

    /// The issue of a run of two pupils, ready for its only chunk.
    async fn two_pupils(folder: &std::path::Path) -> (Store, Issue) {
        let store = Store::open(&format!("sqlite://{}", folder.join("t.db").display())).await.expect("a store");
        store.migrate().await.expect("a schema");
        store.run_raw(SCHOOL).await.expect("a school");
        let now = Moment::parse("2026-11-22T08:00:00+07:00").expect("an instant");
        transact!(store, |tx| start_issuing_in(tx, "run", 2, now, "per").await).expect("begun");
        let run = store.one(&sql::RUN, args!["run"]).await.expect("the run");
        let asked = store.all(&sql::ASKED, args!["run"]).await.expect("an item");
        let prices = store.all(&sql::PRICES_OF_RUN, args!["run", now]).await.expect("a price");
        let master = MasterKey::parse(&MasterKey::generate().expect("a key")).expect("a key");
        (store, Issue { run, asked, prices, master, now })
    }

    async fn work(store: &Store) -> Work {
        store.one(&sql::WORK_OF_RUN, args!["run"]).await.expect("its work")
    }

    #[tokio::test]
    async fn a_chunk_that_another_process_wrote_first_changes_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let (store, issue) = two_pupils(folder.path()).await;
        let work = Work { cursor: "cls/pup_1".to_owned(), ..work(&store).await };
        let late = issue.read(&store, &work).await.expect("a chunk");
        assert_eq!(late.looked_at, 1);
        transact!(store, |tx| issue.write_in(tx, &late, &mut PaymentReference::random).await).expect("nothing");
        let count: i64 = store.one(&sql::COUNT_INVOICES, args!["run"]).await.expect("a count");
        assert_eq!(count, 0, "the run does not stand where the chunk was read");
    }

    #[tokio::test]
    async fn of_two_invoices_that_draw_one_reference_one_draws_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let (store, issue) = two_pupils(folder.path()).await;
        let [first, second] = [(); 2].map(|()| PaymentReference::random().expect("a reference"));
        let mut drawn = 0;
        let mut draw = || {
            drawn += 1;
            Ok(if drawn < 3 { first.clone() } else { second.clone() })
        };
        let chunk = issue.read(&store, &work(&store).await).await.expect("a chunk");
        transact!(store, |tx| issue.write_in(tx, &chunk, &mut draw).await).expect("written");
        assert_eq!(drawn, 3);
        let both = [first.as_str().to_owned(), second.as_str().to_owned()];
        for reference in both {
            let found = super::super::by_reference(&store, &reference).await.expect("a store").expect("its invoice");
            assert_eq!((found.lines.len(), found.total), (1, Dong::new(100)));
        }
    }

    #[tokio::test]
    async fn references_that_are_all_taken_issue_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let (store, issue) = two_pupils(folder.path()).await;
        let only = PaymentReference::random().expect("a reference");
        let mut draw = || Ok(only.clone());
        let chunk = issue.read(&store, &work(&store).await).await.expect("a chunk");
        let ended = transact!(store, |tx| issue.write_in(tx, &chunk, &mut draw).await);
        assert!(matches!(ended, Err(crate::fault::Error::Fault(_))), "{ended:?}");
        let found = super::super::by_reference(&store, only.as_str()).await.expect("a store");
        assert!(found.is_none(), "the chunk is written whole or not at all");
    }
}
