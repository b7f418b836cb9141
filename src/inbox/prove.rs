//! What a bank's statement says of credits: each incoming line shows one that was told of, or makes one nobody told.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::likeness::{LATEST_BOOKING, Likeness, bare, day_fits, day_fits_named, holds_cut, latest_day, resembles};
use super::prepare::memo_context;
use super::sql;
use crate::fault::Result;
use crate::seal::Vault;
use crate::store::{Arg, Tx, args, record};
use crate::time::{Day, Moment};

/// An incoming line of a statement, stored in this same transaction.
#[derive(Debug, Clone)]
pub struct Line {
    /// `lin_…`, of the stored line.
    pub line_id: String,
    /// The day the bank booked it.
    pub day: Day,
    /// The first day of which its file tells.
    pub file_begins: Day,
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

/// How far a look at a file's lines goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Round {
    /// Only what is sure is taken; a line that nothing surely shows and no reference names is left for later, so that
    /// it never takes the credit that a line further down surely shows.
    Sure,
    /// Everything is taken.
    Rest,
}

/// What an account's lines show, before anything is written.
#[derive(Debug, Default)]
pub struct Met {
    /// The credit that a line shows, by the line's place.
    credits: HashMap<usize, String>,
    /// The places of lines that are left for the last round.
    pub left: HashSet<usize>,
    /// The bank's numbers that credits have already.
    taken: HashSet<String>,
}

/// How many lines met a credit that was told, and how many made one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Proved {
    /// Credits a bank or an aggregator had told of.
    pub met: usize,
    /// Credits nobody had told of.
    pub new: usize,
}

record! {
    /// A credit that a line may show.
    #[derive(Debug, Clone)]
    struct Unshown {
        id: String,
        account_id: String,
        amount: i64,
        value_at: Moment,
        bank_reference: Option<String>,
        payment_reference: Option<String>,
        likeness: Option<String>,
        doubt: String,
        maybe_same_as: Option<String>,
        memo_sealed: Vec<u8>,
        decided: Option<String>,
        line_id: Option<String>,
    }
}

impl Unshown {
    /// Out of the books because it was not there: should the money come after all, its line is a credit of its own.
    /// What a bank took back did come, and a line shows it as it shows its going.
    fn is_disowned(&self) -> bool {
        self.decided.as_deref() == Some("disowned")
    }

    fn is_reversed(&self) -> bool {
        self.decided.as_deref() == Some("reversed")
    }
}

/// The same with what it says, where it has no payment reference.
struct Candidate {
    credit: Unshown,
    text: String,
}

/// Finds the credits that the new incoming lines of one account show. Each line shows one credit and each credit is
/// shown by one line.
///
/// # Errors
/// Faults of the store; contention.
pub async fn meet_in(tx: &mut Tx, vault: &Vault, account_id: &str, lines: &[Line], round: Round) -> Result<Met> {
    let numbers = lines.iter().filter_map(|line| line.reference.as_ref()).map(Arg::from).collect();
    let mut found: Vec<Unshown> = tx.all_in(&sql::UNSHOWN_BY_NUMBER, numbers).await?;
    found.retain(|credit| credit.account_id == account_id);
    let taken = found.iter().filter_map(|credit| credit.bank_reference.clone()).collect();
    let marks = lines.iter().filter_map(|line| line.likeness.mark.as_ref()).map(Arg::from).collect();
    found.extend(tx.all_in::<Unshown>(&sql::UNSHOWN_BY_LIKENESS, marks).await?);
    for (amount, first, last) in spans(lines) {
        let span = args![account_id, first.plus_days(-LATEST_BOOKING), last, amount];
        found.extend(tx.all::<Unshown>(&sql::UNSHOWN_OF_AMOUNT, span).await?);
    }
    let mut seen = HashSet::new();
    found.retain(|credit| {
        let is_here = credit.account_id == account_id && credit.line_id.is_none();
        is_here && !credit.is_disowned() && seen.insert(credit.id.clone())
    });
    let mut candidates = Vec::with_capacity(found.len());
    for credit in found {
        // What cannot be opened any more says nothing.
        let text = match credit.payment_reference {
            Some(_) => String::new(),
            None => vault.legible(&credit.memo_sealed, &memo_context(&credit.id)).await?.unwrap_or_default(),
        };
        candidates.push(Candidate { text: bare(&text), credit });
    }
    let credits = pair(lines, &candidates, round);
    let is_left = |at: &usize| {
        let nameless = lines[*at].likeness.payment_reference.is_none() && !lines[*at].reference_is_unique;
        round == Round::Sure && nameless && !credits.contains_key(at)
    };
    Ok(Met { left: (0..lines.len()).filter(is_left).collect(), credits, taken })
}

/// The days of lines without a payment reference, by amount.
fn spans(lines: &[Line]) -> Vec<(i64, Day, Day)> {
    let mut spans: BTreeMap<i64, (Day, Day)> = BTreeMap::new();
    for line in lines.iter().filter(|line| line.likeness.payment_reference.is_none()) {
        let (first, last) = spans.entry(line.amount).or_insert((line.day, line.day));
        (*first, *last) = ((*first).min(line.day), (*last).max(line.day));
    }
    spans.into_iter().map(|(amount, (first, last))| (amount, first, last)).collect()
}

/// Writes what the lines show: proofs of known credits, and credits of their own for the rest. The lines themselves
/// are stored in this same transaction. Matching is asked to look at all of them.
///
/// # Errors
/// Faults of the store; contention.
pub async fn prove_in(
    tx: &mut Tx,
    school_id: &str,
    account_id: &str,
    lines: &[Line],
    met: Met,
    now: Moment,
) -> Result<Proved> {
    let Met { credits: met, left, mut taken } = met;
    let (mut credits, mut proofs, mut undecided) = (Vec::new(), Vec::new(), Vec::new());
    for (at, line) in lines.iter().enumerate().filter(|(at, _)| !left.contains(at)) {
        let credit_id = met.get(&at).cloned().unwrap_or_else(|| line.credit_id.clone());
        if !met.contains_key(&at) {
            let number = line.reference.as_ref().filter(|number| line.reference_is_unique && !taken.contains(*number));
            taken.extend(number.cloned());
            credits.push(credit_row(school_id, account_id, line, number.cloned(), now));
        }
        proofs.push(args![&credit_id, &line.line_id, now]);
        undecided.push(args![&credit_id, super::AT_ONCE]);
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
        &line.likeness.mark,
        None::<String>,
        None::<String>
    ]
}

/// Which line shows which credit: by the bank's number; by payment reference or equal memo; by a memo that the bank
/// wrapped or cut; then anything without a reference that nobody has given to an invoice yet; and at last what was told
/// for a day before, because its own line was taken for another. Surer ways go first over all lines, so that a doubtful
/// pair never takes what a sure one needs.
fn pair(lines: &[Line], candidates: &[Candidate], round: Round) -> HashMap<usize, String> {
    let ways: [fn(&Line, &Candidate) -> bool; 5] = [is_numbered, is_named, is_wrapped, is_unclaimed, is_stray];
    let ways = if round == Round::Sure { &ways[..3] } else { &ways[..] };
    let mut by_amount: HashMap<i64, Vec<usize>> = HashMap::new();
    for (place, candidate) in candidates.iter().enumerate() {
        by_amount.entry(candidate.credit.amount).or_default().push(place);
    }
    let mut pairs =
        Pairs { lines, candidates, round, met: HashMap::new(), used: HashSet::new(), promised: HashSet::new() };
    for way in ways {
        for (at, line) in lines.iter().enumerate() {
            let equal = by_amount.get(&line.amount).into_iter().flatten().copied();
            let fitting = equal.filter(|place| !pairs.used.contains(place) && way(line, &candidates[*place]));
            let nearest = fitting.min_by_key(|place| nearness(line, &candidates[*place].credit));
            if let Some(place) = nearest.filter(|_| !pairs.met.contains_key(&at)) {
                pairs.take(at, place);
            }
        }
    }
    for at in 0..lines.len() {
        if let Some(first) = pairs.first_told(at) {
            pairs.take(at, first);
        }
    }
    for equal in by_amount.values() {
        pairs.show_waiting(equal);
    }
    let Pairs { met, promised, .. } = pairs;
    let met = met.into_iter().filter(|(at, _)| !promised.contains(at));
    met.map(|(at, place)| (at, candidates[place].credit.id.clone())).collect()
}

fn nearness(line: &Line, credit: &Unshown) -> impl Ord + use<> {
    let rank = (!credit.doubt.is_empty(), credit.is_reversed());
    // Of what names nothing the one goes first that no later line could show.
    let latest = line.likeness.payment_reference.is_none().then(|| latest_day(credit.value_at));
    (latest, rank, (credit.value_at.0 - line.value_at.0).unsigned_abs(), credit.id.clone())
}

/// The pairs found so far, by their places.
struct Pairs<'a> {
    lines: &'a [Line],
    candidates: &'a [Candidate],
    round: Round,
    met: HashMap<usize, usize>,
    used: HashSet<usize>,
    /// Lines that are only left for the last round, where what waits finds them: each for one of those who wait.
    promised: HashSet<usize>,
}

impl Pairs<'_> {
    fn take(&mut self, at: usize, place: usize) {
        self.used.insert(place);
        if let Some(before) = self.met.insert(at, place) {
            self.used.remove(&before);
        }
    }

    /// The credit of which the one of this line may be another telling, where no line shows it yet: one line is one
    /// transfer, and the first telling of it is the one that stands in the books. Should they be two, the other has a
    /// line of its own.
    fn first_told(&self, at: usize) -> Option<usize> {
        let find = |id: &str| self.candidates.iter().position(|candidate| candidate.credit.id == id);
        let line = &self.lines[at];
        let mut first = None;
        let mut doubted = *self.met.get(&at)?;
        // A chain of doubts is as long as there are connections; the bound only keeps a circle from turning for ever.
        for _ in 0..self.candidates.len() {
            let Some(place) = self.candidates[doubted].credit.maybe_same_as.as_deref().and_then(find) else { break };
            let before = &self.candidates[place];
            let fits = is_named(line, before) || is_wrapped(line, before) || waits_for(line, before);
            if before.credit.doubt.is_empty() && !self.used.contains(&place) && fits {
                first = Some(place);
            }
            doubted = place;
        }
        first
    }

    /// Shows what stands in the books without a reference, and waits for a person, instead of doubts that are in no
    /// book: of all that is told alike, as much is posted as the statement shows, whichever telling a line is taken
    /// for.
    fn show_waiting(&mut self, equal: &[usize]) {
        let Some(amount) = equal.first().map(|place| self.candidates[*place].credit.amount) else { return };
        let is_alike = |line: &Line| line.amount == amount && line.likeness.payment_reference.is_none();
        let lines: Vec<usize> = (0..self.lines.len()).filter(|at| is_alike(&self.lines[*at])).collect();
        for place in equal.iter().copied() {
            if self.used.contains(&place) || !self.candidates[place].credit.doubt.is_empty() {
                continue;
            }
            if !lines.iter().any(|at| self.has_room(*at)) {
                return;
            }
            self.find_line(place, &lines, &mut HashSet::new());
        }
    }

    /// Does nothing show this line yet, or only a doubt?
    fn has_room(&self, at: usize) -> bool {
        self.met.get(&at).is_none_or(|held| !self.candidates[*held].credit.doubt.is_empty())
    }

    /// Finds a line for what waits: one that nothing shows or a doubt does, or one whose own credit finds another. What
    /// has a line that is left for the last round finds it there, and no other counts on the same one.
    fn find_line(&mut self, place: usize, lines: &[usize], seen: &mut HashSet<usize>) -> bool {
        for at in lines.iter().copied() {
            let line = &self.lines[at];
            if !waits_for(line, &self.candidates[place]) || !seen.insert(at) {
                continue;
            }
            let is_free = match self.met.get(&at).copied() {
                // Before the last round what has a number of its own is no line for what has none.
                None if self.round == Round::Sure => !line.reference_is_unique && self.promised.insert(at),
                None => true,
                Some(held) => {
                    let before = &self.candidates[held];
                    let is_doubt = !before.credit.doubt.is_empty();
                    let may_go = !is_numbered(line, before) && (is_doubt || waits_for(line, before));
                    may_go && (is_doubt || self.moves(at, held, lines, seen))
                }
            };
            if is_free {
                self.take(at, place);
                return true;
            }
        }
        false
    }

    fn moves(&mut self, at: usize, held: usize, lines: &[usize], seen: &mut HashSet<usize>) -> bool {
        let moves = self.find_line(held, lines, seen);
        if moves {
            self.met.remove(&at);
            if !self.met.values().any(|place| *place == held) {
                self.used.remove(&held);
            }
        }
        moves
    }
}

fn is_numbered(line: &Line, candidate: &Candidate) -> bool {
    line.reference.is_some() && line.reference == candidate.credit.bank_reference
}

fn is_named(line: &Line, candidate: &Candidate) -> bool {
    let credit = &candidate.credit;
    line.likeness.mark.is_some()
        && line.likeness.mark == credit.likeness
        && day_fits_named(credit.value_at, line.day)
        && !contradicts(line, credit)
}

fn is_wrapped(line: &Line, candidate: &Candidate) -> bool {
    let credit = &candidate.credit;
    let alike = match (&line.likeness.payment_reference, &credit.payment_reference) {
        (None, None) => resembles(&line.likeness.text, &candidate.text),
        (None, Some(reference)) => holds_cut(&line.likeness.text, reference),
        (Some(_), _) => false,
    };
    alike && day_fits(credit.value_at, line.day) && !contradicts(line, credit)
}

/// Money without a reference that waits for a person is all alike: the statement's words are what the person reads.
/// What somebody has given to an invoice is that family's, and only its own line may show it.
fn is_unclaimed(line: &Line, candidate: &Candidate) -> bool {
    waits(line, &candidate.credit) && day_fits(candidate.credit.value_at, line.day)
}

/// The same, for a day before. The line is a transfer that nobody is left to have told of, and the telling one that its
/// own day does not have: of transfers that are all alike, one has been taken for the other. Only a file that tells of
/// that day too can know: before another one its own line may still come. A doubt is in no book and needs no line.
fn is_stray(line: &Line, candidate: &Candidate) -> bool {
    let (credit, told) = (&candidate.credit, candidate.credit.value_at.day());
    let is_later = told <= line.day && line.day <= told.plus_days(LATEST_BOOKING);
    credit.doubt.is_empty() && is_later && line.file_begins <= told && waits(line, credit)
}

/// Either of them.
fn waits_for(line: &Line, candidate: &Candidate) -> bool {
    is_unclaimed(line, candidate) || is_stray(line, candidate)
}

fn waits(line: &Line, credit: &Unshown) -> bool {
    line.amount == credit.amount
        && line.likeness.payment_reference.is_none()
        && credit.payment_reference.is_none()
        && credit.decided.as_deref().is_none_or(|kind| matches!(kind, "hold" | "release"))
        && !contradicts(line, credit)
}

/// Two sums are two transfers, and so are two numbers of one bank that differ.
fn contradicts(line: &Line, credit: &Unshown) -> bool {
    let number = line.reference.as_ref().filter(|_| line.reference_is_unique);
    let numbers_differ = matches!((number, &credit.bank_reference), (Some(one), Some(other)) if one != other);
    line.amount != credit.amount || numbers_differ
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Moment {
        Moment::parse(&format!("2026-11-22T{text}:00+07:00")).expect("an instant")
    }

    fn line(text: &str, reference: Option<&str>) -> Line {
        let text = bare(text);
        Line {
            line_id: String::new(),
            day: at("00:00").day(),
            file_begins: at("00:00").day().plus_days(-30),
            value_at: at("00:00"),
            amount: 500_000,
            reference: None,
            reference_is_unique: false,
            likeness: Likeness {
                payment_reference: reference.map(str::to_owned),
                mark: Some(reference.map_or_else(|| text.clone(), str::to_owned)),
                text,
            },
            credit_id: String::new(),
            memo_sealed: Vec::new(),
        }
    }

    fn candidate(id: &str, text: &str, reference: Option<&str>, decided: &str) -> Candidate {
        let line = line(text, reference);
        let credit = Unshown {
            id: id.to_owned(),
            account_id: String::new(),
            amount: 500_000,
            value_at: at("09:00"),
            bank_reference: None,
            payment_reference: line.likeness.payment_reference,
            likeness: line.likeness.mark,
            doubt: String::new(),
            maybe_same_as: None,
            memo_sealed: Vec::new(),
            decided: Some(decided.to_owned()),
            line_id: None,
        };
        Candidate { credit, text: line.likeness.text }
    }

    fn met(lines: &[Line], candidates: &[Candidate], round: Round) -> Vec<Option<String>> {
        let met = pair(lines, candidates, round);
        (0..lines.len()).map(|at| met.get(&at).cloned()).collect()
    }

    #[test]
    fn anothers_line_never_shows_what_somebody_has_given_to_an_invoice() {
        let hoa = [candidate("hoa", "HOA 3A tien an", None, "assign")];
        assert_eq!(met(&[line("NAM 3B tien an", None)], &hoa, Round::Rest), [None]);
        assert_eq!(met(&[line("MBVCB.1.HOA 3A tien an.CT tu", None)], &hoa, Round::Sure), [Some("hoa".to_owned())]);
        let waits = [candidate("hoa", "HOA 3A tien an", None, "hold")];
        assert_eq!(met(&[line("NAM 3B tien an", None)], &waits, Round::Sure), [None]);
        assert_eq!(met(&[line("NAM 3B tien an", None)], &waits, Round::Rest), [Some("hoa".to_owned())]);
    }

    #[test]
    fn a_line_never_shows_another_sum_though_it_waits_and_resembles() {
        let mut posted = candidate("posted", "tien an", None, "hold");
        posted.credit.amount = 1_750_000;
        let mut doubted = candidate("doubted", "tien an lop ba", None, "hold");
        doubted.credit.doubt = "maybe_same_credit".to_owned();
        let told = [posted, doubted];
        assert_eq!(met(&[line("tien an lop ba", None)], &told, Round::Rest), [Some("doubted".to_owned())]);
    }

    #[test]
    fn what_is_posted_is_shown_before_what_is_doubted_though_others_must_make_room() {
        let mut told = ["early", "late", "next"].map(|id| candidate(id, id, None, "hold"));
        told[0].credit.doubt = "maybe_same_credit".to_owned();
        told[1].credit.value_at = at("23:59");
        told[2].credit.value_at = at("09:00").plus_ms(24 * 3_600_000);
        let mut lines = [line("mot", None), line("hai", None)];
        lines[1].day = lines[1].day.plus_days(1);
        assert_eq!(met(&lines, &told, Round::Rest), [Some("late".to_owned()), Some("next".to_owned())]);
        let shown = pair(&lines, &told, Round::Rest);
        assert_eq!(shown.values().collect::<HashSet<_>>().len(), 2, "each credit by one line");
    }

    #[test]
    fn of_two_that_wait_only_one_counts_on_a_line_that_is_left_for_later() {
        let mut told = ["first", "second", "nop tien"].map(|id| candidate(id, id, None, "hold"));
        told[2].credit.doubt = "maybe_same_credit".to_owned();
        let mut lines = [line("mot", None), line("nop tien", None)];
        assert_eq!(met(&lines, &told, Round::Sure), [None, Some("first".to_owned())], "the other has the line before");
        lines[0].reference_is_unique = true;
        assert_eq!(met(&lines, &told, Round::Sure), [None, Some("first".to_owned())], "its number shows it alone");
    }

    #[test]
    fn what_was_told_for_a_day_before_is_shown_when_nothing_else_is_left_and_never_the_other_way() {
        let mut told = [candidate("before", "tien an", None, "hold"), candidate("same", "nop tien", None, "hold")];
        told[0].credit.value_at = at("09:00").plus_ms(-24 * 3_600_000);
        let mut lines = [line("hoc phi", None), line("hoc phi", None)];
        let day_before = lines[0].day.plus_days(-1);
        for (begins, shows) in [(day_before, Some("before".to_owned())), (lines[0].day, None)] {
            for line in &mut lines {
                line.file_begins = begins;
            }
            assert_eq!(met(&lines, &told, Round::Rest), [Some("same".to_owned()), shows], "a file from {begins}");
        }
        lines = [line("hoc phi", None), line("hoc phi", None)];
        assert_eq!(met(&lines, &told, Round::Sure), [None, None]);
        told[0].credit.value_at = at("09:00").plus_ms(24 * 3_600_000);
        assert_eq!(met(&lines, &told, Round::Rest), [Some("same".to_owned()), None], "told after the line's day");
        told[0].credit.value_at = at("09:00").plus_ms(-(LATEST_BOOKING + 1) * 24 * 3_600_000);
        assert_eq!(met(&lines, &told, Round::Rest), [Some("same".to_owned()), None], "told too long before");
    }

    #[test]
    fn a_sure_pair_goes_first_wherever_it_stands() {
        let told = [candidate("a", "tien an lop ba", None, "hold"), candidate("b", "tien an lop hai", None, "hold")];
        let lines = [line("nop tien", None), line("tien an lop ba", None)];
        assert_eq!(met(&lines, &told, Round::Rest), [Some("b".to_owned()), Some("a".to_owned())]);
    }

    #[test]
    fn a_reference_cut_off_on_the_statement_is_still_its_own() {
        let told = [candidate("a", "", Some("RF92NJLRKVKNM"), "settle")];
        assert_eq!(met(&[line("IBFT hoc phi RF92NJLRKVK", None)], &told, Round::Sure), [Some("a".to_owned())]);
        assert_eq!(met(&[line("IBFT hoc phi", None)], &told, Round::Rest), [None]);
        assert_eq!(met(&[line("", Some("RF18BCFGHJKLM"))], &told, Round::Rest), [None]);
    }
}
