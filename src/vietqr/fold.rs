//! Vietnamese text folded to the printable ASCII that banks carry.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// The text without its accents: `Nộp tiền ăn tháng 11` becomes `Nop tien an thang 11`.
///
/// Letters lose their marks and `đ` becomes `d`; dashes and quotation marks become their plain forms, because
/// dropping the dash of `9–10` would make it 910; every kind of blank becomes one space. What has no ASCII base
/// is dropped. Decomposition is canonical only: a compatibility form would read `½` as 12.
pub fn ascii(text: &str) -> String {
    let plain: String = text.nfd().filter(|letter| !is_combining_mark(*letter)).filter_map(base).collect();
    plain.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The folded text, cut after so many characters; a space is never its last.
pub fn ascii_within(text: &str, most: usize) -> String {
    let folded: String = ascii(text).chars().take(most).collect();
    folded.trim_end().to_owned()
}

fn base(letter: char) -> Option<char> {
    match letter {
        'đ' => Some('d'),
        'Đ' => Some('D'),
        '\u{2010}'..='\u{2015}' | '\u{2212}' => Some('-'),
        '‘' | '’' => Some('\''),
        '“' | '”' => Some('"'),
        blank if blank.is_whitespace() => Some(' '),
        plain if plain.is_ascii_graphic() => Some(plain),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vietnamese_loses_its_accents_and_nothing_else() {
        assert_eq!(ascii("chuyển khoản"), "chuyen khoan");
        assert_eq!(ascii("ủng hộ lũ lụt"), "ung ho lu lut");
        assert_eq!(ascii("ĐƯỜNG Đặng Thùy Trâm"), "DUONG Dang Thuy Tram");
        assert_eq!(ascii("Tiê\u{300}n ăn\u{a0}tháng 9–10,  lớp\t3A\n"), "Tien an thang 9-10, lop 3A");
    }

    #[test]
    fn what_has_no_ascii_base_is_dropped() {
        assert_eq!(ascii("học phí 🏫 ½ 学费 x²"), "hoc phi x");
        assert_eq!(ascii("学费"), "");
        assert_eq!(ascii("a\u{0}b\u{7f}"), "ab");
    }

    #[test]
    fn a_cut_text_never_ends_in_a_space() {
        assert_eq!(ascii_within("Trường Tiểu học Nguyễn Bỉnh Khiêm", 25), "Truong Tieu hoc Nguyen Bi");
        assert_eq!(ascii_within("Nộp học phí", 8), "Nop hoc");
        assert_eq!(ascii_within("đ", 0), "");
    }
}
