//! Asking for orders: claimed one by one, retried for as long as they are wanted, read back where an answer was lost.

use std::collections::HashMap;

use futures_util::StreamExt;
use futures_util::stream;
use reqwest::Method;

use super::client::Came;
use super::payos::{self, Answer, Asked, Known};
use super::{Maker, Round, plan, shown, sql};
use crate::fault::{Fault, Result};
use crate::fees::{self, Lifecycle, OpenInvoice, view};
use crate::ids::PaymentReference;
use crate::inbox::{self, Connection};
use crate::money::Dong;
use crate::providers::{OrderForm, Provider};
use crate::roll;
use crate::store::{Tx, args, record, transact};
use crate::time::Moment;
use crate::vietqr::Ordered;

/// Orders asked for in one round.
const ROUND: i64 = 24;
/// Questions under way at once.
const AT_ONCE: usize = 4;
/// How long a try may take before another process may make it.
const CLAIM_MS: i64 = 60_000;
/// Pauses after the first, second, … failed try; the last one is repeated for as long as the order is wanted.
const PAUSES_S: [i64; 6] = [5, 30, 120, 600, 1_800, 3_600];
/// What waits longer was put off by a clock that has gone back since.
const LONGEST_PAUSE_MS: i64 = PAUSES_S[5] * 1_000;

record! {
    #[derive(Debug, Clone)]
    struct Due {
        id: String,
        connection_id: String,
        invoice_id: String,
        amount: Dong,
        turn: i64,
        code: i64,
        description: String,
        tries: i64,
    }
}

/// What came of a try.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Became {
    /// The provider has it; a code that is fit to be shown is kept, of another the part that differs.
    Made { known: Box<Known>, differs: Option<&'static str> },
    /// It came to nothing: the next turn may begin.
    Ended(&'static str),
    /// Not yet, for this reason.
    Failed(String),
}

/// Everything one try needs.
struct Try<'a> {
    maker: &'a Maker<'a>,
    provider: &'a Provider,
    connection: &'a Connection,
    due: &'a Due,
    invoice: &'a OpenInvoice,
}

/// Asks for the orders whose time has come and tells which can be paid now.
pub(super) async fn call(maker: &Maker<'_>) -> Result<Round> {
    let now = maker.clock.now();
    let due: Vec<Due> = maker.store.all(&sql::DUE, args![now, now.plus_ms(LONGEST_PAUSE_MS), ROUND]).await?;
    let mut connections: HashMap<String, Option<Connection>> = HashMap::new();
    for due in &due {
        if !connections.contains_key(&due.connection_id) {
            let found = inbox::connection(maker.store, maker.vault, &due.connection_id).await?;
            connections.insert(due.connection_id.clone(), found);
        }
    }
    let mut round = Round { done: due.len(), ..Round::default() };
    let connections = &connections;
    let mut tried = stream::iter(due)
        .map(|due| async move {
            let connection = connections.get(&due.connection_id).and_then(Option::as_ref);
            try_one(maker, connection, &due).await
        })
        .buffer_unordered(AT_ONCE);
    while let Some(tried) = tried.next().await {
        round.invoices.extend(tried?);
    }
    Ok(round)
}

/// One try of one order: the invoice that can be paid by it now, if this made it so.
async fn try_one(maker: &Maker<'_>, connection: Option<&Connection>, due: &Due) -> Result<Option<String>> {
    let store = maker.store;
    let now = maker.clock.now();
    let claim = || args![&due.id, due.tries, now.plus_ms(CLAIM_MS)];
    if transact!(store, |tx| tx.run(&sql::CLAIM, claim()).await)? == 0 {
        return Ok(None);
    }
    let provider = connection.and_then(|connection| maker.providers.get(&connection.provider));
    let connection = connection.filter(|connection| connection.ended_at.is_none());
    let invoice = fees::invoice(store, &due.invoice_id).await?;
    let (Some(connection), Some(provider), Some(invoice)) = (connection, provider, invoice) else {
        transact!(store, |tx| tx.run(&sql::FINISH, args![&due.id]).await)?;
        return Ok(None);
    };
    if !is_wanted(maker, &invoice, due.amount).await? {
        // Should it be owed again, the feed tells of it and the same order is asked for again.
        transact!(store, |tx| tx.run(&sql::FINISH, args![&due.id]).await)?;
        return Ok(None);
    }
    let one = Try { maker, provider, connection, due, invoice: &invoice };
    let became = one.ask().await?;
    let done = maker.clock.now();
    if let Became::Failed(reason) = &became {
        tracing::warn!(order = due.id, reason, "an order was not made and is asked for again");
    }
    let made = matches!(&became, Became::Made { differs: None, .. });
    transact!(store, |tx| record_in(tx, due, &became, done).await)?;
    Ok(made.then(|| due.invoice_id.clone()))
}

async fn is_wanted(maker: &Maker<'_>, invoice: &OpenInvoice, amount: Dong) -> Result<bool> {
    let totals = [(invoice.id.clone(), invoice.total)];
    let money = view::standings(maker.store, &totals).await?;
    let owed = money.get(&invoice.id).map_or(invoice.total, |money| money.owed);
    Ok(invoice.lifecycle == Lifecycle::Open && owed == amount)
}

impl Try<'_> {
    async fn ask(&self) -> Result<Became> {
        let Some(OrderForm::Payos) = self.provider.order_form() else {
            return Ok(Became::Failed("no-orders".to_owned()));
        };
        let asked = self.asked();
        let body = payos::body(&asked, self.secret("checksum_key"))?;
        match self.send(Method::POST, payos::PATH, Some(body)).await {
            Ok(said) => self.made(payos::known(&said, &asked)).await,
            Err(reason) if payos::exists(&reason) => self.read_back().await,
            Err(reason) => Ok(Became::Failed(reason)),
        }
    }

    fn asked(&self) -> Asked<'_> {
        let due = self.due;
        Asked { code: due.code, amount: due.amount, description: &due.description, back: self.maker.back }
    }

    /// The newest value of a secret, and at the next try the one before it: while keys change over nobody knows which
    /// the provider holds.
    fn secret(&self, name: &str) -> &str {
        let values = self.connection.secrets.values(name);
        let turn = usize::try_from(self.due.tries).unwrap_or_default() % values.len().max(1);
        values.iter().rev().nth(turn).map_or("", |value| value.as_str())
    }

    /// What was said to a question, or the word for why nothing was.
    async fn send(&self, method: Method, path: &str, body: Option<String>) -> Result<serde_json::Value, String> {
        let keys = [("x-client-id", self.secret("client_id")), ("x-api-key", self.secret("api_key"))];
        let body = match self.maker.client.ask(method, path, keys, body).await {
            Came::Silence => return Err("silence".to_owned()),
            Came::Answer(429, _) => return Err("too-many".to_owned()),
            Came::Answer(status @ 500.., _) => return Err(format!("status-{status}")),
            Came::Answer(_, body) => body,
        };
        let now = self.maker.clock.now();
        match payos::answer(self.provider, &self.connection.secrets, now, &body) {
            Answer::Said(said) => Ok(said),
            Answer::Refused(reason) => Err(reason),
            Answer::Unproven => Err("unproven".to_owned()),
        }
    }

    async fn made(&self, known: Option<Known>) -> Result<Became> {
        let Some(known) = known else { return Ok(Became::Failed("another-order".to_owned())) };
        let account = roll::account(self.maker.store, &self.invoice.account_id).await?;
        let account = account.ok_or_else(|| Fault::new("make an order: its account is not there"))?;
        let reference = PaymentReference::parse(&self.invoice.reference);
        let reference = reference.ok_or_else(|| Fault::new("make an order: its invoice has no reference"))?;
        // A virtual account stands for the school's only where its bank is the school's.
        let virtual_account = if known.bin == account.bank_bin { known.account.as_str() } else { "" };
        let ordered = Ordered {
            bin: &account.bank_bin,
            accounts: [&account.number, virtual_account],
            amount: self.due.amount,
            reference: &reference,
            description: &self.due.description,
        };
        let differs = shown::differs(&known, &ordered);
        if let Some(part) = differs {
            tracing::error!(order = self.due.id, part, "the code of an order was withheld");
        }
        Ok(Became::Made { known: Box::new(known), differs })
    }

    /// The order is there but the answer that told of it was lost, and with it the code: nobody can have paid by a
    /// code that nobody saw. Where our own code cannot take its place, the order is taken back and made anew.
    async fn read_back(&self) -> Result<Became> {
        let asked = self.asked();
        let said = match self.send(Method::GET, &format!("{}/{}", payos::PATH, asked.code), None).await {
            Ok(said) => said,
            Err(reason) => return Ok(Became::Failed(reason)),
        };
        let Some(known) = payos::known(&said, &asked) else { return Ok(Became::Ended("foreign")) };
        if ["CANCELLED", "EXPIRED", "FAILED"].contains(&known.status.as_str()) {
            return Ok(Became::Ended("cancelled"));
        }
        let has_own_code = !PaymentReference::find_all(&self.due.description).is_empty();
        if known.status != "PENDING" || !known.qr.is_empty() || has_own_code {
            return self.made(Some(known)).await;
        }
        let body = payos::cancelling(self.secret("checksum_key"))?;
        match self.send(Method::POST, &format!("{}/{}/cancel", payos::PATH, asked.code), Some(body)).await {
            Ok(said) if payos::known(&said, &asked).is_some_and(|known| known.status == "CANCELLED") => {
                Ok(Became::Ended("cancelled"))
            }
            Ok(_) => Ok(Became::Failed("not-cancelled".to_owned())),
            Err(reason) => Ok(Became::Failed(reason)),
        }
    }
}

async fn record_in(tx: &mut Tx, due: &Due, became: &Became, now: Moment) -> Result<()> {
    match became {
        Became::Made { known, differs } => {
            let qr = if differs.is_none() { known.qr.as_str() } else { "" };
            let reason = differs.unwrap_or_default();
            let row = args![&due.id, "made", now, reason, &known.link, qr, &known.account, &known.holder];
            tx.run(&sql::ADD_EVENT, row).await?;
            tx.run(&sql::FINISH, args![&due.id]).await?;
        }
        Became::Ended(kind) => {
            tx.run(&sql::ADD_EVENT, args![&due.id, *kind, now, "", "", "", "", ""]).await?;
            if tx.run(&sql::FINISH, args![&due.id]).await? == 1 {
                plan::order_in(tx, &due.next(), now).await?;
            }
        }
        Became::Failed(reason) => {
            let place = usize::try_from(due.tries).unwrap_or_default().min(PAUSES_S.len() - 1);
            let later = now.plus_ms(PAUSES_S[place] * 1_000);
            tx.run(&sql::POSTPONE, args![&due.id, later, reason]).await?;
            if ["silence", "too-many"].contains(&reason.as_str()) {
                // Where nobody answers the next order need not knock at once.
                tx.run(&sql::REST, args![&due.connection_id, now.plus_ms(PAUSES_S[0] * 1_000)]).await?;
            }
        }
    }
    Ok(())
}

impl Due {
    fn next(&self) -> plan::New {
        plan::New {
            connection_id: self.connection_id.clone(),
            invoice_id: self.invoice_id.clone(),
            amount: self.amount,
            turn: self.turn + 1,
            description: self.description.clone(),
        }
    }
}
