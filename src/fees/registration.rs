//! Who asked for which voluntary item, from when until when.

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
        let item: Option<String> = tx.optional(&sql::ITEM_EXISTS, args![item_id, pupil_id]).await?;
        if item.is_none() {
            return Err(Refusal::absent().into());
        }
        let row = args![pupil_id, item_id, from_day, to_day, now, actor];
        tx.insert_many(&sql::ADD_REGISTRATIONS, vec![row]).await?;
        Result::<()>::Ok(())
    })
}

/// Ends a pupil's registrations of an item after a day; that day is the last one.
///
/// # Errors
/// Faults of the store.
pub async fn unregister(store: &Store, pupil_id: &str, item_id: &str, last_day: Day) -> Result<()> {
    transact!(store, |tx| {
        tx.run(&sql::END_REGISTRATIONS, args![pupil_id, item_id, last_day]).await?;
        Result::<()>::Ok(())
    })
}

/// The items a pupil is registered for on a day.
///
/// # Errors
/// Faults of the store.
pub async fn registrations_of(store: &Store, pupil_id: &str, day: Day) -> Result<Vec<String>> {
    store.all(&sql::REGISTRATIONS_OF_PUPIL, args![pupil_id, day]).await
}
