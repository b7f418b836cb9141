//! What a bank's statement says of credits: each incoming line shows one that was told of, or makes one nobody told.

use std::collections::{HashMap, HashSet};

use super::identity::{KnownCredit, Likeness, day_fits};
use super::sql;
use crate::fault::Result;
use crate::store::{Arg, Tx, args};
use crate::time::{Day, Moment};

/// An incoming line of a statement, stored in this same transaction.
#[derive(Debug, Clone)]
pub struct Line {
    /// `lin_…`, of the stored line.
    pub line_id: String,
    /// The day the bank booked it.
    pub day: Day,
    /// The instant, when the bank says it; else the day's beginning.
    pub value_at: Moment,
    /// What came.
    pub amount: i64,
    /// The bank's number in its one spelling, when the line has any.
    pub reference: Option<String>,
    /// Is that number declared unique for this bank?
    pub reference_is_unique: bool,
    /// What it has in common with tellings.
    pub likeness: Likeness,
    /// The id of the credit, should it be a new one.
    pub credit_id: String,
    /// Its memo, sealed for that credit.
    pub memo_sealed: Vec<u8>,
}

/// How many lines met a credit that was told, and how many made one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Proved {
    /// Credits a bank or an aggregator had told of.
    pub met: usize,
    /// Credits nobody had told of.
    pub new: usize,
}

/// Takes the new incoming lines of one account. Each line shows one credit and each credit is shown by one line;
/// matching
/// is asked to look at all of them.
///
/// # Errors
/// Faults of the store; contention.
pub async fn lines_in(tx: &mut Tx, school_id: &str, account_id: &str, lines: &[Line], now: Moment) -> Result<Proved> {
    let (Some(first), Some(last)) = (lines.iter().map(|line| line.day).min(), lines.iter().map(|line| line.day).max())
    else {
        return Ok(Proved::default());
    };
    let span = args![account_id, first.plus_days(-1), last];
    let mut unproved: Vec<KnownCredit> = tx.all(&sql::UNPROVED, span).await?;
    let numbers: Vec<Arg> = lines.iter().filter_map(|line| line.reference.as_ref()).map(Arg::from).collect();
    let numbered: Vec<KnownCredit> = tx.all_in(&sql::CREDITS_BY_BANK_REFERENCE, numbers).await?;
    let numbered: Vec<KnownCredit> = numbered.into_iter().filter(|credit| credit.account_id == account_id).collect();
    let mut taken: HashSet<String> = numbered.iter().filter_map(|credit| credit.bank_reference.clone()).collect();
    for credit in numbered {
        if credit.line_id.is_none() && !unproved.iter().any(|known| known.id == credit.id) {
            unproved.push(credit);
        }
    }
    let met = pair(lines, &unproved);
    let (mut credits, mut proofs, mut undecided) = (Vec::new(), Vec::new(), Vec::new());
    for (at, line) in lines.iter().enumerate() {
        let credit_id = met.get(&at).cloned().unwrap_or_else(|| line.credit_id.clone());
        if !met.contains_key(&at) {
            let number = line.reference.as_ref().filter(|number| line.reference_is_unique && !taken.contains(*number));
            taken.extend(number.cloned());
            credits.push(credit_row(school_id, account_id, line, number.cloned(), now));
        }
        proofs.push(args![&credit_id, &line.line_id, now]);
        undecided.push(args![&credit_id, now]);
    }
    let proved = Proved { met: met.len(), new: credits.len() };
    tx.insert_many(&sql::KEEP_CREDITS, credits).await?;
    tx.insert_many(&sql::KEEP_PROOFS, proofs).await?;
    tx.insert_many(&sql::MARK_UNDECIDED, undecided).await?;
    Ok(proved)
}

fn credit_row(school_id: &str, account_id: &str, line: &Line, number: Option<String>, now: Moment) -> Vec<Arg> {
    args![
        &line.credit_id,
        school_id,
        account_id,
        line.amount,
        line.day,
        line.value_at,
        number,
        &line.likeness.payment_reference,
        &line.memo_sealed,
        None::<Vec<u8>>,
        "statement",
        "",
        None::<String>,
        now,
        &line.likeness.mark
    ]
}

/// Which line shows which credit: first by the bank's number, then by payment reference or equal memo, then what has no
/// payment reference on either side. Surer ways go first over all lines, so that a doubtful pair never takes what a
/// sure one needs.
fn pair(lines: &[Line], unproved: &[KnownCredit]) -> HashMap<usize, String> {
    let ways: [fn(&Line, &KnownCredit) -> bool; 3] = [
        |line, credit| line.reference.is_some() && line.reference == credit.bank_reference,
        |line, credit| is_near(line, credit) && line.likeness.mark.is_some() && line.likeness.mark == credit.likeness,
        |line, credit| {
            let (line_reference, mark) = (line.likeness.payment_reference.as_deref(), line.likeness.mark.as_deref());
            is_near(line, credit) && credit.is_alike(mark, line_reference)
        },
    ];
    let (mut met, mut used) = (HashMap::new(), HashSet::new());
    for way in ways {
        for (at, line) in lines.iter().enumerate() {
            if met.contains_key(&at) {
                continue;
            }
            let fitting = unproved.iter().filter(|credit| {
                credit.amount == line.amount && !used.contains(credit.id.as_str()) && way(line, credit)
            });
            let nearness = |credit: &&KnownCredit| {
                (!credit.doubt.is_empty(), (credit.value_at.0 - line.value_at.0).unsigned_abs(), credit.id.clone())
            };
            if let Some(credit) = fitting.min_by_key(nearness) {
                used.insert(credit.id.as_str());
                met.insert(at, credit.id.clone());
            }
        }
    }
    met
}

fn is_near(line: &Line, credit: &KnownCredit) -> bool {
    let number = line.reference.as_deref().filter(|_| line.reference_is_unique);
    day_fits(credit.value_at, line.day) && !credit.contradicts(number)
}
