//! Which column is what, told by how banks head them in Vietnamese and English.

use crate::roll;
use crate::roll::sheet::Row;

/// How far down a heading is looked for: some banks put twenty rows of titles above it.
pub const DEEPEST: usize = 120;

/// The columns of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Columns {
    /// The day the bank booked.
    pub date: usize,
    /// Another day, which may say when the payer acted.
    pub other_date: Option<usize>,
    pub debit: Option<usize>,
    pub credit: usize,
    pub balance: Option<usize>,
    /// Says of an amount whether it came or left, where one column has both.
    pub side: Option<usize>,
    /// Does the only column of amounts say nothing of which way they went?
    pub is_bare: bool,
    /// Fee or interest, and tax, in columns of their own.
    pub fees: [Option<usize>; 2],
    pub reference: Option<usize>,
    pub text: Option<usize>,
    /// The running number of the line.
    pub ordinal: Option<usize>,
    /// Whose line it is, in a sheet of many accounts.
    pub account: Option<usize>,
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
/// What moves the account as its holder sees it; some banks add the English words of their own side.
const DEBIT: [&str; 2] = ["tien rut|rut ra|ghi no|phat sinh no|ps giam|tien ra|chi ra|ps no", "debit|no dr|withdrawal"];
const CREDIT: [&str; 3] = [
    "tien gui|gui vao|ghi co|phat sinh co|ps tang|tien vao|thu vao|ps co",
    "credit|co cr|deposit",
    "so tien gd|so tien giao dich|amount",
];
const SIDE: [&str; 1] = ["dr cr|cr dr|d c|c d|no co|co no|loai gd|loai giao dich|debit credit|credit debit|type|side"];
const BALANCE: [&str; 1] = ["so du|balance"];
const FEE: [&str; 1] = ["phi|phi lai|fee|fee interest"];
const TAX: [&str; 1] = ["thue|vat|tax"];
const ORDINAL: [&str; 1] = ["stt|so thu tu"];
const ACCOUNT: [&str; 1] = ["so tai khoan|so tk|account number|account no"];
/// Words that make an account somebody else's, or an old one.
const NOT_OURS: &str =
    "doi ung|dich|remitter|remitters|beneficiary|counter|corresponsive|nguoi|huong|chuyen|doi tac|cu|old|previous";
const REFERENCE: [&str; 2] = [
    "so but toan|reference number|so tham chieu|ma tham chieu|ref no|reference|ma giao dich|transaction number",
    "so ct|so chung tu|doc no|so gd|so giao dich",
];
const TEXT: [&str; 2] =
    ["noi dung|dien giai|description|mo ta|remark|transactions in detail|ghi chu|memo", "details|text|chi tiet"];

/// The columns, when this row heads a statement.
pub fn columns(row: &Row) -> Option<Columns> {
    // What tells of lines is longer than any heading, and folding it would be slow.
    let cells: Vec<(usize, String)> =
        row.cells().take(40).filter(|(_, text)| text.len() < 120).map(|(column, text)| (column, words(text))).collect();
    let mut taken: Vec<usize> = Vec::new();
    let mut find = |ranks: &[&str], alone: &str, may: &dyn Fn(&str) -> bool| {
        let mut free = cells.iter().filter(|(column, text)| !taken.contains(column) && may(text));
        let found = ranks.iter().find_map(|rank| free.clone().find(|(_, text)| names(text, rank)));
        let column = found.or_else(|| free.find(|(_, text)| text.trim() == alone)).map(|(column, _)| *column);
        taken.extend(column);
        column
    };
    let any = |_: &str| true;
    // A balance is asked for first: some head it `Số dư / Credit balance`.
    let balance = find(&BALANCE, "", &any);
    // Every row of a file is asked whether it is a heading, and nearly none is.
    let date = find(&DATE, "", &any)?;
    let other_date = find(&DATE, "", &|text| !names(text, "sinh nhat|ngay sinh"));
    let ordinal = find(&ORDINAL, "stt", &any);
    let reference = find(&REFERENCE, "ref", &|text| !names(text, "tai khoan"));
    // `Phí/Lãi` is a column, `Phí chuyển tiền` might be a text; amounts are asked for before.
    let side = find(&SIDE, "", &|text| !names(text, "so tien|amount"));
    let debit = find(&DEBIT, "no", &any);
    let credit = find(&CREDIT, "co", &any);
    let headed = |column: usize| cells.iter().find(|(at, _)| *at == column).map_or("", |(_, text)| text.as_str());
    let is_bare = debit.is_none()
        && credit
            .is_some_and(|at| headed(at).trim() != "co" && !CREDIT[..2].iter().any(|rank| names(headed(at), rank)));
    let side = side.filter(|_| is_bare);
    let text = find(&TEXT, "", &any);
    let short = |text: &str| text.split_whitespace().count() <= 4;
    let fees = [find(&FEE, "", &short), find(&TAX, "", &short)];
    let account = find(&ACCOUNT, "tai khoan", &|text| !names(text, NOT_OURS));
    let fees = if debit.is_some() && balance.is_some() { fees } else { [None, None] };
    match credit {
        Some(credit) if text.is_some() || reference.is_some() => Some(Columns {
            date,
            other_date,
            debit,
            credit,
            balance,
            side,
            is_bare,
            fees,
            reference,
            text,
            ordinal,
            account,
        }),
        _ => None,
    }
}

/// What a title or a footer says about the account as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Label {
    Account,
    OldAccount,
    Opening,
    Closing,
    Count,
    Sums,
}

/// Which label this text is, when it is one.
pub fn label(text: &str) -> Option<Label> {
    const OPENING: &str = "so du dau|du dau|dau ky|opening balance|starting balance|beginning balance|so du ban dau";
    const CLOSING: &str = "so du cuoi|du cuoi|cuoi ky|closing balance|ending balance";
    const COUNT: &str = "so luong giao dich|tong so giao dich|so giao dich phat sinh|number of transactions|total transactions|tong so but toan";
    const SUMS: &str = "tong so|tong cong|tong phat sinh|cong phat sinh|tong|total|totals";
    if text.len() > 400 {
        return None;
    }
    let head = text.split([':', '\n']).next().unwrap_or(text);
    let text = words(text);
    let head = words(head);
    if names(&head, ACCOUNT[0]) || head.trim() == "tai khoan" || head.trim() == "account" {
        let ours = !names(&head, NOT_OURS);
        return Some(if ours { Label::Account } else { Label::OldAccount });
    }
    let found = [(COUNT, Label::Count), (OPENING, Label::Opening), (CLOSING, Label::Closing)];
    let found = found.into_iter().find(|(listed, _)| names(&text, listed)).map(|(_, label)| label);
    found.or_else(|| begins(&text, SUMS).then_some(Label::Sums))
}

/// Does this row close the table or sum it up, rather than tell of a transfer?
pub fn is_sum(row: &Row) -> bool {
    row.cells().take(3).any(|(_, text)| is_total(text))
}

/// Does this cell name a sum or a balance?
pub fn is_total(text: &str) -> bool {
    const SUMS: &str = "tong|tong so|tong cong|cong|so du|du dau|du cuoi|total|subtotal|sub total|opening|closing|starting|ending|balance";
    text.len() < 120 && begins(&words(text), SUMS)
}

fn begins(text: &str, rank: &str) -> bool {
    let rest = |name: &str| text.strip_prefix(' ')?.strip_prefix(name);
    rank.split('|').any(|name| rest(name).is_some_and(|rest| rest.starts_with(' ')))
}

/// Does this cell say that money came, or that it left? None: it says something else.
pub fn comes(cell: &str) -> Option<bool> {
    const IN: &str = "c|cr|co|credit|ghi co|tien vao|vao";
    const OUT: &str = "d|dr|no|debit|ghi no|tien ra|ra";
    match cell.trim() {
        "+" => return Some(true),
        "-" => return Some(false),
        _ => {}
    }
    let word = words(cell);
    let is_one_of = |listed: &str| listed.split('|').any(|one| word.trim() == one);
    if is_one_of(IN) { Some(true) } else { is_one_of(OUT).then_some(false) }
}

fn names(text: &str, rank: &str) -> bool {
    let parted = |letter: Option<u8>| letter == Some(b' ');
    let stands = |at: usize, name: &str| {
        parted(text.as_bytes()[..at].last().copied()) && parted(text.as_bytes().get(at + name.len()).copied())
    };
    rank.split('|').any(|name| text.match_indices(name).any(|(at, _)| stands(at, name)))
}

/// ASCII words between single blanks, without footnote digits.
pub fn words(text: &str) -> String {
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
