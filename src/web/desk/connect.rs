//! Connecting a bank: who tells of the school's money, with which secrets, and at which address.
//!
//! **Invariants:** a secret goes in and never comes out again, not even onto the page of a refused form; a connection
//! of another school is answered like one that is not there.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use crate::fault::{Kind, Refusal, Result};
use crate::inbox::{self, Connection, Health, NewConnection};
use crate::orders::{self, Counts};
use crate::providers::{Listened, Provider, Secrets};
use crate::roll::{self, ReceivingAccount};
use crate::time::Moment;
use crate::web::House;
use crate::web::failure::Failure;
use crate::web::form::{Form, mendable, typed};
use crate::web::frame::{Frame, show, show_again};
use crate::web::rehearse::{Played, rehearse};
use crate::web::seat::{Accountant, Desk};
use crate::web::words::SetupWords;

/// No bank carries more characters of transfer text.
const MEMO_MOST: usize = 500;

/// The form's fields as they come: boxes repeat their name, and each secret has a field of its own.
type Typed = Vec<(String, String)>;

#[derive(Template)]
#[template(path = "desk/connect.html", whitespace = "minimize")]
struct ConnectPage {
    frame: Frame,
    s: &'static SetupWords,
    provider: String,
    documents: String,
    accounts: Vec<Choice>,
    ways: Vec<Vec<String>>,
    secrets: Vec<(String, String, usize)>,
    asks_whether_linked: bool,
    is_unlinked: bool,
    order_secrets: Vec<(String, String)>,
    makes_orders: bool,
    memo_prefix: String,
    memo_max: String,
    limit: Option<usize>,
    most: usize,
}

/// An account that may be told of.
struct Choice {
    id: String,
    label: String,
    is_chosen: bool,
}

#[derive(Template)]
#[template(path = "desk/connection.html", whitespace = "minimize")]
struct ConnectionPage {
    frame: Frame,
    s: &'static SetupWords,
    done: &'static str,
    id: String,
    is_live: bool,
    documents: String,
    accounts: Vec<String>,
    memo_prefix: String,
    memo_max: i64,
    orders: Option<Counts>,
    secrets: Vec<Secret>,
    health: Health,
    heard_at: String,
    lag: String,
    addresses: Vec<Address>,
    marks_tests: bool,
}

/// What a bank calls.
struct Address {
    what: &'static str,
    method: &'static str,
    url: String,
}

/// A secret by its name, with how many values hold.
struct Secret {
    name: String,
    label: String,
    live: usize,
}

#[derive(Deserialize)]
pub(super) struct Chosen {
    #[serde(default)]
    provider: String,
}

/// The ways a provider proves itself; two that take the same secrets are one to whoever fills in the form.
fn ways(provider: &Provider) -> Vec<Vec<String>> {
    let mut ways: Vec<Vec<String>> = Vec::new();
    for way in provider.secret_names() {
        let way: Vec<String> = way.into_iter().map(str::to_owned).collect();
        if !ways.contains(&way) {
            ways.push(way);
        }
    }
    ways
}

async fn usable(house: &House, desk: &Desk) -> Result<Vec<ReceivingAccount>> {
    let accounts = roll::accounts_of(&house.store, &desk.school.id).await?;
    Ok(accounts.into_iter().filter(ReceivingAccount::is_usable).collect())
}

async fn form_page(
    house: &House,
    desk: &Desk,
    provider: &Provider,
    fields: &Typed,
    refusal: Option<&Refusal>,
) -> Result<ConnectPage> {
    let s = &desk.seat.words().setup;
    let frame = Frame::desk(desk, (s.connect_to)((s.title)(provider))).at("/desk/setup");
    let accounts = usable(house, desk).await?;
    let is_alone = accounts.len() == 1;
    let ways = ways(provider);
    let mut secrets: Vec<(String, String, usize)> = Vec::new();
    for (way, names) in ways.iter().enumerate() {
        for name in names {
            if !secrets.iter().any(|(known, _, _)| known == name) {
                secrets.push((name.clone(), (s.secret_name)(name), way + 1));
            }
        }
    }
    let limit = provider.memo_max(true);
    Ok(ConnectPage {
        frame: match refusal {
            Some(refusal) => frame.refusing(refusal),
            None => frame,
        },
        provider: provider.name().to_owned(),
        documents: provider.documents().to_owned(),
        accounts: accounts
            .iter()
            .map(|account| Choice {
                is_chosen: is_alone || fields.iter().any(|(name, id)| name == "account" && *id == account.id),
                label: super::account_label(account),
                id: account.id.clone(),
            })
            .collect(),
        asks_whether_linked: provider.asks_whether_linked(),
        is_unlinked: !typed(fields, "unlinked").is_empty(),
        order_secrets: provider.order_secrets().iter().map(|name| (name.clone(), (s.secret_name)(name))).collect(),
        makes_orders: !typed(fields, "orders").is_empty(),
        memo_prefix: typed(fields, "memo_prefix"),
        memo_max: typed(fields, "memo_max"),
        limit: (limit <= MEMO_MOST).then_some(limit),
        most: MEMO_MOST,
        ways,
        secrets,
        s,
    })
}

pub(super) async fn new(
    State(house): State<Arc<House>>,
    desk: Desk,
    Query(chosen): Query<Chosen>,
) -> Result<Response, Failure> {
    let Some(provider) = house.providers.get(&chosen.provider) else {
        return Ok(Redirect::to("/desk/setup").into_response());
    };
    show(&form_page(&house, &desk, provider, &Typed::new(), None).await?)
}

pub(super) async fn make(
    State(house): State<Arc<House>>,
    Accountant(desk): Accountant,
    form: Form<Typed>,
) -> Result<Response, Failure> {
    let provider = house.providers.get(&typed(&form.fields, "provider")).ok_or_else(Refusal::absent)?;
    let done = form
        .once(&house, async {
            let new = asked(&house, &desk, provider, &form.fields).await?;
            let id =
                inbox::connect(&house.store, &house.vault, &house.clock, &house.providers, new, &desk.seat.person.id)
                    .await?;
            Ok(format!("/desk/setup/connections/{id}?done=connected"))
        })
        .await;
    let Some(refusal) = mendable(&done) else { return done };
    show_again(&form_page(&house, &desk, provider, &form.fields, Some(refusal)).await?, refusal)
}

async fn asked(house: &House, desk: &Desk, provider: &Provider, fields: &Typed) -> Result<NewConnection> {
    let ours = usable(house, desk).await?;
    let mut accounts = Vec::new();
    for (_, id) in fields.iter().filter(|(name, _)| name == "account") {
        // Another school's account is answered like one that is not there.
        let found = ours.iter().find(|account| account.id == *id).ok_or_else(Refusal::absent)?;
        accounts.push((found.bank_bin.clone(), found.number.clone()));
    }
    let mut secrets = Secrets::new();
    for name in ways(provider).concat().iter().chain(provider.order_secrets()) {
        let value = typed(fields, &format!("secret-{name}"));
        if !value.is_empty() && secrets.values(name).is_empty() {
            secrets = secrets.with(name, &value);
        }
    }
    inbox::check_published(provider, &secrets)?;
    let memo_max = typed(fields, "memo_max");
    let memo_max = match memo_max.as_str() {
        "" => None,
        text => Some(text.parse().ok().filter(|most| (1..=MEMO_MOST).contains(most)).ok_or_else(no_number)?),
    };
    Ok(NewConnection {
        provider: provider.name().to_owned(),
        accounts,
        secrets,
        memo_prefix: Some(typed(fields, "memo_prefix")).filter(|prefix| !prefix.is_empty()),
        memo_max,
        is_unlinked: !typed(fields, "unlinked").is_empty(),
        makes_orders: !typed(fields, "orders").is_empty(),
        school: Some(desk.school.id.clone()),
    })
}

fn no_number() -> Refusal {
    let (vi, en) = ("Số ký tự là số nguyên từ 1 đến 500.", "This is a whole number from 1 to 500.");
    Refusal::new(Kind::Meaning, "wrong-memo-max", vi, en).at("memo_max", vi, en)
}

/// A connection of the desk's own school.
async fn own(house: &House, desk: &Desk, id: &str) -> Result<Connection> {
    let found = inbox::connection(&house.store, &house.vault, id).await?;
    Ok(found.filter(|found| found.school_id == desk.school.id).ok_or_else(Refusal::absent)?)
}

/// What people call a provider; one that was taken away keeps its folder's name.
pub(super) fn title_of(house: &House, provider: &str, s: &SetupWords) -> String {
    house.providers.get(provider).map_or(provider, s.title).to_owned()
}

async fn shown(house: &House, desk: &Desk, id: &str, done: &'static str) -> Result<ConnectionPage> {
    let s = &desk.seat.words().setup;
    let found = own(house, desk, id).await?;
    let accounts = roll::accounts_of(&house.store, &desk.school.id).await?;
    let bound = accounts.iter().filter(|account| found.accounts.iter().any(|one| one.id == account.id));
    let mut names: Vec<String> = found.secrets.names().map(str::to_owned).collect();
    names.sort_unstable();
    names.dedup();
    let now = house.clock.now();
    let health = inbox::health(&house.store, &found.id, now).await?;
    let orders = match found.orders_from {
        Some(_) => Some(orders::counts(&house.store, &found.id, inbox::looked_back(now)).await?),
        None => None,
    };
    let hook = format!("{}/hook/{}/{}", house.public_url(), found.provider, found.id);
    Ok(ConnectionPage {
        frame: Frame::desk(desk, title_of(house, &found.provider, s)).at("/desk/setup"),
        heard_at: health.heard_at.map(Moment::vietnamese).unwrap_or_default(),
        lag: lag(&health, s),
        addresses: addresses(house, &found.provider, &hook),
        marks_tests: house.providers.get(&found.provider).is_some_and(Provider::marks_tests),
        health,
        is_live: found.ended_at.is_none(),
        documents: house.providers.get(&found.provider).map_or("", Provider::documents).to_owned(),
        accounts: bound.map(super::account_label).collect(),
        memo_prefix: found.memo_prefix.clone().unwrap_or_default(),
        memo_max: found.memo_max,
        orders,
        secrets: names
            .into_iter()
            .map(|name| Secret { live: found.secrets.values(&name).len(), label: (s.secret_name)(&name), name })
            .collect(),
        id: found.id,
        done,
        s,
    })
}

fn lag(health: &Health, s: &SetupWords) -> String {
    match (health.lag_median, health.lag_most) {
        (Some(median), Some(most)) => (s.lags)(median, most),
        _ => String::new(),
    }
}

/// What the bank calls, by which method, and for what.
fn addresses(house: &House, provider: &str, hook: &str) -> Vec<Address> {
    let listened = house.providers.get(provider).map(Provider::paths).unwrap_or_default();
    let address =
        |one: &Listened<'_>| Address { what: one.what, method: one.method, url: format!("{hook}{}", one.path) };
    listened.iter().map(address).collect()
}

/// Plays the bank against the hook, as it answers under the public address.
pub(super) async fn play(
    State(house): State<Arc<House>>,
    Accountant(desk): Accountant,
    Path(id): Path<String>,
    form: Form<Nothing>,
) -> Result<Response, Failure> {
    form.once(&house, async {
        let found = own(&house, &desk, &id).await?;
        let provider = house.providers.get(&found.provider).ok_or_else(Refusal::absent)?;
        let played = rehearse(provider, house.public_url(), &found, (house.vault.master(), house.clock.now())).await?;
        let wrong = played.iter().filter(|one| !one.is_right);
        let done = match wrong.max_by_key(|one| (one.status.is_some(), !one.is_believed)) {
            None => "played",
            Some(Played { status: None, .. }) => "played-unheard",
            Some(Played { is_believed: true, .. }) => "played-unbelieved",
            Some(_) => "played-forged",
        };
        Ok(format!("/desk/setup/connections/{id}?done={done}"))
    })
    .await
}

#[derive(Deserialize)]
pub(super) struct Done {
    #[serde(default)]
    done: String,
}

pub(super) async fn page(
    State(house): State<Arc<House>>,
    desk: Desk,
    Path(id): Path<String>,
    Query(done): Query<Done>,
) -> Result<Response, Failure> {
    let s = &desk.seat.words().setup;
    let said = match done.done.as_str() {
        "connected" => s.connected,
        "secret" => s.done_secret,
        "retired" => s.done_retired,
        "ended" => s.done_ended,
        "played" => s.played_right,
        "played-unheard" => s.played_unheard,
        "played-unbelieved" => s.played_unbelieved,
        "played-forged" => s.played_forged,
        _ => "",
    };
    show(&shown(&house, &desk, &id, said).await?)
}

#[derive(Deserialize)]
pub(super) struct NewValue {
    #[serde(default)]
    name: String,
    #[serde(default)]
    value: String,
}

/// The answer, or the connection's page with the sentence of the refusal.
async fn answered(house: &House, desk: &Desk, id: &str, done: Result<Response, Failure>) -> Result<Response, Failure> {
    let Some(refusal) = mendable(&done) else { return done };
    let page = shown(house, desk, id, "").await?;
    show_again(&ConnectionPage { frame: page.frame.refusing(refusal), ..page }, refusal)
}

pub(super) async fn add_secret(
    State(house): State<Arc<House>>,
    Accountant(desk): Accountant,
    Path(id): Path<String>,
    form: Form<NewValue>,
) -> Result<Response, Failure> {
    let done = form
        .once(&house, async {
            let found = own(&house, &desk, &id).await?;
            let secret = (form.fields.name.as_str(), form.fields.value.trim());
            if let Some(provider) = house.providers.get(&found.provider) {
                let given = Secrets::new().with(secret.0, secret.1);
                inbox::check_forms(provider, &given)?;
                inbox::check_published(provider, &given)?;
            }
            let actor = &desk.seat.person.id;
            inbox::add_secret(&house.store, &house.vault, &house.clock, &id, secret, actor).await?;
            Ok(format!("/desk/setup/connections/{id}?done=secret"))
        })
        .await;
    answered(&house, &desk, &id, done).await
}

#[derive(Deserialize)]
pub(super) struct Named {
    #[serde(default)]
    name: String,
}

pub(super) async fn retire(
    State(house): State<Arc<House>>,
    Accountant(desk): Accountant,
    Path(id): Path<String>,
    form: Form<Named>,
) -> Result<Response, Failure> {
    let done = form
        .once(&house, async {
            own(&house, &desk, &id).await?;
            let actor = &desk.seat.person.id;
            inbox::retire_secret(&house.store, &house.clock, &id, &form.fields.name, actor).await?;
            Ok(format!("/desk/setup/connections/{id}?done=retired"))
        })
        .await;
    answered(&house, &desk, &id, done).await
}

#[derive(Deserialize)]
pub(super) struct Nothing {}

pub(super) async fn end(
    State(house): State<Arc<House>>,
    Accountant(desk): Accountant,
    Path(id): Path<String>,
    form: Form<Nothing>,
) -> Result<Response, Failure> {
    form.once(&house, async {
        own(&house, &desk, &id).await?;
        inbox::end(&house.store, &house.clock, &id, &desk.seat.person.id).await?;
        Ok(format!("/desk/setup/connections/{id}?done=ended"))
    })
    .await
}
