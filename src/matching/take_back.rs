//! A credit that is no longer there: the bank took it back, or no statement ever had it. It leaves the books as it
//! came, by an entry of its own, and whatever it paid is owed again.

use super::desk::{Act, credit_in, decide_in, release_in};
use super::sql;
use super::turn::{self, Standing};
use crate::fault::{Kind, Refusal, Result};
use crate::ledger::{self, Account, Cause, Entry, Head, Posting};
use crate::outbox::{self, Event};
use crate::store::{Store, Tx, args, transact};

/// Why a credit is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The bank or the provider took it back.
    Reversed,
    /// It was told, and no complete statement has it.
    Disowned,
}

impl Why {
    /// The stored word.
    pub const fn code(self) -> &'static str {
        match self {
            Why::Reversed => "reversed",
            Why::Disowned => "disowned",
        }
    }

    const fn action(self) -> &'static str {
        match self {
            Why::Reversed => "credit.reversed",
            Why::Disowned => "credit.disowned",
        }
    }

    /// The why of a stored word.
    pub fn of_code(code: &str) -> Option<Why> {
        [Why::Reversed, Why::Disowned].into_iter().find(|why| why.code() == code)
    }
}

/// Takes a credit out of the books and tells the invoice it was on: its receipt is void and the invoice is owed again.
///
/// # Errors
/// An unknown credit, one that was not decided yet or is out of the books already, and one to be disowned that a
/// statement has.
pub async fn take_back(store: &Store, credit_id: &str, why: Why, act: &Act<'_>) -> Result<Option<String>> {
    transact!(store, |tx| take_back_in(tx, credit_id, why, act).await)
}

/// [`take_back`] in the caller's transaction.
///
/// # Errors
/// As [`take_back`].
pub async fn take_back_in(tx: &mut Tx, credit_id: &str, why: Why, act: &Act<'_>) -> Result<Option<String>> {
    let credit = credit_in(tx, credit_id).await?;
    let standing = Standing::of_in(tx, &[credit_id]).await?;
    let newest = standing.newest.get(credit_id);
    act.check_seen(newest)?;
    let stands = newest.map_or("", |newest| newest.kind.as_str());
    let is_proved = standing.proved.contains(credit_id);
    check(why, stands, is_proved)?;
    let (mut turn, mut from) = (standing.next_turn(credit_id)?, None);
    if matches!(stands, "settle" | "part" | "over" | "assign") {
        from = release_in(tx, &credit, act).await?;
        turn += 1;
    }
    if credit.gateway_id.is_some() && !is_owed_in(tx, credit_id).await? {
        return Err(settled().into());
    }
    let mut entry_id = None;
    if standing.received.contains(credit_id) {
        let mut entries = Vec::new();
        if is_proved && !standing.proof_posted.contains(credit_id) {
            entries.push(turn::proved(&credit, act.at())?);
        }
        let cash = match (&credit.gateway_id, is_proved) {
            (Some(_), _) => Account::ClearingGateway,
            (None, true) => Account::Bank,
            (None, false) => Account::Clearing,
        };
        let cash = Posting::credit(cash, credit.amount).receiving(&credit.account_id).of_credit(credit_id);
        let head = Head::new(&credit.school_id, Cause::TakenBack(credit.id.clone(), turn), act.at());
        let entry = Entry::new(act.signed(head), vec![turn::unknown(&credit).mirrored(), cash])?;
        entry_id = Some(entry.id().to_owned());
        entries.push(entry);
        if ledger::post_in(tx, &entries).await?.len() != entries.len() {
            return Err(crate::fault::Error::Contended);
        }
    }
    decide_in(tx, &credit, turn, why.code(), (from.as_deref(), entry_id.as_deref()), act).await?;
    act.trail_in(tx, why.action(), &credit, from.as_deref().unwrap_or_default()).await?;
    outbox::promise_in(tx, act.at(), &[turn::happened(&credit, Event::CreditTakenBack, from.as_deref())]).await?;
    Ok(from)
}

fn check(why: Why, stands: &str, is_proved: bool) -> Result<(), Refusal> {
    let (code, vi, en) = match (stands, why) {
        ("", _) => (
            "credit-undecided",
            "Khoản tiền này đang được xử lý. Xin thử lại sau vài giây.",
            "This credit is being decided. Please try again in a few seconds.",
        ),
        ("reversed" | "disowned" | "same", _) => (
            "credit-not-in-books",
            "Khoản tiền này đã được đưa ra khỏi sổ rồi.",
            "This credit is out of the books already.",
        ),
        ("settled", _) => return Err(settled()),
        (_, Why::Disowned) if is_proved => (
            "credit-on-statement",
            "Sao kê của ngân hàng có khoản này: tiền đã vào tài khoản.",
            "The bank's statement has this credit: the money came.",
        ),
        _ => return Ok(()),
    };
    Err(Refusal::new(Kind::Conflict, code, vi, en))
}

fn settled() -> Refusal {
    Refusal::new(
        Kind::Conflict,
        "credit-settled",
        "Khoản tiền này đã được ví hoặc cổng thanh toán quyết toán: không thể rút riêng.",
        "This credit is part of what a gateway settled: it cannot be taken back alone.",
    )
}

/// Is a gateway's credit still with the gateway? What was never posted is.
async fn is_owed_in(tx: &mut Tx, credit_id: &str) -> Result<bool> {
    let owed: Option<i64> = tx.one(&sql::STILL_OWED, args![credit_id]).await?;
    Ok(owed.is_none_or(|owed| owed > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_statement_has_is_not_disowned_and_nothing_leaves_twice() {
        let refused = |why, stands, is_proved| check(why, stands, is_proved).err().map(|refusal| refusal.code);
        assert_eq!(refused(Why::Disowned, "settle", true), Some("credit-on-statement"));
        assert_eq!(refused(Why::Disowned, "settle", false), None);
        assert_eq!(refused(Why::Reversed, "part", true), None);
        assert_eq!(refused(Why::Reversed, "", false), Some("credit-undecided"));
        for out in ["reversed", "disowned", "same"] {
            assert_eq!(refused(Why::Reversed, out, false), Some("credit-not-in-books"));
        }
        assert_eq!(Why::of_code("reversed"), Some(Why::Reversed));
        assert_eq!(Why::of_code("lost"), None);
    }
}
