//! The school's runs, and a new one.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;

use crate::fault::{Kind, Refusal};
use crate::fees::view::{self, RunProgress};
use crate::fees::{self, FeeItem, NewRun, Price, RunState};
use crate::roll;
use crate::time::Day;
use crate::web::House;
use crate::web::failure::Failure;
use crate::web::form::{Form, mendable, typed};
use crate::web::frame::{Frame, show, show_again};
use crate::web::seat::{Accountant, Desk};
use crate::web::words::DeskWords;

/// A new run is due so many days from now unless somebody says otherwise.
const USUAL_DAYS: i64 = 14;
/// Runs on one page.
const RUNS: usize = 20;

#[derive(Template)]
#[template(path = "desk/runs.html", whitespace = "minimize")]
struct RunsPage {
    frame: Frame,
    w: &'static DeskWords,
    runs: Vec<RunProgress>,
    /// With what the next page begins.
    older: Option<String>,
}

/// `1795309200000.run_…`: the run that the page before ended with.
#[derive(Deserialize)]
pub(super) struct Before {
    #[serde(default)]
    before: String,
}

#[derive(Template)]
#[template(path = "desk/run_new.html", whitespace = "minimize")]
struct NewRunPage {
    frame: Frame,
    w: &'static DeskWords,
    title: String,
    due: String,
    school_year: String,
    account: String,
    accounts: Vec<(String, String)>,
    items: Vec<Item>,
    classes: Vec<(roll::ClassGroup, bool)>,
}

/// An item that may be chosen.
struct Item {
    id: String,
    name: String,
    basis: String,
    necessity: &'static str,
    price: String,
    unit: &'static str,
    is_chosen: bool,
    quantity: String,
}

pub(super) async fn list(
    State(house): State<Arc<House>>,
    desk: Desk,
    Query(Before { before }): Query<Before>,
) -> Result<Response, Failure> {
    let w = &desk.seat.words().desk;
    let mut runs = view::runs_before(&house.store, &desk.school.id, super::place(&before), RUNS + 1).await?;
    let has_more = runs.len() > RUNS;
    runs.truncate(RUNS);
    let older = runs.last().filter(|_| has_more).map(|last| super::cursor(last.run.made_at, &last.run.id));
    show(&RunsPage { frame: Frame::desk(&desk, w.runs).at("/desk/runs"), w, runs, older })
}

pub(super) async fn new(State(house): State<Arc<House>>, desk: Desk) -> Result<Response, Failure> {
    show(&new_page(&house, &desk, None, None).await?)
}

/// The form, empty or as it was typed.
async fn new_page(
    house: &House,
    desk: &Desk,
    fields: Option<&Fields>,
    refusal: Option<&Refusal>,
) -> crate::fault::Result<NewRunPage> {
    let w = &desk.seat.words().desk;
    let sent = |name: &str| fields.map(|fields| typed(fields, name));
    let ticked =
        |name: &str, id: &str| fields.map(|fields| fields.iter().any(|(key, value)| key == name && value == id));
    let today = house.clock.now().day();
    let usual = today.plus_days(USUAL_DAYS);
    let due = sent("due").as_deref().and_then(Day::parse).unwrap_or(usual);
    let years = roll::school_years_of(&house.store, &desk.school.id).await?;
    let school_year = years.into_iter().next().unwrap_or_else(|| roll::school_year_of(today));
    let accounts = roll::accounts_of(&house.store, &desk.school.id).await?;
    let prices = fees::prices(&house.store, &desk.school.id).await?;
    let items = fees::catalogue(&house.store).await?;
    let items = items.into_iter().map(|item| Item {
        is_chosen: ticked("item", &item.id).unwrap_or_default(),
        quantity: sent(&format!("quantity-{}", item.id)).unwrap_or_else(|| "1".to_owned()),
        ..offered(item, &prices, desk, due, w)
    });
    let items = items.collect();
    let classes = roll::classes_of(&house.store, &desk.school.id, &school_year).await?;
    let frame = Frame::desk(desk, w.run_new).at("/desk/runs");
    Ok(NewRunPage {
        frame: match refusal {
            Some(refusal) => frame.refusing(refusal),
            None => frame,
        },
        title: sent("title").unwrap_or_default(),
        due: sent("due").unwrap_or_else(|| due.to_string()),
        account: sent("account").unwrap_or_default(),
        classes: classes
            .into_iter()
            .map(|class| {
                let is_chosen = ticked("class", &class.id).unwrap_or(true);
                (class, is_chosen)
            })
            .collect(),
        school_year,
        accounts: accounts
            .into_iter()
            .filter(roll::ReceivingAccount::is_usable)
            .map(|account| (account.id.clone(), super::account_label(&account)))
            .collect(),
        items,
        w,
    })
}

fn offered(item: FeeItem, prices: &[Price], desk: &Desk, due: Day, w: &DeskWords) -> Item {
    let school = &desk.school;
    let price = fees::price(prices, &item.id, &school.id, &school.level, due);
    Item {
        basis: [item.instrument.unwrap_or_default(), item.clause].join(" ").trim().to_owned(),
        necessity: (w.necessity_of)(&item.necessity),
        price: price.map_or_else(|| w.no_price.to_owned(), |price| price.to_string()),
        unit: (w.unit)(&item.unit),
        is_chosen: false,
        quantity: String::new(),
        id: item.id,
        name: item.official_name,
    }
}

/// The form's fields as they come: boxes repeat their name, and each item has a quantity of its own.
type Fields = Vec<(String, String)>;

pub(super) async fn create(
    State(house): State<Arc<House>>,
    Accountant(desk): Accountant,
    form: Form<Fields>,
) -> Result<Response, Failure> {
    let done = form
        .once(&house, async {
            let new = asked(&desk, &form.fields)?;
            let run = fees::create_run(&house.store, &house.clock, &new, &desk.seat.person.id).await?;
            Ok(format!("/desk/runs/{}", run.id))
        })
        .await;
    let Some(refusal) = mendable(&done) else { return done };
    show_again(&new_page(&house, &desk, Some(&form.fields), Some(refusal)).await?, refusal)
}

fn asked(desk: &Desk, fields: &[(String, String)]) -> Result<NewRun, Refusal> {
    let all = |name: &str| -> Vec<String> {
        fields.iter().filter(|(key, _)| key == name).map(|(_, value)| value.replace('\0', "")).collect()
    };
    let first = |name: &str| all(name).into_iter().next().unwrap_or_default();
    let due_day = Day::parse(&first("due")).ok_or_else(|| {
        Refusal::new(
            Kind::Meaning,
            "no-due-day",
            "Hãy chọn hạn nộp là một ngày có trong lịch.",
            "Choose a due day that is in the calendar.",
        )
    })?;
    let mut items = Vec::new();
    for item in all("item") {
        let quantity = first(&format!("quantity-{item}"));
        let quantity: i64 = quantity.trim().parse().map_err(|_| {
            Refusal::new(
                Kind::Meaning,
                "wrong-quantity",
                "Số lượng phải là số nguyên, ví dụ 22.",
                "A quantity must be a whole number, such as 22.",
            )
        })?;
        items.push((item, quantity));
    }
    Ok(NewRun {
        school_id: desk.school.id.clone(),
        account_id: first("account"),
        title: first("title"),
        due_day,
        items,
        classes: all("class"),
    })
}
