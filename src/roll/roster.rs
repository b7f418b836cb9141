//! A school's own roster file as it is, read into pupils: titles, two header rows, merged cells, a sheet for each
//! class, lost zeros. Pure: nothing here knows the store.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use crate::fault::{Kind, Refusal, Result};
use crate::ids;
use crate::time::Day;

use super::header::{self, Header, Names, normal};
use super::reading::{self, Reading};
use super::sheet::{self, Row, Sheet};
use super::{CellProblem, folded};

/// A roster file that was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roster {
    /// The pupils, each code once.
    pub pupils: Vec<RosterPupil>,
    /// The school year a title names, `2026-2027`.
    pub school_year: Option<String>,
    /// What is wrong or was mended, by cell.
    pub problems: Vec<CellProblem>,
}

/// One pupil of a roster file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RosterPupil {
    /// The code; made from name and birthday when the file has none.
    pub code: String,
    /// The cell it stands in.
    pub cell: String,
    /// The name.
    pub full_name: String,
    /// The birthday, when the file has one.
    pub birth_day: Option<Day>,
    /// The class.
    pub class_name: String,
    /// Who answers for the pupil.
    pub guardians: Vec<RosterGuardian>,
}

/// One guardian of a roster file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RosterGuardian {
    /// The name; empty when only a telephone is given.
    pub full_name: String,
    /// Ten digits.
    pub phone: Option<String>,
    /// `cha`, `mẹ`, or what the file says.
    pub relation: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Number,
    Code,
    Name,
    Surname,
    Given,
    Class,
    BirthDay,
    Father,
    FatherPhone,
    Mother,
    MotherPhone,
    Guardian,
    Phone,
    Relation,
}

/// What the columns may be called, folded.
const NAMES: &Names<Field> = &[
    (Field::Number, &["stt", "tt", "so tt", "so thu tu", "no"]),
    (
        Field::Code,
        &[
            "ma hoc sinh",
            "ma hs",
            "mhs",
            "ma dinh danh",
            "ma dinh danh hoc sinh",
            "ma dinh danh bo gd dt",
            "ma dinh danh bo gddt",
            "ma so hoc sinh",
            "ma so",
            "ma tre",
            "ma hoc vien",
            "so dinh danh",
            "pupil code",
            "student code",
            "student id",
            "code",
        ],
    ),
    (
        Field::Name,
        &[
            "ho va ten",
            "ho ten",
            "ho va ten hoc sinh",
            "ho ten hoc sinh",
            "ho va ten hs",
            "ho ten hs",
            "ten hoc sinh",
            "ho va ten tre",
            "ho ten tre",
            "ho va ten hoc vien",
            "hoc sinh",
            "full name",
            "name",
            "pupil",
        ],
    ),
    (
        Field::Surname,
        &["ho dem", "ho va dem", "ho va ten dem", "ho lot", "ho va chu lot", "ho", "last name", "surname"],
    ),
    (Field::Given, &["ten", "first name", "given name"]),
    (Field::Class, &["lop", "ten lop", "lop hoc", "nhom lop", "lop nhom", "class"]),
    (
        Field::BirthDay,
        &["ngay sinh", "ngay thang nam sinh", "sinh ngay", "ntns", "nam sinh", "birthday", "date of birth"],
    ),
    (
        Field::Father,
        &["ho ten cha", "ho va ten cha", "ho ten bo", "ho va ten bo", "ten cha", "ten bo", "cha", "bo", "father"],
    ),
    (
        Field::FatherPhone,
        &[
            "sdt cha",
            "sdt bo",
            "dien thoai cha",
            "dien thoai bo",
            "dt cha",
            "dt bo",
            "so dien thoai cha",
            "so dien thoai bo",
            "so dt cha",
            "so dt bo",
        ],
    ),
    (Field::Mother, &["ho ten me", "ho va ten me", "ten me", "me", "mother"]),
    (Field::MotherPhone, &["sdt me", "dien thoai me", "dt me", "so dien thoai me", "so dt me"]),
    (
        Field::Guardian,
        &[
            "ho ten phu huynh",
            "ho va ten phu huynh",
            "phu huynh",
            "ten phu huynh",
            "ho ten phu huynh hoc sinh",
            "ho va ten phu huynh hoc sinh",
            "ho ten cmhs",
            "ho va ten cmhs",
            "ho va ten cha me hoc sinh",
            "ho va ten nguoi giam ho",
            "ho ten cha me",
            "ho ten cha me hoc sinh",
            "cha me",
            "cmhs",
            "phhs",
            "nguoi giam ho",
            "ho ten nguoi giam ho",
            "guardian",
            "parent",
        ],
    ),
    (
        Field::Phone,
        &[
            "dien thoai",
            "so dien thoai",
            "sdt",
            "dt",
            "so dt",
            "dtdd",
            "di dong",
            "sdt phu huynh",
            "dien thoai phu huynh",
            "so dien thoai phu huynh",
            "dien thoai lien he",
            "sdt lien he",
            "phone",
            "mobile",
        ],
    ),
    (Field::Relation, &["quan he", "moi quan he", "quan he voi hoc sinh", "relation"]),
];

/// Reads a roster file.
///
/// # Errors
/// A file that is no table, or without a header that names at least the pupils' names.
pub fn read(bytes: &[u8], filename: &str, today: Day) -> Result<Roster> {
    let sheets = sheet::read(bytes, filename)?;
    let enough = |header: &Header<Field>| {
        let names = header.column(Field::Name).is_some() || header.column(Field::Given).is_some();
        names && header.columns.len() >= 2
    };
    let found: Vec<(&Sheet, Header<Field>)> =
        sheets.iter().filter_map(|sheet| header::find(sheet, NAMES, enough).map(|header| (sheet, header))).collect();
    if found.is_empty() {
        return Err(no_header().into());
    }
    let many = found.len() > 1;
    let mut reader = Reader { today, ..Reader::default() };
    for (sheet, header) in &found {
        reader.prefix = if many { format!("{}!", sheet.name) } else { String::new() };
        reader.problems.extend(header.notices(sheet, &reader.prefix));
        reader.sheet(sheet, header);
    }
    reader.mend_codes();
    reader.refuse_doubles();
    let order: Vec<String> = found.iter().map(|(sheet, _)| sheet.name.clone()).collect();
    reader.problems.sort_by_key(|problem| place_of(&problem.cell, &order));
    Ok(Roster { pupils: reader.pupils, school_year: reader.school_year, problems: reader.problems })
}

struct Reader {
    today: Day,
    prefix: String,
    pupils: Vec<RosterPupil>,
    /// Pupils whose file has no code: made up ones are not mended.
    made_up: bool,
    school_year: Option<String>,
    problems: Vec<CellProblem>,
}

impl Default for Reader {
    fn default() -> Self {
        Reader {
            today: crate::time::Moment(0).day(),
            prefix: String::new(),
            pupils: Vec::new(),
            made_up: false,
            school_year: None,
            problems: Vec::new(),
        }
    }
}

impl Reader {
    fn sheet(&mut self, sheet: &Sheet, header: &Header<Field>) {
        let titles: Vec<&str> = sheet.rows[..header.at].iter().flat_map(Row::cells).map(|(_, text)| text).collect();
        self.school_year = self.school_year.take().or_else(|| titles.iter().find_map(|title| year_in(title)));
        let named = class_in(&sheet.name).filter(|_| header.column(Field::Class).is_none());
        let mut class = titles.iter().find_map(|title| class_in_title(title)).or(named).unwrap_or_default();
        let continued = continued_name(sheet, header);
        for row in &sheet.rows[header.at + 1..] {
            if let Some(section) = section_class(row, header) {
                class = section;
            } else if is_pupil(row, header) {
                self.pupil(row, header, continued, &class);
            }
        }
    }

    fn pupil(&mut self, row: &Row, header: &Header<Field>, continued: Option<usize>, class: &str) {
        let full_name = name_of(row, header, continued);
        let at = |field: Field| format!("{}{}", self.prefix, row.address(header.column(field).unwrap_or_default()));
        let name_field = if header.column(Field::Name).is_some() { Field::Name } else { Field::Given };
        let name_cell = at(name_field);
        let code_cell = if header.column(Field::Code).is_some() { at(Field::Code) } else { name_cell.clone() };
        let (class_cell, day_cell) = (at(Field::Class), at(Field::BirthDay));
        if full_name.is_empty() || full_name.chars().count() > 200 {
            self.problems.push(CellProblem::new(name_cell, "Thiếu họ tên học sinh.", "The pupil has no name."));
        }
        let birth_day = self.birth_day(header.text(row, Field::BirthDay), day_cell);
        let own_class = reading::class_name(header.text(row, Field::Class));
        let class_name = if own_class.is_empty() { class.to_owned() } else { own_class };
        if class_name.is_empty() || class_name.chars().count() > 40 {
            self.problems.push(CellProblem::new(class_cell, "Thiếu lớp.", "The pupil has no class."));
        }
        let code = if header.column(Field::Code).is_some() {
            let code: String = header.text(row, Field::Code).split_whitespace().collect();
            if code.is_empty() || code.chars().count() > 40 {
                self.problems.push(CellProblem::new(code_cell.clone(), "Thiếu mã học sinh.", "The pupil has no code."));
            }
            code
        } else {
            self.made_up = true;
            made_up_code(&full_name, birth_day)
        };
        let guardians = self.guardians(row, header);
        self.pupils.push(RosterPupil { code, cell: code_cell, full_name, birth_day, class_name, guardians });
    }

    fn birth_day(&mut self, text: &str, cell: String) -> Option<Day> {
        // Some rosters know only the year; it is no birthday.
        if text.is_empty() || (text.len() == 4 && text.bytes().all(|digit| digit.is_ascii_digit())) {
            return None;
        }
        match reading::day(text, self.today) {
            Reading::Is(day) | Reading::Mended(day) if day <= self.today => Some(day),
            Reading::Is(_) | Reading::Mended(_) => {
                let (vi, en) = ("Ngày sinh ở tương lai.", "The birthday lies in the future.");
                self.problems.push(CellProblem::new(cell, vi, en));
                None
            }
            Reading::Wrong(suggestion) => {
                let (vi, en) = ("Ngày sinh không đúng dạng ngày/tháng/năm.", "The birthday is not day/month/year.");
                self.problems.push(CellProblem { suggestion, ..CellProblem::new(cell, vi, en) });
                None
            }
        }
    }

    fn guardians(&mut self, row: &Row, header: &Header<Field>) -> Vec<RosterGuardian> {
        let mut guardians = Vec::new();
        let relation = header.text(row, Field::Relation).to_lowercase();
        let kinds = [
            (Field::Father, Field::FatherPhone, "cha"),
            (Field::Mother, Field::MotherPhone, "mẹ"),
            (Field::Guardian, Field::Phone, relation.as_str()),
        ];
        for (name, phone, relation) in kinds {
            let full_name = one_spaced(header.text(row, name));
            let cell = format!("{}{}", self.prefix, row.address(header.column(phone).unwrap_or_default()));
            let phone = self.phone(header.text(row, phone), cell);
            if !full_name.is_empty() || phone.is_some() {
                let relation = Some(relation.to_owned()).filter(|relation| !relation.is_empty());
                guardians.push(RosterGuardian { full_name, phone, relation });
            }
        }
        guardians.dedup_by(|later, kept| later.full_name == kept.full_name && later.phone == kept.phone);
        // One telephone column beside father and mother belongs to the first of them.
        if let [first, .., last] = &mut guardians[..]
            && last.full_name.is_empty()
            && first.phone.is_none()
        {
            first.phone = last.phone.take();
            guardians.pop();
        }
        guardians
    }

    fn phone(&mut self, text: &str, cell: String) -> Option<String> {
        match reading::phone(text) {
            Reading::Is(phone) => Some(phone),
            Reading::Mended(phone) => {
                let (vi, en) =
                    ("Số điện thoại mất số 0 đầu, đã thêm lại.", "The telephone lost its first 0; it is back.");
                self.problems.push(CellProblem::notice(cell, vi, en).suggesting(phone.clone()));
                Some(phone)
            }
            Reading::Wrong(_) if text.is_empty() => None,
            Reading::Wrong(_) => {
                let (vi, en) =
                    ("Số điện thoại không đọc được, bỏ qua.", "The telephone cannot be read and is left out.");
                self.problems.push(CellProblem::notice(cell, vi, en));
                None
            }
        }
    }

    /// Codes of digits that are shorter than most others lost their first zeros in a spreadsheet.
    fn mend_codes(&mut self) {
        let is_number = |code: &str| !code.is_empty() && code.bytes().all(|digit| digit.is_ascii_digit());
        if self.made_up || !self.pupils.iter().all(|pupil| is_number(&pupil.code) || pupil.code.is_empty()) {
            return;
        }
        let mut lengths: HashMap<usize, usize> = HashMap::new();
        for pupil in &self.pupils {
            *lengths.entry(pupil.code.len()).or_default() += 1;
        }
        let common =
            lengths.into_iter().max_by_key(|(length, count)| (*count, *length)).map_or(0, |(length, _)| length);
        // The sector's codes have ten digits; nine everywhere means that all of them lost a zero.
        let width = if common == 9 { 10 } else { common };
        for pupil in self.pupils.iter_mut().filter(|pupil| !pupil.code.is_empty() && width >= 6) {
            if pupil.code.len() < width && pupil.code.len() + 3 >= width {
                pupil.code = format!("{:0>width$}", pupil.code);
                let (vi, en) =
                    ("Mã học sinh mất số 0 đầu, đã thêm lại.", "The pupil's code lost its first 0; it is back.");
                let notice = CellProblem::notice(pupil.cell.clone(), vi, en).suggesting(pupil.code.clone());
                self.problems.push(notice);
            }
        }
    }

    /// A pupil listed twice alike is one pupil; two pupils under one code are a mistake.
    fn refuse_doubles(&mut self) {
        let mut first: HashMap<String, usize> = HashMap::new();
        let mut kept: Vec<RosterPupil> = Vec::with_capacity(self.pupils.len());
        for pupil in std::mem::take(&mut self.pupils) {
            let Some(before) = first.get(&pupil.code).and_then(|place| kept.get(*place)) else {
                first.insert(pupil.code.clone(), kept.len());
                kept.push(pupil);
                continue;
            };
            let alike = folded(&before.full_name) == folded(&pupil.full_name) && before.class_name == pupil.class_name;
            if pupil.code.is_empty() || (alike && !self.made_up) {
                continue;
            }
            let (vi, en) = if self.made_up {
                (
                    "Hai học sinh trùng họ tên và ngày sinh, cần cột mã học sinh để phân biệt",
                    "Two pupils share name and birthday; a column of codes must tell them apart",
                )
            } else {
                ("Mã học sinh trùng", "The code is used twice")
            };
            let (vi, en) = (format!("{vi} (ô {}).", before.cell), format!("{en} (see {}).", before.cell));
            self.problems.push(CellProblem::new(pupil.cell, &vi, &en));
        }
        self.pupils = kept;
    }
}

/// The same pupil gets the same code each time, from what a roster without codes has.
fn made_up_code(full_name: &str, birth_day: Option<Day>) -> String {
    let day = birth_day.map(|day| day.to_string()).unwrap_or_default();
    let digest = Sha256::digest(format!("{}|{day}", folded(full_name)).as_bytes());
    let mut half = [0_u8; 16];
    half.copy_from_slice(&digest[..16]);
    format!("T{}", &ids::base32(u128::from_be_bytes(half))[16..])
}

/// Where a cell stands in the file: sheet, row, column; problems are told in the order a person meets them.
fn place_of(cell: &str, sheets: &[String]) -> (usize, usize, usize, String) {
    let (sheet, address) = cell.rsplit_once('!').unwrap_or(("", cell));
    let sheet = sheets.iter().position(|name| name == sheet).unwrap_or_default();
    let letters = address.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let row = address[letters.len()..].parse().unwrap_or_default();
    (sheet, row, letters.len(), letters.to_owned())
}

fn one_spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn name_of(row: &Row, header: &Header<Field>, continued: Option<usize>) -> String {
    let whole = header.text(row, Field::Name);
    let rest = continued.map_or("", |column| row.text(column));
    let (surname, given) = (header.text(row, Field::Surname), header.text(row, Field::Given));
    if whole.is_empty() || (header.column(Field::Surname).is_some() && !given.is_empty()) {
        return one_spaced(&format!("{surname} {given}"));
    }
    let given = if header.column(Field::Surname).is_none() { given } else { "" };
    one_spaced(&format!("{whole} {rest} {given}"))
}

/// A name's header merged over two columns: the second column has texts but no header.
fn continued_name(sheet: &Sheet, header: &Header<Field>) -> Option<usize> {
    let next = header.column(Field::Name)? + 1;
    if header.columns.iter().any(|(_, column)| *column == next) {
        return None;
    }
    let heads = &sheet.rows[header.at.saturating_sub(1)..=header.at];
    let data = &sheet.rows[header.at + 1..];
    let unnamed = sheet.rows[header.at].text(next).is_empty() && heads.iter().all(|row| row.text(next).is_empty());
    let filled = data.iter().filter(|row| !row.text(next).is_empty()).count();
    (unnamed && filled * 2 > data.len()).then_some(next)
}

/// Is this row a pupil, or a total, a signature, a repeated header?
fn is_pupil(row: &Row, header: &Header<Field>) -> bool {
    let name =
        [Field::Name, Field::Given, Field::Surname].into_iter().find(|field| !header.text(row, *field).is_empty());
    let code = normal(header.text(row, Field::Code));
    let Some(name) = name else { return !code.is_empty() && row.cells().count() > 2 };
    let is_header =
        NAMES.iter().any(|(field, names)| *field == name && names.contains(&normal(header.text(row, name)).as_str()));
    if is_header {
        return false;
    }
    let numbered = header.text(row, Field::Number).parse::<f64>().is_ok();
    !code.is_empty()
        || numbered
        || (header.column(Field::Number).is_none() && row.cells().count() > 2)
        || (header.column(Field::Code).is_none() && row.cells().count() > 2)
}

/// A line of its own between pupils: `Lớp 3B`.
fn section_class(row: &Row, header: &Header<Field>) -> Option<String> {
    let mut cells = row.cells();
    let (_, text) = cells.next()?;
    if cells.next().is_some() || header.column(Field::Class).is_some() {
        return None;
    }
    folded(text).starts_with("lop ").then(|| class_in(text)).flatten()
}

fn class_in(text: &str) -> Option<String> {
    let class = reading::class_name(text);
    let begins = class.starts_with(|letter: char| letter.is_ascii_digit());
    ((begins || folded(text).starts_with("lop ")) && class.chars().count() <= 12).then_some(class)
}

/// `DANH SÁCH HỌC SINH LỚP 3A NĂM HỌC 2026-2027` is of class 3A.
fn class_in_title(title: &str) -> Option<String> {
    let words: Vec<&str> = title.split_whitespace().collect();
    let place = words.iter().position(|word| normal(word) == "lop")?;
    let class = words.get(place + 1)?.trim_matches(|letter: char| ":,.-–".contains(letter));
    class.starts_with(|letter: char| letter.is_ascii_digit()).then(|| reading::class_name(class))
}

/// `2026-2027` or `2026 - 2027` inside a title.
fn year_in(title: &str) -> Option<String> {
    let numbers: Vec<i32> = title
        .split(|letter: char| !letter.is_ascii_digit())
        .filter(|part| part.len() == 4)
        .filter_map(|part| part.parse().ok())
        .collect();
    let years = numbers.windows(2).find(|pair| pair[1] == pair[0] + 1 && (2000..2100).contains(&pair[0]))?;
    Some(format!("{}-{}", years[0], years[1]))
}

fn no_header() -> Refusal {
    Refusal::new(
        Kind::Meaning,
        "no-header",
        "Không tìm thấy dòng tiêu đề: tệp cần ít nhất cột \"Họ và tên\" cùng \"Mã học sinh\" hoặc \"Lớp\".",
        "No header was found: the file needs at least \"Họ và tên\" with \"Mã học sinh\" or \"Lớp\".",
    )
}
