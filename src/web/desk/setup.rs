//! The school as it was set up: its data, the accounts parents pay into, and who tells us of money.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::connect;
use crate::inbox;
use crate::roll::{self, School};
use crate::web::House;
use crate::web::failure::Failure;
use crate::web::frame::{Frame, show};
use crate::web::seat::Desk;
use crate::web::words::{DeskWords, SetupWords};

#[derive(Template)]
#[template(path = "desk/setup.html", whitespace = "minimize")]
struct SetupPage {
    frame: Frame,
    w: &'static DeskWords,
    school: School,
    accounts: Vec<(String, &'static str)>,
    s: &'static SetupWords,
    connections: Vec<Listed>,
    providers: Vec<(String, String)>,
}

/// A connection in the list.
struct Listed {
    id: String,
    title: String,
    is_live: bool,
}

pub(super) async fn page(State(house): State<Arc<House>>, desk: Desk) -> Result<Response, Failure> {
    let (w, s) = (&desk.seat.words().desk, &desk.seat.words().setup);
    let accounts = roll::accounts_of(&house.store, &desk.school.id).await?;
    let accounts = accounts.iter().map(|account| {
        let state = match (account.frozen_at, account.ended_at) {
            (_, Some(_)) => w.ended,
            (Some(_), None) => w.frozen,
            (None, None) => w.in_use,
        };
        (super::account_label(account), state)
    });
    let mut connections = Vec::new();
    for id in inbox::connections_of(&house.store, &desk.school.id).await? {
        if let Some(connection) = inbox::connection(&house.store, &house.vault, &id).await? {
            connections.push(Listed {
                title: connect::title_of(&house, &connection.provider, s),
                is_live: connection.ended_at.is_none(),
                id: connection.id,
            });
        }
    }
    show(&SetupPage {
        frame: Frame::desk(&desk, w.setup).at("/desk/setup"),
        accounts: accounts.collect(),
        school: desk.school.clone(),
        providers: house.providers.iter().map(|one| (one.name().to_owned(), (s.title)(one).to_owned())).collect(),
        s,
        connections,
        w,
    })
}
