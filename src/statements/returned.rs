//! Money that left an account as its statement shows it, and the credit that a line of it gives back.
//!
//! A bank that returns a transfer books the same sum the other way and names what it returns: by the payment reference
//! or by its number. That is shown to a person, who decides; nothing leaves the books by a resemblance.

use super::{open_memo, sql};
use crate::fault::Result;
use crate::ids::PaymentReference;
use crate::money::Dong;
use crate::seal::Vault;
use crate::store::{Store, args, record};
use crate::time::{Day, Moment};

/// How long after a transfer its return is looked for.
const DAYS: i64 = 60;
/// The fewest letters of a bank's number by which a text names a line.
const FEWEST_LETTERS: usize = 8;

record! {
    /// A line by which money left.
    #[derive(Debug, Clone, PartialEq, Eq)]
    struct Left {
        id: String,
        account_id: String,
        day: Day,
        value_at: Moment,
        amount: i64,
        reference: String,
    }
}

record! {
    /// A credit that a line has shown, as far as its return needs.
    #[derive(Debug, Clone, PartialEq, Eq)]
    struct Proved {
        id: String,
        account_id: String,
        amount: i64,
        day: Day,
        payment_reference: Option<String>,
        reference: String,
        kind: Option<String>,
    }
}

/// Money that left an account on a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// How much, above nothing.
    pub amount: Dong,
    /// When.
    pub value_at: Moment,
    /// What the bank wrote.
    pub text: String,
    /// The credit that it names and that is still in the books.
    pub returns: Option<String>,
}

/// What left a school's accounts on a day, as its statements have it.
///
/// # Errors
/// Faults of the store.
pub async fn outgoing(store: &Store, vault: &Vault, school_id: &str, day: Day) -> Result<Vec<Outgoing>> {
    let lines: Vec<Left> = store.all(&sql::LEFT, args![school_id, day]).await?;
    let mut found = Vec::with_capacity(lines.len());
    for line in lines {
        let text = open_memo(store, vault, &line.id).await?;
        let span = args![&line.account_id, line.day.plus_days(-DAYS), line.day, -line.amount];
        let credits: Vec<Proved> = store.all(&sql::PROVED_OF_AMOUNT, span).await?;
        let mut named = credits.iter().filter(|credit| credit.is_named(&text, &line.reference));
        let mut returns = named.rfind(|credit| credit.stands()).map(|credit| credit.id.clone());
        if let Some(credit) = &returns
            && !is_returned(store, vault, credit).await?
        {
            returns = None;
        }
        let amount = Dong::new(line.amount.saturating_neg());
        found.push(Outgoing { amount, value_at: line.value_at, text, returns });
    }
    Ok(found)
}

/// Does a statement show that this credit went back, once for each that went back with its name?
///
/// # Errors
/// Faults of the store.
pub async fn is_returned(store: &Store, vault: &Vault, credit_id: &str) -> Result<bool> {
    let Some(credit) = store.optional::<Proved>(&sql::PROVED, args![credit_id]).await? else { return Ok(false) };
    let last = credit.day.plus_days(DAYS);
    let span = || args![&credit.account_id, credit.day, last];
    let lines: Vec<Left> = store.all(&sql::LEFT_OF_AMOUNT, [span(), args![-credit.amount]].concat()).await?;
    let alike: Vec<Proved> = store.all(&sql::PROVED_OF_AMOUNT, [span(), args![credit.amount]].concat()).await?;
    let (mut lines_of_it, mut gone) = (0, 0);
    for line in &lines {
        let text = open_memo(store, vault, &line.id).await?;
        if credit.is_named(&text, &line.reference) {
            lines_of_it += 1;
        }
    }
    for other in alike.iter().filter(|other| other.id != credit.id && !other.stands()) {
        let is_alike = credit.payment_reference.is_some() && other.payment_reference == credit.payment_reference;
        gone += i32::from(is_alike);
    }
    Ok(lines_of_it > gone)
}

impl Proved {
    /// Is it in the books?
    fn stands(&self) -> bool {
        !matches!(self.kind.as_deref(), None | Some("reversed" | "disowned" | "same" | "settled"))
    }

    /// Does a text, or the number of a line, name it?
    fn is_named(&self, text: &str, number: &str) -> bool {
        let references = || PaymentReference::find_all(text);
        let by_reference =
            self.payment_reference.as_ref().is_some_and(|own| references().iter().any(|one| one.to_string() == *own));
        let own = self.reference.trim();
        by_reference || (own.len() >= FEWEST_LETTERS && (text.contains(own) || number == own))
    }
}
