//! Where the desk begins: what a person must do today, and nothing that merely runs.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use crate::access::Role;
use crate::fees::{RunState, tally, view};
use crate::inbox::{self, DayView};
use crate::matching;
use crate::money::Dong;
use crate::web::House;
use crate::web::failure::Failure;
use crate::web::frame::{Frame, show};
use crate::web::seat::Desk;
use crate::web::words::DeskWords;

/// So many runs are shown here; the list has them all.
const RUNS: usize = 3;
/// Among so many of the newest, of which some may have been undone.
const LOOKED_AT: usize = 12;

#[derive(Template)]
#[template(path = "desk/home.html", whitespace = "minimize")]
struct Home {
    frame: Frame,
    w: &'static DeskWords,
    welcome: String,
    role: &'static str,
    school: String,
    today: String,
    todo: Vec<Todo>,
    day: Option<DayView>,
    runs: Vec<Going>,
}

/// Something that waits for a person.
struct Todo {
    href: String,
    count: i64,
    text: String,
}

/// A run that is on its way.
struct Going {
    id: String,
    title: String,
    code: &'static str,
    state: &'static str,
    of: usize,
    settled: usize,
    owed: Dong,
}

pub(super) async fn page(State(house): State<Arc<House>>, desk: Desk) -> Result<Response, Failure> {
    let words = desk.seat.words();
    let (sign_in, w) = (&words.sign_in, &words.desk);
    let today = house.clock.now().day();
    let day = inbox::day(&house.store, &desk.school.id, today).await?;
    let (todo, runs) = (todo(&house, &desk, w).await?, going(&house, &desk, w).await?);
    show(&Home {
        welcome: (sign_in.welcome)(&desk.seat.person.name),
        role: if desk.role == Role::Head { sign_in.head } else { sign_in.accountant },
        school: desk.school.name.clone(),
        today: today.vietnamese(),
        todo,
        day: Some(day).filter(|day| !day.credits.is_empty()),
        runs,
        frame: Frame::desk(&desk, w.home).at("/desk"),
        w,
    })
}

async fn todo(house: &House, desk: &Desk, w: &DeskWords) -> crate::fault::Result<Vec<Todo>> {
    let mut todo = Vec::new();
    let held = matching::held_count(&house.store, &desk.school.id).await?;
    if held > 0 {
        todo.push(Todo { href: "/desk/held".to_owned(), count: held, text: (w.todo_held)(held) });
    }
    let unreadable = inbox::unreadable(&house.store, &desk.school.id, 100).await?.len();
    if unreadable > 0 {
        let count = i64::try_from(unreadable).unwrap_or(i64::MAX);
        todo.push(Todo { href: "/desk/day#unreadable".to_owned(), count, text: w.unreadable.to_owned() });
    }
    for one in view::runs_to_publish(&house.store, &desk.school.id).await? {
        let text = format!("{}: {}", w.run_publish, one.run.title);
        todo.push(Todo { href: format!("/desk/runs/{}", one.run.id), count: one.issued, text });
    }
    Ok(todo)
}

async fn going(house: &House, desk: &Desk, w: &DeskWords) -> crate::fault::Result<Vec<Going>> {
    let runs = view::runs_before(&house.store, &desk.school.id, None, LOOKED_AT).await?;
    let mut going = Vec::new();
    for one in runs.into_iter().filter(|one| one.state != RunState::Undone).take(RUNS) {
        let (_, whole) = tally(&view::invoices_of_run(&house.store, &one.run.id).await?);
        going.push(Going {
            id: one.run.id,
            title: one.run.title,
            code: one.state.code(),
            state: (w.run_state)(one.state.code()),
            of: whole.invoices,
            settled: whole.settled,
            owed: whole.owed,
        });
    }
    Ok(going)
}
