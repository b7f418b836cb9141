//! Sets the stage of a story through the doors everybody uses: setup, the roster import, the fee import, a billing run.
//! Doing any of it again changes nothing, so that a story can go on after a restart.

use std::fmt::Write;

use super::roster::StorySchool;
use super::story;
use crate::clockwork::{self, House};
use crate::fault::{Fault, Result};
use crate::fees::{self, NewRun, RunState};
use crate::roll::{self, ReceivingAccount, School, import, setup};
use crate::store::Store;
use crate::time::{Clock, Day};

/// Who acts in the story where no person does.
const ACTOR: &str = "system";
/// The accountant of both schools, as so often.
pub const ACCOUNTANT: &str = "ketoan";
/// The head of the first school.
pub const HEAD: &str = "hieutruong";
/// The supervisor in the ward.
pub const SUPERVISOR: &str = "giamsat";

/// Authorities, schools, accounts and people, as one table that anybody could have typed.
pub fn table(schools: &[StorySchool], password: &str) -> String {
    let mut table = String::from(
        "kind,code,name,under,level,ownership,address,phone,mcc,city,reading,bank,number,login,password\n\
         authority,SGD,Sở Giáo dục và Đào tạo (mô phỏng),,doet,,,,,,,,,,\n\
         authority,PBNX,Ủy ban nhân dân phường Bến Nghé Xanh,SGD,ward,,,,,,,,,,\n",
    );
    for school in schools {
        let StorySchool { code, name, level, address, phone, city, reading, bin, number, holder, .. } = school;
        // Writing to a String cannot fail.
        let _ =
            writeln!(table, "school,{code},{name},PBNX,{level},public,\"{address}\",{phone},8211,{city},{reading},,,,");
        let _ = writeln!(table, "account,,{holder},{code},,,,,,,,{bin},{number},,");
        let _ = writeln!(table, "accountant,,Cô Thu (kế toán),{code},,,,,,,,,,{ACCOUNTANT},{password}");
        let _ = writeln!(table, "head,,Thầy Minh (hiệu trưởng),{code},,,,,,,,,,{HEAD},{password}");
    }
    let _ = writeln!(table, "supervisor,,Chị Hạnh (giám sát),PBNX,,,,,,,,,,{SUPERVISOR},{password}");
    table
}

/// Authorities, schools, accounts, people, rosters and the fee catalogue.
///
/// # Errors
/// What the imports refuse, and faults of the store.
pub async fn set(store: &Store, clock: &Clock, schools: &[StorySchool], password: &str, seed: u64) -> Result<()> {
    let lines = setup::read(table(schools, password).as_bytes(), "setup.csv")?;
    setup::setup(store, clock, &lines).await?;
    let today = clock.now().day();
    let school_year = roll::school_year_of(today);
    for story in schools {
        let school = school(store, story).await?;
        let roster = import::read(&story.roster(seed, &school_year)?, "danh-sach.xlsx", today)?;
        let preview = import::preview(store, &school, &roster, today).await?;
        import::apply(store, clock, &school, &preview, ACTOR).await?;
    }
    let catalogue = story::catalogue(first_day(&school_year));
    let preview =
        fees::read_catalogue(store, catalogue.as_bytes(), "khoan-thu.csv", fees::ListOf::Operator(None), today).await?;
    fees::import_catalogue(store, clock, &preview, ACTOR).await
}

/// `2026-2027` begins on 1 September 2026, and so do its prices.
fn first_day(school_year: &str) -> Day {
    let year = school_year.split('-').next().and_then(|year| year.parse().ok()).unwrap_or(2026);
    Day::new(year, 9, 1).unwrap_or(Day(jiff::civil::Date::MIN))
}

/// A school of the story as it stands in the store.
///
/// # Errors
/// It was not set up, which [`set`] rules out.
pub async fn school(store: &Store, story: &StorySchool) -> Result<School> {
    let found = roll::school_by_code(store, story.code).await?;
    found.ok_or_else(|| Fault::new("find a school of the story: it was not set up").into())
}

/// The receiving account of a school of the story.
///
/// # Errors
/// It was not set up, which [`set`] rules out.
pub async fn account(store: &Store, story: &StorySchool) -> Result<ReceivingAccount> {
    let found = roll::account_by_number(store, story.bin, story.number).await?;
    found.ok_or_else(|| Fault::new("find an account of the story: it was not set up").into())
}

/// Issues and publishes this month's run of a school, for all its classes; finds it when it was made before.
///
/// # Errors
/// What the run refuses, and faults of the store.
pub async fn publish_run(house: &House, story: &StorySchool) -> Result<String> {
    let (store, clock) = (&house.store, &house.clock);
    let (school, account) = (school(store, story).await?, account(store, story).await?);
    let runs = fees::view::runs_of(store, &school.id).await?;
    let (run_id, state) = match runs.into_iter().next() {
        Some(known) => (known.run.id, known.state),
        None => (create_run(store, clock, &school, &account).await?, RunState::Draft),
    };
    if state == RunState::Draft {
        fees::start_issuing(store, clock, &run_id, ACTOR).await?;
    }
    if matches!(state, RunState::Draft | RunState::Issuing | RunState::Issued) {
        clockwork::settle(house).await?;
        fees::publish(store, clock, &run_id, ACTOR).await?;
    }
    Ok(run_id)
}

async fn create_run(store: &Store, clock: &Clock, school: &School, account: &ReceivingAccount) -> Result<String> {
    let today = clock.now().day();
    let catalogue = fees::catalogue(store).await?;
    let items = story::LINES.iter().filter_map(|(code, quantity)| {
        catalogue.iter().find(|item| item.code == *code).map(|item| (item.id.clone(), *quantity))
    });
    let classes = roll::classes_of(store, &school.id, &roll::school_year_of(today)).await?;
    let new = NewRun {
        school_id: school.id.clone(),
        account_id: account.id.clone(),
        title: story::run_title(today),
        due_day: today.plus_days(14),
        items: items.collect(),
        classes: classes.into_iter().map(|class| class.id).collect(),
    };
    Ok(fees::create_run(store, clock, &new, ACTOR).await?.id)
}
