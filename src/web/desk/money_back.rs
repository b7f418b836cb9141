//! Money that is no longer there, went to the wrong child, or is what a gateway pays: acts on a credit's page, each
//! with a reason.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use serde::Deserialize;

use crate::fault::{Refusal, Result};
use crate::inbox;
use crate::matching::{self, Act, Settlement, Shown};
use crate::statements;
use crate::web::House;
use crate::web::failure::Failure;
use crate::web::form::{Form, mendable};
use crate::web::seat::{Accountant, Desk};
use crate::web::words::{DeskWords, Words};

/// What a person may say of a credit that it is not a family's payment into the account, beside what matching decides.
#[derive(Default)]
pub(super) struct Beside {
    /// The word with which it leaves the books, and the sentences that ask for it.
    pub why: Option<Leaving>,
    /// What it may be the settlement of.
    pub settlements: Vec<Choice>,
    /// Is it booked as a settlement?
    pub is_settlement: bool,
}

/// How a credit leaves the books.
pub(super) struct Leaving {
    pub code: &'static str,
    pub help: &'static str,
    pub act: &'static str,
}

/// A settlement somebody may choose.
pub(super) struct Choice {
    pub connection: String,
    pub through: String,
    pub fee: i64,
    pub sentence: String,
}

/// What the credit's page offers.
pub(super) async fn beside(house: &House, desk: &Desk, credit: &Shown, w: &'static DeskWords) -> Result<Beside> {
    let kind = credit.kind.as_deref().unwrap_or_default();
    let is_held = matches!(kind, "hold" | "release");
    let mut beside = Beside { is_settlement: kind == "settled", ..Beside::default() };
    if is_held && credit.line_id.is_some() {
        for found in matching::settlements(&house.store, &credit.id).await? {
            beside.settlements.push(choice(house, found, desk.seat.words()).await?);
        }
    }
    if matches!(kind, "" | "same" | "reversed" | "disowned" | "settled") {
        return Ok(beside);
    }
    if inbox::is_reversed(&house.store, &desk.school.id, &credit.id).await? {
        beside.why = Some(Leaving { code: "reversed", help: w.gone_reversed, act: w.confirm_reversed });
    } else if credit.line_id.is_none() && is_missing(house, desk, &credit.id).await? {
        beside.why = Some(Leaving { code: "disowned", help: w.gone_missing, act: w.confirm_missing });
    } else if statements::is_returned(&house.store, &house.vault, &credit.id).await? {
        beside.why = Some(Leaving { code: "reversed", help: w.gone_returned, act: w.confirm_reversed });
    }
    Ok(beside)
}

async fn is_missing(house: &House, desk: &Desk, credit_id: &str) -> Result<bool> {
    let missing = statements::missing(&house.store, &desk.school.id, house.clock.now().day()).await?;
    Ok(missing.iter().any(|credit| credit.id == credit_id))
}

async fn choice(house: &House, found: Settlement, words: &'static Words) -> Result<Choice> {
    let provider = inbox::provider_of(&house.store, &found.connection_id).await?.unwrap_or_default();
    let title = super::connect::title_of(house, &provider, &words.setup);
    let through = found.through.vietnamese();
    Ok(Choice {
        sentence: (words.desk.owed_by)(&title, found.count, &found.gross.to_string(), &found.fee.to_string(), &through),
        fee: found.fee.get(),
        through: found.through.to_string(),
        connection: found.connection_id,
    })
}

#[derive(Deserialize)]
pub(super) struct Gone {
    #[serde(default)]
    why: String,
    #[serde(default)]
    note: String,
    /// The turn of the decision that stood on the page.
    turn: Option<i64>,
}

/// Takes a credit out of the books; only one that the bank took back, or that complete statements do not have.
pub(super) async fn take_back(
    State(house): State<Arc<House>>,
    Accountant(desk): Accountant,
    Path(credit_id): Path<String>,
    form: Form<Gone>,
) -> Result<Response, Failure> {
    let done = form
        .once(&house, async {
            let credit = super::credits::own(&house, &desk, &credit_id).await?;
            let Gone { why, note, turn } = &form.fields;
            let offered = beside(&house, &desk, &credit, &desk.seat.words().desk).await?.why;
            let why = offered.filter(|leaving| leaving.code == why).and_then(|_| matching::Why::of_code(why));
            let why = why.ok_or_else(Refusal::absent)?;
            let act = Act::new(house.clock.now(), &desk.seat.person.id, note)?.having_seen(*turn);
            let from = matching::take_back(&house.store, &credit_id, why, &act).await?;
            house.changed(&from.into_iter().collect::<Vec<String>>());
            Ok(format!("/desk/credits/{credit_id}?done={}", why.code()))
        })
        .await;
    again(&house, &desk, credit_id, done).await
}

#[derive(Deserialize)]
pub(super) struct Paid {
    #[serde(default)]
    settlement: String,
    #[serde(default)]
    note: String,
    turn: Option<i64>,
}

/// Takes a credit off the invoice it went to, when nobody knows yet whose it is.
pub(super) async fn release(
    State(house): State<Arc<House>>,
    Accountant(desk): Accountant,
    Path(credit_id): Path<String>,
    form: Form<Paid>,
) -> Result<Response, Failure> {
    let done = form
        .once(&house, async {
            super::credits::own(&house, &desk, &credit_id).await?;
            let act = Act::new(house.clock.now(), &desk.seat.person.id, &form.fields.note)?;
            let from = matching::release(&house.store, &credit_id, &act.having_seen(form.fields.turn)).await?;
            house.changed(&from.into_iter().collect::<Vec<String>>());
            Ok(format!("/desk/credits/{credit_id}?done=released"))
        })
        .await;
    again(&house, &desk, credit_id, done).await
}

/// Books a held credit as what a gateway pays.
pub(super) async fn settle(
    State(house): State<Arc<House>>,
    Accountant(desk): Accountant,
    Path(credit_id): Path<String>,
    form: Form<Paid>,
) -> Result<Response, Failure> {
    let done = form
        .once(&house, async {
            super::credits::own(&house, &desk, &credit_id).await?;
            let Paid { settlement, note, turn } = &form.fields;
            let act = Act::new(house.clock.now(), &desk.seat.person.id, note)?.having_seen(*turn);
            let found = matching::settlements(&house.store, &credit_id).await?;
            let is_seen = |found: &Settlement| *settlement == named(found);
            let seen = found.into_iter().find(is_seen).ok_or_else(Refusal::absent)?;
            matching::settle(&house.store, &credit_id, &seen, &act).await?;
            Ok(format!("/desk/credits/{credit_id}?done=settled"))
        })
        .await;
    again(&house, &desk, credit_id, done).await
}

/// A settlement as the form names it: with the fee that was on the page.
fn named(found: &Settlement) -> String {
    format!("{}.{}.{}", found.connection_id, found.through, found.fee.get())
}

/// Takes a settlement back.
pub(super) async fn unsettle(
    State(house): State<Arc<House>>,
    Accountant(desk): Accountant,
    Path(credit_id): Path<String>,
    form: Form<Paid>,
) -> Result<Response, Failure> {
    let done = form
        .once(&house, async {
            super::credits::own(&house, &desk, &credit_id).await?;
            let act = Act::new(house.clock.now(), &desk.seat.person.id, &form.fields.note)?;
            matching::unsettle(&house.store, &credit_id, &act.having_seen(form.fields.turn)).await?;
            Ok(format!("/desk/credits/{credit_id}?done=unsettled"))
        })
        .await;
    again(&house, &desk, credit_id, done).await
}

/// The answer, or the credit's page with the sentence of the refusal.
async fn again(
    house: &House,
    desk: &Desk,
    credit_id: String,
    done: Result<Response, Failure>,
) -> Result<Response, Failure> {
    let Some(refusal) = mendable(&done) else { return done };
    super::credits::refused(house, desk, credit_id, refusal).await
}
