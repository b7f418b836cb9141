//! One batch in one transaction: read what stands, decide in the order the money came, write everything once.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::{Credit, Decision, Doubt, Drained, Heard, References, Waiting, decide, sql};
use crate::fault::{Fault, Result};
use crate::fees::{self, Claim};
use crate::inbox;
use crate::ledger::{self, Account, Cause, Entry, Head, Posting};
use crate::money::Dong;
use crate::outbox::{self, Event, Happened};
use crate::receipts::{self, Posted};
use crate::seal::Vault;
use crate::store::{Arg, Fence, Store, Tx, args, record};
use crate::time::Moment;

record! {
    /// The newest decision about a credit.
    #[derive(Debug, Clone)]
    pub(super) struct Newest {
        pub(super) credit_id: String,
        pub(super) turn: i64,
        pub(super) kind: String,
        pub(super) invoice_id: Option<String>,
        pub(super) entry_id: Option<String>,
    }
}

/// What stands about a batch of credits before it is decided.
pub(super) struct Standing {
    pub(super) newest: HashMap<String, Newest>,
    pub(super) received: HashSet<String>,
    pub(super) proof_posted: HashSet<String>,
    pub(super) proved: HashSet<String>,
}

impl Standing {
    pub(super) async fn of_in(tx: &mut Tx, credit_ids: &[&str]) -> Result<Standing> {
        let keys: Vec<Arg> = credit_ids.iter().map(|id| Arg::from(*id)).collect();
        let newest: Vec<Newest> = tx.all_in(&sql::DECISIONS, keys.clone()).await?;
        let posted: Vec<(String, String)> = tx.all_in(&sql::POSTED, keys.clone()).await?;
        let proved: Vec<String> = tx.all_in(&sql::PROVED, keys).await?;
        let (received, proof_posted): (Vec<_>, Vec<_>) = posted.into_iter().partition(|(_, kind)| kind == "received");
        Ok(Standing {
            newest: newest.into_iter().map(|newest| (newest.credit_id.clone(), newest)).collect(),
            received: received.into_iter().map(|(credit, _)| credit).collect(),
            proof_posted: proof_posted.into_iter().map(|(credit, _)| credit).collect(),
            proved: proved.into_iter().collect(),
        })
    }

    /// The turn of the next decision.
    pub(super) fn next_turn(&self, credit_id: &str) -> Result<i64> {
        let last = self.newest.get(credit_id).map_or(0, |newest| newest.turn);
        last.checked_add(1).ok_or_else(|| Fault::new("decide a credit once more than can be counted").into())
    }

    /// Did the bank take it back?
    fn is_reversed(&self, credit_id: &str) -> bool {
        self.newest.get(credit_id).is_some_and(|newest| newest.kind == "reversed")
    }

    /// Does a person have to look at it?
    fn is_held(&self, credit_id: &str) -> bool {
        self.newest.get(credit_id).is_some_and(|newest| matches!(newest.kind.as_str(), "hold" | "release"))
    }

    /// Was this credit decided already, so that only its proof may be new? A doubt that a statement has cleared is
    /// decided again.
    fn is_decided(&self, credit: &Credit) -> bool {
        if self.is_reversed(&credit.id) {
            return true;
        }
        let is_doubtful = Doubt::of_code(&credit.doubt) != Doubt::None && !self.proved.contains(&credit.id);
        self.received.contains(&credit.id) || (is_doubtful && self.newest.contains_key(&credit.id))
    }
}

/// Everything a batch writes.
#[derive(Default)]
struct Written {
    entries: Vec<Entry>,
    posted: Vec<Posted>,
    decisions: Vec<Vec<Arg>>,
    /// Credits that a person must look at from now on.
    held: Vec<Vec<Arg>>,
    /// Those that one had to look at until now.
    freed: Vec<Arg>,
    happened: Vec<Happened>,
    invoices: Vec<String>,
}

pub(super) async fn decide_in(
    tx: &mut Tx,
    vault: &Vault,
    now: Moment,
    fence: Option<&Fence>,
    batch: &[Waiting],
    named: &Named,
) -> Result<Drained> {
    if let Some(fence) = fence {
        fence.check_in(tx).await?;
    }
    let keys = batch.iter().map(|waiting| Arg::from(&waiting.credit.id)).collect();
    let ours: HashSet<String> = tx.all_in::<String>(&sql::TAKE, keys).await?.into_iter().collect();
    let mut batch: Vec<&Waiting> = batch.iter().filter(|waiting| ours.contains(&waiting.credit.id)).collect();
    batch.sort_by_key(|waiting| (waiting.credit.value_at, &waiting.credit.id));
    let ids: Vec<&str> = batch.iter().map(|waiting| waiting.credit.id.as_str()).collect();
    let standing = Standing::of_in(tx, &ids).await?;
    let invoice_ids = named.ids(&batch);
    let invoices = named.as_of_in(tx, &invoice_ids).await?;
    let mut paid = ledger::paid_by_line_in(tx, &invoice_ids).await?;

    let mut written = Written::default();
    for waiting in &batch {
        let credit = &waiting.credit;
        if !standing.is_decided(credit) {
            let (references, found) = invoices.of(waiting);
            written.decide(credit, references, &standing, found, &mut paid, now)?;
        }
        written.prove(credit, &standing, now)?;
    }
    written.write_in(tx, vault, now).await?;
    Ok(Drained { decided: batch.len(), invoices: written.invoices, postponed: 0 })
}

/// The invoices that credits name, by the reference in their text or by the key they came with. What is asked on an
/// invoice never changes, so it is read before the transaction, where it keeps nobody from writing.
#[derive(Clone)]
pub(super) struct Named {
    claims: HashMap<String, Claim>,
    by_reference: HashMap<String, String>,
    by_key: HashMap<String, String>,
}

impl Named {
    pub(super) async fn read(store: &Store, waiting: &[Waiting]) -> Result<Named> {
        let credits = || waiting.iter().map(|waiting| &waiting.credit);
        let mut references: Vec<String> = credits().filter_map(|credit| credit.payment_reference.clone()).collect();
        references.sort_unstable();
        references.dedup();
        let mut claims = fees::claims_by_references(store, &references).await?;
        let by_reference = claims.iter().map(|claim| (claim.reference.clone(), claim.id.clone())).collect();
        let keys: Vec<&str> = credits().filter_map(|credit| credit.payment_key.as_deref()).collect();
        let by_key = inbox::by_keys(store, &keys).await?;
        let mut ids: Vec<String> = by_key.values().cloned().collect();
        ids.sort_unstable();
        ids.dedup();
        claims.extend(fees::claims(store, &ids).await?);
        let claims = claims.into_iter().map(|claim| (claim.id.clone(), claim)).collect();
        Ok(Named { claims, by_reference, by_key })
    }

    /// As they stand in this transaction, which may be run again: so nothing is changed in place.
    async fn as_of_in(&self, tx: &mut Tx, ids: &[String]) -> Result<Cow<'_, Named>> {
        let events = fees::last_events_in(tx, ids.iter().map(Arg::from).collect()).await?;
        let mut named = Cow::Borrowed(self);
        for event in events {
            if let Some(claim) = named.to_mut().claims.get_mut(&event.invoice_id) {
                claim.became(Some(&event.kind), event.turn);
            }
        }
        Ok(named)
    }

    /// The ids of the invoices that these credits name.
    fn ids(&self, batch: &[&Waiting]) -> Vec<String> {
        let named = |waiting: &&Waiting| [self.by_text(&waiting.credit), self.by_key(&waiting.credit)];
        let mut ids: Vec<String> = batch.iter().flat_map(named).flatten().map(|claim| claim.id.clone()).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    fn by_text(&self, credit: &Credit) -> Option<&Claim> {
        self.claims.get(self.by_reference.get(credit.payment_reference.as_ref()?)?)
    }

    fn by_key(&self, credit: &Credit) -> Option<&Claim> {
        self.claims.get(self.by_key.get(credit.payment_key.as_ref()?)?)
    }

    /// How a credit names an invoice. A text and a key that name two are a person's to tell apart.
    fn of(&self, waiting: &Waiting) -> (References, Option<&Claim>) {
        let by_text = self.by_text(&waiting.credit);
        match (waiting.references, self.by_key(&waiting.credit)) {
            (References::None, Some(invoice)) => (References::ByKey, Some(invoice)),
            (References::One, Some(invoice)) if by_text.is_none_or(|named| named.id != invoice.id) => {
                (References::Several, None)
            }
            (references, _) => (references, by_text),
        }
    }
}

impl Written {
    fn decide(
        &mut self,
        credit: &Credit,
        references: References,
        standing: &Standing,
        found: Option<&Claim>,
        paid: &mut HashMap<(String, i64), Dong>,
        now: Moment,
    ) -> Result<()> {
        let heard = Heard {
            account_id: &credit.account_id,
            amount: credit.amount,
            references,
            doubt: Doubt::of_code(&credit.doubt),
            is_proved: standing.proved.contains(&credit.id),
        };
        let so_far = |line| {
            let key = found.map(|invoice| (invoice.id.clone(), line));
            key.and_then(|key| paid.get(&key).copied()).unwrap_or_default()
        };
        let turn = standing.next_turn(&credit.id)?;
        let decision = decide(heard, found, so_far);
        match (decision, found) {
            (Decision::Pay(allocation), Some(invoice)) => {
                let mut sides = vec![money_in(credit)];
                sides.extend(given(invoice, &allocation, &credit.id)?);
                let entry = Entry::new(received(credit, now).about_invoice(&invoice.id), sides)?;
                for (line, amount) in &allocation.lines {
                    let so_far = paid.entry((invoice.id.clone(), *line)).or_default();
                    *so_far = so_far.plus(*amount).ok_or_else(|| Fault::new("pay a line beyond every amount"))?;
                }
                let kind = allocation.outcome.code();
                self.decisions.push(decided(credit, turn, kind, "", Some(&invoice.id), Some(entry.id()), now));
                self.posted.push(posted(credit, invoice, &allocation, entry.id()));
                self.happened.push(happened(credit, Event::CreditReceived, Some(&invoice.id)));
                self.freed.extend(standing.is_held(&credit.id).then(|| Arg::from(&credit.id)));
                self.invoices.push(invoice.id.clone());
                self.entries.push(entry);
            }
            (Decision::Hold(reason), _) => {
                let entry = if reason.is_posted() {
                    Some(Entry::new(received(credit, now), vec![money_in(credit), unknown(credit)])?)
                } else {
                    None
                };
                let entry_id = entry.as_ref().map(Entry::id);
                self.decisions.push(decided(credit, turn, "hold", reason.code(), None, entry_id, now));
                self.held.push(args![&credit.id, &credit.school_id, credit.value_at]);
                self.happened.push(happened(credit, Event::CreditHeld, None));
                self.entries.extend(entry);
            }
            (Decision::Pay(_), None) => return Err(Fault::new("pay an invoice that was not found").into()),
        }
        Ok(())
    }

    /// What a statement shows leaves clearing for the bank, once it is in the books at all. What the bank took back
    /// before has left clearing already: its line and the one of its going cancel out.
    fn prove(&mut self, credit: &Credit, standing: &Standing, now: Moment) -> Result<()> {
        let is_new = standing.proved.contains(&credit.id) && !standing.proof_posted.contains(&credit.id);
        if is_new && !standing.is_reversed(&credit.id) {
            self.entries.push(proved(credit, now)?);
        }
        Ok(())
    }

    async fn write_in(&mut self, tx: &mut Tx, vault: &Vault, now: Moment) -> Result<()> {
        let inserted = ledger::post_in(tx, &self.entries).await?;
        if inserted.len() != self.entries.len() {
            // Nothing that was read as unposted may be posted: this is contention the engine did not see.
            return Err(crate::fault::Error::Contended);
        }
        tx.insert_many(&sql::INSERT_DECISIONS, std::mem::take(&mut self.decisions)).await?;
        tx.insert_many(&sql::ADD_HELD, std::mem::take(&mut self.held)).await?;
        let _: Vec<String> = tx.all_in(&sql::END_HELD, std::mem::take(&mut self.freed)).await?;
        let receipts = receipts::number_in(tx, vault, now, &self.posted).await?;
        self.happened.extend(receipts.iter().map(issued));
        outbox::promise_in(tx, now, &self.happened).await
    }
}

/// The entry of a proof: bank instead of clearing.
pub(super) fn proved(credit: &Credit, now: Moment) -> Result<Entry> {
    let bank = Posting::debit(Account::Bank, credit.amount).receiving(&credit.account_id).of_credit(&credit.id);
    let clearing =
        Posting::credit(Account::Clearing, credit.amount).receiving(&credit.account_id).of_credit(&credit.id);
    let head = Head::new(&credit.school_id, Cause::Proved(credit.id.clone()), now).on(credit.day);
    Ok(Entry::new(head, vec![bank, clearing])?)
}

/// The head of the entry with which a credit enters the books, on the bank's day.
pub(super) fn received(credit: &Credit, now: Moment) -> Head {
    Head::new(&credit.school_id, Cause::Received(credit.id.clone()), now).on(credit.day)
}

/// The money, told but not yet on a statement, or with the gateway that took it.
pub(super) fn money_in(credit: &Credit) -> Posting {
    let account = if credit.gateway_id.is_some() { Account::ClearingGateway } else { Account::Clearing };
    Posting::debit(account, credit.amount).receiving(&credit.account_id).of_credit(&credit.id)
}

/// The same money with no owner yet.
pub(super) fn unknown(credit: &Credit) -> Posting {
    Posting::credit(Account::SuspenseUnidentified, credit.amount).of_credit(&credit.id)
}

/// The sides that give money to an invoice's lines and its surplus to the family.
pub(super) fn given(invoice: &Claim, allocation: &super::Allocation, credit_id: &str) -> Result<Vec<Posting>> {
    let mut sides = Vec::with_capacity(allocation.lines.len() + 1);
    for (position, amount) in &allocation.lines {
        let line = invoice.lines.iter().find(|line| line.position == *position);
        let line = line.ok_or_else(|| Fault::new("pay a line that the invoice has not"))?;
        let side = Posting::credit(Account::ReceivableParent, *amount).invoice(&invoice.id);
        sides.push(side.line(*position, &line.item_id).of_credit(credit_id));
    }
    let surplus = Posting::credit(Account::CreditBalanceFamily, allocation.surplus).family(&invoice.family_id);
    sides.push(surplus.invoice(&invoice.id).of_credit(credit_id));
    Ok(sides)
}

pub(super) fn posted(credit: &Credit, invoice: &Claim, allocation: &super::Allocation, entry_id: &str) -> Posted {
    Posted {
        entry_id: entry_id.to_owned(),
        school_id: invoice.school_id.clone(),
        credit_id: credit.id.clone(),
        credit_at: credit.value_at,
        invoice_id: invoice.id.clone(),
        family_id: invoice.family_id.clone(),
        amount: credit.amount,
        surplus: allocation.surplus,
        due: invoice.total,
        paid: allocation.paid,
    }
}

fn decided(
    credit: &Credit,
    turn: i64,
    kind: &str,
    reason: &str,
    invoice_id: Option<&str>,
    entry_id: Option<&str>,
    now: Moment,
) -> Vec<Arg> {
    args![&credit.id, turn, kind, reason, invoice_id, entry_id, now, "system", ""]
}

pub(super) fn happened(credit: &Credit, kind: Event, invoice_id: Option<&str>) -> Happened {
    Happened {
        school_id: credit.school_id.clone(),
        kind,
        record_id: credit.id.clone(),
        invoice_id: invoice_id.map(str::to_owned),
        amount: credit.amount,
    }
}

pub(super) fn issued(receipt: &receipts::Receipt) -> Happened {
    Happened {
        school_id: receipt.school_id.clone(),
        kind: Event::ReceiptIssued,
        record_id: receipt.id.clone(),
        invoice_id: Some(receipt.invoice_id.clone()),
        amount: receipt.amount,
    }
}
