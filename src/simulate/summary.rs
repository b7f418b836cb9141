//! What the demo prints: where to go, and what came of the story.

use std::fmt;
use std::path::Path;

use super::demo::Doors;
use super::roster::StorySchool;
use super::stage;
use crate::clockwork::House;
use crate::fault::{Fault, Result};
use crate::fees::{Position, view};
use crate::ledger::{self, Finding};
use crate::money::Dong;
use crate::{feed, matching, receipts};

/// A number of things and their sum.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    count: usize,
    dong: Dong,
}

impl Sum {
    fn add(&mut self, dong: Dong) -> Result<()> {
        self.count += 1;
        self.dong = self.dong.plus(dong).ok_or_else(|| Fault::new("add up the demo"))?;
        Ok(())
    }
}

/// One school's column.
#[derive(Debug, Clone, Default)]
struct Column {
    name: String,
    issued: Sum,
    paid: Sum,
    part: Sum,
    unpaid: Sum,
    surplus: Sum,
    held: Sum,
    receipts: Sum,
}

/// What came of the story.
pub struct Summary {
    columns: Vec<Column>,
    feed: i64,
    findings: Vec<Finding>,
}

impl Summary {
    /// Adds up what stands in the store, and asks the books whether they agree.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn of(house: &House, schools: &[StorySchool]) -> Result<Summary> {
        let mut columns = Vec::new();
        for school in schools {
            columns.push(column(house, school).await?);
        }
        let feed = feed::head(&house.store).await?;
        Ok(Summary { columns, feed, findings: ledger::audit(&house.store).await? })
    }

    /// Does every invariant hold?
    pub fn agrees(&self) -> bool {
        self.findings.iter().all(Finding::holds)
    }
}

async fn column(house: &House, story: &StorySchool) -> Result<Column> {
    let store = &house.store;
    let school = stage::school(store, story).await?;
    let mut column = Column { name: story.name.to_owned(), ..Column::default() };
    for progress in view::runs_of(store, &school.id).await? {
        for invoice in view::invoices_of_run(store, &progress.run.id).await? {
            column.issued.add(invoice.total)?;
            let money = invoice.money;
            match money.position {
                Position::Paid | Position::Over => column.paid.add(money.paid)?,
                Position::Part => column.part.add(money.paid)?,
                Position::Unpaid => column.unpaid.add(money.owed)?,
            }
            if money.surplus.is_positive() {
                column.surplus.add(money.surplus)?;
            }
        }
    }
    for held in matching::held(store, &school.id, None, 1_000).await? {
        column.held.add(held.amount)?;
    }
    let today = house.clock.now().day();
    for receipt in receipts::of_school(store, &school.id, today.plus_days(-366), today).await? {
        column.receipts.add(receipt.amount)?;
    }
    Ok(column)
}

/// One figure of a school.
type Figure = fn(&Column) -> Sum;

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: [(&str, Figure); 7] = [
            ("issued", |column| column.issued),
            ("paid", |column| column.paid),
            ("paid in part", |column| column.part),
            ("unpaid", |column| column.unpaid),
            ("families' credit", |column| column.surplus),
            ("held", |column| column.held),
            ("receipts", |column| column.receipts),
        ];
        write!(f, "{:18}", "")?;
        for column in &self.columns {
            write!(f, "{:>32}", column.name)?;
        }
        for (name, of) in rows {
            write!(f, "\n{name:18}")?;
            for column in &self.columns {
                let Sum { count, dong } = of(column);
                write!(f, "{:>32}", format!("{count:4}  {:>14} ₫", dong.grouped()))?;
            }
        }
        write!(f, "\n{:18}{:>32}", "feed", format!("{} entries", self.feed))?;
        let broken: Vec<&Finding> = self.findings.iter().filter(|finding| !finding.holds()).collect();
        let held = self.findings.len() - broken.len();
        write!(f, "\n{:18}{:>32}", "audit", format!("{held} of {} hold", self.findings.len()))?;
        for finding in broken {
            write!(f, "\nBROKEN  {}: {}", finding.name, finding.rows.join("; "))?;
        }
        Ok(())
    }
}

/// Where everybody goes, and how they get in.
pub fn welcome(doors: &Doors, dir: &Path) -> String {
    let Doors { parent, accountant, supervisor, api, password, api_key, .. } = doors;
    let (accountant_login, supervisor_login) = (stage::ACCOUNTANT, stage::SUPERVISOR);
    format!(
        "\n  parent       {parent}\n  accountant   {accountant}   {accountant_login} / {password}\n  \
         supervisor   {supervisor}   {supervisor_login} / {password}\n  \
         API          {api}   Authorization: Bearer {api_key}\n\n  \
         The simulated bank goes on paying, one family after another. Everything lies in {}; delete it to begin\n  \
         again. Ctrl-C ends the demo.\n",
        dir.display()
    )
}
