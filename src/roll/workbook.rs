//! An .xlsx as calamine reads it, after everything it would believe was weighed.

use std::io::{Cursor, Read};

use calamine::{DataRef, Reader, Xlsx};
use quick_xml::events::BytesStart;

use super::sheet::{MOST_CELLS, MOST_UNPACKED, Meter, Sheet, damaged, old_workbook, too_large, too_many_cells};
use crate::fault::Refusal;

/// The most that those parts may come to which are kept in memory while the sheets stream past.
const MOST_KEPT: u64 = 24 << 20;
/// What a shared text costs beside its letters.
const TEXT_COST: u64 = 32;

/// Its visible sheets.
///
/// # Errors
/// Damaged, or beyond the limits.
pub fn read_workbook(bytes: &[u8]) -> Result<Vec<Sheet>, Refusal> {
    weigh(bytes)?;
    let mut book: Xlsx<Cursor<&[u8]>> = Xlsx::new(Cursor::new(bytes)).map_err(|_| damaged())?;
    let mut meter = Meter::default();
    let mut sheets = Vec::new();
    let visible: Vec<String> = book
        .sheets_metadata()
        .iter()
        .filter(|sheet| sheet.visible == calamine::SheetVisible::Visible)
        .map(|sheet| sheet.name.clone())
        .collect();
    for name in visible {
        // A chart sheet has no cells and is not an error.
        let Ok(mut cells) = book.worksheet_cells_reader(&name) else { continue };
        let mut sheet = Sheet { name: name.clone(), ..Sheet::default() };
        while let Some(cell) = cells.next_cell().map_err(|_| damaged())? {
            meter.cell()?;
            let (row, column) = cell.get_position();
            let text = shown(cell.get_value());
            meter.put(&mut sheet, row as usize + 1, column as usize, &text)?;
        }
        sheet.put_in_order();
        sheets.push(sheet);
    }
    Ok(sheets)
}

/// What a cell shows. Whole numbers keep every digit, days become `2026-11-22`.
pub(super) fn shown(value: &DataRef<'_>) -> String {
    match value {
        DataRef::String(text) => text.clone(),
        DataRef::SharedString(text) => (*text).to_owned(),
        DataRef::Int(number) => number.to_string(),
        // Rust prints a float in full and with no more digits than tell it apart: 1250000, never 1.25E+06.
        DataRef::Float(number) => number.to_string(),
        DataRef::Bool(true) => "TRUE".to_owned(),
        DataRef::Bool(false) => "FALSE".to_owned(),
        DataRef::DateTime(at) => {
            let (year, month, day, hour, minute, second, _) = at.to_ymd_hms_milli();
            let date = format!("{year:04}-{month:02}-{day:02}");
            if (hour, minute, second) == (0, 0, 0) { date } else { format!("{date} {hour:02}:{minute:02}:{second:02}") }
        }
        DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => text.replacen('T', " ", 1),
        DataRef::Error(error) => error.to_string(),
        DataRef::Empty => String::new(),
    }
}

/// Unpacks every entry into nothing, counting: sizes a file declares about itself are believed only when they are
/// already too large. The one number inside that the reader would believe, the count of shared texts, is checked too.
fn weigh(bytes: &[u8]) -> Result<(), Refusal> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|_| damaged())?;
    if archive.len() > 2_000 || archive.decompressed_size().is_some_and(|size| size > u128::from(MOST_UNPACKED)) {
        return Err(bomb());
    }
    let mut left = MOST_UNPACKED;
    let mut kept = MOST_KEPT;
    for place in 0..archive.len() {
        let entry = archive.by_index(place).map_err(|_| damaged())?;
        let name = entry.name().to_ascii_lowercase();
        if name.ends_with("workbook.bin") {
            return Err(old_workbook());
        }
        // Tags of a sheet are counted as cells when it is read; everything else the reader keeps in memory.
        let is_sheet = name.contains("worksheets/") && !name.ends_with("sharedstrings.xml");
        let before = left;
        let texts;
        (left, texts) = weigh_entry(entry, left, is_sheet)?;
        if is_sheet {
            continue;
        }
        let cost = (before - left).saturating_add(texts.saturating_mul(TEXT_COST));
        kept = kept.checked_sub(cost).ok_or_else(too_much_kept)?;
    }
    Ok(())
}

/// What is left of the limit after this entry, and how many shared texts it has.
fn weigh_entry(mut entry: impl Read, mut left: u64, is_sheet: bool) -> Result<(u64, u64), Refusal> {
    const CARRY: usize = 32;
    const MOST_TAGS: usize = 4 * MOST_CELLS;
    let mut window = vec![0_u8; 64 << 10];
    let mut kept = 0;
    let mut tag = Tag::default();
    let (mut tags, mut cells, mut texts) = (0, 0, 0);
    loop {
        let read = entry.read(&mut window[kept..]).map_err(|_| damaged())?;
        left = left.checked_sub(read as u64).ok_or_else(bomb)?;
        let filled = kept + read;
        if is_sheet {
            cells += cells_in(&window[kept.saturating_sub(2)..filled]);
            if !tag.are_sane(&window[kept..filled]) {
                return Err(damaged());
            }
        } else {
            texts += texts_in(&window[kept.saturating_sub(3)..filled]);
            tags += window[kept..filled].split(|byte| *byte == b'<').count() - 1;
        }
        if cells > MOST_CELLS {
            return Err(too_many_cells());
        }
        // Before the last chunk only what surely lies whole in the window is looked at.
        let until = if read == 0 { filled } else { filled.saturating_sub(CARRY) };
        if tags > MOST_TAGS || !counts_are_honest(&window[..filled], until) {
            return Err(bomb());
        }
        if read == 0 {
            return Ok((left, texts));
        }
        window.copy_within(until..filled, 0);
        kept = filled - until;
    }
}

/// The tag of a sheet that is being read, byte by byte, because it may go on in the next piece.
#[derive(Default)]
struct Tag {
    text: Vec<u8>,
    quote: Option<u8>,
}

impl Tag {
    /// The longest tag; that of a sheet itself names a dozen namespaces.
    const LONGEST: usize = 16 << 10;

    /// Does every tag that ends in this piece place its row, cell or area within a sheet? The reader of calamine 0.38
    /// multiplies and adds until a `u32` overflows.
    fn are_sane(&mut self, piece: &[u8]) -> bool {
        let mut rest = piece;
        while let Some((&byte, after)) = rest.split_first() {
            if self.text.is_empty() {
                let Some(begins) = rest.iter().position(|byte| *byte == b'<') else { return true };
                self.text.push(b'<');
                rest = &rest[begins + 1..];
                continue;
            }
            rest = after;
            // Comments and instructions hold quotes as they like.
            let is_element = !matches!(self.text.get(1), Some(b'!' | b'?'));
            match (self.quote, byte) {
                (Some(quote), byte) if quote == byte => self.quote = None,
                (None, b'"' | b'\'') if is_element => self.quote = Some(byte),
                (None, b'>') => {
                    if is_element && !is_within_a_sheet(&self.text) {
                        return false;
                    }
                    self.text.clear();
                    continue;
                }
                _ => {}
            }
            if is_element && self.text.len() >= Tag::LONGEST {
                return false;
            }
            if self.text.len() < Tag::LONGEST {
                self.text.push(byte);
            }
        }
        true
    }
}

/// Is the address in this tag, if it is one of those that the reader takes one from, up to `XFD1048576`, or its number
/// alone?
fn is_within_a_sheet(tag: &[u8]) -> bool {
    let Ok(tag) = std::str::from_utf8(&tag[1..]) else { return true };
    let tag = tag.trim_end_matches('/');
    let name = tag.split(|letter: char| letter.is_ascii_whitespace()).next().unwrap_or_default();
    let address = match name.rsplit(':').next() {
        Some("c" | "row") => "r",
        Some("dimension") => "ref",
        _ => return true,
    };
    // What XML has in no tag: the reader takes some of it for blanks, and others do not.
    if tag.contains(|letter: char| letter == '<' || letter.is_ascii_control() && !"\t\r\n".contains(letter)) {
        return false;
    }
    // One that is there twice is looked at twice: which of them counts is the reader's choice. What is torn is refused.
    BytesStart::from_content(tag, name.len()).attributes().with_checks(false).all(|attribute| match attribute {
        Ok(found) => found.key.as_ref() != address || is_area(&found.value),
        Err(_) => false,
    })
}

/// `B7`, `7`, or `A1:B7`, whose second place is not before the first: the reader subtracts the one from the other.
fn is_area(address: &str) -> bool {
    let places: Option<Vec<(u32, u32)>> = address.split(':').map(place).collect();
    let in_order = |two: &[(u32, u32)]| two[0].0 <= two[1].0 && two[0].1 <= two[1].1;
    places.is_some_and(|places| places.windows(2).all(in_order))
}

/// Column and row of an address, as far as a sheet may reach; a number alone is of a row.
fn place(address: &str) -> Option<(u32, u32)> {
    let digits = address.trim_start_matches(|letter: char| letter.is_ascii_alphabetic());
    let letters = &address[..address.len() - digits.len()];
    let is_row = (1..=7).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit());
    if letters.len() > 3 || !is_row {
        return None;
    }
    let value = |letter: u8| u32::from(letter.to_ascii_uppercase() - b'A') + 1;
    let column = letters.bytes().fold(0, |column, letter| column * 26 + value(letter));
    Some((column, digits.parse().ok()?))
}

/// How many cells begin in a piece of a sheet: `<c ` or `<c>` or `<c/`. Counting bytes is a hundred times faster than
/// reading the cells, and a sheet of nothing but empty ones is refused before that.
fn cells_in(piece: &[u8]) -> usize {
    piece
        .windows(3)
        .filter(|three| three[0] == b'<' && three[1] == b'c' && matches!(three[2], b' ' | b'>' | b'/'))
        .count()
}

/// How many shared texts begin in a piece: `<si>` or `<si `.
fn texts_in(piece: &[u8]) -> u64 {
    let begins = |four: &&[u8]| four.starts_with(b"<si") && matches!(four[3], b'>' | b' ' | b'/');
    piece.windows(4).filter(begins).count() as u64
}

/// `uniqueCount="…"` must be a plain number within the limit: the reader reserves memory for that many texts.
fn counts_are_honest(window: &[u8], until: usize) -> bool {
    const NAME: &[u8] = b"uniqueCount";
    let mut starts = (0..until).filter(|place| window[*place] == b'u' && window[*place..].starts_with(NAME));
    starts.all(|place| {
        let rest = window[place + NAME.len()..].strip_prefix(b"=\"").unwrap_or_default();
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        (1..=6).contains(&digits) && rest.get(digits) == Some(&b'"')
    })
}

/// Parts that say something about cells, and are larger than any that were ever printed.
fn bomb() -> Refusal {
    too_large(
        "unpacks-too-large",
        "Tệp bung ra lớn hơn 64 MB, không phải một bảng tính bình thường",
        "The file unpacks to more than 64 MB, which no ordinary workbook does",
    )
}

fn too_much_kept() -> Refusal {
    too_large("too-much-text", "Tệp chứa quá nhiều chữ", "The file holds too much text")
}
