//! Money is whole đồng in an `i64`. There is no smaller unit, so there is nothing to round here.
//!
//! **Invariants:** arithmetic is checked and returns `None` on overflow; no float ever holds money;
//! `rust_decimal` is met only in [`Dong::from_decimal`], at the edge where a bank or a sheet wrote a text.
//!
//! Deliberately absent: other currencies, division, and operators that could overflow silently.

mod words;

use std::fmt;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

pub use words::{Reading, in_words};

/// An amount in whole Vietnamese đồng; may be negative (a posting's credit side).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Dong(i64);

/// Why a text or a decimal is not an amount of money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotMoney {
    /// It has a part smaller than one đồng.
    #[error("an amount in đồng has no fraction")]
    Fractional,
    /// It does not fit in an `i64`.
    #[error("an amount beyond 9,223,372,036,854,775,807 đồng")]
    TooLarge,
    /// It is no number at all.
    #[error("not a number")]
    NotANumber,
}

impl Dong {
    /// Nothing.
    pub const ZERO: Dong = Dong(0);
    /// A NAPAS 247 transfer stays under this (VietQR format, section 8.1.1).
    pub const TRANSFER_LIMIT: Dong = Dong(500_000_000);

    /// No single transfer moves more: above the yearly budget of the country, and thousands of such fit in an `i64`.
    pub const TRANSFER_MOST: Dong = Dong(1_000_000_000_000_000);

    /// Whole đồng.
    pub const fn new(dong: i64) -> Self {
        Dong(dong)
    }

    /// The number of đồng.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// The sum, or `None` where it would overflow.
    pub const fn plus(self, other: Dong) -> Option<Dong> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Dong(sum)),
            None => None,
        }
    }

    /// The difference, or `None` where it would overflow.
    pub const fn minus(self, other: Dong) -> Option<Dong> {
        match self.0.checked_sub(other.0) {
            Some(difference) => Some(Dong(difference)),
            None => None,
        }
    }

    /// So many times this amount, or `None` where it would overflow.
    pub const fn times(self, count: i64) -> Option<Dong> {
        match self.0.checked_mul(count) {
            Some(product) => Some(Dong(product)),
            None => None,
        }
    }

    /// The other side of a posting, or `None` for the one number that has none.
    pub const fn negated(self) -> Option<Dong> {
        match self.0.checked_neg() {
            Some(negated) => Some(Dong(negated)),
            None => None,
        }
    }

    /// The sum of many, or `None` where it would overflow on the way.
    pub fn sum(amounts: impl IntoIterator<Item = Dong>) -> Option<Dong> {
        amounts.into_iter().try_fold(Dong::ZERO, Dong::plus)
    }

    /// More than nothing.
    pub const fn is_positive(self) -> bool {
        self.0 > 0
    }

    /// From a decimal as a bank wrote it: `1250000.00` is money, `1250000.50` is not.
    ///
    /// # Errors
    /// A fraction of a đồng, or a number beyond an `i64`.
    pub fn from_decimal(decimal: Decimal) -> Result<Self, NotMoney> {
        if !decimal.fract().is_zero() {
            return Err(NotMoney::Fractional);
        }
        decimal.trunc().to_i64().map(Dong).ok_or(NotMoney::TooLarge)
    }

    /// With dots between thousands and no sign of the currency: `1.250.000`.
    pub fn grouped(self) -> String {
        let digits = self.0.unsigned_abs().to_string();
        let mut text = String::with_capacity(digits.len() + digits.len() / 3 + 1);
        if self.0 < 0 {
            text.push('-');
        }
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                text.push('.');
            }
            text.push(digit);
        }
        text
    }
}

/// As people read it: `1.250.000 ₫`, with a no-break space so that a line never ends inside an amount.
impl fmt::Display for Dong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\u{a0}₫", self.grouped())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_printed_with_dots_and_the_sign_of_the_currency() {
        assert_eq!(Dong::new(1_250_000).to_string(), "1.250.000\u{a0}₫");
        assert_eq!(Dong::new(0).to_string(), "0\u{a0}₫");
        assert_eq!(Dong::new(999).grouped(), "999");
        assert_eq!(Dong::new(-1_000).grouped(), "-1.000");
        assert_eq!(Dong::new(i64::MIN).grouped(), "-9.223.372.036.854.775.808");
    }

    #[test]
    fn arithmetic_refuses_to_overflow() {
        let most = Dong::new(i64::MAX);
        assert_eq!(most.plus(Dong::new(1)), None);
        assert_eq!(Dong::new(i64::MIN).negated(), None);
        assert_eq!(most.times(2), None);
        assert_eq!(Dong::sum([most, Dong::new(-1), Dong::new(1)]), Some(most));
        assert_eq!(Dong::sum([most, Dong::new(1), Dong::new(-1)]), None);
    }

    #[test]
    fn a_decimal_with_a_fraction_is_not_money() {
        let read = |text: &str| Dong::from_decimal(text.parse().expect("a decimal"));
        assert_eq!(read("1250000.00"), Ok(Dong::new(1_250_000)));
        assert_eq!(read("1250000.5"), Err(NotMoney::Fractional));
        assert_eq!(read("9223372036854775808"), Err(NotMoney::TooLarge));
        assert_eq!(read("9223372036854775807"), Ok(Dong::new(i64::MAX)));
    }
}
