//! Files around the engine's bytes: checks and tables that chance never finds are written, the rest is as it came.

use std::io::{Cursor, Write};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// Stands between the parts of a workbook in the engine's bytes.
pub const BETWEEN: u8 = 0x1e;

const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
const SHEET: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";

/// A workbook whose sheet, shared texts, styles and list of sheets are these bytes, in this order, an ordinary one in
/// place of each that is empty.
pub fn workbook(bytes: &[u8]) -> Vec<u8> {
    let mut parts = bytes.split(|byte| *byte == BETWEEN);
    let mut part = |ordinary: String| match parts.next().unwrap_or_default() {
        [] => ordinary.into_bytes(),
        own => own.to_vec(),
    };
    let wrapped = |tag: &str, inside: &str| format!("{HEAD}<{tag} xmlns=\"{SHEET}\">{inside}</{tag}>");
    let sheet = part(String::new());
    let sheet = if sheet.starts_with(b"<row") {
        let (open, close) = (format!("{HEAD}<worksheet xmlns=\"{SHEET}\"><sheetData>"), "</sheetData></worksheet>");
        [open.as_bytes(), &sheet, close.as_bytes()].concat()
    } else {
        sheet
    };
    let texts = part(wrapped("sst", "<si><t>Ngày</t></si><si><t>Ghi có</t></si>"));
    let days = "<cellXfs count=\"2\"><xf numFmtId=\"0\"/><xf numFmtId=\"14\"/></cellXfs>";
    let styles = part(wrapped("styleSheet", days));
    let listed = format!("<sheets><sheet name=\"S\" sheetId=\"1\" r:id=\"rId1\" xmlns:r=\"{OFFICE}\"/></sheets>");
    let book = part(wrapped("workbook", &listed));
    let related = |kind: &str, place: &str, id: u8| {
        format!("<Relationship Id=\"rId{id}\" Type=\"{OFFICE}/{kind}\" Target=\"{place}\"/>")
    };
    let relations = |inside: String| {
        let kind = "http://schemas.openxmlformats.org/package/2006/relationships";
        format!("{HEAD}<Relationships xmlns=\"{kind}\">{inside}</Relationships>").into_bytes()
    };
    let inside = related("worksheet", "worksheets/sheet1.xml", 1)
        + &related("sharedStrings", "sharedStrings.xml", 2)
        + &related("styles", "styles.xml", 3);
    zipped(&[
        ("_rels/.rels", relations(related("officeDocument", "xl/workbook.xml", 1))),
        ("xl/_rels/workbook.xml.rels", relations(inside)),
        ("xl/workbook.xml", book),
        ("xl/worksheets/sheet1.xml", sheet),
        ("xl/sharedStrings.xml", texts),
        ("xl/styles.xml", styles),
    ])
}

fn zipped(parts: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, bytes) in parts {
        archive.start_file(*name, stored).expect("a part");
        archive.write_all(bytes).expect("its bytes");
    }
    archive.finish().expect("an archive").into_inner()
}

const SECTOR: usize = 512;
const LAST: u32 = 0xffff_fffe;
const TABLE: u32 = 0xffff_fffd;

/// A compound file whose only stream is an old workbook of these bytes, whatever they are.
pub fn compound(stream: &[u8]) -> Vec<u8> {
    let mut stream = stream.to_vec();
    stream.resize(stream.len().max(4096).next_multiple_of(SECTOR), 0);
    let number = |count: usize| u32::try_from(count).expect("a small file");
    let sectors = stream.len() / SECTOR;
    // The tables of sectors stand first, then the folder, then the stream.
    let tables = (sectors + 1).div_ceil(SECTOR / 4 - 1);
    let mut file = vec![0; SECTOR];
    file[..8].copy_from_slice(&[0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1]);
    (file[30], file[32]) = (9, 6);
    let mut put = |at: usize, value: u32| file[at..at + 4].copy_from_slice(&value.to_le_bytes());
    put(44, number(tables));
    put(48, number(tables));
    put(60, LAST);
    put(68, LAST);
    for place in 0..(SECTOR - 76) / 4 {
        put(76 + 4 * place, if place < tables { number(place) } else { u32::MAX });
    }
    let mut table: Vec<u32> = vec![TABLE; tables];
    table.push(LAST);
    table.extend((1..sectors).map(|step| number(tables + 1 + step)));
    table.push(LAST);
    table.resize(tables * (SECTOR / 4), u32::MAX);
    file.extend(table.into_iter().flat_map(u32::to_le_bytes));
    let mut folder = vec![0; SECTOR];
    for (at, letter) in "Workbook".encode_utf16().enumerate() {
        folder[2 * at..2 * at + 2].copy_from_slice(&letter.to_le_bytes());
    }
    folder[64] = 18;
    folder[116..120].copy_from_slice(&number(tables + 1).to_le_bytes());
    folder[120..124].copy_from_slice(&number(stream.len()).to_le_bytes());
    file.extend(folder);
    file.extend(stream);
    file
}

/// Stands between what is said once and what is said again and again, in turns.
pub const AGAIN: u8 = 0x1c;
/// Stands for a number that is another one each time.
const NUMBER: u8 = 0x1d;

/// About so many bytes out of a few, said over and over.
pub fn repeated(bytes: &[u8], long: usize) -> Vec<u8> {
    let pieces: Vec<&[u8]> = bytes.split(|byte| *byte == AGAIN).collect();
    let again = pieces.len() / 2;
    let mut said = Vec::with_capacity(long + bytes.len());
    for (place, piece) in pieces.iter().enumerate() {
        let until = said.len() + long / again.max(1);
        let mut number = 0_usize;
        loop {
            for byte in *piece {
                match *byte {
                    NUMBER => said.extend_from_slice(number.to_string().as_bytes()),
                    byte => said.push(byte),
                }
            }
            number += 1;
            if place % 2 == 0 || piece.is_empty() || said.len() >= until {
                break;
            }
        }
    }
    said
}
