//! An amount in Vietnamese words, as Decree 254/2026/NĐ-CP (Appendix, 8) asks on every document.
//!
//! Two readings are in use: Hà Nội says *linh* and *nghìn*, the south says *lẻ* and *ngàn*. Both write *tư*
//! after *mươi* and *lăm* after *mười*; a school chooses its reading once.

use super::Dong;

/// How a school reads numbers aloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reading {
    /// *một trăm linh năm nghìn*
    #[default]
    Hanoi,
    /// *một trăm lẻ năm ngàn*
    Southern,
}

const DIGITS: [&str; 10] = ["không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín"];

/// The amount as a sentence: capital first, `đồng` last; a negative amount begins with *Giảm*.
pub fn in_words(amount: Dong, reading: Reading) -> String {
    let number = amount.get().unsigned_abs();
    let mut words = Vec::new();
    if amount.get() < 0 {
        words.push("giảm");
    }
    if number == 0 {
        words.push("không");
    } else {
        say(number, reading, false, &mut words);
    }
    words.push("đồng");
    capitalised(&words.join(" "))
}

/// Billions are read as a number of their own followed by *tỷ*, so that *nghìn tỷ* and *tỷ tỷ* come of themselves.
fn say(number: u64, reading: Reading, led: bool, words: &mut Vec<&'static str>) {
    let (billions, rest) = (number / 1_000_000_000, number % 1_000_000_000);
    let mut led = led;
    if billions > 0 {
        say(billions, reading, led, words);
        words.push("tỷ");
        led = true;
    }
    let thousand = match reading {
        Reading::Hanoi => "nghìn",
        Reading::Southern => "ngàn",
    };
    for (group, name) in
        [(rest / 1_000_000, Some("triệu")), (rest / 1_000 % 1_000, Some(thousand)), (rest % 1_000, None)]
    {
        if group == 0 {
            continue;
        }
        say_group(group, reading, led, words);
        words.extend(name);
        led = true;
    }
}

/// One group of three digits. A group that something stands before reads its missing hundreds.
fn say_group(group: u64, reading: Reading, led: bool, words: &mut Vec<&'static str>) {
    let digit = |place: u64| usize::try_from(group / place % 10).unwrap_or_default();
    let (hundreds, tens, units) = (digit(100), digit(10), digit(1));
    let hundreds_are_read = hundreds > 0 || led;
    if hundreds_are_read {
        words.extend([DIGITS[hundreds], "trăm"]);
    }
    match tens {
        0 if units > 0 && hundreds_are_read => words.push(match reading {
            Reading::Hanoi => "linh",
            Reading::Southern => "lẻ",
        }),
        0 => {}
        1 => words.push("mười"),
        _ => words.extend([DIGITS[tens], "mươi"]),
    }
    match (tens, units) {
        (_, 0) => {}
        (2.., 1) => words.push("mốt"),
        (2.., 4) => words.push("tư"),
        (1.., 5) => words.push("lăm"),
        _ => words.push(DIGITS[units]),
    }
}

fn capitalised(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_published_amount_reads_as_it_should_in_hanoi() {
        let table = include_str!("amount_words.tsv");
        let mut checked = 0;
        for line in table.lines() {
            let (amount, words) = line.split_once('\t').expect("amount, tab, words");
            assert_eq!(in_words(Dong::new(amount.parse().expect("whole đồng")), Reading::Hanoi), words, "{amount}");
            checked += 1;
        }
        assert_eq!(checked, 42);
    }

    #[test]
    fn the_south_says_le_and_ngan() {
        let south = |amount| in_words(Dong::new(amount), Reading::Southern);
        assert_eq!(south(1_001), "Một ngàn không trăm lẻ một đồng");
        assert_eq!(south(105_000), "Một trăm lẻ năm ngàn đồng");
        assert_eq!(south(24_000), "Hai mươi tư ngàn đồng");
    }

    #[test]
    fn the_largest_and_the_negative_are_read_too() {
        assert!(in_words(Dong::new(i64::MAX), Reading::Hanoi).starts_with("Chín tỷ hai trăm hai mươi ba triệu"));
        assert_eq!(in_words(Dong::new(-21_000), Reading::Hanoi), "Giảm hai mươi mốt nghìn đồng");
        let long = in_words(Dong::new(21_021_021_021), Reading::Hanoi);
        assert_eq!(
            long,
            "Hai mươi mốt tỷ không trăm hai mươi mốt triệu không trăm hai mươi mốt nghìn không trăm hai mươi mốt đồng"
        );
    }
}
