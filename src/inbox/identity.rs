//! Is this a credit we know already? Decided from values alone, in the order in which tellings arrive.

use std::collections::{HashMap, HashSet};

use crate::ids::PaymentReference;
use crate::roll;
use crate::seal::MasterKey;
use crate::store::record;
use crate::time::{Day, Moment};

/// Banks whose own number is never given twice, and how it begins before its digits. Techcombank and MB print `FT`,
/// two digits of the year, three of the day and a serial number, alike in webhook and statement; MB's statement adds
/// a backslash and the other bank.
const UNIQUE_NUMBERS: [(&str, &str); 2] = [("970407", "FT"), ("970422", "FT")];
/// The fewest digits that hold a date and a serial number.
const FEWEST_DIGITS: usize = 10;
/// From this hour on banks may book a transfer on the next day.
const LATE_HOUR: i8 = 22;
/// Before this hour a telling may be of the day before: told after midnight, or for a bare day that begins then.
const EARLY_HOUR: i8 = 6;
/// What is named by an equal text may be booked this many days later: over a weekend, or over the New Year's holidays.
const LATEST_BOOKING: i64 = 10;
/// How far apart two who tell of one transfer about midnight may be: one may tell a bare day that begins then.
const ABOUT_MIDNIGHT_MS: u64 = 3 * 60 * 60 * 1000;
/// The fewest letters of a text by which it is known inside a longer one.
const FEWEST_LETTERS: usize = 6;
/// How far apart two may be of which only one names an invoice in its text, when both tell of one transfer.
pub const HALF_NAMED_MS: i64 = 15 * 60 * 1000;
/// So much of a payment reference's beginning is as good as all of it, beside an equal account, amount and day.
const CUT_REFERENCE: usize = 9;

/// The bank's own number in its one spelling, where it is declared unique for that bank; `declared` says that the
/// provider vouches for it.
pub fn bank_reference(bank_bin: &str, text: &str, declared: bool) -> Option<String> {
    let text = text.trim().to_ascii_uppercase();
    if let Some((_, prefix)) = UNIQUE_NUMBERS.iter().find(|(bin, _)| *bin == bank_bin) {
        let rest = text.strip_prefix(prefix)?;
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        let after = &rest[digits.len()..];
        let whole = digits.len() >= FEWEST_DIGITS && (after.is_empty() || after.starts_with('\\'));
        return whole.then(|| format!("{prefix}{digits}"));
    }
    let plain = !text.is_empty() && text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_graphic());
    (declared && plain).then_some(text)
}

/// What two tellings of one transfer have in common when no number does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Likeness {
    /// Ours, when the memo holds exactly one.
    pub payment_reference: Option<String>,
    /// The payment reference, else a keyed mark of the folded memo; none for an empty memo.
    pub mark: Option<String>,
    /// The folded memo where it holds no payment reference. It is compared and never stored.
    pub text: String,
}

/// Reads a memo for comparing. The mark is keyed, so that the database alone tells nobody what was written.
pub fn likeness(master: &MasterKey, memo: &str) -> Likeness {
    if let [one] = PaymentReference::find_all(memo).as_slice() {
        let one = one.to_string();
        return Likeness { payment_reference: Some(one.clone()), mark: Some(one), text: String::new() };
    }
    let text = bare(memo);
    let mark = (!text.is_empty()).then(|| format!("memo:{}", hex::encode(&master.derive("memo mark", &text)[..16])));
    Likeness { payment_reference: None, mark, text }
}

/// A memo's letters and digits, folded: what is left of it whatever a bank does with blanks, signs and accents.
pub(super) fn bare(memo: &str) -> String {
    roll::folded(memo).chars().filter(char::is_ascii_alphanumeric).collect()
}

/// May a transfer told for this instant stand on a statement of that day, when nothing else names it?
pub fn day_fits(told_at: Moment, booked: Day) -> bool {
    told_at.day() == booked || latest_day(told_at) == booked
}

/// The last day of a statement on which such a transfer may stand.
pub fn latest_day(told_at: Moment) -> Day {
    let told = told_at.day();
    if told_at.civil().hour() >= LATE_HOUR { told.plus_days(1) } else { told }
}

/// May it, when both name it alike? The same text for the same money is the same payment for its payer, so that even
/// of two such transfers each is shown by one line, whichever it is.
pub fn day_fits_named(told_at: Moment, booked: Day) -> bool {
    let told = told_at.day();
    let earliest = if told_at.civil().hour() < EARLY_HOUR { told.plus_days(-1) } else { told };
    earliest <= booked && booked <= told.plus_days(LATEST_BOOKING)
}

/// Do two folded memos without a payment reference speak of one transfer? Banks wrap a payer's words in their own and
/// cut what is too long, so one stands inside the other; an empty one says nothing against it.
pub fn resembles(one: &str, other: &str) -> bool {
    let (short, long) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    short.is_empty() || short == long || (short.len() >= FEWEST_LETTERS && long.contains(short))
}

/// Does this folded memo end within a payment reference, cut off there? What goes on otherwise is a mistyped one, and
/// the money of somebody who mistyped is not taken for another's.
pub fn holds_cut(text: &str, payment_reference: &str) -> bool {
    let whole = payment_reference.to_ascii_lowercase();
    (CUT_REFERENCE..whole.len()).any(|cut| whole.get(..cut).is_some_and(|cut| text.ends_with(cut)))
}

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
        pub origin: String,
        pub payment_key: Option<String>,
        pub line_id: Option<String>,
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
    credits: HashMap<String, KnownCredit>,
    /// In the order they became known.
    order: Vec<String>,
    by_number: HashMap<(String, String), String>,
    /// A credit, a connection that told of it or of what may be it, and how far apart in time the two are: nothing
    /// where it told of the credit itself.
    told_on: HashMap<(String, String), u64>,
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
        if self.credits.contains_key(&credit.id) {
            return;
        }
        if let Some(number) = &credit.bank_reference {
            self.by_number.insert((credit.account_id.clone(), number.clone()), credit.id.clone());
        }
        self.order.push(credit.id.clone());
        self.credits.insert(credit.id.clone(), credit);
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
    pub fn credit_ids(&self) -> &[String] {
        &self.order
    }

    /// A connection told of a credit. Whoever told of its doubtful likeness has met it already.
    pub fn add_teller(&mut self, credit: &str, connection: &str) {
        // A doubt that a line of its own has shown is another transfer, and says nothing of the one it was taken for.
        let doubt = self.credits.get(credit).filter(|credit| credit.line_id.is_none());
        let other = doubt.and_then(|credit| credit.maybe_same_as.clone().filter(|other| !self.differ(credit, other)));
        if let Some(other) = other {
            let apart = self.apart(credit, &other);
            let met = self.told_on.entry((other, connection.to_owned())).or_insert(apart);
            *met = apart.min(*met);
        }
        self.told_on.insert((credit.to_owned(), connection.to_owned()), 0);
    }

    /// Does one name an invoice and the other not? Then that the one may be the other says too little to keep a telling
    /// that names the same invoice from being it.
    fn differ(&self, doubt: &KnownCredit, other: &str) -> bool {
        let other = self.credits.get(other);
        other.is_some_and(|other| other.payment_reference.is_some() != doubt.payment_reference.is_some())
    }

    fn apart(&self, one: &str, other: &str) -> u64 {
        match (self.credits.get(one), self.credits.get(other)) {
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
                    origin: "hook".to_owned(),
                    payment_key: self.key_of(told),
                    line_id: None,
                });
                self.add_text(told.credit_id.clone(), told.likeness.text.clone());
                told.credit_id.clone()
            }
        };
        let key = (told.connection_id.clone(), told.told_reference.clone());
        self.tellings.entry(key).or_default().push((told.fingerprint.clone(), credit.clone()));
        self.add_teller(&credit, &told.connection_id);
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
        if let Some(known) = same_number.and_then(|id| self.credits.get(id)) {
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
        let booked = |known: &KnownCredit| Some(known.day);
        if let Some(known) = self.closest(told, booked, |known| self.shown_by_statement(known, told)) {
            return Identity::Same(known);
        }
        // Two who tell of one transfer may take the day before midnight and the day after.
        let alike = |known: &KnownCredit| {
            let named = known.line_id.is_none() && is_named_alike(known, told);
            (named && is_next_to(known, told))
                || (is_nameless(known, told) && is_close(known, told))
                || is_half_named(known, told)
        };
        maybe_same(self.closest(told, |_| None, alike), told.bank_reference.clone())
    }

    /// A statement line has shown this credit, and the telling may be of it. Should it be of another transfer, that
    /// one's own line shows it; so nothing is lost by taking them for one, once for each connection.
    fn shown_by_statement(&self, known: &KnownCredit, told: &Told) -> bool {
        if known.line_id.is_none() {
            return false;
        }
        let booked = known.origin == "statement";
        if is_named_alike(known, told) {
            return if booked { day_fits_named(told.value_at, known.day) } else { is_next_to(known, told) };
        }
        let day = if booked { day_fits(told.value_at, known.day) } else { known.day == told.value_at.day() };
        let text = self.texts.get(&known.id).map_or("", String::as_str);
        day && is_nameless(known, told) && resembles(text, &told.likeness.text)
    }

    /// The credit that this connection has not told of, on the same account with the same amount: the first in this
    /// order, and among equals the nearest in time.
    fn closest(
        &self,
        told: &Told,
        order: impl Fn(&KnownCredit) -> Option<Day>,
        fits: impl Fn(&KnownCredit) -> bool,
    ) -> Option<String> {
        let open = self.order.iter().filter_map(|id| self.credits.get(id)).filter(|known| {
            known.account_id == told.account_id
                && known.amount == told.amount
                && !known.contradicts(told.bank_reference.as_deref())
                && !self.has_told(known, told)
                && fits(known)
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

    #[test]
    fn a_banks_number_is_unique_only_where_the_bank_is_known_for_it() {
        let at = |bin: &str, text: &str, declared| bank_reference(bin, text, declared);
        assert_eq!(at("970422", "FT26326000000001", false).as_deref(), Some("FT26326000000001"));
        assert_eq!(at("970422", " ft22305091900820\\BNK", true).as_deref(), Some("FT22305091900820"));
        assert_eq!(at("970407", "FT24253687437949", false).as_deref(), Some("FT24253687437949"));
        assert_eq!(at("970407", "5243.65937", true), None, "not the shape of that bank");
        assert_eq!(at("970422", "FT123", true), None);
        assert_eq!(at("970422", "FT26326000000001X", true), None);
        assert_eq!(at("970436", "FT26326000000001", false), None);
        assert_eq!(at("970436", "MBVCB.3278907687", true).as_deref(), Some("MBVCB.3278907687"));
        assert_eq!(at("970436", "a\0b", true), None);
    }

    #[test]
    fn a_late_transfer_may_be_booked_tomorrow_and_no_other_may() {
        let at = |text: &str| Moment::parse(text).expect("an instant");
        let day = |text: &str| Day::parse(text).expect("a day");
        assert!(day_fits(at("2026-11-22T22:00:00+07:00"), day("2026-11-23")));
        assert!(!day_fits(at("2026-11-22T21:59:59+07:00"), day("2026-11-23")));
        assert!(day_fits(at("2026-11-22T21:59:59+07:00"), day("2026-11-22")));
        assert!(!day_fits(at("2026-11-22T22:30:00+07:00"), day("2026-11-21")));
    }

    #[test]
    fn what_is_named_may_be_booked_after_a_holiday_and_what_is_told_at_night_the_day_before() {
        let at = |text: &str| Moment::parse(text).expect("an instant");
        let day = |text: &str| Day::parse(text).expect("a day");
        assert!(day_fits_named(at("2026-11-21T18:30:00+07:00"), day("2026-11-23")), "Saturday's on Monday");
        assert!(day_fits_named(at("2026-02-14T09:00:00+07:00"), day("2026-02-24")));
        assert!(!day_fits_named(at("2026-02-14T09:00:00+07:00"), day("2026-02-25")));
        assert!(day_fits_named(at("2026-11-23T00:00:00+07:00"), day("2026-11-22")), "a bare day after midnight");
        assert!(!day_fits_named(at("2026-11-23T06:00:00+07:00"), day("2026-11-22")));
    }

    #[test]
    fn a_wrapped_or_cut_memo_resembles_and_another_familys_does_not() {
        let alike = |one: &str, other: &str| resembles(&bare(one), &bare(other));
        assert!(alike("Tiền ăn NAM", "MBVCB.3278907687.tien an NAM.CT tu 9704 toi"));
        assert!(alike("MBVCB.3278907687.tien an NAM.CT tu", "MBVCB.3278907687.tien an NAM.CT tu 9704 toi"));
        assert!(alike("", "bất kỳ") && alike("nam", "NAM"));
        assert!(!alike("HOA 3A tien an", "NAM 3B tien an"));
        assert!(!alike("nam", "nam hoc phi thang 11"), "too short to be known by");
        assert!(holds_cut(&bare("IBFT hoc phi RF92NJLRKVK"), "RF92NJLRKVKNM"));
        assert!(!holds_cut(&bare("IBFT hoc phi RF92NJLR"), "RF92NJLRKVKNM"));
    }

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
                    origin: "statement".to_owned(),
                    payment_key: None,
                    line_id: Some(format!("lin_{at}")),
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
