//! What a run asks of one pupil: pure, so that the preview and the issue cannot disagree.

use std::collections::HashSet;

use crate::money::Dong;
use crate::store::record;
use crate::time::{Day, Moment};

use super::Line;

record! {
    /// An item of a run, in the place of its line.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Asked {
        /// The line.
        pub position: i64,
        /// Units for each pupil.
        pub quantity: i64,
        /// `fit_…`
        pub item_id: String,
        /// The exact official name.
        pub official_name: String,
        /// `mandatory`, `agreed` or `voluntary`.
        pub necessity: String,
        /// The unit its price is for.
        pub unit: String,
        /// Whose money it is.
        pub revenue: String,
        /// Which document is given.
        pub document_kind: String,
        /// The instrument's number.
        pub instrument: Option<String>,
        /// The clause in it.
        pub clause: String,
    }
}

record! {
    /// A price of an item; the most particular and then the newest in force counts.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Price {
        /// `prc_…`
        pub id: String,
        /// The item.
        pub item_id: String,
        /// One school, or all.
        pub school_id: Option<String>,
        /// A level, or `all`.
        pub level: String,
        /// For one unit.
        pub amount: Dong,
        /// In force from.
        pub from_day: Day,
        /// When it was entered.
        pub made_at: Moment,
    }
}

record! {
    /// A pupil in a class, as a run sees it.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Seat {
        /// The pupil.
        pub pupil_id: String,
        /// The pupil's code.
        pub pupil_code: String,
        /// The family.
        pub family_id: String,
        /// The class.
        pub class_group_id: String,
        /// Its name.
        pub class_name: String,
        /// The level whose prices apply.
        pub level: String,
    }
}

/// Why nothing can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoLine {
    /// There is no price for the level on that day.
    Unpriced,
    /// Quantity times price is beyond every amount.
    TooLarge,
}

impl Asked {
    /// Is it asked only of those who registered?
    pub fn is_voluntary(&self) -> bool {
        self.necessity == "voluntary"
    }

    /// Is it asked of this pupil? A voluntary item only after a registration of (pupil, item).
    pub fn is_asked_of(&self, seat: &Seat, registered: &HashSet<(String, String)>) -> bool {
        !self.is_voluntary() || registered.contains(&(seat.pupil_id.clone(), self.item_id.clone()))
    }

    /// `18/2025/NQ-HĐND, Điều 3 khoản 2`
    pub fn legal_basis(&self) -> String {
        match (&self.instrument, self.clause.is_empty()) {
            (Some(number), false) => format!("{number}, {}", self.clause),
            (Some(number), true) => number.clone(),
            (None, _) => self.clause.clone(),
        }
    }

    /// The line for a pupil of this level, of an invoice that has no id yet.
    ///
    /// # Errors
    /// No price, or an amount beyond an `i64`.
    pub fn line(&self, prices: &[Price], school_id: &str, level: &str, day: Day) -> Result<Line, NoLine> {
        let unit_price = price(prices, &self.item_id, school_id, level, day).ok_or(NoLine::Unpriced)?;
        let gross = unit_price.times(self.quantity).ok_or(NoLine::TooLarge)?;
        Ok(Line {
            invoice_id: String::new(),
            position: self.position,
            item_id: self.item_id.clone(),
            official_name: self.official_name.clone(),
            legal_basis: self.legal_basis(),
            necessity: self.necessity.clone(),
            revenue: self.revenue.clone(),
            document_kind: self.document_kind.clone(),
            unit: self.unit.clone(),
            quantity: self.quantity,
            unit_price,
            gross,
            exemption: Dong::ZERO,
            payable: gross,
        })
    }
}

/// The price of an item at a school for a level on a day: the school's own before everybody's, the level's before
/// all levels', then the newest.
pub fn price(prices: &[Price], item_id: &str, school_id: &str, level: &str, day: Day) -> Option<Dong> {
    prices
        .iter()
        .filter(|price| price.item_id == item_id && price.from_day <= day)
        .filter(|price| price.school_id.as_deref().is_none_or(|of| of == school_id))
        .filter(|price| price.level == level || price.level == "all")
        .max_by_key(|price| {
            (price.school_id.is_some(), price.level != "all", price.from_day, price.made_at, price.id.clone())
        })
        .map(|price| price.amount)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        Day::parse(text).expect("a day")
    }

    fn priced(school: Option<&str>, level: &str, amount: i64, from: &str) -> Price {
        Price {
            id: format!("prc_{amount}"),
            item_id: "meal".to_owned(),
            school_id: school.map(str::to_owned),
            level: level.to_owned(),
            amount: Dong::new(amount),
            from_day: day(from),
            made_at: Moment(0),
        }
    }

    #[test]
    fn the_most_particular_and_then_the_newest_price_counts() {
        let prices = [
            priced(None, "all", 1, "2026-01-01"),
            priced(None, "primary", 2, "2026-01-01"),
            priced(Some("a"), "all", 3, "2026-01-01"),
            priced(Some("a"), "primary", 4, "2026-01-01"),
            priced(Some("a"), "primary", 5, "2026-09-01"),
        ];
        let of = |school: &str, level: &str, on: &str| price(&prices, "meal", school, level, day(on)).map(Dong::get);
        assert_eq!(of("a", "primary", "2026-10-01"), Some(5));
        assert_eq!(of("a", "primary", "2026-08-31"), Some(4));
        assert_eq!(of("a", "preschool", "2026-10-01"), Some(3));
        assert_eq!(of("b", "primary", "2026-10-01"), Some(2));
        assert_eq!(of("b", "preschool", "2026-10-01"), Some(1));
        assert_eq!(of("b", "preschool", "2025-12-31"), None);
    }

    #[test]
    fn an_amount_beyond_all_amounts_is_refused() {
        let asked = Asked {
            position: 1,
            quantity: 3,
            item_id: "meal".to_owned(),
            official_name: "Tiền ăn".to_owned(),
            necessity: "agreed".to_owned(),
            unit: "day".to_owned(),
            revenue: "pass_through".to_owned(),
            document_kind: "pass-through".to_owned(),
            instrument: Some("18/2025/NQ-HĐND".to_owned()),
            clause: "Điều 3".to_owned(),
        };
        let prices = [priced(None, "all", i64::MAX / 2, "2026-01-01")];
        assert_eq!(asked.line(&prices, "a", "primary", day("2026-10-01")), Err(NoLine::TooLarge));
        assert_eq!(asked.line(&[], "a", "primary", day("2026-10-01")), Err(NoLine::Unpriced));
        assert_eq!(asked.legal_basis(), "18/2025/NQ-HĐND, Điều 3");
    }
}
