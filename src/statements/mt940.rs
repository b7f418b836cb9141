//! SWIFT's MT940, as corporate customers download it.
//!
//! Written here because the one kept crate, mt940 1.1.1, refuses what banks send: the closing `-`, the blocks
//! `{1:…}{4:`, and every letter outside SWIFT's own set, so any Vietnamese one. Lines of `:86:` are kept as they are
//! wrapped, with their breaks: what finds a payment reference looks past them.

use std::borrow::Cow;

use super::chain::{Entry, Part, Printed};
use super::read::{MOST_LINES, Statement, StatementLine, too_many_lines};
use super::{dates, join};
use crate::fault::{Kind, Refusal};
use crate::money::Dong;
use crate::time::Day;

/// The most messages in a file: a page or a day of one account each.
const MOST_MESSAGES: usize = 10_000;
/// The most fields: every line has two, and those around them are few.
const MOST_FIELDS: usize = 3 * MOST_LINES;
/// The longest text of a line that is kept; the standard has 390 characters.
const LONGEST_TEXT: usize = 4_000;

/// Does this text begin as one?
pub fn is_one(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim_start).filter(|line| !line.is_empty()).take(12);
    let first = lines.clone().next().unwrap_or_default();
    (first.starts_with("{1:") || first.starts_with(":20:") || first.starts_with(":2"))
        && lines.any(|line| line.starts_with(":20:") || line.contains("{4:"))
}

/// A field, such as `:61:`.
struct Field<'a> {
    tag: &'a str,
    value: Cow<'a, str>,
    row: usize,
}

/// One statement for each account in the file; messages of one account follow one another.
///
/// # Errors
/// Refused with the line: a field that cannot be read, another currency, sums that do not agree.
pub fn statements(text: &str) -> Result<Vec<Statement>, Refusal> {
    let mut read = Vec::new();
    let mut lines = 0;
    for message in messages(text)? {
        let (opens, part) = part(message)?;
        lines += part.entries.len();
        if lines > MOST_LINES {
            return Err(too_many_lines());
        }
        read.push((opens, part));
    }
    let done = join::joined(read)?;
    if done.is_empty() { Err(damaged(1)) } else { Ok(done) }
}

/// The fields of each message. A line that begins no field goes on with the one above it.
fn messages(text: &str) -> Result<Vec<Vec<Field<'_>>>, Refusal> {
    let (mut all, mut fields): (Vec<Vec<Field>>, usize) = (Vec::new(), 0);
    let mut lines = text.lines().enumerate().peekable();
    while let Some((at, line)) = lines.next() {
        let line = line.trim_end_matches('\r');
        let next = lines.peek().map(|(_, next)| next.trim_start());
        let ends = line.starts_with("-}")
            || (line.trim() == "-"
                && next.is_none_or(|next| {
                    next.is_empty() || next.starts_with("-}") || next.starts_with(":20:") || next.starts_with('{')
                }));
        if let Some((tag, value)) = field(line) {
            if tag == "20" {
                all.push(Vec::new());
            }
            let count = all.len();
            let message = all.last_mut().ok_or_else(|| damaged(at + 1))?;
            message.push(Field { tag, value: Cow::Borrowed(value), row: at + 1 });
            fields += 1;
            if count > MOST_MESSAGES || fields > MOST_FIELDS {
                return Err(too_many_lines());
            }
        } else if !ends && !line.starts_with('{') && !line.trim().is_empty() {
            let last = all.last_mut().and_then(|message| message.last_mut()).ok_or_else(|| damaged(at + 1))?;
            if last.value.len() + line.len() > LONGEST_TEXT {
                return Err(damaged(at + 1));
            }
            let value = last.value.to_mut();
            value.push('\n');
            value.push_str(line);
        }
    }
    Ok(all)
}

/// `:60F:C261121VND0,` is the tag `60F` and what follows.
fn field(line: &str) -> Option<(&str, &str)> {
    let (tag, value) = line.trim_start().strip_prefix(':')?.split_once(':')?;
    let known = matches!(tag.as_bytes(), [a, b] | [a, b, b'A'..=b'Z'] if a.is_ascii_digit() && b.is_ascii_digit());
    known.then_some((tag, value))
}

fn part(message: Vec<Field<'_>>) -> Result<(Option<Day>, Part), Refusal> {
    let begins = message.first().map_or(1, |field| field.row);
    let mut part = Part::default();
    let (mut opens, mut closes) = (None, None);
    let mut takes_text = false;
    for field in message {
        match field.tag {
            "25" => part.account = account(&field.value),
            "60F" | "60M" => {
                let (day, amount) = balance(&field)?;
                (opens, part.printed.opening) = (Some(day), Some(amount));
            }
            "62F" => {
                let (day, amount) = balance(&field)?;
                (closes, part.printed.closing) = (Some(day), Some(amount));
            }
            // A page that others follow: its balance is checked, and its days are not whole.
            "62M" => part.printed.closing = Some(balance(&field)?.1),
            "61" => part.entries.push(entry(&field)?),
            "86" if takes_text => {
                if let Some(entry) = part.entries.last_mut() {
                    field.value.trim().clone_into(&mut entry.line.text);
                    let told = dates::told_near(&entry.line.text.replace('\n', " "), entry.line.day);
                    entry.line.at = told.map_or(entry.line.at, |told| told.at());
                }
            }
            _ => {}
        }
        takes_text = field.tag == "61";
    }
    // Both balances, and the later one is not the older.
    let backward = opens.zip(closes).is_some_and(|(opens, closes)| closes < opens);
    if part.printed.opening.is_none() || part.printed.closing.is_none() || backward {
        return Err(damaged(begins));
    }
    part.numbers.extend(part.account.clone());
    // The opening balance bears the day that it closed, at some banks the day that it opens.
    part.printed.period = opens.zip(closes).map(|(opens, closes)| (opens.plus_days(1).min(closes), closes));
    let period = part.printed.period;
    let within = part
        .entries
        .iter()
        .all(|entry| period.is_some_and(|(from, through)| from <= entry.line.day && entry.line.day <= through));
    part.printed = Printed { period: period.filter(|_| within), ..part.printed };
    Ok((opens, part))
}

/// `BANK/0011001932418VND` is the account `0011001932418`.
fn account(text: &str) -> Option<String> {
    let number = text.trim().rsplit('/').next().unwrap_or_default();
    let number = number.strip_suffix("VND").unwrap_or(number);
    let number: String = number.chars().filter(char::is_ascii_alphanumeric).take(34).collect();
    (!number.is_empty()).then_some(number)
}

/// `C261121VND1250000,00`
fn balance(field: &Field<'_>) -> Result<(Day, i64), Refusal> {
    let wrong = || damaged(field.row);
    let value = field.value.trim();
    let (mark, rest) = value.split_at_checked(1).ok_or_else(wrong)?;
    let (date, rest) = rest.split_at_checked(6).ok_or_else(wrong)?;
    let (currency, amount) = rest.split_at_checked(3).ok_or_else(wrong)?;
    if currency != "VND" {
        return Err(other_currency(&format!(":{}: {}", field.tag, field.row)));
    }
    let sum = sum(amount).ok_or_else(wrong)?;
    let day = day(date).ok_or_else(wrong)?;
    match mark {
        "C" => Ok((day, sum)),
        "D" => Ok((day, -sum)),
        _ => Err(wrong()),
    }
}

/// `2612310101C1250000,NTRFREF//FT26365\nmore`: value date, booking date, side, amount, kind, numbers.
fn entry(field: &Field<'_>) -> Result<Entry, Refusal> {
    let wrong = || damaged(field.row);
    let (head, more) = field.value.split_once('\n').unwrap_or((&field.value, ""));
    let (date, rest) = head.split_at_checked(6).ok_or_else(wrong)?;
    let value = day(date).ok_or_else(wrong)?;
    let booked = rest.get(..4).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let rest = if booked.is_some() { &rest[4..] } else { rest };
    let booked = booked.map_or(Some(value), |text| near(value, text)).ok_or_else(wrong)?;
    let sides = [("RC", -1), ("RD", 1), ("C", 1), ("D", -1)];
    let found = sides.into_iter().find_map(|(mark, sign)| rest.strip_prefix(mark).map(|rest| (sign, rest)));
    let (sign, rest) = found.ok_or_else(wrong)?;
    // The third letter of the currency may stand before the amount.
    let rest = rest.strip_prefix(|letter: char| letter.is_ascii_alphabetic()).unwrap_or(rest);
    let ends = rest.find(|letter: char| !letter.is_ascii_digit() && letter != ',').unwrap_or(rest.len());
    let (amount, rest) = rest.split_at(ends);
    let amount = sum(amount).ok_or_else(wrong)? * sign;
    let numbers = rest.get(4..).unwrap_or_default();
    let (customers, banks) = numbers.split_once("//").unwrap_or((numbers, ""));
    let reference = [banks, customers].into_iter().map(str::trim).find(|text| !matches!(*text, "" | "NONREF"));
    let line = StatementLine {
        row: field.row,
        day: booked,
        at: value.begins(),
        amount,
        balance: None,
        reference: reference.unwrap_or_default().to_owned(),
        text: more.trim().to_owned(),
    };
    Ok(Entry { line, fee: 0, ordinal: None })
}

/// `261231`
fn day(text: &str) -> Option<Day> {
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<i8>().ok();
    let plain = text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit());
    if !plain {
        return None;
    }
    Day::new(2000 + i16::from(number(0..2)?), number(2..4)?, number(4..6)?)
}

/// `0101` beside the last day of 2026 is in 2027.
fn near(value: Day, text: &str) -> Option<Day> {
    let (month, day) = (text.get(..2)?.parse().ok()?, text.get(2..)?.parse().ok()?);
    let years = [-1, 0, 1].into_iter().filter_map(|step| Day::new(value.0.year() + step, month, day));
    years.min_by_key(|day| day.0.since(value.0).map_or(i32::MAX, |span| span.get_days().abs()))
}

/// `1250000,` or `1250000,00`
fn sum(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once(',').unwrap_or((text, ""));
    let plain = !whole.is_empty() && whole.len() <= 15 && whole.bytes().all(|byte| byte.is_ascii_digit());
    let sum: i64 = whole.parse().ok().filter(|_| plain)?;
    (sum <= Dong::TRANSFER_MOST.get() && fraction.bytes().all(|byte| byte == b'0')).then_some(sum)
}

fn damaged(row: usize) -> Refusal {
    Refusal::new(
        Kind::Meaning,
        "mt940-unreadable",
        format!("Dòng {row} của tệp MT940 không đọc được."),
        format!("Line {row} of the MT940 file cannot be read."),
    )
    .at(row.to_string(), "không đọc được", "cannot be read")
}

/// A statement in dollars is no statement of school fees.
pub fn other_currency(at: &str) -> Refusal {
    Refusal::new(
        Kind::Meaning,
        "statement-currency",
        "Sao kê không phải bằng đồng Việt Nam (VND).",
        "The statement is not in Vietnamese đồng (VND).",
    )
    .at(at, "loại tiền khác", "another currency")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = "{1:F01BFTVVNVXAXXX0000000000}{2:O940}{4:\r\n:20:STMT1\r\n:25:BFTVVNVX/0011001932418VND\r\n:28C:365/1\r\n\
        :60F:C261230VND1000000,\r\n:61:2612310101C1250000,NTRFNONREF//FT26365001\r\n:86:MBVCB.123.nop tien RF42BCFG\r\nHJKLM hoc phi\r\n\
        :61:261231D11000,00NCHGFEE1\r\n:61:2612310101RC250000,NTRFX//Y\r\n:86:huy ộ\r\n-\r\nsau gach\r\n:62F:C270101VND1989000,00\r\n-}\r\n\
        :20:STMT2\r\n:25:190123\r\n:60F:C261231VND5,\r\n:62F:C261231VND5,\r\n:86:het\r\n-\r\n";

    #[test]
    fn messages_of_two_accounts_are_read_with_wrapped_texts_and_two_dates() {
        assert!(is_one(TWO));
        let both = statements(TWO).expect("two statements");
        let [one, other] = both.as_slice() else { panic!("two") };
        assert_eq!(
            (one.account.as_deref(), one.opening, one.closing),
            (Some("0011001932418"), Some(1_000_000), Some(1_989_000))
        );
        let told = one.lines.iter().map(|line| (line.day.to_string(), line.at.day().to_string(), line.amount));
        let wanted = [("2027-01-01", 1_250_000), ("2026-12-31", -11_000), ("2027-01-01", -250_000)];
        let wanted = wanted.map(|(day, amount)| (day.to_owned(), "2026-12-31".to_owned(), amount));
        assert_eq!(told.collect::<Vec<_>>(), wanted);
        assert_eq!((one.lines[0].reference.as_str(), one.lines[1].reference.as_str()), ("FT26365001", "FEE1"));
        assert_eq!(one.lines[0].text, "MBVCB.123.nop tien RF42BCFG\nHJKLM hoc phi");
        assert_eq!(one.lines[2].text, "huy ộ\n-\nsau gach");
        assert_eq!((other.account.as_deref(), other.lines.len()), (Some("190123"), 0));
    }

    #[test]
    fn a_page_that_others_follow_has_no_whole_day_and_a_memo_sets_no_far_time() {
        let page = |closing: &str, memo: &str| {
            let text = format!(
                ":20:X\n:25:1\n:60F:C261120VND0,\n:61:261121C5,NTRFX\n:86:{memo}\n:{closing}:C261121VND5,\n-\n"
            );
            statements(&text).expect("a page").remove(0)
        };
        assert!(page("62F", "x").complete.is_some());
        assert_eq!(page("62M", "x").complete, None);
        let at = |memo| page("62F", memo).lines[0].at.day().to_string();
        assert_eq!(at("thoi gian GD:20/11/2026 23:08:17"), "2026-11-20");
        assert_eq!(at("thoi gian GD:31/12/2098 23:00:00"), "2026-11-21");
    }

    #[test]
    fn days_of_messages_go_forward_in_whatever_order_they_stand() {
        let message = |opens: &str, closes: &str, day: &str, amount: i64| {
            format!(
                ":20:X\n:25:1\n:60F:C{opens}VND10,\n:61:{day}C{amount},NTRFX\n:62F:C{closes}VND{},\n-\n",
                10 + amount
            )
        };
        let backward = message("261102", "261102", "261102", 0) + &message("261110", "261101", "261101", 5);
        assert_eq!(statements(&backward).expect_err("closed before it opened").code, "mt940-unreadable");
        let within = message("261101", "261107", "261105", 0) + &message("261101", "261101", "261101", 5);
        let within = &statements(&within).expect("a week, and its first day")[0];
        let days = (Day::new(2026, 11, 2).expect("a day"), Day::new(2026, 11, 7).expect("a day"));
        assert_eq!((within.period, within.complete), (Some(days), Some(days)));
    }

    #[test]
    fn what_does_not_add_up_is_refused_and_messages_that_do_not_meet_are_a_hole() {
        let wrong = TWO.replace("D11000,00", "D12000,00");
        assert_eq!(statements(&wrong).expect_err("a sum").code, "statement-sum");
        let dollars = TWO.replace("VND5,", "USD5,");
        assert_eq!(statements(&dollars).expect_err("dollars").code, "statement-currency");
        for broken in [
            TWO.replace(":61:261231D", ":61:261331D"),
            TWO.replace("D11000,00", "D11000,50"),
            TWO.replace(":62F:C27", ":62F:X27"),
        ] {
            assert_eq!(statements(&broken).expect_err("a field").code, "mt940-unreadable");
        }
        let day = |date: &str, opening: i64, amount: i64| {
            let closing = opening + amount;
            format!(
                ":20:X\n:25:1\n:60F:C{date}VND{opening},\n:61:{date}C{amount},NTRFX\n:62F:C{date}VND{closing},\n-\n"
            )
        };
        let met = statements(&(day("261102", 15, 7) + &day("261101", 10, 5))).expect("two days in any order");
        assert_eq!((met[0].lines.len(), met[0].holes.len(), met[0].closing), (2, 0, Some(22)));
        let apart = statements(&(day("261101", 10, 5) + &day("261103", 18, 7))).expect("a day is missing");
        assert_eq!((apart[0].holes[0].missing, apart[0].complete), (3, None));
        assert_eq!(apart[0].holes[0].vietnamese(), "thiếu từ ngày 01/11/2026 đến ngày 03/11/2026");
    }
}
