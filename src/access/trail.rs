//! What people and programs did, with ids and never with names.

use crate::fault::Result;
use crate::ids;
use crate::store::{Store, Tx, args, record};
use crate::time::Moment;

use super::sql;

/// Something done.
#[derive(Debug, Clone, Copy)]
pub struct Deed<'a> {
    /// `per_…`, `key_…` or `system`.
    pub actor: &'a str,
    /// What, in dotted words: `credit.assigned`.
    pub action: &'a str,
    /// The id of the thing.
    pub about: &'a str,
    /// Whose, when it is a school's.
    pub school_id: Option<&'a str>,
    /// Other ids, counts or words of ours. A reason in the actor's words may hold a name, so it stands with the thing
    /// itself and not here.
    pub detail: &'a str,
}

record! {
    /// A line of the trail.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct TrailRow {
        /// When.
        pub at: Moment,
        /// Who.
        pub actor: String,
        /// What.
        pub action: String,
        /// About what.
        pub about: String,
        /// Why, or with what.
        pub detail: String,
    }
}

/// Writes a deed into the trail, in the transaction that does it.
///
/// # Errors
/// Faults of the store.
pub async fn trail_in(tx: &mut Tx, at: Moment, deed: &Deed<'_>) -> Result<()> {
    let id = ids::new_id("trl");
    let row = args![id, at, deed.actor, deed.action, deed.about, deed.school_id, deed.detail];
    tx.run(&sql::TRAIL, row).await.map(drop)
}

/// What was done about a thing, the newest first.
///
/// # Errors
/// Faults of the store.
pub async fn trail(store: &Store, about: &str, limit: i64) -> Result<Vec<TrailRow>> {
    store.all(&sql::TRAIL_OF, args![about, limit]).await
}
