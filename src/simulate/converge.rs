//! Plays random days twice, once with everything that was told and once with the statements alone, and compares.
//!
//! Once the statements have been read, the books are the same: what each invoice line got, the balance of every
//! account, where each credit went and why, every receipt, and the suspense. Compared is what these say, in an order
//! of its own, so that random ids and the order of work do not count. Five things are left out, each because it tells
//! what was heard and not what is:
//!
//! - the numbers of receipts, which are given as money is heard of and checked by the audit to have no hole;
//! - the day of an entry, which is the day for which its credit was first told; the statement's own day is compared;
//! - which of several payments of one invoice filled it and which went beyond: that is the order in which they were
//!   heard, a receipt that was given says it, and no paper is changed afterwards; the sums are compared;
//! - doubts that were never posted: a second telling of what the statement has once is not in any book;
//! - credits that were posted, taken back, and are on no statement: the bank told of money and of its return, and where
//!   neither can be known again in the statement's line, the line is a credit of its own. What is left of the first is
//!   an entry and its opposite.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::sql;
use super::tellings::{Case, Step, Telling, Transfer, printed, told};
use crate::fault::{OrFault, Result};
use crate::inbox::{self, Account, Connection, Delivery, Keeper};
use crate::ledger::{self, Cause, Entry, Head, Posting};
use crate::matching::{self, Act, Why};
use crate::money::Dong;
use crate::providers::{Direction, Heard, Providers, Secrets, Settles, ToldCredit};
use crate::seal::Vault;
use crate::statements::{self, Upload};
use crate::store::{Lot, Store, Wake, args, transact};
use crate::time::{Clock, Moment};

/// When everything of a case is heard: the clock decides nothing here.
pub(super) const NOW: Moment = Moment(1_797_000_000_000);

/// A database in which cases are played.
pub struct World {
    pub(super) store: Store,
    pub(super) vault: Vault,
    pub(super) clock: Clock,
    providers: Providers,
    keeper: Keeper,
}

impl World {
    /// A world over a migrated store.
    ///
    /// # Errors
    /// A provider of the program is not understood.
    pub fn open(store: Store, vault: Vault) -> Result<World> {
        let clock = Clock::set(NOW);
        let keeper = Keeper::start(store.clone(), vault.clone(), clock.clone(), Wake::new());
        Ok(World { store, vault, clock, providers: Providers::embedded()?, keeper })
    }

    /// Plays a case and tells the state it ends in, line by line.
    ///
    /// # Errors
    /// Faults of the store; a statement of the case that is refused.
    pub async fn play(&mut self, case: &Case) -> Result<String> {
        let school = school(case);
        self.set_up(case, &school).await?;
        for step in &case.steps {
            self.step(case, &school, step).await?;
        }
        self.state(case, &school).await
    }

    /// Plays one step of a case; a step that failed may be played again.
    pub(super) async fn step(&mut self, case: &Case, school: &str, step: &Step) -> Result<()> {
        match step {
            Step::Tell(telling) => self.tell(case, school, *telling).await,
            Step::Settle => self.settle().await,
            Step::Restart => {
                let (store, vault) = (self.store.clone(), self.vault.clone());
                self.keeper = Keeper::start(store, vault, self.clock.clone(), Wake::new());
                Ok(())
            }
            Step::Statement(lines) => self.read(case, school, lines).await,
            Step::Reverse(telling) => self.hear(case, school, *telling, reversed(case, *telling)).await,
            Step::Confirm => {
                // A person sees what is sorted.
                self.sort().await?;
                for credit in inbox::reversed(&self.store, school, 100).await? {
                    self.take_back(&credit).await?;
                }
                Ok(())
            }
            Step::TakeBack(of) => {
                let line = args![format!("acc_{school}"), &case.transfers[*of].numbers.1];
                let shown: Option<(String, String)> = self.store.optional(&sql::SHOWN_BY, line).await?;
                match shown.filter(|(_, kind)| kind != "reversed") {
                    Some((credit, _)) => self.take_back(&credit).await,
                    None => Ok(()),
                }
            }
        }
    }

    async fn sort(&self) -> Result<()> {
        while inbox::sort(&self.store, &self.vault, &self.clock, None, Lot::Full).await? > 0 {}
        Ok(())
    }

    pub(super) async fn settle(&self) -> Result<()> {
        self.sort().await?;
        while matching::drain(&self.store, &self.vault, &self.clock).await? > 0 {}
        Ok(())
    }

    /// A school, its account, what families owe and who tells, put straight into the tables: a hundred thousand
    /// schools through the forms would take days.
    pub(super) async fn set_up(&self, case: &Case, school: &str) -> Result<()> {
        let bin = case.bank.bin;
        let mut text = format!(
            "insert into school (id, code, name, level, ownership, address, phone, reading, made_at)
                values ('{school}', '{school}', 'S', 'primary', 'public', '', '', 'hanoi', 0);
             insert into receiving_account (id, school_id, bank_bin, number, holder, opened_at)
                values ('acc_{school}', '{school}', '{bin}', '{}', 'S', 0);
             insert into class_group (id, school_id, school_year, name, level) values ('cls_{school}', '{school}', '2026-2027', '3A', '3');
             insert into billing_run (id, school_id, account_id, title, school_year, due_day, made_at, made_by)
                values ('run_{school}', '{school}', 'acc_{school}', 'T', '2026-2027', '2026-12-01', 0, 'system');",
            number(case)
        );
        let (count, total) = (case.asked.len(), case.asked.iter().map(|asked| asked.amount).sum::<i64>());
        // Writing to a String cannot fail.
        let _ = write!(text, "insert into run_sum values ('run_{school}', {count}, {total});");
        let mut entries = Vec::new();
        for (at, asked) in case.asked.iter().enumerate() {
            let (id, amount) = (format!("inv_{school}_{at}"), asked.amount);
            let _ = write!(
                text,
                "insert into family (id, school_id, made_at) values ('fam_{school}_{at}', '{school}', 0);
                 insert into pupil (id, school_id, family_id, code, full_name, folded_name, made_at)
                    values ('pup_{school}_{at}', '{school}', 'fam_{school}_{at}', 'P{at}', 'X', 'x', 0);
                 insert into invoice (id, run_id, school_id, account_id, pupil_id, family_id, class_group_id, reference,
                    page_hash, total, due_day, issued_at)
                    values ('{id}', 'run_{school}', '{school}', 'acc_{school}', 'pup_{school}_{at}', 'fam_{school}_{at}',
                    'cls_{school}', '{}', 'h_{id}', {amount}, '2026-12-01', 0);
                 insert into invoice_line (invoice_id, position, item_id, official_name, legal_basis, necessity, revenue,
                    document_kind, unit, quantity, unit_price, gross, exemption, payable)
                    values ('{id}', 1, 'itm_simulated', 'N', 'L', 'mandatory', 'tuition', 'C45-BB', 'month', 1, {amount}, {amount}, 0, {amount});",
                asked.reference
            );
            let of_line = |side: Posting| side.invoice(&id).line(1, "itm_simulated");
            let sides = vec![
                of_line(Posting::debit(ledger::Account::ReceivableParent, Dong::new(amount))),
                of_line(Posting::credit(ledger::Account::RevenueTuition, Dong::new(amount))),
            ];
            entries.push(Entry::new(Head::new(school, Cause::Issued(id.clone()), NOW), sides)?);
        }
        for (at, provider) in case.tellers.iter().enumerate() {
            let _ = write!(
                text,
                "insert into connection (id, provider, school_id, memo_max, made_at) values ('con_{school}_{at}', '{provider}', '{school}', 25, 0);
                 insert into connection_account (connection_id, account_id) values ('con_{school}_{at}', 'acc_{school}');"
            );
        }
        self.store.run_raw(&text).await?;
        transact!(self.store, |tx| ledger::post_in(tx, &entries).await)?;
        Ok(())
    }

    async fn tell(&self, case: &Case, school: &str, telling: Telling) -> Result<()> {
        self.hear(case, school, telling, heard(case, telling)).await
    }

    async fn take_back(&self, credit: &str) -> Result<()> {
        let act = Act::new(NOW, "per_simulated", "ngân hàng đã hoàn")?;
        matching::take_back(&self.store, credit, Why::Reversed, &act).await.map(drop)
    }

    async fn hear(&self, case: &Case, school: &str, telling: Telling, heard: Heard) -> Result<()> {
        let name = case.tellers[telling.by];
        let provider = self.providers.get(name).ok_or_else(crate::fault::Refusal::absent)?;
        let connection = Connection {
            id: format!("con_{school}_{}", telling.by),
            provider: name.to_owned(),
            school_id: school.to_owned(),
            accounts: vec![Account {
                id: format!("acc_{school}"),
                bank_bin: case.bank.bin.to_owned(),
                number: number(case),
            }],
            memo_prefix: None,
            memo_max: 25,
            secrets: Secrets::new(),
            secret_ids: Arc::default(),
            orders_from: None,
            ended_at: None,
        };
        // Some banks ask what became of it, and it is sorted at once; the others' waits for the program's pace.
        let asks_what_became = telling.style.is_multiple_of(2);
        let (connection, heard) = (&connection, &heard);
        let delivery = Delivery { provider, connection, heard, body: b"{}", paid_before: false, asks_what_became };
        let kept = self.keeper.keep(delivery).await?.ok_or("its connection has no secrets to lose");
        kept.map(drop).or_fault("keep what a bank tells")
    }

    async fn read(&self, case: &Case, school: &str, lines: &[usize]) -> Result<()> {
        let upload = Upload {
            account: Some((case.bank.bin.to_owned(), number(case))),
            school: Some(school.to_owned()),
            filename: "sao-ke.csv".to_owned(),
            bytes: file(case, lines).into_bytes(),
            actor: "system".to_owned(),
        };
        statements::import(&self.store, &self.vault, &self.clock, &upload).await.map(|_| ())
    }

    /// Everything that matters of the books, in an order of its own.
    pub(super) async fn state(&self, case: &Case, school: &str) -> Result<String> {
        let mut state: Vec<String> = Vec::new();
        let ids: Vec<String> = (0..case.asked.len()).map(|at| format!("inv_{school}_{at}")).collect();
        let paid = ledger::paid_by_line(&self.store, &ids).await?;
        for (at, id) in ids.iter().enumerate() {
            let family = ledger::family_credit(&self.store, &format!("fam_{school}_{at}")).await?;
            let came = paid.get(&(id.clone(), 1)).copied().unwrap_or(Dong::ZERO);
            state.push(format!("invoice {at}: {came} came, {family} beside it"));
        }
        for (account, sum) in ledger::balances(&self.store, Some(school)).await? {
            if sum != Dong::ZERO {
                state.push(format!("balance {}: {}", account.code(), sum.get()));
            }
        }
        let places: HashMap<&str, usize> = ids.iter().enumerate().map(|(at, id)| (id.as_str(), at)).collect();
        let credits: Vec<Standing> = self.store.all(&sql::POSTED_CREDITS, args![school]).await?;
        let mut lines: Vec<String> = credits.iter().map(|credit| credit.said(&places)).collect();
        let receipts: Vec<(String, i64, i64)> = self.store.all(&sql::RECEIPTS, args![school]).await?;
        lines.extend(receipts.iter().map(|(invoice, amount, void)| {
            let at = places.get(invoice.as_str()).copied();
            format!("receipt for {at:?}: {amount}, void {void}")
        }));
        lines.sort_unstable();
        state.extend(lines);
        Ok(state.join("\n"))
    }

    /// The invariants of the books that do not hold, over all cases that were played here.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn broken(&self) -> Result<Vec<String>> {
        let findings = ledger::audit(&self.store).await?;
        Ok(findings.iter().filter(|finding| !finding.holds()).map(|finding| format!("{finding:?}")).collect())
    }

    /// Prepares what all cases share.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn found(&self) -> Result<()> {
        self.store
            .run_raw(
                "insert into legal_instrument (id, number, title, issuer) values ('law_simulated', '1', 'NQ', 'HĐND');
                 insert into fee_item (id, code, official_name, necessity, unit, revenue, document_kind, instrument_id, clause, made_at)
                    values ('itm_simulated', 'SIM', 'N', 'mandatory', 'month', 'tuition', 'C45-BB', 'law_simulated', '1', 0);",
            )
            .await
    }
}

crate::store::record! {
    /// A credit in the books.
    struct Standing {
        amount: i64,
        day: String,
        is_proved: i64,
        kind: Option<String>,
        reason: Option<String>,
        invoice_id: Option<String>,
    }
}

impl Standing {
    fn said(&self, places: &HashMap<&str, usize>) -> String {
        let Standing { amount, day, is_proved, kind, reason, invoice_id } = self;
        let at = invoice_id.as_ref().and_then(|id| places.get(id.as_str()));
        let kind = match kind.as_deref() {
            Some("settle" | "part" | "over") => "paid",
            other => other.unwrap_or("undecided"),
        };
        let reason = reason.as_deref().unwrap_or_default();
        format!("credit {amount} of {day}, proved {is_proved}: {kind} {reason} {at:?}")
    }
}

/// The school in which a case is played.
pub(super) fn school(case: &Case) -> String {
    format!("sch_{}_{}", case.seed, case.index)
}

fn number(case: &Case) -> String {
    format!("{:03}{:09}", case.seed % 1_000, case.index)
}

fn heard(case: &Case, telling: Telling) -> Heard {
    let direction = if case.transfers[telling.of].amount < 0 { Direction::Out } else { Direction::In };
    let line = line(case, telling, direction);
    match direction {
        Direction::In => Heard::Credits { lines: vec![line], unread: Vec::new() },
        _ => Heard::Nothing { why: "only money going out", outgoing: vec![line] },
    }
}

fn reversed(case: &Case, telling: Telling) -> Heard {
    let outgoing = vec![line(case, telling, Direction::Reversal)];
    Heard::Nothing { why: "an earlier credit is taken back", outgoing }
}

fn line(case: &Case, Telling { by, of, style }: Telling, direction: Direction) -> ToldCredit {
    let Transfer { amount, at, words, numbers, .. } = &case.transfers[of];
    ToldCredit {
        told_reference: format!("{by}-{of}"),
        reference: numbers.0.clone(),
        bank_reference: Some(numbers.0.clone()),
        order: None,
        account: number(case),
        sub_account: None,
        bank_bin: Some(case.bank.bin.to_owned()),
        amount: Dong::new(amount.abs()),
        memo: told(words, style),
        at: *at,
        direction,
        settles: Settles::Directly,
        balance: None,
        payer: None,
    }
}

/// The bank's file with these transfers; its balances follow one another over all transfers of the case.
fn file(case: &Case, lines: &[usize]) -> String {
    let mut text = format!("SAO KÊ TÀI KHOẢN\nSố tài khoản: {}\n", number(case));
    text.push_str("Ngày giao dịch,Số tham chiếu,Ghi nợ,Ghi có,Số dư,Nội dung\n");
    let mut balance = 10_000_000_i64;
    for at in lines {
        let one = &case.transfers[*at];
        balance += one.amount;
        let (debit, credit) = if one.amount < 0 {
            (one.amount.abs().to_string(), String::new())
        } else {
            (String::new(), one.amount.to_string())
        };
        let words = printed(&one.words, case.bank);
        let _ = writeln!(text, "{},{},{debit},{credit},{balance},{words}", one.booked, one.numbers.1);
    }
    text
}

/// Two worlds in which the same cases are played.
pub struct Pair {
    /// Everything is told here.
    pub told: World,
    /// Only statements are read here.
    pub untold: World,
}

/// What a range of cases came to.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// How many were played.
    pub cases: u64,
    /// The stories that ended differently, with both ends.
    pub failures: Vec<String>,
    /// A hash of all final states in their order: the same range gives the same, on either engine.
    pub hash: String,
}

impl Pair {
    /// Plays cases of a seed, one after the other.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn play(&mut self, seed: u64, from: u64, cases: u64, mut each: impl FnMut(u64)) -> Result<Outcome> {
        let mut hash = Sha256::new();
        let mut outcome = Outcome { cases, ..Outcome::default() };
        for index in from..from + cases {
            let case = Case::drawn(seed, index);
            let told = self.told.play(&case).await.or_fault(&format!("play\n{case}"));
            let told = match told {
                Ok(told) => told,
                Err(error) => format!("{error}"),
            };
            let untold = self.untold.play(&case.untold()).await?;
            hash.update(untold.as_bytes());
            if told != untold {
                outcome.failures.push(format!("{case}--- told\n{told}\n--- statements alone\n{untold}\n"));
            }
            each(index);
        }
        for world in [&self.told, &self.untold] {
            outcome.failures.extend(world.broken().await?);
        }
        outcome.hash = hex::encode(hash.finalize());
        Ok(outcome)
    }
}
