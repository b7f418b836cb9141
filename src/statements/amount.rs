//! Amounts as banks write them: with dots, with commas, or as plain numbers, one way in a whole file.

use crate::money::Dong;

/// How a file groups its thousands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grouping {
    /// `1.250.000` and `1.250.000,00`
    Dots,
    /// `1,250,000` and `1,250,000.00`
    Commas,
}

/// Why a text is no amount in a grouping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotAmount {
    /// A part of a đồng.
    Fraction,
    /// Not written so.
    Unreadable,
}

/// Reads one amount, its sign kept. A separator before exactly three digits groups them, because banks write at
/// most two
/// decimals; so a file is read in at most one way, and its balances must agree with that way.
///
/// # Errors
/// Not an amount in this grouping.
pub fn read(text: &str, grouping: Grouping) -> Result<i64, NotAmount> {
    let text: String = text.chars().filter(|letter| !letter.is_whitespace()).collect();
    let upper = text.to_uppercase();
    let bare = upper.trim_end_matches("VND").trim_end_matches(['Đ', '₫']);
    let (bare, in_brackets) = match bare.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        Some(inside) => (inside, true),
        None => (bare, false),
    };
    let (unsigned, negative) = match bare.strip_prefix('-') {
        Some(rest) => (rest, true),
        None => (bare.strip_prefix('+').unwrap_or(bare), in_brackets),
    };
    let (group, decimal) = match grouping {
        Grouping::Dots => ('.', ','),
        Grouping::Commas => (',', '.'),
    };
    let (units, fraction) = match unsigned.split_once(decimal) {
        Some((units, fraction)) => (units, Some(fraction)),
        None => (unsigned, None),
    };
    let units = whole(units, group).ok_or(NotAmount::Unreadable)?;
    let units = if negative { -units } else { units };
    match fraction {
        Some(digits) if digits.len() == 3 || !all_digits(digits) => Err(NotAmount::Unreadable),
        Some(digits) if digits.bytes().any(|digit| digit != b'0') => Err(NotAmount::Fraction),
        _ => Ok(units),
    }
}

fn whole(units: &str, group: char) -> Option<i64> {
    let mut groups = units.split(group);
    let first = groups.next()?;
    let rest: Vec<&str> = groups.collect();
    let grouped = !rest.is_empty();
    if !all_digits(first)
        || (grouped && first.len() > 3)
        || rest.iter().any(|part| part.len() != 3 || !all_digits(part))
    {
        return None;
    }
    let whole: i64 = format!("{first}{}", rest.concat()).parse().ok()?;
    (whole <= Dong::TRANSFER_MOST.get()).then_some(whole)
}

fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_read_in_its_files_grouping_only() {
        for text in ["1.250.000", "1.250.000,00", "1250000", "1250000,00", "+1.250.000 VND", "1.250.000 ₫"] {
            assert_eq!(read(text, Grouping::Dots), Ok(1_250_000), "{text}");
        }
        for text in ["1,250,000", "1,250,000.00", "1250000", "1250000.0", "1,250,000 VND"] {
            assert_eq!(read(text, Grouping::Commas), Ok(1_250_000), "{text}");
        }
        assert_eq!(read("1.000.000.000.000.000", Grouping::Dots), Ok(Dong::TRANSFER_MOST.get()));
        assert_eq!(read("-500.000", Grouping::Dots), Ok(-500_000));
        assert_eq!(read("(500,000)", Grouping::Commas), Ok(-500_000));
        assert_eq!(read("500.000", Grouping::Commas), Err(NotAmount::Unreadable), "three digits are a group");
        assert_eq!(read("1250000.5", Grouping::Commas), Err(NotAmount::Fraction));
        assert_eq!(read("1.250.000,50", Grouping::Dots), Err(NotAmount::Fraction));
        for text in ["", "12.50.000", "1250.000", "1.250,000", "x", "1.000.000.000.000.001", "99999999999999999999"] {
            assert_eq!(read(text, Grouping::Dots), Err(NotAmount::Unreadable), "{text}");
        }
    }
}
