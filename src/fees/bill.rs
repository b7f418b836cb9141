//! What a bank shows to somebody who pays at its counter or in its app by a number: the school's bill for that number.

use super::view::{self, InvoiceRow, Listed};
use super::{Lifecycle, sql};
use crate::fault::Result;
use crate::ids::PaymentReference;
use crate::money::Dong;
use crate::store::{Store, args};

/// The longest number that is looked for.
const LONGEST: usize = 64;

/// What is due for a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DueBill {
    /// The number is nobody's here.
    Unknown,
    /// It is somebody's who owes nothing.
    Nothing,
    /// This is due.
    Owed {
        /// The payment reference: what the bank names when it is paid.
        reference: String,
        /// The pupil's name.
        pupil_name: String,
        /// What is still owed.
        owed: Dong,
    },
}

/// The bill for a number: an invoice's payment reference, or a pupil's code, whose invoices are shown one after the
/// other as they fall due. Only what parents see is shown, and only what is paid into one of these accounts.
///
/// # Errors
/// Faults of the store.
pub async fn due_bill(store: &Store, school_id: &str, accounts: &[String], number: &str) -> Result<DueBill> {
    let mut rows = payable(store, school_id, number).await?;
    rows.retain(|row| accounts.contains(&row.account_id));
    Ok(first_due(rows))
}

/// The invoices for a number that parents see, paid ones too: the one with this payment reference, or all of the pupil
/// with this code.
///
/// # Errors
/// Faults of the store.
pub async fn payable(store: &Store, school_id: &str, number: &str) -> Result<Vec<InvoiceRow>> {
    let number = number.trim();
    if number.is_empty() || number.len() > LONGEST || number.contains('\0') {
        return Ok(Vec::new());
    }
    let listed: Vec<Listed> = match PaymentReference::find_all(number).as_slice() {
        [reference] => store.all(&sql::PAYABLE_BY_REFERENCE, args![school_id, reference.to_string()]).await?,
        _ => store.all(&sql::PAYABLE_BY_CODE, args![school_id, number]).await?,
    };
    view::with_money(store, listed).await
}

/// Is anything to be paid on it?
pub fn is_owed(row: &InvoiceRow) -> bool {
    row.lifecycle == Lifecycle::Open && row.money.owed.is_positive()
}

fn first_due(mut rows: Vec<InvoiceRow>) -> DueBill {
    if rows.is_empty() {
        return DueBill::Unknown;
    }
    rows.retain(is_owed);
    rows.sort_by(|one, other| (one.due_day, &one.id).cmp(&(other.due_day, &other.id)));
    rows.into_iter().next().map_or(DueBill::Nothing, |row| DueBill::Owed {
        reference: row.reference,
        pupil_name: row.pupil_name,
        owed: row.money.owed,
    })
}
