//! The desk's page of a day: what was told, what the statement has, and what became of it.

use super::sql;
use crate::fault::{Fault, Result};
use crate::money::Dong;
use crate::store::{Store, args, record};
use crate::time::{Day, Moment};

record! {
    /// One credit of a day.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct DayCredit {
        /// `crd_…`
        pub id: String,
        /// What came.
        pub amount: Dong,
        /// `hook` or `statement`: who told first.
        pub origin: String,
        /// Empty, `maybe_same_credit` or `told_differently`.
        pub doubt: String,
        /// The statement line that shows it.
        pub line_id: Option<String>,
        /// The newest decision's kind; none while it waits.
        pub kind: Option<String>,
        /// The newest decision's reason.
        pub reason: Option<String>,
        /// The invoice it is on.
        pub invoice_id: Option<String>,
        /// When a bank or an aggregator first told of it.
        pub told_at: Option<Moment>,
    }
}

impl DayCredit {
    /// Told a second time by somebody, as a person decided.
    fn is_another(&self) -> bool {
        self.kind.as_deref() == Some("same")
    }

    /// Kept out of the books until a person or the statement decides.
    fn is_doubted(&self) -> bool {
        !self.doubt.is_empty() && self.line_id.is_none() && !self.is_posted()
    }

    fn is_posted(&self) -> bool {
        matches!(self.kind.as_deref(), Some("settle" | "part" | "over" | "assign"))
    }
}

/// A day of a school in sums, with the credits behind them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayView {
    /// What banks and aggregators told of, doubts left out.
    pub told: Dong,
    /// What the bank's statement shows.
    pub on_statement: Dong,
    /// What was given to invoices and families.
    pub posted: Dong,
    /// What waits for a person or for matching.
    pub held: Dong,
    /// What may be another telling of money counted already; in no other sum.
    pub doubted: Dong,
    /// What only the statement shows and nobody told of; in the books all the same.
    pub untold: Dong,
    /// Posted and held: what the books have of the day.
    pub in_books: Dong,
    /// That, less what the statement shows: nothing once the statement is complete.
    pub difference: Dong,
    /// The credits, by time.
    pub credits: Vec<DayCredit>,
}

/// The day of a school.
///
/// # Errors
/// Faults of the store; sums beyond what can be counted.
pub async fn day(store: &Store, school_id: &str, day: Day) -> Result<DayView> {
    let credits: Vec<DayCredit> = store.all(&sql::DAY, args![school_id, day]).await?;
    let sum = |which: &dyn Fn(&DayCredit) -> bool| {
        Dong::sum(credits.iter().filter(|credit| !credit.is_another() && which(credit)).map(|credit| credit.amount))
            .ok_or_else(|| Fault::new("add up a day: beyond what can be counted"))
    };
    let told = sum(&|credit| credit.told_at.is_some() && !credit.is_doubted())?;
    let on_statement = sum(&|credit| credit.line_id.is_some())?;
    let posted = sum(&DayCredit::is_posted)?;
    let held = sum(&|credit| !credit.is_posted() && !credit.is_doubted())?;
    let doubted = sum(&DayCredit::is_doubted)?;
    let untold = sum(&|credit| credit.told_at.is_none())?;
    let in_books = Dong::new(posted.get() + held.get());
    let difference = Dong::new(in_books.get() - on_statement.get());
    Ok(DayView { told, on_statement, posted, held, doubted, untold, in_books, difference, credits })
}

record! {
    /// A delivery that was proven but could not be read, or not wholly.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Unreadable {
        /// `dlv_…`
        pub id: String,
        /// The connection it came on.
        pub connection_id: String,
        /// The provider's folder.
        pub provider: String,
        /// When it came.
        pub heard_at: Moment,
        /// The place that could not be read; never a value.
        pub reason: String,
    }
}

/// Deliveries that a person should look at, the newest first.
///
/// # Errors
/// Faults of the store.
pub async fn unreadable(store: &Store, school_id: &str, limit: i64) -> Result<Vec<Unreadable>> {
    store.all(&sql::UNREADABLE, args![school_id, limit]).await
}
