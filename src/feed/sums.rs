//! The sums that dashboards show, kept as entries get their places: by item, day and school, by day and school, by
//! school; and, for a page of many schools or many days, by day and item over all schools and by month and school.
//!
//! **Invariant:** each is the sum of the postings of the entries that have a place; the audit compares them.

use std::collections::BTreeMap;

use super::{Moved, Waiting, sql};
use crate::fault::{Fault, Result};
use crate::ledger::Account;
use crate::money::Dong;
use crate::store::{Tx, args};
use crate::time::{Day, Month};

/// What one batch of entries adds. In the order of their keys, so that two sequencers would take rows in one order.
#[derive(Default)]
pub(super) struct Sums<'a> {
    items: BTreeMap<(&'a str, Day, &'a str), Changed>,
    days: BTreeMap<(Day, &'a str), Changed>,
    totals: BTreeMap<(Day, &'a str), Changed>,
    months: BTreeMap<(Month, &'a str), Changed>,
    schools: BTreeMap<&'a str, Stands>,
}

#[derive(Default)]
struct Changed {
    issued: Dong,
    collected: Dong,
}

#[derive(Default)]
struct Stands {
    owed: Dong,
    surplus: Dong,
    held: Dong,
}

impl<'a> Sums<'a> {
    /// One more sum that an entry moved.
    pub(super) fn add(&mut self, entry: &'a Waiting, moved: &'a Moved) -> Result<()> {
        let school = entry.school_id.as_str();
        let stands = match Account::of_code(&moved.account) {
            Some(Account::ReceivableParent) => {
                let item = moved.item_id.as_deref().unwrap_or_default();
                change(self.items.entry((item, entry.day, school)).or_default(), moved)?;
                change(self.days.entry((entry.day, school)).or_default(), moved)?;
                change(self.totals.entry((entry.day, item)).or_default(), moved)?;
                change(self.months.entry((entry.day.month(), school)).or_default(), moved)?;
                return grow(&mut self.schools.entry(school).or_default().owed, Some(moved.amount));
            }
            Some(Account::CreditBalanceFamily) => &mut self.schools.entry(school).or_default().surplus,
            Some(Account::SuspenseUnidentified) => &mut self.schools.entry(school).or_default().held,
            _ => return Ok(()),
        };
        grow(stands, moved.amount.negated())
    }

    /// Writes it beside the places that were given.
    pub(super) async fn keep_in(self, tx: &mut Tx) -> Result<()> {
        let items = self.items.into_iter();
        let items = items.map(|((item, day, school), sum)| args![item, day, school, sum.issued, sum.collected]);
        tx.insert_many(&sql::KEEP_ITEM_SUMS, items.collect()).await?;
        let days = self.days.into_iter().map(|((day, school), sum)| args![day, school, sum.issued, sum.collected]);
        tx.insert_many(&sql::KEEP_DAY_SUMS, days.collect()).await?;
        let totals = self.totals.into_iter().map(|((day, item), sum)| args![day, item, sum.issued, sum.collected]);
        tx.insert_many(&sql::KEEP_TOTAL_SUMS, totals.collect()).await?;
        let months = self.months.into_iter();
        let months = months.map(|((month, school), sum)| args![month, school, sum.issued, sum.collected]);
        tx.insert_many(&sql::KEEP_MONTH_SUMS, months.collect()).await?;
        let schools = self.schools.into_iter();
        let schools = schools.map(|(school, stands)| args![school, stands.owed, stands.surplus, stands.held]);
        tx.insert_many(&sql::KEEP_SCHOOL_SUMS, schools.collect()).await?;
        Ok(())
    }
}

/// A receivable is raised by what is no money, and taken off by what is.
fn change(sum: &mut Changed, moved: &Moved) -> Result<()> {
    match moved.is_money {
        0 => grow(&mut sum.issued, Some(moved.amount)),
        _ => grow(&mut sum.collected, moved.amount.negated()),
    }
}

fn grow(sum: &mut Dong, by: Option<Dong>) -> Result<()> {
    let grown = by.and_then(|by| sum.plus(by));
    *sum = grown.ok_or_else(|| Fault::new("add up what entries moved: beyond an i64"))?;
    Ok(())
}
