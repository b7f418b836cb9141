//! The revenue of a day by school and item, with small groups pooled: the sums that the feed keeps, so that they are
//! those of the entries that have a place, whoever counts them.

use std::collections::{BTreeMap, HashMap};

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
    /// At least so many families paid; nothing where nobody did, or so few that saying it could show one's affairs.
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

/// The sums of a school and an item, and how many families are behind each of them.
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

/// One of a cell's two figures, or of several cells together, with how many families are behind it at least.
#[derive(Debug, Clone)]
struct Part {
    school_code: String,
    item: Option<String>,
    sum: Dong,
    families: i64,
}

impl Part {
    fn is_large(&self) -> bool {
        self.families >= SMALL
    }
}

impl Cell {
    fn part(&self, sum: Dong, families: i64) -> Part {
        Part { school_code: self.school_code.clone(), item: self.item.clone(), sum, families }
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
        return pooled(&cells.collect::<Vec<_>>());
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

/// Pools what was raised and what came, each for itself: that many pay hides nothing of what one family is asked for.
/// What is named stands first, and what nobody's is last.
fn pooled(cells: &[Cell]) -> Result<Vec<Revenue>> {
    let issued = pooled_parts(cells.iter().map(|cell| cell.part(cell.issued, cell.issued_to)))?;
    let collected = pooled_parts(cells.iter().map(|cell| cell.part(cell.collected, cell.payers)))?;
    let mut rows: BTreeMap<_, Revenue> = BTreeMap::new();
    // What belongs to no item stands in one row with what was pooled.
    let mut add = |school: Option<String>, item: Option<String>, change: &dyn Fn(&mut Revenue) -> Option<()>| {
        let place = (school.is_none(), school.clone(), item.is_none(), item.clone());
        let none = Revenue { school, item, issued: Dong::ZERO, collected: Dong::ZERO, payers: None };
        change(rows.entry(place).or_insert(none)).ok_or_else(|| Fault::new("add up a row of revenue: beyond an i64"))
    };
    for (school, part) in issued {
        add(school, part.item, &|row| {
            row.issued = row.issued.plus(part.sum)?;
            Some(())
        })?;
    }
    for (school, part) in collected {
        let payers = Some(part.families).filter(|families| *families >= SMALL);
        add(school, part.item, &|row| {
            row.collected = row.collected.plus(part.sum)?;
            row.payers = row.payers.max(payers);
            Some(())
        })?;
    }
    Ok(rows.into_values().collect())
}

/// Pools the small groups of a school, joined by a large one so that no small one could be told from the school's
/// total; a school that has none goes into one group over all such schools, and should that be small too, a large one
/// of any school goes with it. It is the first in the order of items and not the smallest: which that is changes
/// through the day, and two answers would differ by the small group alone.
fn pooled_parts(parts: impl Iterator<Item = Part>) -> Result<Vec<(Option<String>, Part)>> {
    let parts: Vec<Part> = parts.filter(|part| part.sum != Dong::ZERO).collect();
    let mut shown: Vec<Part> = Vec::new();
    let mut rest: Vec<Part> = Vec::new();
    for of_school in parts.chunk_by(|one, other| one.school_code == other.school_code) {
        let (mut large, mut small): (Vec<Part>, Vec<Part>) = of_school.iter().cloned().partition(Part::is_large);
        if !small.is_empty() && !large.is_empty() {
            small.push(large.remove(0));
        }
        // Families of one school may stand in several groups, so the largest says how many they are at least.
        let families = small.iter().map(|part| part.families).max().unwrap_or_default();
        match together(&small, families)? {
            Some(pool) if !pool.is_large() => rest.push(pool),
            pool => large.extend(pool),
        }
        shown.extend(large);
    }
    // Schools share no family.
    let families = |parts: &[Part]| parts.iter().map(|part| part.families).fold(0, i64::saturating_add);
    if !rest.is_empty() && families(&rest) < SMALL && !shown.is_empty() {
        rest.push(shown.remove(0));
    }
    let rest = together(&rest, families(&rest))?;
    let named = shown.into_iter().map(|part| (Some(part.school_code.clone()), part));
    Ok(named.chain(rest.map(|rest| (None, rest))).collect())
}

fn together(parts: &[Part], families: i64) -> Result<Option<Part>> {
    let Some(first) = parts.first() else { return Ok(None) };
    let sum = Dong::sum(parts.iter().map(|part| part.sum));
    let sum = sum.ok_or_else(|| Fault::new("add a day's revenue up: beyond an i64"))?;
    Ok(Some(Part { school_code: first.school_code.clone(), item: None, sum, families }))
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
        let rows = pooled(&cells).expect("rows");
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
            assert_shown(issued, &[(school, item, 10, 0, None)]);
        }
    }

    #[test]
    fn what_one_family_is_asked_for_is_not_shown_because_many_pay() {
        let newcomer = cell("A", "meal", (550, 1), (22_000, 40));
        let (bus, trip) = (paid("A", "bus", 900, 30), cell("A", "trip", (3_000, 30), (0, 0)));
        let (of_bus, of_meal) =
            ((Some("A"), Some("bus"), 0, 900, Some(30)), (Some("A"), Some("meal"), 0, 22_000, Some(40)));
        let pool = (Some("A"), None, 3_550, 0, None);
        assert_shown(vec![bus.clone(), newcomer.clone(), trip], &[of_bus, of_meal, pool]);
        assert_shown(vec![bus, newcomer], &[of_bus, of_meal, (None, None, 550, 0, None)]);
    }

    #[test]
    fn what_belongs_to_no_item_adds_up_with_what_was_pooled() {
        let of_none = Cell { item: None, ..cell("A", "", (500, 20), (600, 15)) };
        let cells = vec![paid("A", "boarding", 300, 12), paid("A", "club", 70, 2), of_none];
        assert_shown(cells, &[(Some("A"), None, 500, 970, Some(15))]);
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
