//! Messages of one account in one file, a page or a day each, into one statement.
//!
//! Somebody who puts several downloads into one file may have put one in twice. A message that is repeated whole adds
//! nothing. Two that share lines and do not follow one another are refused, because one file has no way to say whether
//! equal lines are one transfer or two; as files of their own they are told apart by what is stored.

use std::collections::{HashMap, HashSet};

use sha2::{Digest, Sha256};

use super::chain::{self, Part};
use super::read::{Hole, Statement, StatementLine};
use crate::fault::{Kind, Refusal};
use crate::time::Day;

/// What a line or a message says, without where it stands.
type Print = [u8; 32];

/// One statement for each account, of its parts by the day with which each opens.
///
/// # Errors
/// Refused with the row: balances that do not follow within a part, parts that overlap.
pub fn joined(mut parts: Vec<(Option<Day>, Part)>) -> Result<Vec<Statement>, Refusal> {
    // Pages and days may come in any order; within one day the order of the file is that of the pages.
    parts.sort_by_key(|(opens, _)| *opens);
    let mut done: Vec<Statement> = Vec::new();
    let mut places: HashMap<Option<String>, usize> = HashMap::new();
    let (mut messages, mut lines): (HashSet<Print>, HashSet<Print>) = (HashSet::new(), HashSet::new());
    for (_, part) in parts {
        let next = chain::settled(part)?;
        let prints: Vec<Print> = next.lines.iter().map(|line| of_line(&next, line)).collect();
        if !messages.insert(of_message(&next, &prints)) {
            continue;
        }
        let shared = prints.iter().position(|print| lines.contains(print));
        lines.extend(prints);
        let place = *places.entry(next.account.clone()).or_insert(done.len());
        match done.get_mut(place) {
            Some(statement) => match shared.filter(|_| statement.closing != next.opening) {
                Some(at) => return Err(overlapping(next.lines[at].row)),
                None => follow(statement, next),
            },
            None => done.push(next),
        }
    }
    Ok(done)
}

/// Puts the next message of an account behind the ones before it; balances that do not meet are a hole.
fn follow(statement: &mut Statement, next: Statement) {
    if let (Some(closing), Some(opening)) = (statement.closing, next.opening)
        && closing != opening
    {
        let (before, after) = (statement.lines.last(), next.lines.first());
        let begins = |period: Option<(Day, Day)>| period.map(|(from, _)| from.begins());
        let from = before.map(|line| line.at).or_else(|| begins(statement.period)).or_else(|| begins(next.period));
        let to = after.map(|line| line.at).or_else(|| begins(next.period)).or(from);
        statement.holes.extend(from.zip(to).map(|(from, to)| Hole {
            after_row: before.map(|line| line.row),
            before_row: after.map(|line| line.row),
            from,
            to,
            missing: opening.saturating_sub(closing),
            withheld: None,
        }));
    }
    let joined = |one: Option<(Day, Day)>, other: Option<(Day, Day)>| match (one, other) {
        // A message of one day may stand behind one of a week that begins with that day.
        (Some((from, before)), Some((_, through))) => Some((from, through.max(before))),
        _ => None,
    };
    statement.period = joined(statement.period, next.period);
    statement.complete = if statement.holes.is_empty() { joined(statement.complete, next.complete) } else { None };
    statement.closing = next.closing;
    statement.lines.extend(next.lines);
}

fn of_line(statement: &Statement, line: &StatementLine) -> Print {
    let StatementLine { day, amount, reference, text, .. } = line;
    Sha256::digest(format!("{:?}\n{day}\n{amount}\n{reference}\n{text}", statement.account)).into()
}

fn of_message(statement: &Statement, lines: &[Print]) -> Print {
    let Statement { account, opening, closing, period, .. } = statement;
    let head = Sha256::new_with_prefix(format!("{account:?}\n{opening:?}\n{closing:?}\n{period:?}"));
    lines.iter().fold(head, Digest::chain_update).finalize().into()
}

fn overlapping(row: usize) -> Refusal {
    Refusal::new(
        Kind::Meaning,
        "statement-overlaps-itself",
        format!("Tệp chứa nhiều sao kê trùng nhau một phần (dòng {row}); hãy nhập từng sao kê thành tệp riêng."),
        format!("The file holds statements that overlap in part (row {row}); bring each of them as a file of its own."),
    )
}
