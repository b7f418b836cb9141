//! The revenue of a day by school and item, with small groups pooled: the sums that the feed keeps, so that they are
//! those of the entries that have a place, whoever counts them.

use std::collections::HashMap;

use super::{Scope, sql};
use crate::fault::{Fault, Result};
use crate::money::Dong;
use crate::store::{Statement, Store, args, record};
use crate::time::Day;

/// A group with fewer families than this could show one family's affairs.
pub const SMALL: i64 = 10;

/// What one school raised and collected for one item on a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revenue {
    /// The school's code; nothing where schools were pooled.
    pub school: Option<String>,
    /// The fee item's code; nothing where items were pooled.
    pub item: Option<String>,
    /// Receivables raised, net of what was taken back.
    pub issued: Dong,
    /// Money that came for them, net of what was moved away.
    pub collected: Dong,
    /// At least so many families paid; nothing where so few did that saying it could show one family's affairs.
    pub payers: Option<i64>,
}

record! {
    struct Sum {
        school_id: String,
        school_code: String,
        item_id: String,
        item: Option<String>,
        issued: Dong,
        collected: Dong,
    }
}

/// The sums of a school and an item, and how many families are behind them at least.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Cell {
    school_id: String,
    school_code: String,
    item: Option<String>,
    issued: Dong,
    collected: Dong,
    /// Whose money came or went.
    payers: i64,
    /// To whom anything happened.
    families: i64,
}

/// By school and item.
type People = HashMap<(String, String), i64>;

/// The day's revenue; the rows always add up to what the feed told of the day, pooled or not.
///
/// # Errors
/// Faults of the store.
pub async fn revenue(store: &Store, day: Day, scope: &Scope, is_pooled: bool) -> Result<Vec<Revenue>> {
    // Families first: what comes while this is read is then in the sums of a group that is taken for smaller than it is.
    let payers = people(store, &sql::PAYERS, day).await?;
    let families = if is_pooled { people(store, &sql::FAMILIES, day).await? } else { People::new() };
    let sums: Vec<Sum> = store.all(&sql::REVENUE, args![day]).await?;
    let cells: Vec<Cell> = sums
        .into_iter()
        .filter(|sum| scope.covers(&sum.school_id))
        .map(|sum| {
            let key = (sum.school_id, sum.item_id);
            let payers = payers.get(&key).copied().unwrap_or_default();
            let families = families.get(&key).copied().unwrap_or_default().max(payers);
            let Sum { school_code, item, issued, collected, .. } = sum;
            Cell { school_id: key.0, school_code, item, issued, collected, payers, families }
        })
        .collect();
    if is_pooled {
        return pooled(cells);
    }
    let open = |cell: Cell| Revenue {
        school: Some(cell.school_code),
        item: cell.item,
        issued: cell.issued,
        collected: cell.collected,
        payers: Some(cell.payers),
    };
    Ok(cells.into_iter().map(open).collect())
}

async fn people(store: &Store, statement: &Statement, day: Day) -> Result<People> {
    let rows: Vec<(String, String, i64)> = store.all(statement, args![day]).await?;
    Ok(rows.into_iter().map(|(school, item, people)| ((school, item), people)).collect())
}

/// Pools the small groups of a school into one row, joined by its next smallest group until no small group could be
/// told from it; a school that stays small as a whole goes into one row over all such schools, and should that be
/// small too, it takes the smallest row that is shown with it.
fn pooled(cells: Vec<Cell>) -> Result<Vec<Revenue>> {
    let mut shown: Vec<Cell> = Vec::new();
    let mut small_schools: Vec<Cell> = Vec::new();
    for of_school in cells.chunk_by(|one, other| one.school_id == other.school_id) {
        let (small, large) = split(of_school);
        shown.extend(large);
        match sum(&small)? {
            Some(pool) if is_large(&pool) => shown.push(pool),
            Some(pool) => small_schools.push(pool),
            None => {}
        }
    }
    let mut rest = over_schools(&small_schools)?;
    if rest.as_ref().is_some_and(|rest| !is_large(rest)) {
        let smallest = shown.iter().enumerate().min_by_key(|(_, cell)| cell.families).map(|(place, _)| place);
        let host = smallest.map(|place| shown.remove(place));
        rest = over_schools(&rest.into_iter().chain(host).collect::<Vec<_>>())?;
    }
    let mut rows: Vec<Revenue> =
        shown.into_iter().map(|cell| row(&cell, Some(cell.school_code.clone()), cell.item.clone())).collect();
    rows.extend(rest.map(|rest| row(&rest, None, None)));
    Ok(rows)
}

/// The groups to be pooled and those to be shown. One small group alone would be what is missing from the school's
/// total, so the smallest large one goes with it.
fn split(cells: &[Cell]) -> (Vec<Cell>, Vec<Cell>) {
    let (mut small, mut large): (Vec<Cell>, Vec<Cell>) = cells.iter().cloned().partition(|cell| !is_large(cell));
    if !small.is_empty() {
        let smallest = large.iter().enumerate().min_by_key(|(_, cell)| cell.families).map(|(place, _)| place);
        small.extend(smallest.map(|place| large.remove(place)));
    }
    (small, large)
}

fn is_large(cell: &Cell) -> bool {
    // A group in which nobody paid may still be one family's void; a group of payers hides among payers.
    let people = if cell.collected == Dong::ZERO { cell.families } else { cell.payers };
    people >= SMALL
}

fn row(cell: &Cell, school: Option<String>, item: Option<String>) -> Revenue {
    let payers = Some(cell.payers).filter(|payers| *payers == 0 || *payers >= SMALL);
    Revenue { school, item, issued: cell.issued, collected: cell.collected, payers }
}

/// The sum of groups. Families of one school may stand in several, so the largest group says how many they are at
/// least.
fn sum(cells: &[Cell]) -> Result<Option<Cell>> {
    let Some(first) = cells.first() else { return Ok(None) };
    let overflow = || Fault::new("add a day's revenue up: beyond an i64");
    Ok(Some(Cell {
        issued: Dong::sum(cells.iter().map(|cell| cell.issued)).ok_or_else(overflow)?,
        collected: Dong::sum(cells.iter().map(|cell| cell.collected)).ok_or_else(overflow)?,
        payers: cells.iter().map(|cell| cell.payers).max().unwrap_or_default(),
        families: cells.iter().map(|cell| cell.families).max().unwrap_or_default(),
        item: None,
        ..first.clone()
    }))
}

/// The sum of groups of different schools, who share no family.
fn over_schools(cells: &[Cell]) -> Result<Option<Cell>> {
    let people = |of: fn(&Cell) -> i64| cells.iter().map(of).fold(0, i64::saturating_add);
    let (payers, families) = (people(|cell| cell.payers), people(|cell| cell.families));
    Ok(sum(cells)?.map(|sum| Cell { payers, families, ..sum }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(school: &str, item: &str, collected: i64, payers: i64) -> Cell {
        Cell {
            school_id: school.to_owned(),
            school_code: school.to_owned(),
            item: Some(item.to_owned()),
            issued: Dong::ZERO,
            collected: Dong::new(collected),
            payers,
            families: payers,
        }
    }

    #[test]
    fn small_groups_are_pooled_and_the_total_stays() {
        let cells = vec![
            cell("A", "meal", 1_000, 40),
            cell("A", "boarding", 300, 12),
            cell("A", "club", 70, 2),
            cell("B", "meal", 50, 5),
            cell("C", "meal", 60, 6),
        ];
        let rows = pooled(cells).expect("rows");
        assert_eq!(Dong::sum(rows.iter().map(|row| row.collected)), Some(Dong::new(1_480)));
        let named: Vec<(Option<&str>, Option<&str>, i64)> =
            rows.iter().map(|row| (row.school.as_deref(), row.item.as_deref(), row.collected.get())).collect();
        assert_eq!(named, [(Some("A"), Some("meal"), 1_000), (Some("A"), None, 370), (None, None, 110)]);
    }

    #[test]
    fn one_small_school_alone_is_neither_named_nor_counted() {
        let rows = pooled(vec![cell("A", "meal", 1_000, 40), cell("A", "club", 300, 12), cell("B", "meal", 50, 1)]);
        let rows = rows.expect("rows");
        let told: Vec<(Option<&str>, i64, Option<i64>)> =
            rows.iter().map(|row| (row.school.as_deref(), row.collected.get(), row.payers)).collect();
        assert_eq!(told, [(Some("A"), 1_000, Some(40)), (None, 350, Some(13))]);
        let alone = pooled(vec![cell("B", "meal", 50, 1)]).expect("rows");
        assert_eq!((alone.len(), alone[0].school.as_deref(), alone[0].payers), (1, None, None));
    }

    #[test]
    fn no_row_of_a_school_shows_fewer_than_ten_payers() {
        let rows = pooled(vec![cell("A", "meal", 10, 9), cell("A", "club", 10, 10)]).expect("rows");
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].item, None);
    }
}
