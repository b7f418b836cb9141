//! The HTML table that some banks send under the name .xls.

use super::sheet::{LONGEST_CELL, MOST_COLUMNS, Meter, Sheet, damaged, refused};
use crate::fault::Refusal;

/// Does this text begin as one?
pub fn is_one(text: &str) -> bool {
    let head: String = text.chars().take(2_000).collect::<String>().to_ascii_lowercase();
    head.trim_start().starts_with('<') && ["<html", "<table", "<tr"].iter().any(|tag| head.contains(tag))
}

/// Its cells, tags within them left out; scripts and styles are no text.
///
/// # Errors
/// Beyond the limits, or a document type with entities of its own.
pub fn read(text: &str, filename: &str) -> Result<Sheet, Refusal> {
    let mut sheet = Sheet { name: filename.to_owned(), rows: Vec::new() };
    let mut meter = Meter::default();
    let (mut row, mut column, mut span) = (0_usize, 0_usize, 1_usize);
    let mut cell: Option<String> = None;
    let mut rest = text;
    while let Some(begins) = rest.find('<') {
        let (before, tag) = rest.split_at(begins);
        if let Some(cell) = &mut cell {
            cell.push_str(before);
            if cell.len() > LONGEST_CELL {
                return Err(damaged());
            }
        }
        let ends = if tag.starts_with("<!--") { tag.find("-->").map(|at| at + 2) } else { tag.find('>') };
        let Some(ends) = ends else { break };
        let (tag, after) = (&tag[1..ends], &tag[ends + 1..]);
        rest = after;
        let name: String = tag.chars().take_while(|letter| letter.is_ascii_alphanumeric() || *letter == '/').collect();
        match name.to_ascii_lowercase().as_str() {
            "tr" => (row, column) = (row + 1, 0),
            "td" | "th" => {
                finish(&mut meter, &mut sheet, row, &mut column, span, cell.replace(String::new()))?;
                span = colspan(tag);
            }
            "/td" | "/th" | "/tr" | "/table" => {
                finish(&mut meter, &mut sheet, row, &mut column, span, cell.take())?;
            }
            "br" | "br/" | "/p" | "/div" => cell.iter_mut().for_each(|cell| cell.push('\n')),
            "script" | "style" => {
                let closing = format!("</{name}");
                let mut places = rest.as_bytes().windows(closing.len());
                let ends = places.position(|place| place.eq_ignore_ascii_case(closing.as_bytes()));
                rest = ends.and_then(|at| rest.get(at..)).unwrap_or_default();
            }
            "" if tag.to_ascii_uppercase().starts_with("!ENTITY")
                || tag.contains('[') && tag.starts_with("!DOCTYPE") =>
            {
                return Err(refused(
                    "xml-asks-outside",
                    "Tệp có DOCTYPE hoặc thực thể lạ, không nhận vì lý do an toàn.",
                    "The file has a DOCTYPE or an unknown entity and is refused for safety.",
                ));
            }
            _ => {}
        }
    }
    Ok(sheet)
}

fn finish(
    meter: &mut Meter,
    sheet: &mut Sheet,
    row: usize,
    column: &mut usize,
    span: usize,
    cell: Option<String>,
) -> Result<(), Refusal> {
    if let Some(text) = cell {
        meter.cell()?;
        meter.put(sheet, row.max(1), *column, &entities(&text))?;
        *column += span;
    }
    Ok(())
}

fn colspan(tag: &str) -> usize {
    let value = tag.to_ascii_lowercase();
    let value = value.split_once("colspan=").map_or("", |(_, value)| value).trim_start_matches(['"', '\'']);
    let digits: String = value.chars().take_while(char::is_ascii_digit).take(5).collect();
    digits.parse().unwrap_or(1).clamp(1, MOST_COLUMNS)
}

/// Letters written as entities; an unknown one stays as it is written.
fn entities(text: &str) -> String {
    const NAMED: [(&str, &str); 6] =
        [("amp", "&"), ("lt", "<"), ("gt", ">"), ("quot", "\""), ("nbsp", " "), ("apos", "'")];
    let mut read = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        read.push_str(before);
        let ends = after.bytes().take(9).position(|byte| byte == b';');
        let entity = ends.and_then(|at| Some((after.get(..at)?, after.get(at + 1..)?)));
        let letter = entity.and_then(|(name, _)| {
            let code = match name.strip_prefix('#')?.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => name[1..].parse().ok()?,
            };
            char::from_u32(code).map(String::from)
        });
        let named = || {
            entity.and_then(|(name, _)| {
                NAMED.iter().find(|(known, _)| *known == name).map(|(_, text)| (*text).to_owned())
            })
        };
        if let (Some(text), Some((_, after))) = (letter.or_else(named), entity) {
            read.push_str(&text);
            rest = after;
        } else {
            read.push('&');
            rest = after;
        }
    }
    read.push_str(rest);
    read
}

#[cfg(test)]
mod tests {
    use crate::roll::sheet;

    #[test]
    fn a_page_named_as_a_workbook_is_a_table() {
        let page = "<!DOCTYPE html><html><style>td{}</style><table><tr><th colspan=2>Ng&agrave;y</th><th>S&#7889; d&#432;</th></tr>\
            <tr><td>22/11<br/>2026</td><td>a &amp; <b>b</b><td>1.250</tr></table></html>";
        let sheets = sheet::read(page.as_bytes(), "sao-ke.xls").expect("a table");
        let rows = &sheets[0].rows;
        assert_eq!((rows[0].text(0), rows[0].text(2)), ("Ng&agrave;y", "Số dư"));
        assert_eq!((rows[1].text(0), rows[1].text(1), rows[1].text(2)), ("22/11\n2026", "a & b", "1.250"));
        let styles = "<style>a{}</STYLE>".repeat(1_000) + "<table><tr><td>&#49;&&;&longer_than_any;</table>";
        assert_eq!(
            sheet::read(format!("<html>{styles}").as_bytes(), "x.xls").expect("a table")[0].rows[0].text(0),
            "1&&;&longer_than_any;"
        );
        let bomb = "<!DOCTYPE html [<!ENTITY a \"&b;&b;\">]><table><tr><td>&a;</table>";
        assert_eq!(sheet::read(bomb.as_bytes(), "x.xls").expect_err("entities").code, "xml-asks-outside");
    }
}
