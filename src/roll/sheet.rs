//! A table out of a file as people have it: .xlsx or .csv, read row by row into texts that know their address.
//!
//! **Invariants:** nothing is unpacked beyond the stated limits, whatever the file says about itself; a formula is
//! never evaluated, only the value its program left is shown; a refusal names what to do.
//!
//! Deliberately absent: old .xls, encrypted workbooks, and guessing at old Vietnamese encodings.

use std::borrow::Cow;
use std::io::{Cursor, Read};

use calamine::{DataRef, Reader, Xlsx};
use unicode_normalization::UnicodeNormalization;

use crate::fault::{Kind, Refusal};

/// The largest file that is looked at.
pub const MOST_BYTES: usize = 32 << 20;
/// The most a workbook may unpack to, and the most text its cells may hold.
pub const MOST_UNPACKED: u64 = 64 << 20;
/// The most cells.
pub const MOST_CELLS: usize = 1_000_000;
/// The most rows.
pub const MOST_ROWS: usize = 100_000;

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
    fn put_in_order(&mut self) {
        self.rows.sort_by_key(|row| row.number);
        self.rows.dedup_by(|later, kept| {
            let same = later.number == kept.number;
            if same {
                kept.cells.append(&mut later.cells);
            }
            same
        });
        for row in &mut self.rows {
            row.cells.sort_by_key(|(column, _)| *column);
            row.cells.dedup_by_key(|(column, _)| *column);
        }
    }
}

/// One row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row {
    /// Its number as a spreadsheet shows it, from 1.
    pub number: usize,
    /// What it holds, by column from 0, without the empty ones.
    cells: Vec<(usize, String)>,
}

impl Row {
    /// The text in a column counted from 0; an empty cell is an empty text.
    pub fn text(&self, column: usize) -> &str {
        let place = self.cells.binary_search_by_key(&column, |(column, _)| *column);
        place.ok().and_then(|place| self.cells.get(place)).map_or("", |(_, text)| text.as_str())
    }

    /// The cells that hold something, with their columns.
    pub fn cells(&self) -> impl Iterator<Item = (usize, &str)> {
        self.cells.iter().map(|(column, text)| (*column, text.as_str()))
    }

    /// This row with the one below it read together, as when a heading is spread over two rows.
    #[must_use]
    pub fn joined(&self, below: &Row) -> Row {
        let mut joined = Row { number: self.number, cells: Vec::new() };
        let mut columns: Vec<usize> = self.cells().chain(below.cells()).map(|(column, _)| column).collect();
        columns.sort_unstable();
        columns.dedup();
        for column in columns {
            joined.cells.push((column, format!("{} {}", self.text(column), below.text(column)).trim().to_owned()));
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
        [0xd0, 0xcf, 0x11, 0xe0, ..] => return Err(old_workbook()),
        [b'P', b'K', 3, 4, ..] => read_workbook(bytes)?,
        _ => vec![read_text(bytes, filename)?],
    };
    let sheets: Vec<Sheet> = sheets.into_iter().filter(|sheet| !sheet.rows.is_empty()).collect();
    if sheets.is_empty() {
        return Err(refused("file-empty", "Tệp không có dòng nào.", "The file has no rows."));
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
struct Meter {
    cells: usize,
    rows: usize,
    text: u64,
}

impl Meter {
    fn cell(&mut self) -> Result<(), Refusal> {
        self.cells += 1;
        if self.cells > MOST_CELLS {
            return Err(too_many_cells());
        }
        Ok(())
    }

    /// Puts a text into the sheet; shared texts of a workbook are counted each time they are used.
    fn put(&mut self, sheet: &mut Sheet, row: usize, column: usize, text: &str) -> Result<(), Refusal> {
        let text: String = text.nfc().filter(|letter| !is_invisible(*letter)).collect();
        let text = text.trim();
        if text.is_empty() {
            return Ok(());
        }
        self.text += text.len() as u64;
        if self.text > MOST_UNPACKED {
            return Err(too_large("too-much-text", "Tệp chứa quá nhiều chữ", "The file holds too much text"));
        }
        if sheet.rows.last().is_none_or(|last| last.number != row) {
            self.rows += 1;
            if self.rows > MOST_ROWS {
                return Err(too_large(
                    "too-many-rows",
                    "Tệp có hơn 100.000 dòng",
                    "The file has more than 100,000 rows",
                ));
            }
            sheet.rows.push(Row { number: row, cells: Vec::new() });
        }
        if let Some(last) = sheet.rows.last_mut() {
            last.cells.push((column, text.to_owned()));
        }
        Ok(())
    }
}

/// Byte order marks, zero-width marks and control characters come along when people copy; no name holds them.
fn is_invisible(letter: char) -> bool {
    matches!(letter, '\u{feff}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{ad}')
        || (letter.is_control() && !letter.is_whitespace())
}

fn read_workbook(bytes: &[u8]) -> Result<Vec<Sheet>, Refusal> {
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
        let mut sheet = Sheet { name: name.clone(), rows: Vec::new() };
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
fn shown(value: &DataRef<'_>) -> String {
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
    for place in 0..archive.len() {
        let entry = archive.by_index(place).map_err(|_| damaged())?;
        let name = entry.name().to_ascii_lowercase();
        if name.ends_with("workbook.bin") {
            return Err(old_workbook());
        }
        // Tags of a sheet are counted as cells when it is read; everything else the reader keeps in memory.
        let is_sheet = name.contains("worksheets/") && !name.ends_with("sharedstrings.xml");
        left = weigh_entry(entry, left, is_sheet)?;
    }
    Ok(())
}

/// What is left of the limit after this entry.
fn weigh_entry(mut entry: impl Read, mut left: u64, is_sheet: bool) -> Result<u64, Refusal> {
    const CARRY: usize = 32;
    const MOST_TAGS: usize = 4 * MOST_CELLS;
    let mut window = vec![0_u8; 64 << 10];
    let mut kept = 0;
    let (mut tags, mut cells) = (0, 0);
    loop {
        let read = entry.read(&mut window[kept..]).map_err(|_| damaged())?;
        left = left.checked_sub(read as u64).ok_or_else(bomb)?;
        let filled = kept + read;
        if is_sheet {
            cells += cells_in(&window[kept.saturating_sub(2)..filled]);
        } else {
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
            return Ok(left);
        }
        window.copy_within(until..filled, 0);
        kept = filled - until;
    }
}

/// How many cells begin in a piece of a sheet: `<c ` or `<c>` or `<c/`. Counting bytes is a hundred times faster than
/// reading the cells, and a sheet of nothing but empty ones is refused before that.
fn cells_in(piece: &[u8]) -> usize {
    piece
        .windows(3)
        .filter(|three| three[0] == b'<' && three[1] == b'c' && matches!(three[2], b' ' | b'>' | b'/'))
        .count()
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

fn read_text(bytes: &[u8], filename: &str) -> Result<Sheet, Refusal> {
    let text = decoded(bytes)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text.as_ref());
    let (text, separator) = match text.strip_prefix("sep=") {
        Some(rest) => rest.split_at_checked(1).map_or((rest, b','), |(mark, rest)| (rest, mark.as_bytes()[0])),
        None => (text, separator_of(text)),
    };
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(separator).from_reader(text.as_bytes());
    let mut meter = Meter::default();
    let mut sheet = Sheet { name: filename.to_owned(), rows: Vec::new() };
    let mut record = csv::StringRecord::new();
    let mut number = 0;
    while reader.read_record(&mut record).map_err(|_| damaged())? {
        // The reader skips blank lines; a spreadsheet shows them, so rows are counted by the lines they begin on.
        number = record.position().and_then(|at| usize::try_from(at.line()).ok()).unwrap_or(number + 1);
        for (column, text) in record.iter().enumerate() {
            meter.cell()?;
            meter.put(&mut sheet, number, column, text)?;
        }
    }
    Ok(sheet)
}

/// UTF-8 with or without a mark, or the UTF-16 that Excel calls "Unicode text".
fn decoded(bytes: &[u8]) -> Result<Cow<'_, str>, Refusal> {
    let sixteen = |rest: &[u8], join: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = rest.chunks_exact(2).map(|pair| join([pair[0], pair[1]])).collect();
        String::from_utf16(&units).map_err(|_| not_unicode())
    };
    let text = match bytes {
        [0xff, 0xfe, rest @ ..] => Cow::Owned(sixteen(rest, u16::from_le_bytes)?),
        [0xfe, 0xff, rest @ ..] => Cow::Owned(sixteen(rest, u16::from_be_bytes)?),
        _ => Cow::Borrowed(std::str::from_utf8(bytes).map_err(|_| not_unicode())?),
    };
    if text.contains('\0') {
        return Err(refused(
            "not-a-table",
            "Tệp này không phải bảng tính .xlsx hay .csv.",
            "This file is neither an .xlsx nor a .csv table.",
        ));
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

fn refused(code: &'static str, vi: &str, en: &str) -> Refusal {
    Refusal::new(Kind::Meaning, code, vi, en)
}

fn too_large(code: &'static str, vi: &str, en: &str) -> Refusal {
    let vi = format!("{vi}; hãy chia nhỏ rồi gửi lại.");
    Refusal::new(Kind::TooLarge, code, vi, format!("{en}; please split it and send it again."))
}

fn too_many_cells() -> Refusal {
    too_large("too-many-cells", "Tệp có hơn 1.000.000 ô", "The file has more than 1,000,000 cells")
}

fn bomb() -> Refusal {
    too_large(
        "unpacks-too-large",
        "Tệp bung ra lớn hơn 64 MB, không phải một bảng tính bình thường",
        "The file unpacks to more than 64 MB, which no ordinary workbook does",
    )
}

fn damaged() -> Refusal {
    refused(
        "file-damaged",
        "Không đọc được tệp: tệp bị hỏng hoặc không đúng định dạng .xlsx, .csv. Hãy mở bằng Excel và lưu lại thành .xlsx.",
        "The file cannot be read: it is damaged or not an .xlsx or .csv. Open it in Excel and save it as .xlsx.",
    )
}

fn old_workbook() -> Refusal {
    refused(
        "old-workbook",
        "Tệp là .xls đời cũ, .xlsb hoặc có mật khẩu. Hãy mở bằng Excel, bỏ mật khẩu và lưu thành .xlsx.",
        "This is an old .xls, an .xlsb or a workbook with a password. Open it in Excel, remove the password and save it as .xlsx.",
    )
}

fn not_unicode() -> Refusal {
    refused(
        "not-unicode",
        "Tệp .csv không phải UTF-8 (có lẽ là bảng mã Windows-1258, TCVN3 hoặc VNI cũ). Trong Excel chọn Lưu thành \"CSV UTF-8\", hoặc gửi .xlsx.",
        "The .csv is not UTF-8 (perhaps Windows-1258, TCVN3 or VNI). In Excel choose Save as \"CSV UTF-8\", or send the .xlsx.",
    )
}
