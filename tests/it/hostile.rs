//! Files that somebody made to harm: each is read by a process of its own, whose memory and time are measured.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use hocphi::statements;

use crate::roll::{HEAD, TAIL, workbook_of, zipped};

/// Names the file that the child reads.
const FILE: &str = "HOCPHI_TEST_READ";
/// What one file may take: memory beside its own bytes, and time. The tests' build is not optimised.
const MOST_KB: u64 = 64 << 10;
const MOST_MS: u128 = if cfg!(debug_assertions) { 20_000 } else { 2_000 };

/// The table that a harmless file of this kind has.
const LINES: &str = "Ngày,Số tham chiếu,Ghi nợ,Ghi có,Số dư,Nội dung\n22/11/2026,a,,10,110,x\n22/11/2026,b,,20,130,y\n";

/// A file, and the code it must be refused with; `read` when it is harmless and must be read, `any` for either.
type Hostile = (String, Vec<u8>, &'static str);

fn sheet_of(rows: &str) -> Vec<u8> {
    workbook_of(rows.as_bytes(), 1, HEAD, TAIL)
}

/// The heading and two lines as cells of a sheet, with more rows behind them.
fn rows(more: &str) -> String {
    let mut rows = String::new();
    for (at, line) in LINES.lines().enumerate() {
        let row = at + 1;
        let cell = |(column, text): (char, &str)| format!("<c r=\"{column}{row}\" t=\"str\"><v>{text}</v></c>");
        let cells: String = ('A'..).zip(line.split(',')).map(cell).collect();
        write!(rows, "<row r=\"{row}\">{cells}</row>").expect("a row");
    }
    rows + more
}

fn texts() -> Vec<Hostile> {
    let file = |name: &str, bytes: Vec<u8>, code| (name.to_owned(), bytes, code);
    vec![
        file("empty.csv", Vec::new(), "file-empty"),
        file("nothing-but-commas.csv", vec![b','; 1 << 20], "too-many-columns"),
        file("a-line-of-100-mb.csv", vec![b'x'; 100 << 20], "file-too-large"),
        file("a-line-of-31-mb.csv", vec![b'x'; 31 << 20], "cell-too-long"),
        file("a-quote-without-end.csv", [LINES.as_bytes(), b"\"", &vec![b'y'; 20 << 20]].concat(), "cell-too-long"),
        file(
            "a-million-empty-rows.csv",
            [LINES.as_bytes(), ",,,,,\n".repeat(1_000_000).as_bytes()].concat(),
            "too-many-cells",
        ),
        file("a-million-blank-lines.csv", [LINES.as_bytes(), &vec![b'\n'; 1_000_000]].concat(), "read"),
        file("nul.csv", [LINES.as_bytes(), b"\0\0\0"].concat(), "not-a-table"),
        file(
            "random.csv",
            (0..1_000_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()[0] | 1).collect(),
            "any",
        ),
        file("no-text.bin", (0..=255).cycle().take(1 << 20).collect(), "not-unicode"),
        file("half-a-letter.csv", vec![0xff, 0xfe, 0x00, 0xd8], "not-unicode"),
        file(
            "wide.csv",
            [0xff, 0xfe]
                .into_iter()
                .chain("語".repeat(15 << 20).encode_utf16().flat_map(u16::to_le_bytes))
                .take(31 << 20)
                .collect(),
            "too-much-text",
        ),
        file("cells-of-text.csv", format!("{}\n", "chữ".repeat(300)).repeat(15_000).into_bytes(), "too-much-text"),
    ]
}

/// One cell that no amount and no day is.
fn cells() -> Vec<Hostile> {
    let file = |name: &str, bytes: Vec<u8>, code| (name.to_owned(), bytes, code);
    let line = |cells: [&str; 3]| {
        format!("Ngày,Ghi nợ,Ghi có,Nội dung\n{},{},{},x\n", cells[0], cells[1], cells[2]).into_bytes()
    };
    vec![
        file("year-9999.csv", line(["01/01/9999", "", "10"]), "statement-date"),
        file("negative-serial.csv", line(["-46348", "", "10"]), "statement-date"),
        file("nan.csv", line(["22/11/2026", "", "NaN"]), "statement-amount"),
        file("infinite.csv", line(["22/11/2026", "inf", ""]), "statement-amount"),
        file("exponent.csv", line(["22/11/2026", "", "1e15"]), "statement-amount"),
        file("too-rich.csv", line(["22/11/2026", "", "99999999999999999999999999"]), "statement-amount"),
        file("both-ways.csv", line(["22/11/2026", "10", "10"]), "statement-both-sides"),
        file("formula.csv", line(["22/11/2026", "", "=1+1"]), "statement-amount"),
        file("command.csv", format!("{LINES}23/11/2026,c,,1,131,=cmd|' /C calc'!A0\n").into_bytes(), "read"),
        file("broken-balance.csv", LINES.replace("130", "131").into_bytes(), "statement-balance-breaks"),
        file("only-a-heading.csv", LINES.lines().next().unwrap_or_default().as_bytes().to_vec(), "read"),
    ]
}

/// Pages under the name of a workbook, and texts in old encodings.
fn pages() -> Vec<Hostile> {
    let file = |name: &str, bytes: Vec<u8>, code| (name.to_owned(), bytes, code);
    let mut all = vec![
        file(
            "page-without-end.xls",
            [b"<html><table><tr><td>".as_slice(), &vec![b'x'; 10 << 20], b"<"].concat(),
            "file-damaged",
        ),
        file(
            "page-of-cells.xls",
            [b"<table><tr>".as_slice(), "<td>".repeat(1_100_000).as_bytes()].concat(),
            "too-many-cells",
        ),
        file(
            "page-with-entities.xls",
            b"<!DOCTYPE html [<!ENTITY a \"&b;\">]><table><tr><td>&a;</table>".to_vec(),
            "xml-asks-outside",
        ),
        file(
            "page-of-spans.xls",
            "<table>"
                .to_owned()
                .into_bytes()
                .into_iter()
                .chain("<tr><td colspan=99999>x<td colspan=99999>y".repeat(9_000).into_bytes())
                .collect(),
            "no-statement-heading",
        ),
    ];
    for (name, encoded) in [
        (
            "tcvn3.csv",
            LINES
                .replace("Ngày", "Ng\u{b5}y")
                .replace("Số", "S\u{e8}")
                .replace("Nội", "N\u{e9}i")
                .replace("có", "c\u{e3}")
                .replace("nợ", "n\u{ee}")
                .replace("chiếu", "chi\u{d5}u")
                .replace("dư", "d\u{ad}"),
        ),
        (
            "vni.csv",
            LINES
                .replace("Ngày", "Ngaøy")
                .replace("Số", "Soá")
                .replace("Nội", "Noäi")
                .replace("có", "coù")
                .replace("nợ", "nôï")
                .replace("chiếu", "chieáu")
                .replace("dư", "dö"),
        ),
    ] {
        all.push(file(
            name,
            encoded.chars().map(|letter| u8::try_from(u32::from(letter)).unwrap_or(b'?')).collect(),
            "read",
        ));
        all.push(file(&format!("unicode-{name}"), encoded.into_bytes(), "read"));
    }
    all
}

fn xml() -> Vec<Hostile> {
    let laughs = "<!DOCTYPE l [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\"><!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;\">]>";
    let stolen = "<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>";
    let open = "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.02\"><BkToCstmrStmt><Stmt>";
    let file = |name: &str, text: String, code| (name.to_owned(), text.into_bytes(), code);
    let mt = |middle: &str| format!(":20:X\n:25:1\n:60F:C261101VND0,\n{middle}:62F:C261101VND0,\n-\n");
    vec![
        file("laughs.xml", format!("{laughs}{open}&c;</Stmt></BkToCstmrStmt></Document>"), "xml-asks-outside"),
        file("stolen.xml", format!("{stolen}{open}&e;</Stmt></BkToCstmrStmt></Document>"), "xml-asks-outside"),
        file("parameter.xml", format!("<!DOCTYPE x [<!ENTITY % e SYSTEM \"http://127.0.0.1:9/x\">%e;]>{open}"), "xml-asks-outside"),
        file("deep.xml", "<a>".repeat(5_000_000), "camt-unreadable"),
        file("long-name.xml", format!("<{}", "a".repeat(20 << 20)), "camt-unreadable"),
        file("long-text.xml", format!("{open}{}", "x".repeat(20 << 20)), "camt-unreadable"),
        file("many-attributes.xml", format!("<a {}/>", "b=\"c\" ".repeat(1_000_000)), "camt-unreadable"),
        file("cut.xml", open.to_owned(), "camt-unreadable"),
        file("not-a-statement.xml", "<svg/>".to_owned(), "camt-unreadable"),
        file("entries.xml", format!("{open}{}", "<Ntry><Amt Ccy=\"VND\">1</Amt><CdtDbtInd>CRDT</CdtDbtInd><BookgDt><Dt>2026-11-01</Dt></BookgDt></Ntry>".repeat(100_001)), "too-many-lines"),
        file("dollars.xml", format!("{open}<Ntry><Amt Ccy=\"USD\">1</Amt></Ntry>"), "statement-currency"),
        file("long-86.txt", mt(&format!(":61:261101C0,NTRFX\n:86:{}", "x\n".repeat(1_000_000))), "mt940-unreadable"),
        file("fields.txt", mt(&":61:261101C0,NTRFX\n".repeat(100_001)), "too-many-lines"),
        file("cut-61.txt", mt(":61:2611\n"), "mt940-unreadable"),
        file("letters-61.txt", mt(":61:ộộộộộộộộ\n"), "mt940-unreadable"),
    ]
}

fn workbooks() -> Vec<Hostile> {
    let file = |name: &str, bytes: Vec<u8>, code| (name.to_owned(), bytes, code);
    let shared = |texts: &[u8], times| {
        let head = b"<sst xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\" uniqueCount=\"9\">";
        zipped(&[("xl/sharedStrings.xml", &[head, texts.repeat(times).as_slice(), b"</sst>"].concat(), 1)])
    };
    let whole = sheet_of(&rows(""));
    let old = |kind: u16, data: &[u8]| {
        let mut stream: Vec<u8> = [0x0809_u16, 4, 0x0600, 5].iter().flat_map(|word| word.to_le_bytes()).collect();
        stream.extend(
            kind.to_le_bytes().iter().chain(&u16::try_from(data.len()).expect("short").to_le_bytes()).chain(data),
        );
        compound(&stream)
    };
    vec![
        file("harmless.xlsx", whole.clone(), "read"),
        file("cut.xlsx", whole[..whole.len() / 2].to_vec(), "file-damaged"),
        file("no-workbook.xlsx", zipped(&[("a", b"b", 1)]), "file-damaged"),
        file("bomb.xlsx", zipped(&[("xl/worksheets/sheet1.xml", &vec![b' '; 1 << 20], 512)]), "unpacks-too-large"),
        file("bomb-of-styles.xlsx", zipped(&[("xl/styles.xml", &vec![b' '; 1 << 20], 60)]), "too-much-text"),
        file("texts.xlsx", shared(b"<si><t>x</t></si>", 900_000), "too-much-text"),
        file("long-text.xlsx", shared(&vec![b'x'; 1 << 20], 40), "too-much-text"),
        file(
            "a-count-that-lies.xlsx",
            zipped(&[("xl/sharedStrings.xml", b"<sst uniqueCount=\"4000000000\"/>", 1)]),
            "unpacks-too-large",
        ),
        file(
            "a-thousand-files.xlsx",
            zipped(&(0..2_001).map(|_| ("a", b"b".as_slice(), 1)).collect::<Vec<_>>()[..1]),
            "file-damaged",
        ),
        file("million-empty-rows.xlsx", sheet_of(&rows(&"<row/>".repeat(1_000_000))), "read"),
        file("million-empty-cells.xlsx", sheet_of(&rows(&"<row><c/></row>".repeat(1_000_001))), "too-many-cells"),
        file("far-cell.xlsx", sheet_of(&rows("<row r=\"1048576\"><c r=\"XFD1048576\"><v>1</v></c></row>")), "read"),
        file("hidden.xlsx", sheet_of(&rows("").replace("<row r=\"3\">", "<row r=\"3\" hidden=\"1\">")), "read"),
        file(
            "formula.xlsx",
            sheet_of(&rows("<row r=\"4\"><c r=\"A4\"><f>WEBSERVICE(\"http://127.0.0.1:9\")</f></c></row>")),
            "read",
        ),
        file(
            "entity.xlsx",
            workbook_of(
                b"<row><c t=\"str\"><v>&e;</v></c></row>",
                1,
                &[b"<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>".as_slice(), HEAD].concat(),
                TAIL,
            ),
            "any",
        ),
        file("deep.xlsx", sheet_of(&"<a>".repeat(1_000_000)), "any"),
        file(
            "infinite.xlsx",
            sheet_of(&rows("<row r=\"4\"><c r=\"A4\"><v>46348</v></c><c r=\"D4\"><v>1e999</v></c></row>")),
            "statement-amount",
        ),
        file(
            "nan.xlsx",
            sheet_of(&rows("<row r=\"4\"><c r=\"A4\"><v>46348</v></c><c r=\"D4\"><v>NaN</v></c></row>")),
            "any",
        ),
        file("empty.xls", compound(&[]), "old-workbook"),
        file("wrong-magic.xls", [&[0xd0, 0xcf, 0x11, 0xe0][..], &[0xff; 4096]].concat(), "old-workbook"),
        file("ring.xls", ring(), "old-workbook"),
        file("password.xls", old(0x002f, &[1, 0, 0, 0]), "old-workbook"),
        file("sheet-beyond.xls", old(0x0085, &[0xff, 0xff, 0xff, 0x7f, 0, 0, 1, 0, b'S']), "file-damaged"),
        file("texts-that-lie.xls", old(0x00fc, &[0xff; 8]), "file-damaged"),
    ]
}

/// Cells, rows and areas that no sheet has, which calamine 0.38 would count to beyond a `u32`.
fn addresses() -> Vec<Hostile> {
    let file = |name: &str, bytes: Vec<u8>, code| (name.to_owned(), bytes, code);
    vec![
        file("column-beyond.xlsx", sheet_of(&rows("<row r='4'><c r='AAAAAAAAAAAAAAAA4'/></row>")), "file-damaged"),
        file(
            "row-beyond.xlsx",
            sheet_of(&rows("<row r=\"4\" spans=\">\"><c r=\"A4294967297\"/></row>")),
            "file-damaged",
        ),
        file(
            "dimension-beyond.xlsx",
            workbook_of(
                rows("").as_bytes(),
                1,
                &String::from_utf8_lossy(HEAD).replace("XFD1048576", "ZZZZZZZZZZ1").into_bytes(),
                TAIL,
            ),
            "file-damaged",
        ),
        file(
            "two-addresses.xlsx",
            sheet_of(&rows("<row r='1'><c r='A1' r='AAAAAAAAAAAAAAAA1'/></row>")),
            "file-damaged",
        ),
        file(
            "torn-address.xlsx",
            sheet_of(&rows("<row r=\"1\"><c r=\"A1\" r=\"x=\"7\"\u{10}A0A1\" <i=\"str\"><v>V</v></c></row>")),
            "file-damaged",
        ),
        file(
            "blank-that-is-none.xlsx",
            sheet_of(&rows("<row r=\"1\"><c \u{c}r=\"Airkbids><t>r\"><v>V</v></c></row>")),
            "file-damaged",
        ),
        file(
            "dimension-backwards.xlsx",
            workbook_of(
                rows("").as_bytes(),
                1,
                &String::from_utf8_lossy(HEAD).replace("A1:XFD1048576", "SA1:FD6048576").into_bytes(),
                TAIL,
            ),
            "file-damaged",
        ),
        file("far-row.xlsx", sheet_of(&rows("<row r=\"99999999999\"><c><v>1</v></c></row>")), "file-damaged"),
        file("quotes-in-comments.xlsx", sheet_of(&rows("<!-- don't --><row r=\"4\"><c r=\"A4\"/><c/></row>")), "read"),
    ]
}

/// Files that are small for each thing they say, and say it so often that whoever looks back each time never ends.
fn repetitions() -> Vec<Hostile> {
    let file = |name: &str, bytes: Vec<u8>, code| (name.to_owned(), bytes, code);
    let row = |text: &str| format!("{}\n", vec![text; 16_000].join(","));
    let opens = "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.02\"><BkToCstmrStmt><Stmt>";
    let accounts = (0..400_000).fold(String::new(), |mut text, account| {
        writeln!(text, ":20:X\n:25:{account}\n:60F:C261101VND0,\n:62F:C261101VND0,\n-").expect("a message");
        text
    });
    let attributes = (0..300_000).fold(String::new(), |mut text, at| {
        write!(text, " a{at}=\"\"").expect("an attribute");
        text
    });
    let mut sheets: Vec<u8> = Vec::new();
    let mut record = |kind: u16, data: &[u8]| {
        sheets.extend(kind.to_le_bytes().iter().chain(&u16::try_from(data.len()).expect("short").to_le_bytes()));
        sheets.extend(data);
    };
    record(0x0809, &[0, 6, 5, 0]);
    (0..1_000).for_each(|_| record(0x0085, &[8, 0, 0, 0, 0, 0, 1, 0, b'S']));
    (0..3_500_000).for_each(|_| record(0x1000, &[]));
    vec![
        file("scripts.xls", format!("<table>{}", "<script></script>".repeat(500_000)).into_bytes(), "file-empty"),
        file(
            "lines-of-tcvn3.csv",
            [&b"Ng\xb5y,S\xe8 d\xad\n"[..], &vec![b'\n'; 10_000_000]].concat(),
            "no-statement-heading",
        ),
        file("texts-and-cells.xls", compound(&texts_and_cells()), "any"),
        file("closing-balances.csv", format!("{LINES}{}", row("Số dư cuối kỳ").repeat(8)).into_bytes(), "read"),
        file(
            "words.csv",
            format!("{LINES}{}", "ngay,so,,,du,tai,khoan,ghi,no,tong\n".repeat(20_000)).into_bytes(),
            "statement-without-lines",
        ),
        file(
            "labels-for-days.csv",
            format!("{LINES}{}", "22/11/2 26,a có,Số dư,Số tham chiếu,,0,x\n".repeat(90_000)).into_bytes(),
            "statement-without-lines",
        ),
        file("account-numbers.csv", format!("{}{LINES}", row("Số tài khoản").repeat(8)).into_bytes(), "read"),
        file("accounts.txt", accounts.into_bytes(), "too-many-lines"),
        file(
            "fields-of-nothing.txt",
            format!(":20:X\n{}", ":28C:1\n".repeat(4_000_000)).into_bytes(),
            "too-many-lines",
        ),
        file(
            "statements.xml",
            format!("<A><BkToCstmrStmt>{}", "<Stmt/>".repeat(4_000_000)).into_bytes(),
            "too-many-lines",
        ),
        file("balances.xml", format!("{opens}{}", "<Bal/>".repeat(1_500_000)).into_bytes(), "camt-unreadable"),
        file("transfers.xml", format!("{opens}<Ntry>{}", "<TxDtls/>".repeat(3_000_000)).into_bytes(), "too-many-lines"),
        file(
            "texts.xml",
            format!("{opens}<Ntry><TxDtls><RmtInf>{}", "<Ustrd/>".repeat(3_000_000)).into_bytes(),
            "camt-unreadable",
        ),
        file(
            "below-a-long-name.xml",
            format!("{opens}<{}>{}", "a".repeat(1 << 20), "<b/>".repeat(2_000_000)).into_bytes(),
            "camt-unreadable",
        ),
        file("attributes.xlsx", sheet_of(&rows(&format!("<row r=\"4\"><c r=\"A4\"{attributes}/></row>"))), "any"),
        file("one-sheet-a-thousand-times.xls", compound(&sheets), "any"),
    ]
}

/// The records of an .xls that holds as much as sixteen megabytes can: letters that are twice as long when read, and
/// cells.
fn texts_and_cells() -> Vec<u8> {
    let record = |kind: u16, data: &[u8]| {
        let length = u16::try_from(data.len()).expect("short");
        [&kind.to_le_bytes(), &length.to_le_bytes(), data].concat()
    };
    let text = [&8_000_u16.to_le_bytes()[..], &[0], &[0xe9; 8_000]].concat();
    let mut texts = record(0x00fc, &[232, 3, 0, 0, 232, 3, 0, 0]);
    (0..1_000).for_each(|_| texts.extend(record(0x003c, &text)));
    let begins = record(0x0809, &[0, 6, 5, 0]);
    let ends = record(0x000a, &[]);
    let at = u32::try_from(begins.len() + 13 + texts.len() + ends.len()).expect("short").to_le_bytes();
    let sheet = record(0x0085, &[&at[..], &[0, 0, 1, 0, b'S']].concat());
    let cell = |number: u32| {
        let (row, column) = (u16::try_from(number >> 3).expect("a row"), u16::try_from(number & 7).expect("a column"));
        let place = [row.to_le_bytes(), column.to_le_bytes(), [0, 0]].concat();
        if number & 63 == 7 {
            record(0x00fd, &[place, ((number >> 6) % 1_000).to_le_bytes().to_vec()].concat())
        } else {
            record(0x027e, &[place, (number << 2 | 2).to_le_bytes().to_vec()].concat())
        }
    };
    let cells = (0..500_000).flat_map(cell).collect();
    [begins.clone(), sheet, texts, ends.clone(), begins, cells, ends].concat()
}

/// A compound file with one stream of an .xls, as short as one can be.
fn compound(stream: &[u8]) -> Vec<u8> {
    const LAST: u32 = 0xffff_fffe;
    let mut stream = stream.to_vec();
    stream.resize(stream.len().max(4096).next_multiple_of(512), 0);
    let number = |count: usize| u32::try_from(count).expect("a file of sectors");
    let sectors = stream.len() / 512;
    let tables = (sectors + 1).div_ceil(127);
    // Tables beyond those that the header has room for are listed in sectors of their own, behind everything.
    let lists = (tables.max(109) - 109).div_ceil(127);
    let mut file = vec![0; 512];
    file[..8].copy_from_slice(&[0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1]);
    (file[30], file[32]) = (9, 6);
    let first_list = if lists == 0 { LAST } else { number(tables + 1 + sectors) };
    for (at, value) in [(44, number(tables)), (48, number(tables)), (60, LAST), (68, first_list)] {
        file[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }
    for place in 0..109 {
        let table = if place < tables { number(place) } else { u32::MAX };
        file[76 + 4 * place..80 + 4 * place].copy_from_slice(&table.to_le_bytes());
    }
    let mut fat: Vec<u32> = vec![0xffff_fffd; tables];
    fat.push(LAST);
    fat.extend((1..sectors).map(|step| number(tables + 1 + step)));
    fat.push(LAST);
    fat.resize(tables * 128, u32::MAX);
    file.extend(fat.into_iter().flat_map(u32::to_le_bytes));
    let mut folder = vec![0; 512];
    for (at, letter) in "Workbook".encode_utf16().enumerate() {
        folder[2 * at..2 * at + 2].copy_from_slice(&letter.to_le_bytes());
    }
    folder[64] = 18;
    folder[116..120].copy_from_slice(&number(tables + 1).to_le_bytes());
    folder[120..124].copy_from_slice(&number(stream.len()).to_le_bytes());
    file.extend(folder);
    file.extend(stream);
    for list in 0..lists {
        let tables =
            (109 + list * 127..109 + list * 127 + 127).map(|at| if at < tables { number(at) } else { u32::MAX });
        let next = if list + 1 == lists { LAST } else { first_list + number(list) + 1 };
        file.extend(tables.chain([next]).flat_map(u32::to_le_bytes));
    }
    file
}

/// The folder's list of sectors leads back to its own beginning.
fn ring() -> Vec<u8> {
    let mut file = compound(&[]);
    file[516..520].copy_from_slice(&1_u32.to_le_bytes());
    file
}

/// Does nothing unless [`every_hostile_file_is_read_or_refused_at_little_cost`] starts it for one file.
#[test]
fn one_file_is_read_by_a_process_of_its_own() {
    let Ok(path) = std::env::var(FILE) else { return };
    let bytes = std::fs::read(&path).expect("the file");
    let name = Path::new(&path).file_name().expect("a name").to_string_lossy().into_owned();
    // 5 lets the highest mark begin anew at the present size.
    std::fs::write("/proc/self/clear_refs", "5").expect("proc");
    let (before, began) = (memory("VmRSS:"), on_a_core());
    let code = match statements::read(&bytes, &name) {
        Ok(_) => "read",
        Err(refusal) => {
            let plain = |text: &str| text.ends_with('.') && (20..260).contains(&text.chars().count());
            assert!(plain(&refusal.vi) && plain(&refusal.en), "{refusal:?}");
            refusal.code
        }
    };
    let took = (on_a_core() - began) / 1_000_000;
    println!("\nTOLD {code} {took} {}", memory("VmHWM:").saturating_sub(before));
}

/// Nanoseconds that this thread was at work, however busy the machine is with others.
fn on_a_core() -> u128 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").expect("proc");
    told.split(' ').next().and_then(|number| number.parse().ok()).expect("a number of ns")
}

fn memory(mark: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("proc");
    let line = status.lines().find(|line| line.starts_with(mark)).expect("the mark");
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number of kB")
}

#[test]
fn every_hostile_file_is_read_or_refused_at_little_cost() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut worst, mut wrong, mut count) = ((0, 0), Vec::new(), 0);
    for make in [repetitions, texts, cells, pages, xml, workbooks, addresses] {
        for (name, bytes, wanted) in make() {
            count += 1;
            let path = folder.path().join(&name);
            std::fs::write(&path, bytes).expect("a file");
            let mut child = Command::new(std::env::current_exe().expect("this binary"));
            child
                .args(["--exact", "hostile::one_file_is_read_by_a_process_of_its_own", "--nocapture"])
                .env(FILE, &path);
            let output = child.output().expect("a child");
            std::fs::remove_file(&path).expect("gone");
            let told = String::from_utf8_lossy(&output.stdout).into_owned();
            let words: Vec<&str> =
                told.lines().filter_map(|line| line.strip_prefix("TOLD ")).flat_map(|line| line.split(' ')).collect();
            let [code, took, grew] = words.as_slice() else {
                wrong.push(format!("{name}: died: {}", String::from_utf8_lossy(&output.stderr)));
                continue;
            };
            let (took, grew): (u128, u64) = (took.parse().expect("ms"), grew.parse().expect("kB"));
            worst = (worst.0.max(took), worst.1.max(grew));
            if (wanted != "any" && *code != wanted) || took > MOST_MS || grew > MOST_KB {
                wrong.push(format!("{name}: {code} (wanted {wanted}) in {took} ms, {grew} kB more"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count >= 60, "{count} files");
    println!("{count} files, at most {} ms and {} kB more", worst.0, worst.1);
}
