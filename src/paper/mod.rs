//! Paper: the small printing shop under every document a school hands out.
//!
//! A document lays texts, rules, tables and codes on pages through a [`Flow`], which begins another page by
//! itself; [`Paper::print`] writes the pages as one archival PDF (PDF/A-1b, fonts embedded, no transparency).
//!
//! **Invariants:** equal documents give equal bytes, because the date is an argument and nothing here reads a
//! clock; no text leaves the page: it wraps, then shrinks, then ends in `…`; every text is NFC and every letter
//! has a glyph, so that it can be read, searched and copied.
//!
//! Deliberately absent: what a receipt or a notice says (their rooms know), pictures, colour that carries
//! meaning alone, and any template language.

mod blocks;
mod flow;
mod letters;
mod press;
mod qr;

pub use blocks::{Field, Line, amount};
pub use flow::{Align, Cell, Column, Flow};
pub use letters::{Style, Weight, fitted, height_of_lines, line_height, width, wrap};
pub use qr::Matrix;

use crate::fault::Result;
use crate::time::Moment;

/// Millimetres as points, the unit of every measure here.
pub const fn mm(millimetres: f32) -> f32 {
    millimetres * 72.0 / 25.4
}

/// The size of a page in points, upright.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sheet {
    /// From left to right.
    pub width: f32,
    /// From top to bottom.
    pub height: f32,
}

impl Sheet {
    /// Half of A4: what schools hand out.
    pub const A5: Sheet = Sheet { width: mm(148.0), height: mm(210.0) };
    /// What offices print.
    pub const A4: Sheet = Sheet { width: mm(210.0), height: mm(297.0) };
}

/// Where a narrow column of texts begins on a page, and how wide it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// From the left edge of the page.
    pub x: f32,
    /// From its top.
    pub y: f32,
    /// To the right.
    pub width: f32,
}

/// The few colours of a document; all of them can be told apart on a black and white printer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    /// What a reader came for.
    Black,
    /// Titles and the school's own name.
    Navy,
    /// Labels and translations; 7:1 on white.
    Grey,
    /// Rules between rows.
    Hair,
    /// The ground under a sum.
    Tint,
    /// A document that is no longer valid.
    Red,
    /// The ground under a code.
    White,
}

/// One thing on a page.
#[derive(Debug, Clone)]
enum Mark {
    Text { x: f32, baseline: f32, style: Style, text: String },
    Fill { x: f32, y: f32, width: f32, height: f32, ink: Ink },
    Frame { x: f32, y: f32, width: f32, height: f32, line: f32, ink: Ink },
    Code { x: f32, y: f32, side: f32, matrix: Matrix },
    Stamp { text: String, ink: Ink },
}

/// What will stand on one page, measured from its upper left corner.
#[derive(Debug, Clone)]
pub struct Page {
    sheet: Sheet,
    marks: Vec<Mark>,
}

impl Page {
    /// An empty page.
    pub fn new(sheet: Sheet) -> Self {
        Page { sheet, marks: Vec::new() }
    }

    /// A text that begins at `x`.
    pub fn left(&mut self, x: f32, baseline: f32, style: Style, text: &str) {
        self.marks.push(Mark::Text { x, baseline, style, text: letters::printable(text) });
    }

    /// A text that ends at `x`.
    pub fn right(&mut self, x: f32, baseline: f32, style: Style, text: &str) {
        self.left(x - width(text, style), baseline, style, text);
    }

    /// A text with its middle at `x`.
    pub fn centre(&mut self, x: f32, baseline: f32, style: Style, text: &str) {
        self.left(x - width(text, style) / 2.0, baseline, style, text);
    }

    /// A paragraph of at most `most` lines inside `room`, beginning at `top`; returns where it ends.
    pub fn paragraph(&mut self, at: (f32, f32), room: f32, style: Style, text: &str, align: Align, most: usize) -> f32 {
        let (x, mut top) = at;
        let (style, lines) = fitted(text, style, room, most);
        for line in &lines {
            let baseline = top + letters::ascent(style);
            match align {
                Align::Left => self.left(x, baseline, style, line),
                Align::Right => self.right(x + room, baseline, style, line),
                Align::Centre => self.centre(x + room / 2.0, baseline, style, line),
            }
            top += line_height(style);
        }
        top
    }

    /// A horizontal rule.
    pub fn rule(&mut self, x: f32, y: f32, width: f32, thickness: f32, ink: Ink) {
        self.fill((x, y - thickness / 2.0), width, thickness, ink);
    }

    /// A filled rectangle.
    pub fn fill(&mut self, at: (f32, f32), width: f32, height: f32, ink: Ink) {
        self.marks.push(Mark::Fill { x: at.0, y: at.1, width, height, ink });
    }

    /// The outline of a rectangle.
    pub fn frame(&mut self, at: (f32, f32), width: f32, height: f32, line: f32, ink: Ink) {
        self.marks.push(Mark::Frame { x: at.0, y: at.1, width, height, line, ink });
    }

    /// A code with its quiet zone in a square of this side.
    pub fn code(&mut self, at: (f32, f32), side: f32, matrix: Matrix) {
        self.marks.push(Mark::Code { x: at.0, y: at.1, side, matrix });
    }

    /// A word across the whole page from corner to corner, drawn as an outline so that what it strikes stays legible.
    pub fn stamp(&mut self, text: &str, ink: Ink) {
        self.marks.push(Mark::Stamp { text: letters::printable(text), ink });
    }
}

/// What the file says of itself; the same on every printing of the same document.
#[derive(Debug, Clone)]
pub struct Paper {
    /// The title a reader's window shows.
    pub title: String,
    /// Who issues it.
    pub author: String,
    /// When the document came to be; never when it was printed.
    pub at: Moment,
}

impl Paper {
    /// The pages as one PDF/A-1b file.
    ///
    /// # Errors
    /// A fault when the writer finds its own rules broken, which no text given to it can cause.
    pub fn print(&self, pages: &[Page]) -> Result<Vec<u8>> {
        self.print_all(std::iter::once(Ok(pages)))
    }

    /// Documents one after the other as one file. Each is laid out when its turn comes and given up once it is printed,
    /// so that a thousand of them want no more room than the file itself.
    ///
    /// # Errors
    /// As [`Paper::print`]; the first document that could not be laid out.
    pub fn print_all<P: AsRef<[Page]>>(&self, documents: impl Iterator<Item = Result<P>>) -> Result<Vec<u8>> {
        press::print(self, documents)
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
impl Page {
    /// The marks that do not stand wholly on the page.
    pub(crate) fn strays(&self) -> Vec<String> {
        let (right, bottom) = (self.sheet.width + 0.01, self.sheet.height + 0.01);
        let stands = |mark: &Mark| match mark {
            Mark::Text { x, baseline, style, text } => {
                *x >= 0.0
                    && *x + width(text, *style) <= right - mm(5.0)
                    && *baseline <= bottom - mm(5.0)
                    && *baseline > 0.0
            }
            Mark::Fill { x, y, width, height, .. } | Mark::Frame { x, y, width, height, .. } => {
                *x >= 0.0 && *y >= 0.0 && x + width <= right && y + height <= bottom
            }
            Mark::Code { x, y, side, .. } => *x >= 0.0 && *y >= 0.0 && x + side <= right && y + side <= bottom,
            Mark::Stamp { .. } => true,
        };
        self.marks.iter().filter(|mark| !stands(mark)).map(|mark| format!("{mark:?}")).collect()
    }

    /// Whether the page bears this text.
    pub(crate) fn says(&self, wanted: &str) -> bool {
        self.marks.iter().any(|mark| match mark {
            Mark::Text { text, .. } | Mark::Stamp { text, .. } => text.contains(wanted),
            _ => false,
        })
    }
}
