use super::*;

const HARD: &str = "ẾỀỂỄỆ ỚỜỞỠỢ ứừửữự đĐ ₫ ẠĂẰẮẲẴẶÂẤẦẨẪẬ ỊĨỈ ỤŨỦƯỪỨỬỮỰ ỲÝỴỶỸ ọỏõôồốổỗộ…·–";

#[test]
fn both_fonts_draw_every_vietnamese_letter_and_the_sign_of_the_currency() {
    for letter in HARD.chars() {
        assert!(letters::drawable(letter), "{letter}");
    }
    let alphabet = "aăâbcdđeêghiklmnoôơpqrstuưvxy";
    for base in alphabet.chars().chain(alphabet.to_uppercase().chars()) {
        for tone in ["", "\u{300}", "\u{301}", "\u{303}", "\u{309}", "\u{323}"] {
            if "aăâeêioôơuưyAĂÂEÊIOÔƠUƯY".contains(base) {
                let text = letters::printable(&format!("{base}{tone}"));
                assert_eq!(text.chars().count(), 1, "{base}{tone} is one letter");
                assert!(!text.contains('?'), "{base}{tone}");
            }
        }
    }
}

#[test]
fn a_decomposed_text_is_printed_composed() {
    assert_eq!(letters::printable("Nguye\u{302}\u{303}n"), "Nguyễn");
    assert_eq!(letters::printable("a\u{200b}b\tc\nd 🎓"), "ab c d ?");
}

#[test]
fn a_text_wraps_between_words_and_breaks_a_word_only_when_it_must() {
    let style = Style::regular(10.0);
    let text = "Trường Tiểu học Nguyễn Bỉnh Khiêm thu tiền bán trú";
    let lines = wrap(text, style, 90.0);
    assert!(lines.len() > 1);
    assert_eq!(lines.join(" "), text);
    for line in lines.iter().chain(&wrap(&"Ễ".repeat(100), style, 90.0)) {
        assert!(width(line, style) <= 90.0, "{line}");
    }
    assert_eq!(wrap("", style, 90.0), vec![String::new()]);
}

#[test]
fn a_no_break_space_is_kept() {
    let style = Style::regular(10.0);
    let lines = wrap("tổng cộng 1.250.000\u{a0}₫", style, width("tổng cộng 1.250.000", style) + 1.0);
    assert_eq!(lines, ["tổng cộng", "1.250.000\u{a0}₫"]);
}

#[test]
fn a_text_that_is_too_long_shrinks_first_and_is_cut_at_last() {
    let style = Style::regular(10.0);
    let (same, lines) = fitted("Lớp 3A", style, 90.0, 1);
    assert_eq!((same.size, lines.len()), (10.0, 1));
    let (smaller, lines) =
        fitted("Trường Tiểu học Ngô Quyền", style, width("Trường Tiểu học Ngô Quyền", style) * 0.85, 1);
    assert!(smaller.size < 10.0 && !lines[0].ends_with('…'), "{lines:?}");
    let (least, lines) = fitted(&"Trường ".repeat(40), style, 90.0, 2);
    assert_eq!(lines.len(), 2);
    assert!(lines[1].ends_with('…') && least.size >= 6.9);
}

#[test]
fn a_code_reaches_paper_with_its_quiet_zone() {
    let matrix = Matrix::sturdy("00020101021238").expect("a code");
    assert_eq!(matrix.dark.len(), matrix.width * matrix.width);
    assert_eq!(matrix.whole(), matrix.width + 8);
    let drawn: usize = matrix.runs().iter().map(|(_, _, length)| length).sum();
    assert_eq!(drawn, matrix.dark.iter().filter(|dark| **dark).count());
    assert!(matrix.runs().iter().all(|(x, y, _)| *x >= 4 && *y >= 4));
}

#[test]
fn the_same_pages_give_the_same_bytes_and_another_date_gives_others() {
    let mut page = Page::new(Sheet::A5);
    page.left(50.0, 50.0, Style::bold(12.0), HARD);
    page.code((50.0, 80.0), 100.0, Matrix::medium("https://example.vn").expect("a code"));
    page.stamp("VÔ HIỆU", Ink::Red);
    let paper = Paper { title: "Thử".into(), author: "Trường".into(), at: Moment(1_795_000_000_000) };
    let print = |paper: &Paper| paper.print(&[page.clone(), page.clone()]).expect("a file");
    let first = print(&paper);
    assert!(first.starts_with(b"%PDF-1.4"));
    assert_eq!(first, print(&paper));
    assert_ne!(first, print(&Paper { at: Moment(0), ..paper }));
}
