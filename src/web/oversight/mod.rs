//! The supervisor's pages: sums by school, item and day over the schools below an authority.
//!
//! **Invariant:** no name and no single payment; every figure comes from [`crate::oversight`], whose sums are the
//! ledger's; a school that is added is new, and nothing that stands is changed. Deliberately absent: one school's own
//! pages.

mod chart;
mod schools;

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Query, State};
use axum::response::Response;
use axum::routing::get;
use serde::Deserialize;

use super::House;
use super::failure::Failure;
use super::frame::{Frame, show};
use super::seat::Overseer;
use super::words::OversightWords;
use crate::oversight::{self, Overview};
use crate::time::Day;

/// Unless somebody says otherwise the page shows so many days, today among them.
const USUAL_DAYS: i64 = 30;
/// The longest stretch of days in one page.
const MOST_DAYS: i64 = 400;

/// `/oversight`
pub fn routes() -> Router<Arc<House>> {
    Router::new().route("/oversight", get(page)).route("/oversight/schools/new", get(schools::new).post(schools::add))
}

#[derive(Template)]
#[template(path = "oversight/page.html", whitespace = "minimize")]
struct Page {
    frame: Frame,
    w: &'static OversightWords,
    from: Day,
    to: Day,
    /// Other days were asked for.
    is_instead: bool,
    sums: Overview,
    chart: String,
}

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
}

async fn page(
    State(house): State<Arc<House>>,
    overseer: Overseer,
    Query(asked): Query<Asked>,
) -> Result<Response, Failure> {
    let w = &overseer.seat.words().oversight;
    let today = house.clock.now().day();
    let to = Day::parse(&asked.to).unwrap_or(today);
    let from = Day::parse(&asked.from).unwrap_or_else(|| to.plus_days(1 - USUAL_DAYS));
    let from = from.min(to).max(to.plus_days(-MOST_DAYS));
    let is_other = |asked: &str, shown: Day| !asked.is_empty() && Day::parse(asked) != Some(shown);
    let is_instead = is_other(&asked.from, from) || is_other(&asked.to, to);
    let sums = oversight::overview(&house.store, &overseer.authority.id, today, (from, to)).await?;
    show(&Page {
        frame: Frame::oversight(&overseer, w.title),
        chart: chart::of_days(&sums.days, w)?,
        from,
        to,
        is_instead,
        sums,
        w,
    })
}
