//! Texts of cells as people type them: days, telephones, classes, amounts. Pure.

use crate::money::Dong;
use crate::time::Day;

use super::folded;

/// A text that was read, or what it was probably meant to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading<T> {
    /// It is this.
    Is(T),
    /// It was mended without doubt: a zero that a spreadsheet dropped.
    Mended(T),
    /// It cannot be this; perhaps the suggestion was meant.
    Wrong(Option<String>),
}

/// `05/09/2017`, `5-9-17`, `5.9.2017`, `2017-09-05`, or the serial number a spreadsheet keeps.
/// `ngày 5 tháng 9 năm 2018` is read too.
pub fn day(text: &str, today: Day) -> Reading<Day> {
    let in_words = day_in_words(text);
    let text = in_words.as_deref().unwrap_or(text).trim().trim_end_matches('.');
    let spaced = [" /", "/ ", " -", "- ", " .", ". "].iter().any(|gap| text.contains(gap));
    let whole: String = text.split_whitespace().collect();
    let text = if spaced { whole.as_str() } else { text.split_whitespace().next().unwrap_or_default() };
    let numbers: Option<Vec<i16>> = text.split(['/', '-', '.']).map(|part| part.parse().ok()).collect();
    let short = |year: i16| match year {
        0..=99 if 2000 + year <= today.0.year() => 2000 + year,
        0..=99 => 1900 + year,
        _ => year,
    };
    let day = |year: i16, month: i16, day: i16| {
        let (month, day) = (i8::try_from(month).ok()?, i8::try_from(day).ok()?);
        Day::new(short(year), month, day)
    };
    let sensible = |day: &Day| (1920..=2100).contains(&day.0.year());
    match numbers.as_deref() {
        Some([year, month, dd]) if *year >= 1000 => {
            day(*year, *month, *dd).filter(sensible).map_or(Reading::Wrong(None), Reading::Is)
        }
        Some([dd, month, year]) => {
            // Day and month stand the American way round, or the month has no such day and its last was meant.
            let american = || day(*year, *dd, *month);
            let last = || (28..*dd).rev().filter(|_| *dd <= 31).find_map(|dd| day(*year, *month, dd));
            let meant = || Reading::Wrong(american().or_else(last).filter(sensible).map(Day::vietnamese));
            day(*year, *month, *dd).filter(sensible).map_or_else(meant, Reading::Is)
        }
        // Days since 30 December 1899; the range is 1954 to 2064.
        _ => match text.parse::<i64>() {
            Ok(serial @ 20_000..=60_000) => {
                Day::new(1899, 12, 30).map_or(Reading::Wrong(None), |zero| Reading::Mended(zero.plus_days(serial)))
            }
            _ => Reading::Wrong(None),
        },
    }
}

/// `ngày 5 tháng 9 năm 2018` as `5/9/2018`.
fn day_in_words(text: &str) -> Option<String> {
    let folded = folded(text).replace(',', " ");
    let words: Vec<&str> = folded.split_whitespace().collect();
    let words = words.strip_prefix(&["ngay"]).unwrap_or(&words);
    let &[day, "thang", month, "nam", year] = words else { return None };
    Some(format!("{day}/{month}/{year}"))
}

/// A Vietnamese telephone number as ten digits (eleven for some fixed lines).
pub fn phone(text: &str) -> Reading<String> {
    // Two numbers in one cell: the first is taken.
    let first = text.split(['/', ',', ';']).next().unwrap_or_default();
    let digits: String = first.chars().filter(char::is_ascii_digit).collect();
    let odd = first.chars().any(|letter| !letter.is_ascii_digit() && !" .-+()\u{a0}".contains(letter));
    let national = digits.strip_prefix("84").filter(|rest| rest.len() == 9);
    if odd {
        return Reading::Wrong(None);
    }
    match (national, digits.len(), digits.as_bytes().first()) {
        (Some(rest), ..) => Reading::Is(format!("0{rest}")),
        (None, 10 | 11, Some(b'0')) => Reading::Is(digits),
        (None, 9, Some(b'2' | b'3' | b'5' | b'7' | b'8' | b'9')) => Reading::Mended(format!("0{digits}")),
        _ => Reading::Wrong(None),
    }
}

/// `Lớp 3a`, `3 A`, `3a` are `3A`; a class that does not begin with a number keeps its own spelling.
pub fn class_name(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let words = match words.first() {
        Some(first) if words.len() > 1 && matches!(folded(first).as_str(), "lop" | "lop:") => &words[1..],
        _ => &words[..],
    };
    if words.first().is_some_and(|first| first.starts_with(|letter: char| letter.is_ascii_digit())) {
        return words.concat().to_uppercase();
    }
    words.join(" ")
}

/// The level of a class from its grade; without one, or at a centre for continuing education, the school's.
pub fn level_of_class(name: &str, school_level: &str) -> String {
    let grade: String = name.chars().take_while(char::is_ascii_digit).collect();
    match grade.parse::<u32>() {
        _ if matches!(school_level, "continuing" | "preschool") => school_level.to_owned(),
        Ok(1..=5) => "primary".to_owned(),
        Ok(6..=9) => "lower_secondary".to_owned(),
        Ok(10..=12) => "upper_secondary".to_owned(),
        _ => school_level.to_owned(),
    }
}

/// `35.000`, `35,000`, `35000`, `35.000 đ`, `35000.00`: whole đồng, or nothing. A lone group after one mark counts as
/// thousands when it has three digits, as Vietnamese and English both write it.
pub fn amount(text: &str) -> Option<Dong> {
    let folded = folded(text);
    let bare = folded.trim_end_matches(|letter: char| letter.is_alphabetic() || matches!(letter, '₫' | ' ' | '.'));
    let bare: String = bare.chars().filter(|letter| !letter.is_whitespace()).collect();
    let groups: Vec<&str> = bare.split(['.', ',']).collect();
    let (whole, rest) = groups.split_first()?;
    let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
    if !groups.iter().all(|group| all_digits(group)) {
        return None;
    }
    let thousands = match rest.split_last() {
        // `35000.00` and `35.000,00` end in a fraction of nothing.
        Some((last, before)) if last.len() != 3 && last.bytes().all(|digit| digit == b'0') => before,
        _ => rest,
    };
    let grouped = thousands.is_empty() || (whole.len() <= 3 && thousands.iter().all(|group| group.len() == 3));
    let digits = format!("{whole}{}", thousands.concat());
    grouped.then(|| digits.parse().ok().map(Dong::new)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_as_people_type_them() {
        let today = Day::parse("2026-11-22").expect("a day");
        let read = |text: &str| match day(text, today) {
            Reading::Is(day) | Reading::Mended(day) => day.to_string(),
            Reading::Wrong(suggestion) => format!("? {}", suggestion.unwrap_or_default()),
        };
        for text in ["05/09/2017", "5-9-17", "5.9.2017", "2017-09-05", "2017-09-05 00:00:00", "42983"] {
            assert_eq!(read(text), "2017-09-05", "{text}");
        }
        assert_eq!(read("1/2/98"), "1998-02-01");
        assert_eq!(read("09/25/2017"), "? 25/09/2017");
        assert_eq!(read("31/02/2017"), "? 28/02/2017");
        assert_eq!(read("31.11.2018"), "? 30/11/2018");
        assert_eq!(read("45/11/2018"), "? ");
        for text in ["ngày 5 tháng 9 năm 2018", "Ngày 05, tháng 09, năm 2018", "5 tháng 9 năm 2018", "5 / 9 / 2018"]
        {
            assert_eq!(read(text), "2018-09-05", "{text}");
        }
        assert_eq!(read("hôm qua"), "? ");
        assert_eq!(read("7"), "? ");
    }

    #[test]
    fn a_telephone_gets_its_lost_zero_back() {
        assert_eq!(phone("0912 345 678"), Reading::Is("0912345678".to_owned()));
        assert_eq!(phone("+84 912.345.678"), Reading::Is("0912345678".to_owned()));
        assert_eq!(phone("912345678"), Reading::Mended("0912345678".to_owned()));
        assert_eq!(phone("0912345678 / 0987654321"), Reading::Is("0912345678".to_owned()));
        assert_eq!(phone("không có"), Reading::Wrong(None));
        assert_eq!(phone("12345"), Reading::Wrong(None));
    }

    #[test]
    fn a_class_has_one_spelling() {
        for text in ["3a", "Lớp 3A", "3 A", "LỚP  3a"] {
            assert_eq!(class_name(text), "3A", "{text}");
        }
        assert_eq!(class_name("Mầm 1"), "Mầm 1");
        assert_eq!(class_name("Lớp Chồi"), "Chồi");
        assert_eq!(level_of_class("10A1", "lower_secondary"), "upper_secondary");
        assert_eq!(level_of_class("Mầm 1", "preschool"), "preschool");
        assert_eq!(level_of_class("3A", "primary"), "primary");
    }

    #[test]
    fn amounts_are_whole_dong_however_they_are_grouped() {
        for text in ["35.000", "35,000", "35000", "35.000 đ", "35000.00", "35.000,00", "35 000 VND", "35.000₫"] {
            assert_eq!(amount(text), Some(Dong::new(35_000)), "{text}");
        }
        assert_eq!(amount("1.250.000"), Some(Dong::new(1_250_000)));
        for text in ["", "35.5", "35.00.000", "-5", "miễn phí", "=1+1", "99999999999999999999"] {
            assert_eq!(amount(text), None, "{text}");
        }
    }
}
