//! An .xls since 1997: a compound file with a stream of BIFF8 records.
//!
//! Read here because calamine 0.38 trusts such a file: a `Dimensions` record reserves as many cells as it claims, two
//! far cells become a full rectangle, a sector beyond the end or a sheet beyond the stream is a panic, and a ring of
//! sectors never ends. Here every sector is used once and a cell costs what it holds.

use super::sheet::{Meter, Sheet, damaged, old_workbook, too_large};
use crate::fault::Refusal;

/// The largest file: its 65,536 rows are shorter, and its stream is held beside its texts.
const MOST_BYTES: usize = 16 << 20;
/// The most that its shared texts may take, and what one costs beside its letters.
const MOST_KEPT: usize = 15 << 20;
const TEXT_COST: usize = 32;
/// Sectors a compound file may keep beside streams, such as lists of sectors.
const END: u32 = 0xffff_fffe;

/// Its visible sheets.
///
/// # Errors
/// Damaged, encrypted, older than 1997 or beyond the limits.
pub fn read(bytes: &[u8]) -> Result<Vec<Sheet>, Refusal> {
    if bytes.len() > MOST_BYTES {
        return Err(too_large("file-too-large", "Tệp .xls lớn hơn 16 MB", "The .xls is larger than 16 MB"));
    }
    let stream = workbook(bytes).ok_or_else(old_workbook)?;
    let globals = Globals::read(&stream)?;
    let mut meter = Meter::default();
    let mut sheets = Vec::new();
    // Sheets stand side by side, so together they are no longer than the stream, however many begin at one place.
    let mut left = stream.len();
    for (offset, name) in &globals.sheets {
        let mut sheet = Sheet { name: name.clone(), rows: Vec::new() };
        globals.cells(stream.get(*offset..).ok_or_else(damaged)?, &mut left, &mut meter, &mut sheet)?;
        sheet.put_in_order();
        sheets.push(sheet);
    }
    Ok(sheets)
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn long(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// The stream `Workbook`; an encrypted .xlsx has none.
fn workbook(bytes: &[u8]) -> Option<Vec<u8>> {
    let size = match word(bytes, 30)? {
        9 => 512,
        12 => 4096,
        _ => return None,
    };
    let sector = |at: u32| bytes.get((at as usize + 1).checked_mul(size)?..).map(|rest| &rest[..rest.len().min(size)]);
    let numbers = |piece: &[u8]| piece.chunks_exact(4).filter_map(|four| long(four, 0)).collect::<Vec<u32>>();
    let most = bytes.len() / size + 1;
    let mut list = numbers(bytes.get(76..512)?);
    let mut next = long(bytes, 68)?;
    for _ in 0..most {
        if next >= END - 1 {
            break;
        }
        list.extend(numbers(sector(next)?));
        next = list.pop()?;
    }
    let mut fat: Vec<u32> = Vec::new();
    for at in list.into_iter().filter(|at| *at < END - 1).take(most) {
        fat.extend(numbers(sector(at)?));
    }
    let chain = |first: u32| {
        let (mut found, mut at) = (Vec::new(), first);
        for _ in 0..most {
            if at >= END - 1 {
                return Some(found);
            }
            found.extend_from_slice(sector(at)?);
            at = *fat.get(at as usize)?;
        }
        None
    };
    let folder = chain(long(bytes, 48)?)?;
    let named = |entry: &&[u8], name: &str| {
        let length = word(entry, 64).unwrap_or_default() as usize;
        let own = entry.get(..length.saturating_sub(2).min(64)).unwrap_or_default();
        own.iter().copied().eq(name.encode_utf16().flat_map(u16::to_le_bytes))
    };
    let mut entries = folder.chunks_exact(128);
    let entry = entries.clone().find(|entry| named(entry, "Workbook"))?;
    let (first, length) = (long(entry, 116)?, long(entry, 120)? as usize);
    let mut stream = if length >= 4096 {
        chain(first)?
    } else {
        let root = entries.next()?;
        let (small, map) = (chain(long(root, 116)?)?, numbers(&chain(long(bytes, 60)?)?));
        let (mut found, mut at) = (Vec::new(), first);
        while at < END - 1 && found.len() < length {
            found.extend_from_slice(small.get(at as usize * 64..at as usize * 64 + 64)?);
            at = *map.get(at as usize)?;
        }
        found
    };
    stream.truncate(length);
    Some(stream)
}

/// A record: its kind, its bytes, and what is behind it.
fn record(stream: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let (kind, length) = (word(stream, 0)?, word(stream, 2)? as usize);
    Some((kind, stream.get(4..4 + length)?, &stream[4 + length..]))
}

/// What a workbook says once for all sheets.
#[derive(Default)]
struct Globals {
    sheets: Vec<(usize, String)>,
    texts: Vec<String>,
    /// For each style: are its numbers days?
    days: Vec<bool>,
    since_1904: bool,
}

impl Globals {
    fn read(stream: &[u8]) -> Result<Globals, Refusal> {
        let mut globals = Globals::default();
        let (mut rest, mut formats, mut kept) = (stream, Vec::new(), 0_usize);
        if record(rest).is_none_or(|(kind, data, _)| kind != 0x0809 || word(data, 0) != Some(0x0600)) {
            return Err(old_workbook());
        }
        while let Some((kind, data, after)) = record(rest) {
            rest = after;
            match kind {
                0x002f => return Err(old_workbook()),
                0x0022 => globals.since_1904 = word(data, 0) == Some(1),
                0x041e if formats.len() < 4096 => formats.push((word(data, 0).unwrap_or_default(), shows_days(data))),
                0x00e0 if globals.days.len() < 65_536 => {
                    let format = word(data, 2).unwrap_or_default();
                    let own = formats.iter().find(|(number, _)| *number == format).map(|(_, days)| *days);
                    globals.days.push(own.unwrap_or(matches!(format, 14..=22 | 45..=47)));
                }
                // Visible worksheets only.
                0x0085 if word(data, 4).is_some_and(|kind| kind & 0xff03 == 0) && globals.sheets.len() < 1000 => {
                    let at = long(data, 0).ok_or_else(damaged)? as usize;
                    let name = Pieces::of(&data[6..]).text(usize::from(data.get(6).copied().unwrap_or_default()), 1);
                    globals.sheets.push((at, name.unwrap_or_default()));
                }
                0x00fc => {
                    let mut pieces = Pieces::of(data);
                    while let Some((0x003c, more, after)) = record(rest) {
                        pieces.all.push(more);
                        rest = after;
                    }
                    let count = long(data, 4).ok_or_else(damaged)?;
                    pieces.skip(8);
                    for _ in 0..count {
                        let text = pieces.shared().ok_or_else(damaged)?;
                        kept += text.len() + TEXT_COST;
                        if kept > MOST_KEPT {
                            return Err(super::sheet::too_many_cells());
                        }
                        globals.texts.push(text);
                    }
                }
                0x000a => break,
                _ => {}
            }
        }
        Ok(globals)
    }

    fn cells(&self, stream: &[u8], left: &mut usize, meter: &mut Meter, sheet: &mut Sheet) -> Result<(), Refusal> {
        let (mut rest, mut depth, mut formula) = (stream, 0_usize, (0, 0));
        while let Some((kind, data, after)) = record(rest) {
            *left = left.checked_sub(rest.len() - after.len()).ok_or_else(damaged)?;
            rest = after;
            match kind {
                0x0809 => depth += 1,
                0x000a if depth <= 1 => return Ok(()),
                0x000a => depth -= 1,
                _ => {}
            }
            let cell = |at: usize| Some((word(data, at)? as usize + 1, word(data, at + 2)? as usize));
            if depth > 1 || !matches!(kind, 0x0203 | 0x0204 | 0x0205 | 0x0207 | 0x027e | 0x00fd | 0x00bd | 0x0006) {
                continue;
            }
            meter.cell()?;
            let (row, column) = if kind == 0x0207 { formula } else { cell(0).ok_or_else(damaged)? };
            let style = word(data, 4).unwrap_or_default();
            let real = |at: usize| Some(f64::from_le_bytes(data.get(at..at + 8)?.try_into().ok()?));
            let text = match kind {
                0x0203 => real(6).map(|number| self.number(number, style)),
                0x027e => long(data, 6).map(|packed| self.number(unpacked(packed), style)),
                0x00fd => long(data, 6).and_then(|at| self.texts.get(at as usize).cloned()),
                0x0204 => word(data, 6).and_then(|length| Pieces::of(data.get(8..)?).text(length.into(), 0)),
                0x0207 => word(data, 0).and_then(|length| Pieces::of(data.get(2..)?).text(length.into(), 0)),
                0x0205 => data
                    .get(6..8)
                    .map(|two| if two[1] == 0 { (two[0] != 0).to_string().to_uppercase() } else { "#N/A".to_owned() }),
                0x0006 => {
                    formula = (row, column);
                    // A formula's text stands in the record behind it; other results are marked so as well.
                    let is_number = word(data, 12) != Some(0xffff);
                    if is_number { real(6).map(|number| self.number(number, style)) } else { Some(String::new()) }
                }
                _ => {
                    let packed = data.get(4..data.len().saturating_sub(2)).unwrap_or_default().chunks_exact(6);
                    for (step, pair) in packed.enumerate() {
                        meter.cell()?;
                        let (style, packed) = (word(pair, 0).unwrap_or_default(), long(pair, 2).unwrap_or_default());
                        meter.put(sheet, row, column + step, &self.number(unpacked(packed), style))?;
                    }
                    Some(String::new())
                }
            };
            meter.put(sheet, row, column, &text.ok_or_else(damaged)?)?;
        }
        Ok(())
    }

    fn number(&self, number: f64, style: u16) -> String {
        if self.days.get(usize::from(style)) == Some(&true) && number.is_finite() {
            let kind = calamine::ExcelDateTimeType::DateTime;
            let day = calamine::ExcelDateTime::new(number, kind, self.since_1904);
            return super::workbook::shown(&calamine::DataRef::DateTime(day));
        }
        number.to_string()
    }
}

/// A number in 30 bits: a whole one or the head of a float, perhaps a hundred times too large.
fn unpacked(packed: u32) -> f64 {
    let number = if packed & 2 == 0 {
        f64::from_bits(u64::from(packed & 0xffff_fffc) << 32)
    } else {
        f64::from(i32::from_le_bytes(packed.to_le_bytes()) >> 2)
    };
    if packed & 1 == 0 { number } else { number / 100.0 }
}

/// Does a number format of its own show days? Letters of a date outside quotes and brackets say so.
fn shows_days(data: &[u8]) -> bool {
    let length = usize::from(word(data, 2).unwrap_or_default());
    let text = data.get(4..).and_then(|rest| Pieces::of(rest).text(length, 0)).unwrap_or_default();
    let (mut quoted, mut bracket, mut escaped) = (false, false, false);
    text.to_ascii_lowercase().chars().any(|letter| {
        let plain = !quoted && !bracket && !escaped;
        escaped = letter == '\\' && plain;
        quoted ^= letter == '"';
        bracket = (bracket || letter == '[') && letter != ']';
        plain && matches!(letter, 'd' | 'y' | 'h' | 's' | 'm')
    })
}

/// Bytes that go on in further records, where a text that is cut begins with a mark of its own.
struct Pieces<'a> {
    all: Vec<&'a [u8]>,
    piece: usize,
    at: usize,
}

impl<'a> Pieces<'a> {
    fn of(data: &'a [u8]) -> Pieces<'a> {
        Pieces { all: vec![data], piece: 0, at: 0 }
    }

    fn skip(&mut self, many: usize) -> Option<()> {
        for _ in 0..many {
            self.byte()?;
        }
        Some(())
    }

    fn byte(&mut self) -> Option<u8> {
        while self.at >= self.all.get(self.piece)?.len() {
            (self.piece, self.at) = (self.piece + 1, 0);
        }
        self.at += 1;
        self.all[self.piece].get(self.at - 1).copied()
    }

    fn number(&mut self, many: usize) -> Option<usize> {
        (0..many).try_fold(0, |sum, place| Some(sum | usize::from(self.byte()?) << (8 * place)))
    }

    /// A text of so many letters behind its mark, after some bytes.
    fn text(&mut self, length: usize, before: usize) -> Option<String> {
        self.skip(before)?;
        let wide = self.byte()? & 1 == 1;
        self.letters(length, wide)
    }

    /// A shared text: its length, its mark, and what follows it that is no text.
    fn shared(&mut self) -> Option<String> {
        let length = self.number(2)?;
        let mark = self.byte()?;
        let runs = if mark & 8 == 0 { 0 } else { self.number(2)? };
        let phonetic = if mark & 4 == 0 { 0 } else { self.number(4)? };
        let text = self.letters(length, mark & 1 == 1)?;
        self.skip(runs * 4)?;
        self.skip(phonetic.min(1 << 24))?;
        Some(text)
    }

    fn letters(&mut self, length: usize, mut wide: bool) -> Option<String> {
        let mut units = Vec::with_capacity(length.min(32_768));
        while units.len() < length {
            if self.at >= self.all.get(self.piece)?.len() {
                (self.piece, self.at) = (self.piece + 1, 0);
                wide = self.byte()? & 1 == 1;
            }
            units.push(u16::try_from(self.number(if wide { 2 } else { 1 })?).ok()?);
        }
        Some(String::from_utf16_lossy(&units))
    }
}
