//! Is this a credit we know already? Decided from values alone, in the order in which tellings arrive.

use std::collections::{HashMap, HashSet};

use super::alike::Alike;
use super::likeness::{Likeness, day_fits, day_fits_named, resembles};
use crate::store::record;
use crate::time::{Day, Moment};

/// How far apart two who tell of one transfer about midnight may be: one may tell a bare day that begins then.
const ABOUT_MIDNIGHT_MS: u64 = 3 * 60 * 60 * 1000;
/// How far apart two may be of which only one names an invoice in its text, when both tell of one transfer.
pub const HALF_NAMED_MS: i64 = 15 * 60 * 1000;

record! {
    /// A credit as far as telling it from others needs.
    #[derive(Debug, Clone)]
    pub struct KnownCredit {
        pub id: String,
        pub account_id: String,
        pub amount: i64,
        pub day: Day,
        pub value_at: Moment,
        pub bank_reference: Option<String>,
        pub payment_reference: Option<String>,
        pub likeness: Option<String>,
        pub maybe_same_as: Option<String>,
        pub payment_key: Option<String>,
        /// The day of the statement line that shows it.
        pub booked: Option<Day>,
    }
}

impl KnownCredit {
    /// Two numbers of one bank that differ are two transfers.
    pub fn contradicts(&self, bank_reference: Option<&str>) -> bool {
        matches!((self.bank_reference.as_deref(), bank_reference), (Some(one), Some(other)) if one != other)
    }
}

/// A credit as one delivery tells it.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_field_names,
    reason = "the provider's reference is the telling's, `told_reference` in every room"
)]
pub struct Told {
    /// The id it gets when it is new.
    pub credit_id: String,
    pub connection_id: String,
    pub told_reference: String,
    pub fingerprint: String,
    pub account_id: String,
    pub amount: i64,
    pub value_at: Moment,
    pub bank_reference: Option<String>,
    pub likeness: Likeness,
    /// What may lead to an invoice beside the text, the surest first.
    pub keys: Vec<String>,
}

/// What a telling is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// The same telling again.
    Repeated,
    /// Another telling of a credit we know.
    Same(String),
    /// A credit of its own, perhaps with a doubt.
    New {
        /// Empty, `maybe_same_credit` or `told_differently`.
        doubt: &'static str,
        /// The credit it may be.
        maybe_same_as: Option<String>,
        /// Kept only where no other credit has it.
        bank_reference: Option<String>,
    },
}

/// What is known while a batch is decided: what the store held, and what the batch added so far.
#[derive(Debug, Default)]
pub struct Known {
    tellings: HashMap<(String, String), Vec<(String, String)>>,
    /// In the order they became known.
    credits: Vec<KnownCredit>,
    /// Where each of them stands there.
    places: HashMap<String, usize>,
    /// Of one account and one sum: nothing else is ever compared.
    alike: HashMap<(String, i64), Alike>,
    by_number: HashMap<(String, String), String>,
    /// A credit, a connection that told of it or of what may be it, and how far apart in time the two are: nothing
    /// where it told of the credit itself.
    told_on: HashMap<(String, String), u64>,
    /// A credit, a connection that told of the credit itself, and for which instant.
    told_for: HashMap<(String, String), Moment>,
    /// The folded memos of credits without a payment reference.
    texts: HashMap<String, String>,
    /// The keys that lead to an invoice.
    leading: HashSet<String>,
}

impl Known {
    /// A telling the store holds.
    pub fn add_telling(&mut self, connection: String, told_reference: String, fingerprint: String, credit: String) {
        self.told_on.insert((credit.clone(), connection.clone()), 0);
        self.tellings.entry((connection, told_reference)).or_default().push((fingerprint, credit));
    }

    /// A credit the store holds.
    pub fn add_credit(&mut self, credit: KnownCredit) {
        let place = self.credits.len();
        if self.places.contains_key(&credit.id) {
            return;
        }
        if let Some(number) = &credit.bank_reference {
            self.by_number.insert((credit.account_id.clone(), number.clone()), credit.id.clone());
        }
        self.alike.entry((credit.account_id.clone(), credit.amount)).or_default().add(&credit, place);
        self.places.insert(credit.id.clone(), place);
        self.credits.push(credit);
    }

    fn credit(&self, id: &str) -> Option<&KnownCredit> {
        self.places.get(id).and_then(|place| self.credits.get(*place))
    }

    /// A key that leads to an invoice.
    pub fn add_key(&mut self, key: String) {
        self.leading.insert(key);
    }

    /// The key that leads to an invoice, when one of a telling does.
    pub fn key_of(&self, told: &Told) -> Option<String> {
        told.keys.iter().find(|key| self.leading.contains(*key)).cloned()
    }

    /// What a credit without a payment reference says.
    pub fn add_text(&mut self, credit: String, text: String) {
        self.texts.insert(credit, text);
    }

    /// The ids of all credits known so far.
    pub fn credit_ids(&self) -> impl Iterator<Item = &String> {
        self.credits.iter().map(|credit| &credit.id)
    }

    /// A connection told of a credit for this instant. Whoever told of its doubtful likeness has met it already.
    pub fn add_teller(&mut self, credit: &str, connection: &str, at: Option<Moment>) {
        // A doubt that a line of its own has shown is another transfer, and says nothing of the one it was taken for.
        let doubt = self.credit(credit).filter(|credit| credit.booked.is_none());
        let other = doubt.and_then(|credit| credit.maybe_same_as.clone().filter(|other| !self.differ(credit, other)));
        if let Some(other) = other {
            let apart = self.apart(credit, &other);
            let met = self.told_on.entry((other, connection.to_owned())).or_insert(apart);
            *met = apart.min(*met);
        }
        let at = at.or_else(|| self.credit(credit).map(|credit| credit.value_at));
        self.told_for.extend(at.map(|at| ((credit.to_owned(), connection.to_owned()), at)));
        self.told_on.insert((credit.to_owned(), connection.to_owned()), 0);
    }

    /// Does one name an invoice and the other not? Then that the one may be the other says too little to keep a telling
    /// that names the same invoice from being it.
    fn differ(&self, doubt: &KnownCredit, other: &str) -> bool {
        let other = self.credit(other);
        other.is_some_and(|other| other.payment_reference.is_some() != doubt.payment_reference.is_some())
    }

    fn apart(&self, one: &str, other: &str) -> u64 {
        match (self.credit(one), self.credit(other)) {
            (Some(one), Some(other)) => (one.value_at.0 - other.value_at.0).unsigned_abs(),
            _ => 0,
        }
    }

    /// Has this connection told of that credit, or of something at least as near to it as this? What it told of for
    /// another hour may have been another transfer, and does not make this one news.
    fn has_told(&self, known: &KnownCredit, told: &Told) -> bool {
        let apart = (known.value_at.0 - told.value_at.0).unsigned_abs();
        let met = self.told_on.get(&(known.id.clone(), told.connection_id.clone()));
        met.is_some_and(|met| *met <= apart)
    }

    /// Decides what a telling is, and remembers it for those that follow.
    pub fn meet(&mut self, told: &Told) -> Identity {
        let identity = self.identify(told);
        let credit = match &identity {
            Identity::Repeated => return identity,
            Identity::Same(credit) => credit.clone(),
            Identity::New { maybe_same_as, bank_reference, .. } => {
                self.add_credit(KnownCredit {
                    id: told.credit_id.clone(),
                    account_id: told.account_id.clone(),
                    amount: told.amount,
                    day: told.value_at.day(),
                    value_at: told.value_at,
                    bank_reference: bank_reference.clone(),
                    payment_reference: told.likeness.payment_reference.clone(),
                    likeness: told.likeness.mark.clone(),
                    maybe_same_as: maybe_same_as.clone(),
                    payment_key: self.key_of(told),
                    booked: None,
                });
                self.add_text(told.credit_id.clone(), told.likeness.text.clone());
                told.credit_id.clone()
            }
        };
        let key = (told.connection_id.clone(), told.told_reference.clone());
        self.tellings.entry(key).or_default().push((told.fingerprint.clone(), credit.clone()));
        self.add_teller(&credit, &told.connection_id, Some(told.value_at));
        identity
    }

    fn identify(&self, told: &Told) -> Identity {
        let key = (told.connection_id.clone(), told.told_reference.clone());
        if let Some(before) = self.tellings.get(&key) {
            if before.iter().any(|(fingerprint, _)| *fingerprint == told.fingerprint) {
                return Identity::Repeated;
            }
            return differently(before.first().map(|(_, credit)| credit.clone()));
        }
        let number = told.bank_reference.as_ref();
        let same_number = number.and_then(|number| self.by_number.get(&(told.account_id.clone(), number.clone())));
        if let Some(known) = same_number.and_then(|id| self.credit(id)) {
            if known.amount != told.amount {
                return differently(Some(known.id.clone()));
            }
            // A number that is never given twice, under another id of the same connection: it told of it anew.
            if self.told_on.contains_key(&(known.id.clone(), told.connection_id.clone())) {
                return maybe_same(Some(known.id.clone()), None);
            }
            return Identity::Same(known.id.clone());
        }
        // A telling may be of any line booked from its day on: the earliest that is left, so that what is told for a
        // later day finds its own.
        let is_shown = |known: &KnownCredit| self.shown_by_statement(known, told);
        let shown = self.closest(told, self.of_its_kind(told), |known| known.booked, is_shown);
        if let Some(known) = shown {
            return Identity::Same(known);
        }
        let left = self.left_over(told);
        if let Some((known, true)) = left {
            return Identity::Same(known);
        }
        // Two who tell of one transfer may take the day before midnight and the day after.
        let alike = |known: &KnownCredit| {
            let named = known.booked.is_none() && is_named_alike(known, told);
            (named && is_next_to(known, told))
                || (is_nameless(known, told) && is_close(known, told))
                || is_half_named(known, told)
        };
        let any = self.of_its_kind(told).chain(self.of_other_kind(told));
        let doubted = self.closest(told, any, |_| None, alike).or(left.map(|(known, _)| known));
        maybe_same(doubted, told.bank_reference.clone())
    }

    /// A statement line has shown this credit, and the telling may be of it. Should it be of another transfer, that
    /// one's own line shows it; so nothing is lost by taking them for one, once for each connection.
    fn shown_by_statement(&self, known: &KnownCredit, told: &Told) -> bool {
        let fits = |fits: fn(Moment, Day) -> bool| known.booked.is_some_and(|booked| fits(told.value_at, booked));
        if is_named_alike(known, told) {
            return fits(day_fits_named);
        }
        fits(day_fits) && is_nameless(known, told) && resembles(self.text_of(known), &told.likeness.text)
    }

    fn text_of(&self, known: &KnownCredit) -> &str {
        self.texts.get(&known.id).map_or("", String::as_str)
    }

    /// What a connection tells last of several that are alike, when its own line has been taken for another of them.
    /// The statement has the telling's line when it has one for each that the connection told of, this one with them;
    /// then it is one of those that are left, whichever. Told with it: does a line that may be its own say the same?
    fn left_over(&self, told: &Told) -> Option<(String, bool)> {
        let is_named = told.likeness.payment_reference.is_some();
        let fits = if is_named { day_fits_named } else { day_fits };
        let is_alike = |known: &&KnownCredit| {
            let alike = if is_named { is_named_alike(known, told) } else { is_nameless(known, told) };
            alike && !known.contradicts(told.bank_reference.as_deref())
        };
        let alike = || self.of_its_kind(told).filter(is_alike);
        let on_statement = || alike().filter_map(|known| known.booked.map(|booked| (known, booked)));
        let told_for =
            |known: &KnownCredit| self.told_for.get(&(known.id.clone(), told.connection_id.clone())).copied();
        // A doubt that no line shows is a telling of one that a line shows.
        let counts = |known: &&KnownCredit| known.booked.is_some() || known.maybe_same_as.is_some();
        let instants = alike().filter(counts).filter_map(told_for).chain([told.value_at]).collect();
        if !have_lines(instants, on_statement().map(|(_, booked)| booked).collect(), fits) {
            return None;
        }
        let left = on_statement().filter(|(known, _)| told_for(known).is_none());
        let apart = |booked: Day| (booked.begins().0 - told.value_at.day().begins().0).abs();
        let (left, _) = left.min_by_key(|(known, booked)| (apart(*booked), &known.id))?;
        Some((left.id.clone(), alike().any(|known| self.shown_by_statement(known, told))))
    }

    /// What is on the same account with the same sum, and names the same invoice, or none as well.
    fn of_its_kind(&self, told: &Told) -> impl Iterator<Item = &KnownCredit> {
        let alike = self.of_its_sum(told).map(|alike| alike.of_kind(told.likeness.payment_reference.as_deref()));
        alike.into_iter().flatten().filter_map(|place| self.credits.get(*place))
    }

    /// What is on the same account with the same sum, where only one of the two names an invoice.
    fn of_other_kind(&self, told: &Told) -> impl Iterator<Item = &KnownCredit> {
        let alike = self.of_its_sum(told).map(|alike| alike.of_other_kind(told.likeness.payment_reference.as_deref()));
        alike.into_iter().flatten().filter_map(|place| self.credits.get(*place))
    }

    fn of_its_sum(&self, told: &Told) -> Option<&Alike> {
        self.alike.get(&(told.account_id.clone(), told.amount))
    }

    /// The one of these credits that this connection has not told of: the first in this order, and among equals the
    /// nearest in time.
    fn closest<'a>(
        &self,
        told: &Told,
        among: impl Iterator<Item = &'a KnownCredit>,
        order: impl Fn(&KnownCredit) -> Option<Day>,
        fits: impl Fn(&KnownCredit) -> bool,
    ) -> Option<String> {
        let open = among.filter(|known| {
            // What costs most is asked last.
            !known.contradicts(told.bank_reference.as_deref()) && fits(known) && !self.has_told(known, told)
        });
        let nearness = |known: &&KnownCredit| {
            let rank = (!is_named_alike(known, told), is_half_named(known, told));
            (rank, order(known), (known.value_at.0 - told.value_at.0).unsigned_abs(), known.id.clone())
        };
        open.min_by_key(nearness).map(|known| known.id.clone())
    }
}

/// The same payment reference, or the same memo.
fn is_named_alike(known: &KnownCredit, told: &Told) -> bool {
    known.likeness.is_some() && known.likeness == told.likeness.mark
}

/// On the same day, the one before or the one after.
fn is_next_to(known: &KnownCredit, told: &Told) -> bool {
    let day = told.value_at.day();
    day.plus_days(-1) <= known.day && known.day <= day.plus_days(1)
}

/// On the same day, or about the same midnight: what has nothing else in common than a sum needs at least that.
fn is_close(known: &KnownCredit, told: &Told) -> bool {
    let apart = (known.value_at.0 - told.value_at.0).unsigned_abs();
    is_next_to(known, told) && (known.day == told.value_at.day() || apart <= ABOUT_MIDNIGHT_MS)
}

/// Neither has a payment reference: such money waits for a person whatever we do.
fn is_nameless(known: &KnownCredit, told: &Told) -> bool {
    known.payment_reference.is_none() && told.likeness.payment_reference.is_none()
}

/// One names an invoice in its text, and the other by a key or not at all: a provider that has the money's virtual
/// account may leave the text out or cut it. Within minutes, that may be one transfer, and would be booked twice.
fn is_half_named(known: &KnownCredit, told: &Told) -> bool {
    let apart = (known.value_at.0 - told.value_at.0).abs();
    let differs = match (&known.payment_reference, &told.likeness.payment_reference) {
        (Some(_), None) => true,
        (None, Some(_)) => known.payment_key.is_some(),
        _ => false,
    };
    differs && apart <= HALF_NAMED_MS
}

/// Is there a line for each of these, one to one? What is told later may be booked later and not earlier, so that each
/// takes the first line that is left for it.
fn have_lines(mut told: Vec<Moment>, mut lines: Vec<Day>, fits: fn(Moment, Day) -> bool) -> bool {
    told.sort_unstable();
    lines.sort_unstable();
    let mut lines = lines.into_iter();
    told.into_iter().all(|at| lines.any(|line| fits(at, line)))
}

fn maybe_same(known: Option<String>, bank_reference: Option<String>) -> Identity {
    let doubt = if known.is_some() { "maybe_same_credit" } else { "" };
    Identity::New { doubt, maybe_same_as: known, bank_reference }
}

fn differently(first: Option<String>) -> Identity {
    Identity::New { doubt: "told_differently", maybe_same_as: first, bank_reference: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(connection: &str, reference: &str, number: Option<&str>) -> Told {
        Told {
            credit_id: crate::ids::new_id("crd"),
            connection_id: connection.to_owned(),
            told_reference: reference.to_owned(),
            fingerprint: "f".to_owned(),
            account_id: "acc".to_owned(),
            amount: 1_000,
            value_at: Moment(1_795_310_042_000),
            bank_reference: number.map(str::to_owned),
            likeness: Likeness {
                payment_reference: Some("RF".to_owned()),
                mark: Some("RF".to_owned()),
                text: String::new(),
            },
            keys: Vec::new(),
        }
    }

    fn is_new(identity: &Identity, doubted: bool) -> bool {
        matches!(identity, Identity::New { doubt, .. } if doubt.is_empty() != doubted)
    }

    #[test]
    fn one_that_names_its_invoice_is_found_among_those_that_name_others() {
        let named = |connection: &str, number: &str, reference: &str| {
            let mark = Some(reference.to_owned());
            let likeness = Likeness { payment_reference: mark.clone(), mark, text: String::new() };
            Told { likeness, ..told(connection, number, None) }
        };
        let mut known = Known::default();
        for number in 0..100 {
            let (number, reference) = (number.to_string(), format!("RF{number}"));
            assert!(is_new(&known.meet(&named("a", &number, &reference)), false));
        }
        let fortieth = known.tellings[&("a".to_owned(), "40".to_owned())][0].1.clone();
        let Identity::New { maybe_same_as, .. } = known.meet(&named("b", "1", "RF40")) else { panic!("a doubt") };
        assert_eq!(maybe_same_as, Some(fortieth));
        assert!(is_new(&known.meet(&named("b", "2", "RF100")), false), "nobody named that one");
    }

    #[test]
    fn siblings_told_by_two_connections_are_doubted_one_to_one() {
        let mut known = Known::default();
        assert!(is_new(&known.meet(&told("a", "1", None)), false));
        assert!(is_new(&known.meet(&told("a", "2", None)), false), "distinct ids are distinct credits");
        assert!(is_new(&known.meet(&told("b", "1", None)), true));
        assert!(is_new(&known.meet(&told("b", "2", None)), true));
        assert!(is_new(&known.meet(&told("b", "3", None)), false), "nothing is left for it to be");
        assert_eq!(known.meet(&told("b", "3", None)), Identity::Repeated);
    }

    #[test]
    fn what_names_nothing_keeps_no_telling_that_names_from_being_the_same() {
        let mut known = Known::default();
        let first = told("a", "1", None);
        assert!(is_new(&known.meet(&first), false));
        let nameless = Told { likeness: Likeness::default(), ..told("b", "1", None) };
        assert!(is_new(&known.meet(&nameless), true));
        let named = known.meet(&told("b", "2", None));
        assert!(matches!(named, Identity::New { maybe_same_as: Some(id), .. } if id == first.credit_id));
    }

    #[test]
    fn a_telling_takes_the_earliest_line_that_is_left() {
        let start = told("a", "0", None).value_at.day().begins();
        let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
        for order in orders {
            let mut known = Known::default();
            for at in 0..3 {
                let day = start.day().plus_days(at);
                known.add_credit(KnownCredit {
                    id: format!("crd_{at}"),
                    account_id: "acc".to_owned(),
                    amount: 1_000,
                    day,
                    value_at: day.begins(),
                    bank_reference: None,
                    payment_reference: Some("RF".to_owned()),
                    likeness: Some("RF".to_owned()),
                    maybe_same_as: None,
                    payment_key: None,
                    booked: Some(day),
                });
            }
            // At eight in the evening the next day's beginning is nearer than the same day's.
            let shown = order.map(|at: i64| {
                let value_at = start.plus_ms((at * 24 + 20) * 3_600_000);
                known.meet(&Told { value_at, ..told("a", &at.to_string(), None) })
            });
            let wanted = order.map(|at| Identity::Same(format!("crd_{at}")));
            assert_eq!(shown, wanted, "{order:?}");
        }
    }

    /// A credit that a statement line of that day shows, and that was told for another.
    fn shown(id: &str, told_at: Moment, booked: Day) -> KnownCredit {
        KnownCredit {
            id: id.to_owned(),
            account_id: "acc".to_owned(),
            amount: 1_000,
            day: told_at.day(),
            value_at: told_at,
            bank_reference: None,
            payment_reference: Some("RF".to_owned()),
            likeness: Some("RF".to_owned()),
            maybe_same_as: None,
            payment_key: None,
            booked: Some(booked),
        }
    }

    #[test]
    fn whose_line_was_taken_for_another_is_what_is_left_while_the_statement_has_one_for_each() {
        let start = told("a", "0", None).value_at.day().begins().plus_ms(9 * 3_600_000);
        let at = |day: i64| start.plus_ms(day * 24 * 3_600_000);
        let mut known = Known::default();
        // Told of the first day and shown by the third's line; the first day's own line is left.
        known.add_credit(shown("crd_1", at(0), at(2).day()));
        known.add_credit(shown("crd_2", at(0), at(0).day()));
        known.add_teller("crd_1", "a", Some(at(0)));
        let of = |day: i64, reference: &str| Told { value_at: at(day), ..told("a", reference, None) };
        assert!(is_new(&known.meet(&of(3, "2")), false), "no line is as late as that");
        assert_eq!(known.meet(&of(2, "3")), Identity::Same("crd_2".to_owned()));
        assert!(is_new(&known.meet(&of(2, "4")), false), "there are as many lines as it told of");
    }

    #[test]
    fn what_one_names_and_the_other_does_not_is_doubted_within_minutes() {
        let nameless = |connection, reference| Told {
            likeness: Likeness::default(),
            keys: vec!["virtual_account:con:1".to_owned()],
            ..told(connection, reference, None)
        };
        let mut known = Known::default();
        known.add_key("virtual_account:con:1".to_owned());
        assert!(is_new(&known.meet(&nameless("a", "1")), false));
        assert!(is_new(&known.meet(&told("a", "2", None)), false), "one who tells of two tells of two");
        let mut known = Known::default();
        known.add_key("virtual_account:con:1".to_owned());
        assert!(is_new(&known.meet(&nameless("a", "1")), false));
        assert!(is_new(&known.meet(&told("b", "1", None)), true), "by its key, and by its text");
        let mut known = Known::default();
        assert!(is_new(&known.meet(&nameless("a", "1")), false));
        assert!(is_new(&known.meet(&told("b", "1", None)), false), "no key leads anywhere: it waits for a person");
        let mut known = Known::default();
        assert!(is_new(&known.meet(&told("b", "1", None)), false));
        assert!(is_new(&known.meet(&nameless("a", "1")), true), "its text was left out or cut");
        for (ms, doubted) in [(HALF_NAMED_MS - 1, true), (HALF_NAMED_MS, true), (HALF_NAMED_MS + 1, false)] {
            let mut known = Known::default();
            assert!(is_new(&known.meet(&told("b", "1", None)), false));
            let late = nameless("a", "1");
            let late = Told { value_at: late.value_at.plus_ms(ms), ..late };
            assert!(is_new(&known.meet(&late), doubted), "{ms}");
        }
    }

    #[test]
    fn what_was_told_for_another_day_does_not_make_this_one_news() {
        let mut known = Known::default();
        let at = |connection, reference, hours: i64| {
            let one = told(connection, reference, None);
            Told { value_at: one.value_at.plus_ms(hours * 3_600_000), ..one }
        };
        assert!(is_new(&known.meet(&at("a", "1", 0)), false));
        assert!(is_new(&known.meet(&at("b", "2", -13)), true), "a day before: perhaps the same");
        assert!(is_new(&known.meet(&at("b", "1", 0)), true), "the same minute: the likelier one");
        assert!(is_new(&known.meet(&at("b", "3", 0)), false), "nothing is left for it to be");
    }

    #[test]
    fn a_number_of_the_bank_merges_in_every_order_and_parts_what_differs() {
        let mut known = Known::default();
        let first = told("a", "1", Some("N1"));
        assert!(is_new(&known.meet(&first), false));
        assert!(is_new(&known.meet(&told("b", "2", Some("N2"))), false), "another number is another transfer");
        assert_eq!(known.meet(&told("b", "1", Some("N1"))), Identity::Same(first.credit_id));
        assert!(is_new(&known.meet(&told("a", "3", Some("N1"))), true), "told anew under another id");
        let mut other_amount = told("c", "9", Some("N1"));
        other_amount.amount = 2_000;
        assert!(is_new(&known.meet(&other_amount), true));
    }
}
