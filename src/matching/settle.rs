//! A wallet or a card gateway pays for many credits at once, a day later and less its fee: the sum that comes to the
//! bank meets what the gateway owes, and the fee becomes the school's expense.

use std::collections::BTreeMap;

use super::desk::{Act, credit_in, decide_in};
use super::sql;
use super::turn::{self, Standing};
use crate::fault::{Error, Fault, Kind, Refusal, Result};
use crate::ledger::{self, Account, Cause, Entry, Head, Posting};
use crate::money::Dong;
use crate::store::{Store, Tx, args, record, transact};
use crate::time::Day;

/// A fee above this share of what was owed is no fee: in hundredths.
const DEAREST: i128 = 10;

record! {
    /// A credit that a gateway holds.
    #[derive(Debug, Clone, PartialEq, Eq)]
    struct Owed {
        id: String,
        account_id: String,
        amount: Dong,
        day: Day,
    }
}

/// What a credit from the bank may settle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// The gateway's connection.
    pub connection_id: String,
    /// Everything the gateway took until this day.
    pub through: Day,
    /// How many credits that is.
    pub count: usize,
    /// What they come to.
    pub gross: Dong,
    /// What the gateway keeps of it.
    pub fee: Dong,
}

/// What a held credit may be the settlement of: for each gateway of the school the day until which its fee would be
/// least. Most credits are none, and get an empty list.
///
/// # Errors
/// Faults of the store.
pub async fn settlements(store: &Store, credit_id: &str) -> Result<Vec<Settlement>> {
    let Some(credit) = store.optional::<super::Credit>(&sql::CREDIT, args![credit_id]).await? else {
        return Err(Refusal::absent().into());
    };
    let gateways: Vec<String> = store.all(&sql::GATEWAYS, args![&credit.school_id]).await?;
    let mut found = Vec::new();
    for gateway in gateways.iter().filter(|_| credit.gateway_id.is_none()) {
        let owed: Vec<Owed> = store.all(&sql::OWED_BY_GATEWAY, args![gateway, credit.day]).await?;
        found.extend(nearest(gateway, &owed, credit.amount));
    }
    Ok(found)
}

/// The last day up to which everything owed comes to at least the sum, with no more than a fee beside it.
fn nearest(gateway: &str, owed: &[Owed], net: Dong) -> Option<Settlement> {
    let mut days: BTreeMap<Day, (usize, i64)> = BTreeMap::new();
    for credit in owed {
        let (count, sum) = days.entry(credit.day).or_default();
        *count += 1;
        *sum = sum.checked_add(credit.amount.get())?;
    }
    let (mut count, mut gross) = (0, 0_i64);
    for (day, (more, sum)) in days {
        count += more;
        gross = gross.checked_add(sum)?;
        let gross = Dong::new(gross);
        if let Some(fee) = fee(gross, net) {
            return Some(Settlement { connection_id: gateway.to_owned(), through: day, count, gross, fee });
        }
    }
    None
}

/// What is kept of a gross sum when so much comes; nothing where that cannot be a fee.
fn fee(gross: Dong, net: Dong) -> Option<Dong> {
    let fee = gross.get().checked_sub(net.get()).filter(|fee| *fee >= 0)?;
    (i128::from(fee) * 100 <= i128::from(gross.get()) * DEAREST).then(|| Dong::new(fee))
}

/// Books a held credit as what a gateway pays for all it took until a day. The person has seen the fee and says so by
/// naming it; should the sum have changed meanwhile, nothing is booked.
///
/// # Errors
/// An unknown credit, one that is not held, a gateway that owes nothing until that day, or another fee than was seen.
pub async fn settle(store: &Store, credit_id: &str, seen: &Settlement, act: &Act<'_>) -> Result<()> {
    transact!(store, |tx| settle_in(tx, credit_id, seen, act).await)
}

async fn settle_in(tx: &mut Tx, credit_id: &str, seen: &Settlement, act: &Act<'_>) -> Result<()> {
    let credit = credit_in(tx, credit_id).await?;
    let standing = Standing::of_in(tx, &[credit_id]).await?;
    act.check_seen(standing.newest.get(credit_id))?;
    let is_held =
        standing.newest.get(credit_id).is_some_and(|newest| matches!(newest.kind.as_str(), "hold" | "release"));
    let is_at_the_bank = standing.received.contains(credit_id) && standing.proved.contains(credit_id);
    if !is_held || credit.gateway_id.is_some() || !is_at_the_bank {
        return Err(super::desk::not_held().into());
    }
    let gateways: Vec<String> = tx.all(&sql::GATEWAYS, args![&credit.school_id]).await?;
    if !gateways.contains(&seen.connection_id) {
        return Err(Refusal::absent().into());
    }
    let owed: Vec<Owed> = tx.all(&sql::OWED_BY_GATEWAY, args![&seen.connection_id, seen.through]).await?;
    let gross =
        Dong::sum(owed.iter().map(|owed| owed.amount)).ok_or_else(|| Fault::new("add up what a gateway owes"))?;
    let fee = fee(gross, credit.amount).filter(|fee| *fee == seen.fee && !owed.is_empty()).ok_or_else(changed)?;
    let turn = standing.next_turn(credit_id)?;
    let mut sides = vec![turn::unknown(&credit).mirrored()];
    if fee.get() > 0 {
        sides.push(Posting::debit(Account::ExpenseGatewayFee, fee).of_credit(credit_id));
    }
    for owed in &owed {
        let side = Posting::credit(Account::ClearingGateway, owed.amount).receiving(&owed.account_id);
        sides.push(side.of_credit(&owed.id));
    }
    let head = act.signed(Head::new(&credit.school_id, Cause::Settled(credit.id.clone(), turn), act.at()));
    let entry = Entry::new(head, sides)?;
    if ledger::post_in(tx, std::slice::from_ref(&entry)).await?.is_empty() {
        return Err(Error::Contended);
    }
    decide_in(tx, &credit, turn, "settled", (None, Some(entry.id())), act).await?;
    act.trail_in(tx, "credit.settled", &credit, &seen.connection_id).await
}

/// Takes a settlement back: the gateway owes everything again, and the credit waits for a person.
///
/// # Errors
/// An unknown credit, or one that settled nothing.
pub async fn unsettle(store: &Store, credit_id: &str, act: &Act<'_>) -> Result<()> {
    transact!(store, |tx| unsettle_in(tx, credit_id, act).await)
}

async fn unsettle_in(tx: &mut Tx, credit_id: &str, act: &Act<'_>) -> Result<()> {
    let credit = credit_in(tx, credit_id).await?;
    let standing = Standing::of_in(tx, &[credit_id]).await?;
    let newest = standing.newest.get(credit_id).filter(|newest| newest.kind == "settled");
    act.check_seen(newest)?;
    let Some(settled) = newest.and_then(|newest| newest.entry_id.clone()) else {
        return Err(super::desk::not_held().into());
    };
    let turn = standing.next_turn(credit_id)?;
    let sides = ledger::postings_of_in(tx, &settled).await?.iter().map(Posting::mirrored).collect();
    let head = Head::new(&credit.school_id, Cause::Settled(credit.id.clone(), turn), act.at());
    let entry = Entry::new(act.signed(head).reversing(Some(settled)), sides)?;
    if ledger::post_in(tx, std::slice::from_ref(&entry)).await?.is_empty() {
        return Err(Error::Contended);
    }
    decide_in(tx, &credit, turn, "release", (None, Some(entry.id())), act).await?;
    act.trail_in(tx, "credit.unsettled", &credit, "").await
}

fn changed() -> Refusal {
    Refusal::new(
        Kind::Conflict,
        "settlement-changed",
        "Số tiền ví hoặc cổng thanh toán còn nợ đã thay đổi. Hãy xem lại trang này.",
        "What the gateway owes has changed. Please look at this page again.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owed(day: &str, amount: i64) -> Owed {
        let day = Day::parse(day).expect("a day");
        Owed { id: "crd".to_owned(), account_id: "acc".to_owned(), amount: Dong::new(amount), day }
    }

    #[test]
    fn a_settlement_is_everything_until_a_day_less_a_fee() {
        let taken = [owed("2026-11-20", 1_000_000), owed("2026-11-20", 500_000), owed("2026-11-21", 2_000_000)];
        let found = |net: i64| nearest("con", &taken, Dong::new(net)).map(|found| (found.count, found.fee.get()));
        assert_eq!(found(1_483_500), Some((2, 16_500)));
        assert_eq!(found(1_500_000), Some((2, 0)));
        assert_eq!(found(3_461_500), Some((3, 38_500)));
        assert_eq!(found(1_350_000), Some((2, 150_000)), "ten in a hundred is the dearest");
        assert_eq!(found(1_349_999), None);
        assert_eq!(found(3_500_001), None, "more than is owed is no settlement");
        assert_eq!(nearest("con", &[], Dong::new(1)), None);
    }
}
