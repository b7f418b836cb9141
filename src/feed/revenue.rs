//! The revenue of a day by school and item, with small groups pooled: the sums that the feed keeps, so that they are
//! those of the entries that have a place, whoever counts them.

use std::collections::HashMap;

use super::{FEW, Scope, sql};
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

/// The sums of a school and an item, and how many families are behind each of them at least.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Cell {
    school_id: String,
    school_code: String,
    item: Option<String>,
    issued: Dong,
    issued_to: i64,
    collected: Dong,
    payers: i64,
}

impl Cell {
    /// Could neither figure show one family's affairs? One that is nothing shows nobody's.
    fn is_large(&self) -> bool {
        let hides = |moved: Dong, families: i64| moved == Dong::ZERO || families >= SMALL;
        hides(self.issued, self.issued_to) && hides(self.collected, self.payers)
    }

    fn is_nothing(&self) -> bool {
        self.issued == Dong::ZERO && self.collected == Dong::ZERO
    }
}

/// Families by school and item.
type Families = HashMap<(String, String), i64>;

/// The day's revenue; the rows always add up to what the feed told of the day, pooled or not.
///
/// # Errors
/// Faults of the store.
pub async fn revenue(store: &Store, day: Day, scope: &Scope, is_pooled: bool) -> Result<Vec<Revenue>> {
    // Families first: what comes meanwhile is then in the sums of a group that is taken for smaller than it is.
    let payers = families(store, day, scope, (&sql::PAYERS, &sql::PAYERS_OF_SCHOOL)).await?;
    let issued_to = if is_pooled {
        families(store, day, scope, (&sql::ISSUED_TO, &sql::ISSUED_TO_OF_SCHOOL)).await?
    } else {
        Families::new()
    };
    let sums: Vec<Sum> = store.all(&sql::REVENUE, args![day]).await?;
    let cells = sums.into_iter().filter(|sum| scope.covers(&sum.school_id)).map(|sum| {
        let Sum { school_id, school_code, item_id, item, issued, collected } = sum;
        let key = (school_id, item_id);
        let of = |families: &Families| families.get(&key).copied().unwrap_or_default();
        let (issued_to, payers) = (of(&issued_to), of(&payers));
        Cell { school_id: key.0, school_code, item, issued, issued_to, collected, payers }
    });
    if is_pooled {
        return pooled(cells.filter(|cell| !cell.is_nothing()).collect());
    }
    let open = |cell: Cell| Revenue {
        school: Some(cell.school_code),
        item: cell.item,
        issued: cell.issued,
        collected: cell.collected,
        payers: Some(cell.payers),
    };
    Ok(cells.map(open).collect())
}

/// Families of a scope: of all schools at once, or of each of a few, so that nobody pays for the others.
async fn families(
    store: &Store,
    day: Day,
    scope: &Scope,
    (all, of_school): (&Statement, &Statement),
) -> Result<Families> {
    let rows: Vec<(String, String, i64)> = match scope {
        Scope::Schools(schools) if schools.len() <= FEW => {
            let mut rows = Vec::new();
            for school in schools {
                rows.extend(store.all(of_school, args![day, school]).await?);
            }
            rows
        }
        _ => store.all(all, args![day]).await?,
    };
    Ok(rows.into_iter().map(|(school, item, families)| ((school, item), families)).collect())
}

/// Pools the small groups of a school into one row, joined by others of its groups until no small one could be told
/// from it; a school that stays small as a whole goes into one row over all such schools, and should that be small too,
/// rows that are shown go with it.
fn pooled(cells: Vec<Cell>) -> Result<Vec<Revenue>> {
    let mut shown: Vec<Cell> = Vec::new();
    let mut small_schools: Vec<Cell> = Vec::new();
    for of_school in cells.chunk_by(|one, other| one.school_id == other.school_id) {
        let (mut large, small): (Vec<Cell>, Vec<Cell>) = of_school.iter().cloned().partition(Cell::is_large);
        // One small group alone would be what is missing from the school's total, so a large one goes with it.
        let pool = sum(&small)?.map(|pool| grown(pool, &mut large, sum)).transpose()?;
        match pool {
            Some(pool) if !pool.is_large() => small_schools.push(pool),
            pool => large.extend(pool),
        }
        shown.extend(large);
    }
    let mut rest = over_schools(&small_schools)?;
    if let Some(small) = rest.take_if(|rest| !rest.is_large()) {
        rest = Some(grown(small, &mut shown, over_schools)?);
    }
    let mut rows: Vec<Revenue> =
        shown.into_iter().map(|cell| row(&cell, Some(cell.school_code.clone()), cell.item.clone())).collect();
    rows.extend(rest.map(|rest| row(&rest, None, None)));
    Ok(rows)
}

/// A group with a large one that hides it, or with as many as it takes. The first in the order of items is taken and
/// not the smallest: which that is changes through the day, and two answers would differ by the small group alone.
fn grown(group: Cell, large: &mut Vec<Cell>, join: fn(&[Cell]) -> Result<Option<Cell>>) -> Result<Cell> {
    let mut group = group;
    while !large.is_empty() {
        let with = large.iter().map(|cell| join(&[group.clone(), cell.clone()])).collect::<Result<Vec<_>>>()?;
        let hides = |joined: &Option<Cell>| joined.as_ref().is_some_and(Cell::is_large);
        let place = with.iter().position(hides).unwrap_or_default();
        large.remove(place);
        group = with.into_iter().nth(place).flatten().unwrap_or(group);
        if group.is_large() {
            break;
        }
    }
    Ok(group)
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
        issued_to: cells.iter().map(|cell| cell.issued_to).max().unwrap_or_default(),
        collected: Dong::sum(cells.iter().map(|cell| cell.collected)).ok_or_else(overflow)?,
        payers: cells.iter().map(|cell| cell.payers).max().unwrap_or_default(),
        item: None,
        ..first.clone()
    }))
}

/// The sum of groups of different schools, who share no family.
fn over_schools(cells: &[Cell]) -> Result<Option<Cell>> {
    let people = |of: fn(&Cell) -> i64| cells.iter().map(of).fold(0, i64::saturating_add);
    let (issued_to, payers) = (people(|cell| cell.issued_to), people(|cell| cell.payers));
    Ok(sum(cells)?.map(|sum| Cell { issued_to, payers, ..sum }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(school: &str, item: &str, (issued, issued_to): (i64, i64), (collected, payers): (i64, i64)) -> Cell {
        Cell {
            school_id: school.to_owned(),
            school_code: school.to_owned(),
            item: Some(item.to_owned()),
            issued: Dong::new(issued),
            issued_to,
            collected: Dong::new(collected),
            payers,
        }
    }

    fn paid(school: &str, item: &str, collected: i64, payers: i64) -> Cell {
        cell(school, item, (0, 0), (collected, payers))
    }

    /// School, item, issued, collected, payers.
    type Shown = (Option<&'static str>, Option<&'static str>, i64, i64, Option<i64>);

    fn assert_shown(cells: Vec<Cell>, shown: &[Shown]) {
        let rows = pooled(cells).expect("rows");
        let rows: Vec<_> = rows
            .iter()
            .map(|row| (row.school.as_deref(), row.item.as_deref(), row.issued.get(), row.collected.get(), row.payers))
            .collect();
        assert_eq!(rows, shown);
    }

    #[test]
    fn small_groups_are_pooled_and_the_total_stays() {
        let cells = vec![
            paid("A", "boarding", 300, 12),
            paid("A", "club", 70, 2),
            paid("A", "meal", 1_000, 40),
            paid("B", "meal", 50, 5),
            paid("C", "meal", 60, 6),
        ];
        let shown = [
            (Some("A"), Some("meal"), 0, 1_000, Some(40)),
            (Some("A"), None, 0, 370, Some(12)),
            (None, None, 0, 110, Some(11)),
        ];
        assert_shown(cells, &shown);
    }

    #[test]
    fn one_small_school_alone_is_neither_named_nor_counted() {
        let cells = vec![paid("A", "club", 300, 12), paid("A", "meal", 1_000, 40), paid("B", "meal", 50, 1)];
        assert_shown(cells, &[(Some("A"), Some("meal"), 0, 1_000, Some(40)), (None, None, 0, 350, Some(13))]);
        assert_shown(vec![paid("B", "meal", 50, 1)], &[(None, None, 0, 50, None)]);
    }

    #[test]
    fn a_group_is_large_from_ten_families_on() {
        for (families, item) in [(9, None), (10, Some("meal")), (11, Some("meal"))] {
            let school = (families > 9).then_some("A");
            assert_shown(vec![paid("A", "meal", 10, families)], &[(school, item, 0, 10, school.map(|_| families))]);
            let issued = vec![cell("A", "meal", (10, families), (0, 0))];
            assert_shown(issued, &[(school, item, 10, 0, Some(0))]);
        }
    }

    #[test]
    fn what_one_family_is_asked_for_is_not_shown_because_many_pay() {
        let newcomer = cell("A", "meal", (550, 1), (22_000, 40));
        // That thirty pay for the bus hides nothing; that thirty are asked for a trip does.
        let (bus, trip) = (paid("A", "bus", 900, 30), cell("A", "trip", (3_000, 30), (0, 0)));
        assert_shown(
            vec![bus.clone(), newcomer.clone(), trip],
            &[(Some("A"), Some("bus"), 0, 900, Some(30)), (Some("A"), None, 3_550, 22_000, Some(40))],
        );
        assert_shown(vec![bus, newcomer], &[(None, None, 550, 22_900, Some(40))]);
    }

    #[test]
    fn which_group_hides_a_small_one_does_not_change_with_their_sizes() {
        for (boarding, meal) in [(13, 12), (13, 14)] {
            let cells = vec![paid("A", "boarding", 1, boarding), paid("A", "club", 2, 2), paid("A", "meal", 4, meal)];
            let shown = [(Some("A"), Some("meal"), 0, 4, Some(meal)), (Some("A"), None, 0, 3, Some(boarding))];
            assert_shown(cells, &shown);
        }
    }
}
