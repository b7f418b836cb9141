//! The catalogue of fee items: what may be asked, on which legal basis, at which price; and the file it comes from.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;

use super::Done;
use super::roster::{CellSaid, cells};
use super::upload::{TABLE_MOST, Upload};
use crate::fault::Result;
use crate::fees::{self, CataloguePreview, FeeItem, Price};
use crate::time::Day;
use crate::web::House;
use crate::web::failure::Failure;
use crate::web::form::mendable;
use crate::web::frame::{Frame, show, show_again};
use crate::web::seat::{Accountant, Desk};
use crate::web::words::DeskWords;

#[derive(Template)]
#[template(path = "desk/catalogue.html", whitespace = "minimize")]
struct CataloguePage {
    frame: Frame,
    w: &'static DeskWords,
    done: &'static str,
    filename: String,
    kept: String,
    preview: Option<CataloguePreview>,
    has_changes: bool,
    problems: Vec<CellSaid>,
    is_blocked: bool,
    items: Vec<Item>,
}

struct Item {
    code: String,
    name: String,
    necessity: &'static str,
    basis: String,
    document: &'static str,
    prices: Vec<String>,
}

pub(super) async fn page(
    State(house): State<Arc<House>>,
    desk: Desk,
    Query(done): Query<Done>,
) -> Result<Response, Failure> {
    let page = listed(&house, &desk).await?;
    show(&CataloguePage { done: done.say(page.w), ..page })
}

/// The catalogue as it stands, without a file.
async fn listed(house: &House, desk: &Desk) -> Result<CataloguePage> {
    let w = &desk.seat.words().desk;
    Ok(CataloguePage {
        frame: Frame::desk(desk, w.fees).at("/desk/fees"),
        done: "",
        filename: String::new(),
        kept: String::new(),
        preview: None,
        has_changes: false,
        problems: Vec::new(),
        is_blocked: false,
        items: items(house, desk, w).await?,
        w,
    })
}

async fn items(house: &House, desk: &Desk, w: &DeskWords) -> Result<Vec<Item>> {
    let today = house.clock.now().day();
    let prices = fees::prices(&house.store, &desk.school.id).await?;
    let items = fees::catalogue(&house.store).await?;
    Ok(items.into_iter().map(|item| shown(item, &prices, desk, today, w)).collect())
}

fn shown(item: FeeItem, prices: &[Price], desk: &Desk, today: Day, w: &DeskWords) -> Item {
    let levels: Vec<&String> = {
        let mut levels: Vec<&String> =
            prices.iter().filter(|price| price.item_id == item.id).map(|price| &price.level).collect();
        levels.sort_unstable();
        levels.dedup();
        levels
    };
    let priced = levels.into_iter().filter_map(|level| {
        let amount = fees::price(prices, &item.id, &desk.school.id, level, today)?;
        Some(format!("{amount}/{} · {}", (w.unit)(&item.unit), (w.level)(level)))
    });
    Item {
        prices: priced.collect(),
        necessity: (w.necessity_of)(&item.necessity),
        basis: [item.instrument.unwrap_or_default(), item.clause].join(" ").trim().to_owned(),
        document: (w.document_of)(&item.document_kind),
        code: item.code,
        name: item.official_name,
    }
}

/// What the file would change. Nothing is stored.
pub(super) async fn look(
    State(house): State<Arc<House>>,
    Accountant(desk): Accountant,
    upload: Upload,
) -> Result<Response, Failure> {
    let w = &desk.seat.words().desk;
    let looked = preview(&house, &desk, &upload).await.map_err(Failure::from);
    if let Some(refusal) = mendable(&looked) {
        let page = listed(&house, &desk).await?;
        return show_again(&CataloguePage { frame: page.frame.refusing(refusal), ..page }, refusal);
    }
    let preview = looked?;
    let frame = Frame::desk(&desk, w.fees).at("/desk/fees");
    let is_blocked = preview.problems.iter().any(|problem| problem.blocking);
    let changes = preview.new_items.len() + preview.changed_items.len() + preview.new_prices.len();
    show(&CataloguePage {
        problems: cells(&preview.problems, &frame),
        kept: if is_blocked { String::new() } else { upload.kept() },
        filename: upload.name,
        preview: Some(preview),
        has_changes: changes > 0,
        done: "",
        items: items(&house, &desk, w).await?,
        is_blocked,
        frame,
        w,
    })
}

/// A desk's file sets the school's own prices and touches nobody else's.
async fn preview(house: &House, desk: &Desk, upload: &Upload) -> Result<CataloguePreview> {
    upload.at_most(TABLE_MOST)?;
    let today = house.clock.now().day();
    fees::read_catalogue(&house.store, &upload.bytes, &upload.name, fees::ListOf::School(&desk.school.code), today)
        .await
}

pub(super) async fn store(
    State(house): State<Arc<House>>,
    Accountant(desk): Accountant,
    upload: Upload,
) -> Result<Response, Failure> {
    let done = upload
        .once
        .run(&house, async {
            let preview = preview(&house, &desk, &upload).await?;
            fees::import_catalogue(&house.store, &house.clock, &preview, &desk.seat.person.id).await?;
            Ok("/desk/fees?done=fees".to_owned())
        })
        .await;
    let Some(refusal) = mendable(&done) else { return done };
    let page = listed(&house, &desk).await?;
    show_again(&CataloguePage { frame: page.frame.refusing(refusal), ..page }, refusal)
}
