//! How far an invoice is paid and how its time stands: derived when asked, never stored.

use crate::money::Dong;
use crate::time::Day;

/// The money of an invoice, from the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// Nothing came.
    Unpaid,
    /// Something came, something is still owed.
    Part,
    /// Exactly what was owed came.
    Paid,
    /// More came; the surplus is the family's credit.
    Over,
}

impl Position {
    /// From what is still owed and what came beyond it, for an invoice of this total.
    pub fn of(total: Dong, owed: Dong, surplus: Dong) -> Position {
        if surplus.is_positive() && !owed.is_positive() {
            Position::Over
        } else if owed.is_positive() && owed < total {
            Position::Part
        } else if owed.is_positive() {
            Position::Unpaid
        } else {
            Position::Paid
        }
    }

    /// The stable word for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Position::Unpaid => "unpaid",
            Position::Part => "part",
            Position::Paid => "paid",
            Position::Over => "over",
        }
    }
}

/// The time of an invoice, from the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Further away than a few days.
    Later,
    /// So many days from now, today being 0.
    Soon(i64),
    /// So many days ago.
    Overdue(i64),
}

/// From how many days before the due day it is said to be soon.
pub const SOON_DAYS: i64 = 3;

impl Due {
    /// From the due day and today. The due day itself is not late yet.
    pub fn of(due_day: Day, today: Day) -> Due {
        let days = days_between(today, due_day);
        if days < 0 {
            Due::Overdue(-days)
        } else if days <= SOON_DAYS {
            Due::Soon(days)
        } else {
            Due::Later
        }
    }

    /// The stable word for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Due::Later => "not_due",
            Due::Soon(_) => "due_soon",
            Due::Overdue(_) => "overdue",
        }
    }
}

fn days_between(from: Day, to: Day) -> i64 {
    from.0.until((jiff::Unit::Day, to.0)).map_or(0, |span| i64::from(span.get_days()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_position_follows_the_money() {
        let of = |total, owed, surplus| Position::of(Dong::new(total), Dong::new(owed), Dong::new(surplus));
        assert_eq!(of(100, 100, 0), Position::Unpaid);
        assert_eq!(of(100, 1, 0), Position::Part);
        assert_eq!(of(100, 0, 0), Position::Paid);
        assert_eq!(of(100, 0, 5), Position::Over);
    }

    #[test]
    fn the_due_day_itself_is_not_late() {
        let day = |text: &str| Day::parse(text).expect("a day");
        let of = |today: &str| Due::of(day("2026-12-15"), day(today));
        assert_eq!(of("2026-12-11"), Due::Later);
        assert_eq!(of("2026-12-12"), Due::Soon(3));
        assert_eq!(of("2026-12-15"), Due::Soon(0));
        assert_eq!(of("2026-12-16"), Due::Overdue(1));
        assert_eq!(of("2027-02-01"), Due::Overdue(48));
        assert_eq!(Due::of(day("2027-03-01"), day("2026-12-01")), Due::Later);
    }
}
