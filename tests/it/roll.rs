//! Schools are set up once and rosters come as schools keep them.

use std::fmt::Write as _;
use std::io::Write as _;

use hocphi::fault::Refusal;
use hocphi::roll::import::{self, Roster};
use hocphi::roll::{self, School, setup, sheet};
use hocphi::store::Store;
use hocphi::time::{Clock, Day, Moment};
use rust_xlsxwriter::{ExcelDateTime, Format, Formula, Workbook};

use crate::engines::{Fresh, deeds};
use crate::on_both;

on_both!(
    setting_up_twice_changes_nothing,
    a_table_that_contradicts_itself_sets_up_nothing,
    the_tree_of_authorities_is_walked_as_it_was_on_the_day,
    a_messy_workbook_is_read_as_it_is_and_again_changes_nothing,
    a_wrong_cell_is_named_and_nothing_is_stored,
    a_pupil_who_moves_keeps_last_months_class,
    pupils_are_found_without_accents,
    two_thousand_pupils_come_in_quickly
);

/// One authority tree, two schools, their accounts and the first people.
pub const SETUP: &str = "\
kind,code,name,under,level,ownership,bank,number,login,password
authority,SGD79,Sở Giáo dục và Đào tạo,,doet,,,,,
cơ quan,P-BN,UBND phường Bến Nghé,SGD79,ward,,,,,
trường,79001,Trường Tiểu học Hoa Sen,P-BN,tiểu học,công lập,,,,
school,79002,Trường Mầm non Mai Vàng,P-BN,preschool,private,,,,
tài khoản,,TRUONG TH HOA SEN,79001,,,970436,0011001234567,,
account,,TRUONG MN MAI VANG,79002,,,970422,888899990000,,
kế toán,,Nguyễn Thị Lan,79001,,,,,lan,mat-khau-cua-lan
hiệu trưởng,,Trần Văn Minh,79001,,,,,minh,
giám sát,,Lê Thu Hà,P-BN,,,,,thuha,
";

/// The clock of these tests: a Monday morning in November.
pub fn clock() -> Clock {
    Clock::set(Moment::parse("2026-11-23T01:00:00Z").expect("an instant"))
}

pub fn today() -> Day {
    clock().now().day()
}

/// The school of code 79001, set up.
pub async fn school(store: &Store) -> School {
    let lines = setup::read(SETUP.as_bytes(), "setup.csv").expect("a table");
    setup::setup(store, &clock(), &lines).await.expect("a set-up");
    roll::school_by_code(store, "79001").await.expect("a store").expect("the school")
}

pub fn roster(text: &str) -> Roster {
    import::read(text.as_bytes(), "roster.csv", today()).expect("a roster")
}

async fn bring(store: &Store, school: &School, roster: &Roster) -> import::Summary {
    let preview = import::preview(store, school, roster, today()).await.expect("a preview");
    import::apply(store, &clock(), school, &preview, "system").await.expect("an import")
}

async fn setting_up_twice_changes_nothing(fresh: Fresh) {
    let lines = setup::read(SETUP.as_bytes(), "setup.csv").expect("a table");
    let first = setup::setup(&fresh.store, &clock(), &lines).await.expect("a set-up");
    assert_eq!((first.written, first.unchanged, first.people.len()), (6, 0, 3));
    let made: Vec<bool> = first.people.iter().map(|(_, _, password)| password.is_some()).collect();
    assert_eq!(made, [false, true, true], "a password is made only where none was given");
    let second = setup::setup(&fresh.store, &clock(), &lines).await.expect("a set-up");
    assert_eq!((second.written, second.unchanged, second.people.len()), (0, 9, 0));
    hocphi::access::sign_in(&fresh.store, "lan", "mat-khau-cua-lan").await.expect("the first accountant");
    let made = first.people[1].2.as_deref().expect("a password");
    hocphi::access::sign_in(&fresh.store, "minh", made).await.expect("the head");
}

async fn a_table_that_contradicts_itself_sets_up_nothing(fresh: Fresh) {
    let table =
        SETUP.replace("970436", "999999").replace("Trường Tiểu học Hoa Sen,P-BN", "Trường Tiểu học Hoa Sen,P-XX");
    let lines = setup::read(table.as_bytes(), "setup.csv").expect("a table");
    let refused = setup::setup(&fresh.store, &clock(), &lines).await.expect_err("a contradiction");
    let refused = refused.refusal().expect("a refusal");
    let places: Vec<&str> = refused.places.iter().map(|place| place.at.as_str()).collect();
    assert_eq!((refused.code, places), ("file-has-errors", vec!["A4", "A6"]));
    assert!(roll::schools(&fresh.store).await.expect("a store").is_empty());
}

async fn the_tree_of_authorities_is_walked_as_it_was_on_the_day(fresh: Fresh) {
    school(&fresh.store).await;
    let top = roll::authority_by_code(&fresh.store, "SGD79").await.expect("a store").expect("the department");
    let codes = async |day: Day| -> Vec<String> {
        let schools = roll::schools_under(&fresh.store, &top.id, day).await.expect("schools");
        schools.into_iter().map(|school| school.code).collect()
    };
    assert_eq!(codes(today()).await, ["79001", "79002"]);
    assert!(codes(today().plus_days(-1)).await.is_empty(), "yesterday nobody watched over them here");
}

/// Titles, a header of two rows with merged cells, a name in two columns, days as text and as dates, a formula, numbers
/// where zeros got lost, a total and a signature.
fn messy_workbook() -> Vec<u8> {
    let mut book = Workbook::new();
    let plain = Format::new();
    let dated = Format::new().set_num_format("dd/mm/yyyy");
    let sheet = book.add_worksheet();
    sheet.merge_range(0, 0, 0, 7, "TRƯỜNG TIỂU HỌC HOA SEN", &plain).expect("a title");
    sheet.merge_range(1, 0, 1, 7, "DANH SÁCH HỌC SINH NĂM HỌC 2026 - 2027", &plain).expect("a title");
    sheet.merge_range(3, 0, 4, 0, "STT", &plain).expect("a header");
    sheet.merge_range(3, 1, 4, 1, "Mã HS (*)", &plain).expect("a header");
    sheet.merge_range(3, 2, 4, 3, "Họ và tên học sinh", &plain).expect("a header");
    sheet.merge_range(3, 4, 4, 4, "Ngày sinh", &plain).expect("a header");
    sheet.merge_range(3, 5, 4, 5, "Lớp", &plain).expect("a header");
    sheet.merge_range(3, 6, 3, 7, "Phụ huynh", &plain).expect("a header");
    sheet.write(4, 6, "Họ tên").expect("a header");
    sheet.write(4, 7, "Điện thoại").expect("a header");
    // The name of the first is written with combining marks, as some keyboards do.
    let rows: [(&str, &str, &str, &str, &str); 3] = [
        ("Nguye\u{302}\u{303}n Va\u{306}n", "An", "Lớp 3a", "Nguyễn Văn Bình", "0912 345 678"),
        ("Nguyễn Thị", "Bé", "1B", "Nguyễn Văn Bình", "912345678"),
        ("Lê  Hoàng", "Châu", "3A", "Lê Thị Dung", ""),
    ];
    for (place, (surname, given, class, guardian, phone)) in (0_u32..).zip(rows) {
        let row = 5 + place;
        sheet.write(row, 0, place + 1).expect("a number");
        sheet.write(row, 1, 123_456_780 + i64::from(place)).expect("a code that lost its zero");
        sheet.write(row, 2, surname).expect("a surname");
        sheet.write(row, 3, given).expect("a name");
        sheet.write(row, 5, class).expect("a class");
        sheet.write(row, 6, guardian).expect("a guardian");
        sheet.write(row, 7, phone).expect("a telephone");
    }
    let date = ExcelDateTime::from_ymd(2018, 9, 5).expect("a day");
    sheet.write_with_format(5, 4, &date, &dated).expect("a date");
    sheet.write(6, 4, "7-3-20").expect("a typed day");
    sheet.write_formula(7, 4, Formula::new("=\"01/02/2018\"").set_result("01/02/2018")).expect("a formula");
    sheet.write(9, 2, "Tổng số: 3 học sinh").expect("a total");
    sheet.write(10, 6, "Người lập biểu").expect("a signature");
    book.save_to_buffer().expect("a workbook")
}

async fn a_messy_workbook_is_read_as_it_is_and_again_changes_nothing(fresh: Fresh) {
    let school = school(&fresh.store).await;
    let roster = import::read(&messy_workbook(), "ds.xlsx", today()).expect("a roster");
    assert!(roster.problems.iter().all(|problem| !problem.blocking), "{:?}", roster.problems);
    assert!(roster.problems.iter().any(|problem| problem.cell == "H7"), "the lost zero of a telephone is told");
    let preview = import::preview(&fresh.store, &school, &roster, today()).await.expect("a preview");
    assert_eq!((preview.new, preview.new_classes.clone()), (3, vec!["1B".to_owned(), "3A".to_owned()]));
    assert!(roll::classes_of(&fresh.store, &school.id, "2026-2027").await.expect("a store").is_empty());
    let done = import::apply(&fresh.store, &clock(), &school, &preview, "system").await.expect("an import");
    assert_eq!((done.new, done.changed, done.unchanged, done.new_classes), (3, 0, 0, 2));
    let classes = roll::classes_of(&fresh.store, &school.id, "2026-2027").await.expect("classes");
    let pupils = roll::pupils_of(&fresh.store, &classes[1].id, today()).await.expect("pupils");
    let listed: Vec<_> = pupils
        .iter()
        .map(|pupil| (pupil.code.as_str(), pupil.full_name.as_str(), pupil.birth_day.map(|day| day.to_string())))
        .collect();
    assert_eq!(
        listed,
        [
            ("0123456782", "Lê Hoàng Châu", Some("2018-02-01".to_owned())),
            ("0123456780", "Nguyễn Văn An", Some("2018-09-05".to_owned())),
        ]
    );
    let younger = roll::pupils_of(&fresh.store, &classes[0].id, today()).await.expect("pupils");
    assert_eq!(younger[0].family_id, pupils[1].family_id, "one telephone is one family");
    let guardians = roll::guardians_of(&fresh.store, &younger[0].family_id).await.expect("guardians");
    assert_eq!((guardians.len(), guardians[0].phone.as_deref()), (1, Some("0912345678")));
    let again = bring(&fresh.store, &school, &roster).await;
    assert_eq!((again.new, again.changed, again.unchanged, again.new_classes), (0, 0, 3, 0));
    let imported = deeds(&fresh.store, &school.id).await;
    assert_eq!(imported, ["system roster.imported new 3, changed 0, new classes 2"], "the same file is no deed");
}

async fn a_wrong_cell_is_named_and_nothing_is_stored(fresh: Fresh) {
    let school = school(&fresh.store).await;
    let text = "STT;Mã học sinh;Họ và tên;Lớp;Ngày sinh\n\
                1;1000000001;Nguyễn An;3A;09/25/2018\n\
                2;1000000001;Trần Bình;3A;01/02/2018\n\
                3;1000000003;;3A;31/02/2018\n\
                4;1000000004;Lê Châu;;\n";
    let roster = roster(text);
    let told: Vec<(&str, Option<&str>)> =
        roster.problems.iter().map(|problem| (problem.cell.as_str(), problem.suggestion.as_deref())).collect();
    assert!(told.contains(&("E2", Some("25/09/2018"))), "{told:?}");
    assert!(told.contains(&("E4", Some("28/02/2018"))), "{told:?}");
    for cell in ["B3", "C4", "D5"] {
        assert!(told.contains(&(cell, None)), "{cell} in {told:?}");
    }
    let preview = import::preview(&fresh.store, &school, &roster, today()).await.expect("a preview");
    let refused = import::apply(&fresh.store, &clock(), &school, &preview, "system").await.expect_err("wrong cells");
    assert_eq!(refused.refusal().map(|refusal| (refusal.code, refusal.places.len())), Some(("file-has-errors", 5)));
    assert!(roll::classes_of(&fresh.store, &school.id, "2026-2027").await.expect("a store").is_empty());
    assert!(deeds(&fresh.store, &school.id).await.is_empty());
}

async fn a_pupil_who_moves_keeps_last_months_class(fresh: Fresh) {
    let school = school(&fresh.store).await;
    bring(&fresh.store, &school, &roster("Mã HS,Họ tên,Lớp\nA1,Nguyễn An,3A\nA2,Trần Bình,3A\n")).await;
    let later = Clock::set(clock().now().plus_ms(30 * 86_400_000));
    let day = later.now().day();
    let moved = roster("Mã HS,Họ tên,Lớp\nA1,Nguyễn An Nhiên,3B\nA2,Trần Bình,3A\n");
    let preview = import::preview(&fresh.store, &school, &moved, day).await.expect("a preview");
    let done = import::apply(&fresh.store, &later, &school, &preview, "system").await.expect("an import");
    assert_eq!((done.new, done.changed, done.unchanged), (0, 1, 1));
    let found = roll::search(&fresh.store, &school.id, "an nhien", day, 10).await.expect("a pupil");
    assert_eq!(found[0].class_name.as_deref(), Some("3B"));
    let class = roll::class_of(&fresh.store, &found[0].id, today()).await.expect("a store");
    assert_eq!(class.map(|class| class.name).as_deref(), Some("3A"));
    let again = import::preview(&fresh.store, &school, &moved, day).await.expect("a preview");
    assert_eq!((again.new, again.changed, again.unchanged), (0, 0, 2));
}

async fn pupils_are_found_without_accents(fresh: Fresh) {
    let school = school(&fresh.store).await;
    bring(&fresh.store, &school, &roster("Mã HS,Họ tên,Lớp\nHS_1,Đỗ Thị Ước,3A\nHSX1,Trần % Bình,3A\n")).await;
    let names = async |words: &str| -> Vec<String> {
        let found = roll::search(&fresh.store, &school.id, words, today(), 10).await.expect("pupils");
        found.into_iter().map(|found| found.full_name).collect()
    };
    assert_eq!(names("do thi uoc").await, ["Đỗ Thị Ước"]);
    assert_eq!(names("ƯỚC").await, ["Đỗ Thị Ước"]);
    assert_eq!(names("hs_").await, ["Đỗ Thị Ước"], "an underscore is itself");
    assert_eq!(names("%").await, ["Trần % Bình"], "a per cent sign is itself");
    assert!(names("' or 1=1 --").await.is_empty());
    assert!(names("").await.is_empty());
}

/// A roster of so many pupils in classes of forty, two in five with a brother or sister.
pub fn large_roster(pupils: usize) -> Roster {
    let mut text = String::from("Mã học sinh,Họ và tên,Lớp,Ngày sinh,Họ tên mẹ,SĐT mẹ\n");
    for place in 0..pupils {
        let family = place * 4 / 5;
        let class = place / 40;
        writeln!(
            text,
            "{:010},Nguyễn Thị Số {place},{}A{},{:02}/09/2018,Trần Thị {family},09{family:08}",
            7_900_100_000_usize + place,
            1 + class % 5,
            1 + class / 5,
            1 + place % 28
        )
        .expect("text");
    }
    roster(&text)
}

async fn two_thousand_pupils_come_in_quickly(fresh: Fresh) {
    let school = school(&fresh.store).await;
    let roster = large_roster(2_000);
    let begun = std::time::Instant::now();
    let done = bring(&fresh.store, &school, &roster).await;
    let first = begun.elapsed();
    assert_eq!((done.new, done.new_classes), (2_000, 50));
    let begun = std::time::Instant::now();
    let again = bring(&fresh.store, &school, &roster).await;
    assert_eq!((again.new, again.changed, again.unchanged), (0, 0, 2_000));
    println!("{:?}: 2,000 pupils in {first:?}, again in {:?}", fresh.store.engine(), begun.elapsed());
    // Unoptimised and beside other tests; optimised it is a small part of this.
    assert!(first.as_secs() < 20, "{first:?}");
}

fn refusal_of(bytes: &[u8]) -> Refusal {
    sheet::read(bytes, "file").expect_err("a refusal")
}

pub fn zipped(entries: &[(&str, &[u8], usize)]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, block, times) in entries {
        archive.start_file(*name, zip::write::SimpleFileOptions::default()).expect("an entry");
        for _ in 0..*times {
            archive.write_all(block).expect("bytes");
        }
    }
    archive.finish().expect("an archive").into_inner()
}

#[test]
fn a_bomb_of_two_hundred_megabytes_is_refused_before_it_unpacks() {
    let zeros = vec![0_u8; 1 << 20];
    let bomb = zipped(&[("xl/worksheets/sheet1.xml", &zeros, 200)]);
    assert!(bomb.len() < 1 << 20);
    let begun = std::time::Instant::now();
    assert_eq!(refusal_of(&bomb).code, "unpacks-too-large");
    assert!(begun.elapsed().as_millis() < 500, "{:?}", begun.elapsed());
}

#[test]
fn a_count_of_texts_that_nobody_could_hold_is_refused() {
    let shared =
        br#"<?xml version="1.0"?><sst xmlns="x" count="1" uniqueCount="99999999999999"><si><t>a</t></si></sst>"#;
    let book = zipped(&[("xl/workbook.xml", b"<workbook/>", 1), ("xl/sharedStrings.xml", shared, 1)]);
    assert_eq!(refusal_of(&book).code, "unpacks-too-large");
}

/// A workbook around a sheet written by hand.
pub fn workbook_of(sheet: &[u8], times: usize, head: &[u8], tail: &[u8]) -> Vec<u8> {
    let mut whole = head.to_vec();
    whole.extend(sheet.repeat(times));
    whole.extend_from_slice(tail);
    let types =
        br#"<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>"#;
    let package = br#"<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#;
    let book = br#"<?xml version="1.0"?><workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>"#;
    let inside = br#"<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>"#;
    zipped(&[
        ("[Content_Types].xml", types, 1),
        ("_rels/.rels", package, 1),
        ("xl/workbook.xml", book, 1),
        ("xl/_rels/workbook.xml.rels", inside, 1),
        ("xl/worksheets/sheet1.xml", &whole, 1),
    ])
}

pub const HEAD: &[u8] =
    br#"<?xml version="1.0"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><dimension ref="A1:XFD1048576"/><sheetData>"#;
pub const TAIL: &[u8] = b"</sheetData></worksheet>";

#[test]
fn a_declared_size_is_not_believed_and_a_million_empty_cells_are_refused() {
    let small = workbook_of(br#"<row r="7"><c r="B7" t="str"><f>1+1</f><v>shown</v></c></row>"#, 1, HEAD, TAIL);
    let sheets = sheet::read(&small, "small.xlsx").expect("a sheet");
    assert_eq!(sheets[0].rows.len(), 1);
    let row = &sheets[0].rows[0];
    assert_eq!((row.text(1), row.address(1).as_str()), ("shown", "B7"), "a formula shows its last value");
    let empty = workbook_of(b"<row><c/><c/><c/><c/><c/><c/><c/><c/><c/><c/></row>", 100_001, HEAD, TAIL);
    assert_eq!(refusal_of(&empty).code, "too-many-cells");
}

#[test]
fn files_that_are_no_tables_are_refused_with_a_sentence() {
    assert_eq!(refusal_of(&[0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1]).code, "old-workbook");
    assert_eq!(refusal_of(b"PK\x03\x04 and then nothing").code, "file-damaged");
    assert_eq!(refusal_of(b"H\xe4 v\xe0 t\xean;L\xf0p\n").code, "not-unicode");
    assert_eq!(refusal_of(b"%PDF-1.7\n\0\0\0").code, "not-a-table");
    assert_eq!(refusal_of(b"").code, "file-empty");
    assert_eq!(refusal_of(b"\xef\xbb\xbf\n\n;;;\n").code, "file-empty");
    let rows = "a\n".repeat(100_501);
    assert_eq!(refusal_of(rows.as_bytes()).code, "too-many-rows");
}

#[test]
fn a_text_table_is_read_in_every_shape_excel_saves() {
    let plain = "Họ tên;Lớp\nNguyễn \"Bé\" An;3A\n";
    let mut marked = b"\xef\xbb\xbf".to_vec();
    marked.extend_from_slice(plain.as_bytes());
    let tabs = plain.replace(';', "\t");
    let wide: Vec<u8> = [0xff, 0xfe].into_iter().chain(tabs.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    for bytes in [plain.as_bytes().to_vec(), marked, tabs.into_bytes(), wide, format!("sep=;\n{plain}").into_bytes()] {
        let sheets = sheet::read(&bytes, "list.csv").expect("a table");
        let last = sheets[0].rows.last().expect("a row");
        assert_eq!((last.text(0), last.text(1)), ("Nguyễn \"Bé\" An", "3A"));
    }
}

#[test]
fn rows_of_a_text_are_its_lines_whatever_ends_them() {
    let plain = "Họ tên;Lớp\nNguyễn An;3A\n\nTrần Bình;3B\n\"Lê\nChi\";3C\nVũ Dũng;3D";
    for ends in ["\n", "\r\n", "\r"] {
        let sheets = sheet::read(plain.replace('\n', ends).as_bytes(), "list.csv").expect("a table");
        let rows: Vec<(usize, &str)> = sheets[0].rows.iter().map(|row| (row.number, row.text(1))).collect();
        assert_eq!(rows, [(1, "Lớp"), (2, "3A"), (4, "3B"), (5, "3C"), (7, "3D")], "{ends:?}");
    }
    let windows = "Mã HS,Họ tên,Lớp,Ngày sinh\r\nHS1,Nguyễn An,3A,05/09/2018\r\nHS2,Trần Bình,3A,06/09/2018\r\n";
    assert_eq!(roster(windows).pupils, roster(&windows.replace("\r\n", "\n")).pupils);
    assert_eq!(roster(windows).pupils.len(), 2);
}

#[test]
fn a_sheet_or_a_section_for_each_class_gives_the_class() {
    let mut book = Workbook::new();
    for (name, pupils) in [("3A", ["An", "Bình"]), ("Lớp 3B", ["Châu", "Dũng"])] {
        let sheet = book.add_worksheet();
        sheet.set_name(name).expect("a name");
        sheet.write_row(0, 0, ["STT", "Mã HS", "Họ và tên"]).expect("a header");
        for (place, pupil) in (1_u32..).zip(pupils) {
            sheet.write(place, 0, place).expect("a number");
            sheet.write(place, 1, format!("{name}-{place}")).expect("a code");
            sheet.write(place, 2, pupil).expect("a name");
        }
    }
    let book = import::read(&book.save_to_buffer().expect("a workbook"), "lop.xlsx", today()).expect("a roster");
    let classes: Vec<&str> = book.pupils.iter().map(|pupil| pupil.class_name.as_str()).collect();
    assert_eq!(classes, ["3A", "3A", "3B", "3B"], "{:?}", book.problems);
    let text = "DANH SÁCH\nSTT,Mã HS,Họ tên\nLớp 3A,,\n1,a,An\nLớp 3B,,\n1,b,Bình\nTổng: 2,,\n";
    let classes: Vec<String> = roster(text).pupils.into_iter().map(|pupil| pupil.class_name).collect();
    assert_eq!(classes, ["3A", "3B"]);
}

#[test]
fn a_roster_without_codes_names_the_same_pupil_alike_each_time() {
    let text = "Họ tên,Lớp,Ngày sinh\nNguyễn An,3A,05/09/2018\nNguyễn An,3A,06/09/2018\n";
    let (first, second) = (roster(text), roster(text));
    assert_eq!(first, second);
    assert_ne!(first.pupils[0].code, first.pupils[1].code);
    let twins = roster("Họ tên,Lớp,Ngày sinh\nNguyễn An,3A,05/09/2018\nNguyễn An,3B,05/09/2018\n");
    assert!(twins.problems.iter().any(|problem| problem.blocking), "nobody can tell these two apart");
}

#[test]
fn a_header_of_two_rows_keeps_the_guardians_name_and_telephone_whatever_their_group_is_called() {
    for group in [
        "Cha/Mẹ/Người giám hộ",
        "Phụ huynh học sinh",
        "Phụ huynh",
        "Cha mẹ hoặc người giám hộ",
        "CMHS",
        "Cha mẹ học sinh",
        "Người giám hộ",
        "Thông tin liên hệ",
        "Gia đình",
    ] {
        for (name, phone) in [("Họ tên", "Điện thoại"), ("Họ và tên", "Số điện thoại"), ("Họ và tên", "SĐT")]
        {
            let text = format!(
                "DANH SÁCH HỌC SINH,,,,,\nSTT,Mã HS,Họ và tên,Lớp,{group},\n,,,,{name},{phone}\n\
                 1,a,Nguyễn An,3A,Trần Bình,0912345678\n2,b,Lê Châu,3A,Lê Dũng,0987654321\n"
            );
            let read = roster(&text);
            assert_eq!(read.problems, [], "{group}, {name}, {phone}");
            let guardians: Vec<(&str, Option<&str>)> = read
                .pupils
                .iter()
                .flat_map(|pupil| &pupil.guardians)
                .map(|guardian| (guardian.full_name.as_str(), guardian.phone.as_deref()))
                .collect();
            let wanted = [("Trần Bình", Some("0912345678")), ("Lê Dũng", Some("0987654321"))];
            assert_eq!(guardians, wanted, "{group}, {name}, {phone}");
            assert_eq!(read.pupils[0].full_name, "Nguyễn An", "{group}");
        }
    }
}

#[test]
fn a_heading_that_is_not_understood_is_told_with_its_cell() {
    let read = roster("STT,Mã HS,Họ và tên,Lớp,Nhóm máu,Ghi chú,SĐT\n1,a,An,3A,O,,0912345678\n");
    let told: Vec<(&str, bool)> =
        read.problems.iter().map(|problem| (problem.cell.as_str(), problem.blocking)).collect();
    assert_eq!(told, [("E1", false)], "an empty column loses nothing");
    assert!(read.problems[0].en.contains("Nhóm máu"));
}

#[test]
fn problems_are_told_in_the_order_of_the_rows() {
    let read = roster("Mã HS,Họ và tên,Lớp,Ngày sinh,SĐT\na,An,,31/02/2018,12\na,Bình,3A,mai,12\nc,,3A,,12\n");
    let cells: Vec<&str> = read.problems.iter().map(|problem| problem.cell.as_str()).collect();
    let mut sorted = cells.clone();
    sorted.sort_by_key(|cell| (cell[1..].parse::<u32>().expect("a row"), cell.as_bytes()[0]));
    assert_eq!(cells, sorted);
    assert!(read.problems.iter().any(|problem| problem.suggestion.as_deref() == Some("28/02/2018")));
}
