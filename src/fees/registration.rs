//! Who asked for which voluntary item, from when until when.

use crate::access::{Deed, trail_in};
use crate::fault::{Kind, Refusal, Result};
use crate::store::{Store, args, transact};
use crate::time::{Clock, Day};

use super::sql;

/// Writes down that a family asked for an item for a pupil. The same registration again changes nothing but its end.
///
/// # Errors
/// An unknown pupil or item, or an end before the beginning.
pub async fn register(
    store: &Store,
    clock: &Clock,
    pupil_id: &str,
    item_id: &str,
    from_day: Day,
    to_day: Option<Day>,
    actor: &str,
) -> Result<()> {
    if to_day.is_some_and(|to| to < from_day) {
        let vi = "Ngày kết thúc đứng trước ngày bắt đầu.";
        return Err(Refusal::new(Kind::Meaning, "ends-before", vi, "The end stands before the beginning.").into());
    }
    let now = clock.now();
    transact!(store, |tx| {
        let school: Option<String> = tx.optional(&sql::SCHOOL_OF_REGISTRATION, args![item_id, pupil_id]).await?;
        let school = school.ok_or_else(Refusal::absent)?;
        let row = args![pupil_id, item_id, from_day, to_day, now, actor];
        tx.insert_many(&sql::ADD_REGISTRATIONS, vec![row]).await?;
        trail_in(tx, now, &deed("registration.recorded", pupil_id, item_id, &school, actor)).await
    })
}

/// Ends a pupil's registrations of an item after a day; that day is the last one.
///
/// # Errors
/// Faults of the store.
pub async fn unregister(
    store: &Store,
    clock: &Clock,
    pupil_id: &str,
    item_id: &str,
    last_day: Day,
    actor: &str,
) -> Result<()> {
    let now = clock.now();
    transact!(store, |tx| {
        if tx.run(&sql::END_REGISTRATIONS, args![pupil_id, item_id, last_day]).await? == 0 {
            return Ok(());
        }
        let school: String = tx.one(&sql::SCHOOL_OF_REGISTRATION, args![item_id, pupil_id]).await?;
        trail_in(tx, now, &deed("registration.ended", pupil_id, item_id, &school, actor)).await
    })
}

fn deed<'a>(action: &'a str, pupil_id: &'a str, item_id: &'a str, school_id: &'a str, actor: &'a str) -> Deed<'a> {
    Deed { actor, action, about: pupil_id, school_id: Some(school_id), detail: item_id }
}

/// The items a pupil is registered for on a day.
///
/// # Errors
/// Faults of the store.
pub async fn registrations_of(store: &Store, pupil_id: &str, day: Day) -> Result<Vec<String>> {
    store.all(&sql::REGISTRATIONS_OF_PUPIL, args![pupil_id, day]).await
}
