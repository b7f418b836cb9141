//! The desk of the accountant and the head of school.
//!
//! **Invariants:** a page shows only the school that [`super::seat::Desk`] found the person to work at, and another
//! school's thing is answered like one that is not there; every form goes through [`super::form::Form`], or through
//! [`super::seat::Seat::check`] where it carries a file. Deliberately absent: rules; a page asks a room and shows what
//! it says.

mod catalogue;
mod connect;
mod credits;
mod day;
mod home;
mod invoices;
mod lists;
mod money_back;
mod near;
mod papers;
mod pupils;
mod roster;
mod run;
mod runs;
mod setup;
mod sign_in;
mod statements;
mod upload;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};

use super::House;
use super::frame::Link;
use super::seat::Desk;
use crate::time::Moment;

/// `/desk…`
pub fn routes() -> Router<Arc<House>> {
    Router::new()
        .route("/desk", get(home::page))
        .route("/desk/sign-in", get(sign_in::page).post(sign_in::submit))
        .route("/desk/sign-out", post(sign_in::sign_out))
        .route("/desk/school", get(sign_in::schools).post(sign_in::choose))
        .merge(fees())
        .merge(money())
        .merge(files())
}

fn fees() -> Router<Arc<House>> {
    Router::new()
        .route("/desk/runs", get(runs::list).post(runs::create))
        .route("/desk/runs/new", get(runs::new))
        .route("/desk/runs/{run}", get(run::page))
        .route("/desk/runs/{run}/issue", post(run::issue))
        .route("/desk/runs/{run}/publish", post(run::publish))
        .route("/desk/runs/{run}/undo", post(run::undo))
        .route("/desk/runs/{run}/list.csv", get(lists::of_run))
        .route("/desk/runs/{run}/{class}", get(invoices::class))
        .route("/desk/runs/{run}/{class}/list.csv", get(lists::of_class))
        .route("/desk/runs/{run}/{class}/notices.pdf", get(papers::notices))
        .route("/desk/invoices/{invoice}/notice.pdf", get(papers::notice))
        .route("/desk/receipts/{file}", get(papers::receipt))
        .route("/desk/invoices/{invoice}/void", post(invoices::void))
        .route("/desk/invoices/{invoice}/reinstate", post(invoices::reinstate))
        .route("/desk/pupils", get(pupils::search))
        .route("/desk/pupils/{pupil}", get(pupils::page))
        .route("/desk/pupils/{pupil}/register", post(pupils::register))
        .route("/desk/setup", get(setup::page))
        .route("/desk/setup/connect", get(connect::new).post(connect::make))
        .route("/desk/setup/connections/{connection}", get(connect::page))
        .route("/desk/setup/connections/{connection}/secret", post(connect::add_secret))
        .route("/desk/setup/connections/{connection}/retire", post(connect::retire))
        .route("/desk/setup/connections/{connection}/play", post(connect::play))
        .route("/desk/setup/connections/{connection}/end", post(connect::end))
}

fn money() -> Router<Arc<House>> {
    Router::new()
        .route("/desk/held", get(credits::held))
        .route("/desk/credits/{credit}", get(credits::page))
        .route("/desk/credits/{credit}/assign", post(credits::assign))
        .route("/desk/credits/{credit}/same", post(credits::same))
        .route("/desk/credits/{credit}/take-back", post(money_back::take_back))
        .route("/desk/credits/{credit}/release", post(money_back::release))
        .route("/desk/credits/{credit}/settle", post(money_back::settle))
        .route("/desk/credits/{credit}/unsettle", post(money_back::unsettle))
        .route("/desk/day", get(day::page))
        .route("/desk/statements", get(statements::list))
        .route("/desk/statements/{file}", get(statements::page))
        .route("/desk/statements/{file}/seal", post(statements::seal))
        .route("/desk/receipts.csv", get(lists::receipts))
        .route("/desk/receipts.pdf", get(papers::receipts))
}

/// Forms that carry a file, with a limit of their own.
fn files() -> Router<Arc<House>> {
    Router::new()
        .route("/desk/roster", get(roster::page).post(roster::look))
        .route("/desk/roster/store", post(roster::store))
        .route("/desk/fees", get(catalogue::page).post(catalogue::look))
        .route("/desk/fees/store", post(catalogue::store))
        .layer(DefaultBodyLimit::max(upload::FORM_MOST))
        .route("/desk/day/statement", post(day::take).layer(DefaultBodyLimit::max(upload::STATEMENT_FORM_MOST)))
}

/// The menu of the desk.
pub(super) fn menu(desk: &Desk) -> Vec<Link> {
    let words = &desk.seat.words().desk;
    let link = |href: &str, text| Link { href: href.to_owned(), text, here: false };
    vec![
        link("/desk", words.home),
        link("/desk/runs", words.runs),
        link("/desk/held", words.held),
        link("/desk/day", words.day),
        link("/desk/pupils", words.pupils),
        link("/desk/roster", words.roster),
        link("/desk/fees", words.fees),
        link("/desk/setup", words.setup),
    ]
}

/// Where a list that is read by time goes on: `1795309200000.run_…`, the time and the id of the last row shown.
fn cursor(at: Moment, id: &str) -> String {
    format!("{}.{id}", at.0)
}

/// The place that a [`cursor`] names; nothing where it names none, and the list begins.
fn place(cursor: &str) -> Option<(Moment, &str)> {
    let (at, id) = cursor.split_once('.')?;
    (!id.contains('\0')).then_some((Moment(at.parse().ok()?), id))
}

/// What a page says about the act that led to it: `?done=…`.
#[derive(serde::Deserialize)]
struct Done {
    #[serde(default)]
    done: String,
}

impl Done {
    /// The sentence, empty when nothing was done or the word is not one of ours.
    fn say(&self, words: &super::words::DeskWords) -> &'static str {
        match self.done.as_str() {
            "issue" => words.done_issue,
            "published" => words.done_published,
            "undo" => words.done_undo,
            "void" => words.done_void,
            "reinstated" => words.done_reinstated,
            "registered" => words.done_registered,
            "assigned" => words.done_assigned,
            "moved" => words.done_moved,
            "same" => words.done_same,
            "reversed" => words.done_reversed,
            "disowned" => words.done_disowned,
            "settled" => words.done_settled,
            "released" => words.done_released,
            "unsettled" => words.done_unsettled,
            "roster" => words.done_roster,
            "fees" => words.done_fees,
            _ => "",
        }
    }
}

/// `Vietcombank · 0071000123456 · TRUONG TIEU HOC`
fn account_label(account: &crate::roll::ReceivingAccount) -> String {
    let bank = crate::vietqr::banks::find(&account.bank_bin);
    let bank = bank.map_or(account.bank_bin.as_str(), |bank| bank.short_name.as_str());
    format!("{bank} · {} · {}", account.number, account.holder)
}
