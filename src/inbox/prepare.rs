//! From what was heard to rows that can be stored, in two steps: what a delivery says is read and sealed as a whole
//! before the bank is answered; folded, marked and sealed for its rows when it is sorted. No transaction is open then.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::connection::{Account, Connection};
use super::identity::Told;
use super::keeper::Delivery;
use super::keys;
use super::likeness::{bank_reference, likeness};
use super::sql;
use crate::fault::{Fault, OrFault, Result};
use crate::ids;
use crate::money::Dong;
use crate::providers::{Direction, Heard, Provider, Settles, ToldCredit, Unread};
use crate::seal::{DataKey, Vault};
use crate::store::{Arg, Store, args};
use crate::time::Moment;

/// The longest id of a provider that is stored as it is.
const LONGEST_ID: usize = 160;

/// What was read from a delivery and is to be sorted. It outlives the program that read it: a field that comes to be
/// has a default.
#[derive(Serialize, Deserialize)]
pub struct Read {
    pub delivery_id: String,
    pub connection_id: String,
    pub school_id: String,
    pub heard_at: Moment,
    /// The bill that is paid here had been paid before: whether it is more money, only the statement knows.
    pub paid_before: bool,
    pub credits: Vec<ReadCredit>,
    pub debits: Vec<ReadDebit>,
}

/// A credit of it.
#[derive(Serialize, Deserialize)]
pub struct ReadCredit {
    pub id: String,
    pub told_reference: String,
    pub fingerprint: String,
    pub account_id: String,
    pub amount: i64,
    pub value_at: Moment,
    pub bank_reference: Option<String>,
    /// What may lead to an invoice beside the text, the surest first.
    pub keys: Vec<String>,
    /// The connection whose provider settles it later.
    pub gateway_id: Option<String>,
    pub memo: String,
    /// Who paid, as JSON.
    pub payer: Option<String>,
}

/// Money of it that left an account, or a credit that was taken back.
#[derive(Serialize, Deserialize)]
pub struct ReadDebit {
    pub id: String,
    pub account_id: String,
    pub told_reference: String,
    pub fingerprint: String,
    pub kind: String,
    pub amount: i64,
    pub value_at: Moment,
    pub memo: String,
}

/// What a delivery was, as its row says it.
pub struct Said {
    pub outcome: &'static str,
    pub reason: String,
}

/// A delivery ready to be sorted.
pub struct Prepared {
    pub delivery_id: String,
    pub connection_id: String,
    pub school_id: String,
    pub heard_at: Moment,
    pub paid_before: bool,
    pub credits: Vec<PreparedCredit>,
    pub debits: Vec<PreparedDebit>,
}

/// A credit of it.
pub struct PreparedCredit {
    pub told: Told,
    pub gateway_id: Option<String>,
    pub memo_sealed: Vec<u8>,
    pub payer_sealed: Option<Vec<u8>>,
}

/// A debit of it.
pub struct PreparedDebit {
    pub debit: ReadDebit,
    pub memo_sealed: Vec<u8>,
}

/// Whose key seals what banks tell of a school.
pub fn owner(school_id: &str) -> String {
    format!("deliveries:{school_id}")
}

/// The context a memo is sealed under.
pub fn memo_context(credit_id: &str) -> String {
    format!("memo:{credit_id}")
}

/// The context a payer is sealed under.
pub fn payer_context(credit_id: &str) -> String {
    format!("payer:{credit_id}")
}

/// The memo of a credit, as it came.
///
/// # Errors
/// Refused when there is no such credit; a fault when its key was erased.
pub async fn open_memo(store: &Store, vault: &Vault, credit_id: &str) -> Result<String> {
    let sealed: Option<Vec<u8>> = store.optional(&sql::MEMO, args![credit_id]).await?;
    let sealed = sealed.ok_or_else(crate::fault::Refusal::absent)?;
    vault.open_text(&sealed, &memo_context(credit_id)).await
}

/// The memos of credits, by their ids. One whose key was erased says nothing.
///
/// # Errors
/// Faults of the store.
pub async fn open_memos(store: &Store, vault: &Vault, credits: &[String]) -> Result<HashMap<String, String>> {
    let mut memos = HashMap::new();
    let keys = credits.iter().map(Arg::from).collect();
    for (credit, sealed) in store.all_in::<(String, Vec<u8>)>(&sql::MEMOS, keys).await? {
        let memo = vault.legible(&sealed, &memo_context(&credit)).await?.unwrap_or_default();
        memos.insert(credit, memo);
    }
    Ok(memos)
}

impl Read {
    /// Is there nothing to sort?
    pub fn is_empty(&self) -> bool {
        self.credits.is_empty() && self.debits.is_empty()
    }

    /// As it is kept until it is sorted.
    ///
    /// # Errors
    /// When the machine has no randomness to give.
    pub fn seal(&self, key: &DataKey) -> Result<Vec<u8>> {
        let text = serde_json::to_vec(self).or_fault("write down what was read from a delivery")?;
        key.seal(&text, &read_context(&self.delivery_id))
    }

    /// What was sealed so.
    ///
    /// # Errors
    /// Faults: its key was erased, or it was altered.
    pub async fn open(vault: &Vault, delivery_id: &str, sealed: &[u8]) -> Result<Read> {
        let text = vault.open(sealed, &read_context(delivery_id)).await?;
        // What is wrong in it is not said: it would repeat what a bank wrote.
        serde_json::from_slice(&text).map_err(|_| Fault::new("read again what was read from a delivery").into())
    }
}

fn read_context(delivery_id: &str) -> String {
    format!("read:{delivery_id}")
}

/// Reads one delivery. Nothing here can fail because of what a bank wrote.
pub fn read(delivery: &Delivery<'_>, delivery_id: &str, now: Moment) -> (Read, Said) {
    let Delivery { provider, connection, heard, paid_before, .. } = *delivery;
    let (mut credits, mut debits, mut strange) = (Vec::new(), Vec::new(), Vec::new());
    for line in heard.lines() {
        match account_of(connection, line) {
            Some(account) if line.direction != Direction::In => debits.extend(debit(account, line)),
            _ if line.direction != Direction::In => {}
            // Sums of what was believed once must fit for ever: nothing takes a credit out of the books again.
            _ if line.amount > Dong::TRANSFER_MOST => strange.push("credit.amount: beyond what one transfer moves"),
            Some(account) => credits.push(credit(provider, connection, account, line)),
            None => strange.push("credit.account: not an account of this connection"),
        }
    }
    strange.dedup();
    let (outcome, reason) = outcome(heard, !credits.is_empty(), &strange);
    let read = Read {
        delivery_id: delivery_id.to_owned(),
        connection_id: connection.id.clone(),
        school_id: connection.school_id.clone(),
        heard_at: now,
        paid_before,
        credits,
        debits,
    };
    (read, Said { outcome, reason })
}

/// Makes what was read ready to be sorted.
///
/// # Errors
/// Faults of the store while a school's data key is read; a machine without randomness.
pub async fn prepare(vault: &Vault, read: Read) -> Result<Prepared> {
    let key = vault.key_of(&owner(&read.school_id)).await?;
    let Read { delivery_id, connection_id, school_id, heard_at, paid_before, credits, debits } = read;
    let credits = credits.into_iter().map(|credit| prepared_credit(vault, &key, &connection_id, credit));
    let credits = credits.collect::<Result<Vec<_>>>()?;
    let debits = debits.into_iter().map(|debit| {
        let memo_sealed = key.seal(debit.memo.as_bytes(), &memo_context(&debit.id))?;
        Ok(PreparedDebit { debit, memo_sealed })
    });
    let debits = debits.collect::<Result<Vec<_>>>()?;
    Ok(Prepared { delivery_id, connection_id, school_id, heard_at, paid_before, credits, debits })
}

fn prepared_credit(vault: &Vault, key: &DataKey, connection_id: &str, credit: ReadCredit) -> Result<PreparedCredit> {
    let memo_sealed = key.seal(credit.memo.as_bytes(), &memo_context(&credit.id))?;
    let payer = credit.payer.map(|payer| key.seal(payer.as_bytes(), &payer_context(&credit.id)));
    let told = Told {
        credit_id: credit.id,
        connection_id: connection_id.to_owned(),
        told_reference: credit.told_reference,
        fingerprint: credit.fingerprint,
        account_id: credit.account_id,
        amount: credit.amount,
        value_at: credit.value_at,
        bank_reference: credit.bank_reference,
        likeness: likeness(vault.master(), &credit.memo),
        keys: credit.keys,
    };
    Ok(PreparedCredit { told, gateway_id: credit.gateway_id, memo_sealed, payer_sealed: payer.transpose()? })
}

fn outcome(heard: &Heard, has_credits: bool, strange: &[&str]) -> (&'static str, String) {
    match heard {
        Heard::Credits { unread, .. } => {
            let unread_reasons = unread.iter().map(Unread::to_string);
            let reasons: Vec<String> =
                unread_reasons.chain(strange.iter().map(|reason| (*reason).to_owned())).collect();
            let outcome = match (has_credits, unread.is_empty()) {
                (true, _) => "credits",
                // Money came that no page would show: the school's people must see that its account is not bound.
                (false, true) if !strange.is_empty() => "unreadable",
                (false, true) => "nothing",
                (false, false) => "unreadable",
            };
            (outcome, reasons.join("; "))
        }
        Heard::Nothing { why, .. } => ("nothing", (*why).to_owned()),
        Heard::Test => ("test", String::new()),
        // The hook answers questions itself and keeps none.
        Heard::Asks(_) => ("nothing", String::new()),
        Heard::Unreadable(unread) => ("unreadable", unread.to_string()),
        Heard::Refused(disproof) => ("unreadable", disproof.to_string()),
    }
}

/// The bound account a line names: by its number, or by the virtual account it came through.
fn account_of<'a>(connection: &'a Connection, line: &ToldCredit) -> Option<&'a Account> {
    if line.account.is_empty() {
        return only(connection);
    }
    let named = |number: &str| {
        let number: String = number.chars().filter(|letter| !letter.is_whitespace()).collect();
        connection.accounts.iter().find(|account| {
            account.number == number && line.bank_bin.as_ref().is_none_or(|bin| *bin == account.bank_bin)
        })
    };
    named(&line.account).or_else(|| line.sub_account.as_deref().and_then(named)).or_else(|| counted(connection, line))
}

/// The account of a line that names none: a wallet tells of a connection that is made for one.
fn only(connection: &Connection) -> Option<&Account> {
    match connection.accounts.as_slice() {
        [account] => Some(account),
        _ => None,
    }
}

/// The only bound account that a line means if its number was told as a count, which has no zeros in front.
fn counted<'a>(connection: &'a Connection, line: &ToldCredit) -> Option<&'a Account> {
    let bare = |number: &str| number.trim().trim_start_matches('0').to_owned();
    let fits = |account: &&Account| {
        bare(&account.number) == bare(&line.account)
            && line.bank_bin.as_ref().is_none_or(|bin| *bin == account.bank_bin)
    };
    let mut fitting = connection.accounts.iter().filter(fits);
    fitting.next().filter(|_| fitting.next().is_none())
}

fn credit(provider: &Provider, connection: &Connection, account: &Account, line: &ToldCredit) -> ReadCredit {
    let declared = provider.bank_reference_is_unique(&account.bank_bin);
    let number = line.bank_reference.as_deref().filter(|_| declared);
    let payer = line.payer.as_ref().map(|payer| {
        serde_json::json!({ "name": payer.name, "account": payer.account, "bank": payer.bank }).to_string()
    });
    ReadCredit {
        id: ids::new_id("crd"),
        told_reference: storable(&line.told_reference),
        fingerprint: fingerprint(account, line.amount),
        account_id: account.id.clone(),
        amount: line.amount.get(),
        value_at: line.at,
        bank_reference: number.and_then(|number| bank_reference(&account.bank_bin, number, true)),
        keys: keys::of_told(connection, line),
        gateway_id: (line.settles == Settles::Later).then(|| connection.id.clone()),
        memo: line.memo.clone(),
        payer,
    }
}

/// What left an account, as it is kept and shown. What no transfer can move is nobody's and stays in the delivery.
fn debit(account: &Account, line: &ToldCredit) -> Option<ReadDebit> {
    if line.amount > Dong::TRANSFER_MOST {
        return None;
    }
    Some(ReadDebit {
        id: ids::new_id("dbt"),
        account_id: account.id.clone(),
        told_reference: storable(&line.told_reference),
        fingerprint: fingerprint(account, line.amount),
        kind: line.direction.word().to_owned(),
        amount: line.amount.get(),
        value_at: line.at,
        memo: line.memo.clone(),
    })
}

/// What must be equal when one id is told again.
fn fingerprint(account: &Account, amount: Dong) -> String {
    hex::encode(Sha256::digest(format!("{}\n{}", account.id, amount.get())))
}

/// A provider's id as both engines can store it: what is long or holds control characters is replaced by its hash,
/// which is as unique as the id, so that a NUL in it is refused neither now nor at every retry.
fn storable(id: &str) -> String {
    if id.len() <= LONGEST_ID && !id.chars().any(char::is_control) && !id.starts_with("sha256:") {
        return id.to_owned();
    }
    format!("sha256:{}", hex::encode(Sha256::digest(id)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_no_database_stores_is_replaced_by_one_as_unique() {
        assert_eq!(storable("92704"), "92704");
        let replaced: Vec<String> =
            ["a\0b", "a\0c", &"x".repeat(161), &storable("a\0b")].iter().map(|id| storable(id)).collect();
        assert!(replaced.iter().all(|id| id.starts_with("sha256:") && id.len() == 71));
        assert_eq!(replaced.iter().collect::<std::collections::BTreeSet<_>>().len(), 4);
    }
}
