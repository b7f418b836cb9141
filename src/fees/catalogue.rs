//! The catalogue of khoản thu: items with their exact names, the instruments they rest on, and their prices; and the
//! file a city or a school keeps it in.

use std::collections::{HashMap, HashSet};

use crate::access::{Deed, trail_in};
use crate::aside::aside;
use crate::fault::{Kind, Refusal, Result};
use crate::ids;
use crate::money::Dong;
use crate::roll::header::{self, Header, Names, normal};
use crate::roll::reading::{self, Reading};
use crate::roll::sheet::{self, Row};
use crate::roll::{CellProblem, refused_cells};
use crate::store::{Store, Tx, args, record, transact};
use crate::time::{Clock, Day, Moment};

use super::plan::Price;
use super::sql;

record! {
    /// An item of the catalogue with the number of its instrument.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct FeeItem {
        /// `fit_…`
        pub id: String,
        /// The code people know it by.
        pub code: String,
        /// The exact official name.
        pub official_name: String,
        /// `mandatory`, `agreed` or `voluntary`.
        pub necessity: String,
        /// `month`, `day`, …
        pub unit: String,
        /// `tuition`, `service`, `pass_through` or `legal_fee`.
        pub revenue: String,
        /// `C45-BB`, `EBL01`, `invoice-2` or `pass-through`.
        pub document_kind: String,
        /// The instrument's number.
        pub instrument: Option<String>,
        /// The clause in it.
        pub clause: String,
    }
}

/// Whose list a file is, and so what it may touch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListOf<'a> {
    /// The operator's: every item and every price. Prices that name no school are this one's, or everybody's.
    Operator(Option<&'a str>),
    /// A school's, by its code: items nobody had yet, and its own prices. What other schools use stays as it is.
    School(&'a str),
}

/// One row of a catalogue file, read and checked. What it leaves open is as it stands, or as is usual when it is new.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wanted {
    code: String,
    official_name: String,
    necessity: Option<&'static str>,
    unit: Option<&'static str>,
    revenue: Option<&'static str>,
    document_kind: Option<&'static str>,
    instrument: Option<String>,
    clause: Option<String>,
    /// An item that stands may be somebody else's too: only its price is taken from here.
    keeps_item: bool,
    level: &'static str,
    amount: Option<Dong>,
    school_code: Option<String>,
    from_day: Day,
    cells: [String; 3],
}

/// What a catalogue file would change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CataloguePreview {
    /// Items that are not in the catalogue yet, by official name.
    pub new_items: Vec<String>,
    /// Items whose name, basis or kind changes.
    pub changed_items: Vec<String>,
    /// New prices: item, level, amount.
    pub new_prices: Vec<(String, String, Dong)>,
    /// Rows that change nothing.
    pub unchanged: usize,
    /// What is wrong, by cell; a blocking one stores nothing.
    pub problems: Vec<CellProblem>,
    wanted: Vec<Wanted>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Code,
    Name,
    Instrument,
    Clause,
    Necessity,
    Revenue,
    Unit,
    Level,
    Amount,
    Document,
    School,
    From,
}

/// What the columns may be called, folded.
const NAMES: &Names<Field> = &[
    (Field::Code, &["ma", "ma khoan thu", "ma khoan", "code"]),
    (Field::Name, &["ten khoan thu", "khoan thu", "ten khoan", "noi dung thu", "official name", "name", "item"]),
    (Field::Instrument, &["can cu phap ly", "can cu", "van ban", "so van ban", "so hieu", "legal basis", "instrument"]),
    (Field::Clause, &["dieu khoan", "dieu", "clause"]),
    (Field::Necessity, &["tinh chat", "bat buoc", "bat buoc tu nguyen", "necessity"]),
    (Field::Revenue, &["loai", "loai khoan thu", "nhom", "revenue", "kind"]),
    (Field::Unit, &["don vi tinh", "don vi", "dvt", "unit"]),
    (Field::Level, &["cap hoc", "cap", "level"]),
    (Field::Amount, &["muc thu", "don gia", "so tien", "gia", "amount", "price"]),
    (Field::Document, &["chung tu", "loai chung tu", "mau chung tu", "document"]),
    (Field::School, &["truong", "ma truong", "school", "school code"]),
    (Field::From, &["tu ngay", "ngay ap dung", "ap dung tu", "hieu luc tu", "from", "effective from"]),
];

/// Closed lists: the stored word and how files write it, folded.
type Words = &'static [(&'static str, &'static [&'static str])];
const NECESSITIES: Words = &[
    ("mandatory", &["bat buoc", "co", "x", "mandatory"]),
    ("agreed", &["thoa thuan", "khong", "agreed"]),
    ("voluntary", &["tu nguyen", "dang ky", "voluntary"]),
];
const REVENUES: Words = &[
    ("tuition", &["hoc phi", "tuition"]),
    ("service", &["dich vu", "chuong trinh", "service"]),
    ("pass_through", &["thu ho", "thu ho chi ho", "bao hiem", "tien an", "pass through"]),
    ("legal_fee", &["le phi", "phi", "phi le phi", "legal fee"]),
];
const UNITS: Words = &[
    ("month", &["thang", "hoc sinh thang", "month"]),
    ("day", &["ngay", "day"]),
    ("hour", &["gio", "hour"]),
    ("lesson", &["tiet", "buoi", "lesson"]),
    ("km", &["km"]),
    ("year", &["nam", "nam hoc", "year"]),
    ("term", &["hoc ky", "ky", "term"]),
    ("once", &["lan", "mot lan", "once"]),
    ("meal", &["bua", "suat", "suat an", "meal"]),
    ("actual", &["thuc te", "theo thuc te", "actual"]),
];
const LEVEL_WORDS: Words = &[
    ("all", &["", "tat ca", "moi cap", "all"]),
    ("preschool", &["mam non", "mau giao", "nha tre", "mn", "preschool"]),
    ("primary", &["tieu hoc", "th", "primary"]),
    ("lower_secondary", &["thcs", "trung hoc co so", "lower secondary"]),
    ("upper_secondary", &["thpt", "trung hoc pho thong", "upper secondary"]),
    ("continuing", &["gdtx", "giao duc thuong xuyen", "continuing"]),
];
const DOCUMENTS: &[&str] = &["C45-BB", "EBL01", "invoice-2", "pass-through"];

/// The whole catalogue, by code.
///
/// # Errors
/// Faults of the store.
pub async fn catalogue(store: &Store) -> Result<Vec<FeeItem>> {
    store.all(&sql::CATALOGUE, args![]).await
}

/// The prices of a school and those of all schools, to be judged with [`super::price`].
///
/// # Errors
/// Faults of the store.
pub async fn prices(store: &Store, school_id: &str) -> Result<Vec<Price>> {
    store.all(&sql::PRICES_OF_SCHOOL, args![school_id]).await
}

/// Reads a catalogue file and tells what it would change. Prices without a day of their own count from today.
///
/// # Errors
/// A file that is no table, or one without a header that is understood. Wrong cells are in the preview.
pub async fn read_catalogue(
    store: &Store,
    bytes: &[u8],
    filename: &str,
    list_of: ListOf<'_>,
    today: Day,
) -> Result<CataloguePreview> {
    let (file, name) = (bytes.to_vec(), filename.to_owned());
    let sheets = aside(move || sheet::read(&file, &name)).await?;
    let enough =
        |header: &Header<Field>| header.column(Field::Name).is_some() && header.column(Field::Amount).is_some();
    let found = sheets.iter().find_map(|sheet| header::find(sheet, NAMES, enough).map(|header| (sheet, header)));
    let Some((sheet, header)) = found else { return Err(no_header().into()) };
    let mut preview = CataloguePreview::default();
    preview.problems.extend(header.notices(sheet, ""));
    for row in &sheet.rows[header.at + 1..] {
        if header.text(row, Field::Name).is_empty() && header.text(row, Field::Amount).is_empty() {
            continue;
        }
        let before = preview.problems.len();
        let mut wanted = wanted(row, &header, list_of, today, &mut preview.problems);
        // Cells merged downwards: one item with a price for each level.
        if let Some(above) = preview.wanted.last().filter(|_| wanted.official_name.is_empty()) {
            wanted.take_item(above);
        }
        if wanted.official_name.is_empty() || wanted.official_name.chars().count() > 300 {
            let cell = row.address(header.column(Field::Name).unwrap_or_default());
            preview.problems.push(CellProblem::new(cell, "Thiếu tên khoản thu.", "The item has no name."));
        }
        if preview.wanted.iter().any(|before| before.is_same_price(&wanted)) {
            let (vi, en) = ("Khoản thu này đã có mức thu ở dòng trên.", "A row above has a price for this already.");
            preview.problems.push(CellProblem::new(wanted.cells[0].clone(), vi, en));
        }
        if preview.problems[before..].iter().all(|problem| !problem.blocking) {
            preview.wanted.push(wanted);
        }
    }
    compare(store, &mut preview, list_of).await?;
    Ok(preview)
}

/// Stores what a preview showed. The same file again finds everything in place.
///
/// # Errors
/// A preview with a blocking problem: nothing is stored.
pub async fn import_catalogue(store: &Store, clock: &Clock, preview: &CataloguePreview, actor: &str) -> Result<()> {
    if preview.problems.iter().any(|problem| problem.blocking) {
        return Err(refused_cells(&preview.problems).into());
    }
    let now = clock.now();
    for (part, chunk) in preview.wanted.chunks(50).enumerate() {
        transact!(store, |tx| {
            if part == 0 {
                preview.trail_in(tx, actor, now).await?;
            }
            for wanted in chunk {
                store_in(tx, wanted, now).await?;
            }
            Result::<()>::Ok(())
        })?;
    }
    Ok(())
}

fn wanted(
    row: &Row,
    header: &Header<Field>,
    list_of: ListOf<'_>,
    today: Day,
    problems: &mut Vec<CellProblem>,
) -> Wanted {
    let cell = |field: Field| row.address(header.column(field).unwrap_or_default());
    let name = header.text(row, Field::Name).split_whitespace().collect::<Vec<_>>().join(" ");
    let amount_text = header.text(row, Field::Amount);
    let amount = reading::amount(amount_text).filter(|amount| amount.is_positive());
    if amount.is_none() && !amount_text.is_empty() {
        let vi = "Mức thu phải là số đồng nguyên, lớn hơn 0.";
        problems.push(CellProblem::new(cell(Field::Amount), vi, "A price is whole đồng above 0."));
    }
    let mut word = |field: Field, words: Words, vi: &str, en: &str| {
        let text = normal(header.text(row, field));
        let known = words.iter().find(|(_, written)| written.contains(&text.as_str())).map(|(word, _)| *word);
        let known = known.or_else(|| words.iter().map(|(word, _)| *word).find(|word| normal(word) == text));
        if known.is_none() && !text.is_empty() {
            let listed: Vec<&str> = words.iter().filter_map(|(_, written)| written.first().copied()).collect();
            problems.push(CellProblem::new(cell(field), vi, en).suggesting(listed.join(" | ")));
        }
        known
    };
    let necessity = word(Field::Necessity, NECESSITIES, "Tính chất chưa rõ.", "This necessity is not known.");
    let revenue = word(Field::Revenue, REVENUES, "Loại khoản thu chưa rõ.", "This kind is not known.");
    let unit = word(Field::Unit, UNITS, "Đơn vị tính chưa rõ.", "This unit is not known.");
    let level = word(Field::Level, LEVEL_WORDS, "Cấp học chưa rõ.", "This level is not known.").unwrap_or("all");
    let from_day = from_day(row, header, today, problems);
    let document_text = header.text(row, Field::Document);
    let document_kind = DOCUMENTS.iter().find(|kind| kind.eq_ignore_ascii_case(document_text)).copied();
    if document_kind.is_none() && !document_text.is_empty() {
        let problem = CellProblem::new(cell(Field::Document), "Loại chứng từ chưa rõ.", "This document is not known.");
        problems.push(problem.suggesting(DOCUMENTS.join(" | ")));
    }
    let text = |field: Field| Some(header.text(row, field).to_owned()).filter(|text| !text.is_empty());
    Wanted {
        code: text(Field::Code).unwrap_or_else(|| normal(&name).replace(' ', "-")),
        official_name: name,
        necessity,
        unit,
        revenue,
        document_kind,
        instrument: text(Field::Instrument),
        clause: text(Field::Clause),
        keeps_item: false,
        level,
        amount,
        school_code: text(Field::School).or_else(|| list_of.school().map(str::to_owned)),
        from_day,
        cells: [cell(Field::Amount), cell(Field::School), cell(Field::Name)],
    }
}

/// From when the price counts: today where nothing is said.
fn from_day(row: &Row, header: &Header<Field>, today: Day, problems: &mut Vec<CellProblem>) -> Day {
    let text = header.text(row, Field::From);
    match reading::day(text, today) {
        Reading::Is(day) | Reading::Mended(day) => day,
        Reading::Wrong(_) if text.is_empty() => today,
        Reading::Wrong(suggestion) => {
            let cell = row.address(header.column(Field::From).unwrap_or_default());
            let problem = CellProblem::new(cell, "Ngày áp dụng không đọc được.", "This day cannot be read.");
            problems.push(CellProblem { suggestion, ..problem });
            today
        }
    }
}

impl<'a> ListOf<'a> {
    fn school(self) -> Option<&'a str> {
        match self {
            ListOf::Operator(school) => school,
            ListOf::School(school) => Some(school),
        }
    }
}

impl Wanted {
    fn take_item(&mut self, above: &Wanted) {
        let own = Wanted { level: self.level, amount: self.amount, from_day: self.from_day, ..above.clone() };
        *self = Wanted { cells: self.cells.clone(), ..own };
    }

    fn is_same_price(&self, other: &Wanted) -> bool {
        let price = |wanted: &Wanted| (wanted.code.clone(), wanted.level, wanted.school_code.clone(), wanted.from_day);
        self.amount.is_some() && other.amount.is_some() && price(self) == price(other)
    }
}

/// The document that fits a kind of revenue when nobody names one.
fn fitting_document(revenue: &str) -> &'static str {
    match revenue {
        "pass_through" => "pass-through",
        "legal_fee" => "EBL01",
        _ => "C45-BB",
    }
}

async fn compare(store: &Store, preview: &mut CataloguePreview, list_of: ListOf<'_>) -> Result<()> {
    let items = catalogue(store).await?;
    let items: HashMap<&str, &FeeItem> = items.iter().map(|item| (item.code.as_str(), item)).collect();
    let prices: Vec<Price> = store.all(&sql::PRICES, args![]).await?;
    let schools: HashMap<String, String> =
        crate::roll::schools(store).await?.into_iter().map(|school| (school.code, school.id)).collect();
    let mut seen = HashSet::new();
    for wanted in &mut preview.wanted {
        let known = items.get(wanted.code.as_str()).copied();
        if let ListOf::School(own) = list_of
            && let Some(problem) = wanted.stay_within(own, known)
        {
            let stops = problem.blocking;
            preview.problems.push(problem);
            if stops {
                continue;
            }
        }
        let first = seen.insert(wanted.code.clone());
        let mut changes = known.is_none_or(|item| !wanted.keeps_item && !wanted.agrees_with(item));
        match known {
            None if first => preview.new_items.push(wanted.official_name.clone()),
            Some(_) if first && changes => preview.changed_items.push(wanted.official_name.clone()),
            _ => {}
        }
        let school_id = wanted.school_code.as_ref().and_then(|code| schools.get(code)).map(String::as_str);
        if let Some(code) = wanted.school_code.as_ref().filter(|_| school_id.is_none()) {
            let (vi, en) = (format!("Không có trường mã {code}."), format!("There is no school {code}."));
            preview.problems.push(CellProblem::new(wanted.cells[1].clone(), &vi, &en));
            continue;
        }
        if let Some(amount) = wanted.amount
            && !known.is_some_and(|item| has_price(&prices, &item.id, school_id, wanted, amount))
        {
            preview.new_prices.push((wanted.official_name.clone(), wanted.level.to_owned(), amount));
            changes = true;
        }
        preview.unchanged += usize::from(!changes);
    }
    Ok(())
}

/// Is this price the one already in force for exactly this school and level, or written for this very day?
fn has_price(prices: &[Price], item_id: &str, school_id: Option<&str>, wanted: &Wanted, amount: Dong) -> bool {
    prices
        .iter()
        .filter(|price| price.item_id == item_id && price.school_id.as_deref() == school_id)
        .filter(|price| price.level == wanted.level && price.from_day <= wanted.from_day)
        .max_by_key(|price| (price.from_day, price.made_at, price.id.clone()))
        .is_some_and(|price| price.amount == amount)
}

impl CataloguePreview {
    /// The deed stands with the first short write, because the others only carry it out; a file that changes nothing
    /// is no deed. The catalogue is everybody's, so it is no one school's.
    async fn trail_in(&self, tx: &mut Tx, actor: &str, now: Moment) -> Result<()> {
        let (new, changed, prices) = (self.new_items.len(), self.changed_items.len(), self.new_prices.len());
        if new + changed + prices == 0 {
            return Ok(());
        }
        let detail = format!("new items {new}, changed items {changed}, new prices {prices}");
        let deed = Deed { actor, action: "fees.imported", about: "catalogue", school_id: None, detail: &detail };
        trail_in(tx, now, &deed).await
    }
}

impl Wanted {
    /// Does everything this row states about the item stand already?
    fn agrees_with(&self, item: &FeeItem) -> bool {
        let says = |stated: Option<&str>, stands: &str| stated.is_none_or(|stated| stated == stands);
        self.official_name == item.official_name
            && says(self.necessity, &item.necessity)
            && says(self.unit, &item.unit)
            && says(self.revenue, &item.revenue)
            && says(self.document_kind, &item.document_kind)
            && says(self.instrument.as_deref(), item.instrument.as_deref().unwrap_or_default())
            && says(self.clause.as_deref(), &item.clause)
    }

    /// Keeps a school's row to what is the school's: its own prices, and items that nobody else may be using.
    fn stay_within(&mut self, own: &str, known: Option<&FeeItem>) -> Option<CellProblem> {
        if self.school_code.as_deref() != Some(own) {
            let vi = "Tệp của một trường chỉ đặt mức thu cho chính trường đó.";
            return Some(CellProblem::new(
                self.cells[1].clone(),
                vi,
                "A school's file sets prices of that school only.",
            ));
        }
        self.keeps_item = true;
        let known = known?;
        if self.official_name != known.official_name {
            let vi = "Mã này trong danh mục chung mang tên khác; tên chính thức do đơn vị vận hành giữ.";
            let en = "This code has another name in the common list; official names are kept by the operator.";
            return Some(CellProblem::new(self.cells[2].clone(), vi, en).suggesting(known.official_name.clone()));
        }
        let (vi, en) = (
            "Căn cứ và tính chất của khoản thu này giữ như danh mục chung; chỉ lấy mức thu.",
            "The basis and kind of this item stay as in the common list; only the price is taken.",
        );
        (!self.agrees_with(known)).then(|| CellProblem::notice(self.cells[2].clone(), vi, en))
    }
}

async fn store_in(tx: &mut Tx, wanted: &Wanted, now: Moment) -> Result<()> {
    let item_id = item_in(tx, wanted, now).await?;
    let Some(amount) = wanted.amount else { return Ok(()) };
    let school_id: Option<String> = match &wanted.school_code {
        Some(code) => Some(tx.one(&sql::SCHOOL_ID, args![code]).await?),
        None => None,
    };
    let prices: Vec<Price> = tx.all(&sql::PRICES_OF_ITEM, args![&item_id]).await?;
    if !has_price(&prices, &item_id, school_id.as_deref(), wanted, amount) {
        let row = args![ids::new_id("prc"), &item_id, school_id, wanted.level, amount, wanted.from_day, now];
        tx.run(&sql::ADD_PRICE, row).await?;
    }
    Ok(())
}

/// The item's id, after what the row states about it was written. What it leaves open is as it stood.
async fn item_in(tx: &mut Tx, wanted: &Wanted, now: Moment) -> Result<String> {
    let known: Option<FeeItem> = tx.optional(&sql::ITEM_BY_CODE, args![&wanted.code]).await?;
    if let Some(known) = known.as_ref().filter(|known| wanted.keeps_item || wanted.agrees_with(known)) {
        return Ok(known.id.clone());
    }
    if let Some(number) = &wanted.instrument {
        tx.run(&sql::ADD_INSTRUMENT, args![ids::new_id("ins"), number]).await?;
    }
    let stands = known.as_ref();
    let kept = |stated: Option<&str>, stands: Option<&String>, usual: &str| {
        stated.or(stands.map(String::as_str)).unwrap_or(usual).to_owned()
    };
    let revenue = kept(wanted.revenue, stands.map(|item| &item.revenue), "service");
    let item = args![
        ids::new_id("fit"),
        &wanted.code,
        &wanted.official_name,
        kept(wanted.necessity, stands.map(|item| &item.necessity), "agreed"),
        kept(wanted.unit, stands.map(|item| &item.unit), "month"),
        &revenue,
        kept(wanted.document_kind, stands.map(|item| &item.document_kind), fitting_document(&revenue)),
        wanted.instrument.clone().or_else(|| stands.and_then(|item| item.instrument.clone())),
        kept(wanted.clause.as_deref(), stands.map(|item| &item.clause), ""),
        now
    ];
    tx.run(&sql::SET_ITEM, item).await?;
    let written: FeeItem = tx.one(&sql::ITEM_BY_CODE, args![&wanted.code]).await?;
    Ok(written.id)
}

fn no_header() -> Refusal {
    Refusal::new(
        Kind::Meaning,
        "no-header",
        "Không tìm thấy dòng tiêu đề: tệp cần ít nhất cột \"Tên khoản thu\" và \"Mức thu\".",
        "No header was found: the file needs at least the columns \"Tên khoản thu\" and \"Mức thu\".",
    )
}
