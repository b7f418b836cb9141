//! Texts in the encodings of Vietnam before Unicode: TCVN3 (the fonts .VnTime) and VNI, as bytes of a .csv or as Latin
//! letters in a workbook, and the Windows-1258 of "CSV" in Excel.
//!
//! **Invariant:** a file is converted only when its own headings become Vietnamese words by it; each cell that holds a
//! letter of no such encoding stays as it is.

use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization;

use super::sheet::Sheet;

/// TCVN3 from U+00A1 to U+00FE; a dot is a place it leaves free.
const TCVN3: &str = "ĂÂÊÔƠƯĐăâêôơưđ······àảãáạ·ằẳẵắ·······ặầẩẫấậè·ẻẽéẹềểễếệìỉ···ĩíịò·ỏõóọồổỗốộờởỡớợù·ủũúụừửữứựỳỷỹýỵ";

/// VNI's letters that stand alone.
const VNI_ALONE: [(char, char); 18] = [
    ('ñ', 'đ'),
    ('Ñ', 'Đ'),
    ('ö', 'ư'),
    ('Ö', 'Ư'),
    ('ô', 'ơ'),
    ('Ô', 'Ơ'),
    ('í', 'í'),
    ('Í', 'Í'),
    ('ì', 'ì'),
    ('Ì', 'Ì'),
    ('æ', 'ỉ'),
    ('Æ', 'Ỉ'),
    ('ó', 'ĩ'),
    ('Ó', 'Ĩ'),
    ('ò', 'ị'),
    ('Ò', 'Ị'),
    ('î', 'ỵ'),
    ('Î', 'Ỵ'),
];

/// VNI's marks behind a letter, as combining marks: the hat or breve, then the tone.
const VNI_MARKS: [(char, &str); 16] = [
    ('ù', "\u{301}"),
    ('ø', "\u{300}"),
    ('û', "\u{309}"),
    ('õ', "\u{303}"),
    ('ï', "\u{323}"),
    ('ê', "\u{306}"),
    ('é', "\u{306}\u{301}"),
    ('è', "\u{306}\u{300}"),
    ('ú', "\u{306}\u{309}"),
    ('ü', "\u{306}\u{303}"),
    ('ë', "\u{306}\u{323}"),
    ('â', "\u{302}"),
    ('á', "\u{302}\u{301}"),
    ('à', "\u{302}\u{300}"),
    ('å', "\u{302}\u{309}"),
    ('ã', "\u{302}\u{303}"),
];
const VNI_LAST_MARK: (char, &str) = ('ä', "\u{302}\u{323}");

/// Words that head Vietnamese tables; two of them prove an encoding.
const WORDS: [&str; 18] = [
    "ngày",
    "số",
    "nội dung",
    "diễn giải",
    "ghi nợ",
    "ghi có",
    "số dư",
    "tài khoản",
    "giao dịch",
    "họ",
    "tên",
    "lớp",
    "học sinh",
    "phụ huynh",
    "điện thoại",
    "mã",
    "nợ",
    "sao kê",
];

/// An encoding's way from Latin letters to Vietnamese ones; nothing when a letter is none of its own.
type Reading = fn(&str) -> Option<String>;

/// A whole file of bytes, when its headings tell the encoding.
pub fn decoded(bytes: &[u8]) -> Option<String> {
    if bytes.contains(&0) || bytes.len() as u64 > super::sheet::MOST_TEXT / 2 {
        return None;
    }
    let head = &bytes[..bytes.len().min(16 << 10)];
    let readings: [fn(&[u8]) -> String; 3] = [windows_1258, |bytes| whole(bytes, tcvn3), |bytes| whole(bytes, vni)];
    let reading = readings.into_iter().find(|reading| words_in(&reading(head)) >= 2)?;
    Some(reading(bytes))
}

/// Converts the sheets of a workbook or a .csv whose letters are TCVN3's or VNI's behind Latin ones, and takes away the
/// soft hyphens that TCVN3 uses for ư and nobody else needs.
pub fn heal(sheets: &mut [Sheet]) {
    let cells = sheets.iter().flat_map(|sheet| sheet.rows.iter().take(130)).flat_map(super::sheet::Row::cells);
    let head: Vec<&str> =
        cells.map(|(_, text)| text).filter(|text| !text.is_ascii() && text.len() < 400).take(400).collect();
    let score = |reading: Reading| {
        let read = head.iter().map(|text| reading(text).unwrap_or_default());
        words_in(&read.collect::<Vec<_>>().join("\n"))
    };
    let plain = words_in(&head.join("\n"));
    let readings: [Reading; 2] = [tcvn3, vni];
    let found = readings.into_iter().find(|reading| plain == 0 && score(*reading) >= 2);
    let bare = |text: &str| text.contains('\u{ad}').then(|| text.replace('\u{ad}', ""));
    for sheet in sheets {
        match found {
            Some(reading) => {
                sheet.rewrite(|text| if text.is_ascii() { None } else { reading(text).or_else(|| bare(text)) });
            }
            None => sheet.rewrite(bare),
        }
    }
}

fn words_in(text: &str) -> usize {
    let text = text.to_lowercase();
    let mut words = WORDS.into_iter().filter(|word| !word.is_ascii());
    let boundary = |letter: Option<char>| letter.is_none_or(|letter| !letter.is_alphabetic());
    let stands = |word: &str| {
        text.match_indices(word)
            .any(|(at, _)| boundary(text[..at].chars().next_back()) && boundary(text[at + word.len()..].chars().next()))
    };
    words.by_ref().filter(|word| stands(word)).count()
}

fn whole(bytes: &[u8], reading: Reading) -> String {
    let latin = |line: &[u8]| line.iter().map(|byte| char::from(*byte)).collect::<String>();
    let mut text = String::with_capacity(bytes.len());
    for line in bytes.split(|byte| *byte == b'\n') {
        let line = latin(line);
        text.push_str(&reading(&line).unwrap_or(line));
        text.push('\n');
    }
    text.pop();
    text
}

fn tcvn3(text: &str) -> Option<String> {
    static LETTERS: LazyLock<Vec<char>> = LazyLock::new(|| TCVN3.chars().collect());
    let read = text.chars().map(|letter| match u32::from(letter) {
        0..0x80 | 0xa0 => Some(letter),
        code @ 0xa1..0xff => LETTERS.get(code as usize - 0xa1).copied().filter(|letter| *letter != '·'),
        _ => None,
    });
    read.collect()
}

fn vni(text: &str) -> Option<String> {
    let mut read = String::with_capacity(text.len());
    for letter in text.chars() {
        let lower = letter.to_lowercase().next().unwrap_or(letter);
        let base = read.chars().next_back();
        let takes_marks = base.is_some_and(|base| "aeouyAEOUYơưƠƯ".contains(base));
        let mark = VNI_MARKS.iter().chain([&VNI_LAST_MARK]).find(|(mark, _)| *mark == lower && takes_marks);
        if let Some((_, marks)) = mark {
            // Over e and o the marks of a breve are those of no letter; only a takes them.
            if marks.starts_with('\u{306}') && !matches!(base, Some('a' | 'A')) {
                return None;
            }
            read.push_str(marks);
        } else if let Some((_, alone)) = VNI_ALONE.iter().find(|(own, _)| *own == letter) {
            read.push(*alone);
        } else if letter.is_ascii() || letter == '\u{a0}' {
            read.push(letter);
        } else {
            return None;
        }
    }
    Some(read.nfc().collect())
}

/// Latin letters with combining marks behind them.
fn windows_1258(bytes: &[u8]) -> String {
    let letter = |byte: &u8| match byte {
        0xc3 => 'Ă',
        0xcc => '\u{300}',
        0xd0 => 'Đ',
        0xd2 => '\u{309}',
        0xd5 => 'Ơ',
        0xdd => 'Ư',
        0xde => '\u{303}',
        0xe3 => 'ă',
        0xec => '\u{301}',
        0xf0 => 'đ',
        0xf2 => '\u{323}',
        0xf5 => 'ơ',
        0xfd => 'ư',
        0xfe => '₫',
        0x80 => '€',
        0x85 => '…',
        0x91 => '‘',
        0x92 => '’',
        0x93 => '“',
        0x94 => '”',
        0x96 => '–',
        0x97 => '—',
        byte => char::from(*byte),
    };
    bytes.iter().map(letter).nfc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roll::sheet;

    const HEAD: &str =
        "Ngày giao dịch,Số tham chiếu,Ghi nợ,Ghi có,Số dư,Nội dung\n22/11/2026,a,,10,110,nộp tiền ăn bán trú lớp 1Ắ\n";

    /// The bytes of a text in an encoding of one byte, found by asking for each; its tones apart when it has them so.
    fn bytes(text: &str, reading: fn(&[u8]) -> String) -> Vec<u8> {
        let one = |letter: char| (0..=255_u8).find(|byte| reading(&[*byte]) == letter.to_string());
        let tones = ['\u{300}', '\u{301}', '\u{303}', '\u{309}', '\u{323}'];
        let apart = |letter: char| {
            let (tone, base): (Vec<char>, Vec<char>) = letter.to_string().nfd().partition(|mark| tones.contains(mark));
            base.into_iter().nfc().chain(tone).filter_map(one).collect()
        };
        text.nfc().flat_map(|letter| one(letter).map_or_else(|| apart(letter), |byte| vec![byte])).collect()
    }

    #[test]
    fn an_old_file_is_read_as_the_letters_it_shows() {
        let plain = HEAD.replace('Ắ', "a");
        let tcvn = bytes(&plain, |bytes| whole(bytes, tcvn3));
        let windows = bytes(&plain, windows_1258);
        let wanted = sheet::read(plain.as_bytes(), "x.csv").expect("a table");
        for old in [&tcvn, &windows] {
            assert!(std::str::from_utf8(old).is_err());
            assert_eq!(sheet::read(old, "x.csv").expect("a table"), wanted);
        }
        let latin: String = tcvn.iter().map(|byte| char::from(*byte)).collect();
        assert!(latin.contains("Ngµy giao dÞch,Sè tham chiÕu,Ghi nî,Ghi cã,Sè d\u{ad},Néi dung"), "{latin}");
        assert_eq!(sheet::read(latin.as_bytes(), "x.csv").expect("a table"), wanted, "Latin letters in Unicode");
        let vni = "Ngaøy giao dòch,Soá tham chieáu,Ghi nôï,Ghi coù,Soá dö,Noäi dung\n22/11/2026,a,,10,110,noäp tieàn aên baùn truù lôùp 1a\n";
        assert_eq!(sheet::read(vni.as_bytes(), "x.csv").expect("a table"), wanted, "VNI");
        let unicode = sheet::read("Họ và tên,Lớp\nHà Thị Là,1A\n".as_bytes(), "x.csv").expect("a table");
        assert_eq!(unicode[0].rows[1].text(0), "Hà Thị Là");
        assert_eq!(
            sheet::read(b"H\xe4 v\xe0 t\xean;L\xf0p\n", "x.csv").expect_err("nobody can tell").code,
            "not-unicode"
        );
    }
}
