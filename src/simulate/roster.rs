//! Two schools that do not exist, and their rosters as schools really keep them: title rows, merged headers, birthdays
//! as text, telephone numbers that lost their zero.

use rust_xlsxwriter::{Format, FormatAlign, Workbook, Worksheet, XlsxError};

use super::chance::Chance;
use crate::fault::{OrFault, Result};

/// A school of the story, its account and its classes.
#[derive(Debug, Clone, Copy)]
pub struct StorySchool {
    /// The sector's code.
    pub code: &'static str,
    /// Its full name.
    pub name: &'static str,
    /// `primary` or `lower_secondary`.
    pub level: &'static str,
    /// For its papers.
    pub address: &'static str,
    /// Whom a parent may ring.
    pub phone: &'static str,
    /// The city in the QR, ASCII.
    pub city: &'static str,
    /// `hanoi` or `southern`.
    pub reading: &'static str,
    /// The ward that watches over it.
    pub ward: &'static str,
    /// The bank of its receiving account.
    pub bin: &'static str,
    /// Its receiving account.
    pub number: &'static str,
    /// The account's holder as the bank writes it.
    pub holder: &'static str,
    /// Its classes.
    pub classes: &'static [&'static str],
    /// How many pupils sit in each.
    pub seats: usize,
    /// How its roster is laid out.
    layout: Layout,
}

#[derive(Debug, Clone, Copy)]
enum Layout {
    /// One sheet, title rows, a header of two rows with *Phụ huynh* over three columns, telephones as numbers.
    MergedHeader,
    /// One sheet, family and given name apart, birthdays as `2013-9-5` and `5/9/2013` mixed.
    SplitNames,
}

/// A primary school of ninety pupils.
pub const SAO_KHUE: StorySchool = StorySchool {
    code: "79760001",
    name: "Trường Tiểu học Sao Khuê",
    level: "primary",
    address: "12 đường Sao Khuê, phường Bến Nghé Xanh, Thành phố Hồ Chí Minh",
    phone: "02838000001",
    city: "HO CHI MINH",
    reading: "southern",
    ward: "Ủy ban nhân dân phường Bến Nghé Xanh",
    bin: "970422",
    number: "0881000123456",
    holder: "TRUONG TIEU HOC SAO KHUE",
    classes: &["1A", "2A", "3A", "4A", "5A"],
    seats: 18,
    layout: Layout::MergedHeader,
};

/// A lower secondary school of eighty pupils.
pub const BEN_NGHE_XANH: StorySchool = StorySchool {
    code: "79760002",
    name: "Trường THCS Bến Nghé Xanh",
    level: "lower_secondary",
    address: "34 đường Bờ Kè, phường Bến Nghé Xanh, Thành phố Hồ Chí Minh",
    phone: "02838000002",
    city: "HO CHI MINH",
    reading: "southern",
    ward: "Ủy ban nhân dân phường Bến Nghé Xanh",
    bin: "970436",
    number: "1023456789012",
    holder: "TRUONG THCS BEN NGHE XANH",
    classes: &["6A1", "7A1", "8A1", "9A1"],
    seats: 20,
    layout: Layout::SplitNames,
};

const FAMILY: [&str; 12] = ["Nguyễn", "Trần", "Lê", "Phạm", "Huỳnh", "Võ", "Đặng", "Bùi", "Đỗ", "Hồ", "Ngô", "Dương"];
const MIDDLE: [&str; 10] = ["Minh", "Gia", "Bảo", "Thanh", "Quốc", "Ngọc", "Hoàng", "Khánh", "Phương", "Đức"];
const GIVEN: [&str; 16] = [
    "An", "Bình", "Châu", "Duy", "Giang", "Hân", "Khôi", "Linh", "My", "Nam", "Oanh", "Phúc", "Quyên", "Thư", "Trí",
    "Vy",
];

struct Row {
    code: String,
    family: &'static str,
    rest: String,
    birthday: (i32, i32, i32),
    gender: &'static str,
    class: &'static str,
    guardian: String,
    relation: &'static str,
    phone: String,
}

impl StorySchool {
    /// The roster as the school's own spreadsheet.
    ///
    /// # Errors
    /// The spreadsheet cannot be written, which only a lack of memory could cause.
    pub fn roster(&self, seed: u64, school_year: &str) -> Result<Vec<u8>> {
        let rows = self.rows(seed);
        self.write(&rows, school_year).or_fault("write a simulated roster")
    }

    /// How many pupils the roster lists.
    pub fn pupils(&self) -> usize {
        self.classes.len() * self.seats
    }

    fn rows(&self, seed: u64) -> Vec<Row> {
        let mut chance = Chance::new(seed ^ u64::try_from(self.pupils()).unwrap_or_default());
        let mut rows: Vec<Row> = Vec::new();
        for (grade, class) in self.classes.iter().enumerate() {
            let first_grade = if self.level == "primary" { 1 } else { 6 };
            let born = 2026 - 5 - first_grade - i32::try_from(grade).unwrap_or_default();
            for _ in 0..self.seats {
                let serial = rows.len() + 1;
                // Every eighth pupil is a brother or sister of somebody in an earlier class.
                let sibling = (grade > 0 && chance.below(8) == 0).then(|| chance.below(grade * self.seats));
                let family = sibling.map_or_else(|| *chance.pick(&FAMILY), |of| rows[of].family);
                let given = *chance.pick(&GIVEN);
                let guardian = format!("{family} {} {}", chance.pick(&MIDDLE), chance.pick(&GIVEN));
                let (guardian, phone) = sibling.map_or_else(
                    || (guardian, format!("09{:02}{serial:06}", chance.below(100))),
                    |of| (rows[of].guardian.clone(), rows[of].phone.clone()),
                );
                let birthday = (
                    born,
                    i32::try_from(chance.below(12)).unwrap_or_default() + 1,
                    i32::try_from(chance.below(28)).unwrap_or_default() + 1,
                );
                rows.push(Row {
                    code: format!("{}{serial:04}", self.code),
                    family,
                    rest: format!("{} {given}", chance.pick(&MIDDLE)),
                    birthday,
                    gender: if chance.below(2) == 0 { "Nam" } else { "Nữ" },
                    class,
                    guardian,
                    relation: if chance.below(2) == 0 { "Mẹ" } else { "Cha" },
                    phone,
                });
            }
        }
        rows
    }

    fn write(&self, rows: &[Row], school_year: &str) -> Result<Vec<u8>, XlsxError> {
        let mut book = Workbook::new();
        let sheet = book.add_worksheet();
        sheet.set_name("Danh sách")?;
        let title = Format::new().set_bold().set_align(FormatAlign::Center);
        sheet.merge_range(0, 0, 0, 8, &self.ward.to_uppercase(), &title)?;
        sheet.merge_range(1, 0, 1, 8, &self.name.to_uppercase(), &title)?;
        sheet.merge_range(2, 0, 2, 8, &format!("DANH SÁCH HỌC SINH NĂM HỌC {school_year}"), &title)?;
        match self.layout {
            Layout::MergedHeader => merged_header(sheet, rows, &title)?,
            Layout::SplitNames => split_names(sheet, rows, &title)?,
        }
        book.save_to_buffer()
    }
}

fn merged_header(sheet: &mut Worksheet, rows: &[Row], title: &Format) -> Result<(), XlsxError> {
    for (column, name) in (0..).zip(["STT", "Mã học sinh", "Họ và tên", "Ngày sinh", "Giới tính", "Lớp"]) {
        sheet.merge_range(4, column, 5, column, name, title)?;
    }
    sheet.merge_range(4, 6, 4, 8, "Phụ huynh", title)?;
    for (column, name) in (6..).zip(["Họ tên", "Quan hệ", "Điện thoại"]) {
        sheet.write_with_format(5, column, name, title)?;
    }
    for ((line, row), serial) in (6..).zip(rows).zip(1_u32..) {
        sheet.write(line, 0, serial)?;
        sheet.write(line, 1, &row.code)?;
        sheet.write(line, 2, format!("{} {}", row.family, row.rest))?;
        let (year, month, day) = row.birthday;
        sheet.write(line, 3, format!("{day:02}/{month:02}/{year}"))?;
        sheet.write(line, 4, row.gender)?;
        sheet.write(line, 5, row.class)?;
        sheet.write(line, 6, &row.guardian)?;
        sheet.write(line, 7, row.relation)?;
        // Excel took the telephone for a number, and its zero is gone.
        sheet.write(line, 8, row.phone.parse::<u32>().unwrap_or_default())?;
    }
    Ok(())
}

fn split_names(sheet: &mut Worksheet, rows: &[Row], title: &Format) -> Result<(), XlsxError> {
    let names = ["TT", "Mã HS", "Họ và tên đệm", "Tên", "Ngày tháng năm sinh", "Lớp", "Họ tên cha/mẹ", "SĐT"];
    for (column, name) in (0..).zip(names) {
        sheet.write_with_format(4, column, name, title)?;
    }
    for ((line, row), serial) in (5..).zip(rows).zip(1_u32..) {
        let (middle, given) = row.rest.split_once(' ').unwrap_or(("", &row.rest));
        sheet.write(line, 0, serial)?;
        sheet.write(line, 1, &row.code)?;
        sheet.write(line, 2, format!("{} {middle}", row.family))?;
        sheet.write(line, 3, given)?;
        let (year, month, day) = row.birthday;
        let birthday =
            if serial % 2 == 0 { format!("{day}/{month}/{year}") } else { format!("{year}-{month:02}-{day:02}") };
        sheet.write(line, 4, birthday)?;
        sheet.write(line, 5, row.class)?;
        sheet.write(line, 6, &row.guardian)?;
        sheet.write(line, 7, &row.phone)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_roster_is_the_same_each_time_and_has_siblings() {
        for school in [SAO_KHUE, BEN_NGHE_XANH] {
            let rows = school.rows(3);
            assert_eq!(rows.len(), school.pupils());
            let mut phones: Vec<&str> = rows.iter().map(|row| row.phone.as_str()).collect();
            phones.sort_unstable();
            phones.dedup();
            assert!(phones.len() < rows.len(), "no siblings at {}", school.name);
            assert!(phones.iter().all(|phone| phone.len() == 10));
            assert!(!school.roster(3, "2026-2027").expect("a spreadsheet").is_empty());
        }
    }

    #[test]
    fn the_import_reads_every_pupil_and_has_nothing_to_complain_of() {
        let today = crate::time::Day::new(2026, 11, 23).expect("a day");
        for school in [SAO_KHUE, BEN_NGHE_XANH] {
            let file = school.roster(3, "2026-2027").expect("a spreadsheet");
            let roster = crate::roll::import::read(&file, "danh-sach.xlsx", today).expect("a roster");
            let blocking: Vec<_> = roster.problems.iter().filter(|problem| problem.blocking).collect();
            assert!(blocking.is_empty(), "{blocking:?}");
            assert_eq!(roster.pupils.len(), school.pupils());
            assert_eq!(roster.school_year.as_deref(), Some("2026-2027"));
            let rows = school.rows(3);
            for (read, row) in roster.pupils.iter().zip(&rows) {
                assert_eq!(read.full_name, format!("{} {}", row.family, row.rest));
                let (year, month, day) = row.birthday;
                assert_eq!(read.birth_day.map(|day| day.to_string()), Some(format!("{year}-{month:02}-{day:02}")));
                assert_eq!(read.guardians[0].phone.as_ref(), Some(&row.phone));
            }
        }
    }

    #[test]
    fn the_accounts_are_at_banks_that_can_receive() {
        for school in [SAO_KHUE, BEN_NGHE_XANH] {
            assert!(crate::vietqr::banks::find(school.bin).is_some_and(crate::vietqr::banks::Bank::can_receive));
        }
    }
}
