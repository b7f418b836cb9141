//! A code as black and white squares: SVG for pages, PNG of one bit a dot for saving, runs for paper.

use std::fmt::Write;

use qrcode::{Color, EcLevel, QrCode};

use crate::fault::{OrFault, Result};

/// White squares around a code, without which scanners do not find it.
const QUIET: usize = 4;
/// The largest square of a PNG in dots; keeps a picture of any code under 4 MB in memory.
const SCALE_MOST: usize = 32;

/// How much of a picture may be spoiled and still be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Level M, 15 %: the smallest picture that a phone reads off another phone's screen.
    Screen,
    /// Level Q, 25 %: paper is folded, stained and photographed from the side.
    Print,
}

/// The squares of a code, without the quiet zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    side: usize,
    dark: Vec<bool>,
}

/// Dark squares that stand side by side in one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// The column of the first.
    pub x: usize,
    /// The row, from the top.
    pub y: usize,
    /// How many.
    pub length: usize,
}

impl Picture {
    /// The picture of an address, such as the public check page of a receipt. A payment code has another door:
    /// [`super::VerifiedQr`].
    ///
    /// # Errors
    /// A text that is no web address, or too long for a picture.
    pub fn of_link(address: &str) -> Result<Self> {
        let scheme = address.split_once("://").map_or("", |(scheme, _)| scheme);
        if !["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
            return Err(crate::fault::Fault::new("draw a link: the text is no web address").into());
        }
        Self::draw(address, Level::Screen)
    }

    pub(super) fn draw(text: &str, level: Level) -> Result<Self> {
        let level = match level {
            Level::Screen => EcLevel::M,
            Level::Print => EcLevel::Q,
        };
        let code = QrCode::with_error_correction_level(text, level).or_fault("draw a code")?;
        let side = code.width();
        let dark = code.into_colors().into_iter().map(|color| color == Color::Dark).collect();
        Ok(Picture { side, dark })
    }

    /// Squares along one side, without the quiet zone.
    pub fn side(&self) -> usize {
        self.side
    }

    /// The dark squares, row by row: what a paper needs to draw the code as rectangles.
    pub fn runs(&self) -> impl Iterator<Item = Run> {
        self.dark
            .chunks(self.side)
            .enumerate()
            .flat_map(|(y, row)| {
                row.chunk_by(|one, next| one == next).scan(0, move |x, chunk| {
                    let start = *x;
                    *x += chunk.len();
                    Some((chunk[0], Run { x: start, y, length: chunk.len() }))
                })
            })
            .filter_map(|(dark, run)| dark.then_some(run))
    }

    /// An image that needs no other file, with a name for those who do not see it. One stroke draws every run of
    /// dark squares, each placed from the end of the last: short, and repetitive enough to compress well.
    pub fn svg(&self, name: &str) -> String {
        let whole = self.side + 2 * QUIET;
        let mut path = String::with_capacity(4 * 1024);
        let (mut x, mut y) = (0, 0);
        for run in self.runs() {
            let verb = if run.y == y && !path.is_empty() { 'm' } else { 'M' };
            let _ = match verb {
                'm' => write!(path, "m{} 0h{}", run.x - x, run.length),
                _ => write!(path, "M{} {}.5h{}", run.x + QUIET, run.y + QUIET, run.length),
            };
            (x, y) = (run.x + run.length, run.y);
        }
        format!(
            concat!(
                r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {whole} {whole}" role="img" aria-label="{name}" "#,
                r##"shape-rendering="crispEdges"><path fill="#fff" d="M0 0h{whole}v{whole}H0z"/>"##,
                r##"<path stroke="#000" d="{path}"/></svg>"##
            ),
            whole = whole,
            name = escaped(name),
            path = path
        )
    }

    /// A black and white picture, each square `scale` dots wide (1 to 32), quiet zone included.
    ///
    /// # Errors
    /// A fault of the encoder, which writing to memory does not have.
    pub fn png(&self, scale: usize) -> Result<Vec<u8>> {
        let scale = scale.clamp(1, SCALE_MOST);
        let dots = (self.side + 2 * QUIET) * scale;
        let width = u32::try_from(dots).or_fault("measure a picture")?;
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, width, width);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::One);
        encoder.set_compression(png::Compression::High);
        let mut writer = encoder.write_header().or_fault("begin a picture")?;
        writer.write_image_data(&self.dots(scale, dots)).or_fault("write a picture")?;
        writer.finish().or_fault("end a picture")?;
        Ok(file)
    }

    /// One bit a dot, white is 1, each row filled up to whole bytes.
    fn dots(&self, scale: usize, dots: usize) -> Vec<u8> {
        let stride = dots.div_ceil(8);
        let mut rows = vec![0xFF_u8; stride * dots];
        for run in self.runs() {
            let (left, right) = ((run.x + QUIET) * scale, (run.x + run.length + QUIET) * scale);
            for row in (run.y + QUIET) * scale..(run.y + QUIET + 1) * scale {
                for dot in left..right {
                    rows[row * stride + dot / 8] &= !(0x80 >> (dot % 8));
                }
            }
        }
        rows
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}
