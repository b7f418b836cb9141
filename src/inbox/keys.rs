//! What leads to an invoice beside the reference in a transfer's text: the virtual account the money came through, the
//! number of an order made at a provider, or our reference in either of them.

use std::collections::HashMap;

use super::connection::Connection;
use super::sql;
use crate::fault::Result;
use crate::fees;
use crate::ids::PaymentReference;
use crate::providers::ToldCredit;
use crate::store::{Arg, Store, Tx, args};
use crate::time::Moment;

/// The longest number of an order or an account that is a key.
const LONGEST: usize = 64;
/// Before a reference of ours that stands in an order's or an account's number.
const REFERENCE: &str = "reference:";

/// An order made at a provider.
pub const ORDER: &str = "order";
/// A virtual account.
pub const VIRTUAL_ACCOUNT: &str = "virtual_account";

pub(super) fn key(kind: &str, connection_id: &str, number: &str) -> String {
    format!("{kind}:{connection_id}:{number}")
}

/// The keys a credit came with, the surest first.
pub(super) fn of_told(connection: &Connection, line: &ToldCredit) -> Vec<String> {
    let plain = |text: &&str| text.len() <= LONGEST && text.bytes().all(|byte| byte.is_ascii_graphic());
    let mut keys = Vec::new();
    for (kind, number) in [(ORDER, &line.order), (VIRTUAL_ACCOUNT, &line.sub_account)] {
        let Some(number) = number.as_deref().map(str::trim).filter(plain) else { continue };
        if let [ours] = PaymentReference::find_all(number).as_slice() {
            keys.push(format!("{REFERENCE}{ours}"));
        }
        keys.push(key(kind, &connection.id, number));
    }
    keys
}

/// The invoices to which these keys lead. A key that leads nowhere is absent.
///
/// # Errors
/// Faults of the store.
pub async fn by_keys_in(tx: &mut Tx, keys: &[&str]) -> Result<HashMap<String, String>> {
    let (kept, ours) = told_apart(keys);
    let mut leads: HashMap<String, String> = tx.all_in(&sql::KEYS, kept).await?.into_iter().collect();
    leads.extend(fees::ids_by_references_in(tx, ours).await?.into_iter().map(of_ours));
    Ok(leads)
}

/// As [`by_keys_in`], read before a transaction: where a key leads never changes.
///
/// # Errors
/// Faults of the store.
pub async fn by_keys(store: &Store, keys: &[&str]) -> Result<HashMap<String, String>> {
    let (kept, ours) = told_apart(keys);
    let mut leads: HashMap<String, String> = store.all_in(&sql::KEYS, kept).await?.into_iter().collect();
    leads.extend(fees::ids_by_references(store, ours).await?.into_iter().map(of_ours));
    Ok(leads)
}

/// Keys that are kept, and our own references among them.
fn told_apart(keys: &[&str]) -> (Vec<Arg>, Vec<Arg>) {
    let kept = keys.iter().filter(|key| !key.starts_with(REFERENCE)).map(|key| Arg::from(*key)).collect();
    (kept, keys.iter().filter_map(|key| key.strip_prefix(REFERENCE)).map(Arg::from).collect())
}

fn of_ours((reference, invoice): (String, String)) -> (String, String) {
    (format!("{REFERENCE}{reference}"), invoice)
}

/// Makes a key lead to an invoice and tells whether it does; one that leads elsewhere already stays.
///
/// # Errors
/// Faults of the store.
pub async fn add_key_in(
    tx: &mut Tx,
    (kind, connection_id, number): (&str, &str, &str),
    invoice_id: &str,
    now: Moment,
    actor: &str,
) -> Result<bool> {
    let key = key(kind, connection_id, number);
    if tx.run(&sql::ADD_KEY, args![&key, connection_id, kind, invoice_id, now, actor]).await? == 1 {
        return Ok(true);
    }
    Ok(by_keys_in(tx, &[&key]).await?.get(&key).is_some_and(|leads_to| leads_to == invoice_id))
}
