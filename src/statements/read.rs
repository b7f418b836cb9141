//! A bank's file as people download it, read into lines whose balances follow one another.

use super::chain::{self, Part};
use super::{camt, hole, mt940, table};
use crate::fault::{Kind, Refusal};
use crate::roll::sheet;
use crate::time::{Day, Moment};

/// The most lines a statement may have.
pub const MOST_LINES: usize = 100_000;

/// A statement of one account as its file tells it, the oldest line first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Statement {
    /// The account's number, when the file names it as such.
    pub account: Option<String>,
    /// Runs of digits above the table, among which the account's number may be.
    pub numbers: Vec<String>,
    /// The balance before the first line, when it is printed.
    pub opening: Option<i64>,
    /// The balance after the last line, when it is printed.
    pub closing: Option<i64>,
    /// The days it was asked for, when they are printed.
    pub period: Option<(Day, Day)>,
    /// The days of which every line is here: proved by the balances, never where there is a hole. A file that was
    /// downloaded on the last of them cannot know what came later on that day.
    pub complete: Option<(Day, Day)>,
    /// Where lines are missing.
    pub holes: Vec<Hole>,
    /// Its lines.
    pub lines: Vec<StatementLine>,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementLine {
    /// The row as a spreadsheet numbers it; in a file without rows, the line of text it begins on.
    pub row: usize,
    /// The day it was booked.
    pub day: Day,
    /// The instant the payer acted, when the file says it, else the beginning of that day.
    pub at: Moment,
    /// Positive: money came.
    pub amount: i64,
    /// The balance afterwards.
    pub balance: Option<i64>,
    /// As the bank wrote it, possibly empty.
    pub reference: String,
    /// The transfer text as the bank wrote it, its blanks and line breaks kept: what finds a payment reference in it
    /// looks past them.
    pub text: String,
}

/// Lines that a file lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hole {
    /// The row before it; none when the statement begins with it.
    pub after_row: Option<usize>,
    /// The row after it; none when the statement ends with it.
    pub before_row: Option<usize>,
    /// The instant of the line before it.
    pub from: Moment,
    /// The instant of the line after it.
    pub to: Moment,
    /// What the missing lines come to, when the line after them is right.
    pub missing: i64,
    /// The line after it, when nothing tells a missing line from a changed amount in this one. It is not among the
    /// lines.
    pub withheld: Option<StatementLine>,
}

impl Hole {
    /// `thiếu từ 09:12 đến 11:40 ngày 14/10/2026`
    pub fn vietnamese(&self) -> String {
        hole::vietnamese(self.from, self.to)
    }

    /// `missing from 09:12 to 11:40 on 14/10/2026`
    pub fn english(&self) -> String {
        hole::english(self.from, self.to)
    }
}

/// Reads a file of one account. Formulas are not evaluated; nothing is stored.
///
/// # Errors
/// Refused with the cell: no heading, a date or an amount that cannot be read, a part of a đồng, a changed row; and a
/// file with several accounts, for which there is [`read_all`].
pub fn read(bytes: &[u8], filename: &str) -> Result<Statement, Refusal> {
    let mut all = read_all(bytes, filename)?;
    match (all.pop(), all.is_empty()) {
        (Some(statement), true) => Ok(statement),
        _ => Err(Refusal::new(
            Kind::Meaning,
            "statement-many-accounts",
            "Tệp có sao kê của nhiều tài khoản: hãy chọn tài khoản cần nhập.",
            "The file has statements of several accounts: choose the account to bring in.",
        )),
    }
}

/// Reads a file into one statement for each account it has, at least one.
///
/// # Errors
/// As [`read`], without the last.
pub fn read_all(bytes: &[u8], filename: &str) -> Result<Vec<Statement>, Refusal> {
    if let Some(text) = sheet::plain_text(bytes)? {
        if mt940::is_one(&text) {
            return mt940::statements(&text);
        }
        if camt::is_one(&text) {
            return camt::statements(&text);
        }
    }
    let parts = table::parts(&sheet::read(bytes, filename)?)?;
    let lines: usize = parts.iter().map(|part: &Part| part.entries.len()).sum();
    if lines > MOST_LINES {
        return Err(too_many_lines());
    }
    parts.into_iter().map(chain::settled).collect()
}

pub(super) fn too_many_lines() -> Refusal {
    Refusal::new(
        Kind::TooLarge,
        "too-many-lines",
        "Sao kê có hơn 100.000 dòng hoặc 10.000 điện; hãy chia nhỏ rồi gửi lại.",
        "The statement has more than 100,000 lines or 10,000 messages; please split it and send it again.",
    )
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    const HEAD: &str =
        "SAO KÊ TÀI KHOẢN\nSố tài khoản: 0881 000 123 456\n\nNgày,Số tham chiếu,Ghi nợ,Ghi có,Số dư,Nội dung\n";

    fn of(rows: &str) -> Result<Statement, Refusal> {
        read(format!("{HEAD}{rows}").as_bytes(), "x.csv")
    }

    fn sums(statement: &Statement) -> Vec<i64> {
        statement.lines.iter().map(|line| line.amount).collect()
    }

    fn amounts(rows: &str) -> Vec<i64> {
        sums(&of(rows).expect("a statement"))
    }

    fn refused(rows: &str) -> (&'static str, String) {
        told(&of(rows).expect_err("a refusal"))
    }

    fn told(refusal: &Refusal) -> (&'static str, String) {
        (refusal.code, refusal.places.first().map(|place| place.at.clone()).unwrap_or_default())
    }

    #[test]
    fn lines_are_read_below_titles_in_every_way_of_writing_amounts() {
        let plain = "22/11/2026 08:14:02,FT1,,1250000,2250000,RF\n23/11/2026,F2,-50000,,2200000,phi\nTổng số,,50000,1250000,,\n";
        assert_eq!(amounts(plain), [1_250_000, -50_000]);
        let labelled = plain.replace("Tổng số,,50000", ",Tổng cộng,50000");
        assert_eq!(amounts(&labelled), [1_250_000, -50_000], "the label where numbers stand");
        let dots = "22/11/2026,FT1,,1.250.000,\"2.250.000,00\",RF\n,F2,50.000,,2.200.000,phi\n";
        assert_eq!(amounts(dots), [1_250_000, -50_000]);
        let commas = "2026-11-22,FT1,,\"1,250,000\",\"2,250,000.00\",RF\n2026-11-22 09:00:00,F2,\"50,000\",-,\"2,200,000\",phi\n";
        assert_eq!(amounts(commas), [1_250_000, -50_000]);
        let statement = of(plain).expect("a statement");
        assert_eq!(
            (statement.account.as_deref(), &*statement.numbers),
            (Some("0881000123456"), &["0881000123456".to_owned()][..])
        );
        assert_eq!(statement.lines[0].at.rfc3339(), "2026-11-22T08:14:02+07:00");
        assert_eq!((statement.lines[0].row, statement.lines[0].reference.as_str()), (5, "FT1"));
    }

    #[test]
    fn a_file_of_windows_is_read_line_by_line_as_any_other() {
        let plain = "22/11/2026,FT1,,1250000,2250000,RF\n23/11/2026,F2,-50000,,2200000,phi\n";
        let windows = format!("{HEAD}{plain}").replace('\n', "\r\n");
        let read_windows = read(windows.as_bytes(), "sao-ke.csv").expect("a statement");
        assert_eq!(read_windows, of(plain).expect("a statement"));
        let alone = format!("{}\r\n{}", HEAD.lines().last().unwrap_or_default(), plain.replace('\n', "\r\n"));
        let alone = read(alone.as_bytes(), "sao-ke.csv").expect("a heading in the first line");
        let told: Vec<(usize, &str)> = alone.lines.iter().map(|line| (line.row, line.text.as_str())).collect();
        assert_eq!(told, [(2, "RF"), (3, "phi")]);
    }

    #[test]
    fn a_file_that_begins_with_the_newest_line_is_turned() {
        assert_eq!(amounts("23/11/2026,b,,20,130,x\n22/11/2026,a,,10,110,x\n"), [10, 20]);
        assert_eq!(amounts("23/11/2026,b,,20,,x\n22/11/2026,a,,10,,x\n"), [10, 20]);
    }

    #[test]
    fn as_many_rows_as_there_are_lines_may_stand_beside_them_and_two_thousand() {
        let line = "22/11/2026,a,,10,,x\n";
        let beside = |count: usize| format!("{line}{line}{}", ",ten nguoi nop,,,,\n".repeat(count));
        assert_eq!(amounts(&beside(2_001)), [10, 10]);
        assert_eq!(amounts(&beside(2_002)), [10, 10]);
        assert_eq!(code(&format!("{HEAD}{}", beside(2_003))), "statement-without-lines");
    }

    #[test]
    fn what_cannot_be_right_is_refused_with_its_cell() {
        assert_eq!(refused("22/11/2026,a,,10,110,x\n22/11/2026,b,,20,131,x\n").0, "statement-balance-breaks");
        assert_eq!(refused("22/11/2026,a,,10.5,,x\n"), ("statement-fraction", "D5".to_owned()));
        assert_eq!(refused("22/11/2026,a,,1.250.000,\"2,250,000\",x\n").0, "statement-amount");
        assert_eq!(refused("31/02/2026,a,,10,,x\n"), ("statement-date", "A5".to_owned()));
        assert_eq!(refused("01/01/9999,a,,10,,x\n"), ("statement-date", "A5".to_owned()));
        assert_eq!(refused("22/11/2026,a,5,10,,x\n").0, "statement-both-sides");
        assert_eq!(refused("22/11/2026,a,,-10,,x\n").0, "statement-both-sides");
        assert_eq!(read(b"a,b\n1,2\n", "x.csv").expect_err("no heading").code, "no-statement-heading");
        assert_eq!(refused("22/11/2026,a,,10,,x\nTổng cộng,,,11,,\n").0, "statement-sum");
    }

    fn code(text: &str) -> &'static str {
        read(text.as_bytes(), "x.csv").expect_err("a refusal").code
    }

    #[test]
    fn one_column_of_amounts_is_believed_with_a_side_a_sign_or_a_balance_alone() {
        let sided = |head: &str, rows: &str| format!("Ngày giao dịch,Số tiền giao dịch,{head},Nội dung\n{rows}");
        for head in ["Loại GD", "DR/CR", "Nợ/Có", "D/C"] {
            let rows = "22/11/2026,500000,D,HOAN TIEN\n22/11/2026,300000,C,nop tien\n";
            let read = read(sided(head, rows).as_bytes(), "x.csv").expect("sides");
            assert_eq!(sums(&read), [-500_000, 300_000], "{head}");
        }
        let odd = sided("Loại GD", "22/11/2026,500000,D,a\n22/11/2026,300000,chuyển khoản,b\n");
        assert_eq!(code(&odd), "statement-both-sides");
        let bare = "Date,Amount,Description\n22/11/2026,500000,HOAN TIEN\n22/11/2026,300000,nop\n";
        assert_eq!(code(bare), "statement-one-column");
        assert_eq!(code(&sided("Loại GD", "22/11/2026,500000,chuyển khoản,a\n")), "statement-one-column");
        let signed = bare.replace("500000", "-500000");
        assert_eq!(sums(&read(signed.as_bytes(), "x.csv").expect("signs")), [-500_000, 300_000]);
        let balanced = "Date,Amount,Balance,Description\n22/11/2026,500000,900000,a\n22/11/2026,300000,1200000,b\n";
        assert_eq!(sums(&read(balanced.as_bytes(), "x.csv").expect("balances")), [500_000, 300_000]);
    }

    #[test]
    fn a_statement_may_have_a_hundred_thousand_lines_and_no_more() {
        let of = |lines: usize| {
            let mut text = "Ngày,Ghi nợ,Ghi có,Số dư,Nội dung\n".to_owned();
            for line in 1..=lines {
                writeln!(text, "22/11/2026,,1,{line},x").expect("a line");
            }
            read(format!("{text}Tổng cộng,,{lines},,\n").as_bytes(), "x.csv").map(|statement| statement.lines.len())
        };
        assert_eq!(of(MOST_LINES - 1).ok(), Some(MOST_LINES - 1));
        assert_eq!(of(MOST_LINES).ok(), Some(MOST_LINES));
        assert_eq!(of(MOST_LINES + 1).expect_err("one too many").code, "too-many-lines");
    }

    #[test]
    fn a_days_subtotal_is_no_transfer() {
        let rows =
            "22/11/2026,a,,400000,,x\n22/11/2026,b,,600000,,y\nCộng ngày 22/11/2026,,,1000000,,\n23/11/2026,c,,5,,z\n";
        assert_eq!(amounts(rows), [400_000, 600_000, 5]);
    }

    /// A day of forty lines, each row as cells: number, date, reference, debit, credit, balance, text.
    fn day() -> Vec<Vec<String>> {
        let mut balance = 1_000_000;
        (0..40)
            .map(|turn: i64| {
                let amount = if turn % 5 == 3 { -(7_000 + turn) } else { 250_000 + turn * 1_000 };
                balance += amount;
                let date = format!("14/10/2026 {:02}:{:02}:00", 8 + turn / 10, turn % 10 * 6);
                let (debit, credit) = if amount < 0 { (-amount, 0) } else { (0, amount) };
                let cell = |amount: i64| if amount == 0 { String::new() } else { amount.to_string() };
                vec![
                    (turn + 1).to_string(),
                    date,
                    format!("F{turn}"),
                    cell(debit),
                    cell(credit),
                    balance.to_string(),
                    "x".to_owned(),
                ]
            })
            .collect()
    }

    /// How the day is told: with running numbers, with printed sums, or with neither.
    fn file(rows: &[Vec<String>], numbered: bool, footer: &str) -> Result<Statement, Refusal> {
        let mut text = "Số dư đầu kỳ,1000000\nSTT,Ngày,Số tham chiếu,Ghi nợ,Ghi có,Số dư,Nội dung\n".to_owned();
        for row in rows {
            let number = if numbered { row[0].as_str() } else { "" };
            writeln!(text, "{number},{}", row[1..].join(",")).expect("a row");
        }
        text.push_str(footer);
        read(text.as_bytes(), "x.csv")
    }

    fn footer(rows: &[Vec<String>]) -> String {
        let sum = |column: usize| rows.iter().filter_map(|row| row[column].parse::<i64>().ok()).sum::<i64>();
        let last = rows.last().map(|row| row[5].clone()).unwrap_or_default();
        format!("Tổng cộng,,,{},{},,\nSố dư cuối kỳ,,,,,{last},\n", sum(3), sum(4))
    }

    #[test]
    fn a_whole_day_is_complete_in_whatever_order_it_stands() {
        let rows = day();
        let whole = file(&rows, true, &footer(&rows)).expect("a day");
        assert_eq!((whole.lines.len(), whole.opening, whole.closing), (40, Some(1_000_000), rows[39][5].parse().ok()));
        let mut newest: Vec<_> = rows.clone();
        newest.reverse();
        let mut by_amount = rows.clone();
        by_amount.sort_by_key(|row| row[4].parse::<i64>().unwrap_or_default());
        let mut swapped = rows.clone();
        swapped.swap(11, 12);
        for other in [newest, by_amount, swapped] {
            let read = file(&other, true, &footer(&rows)).expect("the same day");
            assert_eq!((sums(&read), read.holes.len()), (sums(&whole), 0));
        }
    }

    #[test]
    fn rows_that_are_missing_are_a_hole_with_its_time() {
        let rows = day();
        for (first, many) in [(5_usize, 1_usize), (8, 3), (20, 15), (2, 2), (0, 4)] {
            let mut less = rows.clone();
            let gone: Vec<_> = less.drain(first..first + many).collect();
            let signed = |row: &Vec<String>| row[4].parse::<i64>().unwrap_or(0) - row[3].parse::<i64>().unwrap_or(0);
            let missing: i64 = gone.iter().map(signed).sum();
            for (numbered, footer) in
                [(true, String::new()), (true, footer(&rows)), (false, footer(&rows)), (false, String::new())]
            {
                let read = file(&less, numbered, &footer).expect("a hole is no refusal");
                let [hole] = read.holes.as_slice() else { panic!("one hole") };
                assert_eq!((hole.missing, hole.before_row), (missing, Some(first + 3)));
                assert_eq!(hole.after_row, first.checked_sub(1).map(|before| before + 3));
                assert_eq!(read.complete, None);
                assert_eq!(read.lines.len() + usize::from(hole.withheld.is_some()), 40 - many);
                assert!(!(numbered && hole.withheld.is_some()), "numbers that jump prove it");
            }
        }
        let mut less = rows.clone();
        less.drain(12..37);
        let hole = file(&less, true, "").expect("a hole").holes[0].clone();
        assert_eq!(hole.vietnamese(), "thiếu từ 09:06 đến 11:42 ngày 14/10/2026");
        assert_eq!(hole.english(), "missing from 09:06 to 11:42 on 14/10/2026");
        let mut tail = rows.clone();
        tail.truncate(30);
        let hole = file(&tail, true, &footer(&rows)).expect("a hole at the end").holes[0].clone();
        assert_eq!((hole.after_row, hole.before_row), (Some(32), None));
    }

    #[test]
    fn a_changed_cell_is_refused_with_its_row_or_never_believed() {
        let rows = day();
        for at in [0, 1, 7, 20, 38, 39] {
            let mut balance = rows.clone();
            balance[at][5] = "5000".to_owned();
            assert_eq!(
                told(&file(&balance, true, &footer(&rows)).expect_err("a balance")),
                ("statement-edited", format!("F{}", at + 3))
            );
            let column = if rows[at][4].is_empty() { 3 } else { 4 };
            for amount in ["999999", "5"] {
                let mut changed = rows.clone();
                changed[at][column] = amount.to_owned();
                let cell = format!("{}{}", if column == 3 { "D" } else { "E" }, at + 3);
                let refusal = file(&changed, true, &footer(&rows)).expect_err("an amount");
                assert_eq!(told(&refusal), ("statement-edited", cell.clone()), "numbers say that nothing is missing");
                if amount == "999999" {
                    let refusal = file(&changed, false, &footer(&rows)).expect_err("an amount");
                    assert_eq!(told(&refusal), ("statement-edited", cell), "sums say that nothing is missing");
                }
                if let Ok(read) = file(&changed, false, "") {
                    assert!(read.lines.iter().all(|line| line.row != at + 3), "nothing tells, so the row is withheld");
                    assert_eq!(read.holes[0].before_row, Some(at + 3));
                }
            }
        }
        let credits: Vec<_> = rows.iter().filter(|row| row[3].is_empty()).cloned().collect();
        assert_eq!(told(&file(&credits, false, "").expect_err("a filter")).0, "statement-balance-breaks");
    }
}
