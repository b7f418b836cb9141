//! A code as black and white squares: SVG for pages, PNG of one bit a dot for saving, runs for paper.

use std::fmt::Write;

use qrcode::{Color, EcLevel, QrCode};

use crate::fault::{OrFault, Result};

/// White squares around a code, without which scanners do not find it.
const QUIET: usize = 4;
/// The largest square of a PNG in dots: the largest code there is takes 4.4 MB to draw, an invoice 0.3 MB.
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

    /// An image that needs no other file, with a name for those who do not see it.
    ///
    /// One stroke, a unit wide, draws every run of dark squares from the end of the last one: two figures of
    /// moving and one of length repeat so often that the picture of an invoice packs into about 600 bytes.
    pub fn svg(&self, name: &str) -> String {
        let mut path = String::with_capacity(4 * 1024);
        let (mut x, mut y) = (0, 0);
        for run in self.runs() {
            let _ = write!(path, "m{} {}h{}", run.x.cast_signed() - x, run.y - y, run.length);
            (x, y) = ((run.x + run.length).cast_signed(), run.y);
        }
        // The origin is the middle of the first square's left side, where the stroke begins.
        format!(
            concat!(
                r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="-{quiet} -{quiet}.5 {whole} {whole}" "#,
                r#"role="img" aria-label="{name}" shape-rendering="crispEdges">"#,
                r##"<path fill="#fff" d="M-{quiet}-{quiet}.5h{whole}v{whole}h-{whole}z"/>"##,
                r##"<path stroke="#000" d="{path}"/></svg>"##
            ),
            quiet = QUIET,
            whole = self.side + 2 * QUIET,
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

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::super::{Request, VerifiedQr};
    use super::*;
    use crate::ids::PaymentReference;
    use crate::money::Dong;

    fn code() -> VerifiedQr {
        let reference = PaymentReference::parse("RF47CZQXPMRHC").expect("a reference");
        let request = Request {
            bin: "970415",
            account: "113366668888",
            amount: Some(Dong::new(1_250_000)),
            reference: &reference,
            memo_prefix: Some("SEVQR"),
            memo_max: 50,
            mcc: Some("8211"),
            merchant_id: None,
        };
        VerifiedQr::make(&request).expect("a payable request")
    }

    #[test]
    fn upper_case_keeps_the_picture_small() {
        let code = code();
        let lower = Picture::draw(&code.text().to_lowercase(), Level::Screen).expect("a picture");
        let side = |level| code.picture(level).expect("a picture").side();
        assert_eq!((side(Level::Screen), side(Level::Print), lower.side()), (37, 45, 41));
    }

    #[test]
    fn the_png_holds_exactly_the_squares_of_the_code() {
        let picture = code().picture(Level::Print).expect("a picture");
        let file = picture.png(3).expect("a file");
        let mut reader = png::Decoder::new(std::io::Cursor::new(&file)).read_info().expect("a PNG");
        let mut dots = vec![0; reader.output_buffer_size().expect("a size")];
        let frame = reader.next_frame(&mut dots).expect("dots");
        let side = (picture.side + 2 * QUIET) * 3;
        assert_eq!((frame.width as usize, frame.bit_depth), (side, png::BitDepth::One));
        for y in 0..side {
            for x in 0..side {
                let black = dots[y * frame.line_size + x / 8] & (0x80 >> (x % 8)) == 0;
                assert_eq!(black, is_dark(&picture, x / 3, y / 3), "{x} {y}");
            }
        }
    }

    fn is_dark(picture: &Picture, x: usize, y: usize) -> bool {
        let inside = |place: usize| place.checked_sub(QUIET).filter(|&place| place < picture.side);
        inside(x).zip(inside(y)).is_some_and(|(x, y)| picture.dark[y * picture.side + x])
    }

    #[test]
    fn the_svg_strokes_exactly_the_squares_of_the_code() {
        let picture = code().picture(Level::Screen).expect("a picture");
        let svg = picture.svg("Mã VietQR của \"3A\" <&>");
        assert!(svg.contains(r#"role="img" aria-label="Mã VietQR của &quot;3A&quot; &lt;&amp;>""#));
        let (_, path) = svg.split_once(r##"stroke="#000" d=""##).expect("a stroke");
        let (path, _) = path.split_once('"').expect("an end");
        assert_eq!(stroked(path, picture.side), picture.dark);
    }

    /// What a browser paints: each `m dx dy h length` with a stroke one unit wide.
    fn stroked(path: &str, side: usize) -> Vec<bool> {
        let mut dark = vec![false; side * side];
        let (mut x, mut y) = (0_isize, 0_usize);
        for run in path.split('m').skip(1) {
            let (step, length) = run.split_once('h').expect("a run");
            let (right, down) = step.split_once(' ').expect("a step");
            let length: usize = length.parse().expect("a length");
            x += right.parse::<isize>().expect("a column");
            y += down.parse::<usize>().expect("a row");
            let start = y * side + x.cast_unsigned();
            dark[start..start + length].fill(true);
            x += length.cast_signed();
        }
        dark
    }

    #[test]
    fn the_svg_costs_a_page_less_than_700_bytes() {
        let svg = code().picture(Level::Screen).expect("a picture").svg("Mã VietQR");
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gzip.write_all(svg.as_bytes()).expect("memory");
        let gzipped = gzip.finish().expect("memory").len();
        assert!(gzipped < 700, "{gzipped} bytes");
    }

    #[test]
    fn a_link_is_drawn_and_a_payment_is_not_a_link() {
        assert!(Picture::of_link("HTTPS://HOCPHI.EXAMPLE/K/ABC").is_ok());
        assert!(Picture::of_link(code().text()).is_err());
        assert!(Picture::of_link("javascript://x").is_err());
    }
}
