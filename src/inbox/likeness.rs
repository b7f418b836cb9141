//! What two who speak of one transfer have in common: a number, a payment reference, words, a day.

use crate::ids::PaymentReference;
use crate::roll;
use crate::seal::MasterKey;
use crate::time::{Day, Moment};

/// Banks whose own number is never given twice, and how it begins before its digits. Techcombank and MB print `FT`,
/// two digits of the year, three of the day and a serial number, alike in webhook and statement; MB's statement adds
/// a backslash and the other bank.
const UNIQUE_NUMBERS: [(&str, &str); 2] = [("970407", "FT"), ("970422", "FT")];
/// The fewest digits that hold a date and a serial number.
const FEWEST_DIGITS: usize = 10;
/// From this hour on banks may book a transfer on the next day.
const LATE_HOUR: i8 = 22;
/// Before this hour a telling may be of the day before: told after midnight, or for a bare day that begins then.
const EARLY_HOUR: i8 = 6;
/// What is named by an equal text may be booked this many days later: over a weekend, or over the New Year's holidays.
pub(super) const LATEST_BOOKING: i64 = 10;
/// The fewest letters of a text by which it is known inside a longer one.
const FEWEST_LETTERS: usize = 6;
/// So much of a payment reference's beginning is as good as all of it, beside an equal account, amount and day.
const CUT_REFERENCE: usize = 9;

/// The bank's own number in its one spelling, where it is declared unique for that bank; `declared` says that the
/// provider vouches for it.
pub fn bank_reference(bank_bin: &str, text: &str, declared: bool) -> Option<String> {
    let text = text.trim().to_ascii_uppercase();
    if let Some((_, prefix)) = UNIQUE_NUMBERS.iter().find(|(bin, _)| *bin == bank_bin) {
        let rest = text.strip_prefix(prefix)?;
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        let after = &rest[digits.len()..];
        let whole = digits.len() >= FEWEST_DIGITS && (after.is_empty() || after.starts_with('\\'));
        return whole.then(|| format!("{prefix}{digits}"));
    }
    let plain = !text.is_empty() && text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_graphic());
    (declared && plain).then_some(text)
}

/// What two tellings of one transfer have in common when no number does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Likeness {
    /// Ours, when the memo holds exactly one.
    pub payment_reference: Option<String>,
    /// The payment reference, else a keyed mark of the folded memo; none for an empty memo.
    pub mark: Option<String>,
    /// The folded memo where it holds no payment reference. It is compared and never stored.
    pub text: String,
}

/// Reads a memo for comparing. The mark is keyed, so that the database alone tells nobody what was written.
pub fn likeness(master: &MasterKey, memo: &str) -> Likeness {
    if let [one] = PaymentReference::find_all(memo).as_slice() {
        let one = one.to_string();
        return Likeness { payment_reference: Some(one.clone()), mark: Some(one), text: String::new() };
    }
    let text = bare(memo);
    let mark = (!text.is_empty()).then(|| format!("memo:{}", hex::encode(&master.derive("memo mark", &text)[..16])));
    Likeness { payment_reference: None, mark, text }
}

/// A memo's letters and digits, folded: what is left of it whatever a bank does with blanks, signs and accents.
pub(super) fn bare(memo: &str) -> String {
    roll::folded(memo).chars().filter(char::is_ascii_alphanumeric).collect()
}

/// May a transfer told for this instant stand on a statement of that day, when nothing else names it?
pub fn day_fits(told_at: Moment, booked: Day) -> bool {
    told_at.day() == booked || latest_day(told_at) == booked
}

/// The last day of a statement on which such a transfer may stand.
pub fn latest_day(told_at: Moment) -> Day {
    let told = told_at.day();
    if told_at.civil().hour() >= LATE_HOUR { told.plus_days(1) } else { told }
}

/// May it, when both name it alike? The same text for the same money is the same payment for its payer, so that even
/// of two such transfers each is shown by one line, whichever it is.
pub fn day_fits_named(told_at: Moment, booked: Day) -> bool {
    let told = told_at.day();
    let earliest = if told_at.civil().hour() < EARLY_HOUR { told.plus_days(-1) } else { told };
    earliest <= booked && booked <= told.plus_days(LATEST_BOOKING)
}

/// Do two folded memos without a payment reference speak of one transfer? Banks wrap a payer's words in their own and
/// cut what is too long, so one stands inside the other; an empty one says nothing against it.
pub fn resembles(one: &str, other: &str) -> bool {
    let (short, long) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    short.is_empty() || short == long || (short.len() >= FEWEST_LETTERS && long.contains(short))
}

/// Does this folded memo end within a payment reference, cut off there? What goes on otherwise is a mistyped one, and
/// the money of somebody who mistyped is not taken for another's.
pub fn holds_cut(text: &str, payment_reference: &str) -> bool {
    let whole = payment_reference.to_ascii_lowercase();
    (CUT_REFERENCE..whole.len()).any(|cut| whole.get(..cut).is_some_and(|cut| text.ends_with(cut)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_banks_number_is_unique_only_where_the_bank_is_known_for_it() {
        let at = |bin: &str, text: &str, declared| bank_reference(bin, text, declared);
        assert_eq!(at("970422", "FT26326000000001", false).as_deref(), Some("FT26326000000001"));
        assert_eq!(at("970422", " ft22305091900820\\BNK", true).as_deref(), Some("FT22305091900820"));
        assert_eq!(at("970407", "FT24253687437949", false).as_deref(), Some("FT24253687437949"));
        assert_eq!(at("970407", "5243.65937", true), None, "not the shape of that bank");
        assert_eq!(at("970422", "FT123", true), None);
        assert_eq!(at("970422", "FT26326000000001X", true), None);
        assert_eq!(at("970436", "FT26326000000001", false), None);
        assert_eq!(at("970436", "MBVCB.3278907687", true).as_deref(), Some("MBVCB.3278907687"));
        assert_eq!(at("970436", "a\0b", true), None);
    }

    #[test]
    fn a_late_transfer_may_be_booked_tomorrow_and_no_other_may() {
        let at = |text: &str| Moment::parse(text).expect("an instant");
        let day = |text: &str| Day::parse(text).expect("a day");
        assert!(day_fits(at("2026-11-22T22:00:00+07:00"), day("2026-11-23")));
        assert!(!day_fits(at("2026-11-22T21:59:59+07:00"), day("2026-11-23")));
        assert!(day_fits(at("2026-11-22T21:59:59+07:00"), day("2026-11-22")));
        assert!(!day_fits(at("2026-11-22T22:30:00+07:00"), day("2026-11-21")));
    }

    #[test]
    fn what_is_named_may_be_booked_after_a_holiday_and_what_is_told_at_night_the_day_before() {
        let at = |text: &str| Moment::parse(text).expect("an instant");
        let day = |text: &str| Day::parse(text).expect("a day");
        assert!(day_fits_named(at("2026-11-21T18:30:00+07:00"), day("2026-11-23")), "Saturday's on Monday");
        assert!(day_fits_named(at("2026-02-14T09:00:00+07:00"), day("2026-02-24")));
        assert!(!day_fits_named(at("2026-02-14T09:00:00+07:00"), day("2026-02-25")));
        assert!(day_fits_named(at("2026-11-23T00:00:00+07:00"), day("2026-11-22")), "a bare day after midnight");
        assert!(!day_fits_named(at("2026-11-23T06:00:00+07:00"), day("2026-11-22")));
    }

    #[test]
    fn a_wrapped_or_cut_memo_resembles_and_another_familys_does_not() {
        let alike = |one: &str, other: &str| resembles(&bare(one), &bare(other));
        assert!(alike("Tiền ăn NAM", "MBVCB.3278907687.tien an NAM.CT tu 9704 toi"));
        assert!(alike("MBVCB.3278907687.tien an NAM.CT tu", "MBVCB.3278907687.tien an NAM.CT tu 9704 toi"));
        assert!(alike("", "bất kỳ") && alike("nam", "NAM"));
        assert!(!alike("HOA 3A tien an", "NAM 3B tien an"));
        assert!(!alike("nam", "nam hoc phi thang 11"), "too short to be known by");
        assert!(holds_cut(&bare("IBFT hoc phi RF92NJLRKVK"), "RF92NJLRKVKNM"));
        assert!(!holds_cut(&bare("IBFT hoc phi RF92NJLR"), "RF92NJLRKVKNM"));
    }
}
