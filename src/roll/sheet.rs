//! A table out of a file as people have it: .xlsx, .xls or .csv, read row by row into texts that know their address.
//!
//! **Invariants:** nothing is unpacked beyond the stated limits, whatever the file says about itself; a formula is
//! never evaluated, only the value its program left is shown; a refusal names what to do.
//!
//! Deliberately absent: .xls from before 1997, .xlsb, encrypted workbooks, and guessing at old Vietnamese encodings
//! that the words of a heading do not prove.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

use super::workbook::read_workbook;
use super::{biff, legacy, markup};
use crate::fault::{Kind, Refusal};

/// The largest file that is looked at.
pub const MOST_BYTES: usize = 32 << 20;
/// The most a workbook may unpack to.
pub const MOST_UNPACKED: u64 = 64 << 20;
/// The most text its cells may hold.
pub const MOST_TEXT: u64 = 20 << 20;
/// The longest text of a cell, in bytes; a spreadsheet allows 32,767 letters.
pub const LONGEST_CELL: usize = 128 << 10;
/// The most columns, as in a spreadsheet.
pub const MOST_COLUMNS: usize = 16_384;
/// The most cells.
pub const MOST_CELLS: usize = 1_000_000;
/// The most rows: a hundred thousand lines, and the titles and sums around them.
pub const MOST_ROWS: usize = 100_500;

/// How an .xls and an .xlsx begin.
const OLD_MAGIC: [u8; 4] = [0xd0, 0xcf, 0x11, 0xe0];
const ZIP_MAGIC: &[u8] = b"PK\x03\x04";

/// A sheet of a workbook, or a whole .csv.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sheet {
    /// The sheet's name, or the file's.
    pub name: String,
    /// Its rows that hold anything, from the top.
    pub rows: Vec<Row>,
}

impl Sheet {
    /// Cells may come in any order; rows and columns are found by halving, so they are sorted and the first
    /// telling of a cell counts.
    pub(super) fn put_in_order(&mut self) {
        self.rows.sort_by_key(|row| row.number);
        self.rows.dedup_by(|later, kept| {
            let same = later.number == kept.number;
            if same {
                for (column, text) in later.cells() {
                    kept.push(column, text);
                }
            }
            same
        });
        for row in &mut self.rows {
            row.cells.sort_by_key(|cell| cell.column);
            row.cells.dedup_by_key(|cell| cell.column);
            row.cells.shrink_to_fit();
            row.text.shrink_to_fit();
        }
    }

    /// The same sheet with every text that this changes.
    pub(super) fn rewrite(&mut self, change: impl Fn(&str) -> Option<String>) {
        for row in &mut self.rows {
            if row.cells().any(|(_, text)| change(text).is_some()) {
                let mut other = Row { number: row.number, ..Row::default() };
                for (column, text) in row.cells() {
                    let text = change(text).unwrap_or_else(|| text.to_owned());
                    if !text.trim().is_empty() {
                        other.push(column, text.trim());
                    }
                }
                *row = other;
            }
        }
    }
}

/// One row. A statement has a million cells, so their texts stand in one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row {
    /// Its number as a spreadsheet shows it, from 1.
    pub number: usize,
    /// The texts of all cells, one after the other.
    text: String,
    /// What it holds, by column from 0, without the empty ones.
    cells: Vec<Cell>,
}

/// Where a column's text stands in its row's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cell {
    column: u32,
    start: u32,
    end: u32,
}

impl Row {
    fn push(&mut self, column: usize, text: &str) {
        let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        let start = place(self.text.len());
        self.text.push_str(text);
        self.cells.push(Cell { column: place(column), start, end: place(self.text.len()) });
    }

    fn of(&self, cell: &Cell) -> &str {
        self.text.get(cell.start as usize..cell.end as usize).unwrap_or_default()
    }

    /// The text in a column counted from 0; an empty cell is an empty text.
    pub fn text(&self, column: usize) -> &str {
        let place = self.cells.binary_search_by_key(&column, |cell| cell.column as usize);
        place.ok().and_then(|place| self.cells.get(place)).map_or("", |cell| self.of(cell))
    }

    /// The cells that hold something, with their columns.
    pub fn cells(&self) -> impl Iterator<Item = (usize, &str)> + Clone {
        self.cells.iter().map(|cell| (cell.column as usize, self.of(cell)))
    }

    /// This row with the one below it read together, as when a heading is spread over two rows.
    #[must_use]
    pub fn joined(&self, below: &Row) -> Row {
        let mut joined = Row { number: self.number, ..Row::default() };
        let mut columns: Vec<usize> = self.cells().chain(below.cells()).map(|(column, _)| column).collect();
        columns.sort_unstable();
        columns.dedup();
        for column in columns {
            joined.push(column, format!("{} {}", self.text(column), below.text(column)).trim());
        }
        joined
    }

    /// The address of a cell of this row, `B7`.
    pub fn address(&self, column: usize) -> String {
        format!("{}{}", column_letters(column), self.number)
    }
}

/// Reads a file into its sheets that hold anything; there is at least one. Its first bytes say which kind it is.
///
/// # Errors
/// A file of another kind, one that unpacks beyond the limits, one that is damaged or empty.
pub fn read(bytes: &[u8], filename: &str) -> Result<Vec<Sheet>, Refusal> {
    if bytes.len() > MOST_BYTES {
        return Err(too_large("file-too-large", "Tệp lớn hơn 32 MB", "The file is larger than 32 MB"));
    }
    let sheets = match bytes {
        _ if bytes.starts_with(&OLD_MAGIC) => biff::read(bytes)?,
        _ if bytes.starts_with(ZIP_MAGIC) => read_workbook(bytes)?,
        _ => vec![read_text(bytes, filename)?],
    };
    let mut sheets: Vec<Sheet> = sheets.into_iter().filter(|sheet| !sheet.rows.is_empty()).collect();
    legacy::heal(&mut sheets);
    if sheets.is_empty() {
        return Err(refused(
            "file-empty",
            "Tệp bạn chọn không có dòng nào. Hãy tải hoặc lưu lại tệp rồi chọn lại.",
            "The file has no rows. Download or save it again, then choose it.",
        ));
    }
    Ok(sheets)
}

/// The text of a file that is one, for readers of other things than tables; nothing when it is a workbook, or in an
/// encoding that only its words can tell.
///
/// # Errors
/// A file beyond the limit.
pub fn plain_text(bytes: &[u8]) -> Result<Option<Cow<'_, str>>, Refusal> {
    if bytes.len() > MOST_BYTES {
        return Err(too_large("file-too-large", "Tệp lớn hơn 32 MB", "The file is larger than 32 MB"));
    }
    if bytes.starts_with(&OLD_MAGIC) || bytes.starts_with(ZIP_MAGIC) {
        return Ok(None);
    }
    Ok(decoded(bytes).ok())
}

/// `0` is `A`, `27` is `AB`.
pub fn column_letters(column: usize) -> String {
    let mut letters = Vec::new();
    let mut rest = column + 1;
    while rest > 0 {
        letters.push(char::from(b'A' + u8::try_from((rest - 1) % 26).unwrap_or_default()));
        rest = (rest - 1) / 26;
    }
    letters.iter().rev().collect()
}

/// Counts what was taken from a file against the limits.
#[derive(Default)]
pub(super) struct Meter {
    cells: usize,
    rows: usize,
    text: u64,
}

impl Meter {
    pub(super) fn cell(&mut self) -> Result<(), Refusal> {
        self.cells += 1;
        if self.cells > MOST_CELLS {
            return Err(too_many_cells());
        }
        Ok(())
    }

    /// Puts a text into the sheet; shared texts of a workbook are counted each time they are used.
    pub(super) fn put(&mut self, sheet: &mut Sheet, row: usize, column: usize, text: &str) -> Result<(), Refusal> {
        let text: String = text.nfc().filter(|letter| !is_invisible(*letter)).collect();
        let text = text.trim();
        if text.is_empty() {
            return Ok(());
        }
        self.text += text.len() as u64;
        if self.text > MOST_TEXT {
            return Err(too_large("too-much-text", "Tệp chứa quá nhiều chữ", "The file holds too much text"));
        }
        if sheet.rows.last().is_none_or(|last| last.number != row) {
            self.rows += 1;
            if self.rows > MOST_ROWS {
                return Err(too_large(
                    "too-many-rows",
                    "Tệp có hơn 100.500 hàng",
                    "The file has more than 100,500 rows",
                ));
            }
            if let Some(full) = sheet.rows.last_mut() {
                full.cells.shrink_to_fit();
                full.text.shrink_to_fit();
            }
            sheet.rows.push(Row { number: row, ..Row::default() });
        }
        if let Some(last) = sheet.rows.last_mut() {
            last.push(column, text);
        }
        Ok(())
    }
}

/// Byte order marks, zero-width marks and control characters come along when people copy; no name holds them.
fn is_invisible(letter: char) -> bool {
    matches!(letter, '\u{feff}' | '\u{200b}'..='\u{200f}' | '\u{2060}')
        || (letter.is_control() && !letter.is_whitespace())
}

fn read_text(bytes: &[u8], filename: &str) -> Result<Sheet, Refusal> {
    let text = match decoded(bytes) {
        Err(refusal) if refusal.code == "not-unicode" => Cow::Owned(legacy::decoded(bytes).ok_or(refusal)?),
        decoded => decoded?,
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text.as_ref());
    if markup::is_one(text) {
        return markup::read(text, filename);
    }
    let (text, separator) = match text.strip_prefix("sep=") {
        Some(rest) => rest.split_at_checked(1).map_or((rest, b','), |(mark, rest)| (rest, mark.as_bytes()[0])),
        None => (text, separator_of(text)),
    };
    check_records(text.as_bytes(), separator)?;
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(separator).from_reader(text.as_bytes());
    let mut meter = Meter::default();
    let mut sheet = Sheet { name: filename.to_owned(), rows: Vec::new() };
    let mut record = csv::StringRecord::new();
    let mut lines = TextLines { text: text.as_bytes(), at: 0, number: 1 };
    while reader.read_record(&mut record).map_err(|_| damaged())? {
        let begins = record.position().and_then(|at| usize::try_from(at.byte()).ok()).unwrap_or_default();
        let number = lines.number_at(begins);
        for (column, text) in record.iter().enumerate() {
            meter.cell()?;
            meter.put(&mut sheet, number, column, text)?;
        }
    }
    Ok(sheet)
}

/// Which line of a text a record begins on. The reader skips blank lines, which a spreadsheet shows, and counts neither
/// them nor the line ends of Windows and of old Macs as people do.
struct TextLines<'a> {
    text: &'a [u8],
    at: usize,
    number: usize,
}

impl TextLines<'_> {
    /// The line of the first byte from here on that ends no line; places only grow.
    fn number_at(&mut self, place: usize) -> usize {
        while let Some(byte) = self.text.get(self.at) {
            let ends = matches!(byte, b'\n' | b'\r');
            if self.at >= place && !ends {
                break;
            }
            let is_first_of_two = *byte == b'\r' && self.text.get(self.at + 1) == Some(&b'\n');
            self.number += usize::from(ends && !is_first_of_two);
            self.at += 1;
        }
        self.number
    }
}

/// The reader keeps a whole record in memory, so one without an end is refused before it is read.
fn check_records(text: &[u8], separator: u8) -> Result<(), Refusal> {
    let (mut quoted, mut length, mut columns) = (false, 0_usize, 0_usize);
    for byte in text {
        quoted ^= *byte == b'"';
        length += 1;
        if !quoted && *byte == separator {
            (length, columns) = (0, columns + 1);
        } else if !quoted && matches!(*byte, b'\n' | b'\r') {
            (length, columns) = (0, 0);
        }
        if length > LONGEST_CELL {
            return Err(too_large("cell-too-long", "Có ô dài hơn 128 KB", "A cell is longer than 128 KB"));
        }
        if columns >= MOST_COLUMNS {
            return Err(too_large("too-many-columns", "Có dòng hơn 16.384 cột", "A row has more than 16,384 columns"));
        }
    }
    Ok(())
}

/// UTF-8 with or without a mark, or the UTF-16 that Excel calls "Unicode text".
fn decoded(bytes: &[u8]) -> Result<Cow<'_, str>, Refusal> {
    let text = match bytes {
        [0xff, 0xfe, rest @ ..] => Cow::Owned(sixteen(rest, u16::from_le_bytes)?),
        [0xfe, 0xff, rest @ ..] => Cow::Owned(sixteen(rest, u16::from_be_bytes)?),
        _ => Cow::Borrowed(std::str::from_utf8(bytes).map_err(|_| not_unicode())?),
    };
    if text.contains('\0') {
        return Err(refused(
            "not-a-table",
            "Tệp này không phải bảng tính .xlsx, .xls hay .csv.",
            "This file is neither an .xlsx nor an .xls nor a .csv table.",
        ));
    }
    Ok(text)
}

fn sixteen(bytes: &[u8], join: fn([u8; 2]) -> u16) -> Result<String, Refusal> {
    let units = bytes.chunks_exact(2).map(|pair| join([pair[0], pair[1]]));
    let mut text = String::with_capacity(bytes.len() / 2);
    for letter in char::decode_utf16(units) {
        text.push(letter.map_err(|_| not_unicode())?);
        if text.len() as u64 > MOST_TEXT {
            return Err(too_large("too-much-text", "Tệp chứa quá nhiều chữ", "The file holds too much text"));
        }
    }
    Ok(text)
}

/// The mark that stands most often outside quotes in the first lines; a tab or semicolon wins a draw over the comma
/// that may stand inside amounts.
fn separator_of(text: &str) -> u8 {
    let mut counts = [(b'\t', 0_usize), (b';', 0), (b',', 0)];
    let mut quoted = false;
    for letter in text.bytes().take(16 << 10) {
        quoted ^= letter == b'"';
        if let Some((_, count)) = counts.iter_mut().find(|(mark, _)| !quoted && *mark == letter) {
            *count += 1;
        }
    }
    let most = counts.iter().map(|(_, count)| *count).max().unwrap_or_default();
    counts.iter().find(|(_, count)| *count == most && most > 0).map_or(b',', |(mark, _)| *mark)
}

pub(super) fn refused(code: &'static str, vi: &str, en: &str) -> Refusal {
    Refusal::new(Kind::Meaning, code, vi, en)
}

pub(super) fn too_large(code: &'static str, vi: &str, en: &str) -> Refusal {
    let vi = format!("{vi}; hãy chia nhỏ rồi gửi lại.");
    Refusal::new(Kind::TooLarge, code, vi, format!("{en}; please split it and send it again."))
}

pub(super) fn too_many_cells() -> Refusal {
    too_large("too-many-cells", "Tệp có hơn 1.000.000 ô", "The file has more than 1,000,000 cells")
}

pub(super) fn damaged() -> Refusal {
    refused(
        "file-damaged",
        "Không đọc được tệp: tệp bị hỏng hoặc không đúng định dạng .xlsx, .csv. Hãy mở bằng Excel và lưu lại thành .xlsx.",
        "The file cannot be read: it is damaged or not an .xlsx or .csv. Open it in Excel and save it as .xlsx.",
    )
}

pub(super) fn old_workbook() -> Refusal {
    refused(
        "old-workbook",
        "Tệp là .xls đời rất cũ, .xlsb hoặc có mật khẩu. Hãy mở bằng Excel, bỏ mật khẩu và lưu thành .xlsx.",
        "This is a very old .xls, an .xlsb or a workbook with a password. Open it in Excel, remove the password and save it as .xlsx.",
    )
}

pub(super) fn not_unicode() -> Refusal {
    refused(
        "not-unicode",
        "Tệp .csv không phải UTF-8 (có lẽ là bảng mã Windows-1258, TCVN3 hoặc VNI cũ). Trong Excel chọn Lưu thành \"CSV UTF-8\", hoặc gửi .xlsx.",
        "The .csv is not UTF-8 (perhaps Windows-1258, TCVN3 or VNI). In Excel choose Save as \"CSV UTF-8\", or send the .xlsx.",
    )
}
