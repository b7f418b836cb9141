//! How a connection fares: when its bank last spoke, how late it tells, what was not believed and what came twice.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::sql;
use crate::fault::Result;
use crate::store::{Store, args, record, transact};
use crate::time::{Day, Moment};

/// How far back a look goes.
const DAYS: i64 = 30;
/// Of how many credits the lag is taken.
const LAGS: i64 = 500;
/// How many (connection, reason) are counted between two writes; a flood of made-up proofs fills no memory.
const MOST_COUNTED: usize = 4_096;

/// A connection's last thirty days.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    /// When the last proven delivery came.
    pub heard_at: Option<Moment>,
    /// Proven deliveries by what they were.
    pub deliveries: Vec<(String, i64)>,
    /// Deliveries whose credits had all been told before.
    pub told_again: i64,
    /// Deliveries that are kept, could not be sorted into credits, and are tried again every minute.
    pub put_off: i64,
    /// The lag between the bank's time and the telling in the middle of the newest credits, in milliseconds.
    pub lag_median: Option<i64>,
    /// The longest lag among them.
    pub lag_most: Option<i64>,
    /// What was not believed, by reason.
    pub refusals: Vec<Disbelieved>,
}

record! {
    /// Deliveries that were not believed, for one reason.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Disbelieved {
        /// Why, as the provider's engine says it.
        pub reason: String,
        /// How often.
        pub times: i64,
        /// When last.
        pub last_at: Moment,
    }
}

impl Health {
    /// How many proven deliveries were of this kind: `credits`, `nothing`, `test` or `unreadable`.
    pub fn count(&self, outcome: &str) -> i64 {
        self.deliveries.iter().find(|(found, _)| found == outcome).map_or(0, |(_, count)| *count)
    }
}

/// Since when a look at a connection counts.
pub fn looked_back(now: Moment) -> Moment {
    now.day().plus_days(-DAYS).begins()
}

/// How a connection fares.
///
/// # Errors
/// Faults of the store.
pub async fn health(store: &Store, connection_id: &str, now: Moment) -> Result<Health> {
    let first = now.day().plus_days(-DAYS);
    let since = args![connection_id, first.begins()];
    let mut lags: Vec<i64> = store.all(&sql::LAGS, args![connection_id, first.begins(), LAGS]).await?;
    lags.sort_unstable();
    Ok(Health {
        heard_at: store.one::<Option<i64>>(&sql::LAST_HEARD, args![connection_id]).await?.map(Moment),
        deliveries: store.all(&sql::OUTCOMES, since.clone()).await?,
        told_again: store.one(&sql::TOLD_AGAIN, since).await?,
        put_off: store.one(&sql::PUT_OFF, args![connection_id]).await?,
        lag_median: lags.get(lags.len() / 2).copied(),
        lag_most: lags.last().copied(),
        refusals: store.all(&sql::REFUSALS, args![connection_id, first]).await?,
    })
}

/// Deliveries that were not believed, counted in memory and written now and then: whoever makes proofs up must not
/// keep the database busy.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<HashMap<Counted, (i64, Moment)>>);

/// Connection, day and reason.
type Counted = (String, Day, String);

impl Refusals {
    /// One more.
    pub fn count(&self, connection_id: &str, reason: &str, now: Moment) {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (connection_id.to_owned(), now.day(), reason.to_owned());
        if counted.len() >= MOST_COUNTED && !counted.contains_key(&key) {
            return;
        }
        let (times, last_at) = counted.entry(key).or_insert((0, now));
        *times += 1;
        *last_at = (*last_at).max(now);
    }

    /// Writes what was counted. What cannot be written now is counted on.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn write(&self, store: &Store) -> Result<()> {
        let counted = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if counted.is_empty() {
            return Ok(());
        }
        let rows: Vec<_> = counted
            .iter()
            .map(|((connection, day, reason), (times, last_at))| args![connection, *day, reason, *times, *last_at])
            .collect();
        let written = transact!(store, |tx| tx.insert_many(&sql::COUNT_REFUSALS, rows.clone()).await);
        if written.is_err() {
            let mut again = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            for (key, (times, last_at)) in counted {
                let counted = again.entry(key).or_insert((0, last_at));
                *counted = (counted.0 + times, counted.1.max(last_at));
            }
        }
        written.map(|_| ())
    }
}
