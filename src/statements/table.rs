//! The table of a spreadsheet or a .csv, whatever stands above, below and between its lines.

use std::collections::HashMap;

use super::amount::{self, Grouping, NotAmount};
use super::chain::{self, Entry, Part, Places, Printed};
use super::dates::{self, Stamp};
use super::heading::{self, Columns, Label};
use super::read::StatementLine;
use crate::fault::{Kind, Refusal};
use crate::roll::sheet::{Row, Sheet};
use crate::time::Moment;

/// The most cells of a title or a footer that are looked at: whoever looks beside each label must not find thousands.
const WIDEST: usize = 64;
/// So many rows may be neither a line nor part of one, and as many more as there are lines: some layouts tell each
/// transfer in two rows.
const MOST_BESIDE: usize = 2_000;

/// The rows of one account: what heads them, the lines, and what else stands there.
struct Section<'a> {
    columns: Columns,
    lines: Vec<Raw<'a>>,
    others: Vec<&'a Row>,
    /// How many of the others stand above the heading.
    above: usize,
}

/// A row that tells of a transfer, its amounts still texts.
struct Raw<'a> {
    row: &'a Row,
    stamp: Stamp,
    /// A text that a conversion wrapped into the rows below.
    more: Vec<&'a str>,
}

/// The statements of all accounts in these sheets.
///
/// # Errors
/// Refused with the cell when there is no heading, or a date or an amount that cannot be read.
pub fn parts(sheets: &[Sheet]) -> Result<Vec<Part>, Refusal> {
    let mut parts: Vec<Part> = Vec::new();
    for sheet in sheets {
        for section in sections(sheet)? {
            for part in section.parts()? {
                match parts.last_mut() {
                    // A long statement goes on in the next sheet under the same heading.
                    Some(last) if part.account.is_none() || part.account == last.account => last.join(part),
                    _ => parts.push(part),
                }
            }
        }
    }
    if parts.is_empty() {
        return Err(Refusal::new(
            Kind::Shape,
            "no-statement-heading",
            "Không tìm thấy dòng tiêu đề của sao kê: cần các cột ngày, ghi nợ, ghi có và nội dung. Hãy tải sao kê từ ngân hàng (Excel hoặc CSV) và nạp nguyên tệp ấy.",
            "There is no heading of a statement: it needs columns for date, debit, credit and text. Download the statement from the bank (Excel or CSV) and bring that file as it is.",
        ));
    }
    Ok(parts)
}

impl Part {
    fn join(&mut self, next: Part) {
        self.numbers.extend(next.numbers);
        self.entries.extend(next.entries);
        let (mine, its) = (&mut self.printed, next.printed);
        mine.opening = mine.opening.or(its.opening);
        mine.closing = its.closing.or(mine.closing);
        mine.period = mine.period.or(its.period);
        (mine.count, mine.came, mine.went) = (mine.count.or(its.count), None, None);
    }
}

/// Cuts a sheet into its accounts: each begins with a heading, and another account's number above a heading begins
/// the next.
fn sections(sheet: &Sheet) -> Result<Vec<Section<'_>>, Refusal> {
    let Some((header, columns, deep)) = first_heading(sheet) else { return Ok(Vec::new()) };
    let mut done: Vec<Section> = Vec::new();
    let mut section =
        Section { columns, lines: Vec::new(), others: sheet.rows[..header].iter().collect(), above: header };
    let mut account_at: Option<usize> = None;
    let (mut lines, mut beside) = (0, 0);
    for row in &sheet.rows[header + deep..] {
        let columns = section.columns;
        let stamp = dates::stamp(row.text(columns.date));
        if stamp.is_none()
            && let Some(columns) = heading::columns(row)
        {
            if let (Some(at), false) = (account_at.take(), section.lines.is_empty()) {
                let others = section.others.split_off(at);
                let above = others.len();
                done.push(std::mem::replace(&mut section, Section { columns, lines: Vec::new(), others, above }));
            }
            section.columns = columns;
        } else if section.take(row, stamp)? {
            lines += 1;
            continue;
        } else {
            if account_at.is_none() && names_account(row) {
                account_at = Some(section.others.len());
            }
            section.others.push(row);
        }
        beside += usize::from(row.cells().next().is_some());
        if beside > MOST_BESIDE + lines {
            return Err(no_lines());
        }
    }
    done.push(section);
    Ok(done)
}

/// Each row beside the lines is read for what it says of the account; a file of nothing else would take for ever.
fn no_lines() -> Refusal {
    Refusal::new(
        Kind::Meaning,
        "statement-without-lines",
        format!("Tệp có hơn {MOST_BESIDE} dòng không phải giao dịch. Hãy tải lại sao kê từ ngân hàng."),
        format!("More than {MOST_BESIDE} rows of the file are no transfers. Download the statement again."),
    )
}

fn names_account(row: &Row) -> bool {
    row.cells().take(WIDEST).any(|(_, text)| heading::label(text) == Some(Label::Account))
}

/// Where the first heading is, in one row or in two of which the upper one spans columns of the lower.
fn first_heading(sheet: &Sheet) -> Option<(usize, Columns, usize)> {
    let top = &sheet.rows[..sheet.rows.len().min(heading::DEEPEST)];
    let single = top.iter().enumerate().find_map(|(at, row)| Some((at, heading::columns(row)?, 1)));
    single.or_else(|| {
        let mut pairs = top.windows(2).enumerate();
        pairs.find_map(|(at, pair)| Some((at, heading::columns(&pair[0].joined(&pair[1]))?, 2)))
    })
}

impl<'a> Section<'a> {
    /// Takes a row as a line, or as the rest of one; false when it is neither.
    fn take(&mut self, row: &'a Row, stamp: Option<Stamp>) -> Result<bool, Refusal> {
        let Columns { date, debit, credit, text, reference, .. } = self.columns;
        let places = [Some(credit), debit, self.columns.fees[0], self.columns.fees[1]];
        let moves = places.into_iter().flatten().any(|at| !row.text(at).is_empty());
        let written = row.text(date);
        if !moves {
            let is_rest = text.is_some_and(|at| at > 0 && row.cells().all(|(column, _)| column == at))
                && self.lines.last().is_some_and(|last| last.row.number + last.more.len() + 1 == row.number);
            if let (Some(at), Some(last), true) = (text, self.lines.last_mut(), is_rest) {
                last.more.push(row.text(at));
            }
            return Ok(is_rest);
        }
        // `Cộng ngày 22/11/2026` sums a day up; it is no transfer of that day.
        let is_subtotal = heading::is_total(written);
        if let Some(stamp) = stamp.filter(|_| !is_subtotal) {
            // What a conversion wrapped is followed by lines; what follows the last line is a footer.
            self.lines.push(Raw { row, stamp, more: Vec::new() });
            return Ok(true);
        }
        if is_subtotal {
            return Ok(false);
        }
        // A sum's label may stand where a transfer has its number.
        let unnumbered = reference.is_none_or(|at| row.text(at).is_empty() || heading::is_total(row.text(at)));
        if (heading::is_sum(row) && (unnumbered || !written.is_empty())) || numbers_columns(row) {
            return Ok(false);
        }
        match self.lines.last() {
            Some(last) if written.is_empty() => {
                let stamp = Stamp { day: last.stamp.day, time: None, rest: String::new() };
                self.lines.push(Raw { row, stamp, more: Vec::new() });
                Ok(true)
            }
            _ => Err(Refusal::new(
                Kind::Meaning,
                "statement-date",
                "Có ô ngày không đọc được: cần dạng 22/11/2026 hoặc 2026-11-22.",
                "A date cannot be read: it must look like 22/11/2026 or 2026-11-22.",
            )
            .at(row.address(date), "ngày không đọc được", "not a date")),
        }
    }

    /// One part, or one for each account that a column names.
    fn parts(mut self) -> Result<Vec<Part>, Refusal> {
        if let Some(last) = self.lines.last_mut() {
            last.more.clear();
        }
        let Some(column) = self.columns.account else { return Ok(vec![self.part()?]) };
        let mut groups: Vec<(String, Vec<Raw<'a>>)> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut current = String::new();
        for raw in std::mem::take(&mut self.lines) {
            if let Some(number) = numbers_in(raw.row.text(column)).pop() {
                current = number;
            }
            let place = *places.entry(current.clone()).or_insert(groups.len());
            if place == groups.len() {
                groups.push((current.clone(), Vec::new()));
            }
            groups[place].1.push(raw);
        }
        let alone = groups.len() <= 1;
        let mut parts = Vec::new();
        for (account, lines) in groups {
            let others = if alone { std::mem::take(&mut self.others) } else { Vec::new() };
            let mut part = Section { columns: self.columns, lines, others, above: self.above }.part()?;
            part.account = Some(account).filter(|account| !account.is_empty()).or(part.account);
            part.numbers.extend(part.account.clone());
            parts.push(part);
        }
        if parts.is_empty() { Ok(vec![self.part()?]) } else { Ok(parts) }
    }

    fn part(mut self) -> Result<Part, Refusal> {
        // A column headed as a kind is one of sides only where its cells say so.
        let says = |at: &usize| self.lines.iter().any(|raw| heading::comes(raw.row.text(*at)).is_some());
        self.columns.side = self.columns.side.filter(says);
        let grouping = self.grouping()?;
        let printed = self.printed(grouping);
        let (account, numbers) = self.accounts();
        let entries = self.entries(grouping, printed)?;
        self.check_sides(&entries, printed)?;
        let Columns { credit, debit, balance, .. } = self.columns;
        let places = Places { credit: Some(credit), debit, balance };
        Ok(Part { account, numbers, printed, entries, places })
    }

    /// Money that left must not be read as money that came: amounts in one column are believed with a sign, with a word
    /// beside each, or where balances prove them.
    fn check_sides(&self, entries: &[Entry], printed: Printed) -> Result<(), Refusal> {
        let Columns { is_bare, side, credit, .. } = self.columns;
        let is_signed = || entries.iter().any(|entry| entry.line.amount < 0);
        let is_proved = || entries.iter().all(|entry| entry.line.balance.is_some());
        let is_checked = || printed.opening.is_some() && printed.closing.is_some();
        let Some(first) = self.lines.first().filter(|_| is_bare && side.is_none()) else { return Ok(()) };
        if is_signed() || is_proved() || is_checked() {
            return Ok(());
        }
        Err(Refusal::new(
            Kind::Meaning,
            "statement-one-column",
            "Sao kê chỉ có một cột số tiền, không có dấu, cột nợ/có hay số dư, nên không biết tiền vào hay ra. Hãy tải mẫu sao kê có số dư.",
            "The statement has one column of amounts without a sign, a side or a balance, so nothing says whether money came or left. Download a layout with balances.",
        )
        .at(first.row.address(credit), "tiền vào hay ra?", "in or out?"))
    }

    /// The amount with the sign that the word beside it gives.
    fn sided(&self, row: &Row, amount: i64) -> Result<i64, Refusal> {
        let Some(at) = self.columns.side.filter(|_| amount != 0) else { return Ok(amount) };
        match heading::comes(row.text(at)) {
            Some(false) => Ok(-amount.abs()),
            Some(true) if amount > 0 => Ok(amount),
            _ => Err(both_sides().at(row.address(at), "không rõ tiền vào hay ra", "money in or out?")),
        }
    }

    /// The one way in which every amount of the table can be read.
    fn grouping(&self) -> Result<Grouping, Refusal> {
        let Columns { credit, debit, balance, fees, .. } = self.columns;
        let places: Vec<usize> = [Some(credit), debit, balance, fees[0], fees[1]].into_iter().flatten().collect();
        let wrong = |grouping| {
            let cells = self.lines.iter().flat_map(|raw| places.iter().map(|column| (raw.row, *column)));
            let mut cells = cells.filter(|(row, column)| !is_blank(row.text(*column)));
            cells.find_map(|(row, column)| {
                amount::read(row.text(column), grouping).err().map(|problem| (problem, row.address(column)))
            })
        };
        let Some(by_dots) = wrong(Grouping::Dots) else { return Ok(Grouping::Dots) };
        let Some(by_commas) = wrong(Grouping::Commas) else { return Ok(Grouping::Commas) };
        let fraction = [&by_dots, &by_commas].into_iter().find(|(problem, _)| *problem == NotAmount::Fraction);
        if let Some((_, cell)) = fraction {
            return Err(Refusal::new(
                Kind::Meaning,
                "statement-fraction",
                "Có số tiền lẻ dưới một đồng.",
                "An amount has a fraction of a đồng.",
            )
            .at(cell, "lẻ dưới một đồng", "a fraction of a đồng"));
        }
        let cell = if by_dots.1 == by_commas.1 { by_dots.1 } else { format!("{}, {}", by_dots.1, by_commas.1) };
        Err(Refusal::new(
            Kind::Meaning,
            "statement-amount",
            "Có số tiền không đọc được, hoặc tệp viết lẫn lộn 1.250.000 và 1,250,000.",
            "An amount cannot be read, or the file mixes 1.250.000 with 1,250,000.",
        )
        .at(cell, "số tiền không đọc được", "not an amount as the rest of the file writes them"))
    }

    /// Balances, sums, count and period that stand around the lines.
    fn printed(&self, grouping: Grouping) -> Printed {
        let mut printed = Printed::default();
        let mut words = String::new();
        for row in &self.others {
            for (column, text) in row.cells().take(WIDEST) {
                let value = || self.value_beside(row, column, text, grouping);
                match heading::label(text) {
                    Some(Label::Opening) => printed.opening = printed.opening.or_else(value),
                    Some(Label::Closing) => printed.closing = value().or(printed.closing),
                    Some(Label::Count) => printed.count = value().and_then(|count| usize::try_from(count).ok()),
                    Some(Label::Sums) => self.take_sums(row, grouping, &mut printed),
                    _ => {}
                }
                if words.len() < 4_000 && text.len() < 400 {
                    words.push_str(&crate::roll::folded(text));
                    words.push(' ');
                }
            }
        }
        printed.period = dates::period(&words);
        printed
    }

    /// The amount after a label: in its own cell, in the balance's column, else in the next cell that is one.
    fn value_beside(&self, row: &Row, column: usize, text: &str, grouping: Grouping) -> Option<i64> {
        let own = text.rsplit_once(':').and_then(|(_, value)| amount::read(value, grouping).ok());
        let balance = || self.columns.balance.and_then(|at| amount::read(row.text(at), grouping).ok());
        let beside = || {
            let mut after = row.cells().take(WIDEST).filter(|(at, _)| *at > column);
            after.find_map(|(_, text)| amount::read(text, grouping).ok())
        };
        own.or_else(balance).or_else(beside)
    }

    fn take_sums(&self, row: &Row, grouping: Grouping, printed: &mut Printed) {
        let value = |column: usize| amount::read(row.text(column), grouping).ok();
        let came = value(self.columns.credit);
        let went = self.columns.debit.and_then(value);
        if came.is_some() || went.is_some() {
            (printed.came, printed.went) = (came.or(went.map(|_| 0)), went.or(came.map(|_| 0)));
        }
    }

    /// The number that is headed as the account's, and all runs of digits that might be it.
    fn accounts(&self) -> (Option<String>, Vec<String>) {
        let (mut account, mut numbers) = (None, Vec::new());
        for row in self.others.iter().take(self.above) {
            let mut is_old = false;
            for (column, text) in row.cells().take(WIDEST) {
                let label = heading::label(text);
                is_old |= label == Some(Label::OldAccount);
                if label == Some(Label::Account) {
                    is_old = false;
                    let mut after = row.cells().take(WIDEST).filter(|(at, _)| *at >= column);
                    let found =
                        after.find_map(|(_, text)| numbers_in(text).into_iter().next().or_else(|| masked(text)));
                    account = account.or(found);
                }
                if !is_old {
                    numbers.extend(numbers_in(text));
                }
            }
        }
        (account, numbers)
    }

    /// The lines in the reading of signs and fees that the balances follow best.
    fn entries(&self, grouping: Grouping, printed: Printed) -> Result<Vec<Entry>, Refusal> {
        let mut best: Option<(usize, Vec<Entry>)> = None;
        let fees: &[Fees] = if self.columns.fees.iter().any(Option::is_some) {
            &[Fees::Signed, Fees::Cost, Fees::Told]
        } else {
            &[Fees::Told]
        };
        for fees in fees {
            for debits in [Debits::Leave, Debits::Signed, Debits::Turned] {
                let mut entries = Vec::with_capacity(self.lines.len());
                for raw in &self.lines {
                    entries.extend(self.entry(raw, grouping, *fees, debits)?);
                }
                let breaks = chain::order(&entries, printed).1.len();
                if best.as_ref().is_none_or(|(fewest, _)| breaks < *fewest) {
                    best = Some((breaks, entries));
                }
                let mixed =
                    || self.lines.iter().any(|raw| self.columns.debit.is_some_and(|at| raw.row.text(at).contains('-')));
                if breaks == 0 || !mixed() {
                    break;
                }
            }
            if best.as_ref().is_some_and(|(fewest, _)| *fewest == 0) {
                break;
            }
        }
        Ok(best.map(|(_, entries)| entries).unwrap_or_default())
    }

    fn entry(&self, raw: &Raw<'_>, grouping: Grouping, fees: Fees, debits: Debits) -> Result<Option<Entry>, Refusal> {
        let row = raw.row;
        let Columns { debit, credit, balance, reference, text, .. } = self.columns;
        let value = |column: Option<usize>| {
            let text = column.map_or("", |column| row.text(column));
            if is_blank(text) { None } else { amount::read(text, grouping).ok() }
        };
        let (came, went, balance) = (value(Some(credit)).unwrap_or(0), value(debit).unwrap_or(0), value(balance));
        let amount = match (self.sided(row, came)?, went) {
            (0, went) => debits.amount(went),
            (came, 0) if came > 0 || debit.is_none() || balance.is_some() => came,
            _ => return Err(both_sides().at(row.address(credit), "không rõ tiền vào hay ra", "money in or out?")),
        };
        let fee = self.columns.fees.into_iter().map(|column| fees.amount(value(column).unwrap_or(0))).sum();
        if amount == 0 && fee == 0 {
            return Ok(None);
        }
        let verbatim = |column: Option<usize>| column.map_or("", |column| row.text(column)).replace('\0', " ");
        let mut text = verbatim(text).trim().to_owned();
        for more in &raw.more {
            text.push('\n');
            text.push_str(more);
        }
        let number = reference.map_or_else(|| raw.stamp.rest.clone(), |at| verbatim(Some(at)).trim().to_owned());
        let ordinal = self.columns.ordinal.and_then(|at| row.text(at).parse().ok());
        let at = self.acted_at(raw, &text);
        let line = StatementLine { row: row.number, day: raw.stamp.day, at, amount, balance, reference: number, text };
        Ok(Some(Entry { line, fee, ordinal }))
    }

    /// When the payer acted: the column or the text that has a time, else the other day, else the day of the books.
    fn acted_at(&self, raw: &Raw<'_>, text: &str) -> Moment {
        let other = self.columns.other_date.and_then(|at| dates::stamp(raw.row.text(at)));
        let other = other.filter(|stamp: &Stamp| dates::is_near(stamp.day, raw.stamp.day));
        let timed = |stamp: &Stamp| stamp.time.is_some();
        let told = || dates::told_near(text, raw.stamp.day);
        let own = Some(raw.stamp.clone());
        let found = other.clone().filter(timed).or_else(|| own.filter(timed)).or_else(told).or(other);
        found.unwrap_or_else(|| raw.stamp.clone()).at()
    }
}

fn both_sides() -> Refusal {
    Refusal::new(
        Kind::Meaning,
        "statement-both-sides",
        "Một dòng vừa ghi nợ vừa ghi có, hoặc ghi có số âm.",
        "A line has both debit and credit, or a negative credit.",
    )
}

/// How a file writes what left.
#[derive(Clone, Copy)]
enum Debits {
    /// With a minus or without, it left.
    Leave,
    /// With a minus it left, without it came back.
    Signed,
    /// Without a minus it left, with one it came back.
    Turned,
}

impl Debits {
    fn amount(self, went: i64) -> i64 {
        match self {
            Debits::Leave => -went.abs(),
            Debits::Signed => went,
            Debits::Turned => -went,
        }
    }
}

/// What a column of fees or taxes does to the balance.
#[derive(Clone, Copy)]
enum Fees {
    /// As signed; an interest comes.
    Signed,
    /// It leaves, whatever its sign.
    Cost,
    /// It is told only, and part of the amount already.
    Told,
}

impl Fees {
    fn amount(self, fee: i64) -> i64 {
        match self {
            Fees::Signed => fee,
            Fees::Cost => -fee.abs(),
            Fees::Told => 0,
        }
    }
}

fn is_blank(text: &str) -> bool {
    matches!(text.trim(), "" | "-" | "–")
}

/// The row `(1) (2) (3) …` that some banks print below the heading.
fn numbers_columns(row: &Row) -> bool {
    let number = |text: &str| text.trim_matches(['(', ')', '[', ']', ' ']).parse::<usize>().ok();
    let numbers: Vec<Option<usize>> = row.cells().map(|(_, text)| number(text)).collect();
    let first = numbers.first().copied().flatten().unwrap_or_default();
    numbers.len() >= 4 && numbers.iter().zip(first..).all(|(number, wanted)| *number == Some(wanted))
}

/// Runs of at least six digits, blanks within a run forgiven.
/// `1903XXXXXX888` or `1903******888`, as some banks print an account's number; the mask in one letter.
fn masked(text: &str) -> Option<String> {
    let is_mask = |letter: char| matches!(letter, 'x' | 'X' | '*');
    let word = text.split_whitespace().find(|word| {
        let digits = word.chars().filter(char::is_ascii_digit).count();
        digits >= 3 && word.chars().filter(|letter| is_mask(*letter)).count() >= 2
    })?;
    let plain = word.chars().map(|letter| if is_mask(letter) { 'X' } else { letter });
    let number: String = plain.filter(|letter| letter.is_ascii_digit() || *letter == 'X').collect();
    number.contains('X').then_some(number)
}

fn numbers_in(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut run = String::new();
    for letter in text.chars().chain(['/']) {
        match letter {
            '0'..='9' => run.push(letter),
            ' ' | '\u{a0}' | '.' | '-' if !run.is_empty() => {}
            _ => {
                if run.len() >= 6 {
                    found.push(std::mem::take(&mut run));
                }
                run.clear();
            }
        }
    }
    found
}
