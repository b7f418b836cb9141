//! Money that left an account, and credits that were taken back: shown to the school's people, never posted by itself.

use super::sql;
use crate::fault::Result;
use crate::money::Dong;
use crate::store::{Store, args, record};
use crate::time::{Day, Moment};

record! {
    /// Something that left an account, as its bank told it.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Debit {
        /// `dbt_…`
        pub id: String,
        /// `out` or `reversal`.
        pub kind: String,
        /// How much, above nothing.
        pub amount: Dong,
        /// When the bank says it happened.
        pub value_at: Moment,
        /// The credit that a reversal takes back, when we know it.
        pub credit_id: Option<String>,
        /// What was decided about that credit last.
        pub decided: Option<String>,
    }
}

impl Debit {
    /// Does the school's accountant have to confirm that a credit is gone?
    pub fn asks(&self) -> bool {
        let decided = self.decided.as_deref();
        self.credit_id.is_some() && !matches!(decided, None | Some("reversed" | "disowned" | "same"))
    }
}

/// What left a school's accounts on a day, by time.
///
/// # Errors
/// Faults of the store.
pub async fn debits(store: &Store, school_id: &str, day: Day) -> Result<Vec<Debit>> {
    store.all(&sql::DEBITS, args![school_id, day, day]).await
}

/// Credits of a school that their bank took back and that still stand in the books, at most so many.
///
/// # Errors
/// Faults of the store.
pub async fn reversed(store: &Store, school_id: &str, limit: i64) -> Result<Vec<String>> {
    store.all(&sql::REVERSED, args![school_id, limit]).await
}

/// Did the bank take this credit of a school back, and does it still stand in the books?
///
/// # Errors
/// Faults of the store.
pub async fn is_reversed(store: &Store, school_id: &str, credit_id: &str) -> Result<bool> {
    Ok(store.optional::<String>(&sql::IS_REVERSED, args![school_id, credit_id]).await?.is_some())
}
