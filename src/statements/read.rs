//! A bank's file as people download it, read into lines whose balances follow one another.

use jiff::civil::DateTime;

use super::amount::{self, Grouping, NotAmount};
use super::heading::{self, Columns};
use crate::fault::{Kind, Refusal};
use crate::roll::sheet::{self, Row, Sheet};
use crate::time::{Day, Moment};

/// A statement as its file tells it, the oldest line first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Runs of digits above the table, among which the account's number may be.
    pub numbers: Vec<String>,
    /// Its lines.
    pub lines: Vec<StatementLine>,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementLine {
    /// The row as a spreadsheet numbers it.
    pub row: usize,
    /// The day it was booked.
    pub day: Day,
    /// The instant, when the file says it; else the day's beginning.
    pub at: Moment,
    /// Positive: money came.
    pub amount: i64,
    /// The balance afterwards.
    pub balance: Option<i64>,
    /// As the bank wrote it, possibly empty.
    pub reference: String,
    /// The transfer text.
    pub text: String,
}

/// A line whose amounts are still texts.
struct Raw<'a> {
    row: &'a Row,
    at: Moment,
}

/// Reads a file. Formulas are not evaluated; nothing is stored.
///
/// # Errors
/// Refused with the cell: no heading, a date or an amount that cannot be read, a part of a đồng, a balance that
/// does not
/// follow.
pub fn read(bytes: &[u8], filename: &str) -> Result<Statement, Refusal> {
    let sheets = sheet::read(bytes, filename)?;
    let found = sheets.iter().find_map(|sheet| {
        let mut rows = sheet.rows.iter().take(heading::DEEPEST).enumerate();
        rows.find_map(|(at, row)| heading::columns(row).map(|columns| (sheet, at, columns)))
    });
    let Some((sheet, header, columns)) = found else {
        return Err(Refusal::new(
            Kind::Shape,
            "no-statement-heading",
            "Không tìm thấy dòng tiêu đề của sao kê: cần các cột ngày, ghi nợ, ghi có và nội dung.",
            "There is no heading of a statement: it needs columns for date, debit, credit and text.",
        ));
    };
    let raw = raw_lines(sheet, header, columns)?;
    let grouping = grouping(&raw, columns)?;
    let mut lines = Vec::with_capacity(raw.len());
    for raw in &raw {
        if let Some(line) = line(raw, columns, grouping)? {
            lines.push(line);
        }
    }
    put_in_order(&mut lines, columns)?;
    Ok(Statement { numbers: numbers(&sheet.rows[..header]), lines })
}

/// Rows that tell of a transfer. A date left blank is that of the row above.
fn raw_lines(sheet: &Sheet, header: usize, columns: Columns) -> Result<Vec<Raw<'_>>, Refusal> {
    let mut lines: Vec<Raw> = Vec::new();
    for row in &sheet.rows[header + 1..] {
        let moves = [Some(columns.credit), columns.debit].into_iter().flatten().any(|at| !row.text(at).is_empty());
        if !moves || heading::columns(row).is_some() {
            continue;
        }
        let date = row.text(columns.date);
        let at = match instant(date) {
            Some(at) => at,
            None if heading::is_sum(row) => continue,
            None if date.is_empty() && !lines.is_empty() => lines[lines.len() - 1].at.day().begins(),
            None => {
                let refusal = Refusal::new(
                    Kind::Meaning,
                    "statement-date",
                    "Có ô ngày không đọc được: cần dạng 22/11/2026 hoặc 2026-11-22.",
                    "A date cannot be read: it must look like 22/11/2026 or 2026-11-22.",
                );
                return Err(refusal.at(row.address(columns.date), "ngày không đọc được", "not a date"));
            }
        };
        lines.push(Raw { row, at });
    }
    Ok(lines)
}

/// The one way in which every amount of the file can be read.
fn grouping(raw: &[Raw<'_>], columns: Columns) -> Result<Grouping, Refusal> {
    let places: Vec<usize> = [Some(columns.credit), columns.debit, columns.balance].into_iter().flatten().collect();
    let wrong = |grouping| {
        let cells = raw.iter().flat_map(|raw| places.iter().map(|column| (raw.row, *column)));
        let mut cells = cells.filter(|(row, column)| !is_blank(row.text(*column)));
        cells.find_map(|(row, column)| {
            amount::read(row.text(column), grouping).err().map(|problem| (problem, row.address(column)))
        })
    };
    let (Some(by_dots), Some(by_commas)) = (wrong(Grouping::Dots), wrong(Grouping::Commas)) else {
        let dots = wrong(Grouping::Dots).is_none();
        return Ok(if dots { Grouping::Dots } else { Grouping::Commas });
    };
    let fraction = [&by_dots, &by_commas].into_iter().find(|(problem, _)| *problem == NotAmount::Fraction);
    if let Some((_, cell)) = fraction {
        let refusal = Refusal::new(
            Kind::Meaning,
            "statement-fraction",
            "Có số tiền lẻ dưới một đồng.",
            "An amount has a fraction of a đồng.",
        );
        return Err(refusal.at(cell, "lẻ dưới một đồng", "a fraction of a đồng"));
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

fn is_blank(text: &str) -> bool {
    matches!(text.trim(), "" | "-" | "–")
}

fn line(raw: &Raw<'_>, columns: Columns, grouping: Grouping) -> Result<Option<StatementLine>, Refusal> {
    let row = raw.row;
    let value = |column: Option<usize>| {
        let text = column.map_or("", |column| row.text(column));
        if is_blank(text) { None } else { amount::read(text, grouping).ok() }
    };
    let credit = value(Some(columns.credit)).unwrap_or_default();
    // Some banks write what left with a minus, some without.
    let debit = value(columns.debit).unwrap_or_default().abs();
    let both = || {
        let refusal = Refusal::new(
            Kind::Meaning,
            "statement-both-sides",
            "Một dòng vừa ghi nợ vừa ghi có, hoặc ghi có số âm.",
            "A line has both debit and credit, or a negative credit.",
        );
        refusal.at(row.address(columns.credit), "không rõ tiền vào hay ra", "money in or out?")
    };
    let amount = match (credit, debit) {
        (0, 0) => return Ok(None),
        (0, debit) => -debit,
        (credit, 0) if credit > 0 || columns.debit.is_none() => credit,
        _ => return Err(both()),
    };
    let text =
        |column: Option<usize>| column.map_or("", |column| row.text(column)).replace('\0', " ").trim().to_owned();
    Ok(Some(StatementLine {
        row: row.number,
        day: raw.at.day(),
        at: raw.at,
        amount,
        balance: value(columns.balance),
        reference: text(columns.reference),
        text: text(columns.text),
    }))
}

/// Turns a file that begins with the newest line, and checks that every balance follows from the one before it.
fn put_in_order(lines: &mut [StatementLine], columns: Columns) -> Result<(), Refusal> {
    let forward = broken(lines.iter());
    let Some(at) = forward else {
        if broken(lines.iter().rev()).is_none()
            && lines.first().map(|line| line.day) > lines.last().map(|line| line.day)
        {
            lines.reverse();
        }
        return Ok(());
    };
    if broken(lines.iter().rev()).is_none() {
        lines.reverse();
        return Ok(());
    }
    let column = sheet::column_letters(columns.balance.unwrap_or_default());
    let refusal = Refusal::new(
        Kind::Meaning,
        "statement-balance-breaks",
        format!("Số dư ở dòng {at} không khớp với dòng trước: sao kê thiếu dòng hoặc bị sửa."),
        format!("The balance in row {at} does not follow from the line before: a line is missing or was changed."),
    );
    Err(refusal.at(format!("{column}{at}"), "số dư không khớp", "does not follow"))
}

/// The row of the first balance that does not follow.
fn broken<'a>(lines: impl Iterator<Item = &'a StatementLine>) -> Option<usize> {
    let mut before: Option<i64> = None;
    for line in lines {
        let expected = before.and_then(|before| before.checked_add(line.amount));
        if let (Some(balance), Some(_)) = (line.balance, before)
            && expected != Some(balance)
        {
            return Some(line.row);
        }
        before = line.balance;
    }
    None
}

/// Runs of at least six digits above the table, blanks within a run forgiven.
fn numbers(rows: &[Row]) -> Vec<String> {
    let mut found = Vec::new();
    for row in rows {
        for (_, text) in row.cells() {
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
        }
    }
    found
}

/// `22/11/2026`, `2026-11-22`, each perhaps with a time.
fn instant(text: &str) -> Option<Moment> {
    let text = text.trim().replace('T', " ");
    let (date, time) = text.split_once([' ', '\n']).map_or((text.as_str(), ""), |(date, time)| (date, time.trim()));
    let parts: Vec<&str> = date.split(['/', '-', '.']).collect();
    let [one, two, three] = parts.as_slice() else { return None };
    let (year, month, day) = if one.len() == 4 { (one, two, three) } else { (three, two, one) };
    if year.len() != 4 {
        return None;
    }
    let day = Day::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)?;
    if time.is_empty() {
        return Some(day.begins());
    }
    let time = if time.matches(':').count() == 1 { format!("{time}:00") } else { time.to_owned() };
    let civil: DateTime = format!("{day}T{time:0>8}").parse().ok()?;
    Moment::from_civil(civil)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str =
        "SAO KÊ TÀI KHOẢN\nSố tài khoản: 0881 000 123 456\n\nNgày,Số tham chiếu,Ghi nợ,Ghi có,Số dư,Nội dung\n";

    fn of(rows: &str) -> Result<Statement, Refusal> {
        read(format!("{HEAD}{rows}").as_bytes(), "x.csv")
    }

    fn amounts(rows: &str) -> Vec<i64> {
        of(rows).expect("a statement").lines.iter().map(|line| line.amount).collect()
    }

    fn refused(rows: &str) -> (&'static str, String) {
        let refusal = of(rows).expect_err("a refusal");
        (refusal.code, refusal.places.first().map(|place| place.at.clone()).unwrap_or_default())
    }

    #[test]
    fn lines_are_read_below_titles_in_every_way_of_writing_amounts() {
        let plain = "22/11/2026 08:14:02,FT1,,1250000,2250000,RF\n23/11/2026,F2,-50000,,2200000,phi\nTổng số,,50000,1250000,,\n";
        assert_eq!(amounts(plain), [1_250_000, -50_000]);
        let dots = "22/11/2026,FT1,,1.250.000,\"2.250.000,00\",RF\n,F2,50.000,,2.200.000,phi\n";
        assert_eq!(amounts(dots), [1_250_000, -50_000]);
        let commas = "2026-11-22,FT1,,\"1,250,000\",\"2,250,000.00\",RF\n2026-11-22 09:00:00,F2,\"50,000\",-,\"2,200,000\",phi\n";
        assert_eq!(amounts(commas), [1_250_000, -50_000]);
        let statement = of(plain).expect("a statement");
        assert_eq!(statement.numbers, ["0881000123456"]);
        assert_eq!(statement.lines[0].at.rfc3339(), "2026-11-22T08:14:02+07:00");
        assert_eq!((statement.lines[0].row, statement.lines[0].reference.as_str()), (5, "FT1"));
    }

    #[test]
    fn a_file_that_begins_with_the_newest_line_is_turned() {
        assert_eq!(amounts("23/11/2026,b,,20,130,x\n22/11/2026,a,,10,110,x\n"), [10, 20]);
        assert_eq!(amounts("23/11/2026,b,,20,,x\n22/11/2026,a,,10,,x\n"), [10, 20]);
    }

    #[test]
    fn what_cannot_be_right_is_refused_with_its_cell() {
        assert_eq!(refused("22/11/2026,a,,10,110,x\n22/11/2026,b,,20,131,x\n").0, "statement-balance-breaks");
        assert_eq!(refused("22/11/2026,a,,10.5,,x\n"), ("statement-fraction", "D5".to_owned()));
        assert_eq!(refused("22/11/2026,a,,1.250.000,\"2,250,000\",x\n").0, "statement-amount");
        assert_eq!(refused("31/02/2026,a,,10,,x\n"), ("statement-date", "A5".to_owned()));
        assert_eq!(refused("22/11/2026,a,5,10,,x\n").0, "statement-both-sides");
        assert_eq!(refused("22/11/2026,a,,-10,,x\n").0, "statement-both-sides");
        assert_eq!(read(b"a,b\n1,2\n", "x.csv").expect_err("no heading").code, "no-statement-heading");
    }
}
