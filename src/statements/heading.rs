//! Which column is what, told by how banks head them in Vietnamese and English.

use crate::roll;
use crate::roll::sheet::Row;

/// How far down a heading is looked for: some banks put twenty rows of titles above it.
pub const DEEPEST: usize = 120;

/// The columns of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Columns {
    pub date: usize,
    pub debit: Option<usize>,
    pub credit: usize,
    pub balance: Option<usize>,
    pub reference: Option<usize>,
    pub text: Option<usize>,
}

/// Headings by preference within each kind: the day the bank booked before the day it was asked.
const DATE: [&str; 7] = [
    "ngay hach toan|posting date|accounting date",
    "ngay giao dich|transaction date|tnx date|ngay gd|ngay phat sinh",
    "ngay hieu luc|effective date|value date",
    "ngay gio|thoi gian|booked at|booking date",
    "ngay kh thuc hien|requesting date",
    "ngay",
    "date",
];
const DEBIT: [&str; 1] = ["ghi no|phat sinh no|debit|rut ra|ps giam|tien ra|no dr|chi ra"];
const CREDIT: [&str; 1] = ["ghi co|phat sinh co|credit|gui vao|ps tang|tien vao|co cr|thu vao"];
const BALANCE: [&str; 1] = ["so du|balance"];
const REFERENCE: [&str; 2] = [
    "so but toan|reference number|so tham chieu|ma tham chieu|ref no|reference|ma giao dich|transaction number",
    "so ct|so chung tu|doc no|so gd|so giao dich",
];
const TEXT: [&str; 2] =
    ["noi dung|dien giai|description|mo ta|remark|transactions in detail|ghi chu|memo", "details|text|chi tiet"];

/// The columns, when this row heads a statement.
pub fn columns(row: &Row) -> Option<Columns> {
    let cells: Vec<(usize, String)> = row.cells().map(|(column, text)| (column, words(text))).collect();
    let mut taken: Vec<usize> = Vec::new();
    let mut find = |ranks: &[&str], alone: &str| {
        let found = ranks.iter().find_map(|rank| {
            cells.iter().find(|(column, text)| !taken.contains(column) && (names(text, rank) || text.trim() == alone))
        });
        let column = found.map(|(column, _)| *column);
        taken.extend(column);
        column
    };
    // A balance is asked for first: some head it `Số dư / Credit balance`.
    let balance = find(&BALANCE, "");
    let date = find(&DATE, "");
    let reference = find(&REFERENCE, "ref");
    let debit = find(&DEBIT, "no");
    let credit = find(&CREDIT, "co");
    let text = find(&TEXT, "");
    match (date, credit) {
        (Some(date), Some(credit)) if text.is_some() || reference.is_some() => {
            Some(Columns { date, debit, credit, balance, reference, text })
        }
        _ => None,
    }
}

/// Does this row close the table or sum it up, rather than tell of a transfer?
pub fn is_sum(row: &Row) -> bool {
    const SUMS: &str = "tong|tong so|tong cong|cong|so du|du dau|du cuoi|total|opening|closing|starting|ending|balance";
    row.cells().take(3).any(|(_, text)| {
        let text = words(text);
        SUMS.split('|').any(|sum| text.starts_with(&format!(" {sum} ")))
    })
}

fn names(text: &str, rank: &str) -> bool {
    rank.split('|').any(|name| text.contains(&format!(" {name} ")))
}

/// ASCII words between single blanks, without footnote digits.
fn words(text: &str) -> String {
    let plain: String =
        roll::folded(text).chars().map(|letter| if letter.is_ascii_alphabetic() { letter } else { ' ' }).collect();
    format!(" {} ", plain.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roll::sheet;

    fn of(header: &str) -> Option<Columns> {
        let sheets = sheet::read(header.as_bytes(), "x.csv").expect("a sheet");
        columns(&sheets[0].rows[0])
    }

    fn places(found: Columns) -> [Option<usize>; 6] {
        [Some(found.date), found.debit, Some(found.credit), found.balance, found.reference, found.text]
    }

    #[test]
    fn headings_of_seven_banks_are_understood() {
        for (header, wanted) in [
            (
                "\"Ngày GD/TNX Date\",\"Số CT/Doc No\",\"Số tiền ghi nợ/Debit\",\"Số tiền ghi có/Credit\",\"Số dư/Balance\",\"Nội dung chi tiết/Transactions in detail\"",
                [0, 2, 3, 4, 1, 5],
            ),
            ("STT,Ngày hiệu lực,Ghi nợ,Ghi có,Số dư,Mô tả/Description,Số tham chiếu", [1, 2, 3, 4, 6, 5]),
            (
                "\"Ngày hạch toán/Accounting date\",\"Mô tả giao dịch/Transaction description\",\"Nợ/ Debit\",\"Có / Credit\",\"Số dư TK/Account balance\",\"Số giao dịch/Transaction number\"",
                [0, 2, 3, 4, 5, 1],
            ),
            ("Ngày Date,Ghi chú Remark,Nợ Dr,Có Cr,Số dư Balance,Số tham chiếu Ref. no", [0, 2, 3, 4, 5, 1]),
            (
                "\"Ngày KH thực hiện/Requesting date\",\"Ngày giao dịch/Transaction date\",\"Số bút toán/Reference number\",\"Ngân hàng đối tác / Remitter's bank\",\"Diễn giải/Description\",\"Nợ/Debit\",\"Có/Credit\",\"Số dư/Running balance\"",
                [1, 5, 6, 7, 2, 4],
            ),
            ("Ngày giao dịch,Số GD,Nội dung giao dịch,rút ra,gửi vào,Số dư", [0, 3, 4, 5, 1, 2]),
            ("date,debit,credit,balance,reference,text", [0, 1, 2, 3, 4, 5]),
        ] {
            assert_eq!(of(header).map(places), Some(wanted.map(Some)), "{header}");
        }
        assert_eq!(of("Họ và tên,Lớp,Ngày sinh"), None);
    }
}
