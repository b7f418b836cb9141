//! The two fonts, and how much room a text takes in them.

use std::sync::LazyLock;

use rustybuzz::ttf_parser::GlyphId;
use rustybuzz::{Direction, Face, UnicodeBuffer};
use unicode_normalization::UnicodeNormalization;

use super::Ink;

pub(super) const REGULAR: &[u8] = include_bytes!("../web/assets/fonts/BeVietnamPro_400Regular.ttf");
pub(super) const BOLD: &[u8] = include_bytes!("../web/assets/fonts/BeVietnamPro_700Bold.ttf");

static FACES: LazyLock<[Option<Face<'static>>; 2]> =
    LazyLock::new(|| [Face::from_slice(REGULAR, 0), Face::from_slice(BOLD, 0)]);

/// A text shrinks to this part of its size before it is cut.
const SHRINK_LEAST: f32 = 0.7;
/// Room for `Ễ` above and `ợ` below, as parts of the size.
const ASCENT: f32 = 0.98;
const LINE: f32 = 1.3;

/// Which of the two fonts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// For reading.
    Regular,
    /// For finding.
    Bold,
}

/// How a text looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Style {
    /// Which font.
    pub weight: Weight,
    /// Its size in points.
    pub size: f32,
    /// Its colour.
    pub ink: Ink,
}

impl Style {
    /// Regular black.
    pub const fn regular(size: f32) -> Style {
        Style { weight: Weight::Regular, size, ink: Ink::Black }
    }

    /// Bold black.
    pub const fn bold(size: f32) -> Style {
        Style { weight: Weight::Bold, size, ink: Ink::Black }
    }

    /// The same in another colour.
    #[must_use]
    pub const fn ink(self, ink: Ink) -> Style {
        Style { ink, ..self }
    }
}

/// One shaped letter: glyph, advance and offsets in parts of the size, and where it stands in the text.
pub(super) struct Letter {
    pub glyph: u32,
    pub advance: f32,
    pub x_offset: f32,
    pub y_offset: f32,
    pub start: usize,
}

/// How far below the top of its line a text stands.
pub(super) const fn ascent(style: Style) -> f32 {
    style.size * ASCENT
}

/// From one line to the next.
pub const fn line_height(style: Style) -> f32 {
    style.size * LINE
}

/// The text as it is printed: NFC, one line, and `?` for a letter that neither font can draw, because an archival
/// file must not hold a letter without a glyph.
pub(super) fn printable(text: &str) -> String {
    text.nfc()
        .filter(|letter| !matches!(letter, '\u{200b}'..='\u{200f}' | '\u{feff}' | '\u{ad}' | '\u{fe00}'..='\u{fe0f}'))
        .map(|letter| if letter.is_whitespace() && letter != '\u{a0}' { ' ' } else { letter })
        .map(|letter| if drawable(letter) { letter } else { '?' })
        .collect()
}

/// Whether both fonts have the letter.
pub(super) fn drawable(letter: char) -> bool {
    FACES.iter().flatten().all(|face| face.glyph_index(letter).is_some_and(|glyph| glyph != GlyphId(0)))
}

/// The letters of a printable text in the order they stand.
pub(super) fn shape(text: &str, weight: Weight) -> Vec<Letter> {
    let face = match weight {
        Weight::Regular => &FACES[0],
        Weight::Bold => &FACES[1],
    };
    let Some(face) = face else { return Vec::new() };
    let mut buffer = UnicodeBuffer::new();
    buffer.push_str(text);
    buffer.guess_segment_properties();
    buffer.set_direction(Direction::LeftToRight);
    let shaped = rustybuzz::shape(face, &[], buffer);
    let em = f64::from(face.units_per_em());
    let part = |units: i32| narrow(f64::from(units) / em);
    shaped
        .glyph_infos()
        .iter()
        .zip(shaped.glyph_positions())
        .map(|(info, position)| Letter {
            glyph: info.glyph_id,
            advance: part(position.x_advance),
            x_offset: part(position.x_offset),
            y_offset: part(position.y_offset),
            start: usize::try_from(info.cluster).unwrap_or(0),
        })
        .collect()
}

#[expect(clippy::cast_possible_truncation, reason = "a part of an em needs no more than 24 bits")]
fn narrow(part: f64) -> f32 {
    part as f32
}

/// The height of so many lines.
pub fn height_of_lines(count: usize, style: Style) -> f32 {
    f32::from(u16::try_from(count).unwrap_or(u16::MAX)) * line_height(style)
}

/// How wide a text is in one line.
pub fn width(text: &str, style: Style) -> f32 {
    shape(&printable(text), style.weight).iter().map(|letter| letter.advance).sum::<f32>() * style.size
}

/// The text in lines no wider than `room`: between words where it can, inside a word where it must. A no-break space
/// holds its neighbours together.
pub fn wrap(text: &str, style: Style, room: f32) -> Vec<String> {
    broken(&Measured::of(text, style.weight), room / style.size)
}

/// A text with the advance of each letter in parts of the size: shaped once, broken at any size.
struct Measured {
    letters: Vec<(char, f32)>,
}

impl Measured {
    fn of(text: &str, weight: Weight) -> Self {
        let text = printable(text);
        let mut letters: Vec<(char, f32)> = Vec::with_capacity(text.len());
        let mut shaped = shape(&text, weight).into_iter().peekable();
        for (start, letter) in text.char_indices() {
            let mut advance = 0.0;
            while let Some(glyph) = shaped.next_if(|glyph| glyph.start <= start) {
                advance += glyph.advance;
            }
            letters.push((letter, advance));
        }
        Measured { letters }
    }
}

/// Kerning against the first letter of the next line is lost by breaking; this is more than any pair of letters has.
const KERNING: f32 = 0.12;

fn broken(text: &Measured, room: f32) -> Vec<String> {
    let sum = |letters: &[(char, f32)]| letters.iter().map(|(_, advance)| advance).sum::<f32>();
    let space = text.letters.iter().find(|(letter, _)| *letter == ' ').map_or(0.0, |(_, advance)| *advance);
    let (mut lines, mut line, mut used) = (Vec::new(), String::new(), 0.0);
    for word in text.letters.split(|(letter, _)| *letter == ' ').filter(|word| !word.is_empty()) {
        let long = sum(word);
        if !line.is_empty() && used + space + long + KERNING <= room {
            line.push(' ');
            used += space;
        } else if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
            used = 0.0;
        }
        for (letter, advance) in word {
            if !line.is_empty() && long + KERNING > room && used + advance + KERNING > room {
                lines.push(std::mem::take(&mut line));
                used = 0.0;
            }
            line.push(*letter);
            used += advance;
        }
    }
    lines.push(line);
    lines
}

/// The text in at most `most` lines: smaller when it must be, and at last cut with `…`.
pub fn fitted(text: &str, style: Style, room: f32, most: usize) -> (Style, Vec<String>) {
    let measured = Measured::of(text, style.weight);
    let mut smaller = style;
    let mut lines = broken(&measured, room / smaller.size);
    while lines.len() > most && smaller.size > style.size * SHRINK_LEAST {
        smaller.size -= style.size * 0.05;
        lines = broken(&measured, room / smaller.size);
    }
    if lines.len() > most {
        lines.truncate(most.max(1));
        if let Some(last) = lines.last_mut() {
            while !last.is_empty() && width(&format!("{last}…"), smaller) > room {
                last.pop();
            }
            last.push('…');
        }
    }
    (smaller, lines)
}
