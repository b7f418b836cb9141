//! Which invoices want an order: those of published runs, walked once, and those whose money changed, by the feed.

use std::collections::HashSet;

use super::{description, is_payable, sql};
use crate::fault::{Fault, Result};
use crate::feed;
use crate::fees::{self, Lifecycle, view};
use crate::ids::{self, PaymentReference};
use crate::inbox;
use crate::money::Dong;
use crate::store::{Arg, Fence, Store, Tx, args, record, transact};
use crate::time::{Clock, Moment};

/// Invoices looked at in one transaction.
const CHUNK: i64 = 50;
/// Places of the feed that are followed in one step.
const PLACES: i64 = 500;
/// Our numbers have fifteen or sixteen digits and stay within what JavaScript counts exactly.
const LEAST_CODE: i64 = 100_000_000_000_000;
const CODES: i64 = (1 << 53) - LEAST_CODE;

record! {
    /// A live connection that makes orders.
    pub(super) struct Maker {
        id: String,
        memo_prefix: Option<String>,
        memo_max: i64,
        orders_place: Option<i64>,
    }
}

record! {
    struct Walk {
        run_id: String,
        cursor: Option<String>,
    }
}

record! {
    struct Ordered {
        id: String,
        connection_id: String,
        invoice_id: String,
        amount: Dong,
        turn: i64,
        made: i64,
        ended: i64,
        waits: i64,
    }
}

/// An order that is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct New {
    pub(super) connection_id: String,
    pub(super) invoice_id: String,
    pub(super) amount: Dong,
    pub(super) turn: i64,
    pub(super) description: String,
}

/// What an invoice wants.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Want {
    /// Nothing: it has its order, or it waits already.
    Nothing,
    /// A first order of this amount, or the next after one that came to nothing.
    Turn(i64),
    /// The order that was left when nothing was owed any more.
    Again(String),
}

/// Looks at a bounded number of invoices and tells how many.
pub(super) async fn plan(store: &Store, clock: &Clock, fence: Option<&Fence>) -> Result<usize> {
    let mut looked_at = 0;
    for maker in store.all::<Maker>(&sql::MAKERS, args![]).await? {
        looked_at += follow(store, clock, fence, &maker).await?;
        looked_at += walk(store, clock, fence, &maker).await?;
    }
    Ok(looked_at)
}

/// Money came or went on invoices: what is owed now may want another order. Before the first walk the place is only
/// remembered, because the walk sees everything that stands before it.
async fn follow(store: &Store, clock: &Clock, fence: Option<&Fence>, maker: &Maker) -> Result<usize> {
    let head = feed::head(store).await?;
    let (to, changed) = match maker.orders_place {
        Some(place) if place >= head => return Ok(0),
        Some(place) => {
            let to = head.min(place.saturating_add(PLACES));
            (to, store.all::<String>(&sql::CHANGED, args![place, to, &maker.id]).await?)
        }
        None => (head, Vec::new()),
    };
    let wanted = wanted(store, maker, &changed).await?;
    let now = clock.now();
    transact!(store, |tx| {
        check_in(tx, fence).await?;
        want_in(tx, &wanted, now).await?;
        tx.run(&sql::MOVE_PLACE, args![&maker.id, to]).await
    })?;
    Ok(changed.len().max(1))
}

/// The next invoices of a published run that this connection has not looked at.
async fn walk(store: &Store, clock: &Clock, fence: Option<&Fence>, maker: &Maker) -> Result<usize> {
    let Some(walk) = store.optional::<Walk>(&sql::NEXT_WALK, args![&maker.id]).await? else { return Ok(0) };
    let cursor = walk.cursor.unwrap_or_default();
    let next: Vec<(String, String)> = store.all(&sql::NEXT_INVOICES, args![&walk.run_id, &cursor, CHUNK]).await?;
    let (ids, pupils): (Vec<String>, Vec<String>) = next.into_iter().unzip();
    let wanted = wanted(store, maker, &ids).await?;
    let now = clock.now();
    let is_last = i64::try_from(ids.len()).is_ok_and(|count| count < CHUNK);
    let done_at = is_last.then_some(now);
    let cursor = pupils.last().unwrap_or(&cursor);
    transact!(store, |tx| {
        check_in(tx, fence).await?;
        want_in(tx, &wanted, now).await?;
        tx.run(&sql::MOVE_WALK, args![&maker.id, &walk.run_id, cursor, done_at]).await
    })?;
    Ok(ids.len().max(1))
}

/// What these invoices want of a connection, as they stand now.
async fn wanted(store: &Store, maker: &Maker, ids: &[String]) -> Result<Vec<(New, Want)>> {
    let keys = |ids: &[String]| ids.iter().map(Arg::from).collect::<Vec<Arg>>();
    let seen: Vec<String> = store.all_in(&sql::SEEN, keys(ids)).await?;
    if seen.is_empty() {
        return Ok(Vec::new());
    }
    let invoices = fees::invoices(store, &seen).await?;
    let totals: Vec<(String, Dong)> = invoices.iter().map(|invoice| (invoice.id.clone(), invoice.total)).collect();
    let money = view::standings(store, &totals).await?;
    let ordered: Vec<Ordered> = store.all_in(&sql::ORDERS_OF, keys(&seen)).await?;
    let most = usize::try_from(maker.memo_max).unwrap_or_default();
    let mut wanted = Vec::new();
    for invoice in invoices.iter().filter(|invoice| invoice.lifecycle == Lifecycle::Open) {
        let amount = money.get(&invoice.id).map_or(invoice.total, |money| money.owed);
        let Some(reference) = PaymentReference::parse(&invoice.reference) else { continue };
        if !is_payable(amount) {
            continue;
        }
        let mut mine = ordered.iter().filter(|order| {
            order.invoice_id == invoice.id && order.connection_id == maker.id && order.amount == amount
        });
        let want = want(mine.next_back());
        let turn = if let Want::Turn(turn) = want { turn } else { 0 };
        let new = New {
            connection_id: maker.id.clone(),
            invoice_id: invoice.id.clone(),
            amount,
            turn,
            description: description(&reference, maker.memo_prefix.as_deref(), most),
        };
        if want != Want::Nothing {
            wanted.push((new, want));
        }
    }
    Ok(wanted)
}

/// Of one invoice, amount and connection the newest order decides.
fn want(newest: Option<&Ordered>) -> Want {
    match newest {
        None => Want::Turn(1),
        Some(order) if order.ended > 0 => Want::Turn(order.turn + 1),
        Some(order) if order.made == 0 && order.waits == 0 => Want::Again(order.id.clone()),
        Some(_) => Want::Nothing,
    }
}

async fn check_in(tx: &mut Tx, fence: Option<&Fence>) -> Result<()> {
    match fence {
        Some(fence) => fence.check_in(tx).await,
        None => Ok(()),
    }
}

async fn want_in(tx: &mut Tx, wanted: &[(New, Want)], now: Moment) -> Result<()> {
    let mut taken = HashSet::new();
    for (new, want) in wanted.iter().filter(|(new, _)| taken.insert(new.invoice_id.clone())) {
        match want {
            Want::Nothing => {}
            Want::Turn(_) => order_in(tx, new, now).await?,
            Want::Again(id) => {
                tx.run(&sql::ADD_WORK, args![id, now]).await?;
            }
        }
    }
    Ok(())
}

/// Stores an order under a number of its own, with the key that leads to its invoice: all before anybody is told.
pub(super) async fn order_in(tx: &mut Tx, new: &New, now: Moment) -> Result<()> {
    let (id, code) = (ids::new_id("ord"), new_code()?);
    let New { connection_id, invoice_id, amount, turn, description } = new;
    let row = args![&id, connection_id, invoice_id, *amount, *turn, code, description, now];
    tx.run(&sql::ADD_ORDER, row).await?;
    let key = (inbox::ORDER, connection_id.as_str(), code.to_string());
    if !inbox::add_key_in(tx, (key.0, key.1, &key.2), invoice_id, now, "system").await? {
        return Err(Fault::new("make an order: its number leads to another invoice").into());
    }
    tx.run(&sql::ADD_WORK, args![&id, now]).await?;
    Ok(())
}

/// Random, so that no other program that makes orders in the same channel counts up to it.
fn new_code() -> Result<i64> {
    let drawn = i64::from_be_bytes(ids::random()?) & i64::MAX;
    Ok(LEAST_CODE + drawn % CODES)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ordered(made: i64, ended: i64, waits: i64) -> Ordered {
        Ordered {
            id: "ord_1".to_owned(),
            connection_id: "con_1".to_owned(),
            invoice_id: "inv_1".to_owned(),
            amount: Dong::new(1),
            turn: 3,
            made,
            ended,
            waits,
        }
    }

    #[test]
    fn an_invoice_and_amount_has_one_order_until_it_came_to_nothing() {
        assert_eq!(want(None), Want::Turn(1));
        assert_eq!(want(Some(&ordered(0, 0, 1))), Want::Nothing, "it waits");
        assert_eq!(want(Some(&ordered(1, 0, 0))), Want::Nothing, "it is made");
        assert_eq!(want(Some(&ordered(0, 0, 0))), Want::Again("ord_1".to_owned()), "it was left");
        assert_eq!(want(Some(&ordered(0, 1, 0))), Want::Turn(4), "it was cancelled");
    }

    #[test]
    fn numbers_are_such_as_javascript_counts_exactly() {
        for _ in 0..1_000 {
            let code = new_code().expect("randomness");
            assert!((LEAST_CODE..1 << 53).contains(&code), "{code}");
        }
    }
}
