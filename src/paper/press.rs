//! The one place that knows the PDF writer.

use std::sync::LazyLock;

use krilla::Document;
use krilla::SerializeSettings;
use krilla::color::rgb;
use krilla::configure::{Archival, ConfigurationBuilder};
use krilla::geom::{Path, PathBuilder, Point, Rect, Transform};
use krilla::metadata::{DateTime, Metadata};
use krilla::page::PageSettings;
use krilla::paint::{Fill, Stroke};
use krilla::surface::Surface;
use krilla::text::{Font, GlyphId, KrillaGlyph};

use super::{Ink, Mark, Matrix, Page, Paper, Sheet, Style, Weight, letters, width};
use crate::fault::{Fault, OrFault, Result};
use crate::time::Moment;

static FONTS: LazyLock<Option<[Font; 2]>> = LazyLock::new(|| {
    let font = |bytes: &'static [u8]| Font::new(bytes.into(), 0);
    Some([font(letters::REGULAR)?, font(letters::BOLD)?])
});

/// Writes the documents as one file, in which each font stands once.
pub(super) fn print<P: AsRef<[Page]>>(paper: &Paper, documents: impl Iterator<Item = Result<P>>) -> Result<Vec<u8>> {
    let fonts = FONTS.as_ref().ok_or_else(|| Fault::new("read the fonts of the papers"))?;
    let configuration = ConfigurationBuilder::new()
        .with_archival_validator(Archival::A1_B)
        .finish()
        .map_err(|_| Fault::new("ask for an archival file"))?;
    let mut document = Document::new_with(SerializeSettings { configuration, ..SerializeSettings::default() });
    for pages in documents {
        for page in pages?.as_ref() {
            put(&mut document, fonts, page)?;
        }
    }
    document.set_metadata(
        Metadata::new()
            .title(letters::printable(&paper.title))
            .authors(vec![letters::printable(&paper.author)])
            .language("vi-VN".to_owned())
            .creator("hocphi".to_owned())
            .creation_date(date(paper.at)),
    );
    document.finish().map_err(|error| format!("{error:?}")).or_fault("write a paper")
}

fn put(document: &mut Document, fonts: &[Font; 2], page: &Page) -> Result<()> {
    let settings = PageSettings::from_wh(page.sheet.width, page.sheet.height);
    let mut sheet = document.start_page_with(settings.ok_or_else(|| Fault::new("take a sheet of paper"))?);
    let mut surface = sheet.surface();
    // Codes come last, on their own white, so that a stamp across the page leaves them readable.
    let (codes, others): (Vec<&Mark>, Vec<&Mark>) =
        page.marks.iter().partition(|mark| matches!(mark, Mark::Code { .. }));
    for mark in others.into_iter().chain(codes) {
        draw(&mut surface, fonts, page.sheet, mark);
    }
    surface.finish();
    sheet.finish();
    Ok(())
}

fn date(at: Moment) -> DateTime {
    let civil = at.civil();
    let small = |number: i8| u8::try_from(number).unwrap_or(0);
    DateTime::new(u16::try_from(civil.year()).unwrap_or(0))
        .month(small(civil.month()))
        .day(small(civil.day()))
        .hour(small(civil.hour()))
        .minute(small(civil.minute()))
        .second(small(civil.second()))
        .utc_offset_hour(7)
}

fn color(ink: Ink) -> rgb::Color {
    let (red, green, blue) = match ink {
        Ink::Black => (0x11, 0x18, 0x22),
        Ink::Navy => (0x12, 0x3A, 0x66),
        Ink::Grey => (0x4F, 0x5B, 0x6B),
        Ink::Hair => (0xC3, 0xCB, 0xD6),
        Ink::Tint => (0xEE, 0xF3, 0xF9),
        Ink::Red => (0xB8, 0x1E, 0x1E),
        Ink::White => (0xFF, 0xFF, 0xFF),
    };
    rgb::Color::new(red, green, blue)
}

fn filled(surface: &mut Surface<'_>, ink: Ink) {
    surface.set_stroke(None);
    surface.set_fill(Some(Fill { paint: color(ink).into(), ..Fill::default() }));
}

fn outlined(surface: &mut Surface<'_>, ink: Ink, width: f32) {
    surface.set_fill(None);
    surface.set_stroke(Some(Stroke { paint: color(ink).into(), width, ..Stroke::default() }));
}

fn draw(surface: &mut Surface<'_>, fonts: &[Font; 2], sheet: Sheet, mark: &Mark) {
    match mark {
        Mark::Text { x, baseline, style, text } => {
            filled(surface, style.ink);
            write(surface, fonts, Point::from_xy(*x, *baseline), *style, text);
        }
        Mark::Fill { x, y, width, height, ink } => {
            filled(surface, *ink);
            draw_path(surface, rectangle(*x, *y, *width, *height));
        }
        Mark::Frame { x, y, width, height, line, ink } => {
            outlined(surface, *ink, *line);
            draw_path(surface, rectangle(*x, *y, *width, *height));
        }
        Mark::Code { x, y, side, matrix } => {
            filled(surface, Ink::White);
            draw_path(surface, rectangle(*x, *y, *side, *side));
            // A code is pure black, whatever black the texts have.
            surface.set_stroke(None);
            surface.set_fill(Some(Fill { paint: rgb::Color::new(0, 0, 0).into(), ..Fill::default() }));
            draw_path(surface, squares(*x, *y, *side, matrix));
        }
        Mark::Stamp { text, ink } => stamp(surface, fonts, sheet, text, *ink),
    }
}

fn write(surface: &mut Surface<'_>, fonts: &[Font; 2], at: Point, style: Style, text: &str) {
    let letters = letters::shape(text, style.weight);
    let glyphs: Vec<KrillaGlyph> = letters
        .iter()
        .enumerate()
        .map(|(index, letter)| {
            let end =
                letters[index..].iter().find(|next| next.start > letter.start).map_or(text.len(), |next| next.start);
            KrillaGlyph::new(
                GlyphId::new(letter.glyph),
                letter.advance,
                letter.x_offset,
                letter.y_offset,
                0.0,
                letter.start..end,
                None,
            )
        })
        .collect();
    let font = match style.weight {
        Weight::Regular => &fonts[0],
        Weight::Bold => &fonts[1],
    };
    surface.draw_glyphs(at, &glyphs, font.clone(), text, style.size, false);
}

fn draw_path(surface: &mut Surface<'_>, path: Option<Path>) {
    if let Some(path) = path {
        surface.draw_path(&path);
    }
}

fn rectangle(x: f32, y: f32, width: f32, height: f32) -> Option<Path> {
    let mut path = PathBuilder::new();
    path.push_rect(Rect::from_xywh(x, y, width, height)?);
    path.finish()
}

/// All dark squares as one path, so that no reader draws a hairline of white between neighbours in one row.
#[expect(clippy::cast_precision_loss, reason = "a code has fewer than 200 squares along a side")]
fn squares(x: f32, y: f32, side: f32, matrix: &Matrix) -> Option<Path> {
    let unit = side / matrix.whole() as f32;
    let mut path = PathBuilder::new();
    for (column, row, length) in matrix.runs() {
        let (left, top) = (x + column as f32 * unit, y + row as f32 * unit);
        path.push_rect(Rect::from_xywh(left, top, length as f32 * unit, unit)?);
    }
    path.finish()
}

/// From the lower left to the upper right corner, as large as the diagonal allows.
fn stamp(surface: &mut Surface<'_>, fonts: &[Font; 2], sheet: Sheet, text: &str, ink: Ink) {
    let diagonal = sheet.width.hypot(sheet.height);
    let unit = width(text, Style::bold(1.0)).max(1.0);
    let style = Style::bold((diagonal * 0.62 / unit).min(sheet.width * 0.3)).ink(ink);
    let angle = -sheet.height.atan2(sheet.width).to_degrees();
    let (x, y) = (sheet.width / 2.0, sheet.height / 2.0);
    surface.push_transform(&Transform::from_rotate_at(angle, x, y));
    outlined(surface, ink, 1.4);
    write(surface, fonts, Point::from_xy(x - unit * style.size / 2.0, y + style.size * 0.35), style, text);
    surface.pop();
}
