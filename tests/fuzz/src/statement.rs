//! What holds for every statement that was read, whatever file it came from.

use std::collections::HashSet;

use hocphi::fault::Refusal;
use hocphi::statements::{self, MOST_LINES, Statement};

use crate::cost::cheaply;

/// Reads a file, fails when that is dear or when what was read cannot be, and says whether it was read.
pub fn judge(bytes: &[u8], name: &str) -> bool {
    match cheaply(|| statements::read_all(bytes, name)) {
        Ok(all) => {
            assert!(!all.is_empty(), "a file that was read has a statement");
            assert!(
                all.iter().map(|one| one.lines.len()).sum::<usize>() <= 2 * MOST_LINES,
                "fees are lines of their own"
            );
            for statement in &all {
                adds_up(statement);
                follows(statement);
                can_be_said(statement);
            }
            let again = statements::read_all(bytes, name);
            assert!(again.as_ref() == Ok(&all), "the same file is read the same way twice");
            true
        }
        Err(refusal) => {
            is_told(&refusal);
            false
        }
    }
}

/// Without a hole, what stood at first and every line come to what stands at last.
fn adds_up(statement: &Statement) {
    if let (Some(opening), Some(closing), true) = (statement.opening, statement.closing, statement.holes.is_empty()) {
        let sum: i128 = statement.lines.iter().map(|line| i128::from(line.amount)).sum();
        assert_eq!(i128::from(opening) + sum, i128::from(closing), "opening and lines come to the closing balance");
    }
    assert!(statement.complete.is_none() || statement.holes.is_empty(), "what has a hole is not complete");
    assert!(statement.complete.is_none_or(|(from, through)| from <= through), "days go forward");
    assert!(statement.period.is_none_or(|(from, through)| from <= through), "days go forward");
}

/// A balance is the one before it and the line's amount, or a hole that is named stands between them.
fn follows(statement: &Statement) {
    let named: HashSet<Option<usize>> = statement.holes.iter().map(|hole| hole.after_row).collect();
    if let (Some(opening), Some(first), false) = (statement.opening, statement.lines.first(), named.contains(&None)) {
        let balance = first.balance.unwrap_or_else(|| opening.saturating_add(first.amount));
        assert_eq!(opening.checked_add(first.amount), Some(balance), "the first line follows the opening balance");
    }
    for pair in statement.lines.windows(2) {
        if let (Some(before), Some(after)) = (pair[0].balance, pair[1].balance)
            && !named.contains(&Some(pair[0].row))
        {
            assert_eq!(
                before.checked_add(pair[1].amount),
                Some(after),
                "row {} follows row {}",
                pair[1].row,
                pair[0].row
            );
        }
    }
}

/// Everything that pages say of a statement can be said.
fn can_be_said(statement: &Statement) {
    for hole in &statement.holes {
        assert!(hole.vietnamese().starts_with("thiếu") && hole.english().starts_with("missing"));
    }
    for line in &statement.lines {
        assert_eq!(line.day.to_string().len(), 10, "a day with four digits of a year");
        assert!(!line.text.contains('\0') && !line.reference.contains('\0'), "no database keeps NUL in texts");
    }
}

/// A refusal is a sentence in both languages.
fn is_told(refusal: &Refusal) {
    for text in [&refusal.vi, &refusal.en] {
        assert!(text.ends_with('.') && (20..400).contains(&text.chars().count()), "{refusal:?}");
    }
}
