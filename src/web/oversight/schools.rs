//! One more school below a supervisor: new, with its account and its first people. Nothing that is here is changed.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use crate::access::{self, Place};
use crate::fault::{Kind, Refusal, Result};
use crate::roll::setup::{self as set_up, Line, LineKind};
use crate::roll::{self, Authority};
use crate::web::House;
use crate::web::failure::Failure;
use crate::web::form::{Form, mendable, typed};
use crate::web::frame::{Frame, show, show_again};
use crate::web::seat::Overseer;
use crate::web::setup::{self, FormPage, Typed, check, lines, of_a_form, of_school};

const HERE: &str = "/oversight/schools/new";

async fn authorities(house: &House, overseer: &Overseer) -> Result<Vec<Authority>> {
    roll::authorities_under(&house.store, &overseer.authority.id, house.clock.now().day()).await
}

fn page(overseer: &Overseer, typed: &Typed, below: &[Authority], refusal: Option<&Refusal>) -> FormPage {
    let words = overseer.seat.words();
    let frame = Frame::oversight(overseer, words.setup.new_school);
    let frame = match refusal {
        Some(refusal) => frame.refusing(refusal),
        None => frame,
    };
    FormPage {
        groups: of_school(words, typed, &frame, below),
        lead: words.setup.new_school_lead,
        action: HERE.to_owned(),
        press: words.setup.new_school,
        frame,
    }
}

pub(super) async fn new(State(house): State<Arc<House>>, overseer: Overseer) -> Result<Response, Failure> {
    let below = authorities(&house, &overseer).await?;
    let under = vec![("under".to_owned(), overseer.authority.code.clone())];
    show(&page(&overseer, &under, &below, None))
}

pub(super) async fn add(
    State(house): State<Arc<House>>,
    overseer: Overseer,
    form: Form<Typed>,
) -> Result<Response, Failure> {
    let below = authorities(&house, &overseer).await?;
    let asked = typed(&form.fields, "under");
    let under = if asked.is_empty() { overseer.authority.code.clone() } else { asked };
    if !below.iter().any(|one| one.code == under) {
        return Err(Refusal::absent().into());
    }
    let lines = lines(&form.fields, Some(&under));
    let done = form
        .once
        .tell(&house, async {
            check(&form.fields, false)?;
            only_our_people(&house, &overseer, &lines).await?;
            set_up::add_school(&house.store, &house.clock, &lines, &overseer.seat.person.id).await
        })
        .await;
    if let Some(refusal) = mendable(&done) {
        let refusal = of_a_form(refusal);
        return show_again(&page(&overseer, &form.fields, &below, Some(&refusal)), &refusal);
    }
    let frame = Frame::oversight(&overseer, overseer.seat.words().setup.done_title);
    setup::told(frame, &lines, done?.as_deref(), false)
}

/// Somebody who signs in already is given the role only when they work at a school below this authority.
async fn only_our_people(house: &House, overseer: &Overseer, lines: &[Line]) -> Result<()> {
    let today = house.clock.now().day();
    let ours = roll::schools_under(&house.store, &overseer.authority.id, today).await?;
    for line in lines.iter().filter(|line| matches!(line.kind, LineKind::Person(_))) {
        let Some(person) = access::person_by_login(&house.store, &line.login).await? else { continue };
        let grants = access::grants(&house.store, &person.id).await?;
        let is_ours = grants.iter().any(|grant| match &grant.place {
            Place::School(id) => ours.iter().any(|school| school.id == *id),
            Place::Authority(_) => false,
        });
        if !is_ours {
            let (vi, en) = ("Tên đăng nhập này đã có người dùng.", "Somebody signs in with this name already.");
            return Err(Refusal::new(Kind::Conflict, "login-taken", vi, en).at(line.cell.clone(), vi, en).into());
        }
    }
    Ok(())
}
