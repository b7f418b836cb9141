//! A đợt thu before anything is issued: what is asked of which classes.

use std::collections::{BTreeMap, HashSet};

use crate::access::{Deed, trail_in};
use crate::fault::{Kind, Refusal, Result};
use crate::ids;
use crate::money::Dong;
use crate::roll::{self, ClassGroup};
use crate::store::{Store, Tx, args, record, transact};
use crate::time::{Clock, Day, Moment};

use super::invoice::keys;
use super::plan::{Asked, NoLine, Price, Seat};
use super::sql;

record! {
    /// A billing run.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Run {
        /// `run_…`
        pub id: String,
        /// The school.
        pub school_id: String,
        /// The receiving account its invoices name.
        pub account_id: String,
        /// What parents read above the lines.
        pub title: String,
        /// `2026-2027`
        pub school_year: String,
        /// By when.
        pub due_day: Day,
        /// When it was made.
        pub made_at: Moment,
        /// By whom.
        pub made_by: String,
    }
}

record! {
    /// Something that happened to a run.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct RunEvent {
        /// The run.
        pub run_id: String,
        /// `issuing`, `issued`, `published`, `undoing` or `undone`.
        pub kind: String,
        /// When.
        pub at: Moment,
        /// Who.
        pub actor: String,
    }
}

impl Run {
    /// Somebody did something to this run.
    pub(super) fn deed<'a>(&'a self, action: &'a str, actor: &'a str) -> Deed<'a> {
        Deed { actor, action, about: &self.id, school_id: Some(&self.school_id), detail: "" }
    }
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RunState {
    /// Nothing is issued; it may be looked at.
    Draft,
    /// Invoices are being made.
    Issuing,
    /// All invoices are made; parents do not see them yet.
    Issued,
    /// Parents see them.
    Published,
    /// Invoices are being voided.
    Undoing,
    /// All were voided.
    Undone,
}

impl RunState {
    /// From the kinds of everything that happened; the furthest counts.
    pub fn of<'a>(kinds: impl Iterator<Item = &'a str>) -> RunState {
        kinds.map(RunState::after).max().unwrap_or(RunState::Draft)
    }

    fn after(kind: &str) -> RunState {
        match kind {
            "issuing" => RunState::Issuing,
            "issued" => RunState::Issued,
            "published" => RunState::Published,
            "undoing" => RunState::Undoing,
            "undone" => RunState::Undone,
            _ => RunState::Draft,
        }
    }

    /// The stable word for programs.
    pub const fn code(self) -> &'static str {
        match self {
            RunState::Draft => "draft",
            RunState::Issuing => "issuing",
            RunState::Issued => "issued",
            RunState::Published => "published",
            RunState::Undoing => "undoing",
            RunState::Undone => "undone",
        }
    }
}

/// What a new run asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRun {
    /// The school.
    pub school_id: String,
    /// The receiving account.
    pub account_id: String,
    /// What parents read above the lines.
    pub title: String,
    /// By when.
    pub due_day: Day,
    /// Items in the order of the lines, with how many units of each.
    pub items: Vec<(String, i64)>,
    /// The classes; their school year is the run's.
    pub classes: Vec<String>,
}

/// What issuing would make, per class and item.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preview {
    /// One row per class and item that asks something of somebody.
    pub rows: Vec<PreviewRow>,
    /// Invoices that would be made.
    pub invoices: i64,
    /// Their sum.
    pub total: Dong,
    /// The largest invoice.
    pub most: Dong,
    /// Codes of the classes' pupils who would get no invoice, because no line asks anything of them.
    pub without_lines: Vec<String>,
    /// What must be mended before the run can be issued, in Vietnamese and English.
    pub problems: Vec<(String, String)>,
    /// What a person should know before issuing, in Vietnamese and English.
    pub warnings: Vec<(String, String)>,
}

/// One class's share of one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviewRow {
    /// `cls_…`
    pub class_group_id: String,
    /// `3A`
    pub class_name: String,
    /// `fit_…`
    pub item_id: String,
    /// The official name.
    pub item_name: String,
    /// Units for each pupil.
    pub quantity: i64,
    /// The price of one for this class's level.
    pub unit_price: Dong,
    /// Pupils who are asked.
    pub pupils: i64,
    /// Their sum.
    pub total: Dong,
}

/// Writes down a new run. Nothing is asked of anybody before [`super::start_issuing`].
///
/// # Errors
/// A school, account, item or class that is not there or does not belong together; no title, items or classes.
pub async fn create_run(store: &Store, clock: &Clock, new: &NewRun, actor: &str) -> Result<Run> {
    let run = plan_new_run(store, clock.now(), new, actor).await?;
    transact!(store, |tx| add_run_in(tx, &run, new).await)?;
    Ok(run)
}

/// A new run as it would be written down, when what it names belongs together.
///
/// # Errors
/// As [`create_run`].
pub async fn plan_new_run(store: &Store, now: Moment, new: &NewRun, actor: &str) -> Result<Run> {
    let title: String = new.title.split_whitespace().collect::<Vec<_>>().join(" ");
    check_shape(new, &title)?;
    let account = roll::account(store, &new.account_id).await?;
    if !account.is_some_and(|account| account.school_id == new.school_id && account.is_usable()) {
        return Err(wrong(
            "account-not-usable",
            "Tài khoản nhận tiền không thuộc trường này hoặc đã ngừng dùng.",
            "The receiving account is not this school's, or is no longer used.",
        )
        .into());
    }
    let item_ids: Vec<String> = new.items.iter().map(|(id, _)| id.clone()).collect();
    let known: Vec<String> = store.all_in(&sql::ITEM_IDS, keys(&item_ids)).await?;
    if known.len() != item_ids.len() {
        return Err(
            wrong("unknown-item", "Có khoản thu không có trong danh mục.", "An item is not in the catalogue.").into()
        );
    }
    let classes: Vec<ClassGroup> = store.all_in(&sql::CLASSES_BY_ID, keys(&new.classes)).await?;
    let school_year = one_school_year(new, &classes)?;
    Ok(Run {
        id: ids::new_id("run"),
        school_id: new.school_id.clone(),
        account_id: new.account_id.clone(),
        title,
        school_year,
        due_day: new.due_day,
        made_at: now,
        made_by: actor.to_owned(),
    })
}

/// Writes a planned run down in the caller's transaction.
///
/// # Errors
/// Faults of the store.
pub async fn add_run_in(tx: &mut Tx, run: &Run, new: &NewRun) -> Result<()> {
    let row = args![
        &run.id,
        &run.school_id,
        &run.account_id,
        &run.title,
        &run.school_year,
        run.due_day,
        run.made_at,
        &run.made_by
    ];
    tx.run(&sql::ADD_RUN, row).await?;
    let items = (1_i64..).zip(&new.items).map(|(position, (item, quantity))| args![&run.id, position, item, *quantity]);
    tx.insert_many(&sql::ADD_RUN_ITEMS, items.collect()).await?;
    let classes = new.classes.iter().map(|class| args![&run.id, class]).collect();
    tx.insert_many(&sql::ADD_RUN_CLASSES, classes).await?;
    trail_in(tx, run.made_at, &run.deed("run.made", &run.made_by)).await
}

/// The most units of one item on one invoice.
const MOST_UNITS: i64 = 10_000;

fn check_shape(new: &NewRun, title: &str) -> Result<(), Refusal> {
    if title.is_empty() || title.chars().count() > 200 {
        return Err(wrong(
            "no-title",
            "Đợt thu cần tên, không quá 200 chữ.",
            "A run needs a title of at most 200 letters.",
        ));
    }
    if new.items.is_empty() || new.classes.is_empty() {
        return Err(wrong(
            "nothing-asked",
            "Hãy chọn ít nhất một khoản thu và một lớp.",
            "Choose at least one item and one class.",
        ));
    }
    if new.items.iter().any(|(_, quantity)| !(1..=MOST_UNITS).contains(quantity)) {
        return Err(wrong("wrong-quantity", "Số lượng phải từ 1 đến 10.000.", "A quantity must be from 1 to 10,000."));
    }
    let distinct = |ids: Vec<&String>| ids.iter().collect::<HashSet<_>>().len() == ids.len();
    if !distinct(new.items.iter().map(|(item, _)| item).collect()) || !distinct(new.classes.iter().collect()) {
        return Err(wrong(
            "asked-twice",
            "Một khoản thu hoặc lớp được chọn hai lần.",
            "An item or a class is chosen twice.",
        ));
    }
    Ok(())
}

fn one_school_year(new: &NewRun, classes: &[ClassGroup]) -> Result<String, Refusal> {
    let year = classes.first().map(|class| class.school_year.clone()).unwrap_or_default();
    let together = classes.iter().all(|class| class.school_id == new.school_id && class.school_year == year);
    if classes.len() != new.classes.len() || !together {
        return Err(wrong(
            "classes-apart",
            "Các lớp phải thuộc trường này và cùng một năm học.",
            "The classes must be this school's and of one school year.",
        ));
    }
    Ok(year)
}

/// What issuing would make today: the totals per class and item, who would get nothing, and what looks wrong.
///
/// # Errors
/// An unknown run; faults of the store.
pub async fn preview_run(store: &Store, run_id: &str, now: Moment) -> Result<Preview> {
    let run: Run = store.optional(&sql::RUN, args![run_id]).await?.ok_or_else(Refusal::absent)?;
    let asked: Vec<Asked> = store.all(&sql::ASKED, args![run_id]).await?;
    let prices: Vec<Price> = store.all(&sql::PRICES_OF_RUN, args![run_id, now]).await?;
    let mut seats: Vec<Seat> = store.all(&sql::SEATS, args![run_id, now.day()]).await?;
    seats.dedup_by(|later, kept| later.pupil_id == kept.pupil_id);
    let registered: Vec<(String, String)> = store.all(&sql::REGISTERED, args![run_id, run.due_day]).await?;
    let registered: HashSet<(String, String)> = registered.into_iter().collect();
    let mut preview = Preview::default();
    add_up(&mut preview, &run, &asked, &prices, &seats, &registered);
    warn_of_items(&mut preview, &run, &asked, &registered, now.day());
    let twice: Vec<(String, String, String)> = store.all(&sql::ASKED_TWICE, args![run_id]).await?;
    for (item, class, title) in twice {
        preview.warnings.push((
            format!("\"{item}\" của lớp {class} đã có trong đợt \"{title}\" cùng tháng."),
            format!("\"{item}\" for class {class} is already asked in \"{title}\" of the same month."),
        ));
    }
    Ok(preview)
}

fn add_up(
    preview: &mut Preview,
    run: &Run,
    asked: &[Asked],
    prices: &[Price],
    seats: &[Seat],
    registered: &HashSet<(String, String)>,
) {
    let mut rows: BTreeMap<(String, String, i64), PreviewRow> = BTreeMap::new();
    for seat in seats {
        let mut total = Some(Dong::ZERO);
        for item in asked.iter().filter(|item| item.is_asked_of(seat, registered)) {
            let line = match item.line(prices, &run.school_id, &seat.level, run.due_day) {
                Ok(line) => line,
                Err(why) => {
                    let problem = problem(why, item, seat);
                    if !preview.problems.contains(&problem) {
                        preview.problems.push(problem);
                    }
                    continue;
                }
            };
            total = total.and_then(|total| total.plus(line.payable));
            let key = (roll::natural_key(&seat.class_name), seat.class_group_id.clone(), item.position);
            let row = rows.entry(key).or_insert_with(|| PreviewRow {
                class_group_id: seat.class_group_id.clone(),
                class_name: seat.class_name.clone(),
                item_id: item.item_id.clone(),
                item_name: item.official_name.clone(),
                quantity: item.quantity,
                unit_price: line.unit_price,
                pupils: 0,
                total: Dong::ZERO,
            });
            row.pupils += 1;
            row.total = row.total.plus(line.payable).unwrap_or(Dong::new(i64::MAX));
        }
        match total {
            Some(Dong::ZERO) => preview.without_lines.push(seat.pupil_code.clone()),
            Some(total) => {
                preview.invoices += 1;
                preview.most = preview.most.max(total);
                match preview.total.plus(total) {
                    Some(sum) => preview.total = sum,
                    None => preview.problems.push(too_large()),
                }
            }
            None => preview.problems.push(too_large()),
        }
    }
    preview.problems.dedup();
    preview.rows = rows.into_values().collect();
}

fn warn_of_items(
    preview: &mut Preview,
    run: &Run,
    asked: &[Asked],
    registered: &HashSet<(String, String)>,
    today: Day,
) {
    let mut warn = |vi: String, en: String| preview.warnings.push((vi, en));
    for item in asked {
        let name = &item.official_name;
        if item.is_voluntary() && !registered.iter().any(|(_, id)| *id == item.item_id) {
            warn(
                format!("Khoản tự nguyện \"{name}\" chưa có ai đăng ký nên không lên phiếu."),
                format!("Nobody registered for the voluntary \"{name}\", so it stands on no invoice."),
            );
        }
        if item.instrument.is_none() && item.clause.is_empty() {
            warn(format!("\"{name}\" chưa có căn cứ pháp lý."), format!("\"{name}\" names no legal basis."));
        }
    }
    if run.due_day < today {
        warn("Hạn nộp đã qua.".to_owned(), "The due day is past.".to_owned());
    }
    if preview.invoices == 0 && preview.problems.is_empty() {
        warn("Không có phiếu nào được lập.".to_owned(), "No invoice would be made.".to_owned());
    }
    if preview.most > Dong::TRANSFER_LIMIT {
        warn(
            "Có phiếu vượt hạn mức một lần chuyển khoản nhanh (500.000.000 ₫).".to_owned(),
            "An invoice is larger than one instant transfer may be (500,000,000 ₫).".to_owned(),
        );
    }
}

fn problem(why: NoLine, item: &Asked, seat: &Seat) -> (String, String) {
    match why {
        NoLine::Unpriced => (
            format!("\"{}\" chưa có mức thu cho lớp {}.", item.official_name, seat.class_name),
            format!("\"{}\" has no price for class {}.", item.official_name, seat.class_name),
        ),
        NoLine::TooLarge => too_large(),
    }
}

fn too_large() -> (String, String) {
    ("Số tiền lớn quá mức hệ thống ghi được.".to_owned(), "An amount is larger than can be written down.".to_owned())
}

fn wrong(code: &'static str, vi: &str, en: &str) -> Refusal {
    Refusal::new(Kind::Meaning, code, vi, en)
}
