//! Virtual accounts that a bank gave out, each to lead to one invoice: the money that comes through one says whose it
//! is although the transfer's text says nothing.

use std::collections::HashMap;

use super::keys::{self, VIRTUAL_ACCOUNT};
use super::{connection, sql};
use crate::access::{Deed, trail_in};
use crate::fault::{Refusal, Result};
use crate::fees::{self, view::InvoiceRow};
use crate::roll::header::{self, Names};
use crate::roll::{CellProblem, refused_cells, sheet};
use crate::store::{Arg, Store, transact};
use crate::time::Clock;

/// The longest account number that a transfer carries.
const LONGEST: usize = 19;

/// One virtual account and whose it shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenAccount {
    /// Where it stands, for messages: `B7`, `accounts[3]`.
    pub at: String,
    /// A pupil's code, for the one invoice the pupil owes, or an invoice's payment reference.
    pub whose: String,
    /// The virtual account.
    pub number: String,
}

/// What came of giving accounts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Given {
    /// These lead to an invoice now.
    pub new: usize,
    /// These did before.
    pub known: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Whose,
    Number,
}

const COLUMNS: &Names<Column> = &[
    (Column::Whose, &["ma hoc sinh", "ma phieu", "ma hoc sinh hoac ma phieu", "pupil code", "reference"]),
    (Column::Number, &["so tai khoan ao", "tai khoan ao", "tai khoan dinh danh", "virtual account"]),
];

/// Reads a table with a pupil's code or a payment reference, and a virtual account, in each row.
///
/// # Errors
/// A file that is no table, or has no such columns.
pub fn read_accounts(bytes: &[u8], filename: &str) -> Result<Vec<GivenAccount>> {
    let mut given = Vec::new();
    for sheet in sheet::read(bytes, filename)? {
        let whole = |header: &header::Header<Column>| header.columns.len() == COLUMNS.len();
        let Some(found) = header::find(&sheet, COLUMNS, whole) else { continue };
        for row in &sheet.rows[found.at + 1..] {
            let (whose, number) = (found.text(row, Column::Whose).trim(), found.text(row, Column::Number).trim());
            if whose.is_empty() && number.is_empty() {
                continue;
            }
            let at = row.address(found.column(Column::Number).unwrap_or_default());
            given.push(GivenAccount { at, whose: whose.to_owned(), number: number.to_owned() });
        }
    }
    if given.is_empty() {
        let vi = "Cần hai cột: Mã học sinh (hoặc Mã phiếu) và Số tài khoản ảo.";
        let en = "Two columns are needed: Mã học sinh (or Mã phiếu) and Số tài khoản ảo.";
        return Err(refused_cells(&[CellProblem::new("A1".to_owned(), vi, en)]).into());
    }
    Ok(given)
}

/// Makes virtual accounts lead to invoices: all of them, or none. Given again they change nothing.
///
/// # Errors
/// Each number that cannot be one or leads to another invoice, and each pupil without exactly one unpaid invoice that
/// is paid into an account of the connection; absent when the connection is not this school's.
pub async fn give_accounts(
    store: &Store,
    clock: &Clock,
    (school_id, connection_id): (&str, &str),
    given: &[GivenAccount],
    actor: &str,
) -> Result<Given> {
    let accounts = connection::live_accounts(store, school_id, connection_id).await?.ok_or_else(Refusal::absent)?;
    let keys = given.iter().map(|one| Arg::from(keys::key(VIRTUAL_ACCOUNT, connection_id, &one.number))).collect();
    let leads: HashMap<String, String> =
        store.all_in::<(String, String)>(&sql::KEYS, keys).await?.into_iter().collect();
    let mut problems = Vec::new();
    let mut chosen: HashMap<&str, String> = HashMap::new();
    for one in given {
        let rows = fees::payable(store, school_id, &one.whose).await?;
        let key = keys::key(VIRTUAL_ACCOUNT, connection_id, &one.number);
        let lead = chosen.get(one.number.as_str()).or_else(|| leads.get(&key)).cloned();
        match choose(one, &rows, &accounts, lead.as_deref()) {
            Ok(invoice) => drop(chosen.insert(&one.number, invoice)),
            Err((vi, en)) => problems.push(CellProblem::new(one.at.clone(), vi, en)),
        }
    }
    if !problems.is_empty() {
        return Err(refused_cells(&problems).into());
    }
    let now = clock.now();
    let new: Vec<(&str, String)> = chosen
        .into_iter()
        .filter(|(number, _)| !leads.contains_key(&keys::key(VIRTUAL_ACCOUNT, connection_id, number)))
        .collect();
    let detail = new.len().to_string();
    transact!(store, |tx| async {
        for (number, invoice) in &new {
            let key = (VIRTUAL_ACCOUNT, connection_id, *number);
            if !keys::add_key_in(tx, key, invoice, now, actor).await? {
                // Somebody gave it away in this moment: the next look says to whom.
                return Err(crate::fault::Error::Contended);
            }
        }
        if new.is_empty() {
            return Ok(());
        }
        let (action, school_id) = ("connection.accounts_given", Some(school_id));
        trail_in(tx, now, &Deed { actor, action, about: connection_id, school_id, detail: &detail }).await
    }
    .await)?;
    Ok(Given { new: new.len(), known: given.len() - new.len() })
}

type Sentence = (&'static str, &'static str);

/// The invoice a number leads to: where it leads already, else the one that is owed.
fn choose(
    one: &GivenAccount,
    rows: &[InvoiceRow],
    accounts: &[String],
    lead: Option<&str>,
) -> Result<String, Sentence> {
    let plain = one.number.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !(1..=LONGEST).contains(&one.number.len()) || !plain {
        return Err(("Số tài khoản ảo là 1 đến 19 chữ và số.", "A virtual account is 1 to 19 letters and digits."));
    }
    let owed: Vec<&InvoiceRow> =
        rows.iter().filter(|row| fees::is_owed(row) && accounts.contains(&row.account_id)).collect();
    if let Some(lead) = lead {
        let is_theirs = rows.iter().any(|row| row.id == lead);
        let is_served = owed.is_empty() || owed.iter().any(|row| row.id == lead);
        return match (is_theirs, is_served) {
            (true, true) => Ok(lead.to_owned()),
            (true, false) => Err((
                "Số này đã gắn với một phiếu cũ của học sinh: mỗi số chỉ dùng cho một phiếu.",
                "This number leads to an older invoice of the pupil: a number serves one invoice.",
            )),
            (false, _) => Err((
                "Số này đã gắn với phiếu của người khác.",
                "This number leads to somebody else's invoice already.",
            )),
        };
    }
    match owed.as_slice() {
        [only] => Ok(only.id.clone()),
        [] => Err((
            "Không có phiếu nào đã công bố, chưa nộp và nộp vào tài khoản của kết nối này.",
            "There is no published, unpaid invoice that is paid into an account of this connection.",
        )),
        _ => Err((
            "Học sinh có nhiều phiếu chưa nộp: hãy ghi mã phiếu (RF…) thay cho mã học sinh.",
            "The pupil has several unpaid invoices: write the payment reference (RF…) instead of the pupil's code.",
        )),
    }
}
