//! Puts lines into the order in which their balances follow one another, and says what a break in it means.
//!
//! Two things look alike: rows that are missing before a row, and a row whose amount was changed. Either way the
//! balance before it, plus its amount, is not its balance. So a break is judged by what else the file prints:
//!
//! - A balance that fits neither the row before nor the row after, while those two fit each other across it, was
//!   changed: the file is refused at that cell.
//! - Row numbers that go on without a gap, a printed number of lines that is all there, or printed sums below those of
//!   the lines say that nothing is missing: the amount was changed, and the file is refused at that cell.
//! - Row numbers that jump, a printed number of lines that is larger, printed sums that lack both money in and out, or
//!   an amount that would have to change its sign say that rows are missing: a [`Hole`].
//! - When nothing tells, it is a hole too, but the line after it is withheld. Everything that is not withheld is
//!   confirmed by a balance on either side, so no money is believed on the word of a changed cell.
//! - A single row between two breaks confirms nothing, and many breaks are a filter or a sorted excerpt: refused.

use std::collections::HashMap;

use super::read::{Hole, Statement, StatementLine};
use crate::fault::{Kind, Refusal};
use crate::roll::sheet::column_letters;
use crate::time::{Day, Moment};

/// More breaks than this are not holes but another kind of file.
const MOST_HOLES: usize = 12;

/// One row with what moves the balance besides its amount.
#[derive(Debug, Clone)]
pub struct Entry {
    pub line: StatementLine,
    /// Fee and tax of the same row, signed.
    pub fee: i64,
    /// Its running number, where the layout has one.
    pub ordinal: Option<i64>,
}

impl Entry {
    fn moves(&self) -> Option<i64> {
        self.line.amount.checked_add(self.fee)
    }
}

/// What a file prints about all its lines together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Printed {
    pub opening: Option<i64>,
    pub closing: Option<i64>,
    pub period: Option<(Day, Day)>,
    pub count: Option<usize>,
    pub came: Option<i64>,
    pub went: Option<i64>,
}

/// The lines of one account as a reader found them.
#[derive(Debug, Clone, Default)]
pub struct Part {
    pub account: Option<String>,
    pub numbers: Vec<String>,
    pub printed: Printed,
    pub entries: Vec<Entry>,
    pub places: Places,
}

/// Columns for the address of a refused cell; a file without columns is addressed by its line.
#[derive(Debug, Clone, Copy, Default)]
pub struct Places {
    pub credit: Option<usize>,
    pub debit: Option<usize>,
    pub balance: Option<usize>,
}

/// Where the chain does not follow, between two entries or at an end, and by how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Break {
    before: Option<usize>,
    after: Option<usize>,
    missing: i64,
}

/// The order with the fewest breaks, and these.
pub fn order(entries: &[Entry], printed: Printed) -> (Vec<usize>, Vec<Break>) {
    let forward: Vec<usize> = (0..entries.len()).collect();
    let backward: Vec<usize> = forward.iter().rev().copied().collect();
    let (ahead, behind) = (breaks(entries, &forward, printed), breaks(entries, &backward, printed));
    let newest_first = match (entries.first(), entries.last()) {
        (Some(first), Some(last)) => (first.line.day, first.line.at) > (last.line.day, last.line.at),
        _ => false,
    };
    let (order, found) = match ahead.len().cmp(&behind.len()) {
        std::cmp::Ordering::Greater => (backward, behind),
        std::cmp::Ordering::Equal if newest_first => (backward, behind),
        std::cmp::Ordering::Less | std::cmp::Ordering::Equal => (forward, ahead),
    };
    if found.is_empty() {
        return (order, found);
    }
    for by_day in [true, false] {
        if let Some(order) = trail(entries, printed, by_day)
            && breaks(entries, &order, printed).is_empty()
        {
            return (order, Vec::new());
        }
    }
    (order, found)
}

fn breaks(entries: &[Entry], order: &[usize], printed: Printed) -> Vec<Break> {
    let mut found = Vec::new();
    let (mut running, mut before) = (printed.opening, None);
    for place in order.iter().copied() {
        let entry = &entries[place];
        let expected = running.and_then(|running| running.checked_add(entry.moves()?));
        if let (Some(balance), Some(_)) = (entry.line.balance, running)
            && expected != Some(balance)
        {
            let missing = expected.map_or(i64::MAX, |expected| balance.saturating_sub(expected));
            found.push(Break { before, after: Some(place), missing });
        }
        running = entry.line.balance.or(expected);
        before = Some(place);
    }
    if let (Some(running), Some(closing)) = (running, printed.closing)
        && running != closing
    {
        found.push(Break { before, after: None, missing: closing.saturating_sub(running) });
    }
    found
}

/// An order in which every balance follows, whatever the file is sorted by; any such order proves the same lines.
/// Each balance is a place and each line a way from one to the next, so this is a walk that uses every way once.
fn trail(entries: &[Entry], printed: Printed, by_day: bool) -> Option<Vec<usize>> {
    let mut sorted: Vec<usize> = (0..entries.len()).collect();
    let mut groups: Vec<&[usize]> = Vec::new();
    if by_day {
        sorted.sort_by_key(|place| entries[*place].line.day);
        groups.extend(sorted.chunk_by(|one, other| entries[*one].line.day == entries[*other].line.day));
    } else {
        groups.push(&sorted);
    }
    let mut here = printed.opening;
    let mut order = Vec::with_capacity(entries.len());
    for group in groups {
        let mut ways: HashMap<i64, Vec<usize>> = HashMap::new();
        let mut degree: HashMap<i64, i64> = HashMap::new();
        for place in group.iter().rev().copied() {
            let end = entries[place].line.balance?;
            let start = end.checked_sub(entries[place].moves()?)?;
            ways.entry(start).or_default().push(place);
            *degree.entry(start).or_default() += 1;
            *degree.entry(end).or_default() -= 1;
        }
        let first = entries[*group.first()?].line.balance?.checked_sub(entries[*group.first()?].moves()?)?;
        let start =
            here.unwrap_or_else(|| degree.iter().find(|(_, degree)| **degree == 1).map_or(first, |(at, _)| *at));
        let (mut stack, mut walked) = (vec![(start, None)], Vec::new());
        while let Some((at, way)) = stack.last().copied() {
            if let Some(next) = ways.get_mut(&at).and_then(Vec::pop) {
                stack.push((entries[next].line.balance?, Some(next)));
            } else {
                stack.pop();
                walked.extend(way);
            }
        }
        if walked.len() != group.len() {
            return None;
        }
        walked.reverse();
        here = walked.last().and_then(|last| entries[*last].line.balance);
        order.extend(walked);
    }
    Some(order)
}

/// The statement of these lines, its holes named.
///
/// # Errors
/// Refused with the cell: a changed amount or balance, or a file that is no whole statement.
pub fn settled(part: Part) -> Result<Statement, Refusal> {
    let Part { account, numbers, printed, entries, places } = part;
    let (order, breaks) = order(&entries, printed);
    let judge = Judge { entries: &entries, order: &order, breaks: &breaks, printed, places };
    judge.check_sums()?;
    let holes = judge.holes()?;
    let complete = if holes.is_empty() { judge.complete() } else { None };
    let withheld = holes.iter().zip(&breaks).filter(|(hole, _)| hole.withheld.is_some());
    let withheld: Vec<usize> = withheld.filter_map(|(_, gap)| gap.after).collect();
    let mut lines = Vec::with_capacity(entries.len());
    let mut entries: Vec<Option<Entry>> = entries.into_iter().map(Some).collect();
    for place in order {
        let entry = entries.get_mut(place).and_then(Option::take);
        lines.extend(entry.filter(|_| !withheld.contains(&place)).into_iter().flat_map(split));
    }
    let Printed { opening, closing, period, .. } = printed;
    Ok(Statement { account, numbers, opening, closing, period, complete, holes, lines })
}

/// A fee in its own column becomes a line of its own, so that a credit stays what its payer sent.
fn split(entry: Entry) -> Vec<StatementLine> {
    let Entry { mut line, fee, .. } = entry;
    if fee == 0 {
        return vec![line];
    }
    let fee_line = StatementLine { amount: fee, text: "Phí, lãi, thuế".to_owned(), ..line.clone() };
    if line.amount == 0 {
        return vec![fee_line];
    }
    line.balance = line.balance.and_then(|balance| balance.checked_sub(fee));
    vec![line, fee_line]
}

/// What is known about a file whose chain is being judged.
struct Judge<'a> {
    entries: &'a [Entry],
    order: &'a [usize],
    breaks: &'a [Break],
    printed: Printed,
    places: Places,
}

/// What a break is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Missing,
    Changed,
    Unknown,
}

impl Judge<'_> {
    fn has_balances(&self) -> bool {
        self.entries.iter().any(|entry| entry.line.balance.is_some())
    }

    /// Lines without balances have only the printed sums to be checked by.
    fn check_sums(&self) -> Result<(), Refusal> {
        if self.has_balances() {
            return Ok(());
        }
        let (came, went) = self.sums();
        let differs = |printed: Option<i64>, read: i64| printed.is_some_and(|printed| printed.abs() != read);
        let fewer = self.printed.count.is_some_and(|count| count != self.entries.len());
        let ends = self.printed.opening.zip(self.printed.closing);
        let open = ends.is_some_and(|(opening, closing)| closing.checked_sub(opening) != came.checked_sub(went));
        if open || fewer || differs(self.printed.came, came) || differs(self.printed.went, went) {
            return Err(Refusal::new(
                Kind::Meaning,
                "statement-sum",
                "Tổng các dòng không khớp với tổng in trên sao kê: thiếu dòng hoặc có dòng bị sửa. Hãy tải lại sao kê từ ngân hàng.",
                "The lines do not add up to what the statement prints: some are missing or were changed. Download it from the bank again.",
            ));
        }
        Ok(())
    }

    /// Money that came and money that left, as read.
    fn sums(&self) -> (i64, i64) {
        let sum = |sign: i64| {
            let moved = self.entries.iter().flat_map(|entry| [entry.line.amount, entry.fee]);
            moved.map(|amount| amount.saturating_mul(sign).max(0)).fold(0, i64::saturating_add)
        };
        (sum(1), sum(-1))
    }

    fn holes(&self) -> Result<Vec<Hole>, Refusal> {
        if !self.has_balances() {
            return Ok(Vec::new());
        }
        if let Some(changed) = self.changed_balance() {
            return Err(self.refused_at(changed, self.places.balance, true));
        }
        if let Some(alone) = self.alone() {
            return Err(self.refused_at(alone, self.places.balance, false));
        }
        let mut holes = Vec::new();
        for gap in self.breaks {
            let verdict = self.verdict(gap);
            if verdict == Verdict::Changed {
                let place = gap.after.or(gap.before).unwrap_or_default();
                return Err(self.refused_at(place, self.amount_column(place), true));
            }
            holes.push(self.hole(gap, verdict));
        }
        Ok(holes)
    }

    /// The entry whose balance fits neither neighbour while these fit each other.
    fn changed_balance(&self) -> Option<usize> {
        let pairs = self.breaks.windows(2);
        let mut crossed = pairs.filter(|pair| {
            pair[0].after.is_some()
                && pair[0].after == pair[1].before
                && pair[0].missing.checked_add(pair[1].missing) == Some(0)
        });
        crossed.find_map(|pair| pair[0].after)
    }

    /// The first entry that stands alone between breaks or an unconfirmed end; the first of all when breaks abound.
    fn alone(&self) -> Option<usize> {
        if self.breaks.len() > MOST_HOLES {
            return self.breaks.iter().find_map(|gap| gap.after);
        }
        let place_of = |entry: usize| self.order.iter().position(|place| *place == entry);
        let starts = self.breaks.iter().filter_map(|gap| place_of(gap.after?));
        let mut edges: Vec<usize> = starts.chain([0, self.order.len()]).collect();
        edges.sort_unstable();
        edges.dedup();
        if edges.len() <= 2 {
            return None;
        }
        let single = edges.windows(2).find(|edge| {
            let anchored = (edge[0] == 0 && self.printed.opening.is_some())
                || (edge[1] == self.order.len() && self.printed.closing.is_some());
            edge[1] - edge[0] == 1 && !anchored
        })?;
        // A lone first line is not the one that looks wrong; the one after it is.
        let shown = if single[0] == 0 { single[1] } else { single[0] };
        self.order.get(shown).copied()
    }

    fn verdict(&self, gap: &Break) -> Verdict {
        for verdict in [self.by_ordinals(gap), self.by_count(), self.by_sums(gap), self.by_sign(gap)] {
            if verdict != Verdict::Unknown {
                return verdict;
            }
        }
        Verdict::Unknown
    }

    fn by_ordinals(&self, gap: &Break) -> Verdict {
        let step = |one: usize, other: usize| Some(self.entries[other].ordinal?.abs_diff(self.entries[one].ordinal?));
        let is_break = |one, other| self.breaks.iter().any(|gap| (gap.before, gap.after) == (Some(one), Some(other)));
        let regular = self.order.windows(2).all(|pair| step(pair[0], pair[1]) == Some(1) || is_break(pair[0], pair[1]));
        let jump = match (gap.before, gap.after) {
            (Some(before), Some(after)) => step(before, after),
            (None, Some(first)) => {
                let numbers = |place: usize| self.entries[place].ordinal;
                let rising = self.order.last().and_then(|last| numbers(*last)) > numbers(first);
                numbers(first).filter(|_| rising).and_then(|number| u64::try_from(number).ok())
            }
            _ => None,
        };
        match jump {
            Some(1) if regular => Verdict::Changed,
            Some(2..) if regular => Verdict::Missing,
            _ => Verdict::Unknown,
        }
    }

    fn by_count(&self) -> Verdict {
        match self.printed.count {
            Some(count) if count == self.entries.len() => Verdict::Changed,
            Some(count) if count > self.entries.len() => Verdict::Missing,
            _ => Verdict::Unknown,
        }
    }

    fn by_sums(&self, gap: &Break) -> Verdict {
        let (Some(came), Some(went)) = (self.printed.came, self.printed.went) else { return Verdict::Unknown };
        let (read_in, read_out) = self.sums();
        let (lacks_in, lacks_out) = (came.saturating_sub(read_in), went.abs().saturating_sub(read_out));
        let fits =
            lacks_in.checked_sub(lacks_out) == self.breaks.iter().map(|gap| gap.missing).try_fold(0, i64::checked_add);
        let after = gap.after.map_or(0, |place| self.entries[place].line.amount);
        match (lacks_in, lacks_out) {
            (..0, _) | (_, ..0) | (0, 0) => Verdict::Changed,
            (1.., 1..) if fits => Verdict::Missing,
            (1.., 0) if fits && after < 0 => Verdict::Missing,
            (0, 1..) if fits && after > 0 => Verdict::Missing,
            _ => Verdict::Unknown,
        }
    }

    /// A changed amount would have been what the balances say; nothing, or money the other way, is no amount of it.
    fn by_sign(&self, gap: &Break) -> Verdict {
        let Some(after) = gap.after else { return Verdict::Unknown };
        let amount = self.entries[after].line.amount;
        match amount.checked_add(gap.missing) {
            Some(other) if other.signum() == amount.signum() => Verdict::Unknown,
            _ => Verdict::Missing,
        }
    }

    fn hole(&self, gap: &Break, verdict: Verdict) -> Hole {
        let line = |place: Option<usize>| place.map(|place| &self.entries[place].line);
        let (before, after) = (line(gap.before), line(gap.after));
        let begins = || self.printed.period.map(|(from, _)| from).or(after.map(|after| after.day)).map(Day::begins);
        let ends = || {
            let day = self.printed.period.map(|(_, through)| through).or(before.map(|before| before.day));
            day.map(|day| day.plus_days(1).begins().plus_ms(-1000))
        };
        let withheld = if verdict == Verdict::Unknown { after.cloned() } else { None };
        Hole {
            after_row: before.map(|line| line.row),
            before_row: after.map(|line| line.row),
            from: before.map(|line| line.at).or_else(begins).unwrap_or(Moment(0)),
            to: after.map(|line| line.at).or_else(ends).unwrap_or(Moment(0)),
            missing: gap.missing,
            withheld,
        }
    }

    /// The days of which every line is surely here: the printed period when both its ends were checked, else the days
    /// that lie wholly between two lines of an unbroken chain.
    fn complete(&self) -> Option<(Day, Day)> {
        let checked = self.printed.opening.is_some() && self.printed.closing.is_some();
        if let (Some(period), true) = (self.printed.period, checked) {
            return Some(period);
        }
        let days: Vec<Day> = self.order.iter().map(|place| self.entries[*place].line.day).collect();
        let chained = self.entries.iter().all(|entry| entry.line.balance.is_some());
        let (first, last) = (days.first()?.plus_days(1), days.last()?.plus_days(-1));
        (chained && days.is_sorted() && first <= last).then_some((first, last))
    }

    fn amount_column(&self, place: usize) -> Option<usize> {
        if self.entries[place].line.amount < 0 { self.places.debit.or(self.places.credit) } else { self.places.credit }
    }

    fn refused_at(&self, place: usize, column: Option<usize>, changed: bool) -> Refusal {
        let row = self.entries[place].line.row;
        let cell = column.map_or_else(|| row.to_string(), |column| format!("{}{row}", column_letters(column)));
        let refusal = if changed {
            Refusal::new(
                Kind::Meaning,
                "statement-edited",
                format!(
                    "Dòng {row} đã bị sửa: số tiền và số dư của dòng này không khớp với các dòng trước và sau. Hãy tải lại sao kê từ ngân hàng."
                ),
                format!(
                    "Row {row} was changed: its amount and balance do not fit the rows before and after. Download the statement from the bank again."
                ),
            )
        } else {
            Refusal::new(
                Kind::Meaning,
                "statement-balance-breaks",
                format!(
                    "Số dư ở dòng {row} không khớp với dòng trước: sao kê bị lọc, thiếu dòng hoặc bị sửa. Hãy tải lại đủ các dòng."
                ),
                format!(
                    "The balance in row {row} does not follow from the line before: the statement was filtered, or lines are missing or changed. Download all of it again."
                ),
            )
        };
        refusal.at(cell, "số dư không khớp", "does not follow")
    }
}
