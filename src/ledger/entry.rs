//! An entry and its postings: balanced, or nonexistent.

use crate::fault::{Error, Fault};
use crate::ids;
use crate::money::Dong;
use crate::time::{Day, Moment};

use super::Account;

/// Why the books know of something. The text is unique, so a second run finds the entry posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// An invoice was issued.
    Issued(String),
    /// A credit was told.
    Received(String),
    /// A statement has the credit.
    Proved(String),
    /// A credit was given to an invoice by the decision of this turn.
    Applied(String, i64),
    /// A credit was taken back from an invoice by the decision of this turn.
    Released(String, i64),
    /// A credit left the books by the decision of this turn: the bank took it back, or it never came.
    TakenBack(String, i64),
    /// A gateway settled credits with the credit that came for them, by the decision of this turn.
    Settled(String, i64),
    /// An invoice became void by the event of this turn.
    Voided(String, i64),
    /// A void invoice was opened again by the event of this turn.
    Reinstated(String, i64),
    /// The run of an invoice was undone.
    Undone(String),
}

impl Cause {
    /// The stored kind of the entry.
    pub const fn kind(&self) -> &'static str {
        match self {
            Cause::Issued(_) => "issued",
            Cause::Received(_) => "received",
            Cause::Proved(_) => "proved",
            Cause::Applied(..) => "applied",
            Cause::Released(..) => "released",
            Cause::TakenBack(..) => "taken_back",
            Cause::Settled(..) => "settled",
            Cause::Voided(..) => "voided",
            Cause::Reinstated(..) => "reinstated",
            Cause::Undone(_) => "undone",
        }
    }

    /// The stored text: `received:crd_…`, `applied:crd_…:2`.
    pub fn text(&self) -> String {
        let kind = self.kind();
        match self {
            Cause::Issued(id) | Cause::Received(id) | Cause::Proved(id) | Cause::Undone(id) => format!("{kind}:{id}"),
            Cause::Applied(id, turn)
            | Cause::Released(id, turn)
            | Cause::TakenBack(id, turn)
            | Cause::Settled(id, turn)
            | Cause::Voided(id, turn)
            | Cause::Reinstated(id, turn) => format!("{kind}:{id}:{turn}"),
        }
    }

    fn credit_id(&self) -> Option<String> {
        match self {
            Cause::Received(id)
            | Cause::Proved(id)
            | Cause::Applied(id, _)
            | Cause::Released(id, _)
            | Cause::TakenBack(id, _)
            | Cause::Settled(id, _) => Some(id.clone()),
            _ => None,
        }
    }

    fn invoice_id(&self) -> Option<String> {
        match self {
            Cause::Issued(id) | Cause::Voided(id, _) | Cause::Reinstated(id, _) | Cause::Undone(id) => Some(id.clone()),
            _ => None,
        }
    }
}

/// What an entry says beside its postings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Whose books.
    pub school_id: String,
    /// Why.
    pub cause: Cause,
    /// The day it belongs to.
    pub day: Day,
    /// When it was posted.
    pub at: Moment,
    /// The credit it is about.
    pub credit_id: Option<String>,
    /// The invoice it is about.
    pub invoice_id: Option<String>,
    /// The entry it takes back.
    pub reverses: Option<String>,
    /// `system`, or the person or key that decided.
    pub actor: String,
    /// Why, in the person's words; empty for the program.
    pub note: String,
}

impl Head {
    /// An entry of this cause, on the day of `at`, by the program itself.
    pub fn new(school_id: &str, cause: Cause, at: Moment) -> Head {
        Head {
            school_id: school_id.to_owned(),
            day: at.day(),
            at,
            credit_id: cause.credit_id(),
            invoice_id: cause.invoice_id(),
            cause,
            reverses: None,
            actor: "system".to_owned(),
            note: String::new(),
        }
    }

    /// The same on another day, such as the bank's.
    #[must_use]
    pub fn on(mut self, day: Day) -> Head {
        self.day = day;
        self
    }

    /// The same about this invoice as well.
    #[must_use]
    pub fn about_invoice(mut self, invoice_id: &str) -> Head {
        self.invoice_id = Some(invoice_id.to_owned());
        self
    }

    /// The same, taking back this entry.
    #[must_use]
    pub fn reversing(mut self, entry_id: Option<String>) -> Head {
        self.reverses = entry_id;
        self
    }

    /// The same by somebody, with the reason they gave.
    #[must_use]
    pub fn by(mut self, actor: &str, note: &str) -> Head {
        actor.clone_into(&mut self.actor);
        note.clone_into(&mut self.note);
        self
    }
}

/// One side of an entry: a debit is positive, a credit is negative. The rest says whose money it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posting {
    /// The account of the chart.
    pub account: Account,
    /// Debit above zero, credit below.
    pub amount: Dong,
    /// Which receiving account; on bank and clearing.
    pub receiving_id: Option<String>,
    /// Which invoice; on receivables, revenue and what was paid beyond it.
    pub invoice_id: Option<String>,
    /// Which line of it.
    pub line: Option<i64>,
    /// Which fee item.
    pub item_id: Option<String>,
    /// Whose credit balance.
    pub family_id: Option<String>,
    /// Which credit the money came with.
    pub credit_id: Option<String>,
}

impl Posting {
    /// A side with this signed amount.
    pub fn new(account: Account, amount: Dong) -> Posting {
        Posting {
            account,
            amount,
            receiving_id: None,
            invoice_id: None,
            line: None,
            item_id: None,
            family_id: None,
            credit_id: None,
        }
    }

    /// A debit of this amount.
    pub fn debit(account: Account, amount: Dong) -> Posting {
        Posting::new(account, amount)
    }

    /// A credit of this amount. The one amount without a negative stays as it is and so never balances.
    pub fn credit(account: Account, amount: Dong) -> Posting {
        Posting::new(account, amount.negated().unwrap_or(amount))
    }

    /// On this receiving account.
    #[must_use]
    pub fn receiving(mut self, account_id: &str) -> Posting {
        self.receiving_id = Some(account_id.to_owned());
        self
    }

    /// About this invoice.
    #[must_use]
    pub fn invoice(mut self, invoice_id: &str) -> Posting {
        self.invoice_id = Some(invoice_id.to_owned());
        self
    }

    /// About this line of the invoice and its fee item.
    #[must_use]
    pub fn line(mut self, position: i64, item_id: &str) -> Posting {
        self.line = Some(position);
        self.item_id = Some(item_id.to_owned());
        self
    }

    /// Of this family.
    #[must_use]
    pub fn family(mut self, family_id: &str) -> Posting {
        self.family_id = Some(family_id.to_owned());
        self
    }

    /// Come with this credit.
    #[must_use]
    pub fn of_credit(mut self, credit_id: &str) -> Posting {
        self.credit_id = Some(credit_id.to_owned());
        self
    }

    /// The same side the other way round.
    #[must_use]
    pub fn mirrored(&self) -> Posting {
        Posting { amount: self.amount.negated().unwrap_or(self.amount), ..self.clone() }
    }
}

/// Why something is no entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unbalanced {
    /// Fewer than two sides that move anything.
    #[error("an entry needs two sides")]
    OneSided,
    /// The sides do not cancel out.
    #[error("the sides of an entry differ by {} đồng", .0.get())]
    Differs(Dong),
    /// The sum is beyond what can be counted.
    #[error("the sum of an entry is beyond an i64")]
    Overflow,
}

impl From<Unbalanced> for Error {
    #[track_caller]
    fn from(unbalanced: Unbalanced) -> Error {
        Error::Fault(Fault::from_source("write an entry", unbalanced))
    }
}

/// A balanced entry. There is no other kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    id: String,
    head: Head,
    postings: Vec<Posting>,
}

impl Entry {
    /// The only door. Sides of zero are left out, because they say nothing.
    ///
    /// # Errors
    /// The sides do not cancel out, or there are fewer than two.
    pub fn new(head: Head, postings: Vec<Posting>) -> Result<Entry, Unbalanced> {
        let postings: Vec<Posting> = postings.into_iter().filter(|posting| posting.amount != Dong::ZERO).collect();
        if postings.len() < 2 {
            return Err(Unbalanced::OneSided);
        }
        match Dong::sum(postings.iter().map(|posting| posting.amount)) {
            Some(Dong::ZERO) => Ok(Entry { id: ids::new_id("ent"), head, postings }),
            Some(difference) => Err(Unbalanced::Differs(difference)),
            None => Err(Unbalanced::Overflow),
        }
    }

    /// `ent_…`
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What it says beside its postings.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Its sides.
    pub fn postings(&self) -> &[Posting] {
        &self.postings
    }

    /// The same postings the other way round, under a head that names this entry.
    ///
    /// # Errors
    /// Never for an entry that exists, but the door is the only one.
    pub fn mirror(&self, head: Head) -> Result<Entry, Unbalanced> {
        let postings = self.postings.iter().map(Posting::mirrored).collect();
        Entry::new(head.reversing(Some(self.id.clone())), postings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> Head {
        Head::new("sch_1", Cause::Received("crd_1".to_owned()), Moment(0))
    }

    fn sides(amounts: &[i64]) -> Vec<Posting> {
        amounts.iter().map(|amount| Posting::new(Account::Bank, Dong::new(*amount))).collect()
    }

    #[test]
    fn an_entry_balances_or_does_not_exist() {
        assert!(Entry::new(head(), sides(&[100, -60, -40])).is_ok());
        assert_eq!(Entry::new(head(), sides(&[100, -60])), Err(Unbalanced::Differs(Dong::new(40))));
        assert_eq!(Entry::new(head(), sides(&[0, 0])), Err(Unbalanced::OneSided));
        assert_eq!(Entry::new(head(), vec![]), Err(Unbalanced::OneSided));
        assert_eq!(Entry::new(head(), sides(&[i64::MAX, 1, i64::MIN])), Err(Unbalanced::Overflow));
    }

    #[test]
    fn a_mirror_takes_back_every_side_and_names_the_entry() {
        let entry = Entry::new(head(), sides(&[100, -60, -40])).expect("balanced");
        let mirror = entry.mirror(head()).expect("balanced");
        assert_eq!(mirror.head().reverses.as_deref(), Some(entry.id()));
        let amounts: Vec<i64> = mirror.postings().iter().map(|posting| posting.amount.get()).collect();
        assert_eq!(amounts, [-100, 60, 40]);
    }

    #[test]
    fn a_side_of_nothing_is_left_out() {
        let entry = Entry::new(head(), sides(&[100, 0, -100])).expect("balanced");
        assert_eq!(entry.postings().len(), 2);
    }
}
