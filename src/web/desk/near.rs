//! What a held credit may be for, as the desk shows it: an invoice whose reference is one symbol off, or what to look
//! for.

use std::collections::HashMap;

use crate::fault::Result;
use crate::inbox;
use crate::matching::{self, Suggestion};
use crate::money::Dong;
use crate::web::House;
use crate::web::seat::Desk;
use crate::web::words::DeskWords;

/// An invoice that may have been meant.
pub(super) struct Perhaps {
    pub id: String,
    pub pupil: String,
    pub code: String,
    pub class_name: String,
    pub run_title: String,
    pub total: Dong,
    pub owed: Dong,
    /// What was typed before the place, at it and after it; the middle is empty where a symbol is missing.
    pub typed: [String; 3],
    /// The reference likewise; the middle is empty where a symbol is too many.
    pub meant: [String; 3],
    pub slip: &'static str,
}

impl Perhaps {
    fn of(found: Suggestion, w: &DeskWords) -> Perhaps {
        Perhaps {
            typed: found.near.typed_parts().map(str::to_owned),
            meant: found.near.reference_parts().map(str::to_owned),
            slip: (w.near_slip)(found.near.slip.code()),
            id: found.invoice.id,
            pupil: found.invoice.pupil_name,
            code: found.invoice.pupil_code,
            class_name: found.invoice.class_name,
            run_title: found.invoice.run_title,
            total: found.invoice.total,
            owed: found.invoice.money.owed,
        }
    }
}

/// The suggestions for held credits, each with the reason for which it is held.
pub(super) async fn of_credits(
    house: &House,
    desk: &Desk,
    held: impl Iterator<Item = (&str, &str)>,
) -> Result<HashMap<String, Vec<Perhaps>>> {
    let w = &desk.seat.words().desk;
    let asked: Vec<String> =
        held.filter(|(_, reason)| matching::may_be_near(reason)).map(|(credit, _)| credit.to_owned()).collect();
    let near = matching::near(&house.store, &house.vault, &desk.school.id, &asked).await?;
    let shown = |found: Vec<Suggestion>| found.into_iter().map(|one| Perhaps::of(one, w)).collect();
    Ok(near.into_iter().map(|(credit, found)| (credit, shown(found))).collect())
}

/// What to look for among the pupils, from the transfer's text.
pub(super) async fn lead(house: &House, desk: &Desk, credit_id: &str) -> Result<String> {
    let memo = inbox::open_memo(&house.store, &house.vault, credit_id).await.unwrap_or_default();
    matching::lead(&house.store, &desk.school.id, &memo, house.clock.now().day()).await
}
