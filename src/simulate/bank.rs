//! A bank that parents pay with: it reads the actual text of a QR code, moves the money, and tells the school's hook
//! by real HTTP, signed by Standard Webhooks, the way the connection `bank-sim` proves it.
//!
//! What it tells and what its statement says always agree; what it forgets to tell is on the statement all the same.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::chance::Chance;
use crate::fault::{Fault, Kind, OrFault, Refusal, Result};
use crate::money::Dong;
use crate::time::{Day, Moment};
use crate::vietqr::Payload;

/// The name of the provider this bank speaks as.
pub const PROVIDER: &str = "bank-sim";

/// How a parent pays, and what becomes of it on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Habit {
    /// Scanned, not touched, told at once.
    Exact,
    /// The amount was lowered by hand.
    Short(Dong),
    /// The amount was raised by hand.
    Over(Dong),
    /// Paid by both parents: two transfers.
    Twice,
    /// Booked now, told three hours later.
    Late,
    /// Told, and told again: the bank did not hear our answer.
    ToldAgain,
    /// The bank writes the text in small letters.
    LowerCase,
    /// The bank breaks the text into groups.
    Spaced,
    /// The bank puts its own numbers before and behind the text.
    Wrapped,
    /// The parent typed one letter wrong.
    Misread,
    /// The parent wrote something else.
    NoReference,
    /// The bank never tells; only the statement knows.
    NeverTold,
}

/// Where a receiving account's transfers are told.
#[derive(Debug, Clone)]
pub struct Hook {
    /// `http://…/hook/bank-sim/<connection>`
    pub url: String,
    /// `whsec_…`
    pub secret: String,
}

/// One transfer that reached a receiving account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// The bank's id in what it tells.
    pub id: String,
    /// The bank's number on the statement, never given twice.
    pub bank_reference: String,
    /// The bank of the receiving account.
    pub bin: String,
    /// The receiving account.
    pub number: String,
    /// Whole đồng.
    pub amount: i64,
    /// What the code asked to write.
    pub asked: String,
    /// What is left of it in the transfer text.
    pub memo: String,
    /// Who paid, as the bank writes names.
    pub payer: String,
    /// The payer's account.
    pub payer_number: String,
    /// When it was booked, in milliseconds.
    pub booked_at: i64,
    /// The receiving account's balance after it.
    pub balance: i64,
    /// When it is to be told, in milliseconds, most often at once; empty: never.
    pub tell_at: Vec<i64>,
}

/// Late news, in milliseconds.
const LATE_MS: i64 = 3 * 60 * 60 * 1000;
/// The bank tries again after this, while nobody takes its news.
const RETRY_MS: i64 = 60 * 1000;
/// What an account holds before the first parent pays.
const OPENING: i64 = 25_000_000;

const FAMILY_NAMES: [&str; 8] = ["NGUYEN", "TRAN", "LE", "PHAM", "HOANG", "VO", "DANG", "BUI"];
const GIVEN_NAMES: [&str; 8] =
    ["VAN HUNG", "THI LAN", "QUOC DUNG", "THI MAI", "MINH TUAN", "THU HA", "DUC ANH", "HONG NGA"];

/// The bank: accounts, what was transferred, and what is still to be told.
pub struct Bank {
    chance: Chance,
    hooks: BTreeMap<(String, String), Hook>,
    transfers: Vec<Transfer>,
    /// When, and which transfer; told and forgotten, or put off.
    untold: Vec<(i64, usize)>,
    journal: Option<PathBuf>,
    client: reqwest::Client,
}

impl Bank {
    /// A bank of this seed that remembers nothing from before.
    ///
    /// # Errors
    /// The HTTP client cannot be made.
    pub fn new(seed: u64) -> Result<Bank> {
        Ok(Bank {
            chance: Chance::new(seed),
            hooks: BTreeMap::new(),
            transfers: Vec::new(),
            untold: Vec::new(),
            journal: None,
            client: client()?,
        })
    }

    /// A bank that writes every transfer to a file, and knows those that stand there already.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn open(seed: u64, journal: &Path) -> Result<Bank> {
        let mut bank = Bank::new(seed)?;
        if journal.exists() {
            let text = std::fs::read_to_string(journal).or_fault("read the simulated bank's journal")?;
            for line in text.lines() {
                bank.transfers.push(serde_json::from_str(line).or_fault("read the simulated bank's journal")?);
            }
            // So that names and numbers go on where they stopped instead of beginning again.
            bank.chance = Chance::new(seed ^ u64::try_from(bank.transfers.len()).unwrap_or_default());
        }
        bank.journal = Some(journal.to_owned());
        Ok(bank)
    }

    /// Opens a receiving account here, and learns where its news goes.
    pub fn serve(&mut self, bin: &str, number: &str, hook: Hook) {
        self.hooks.insert((bin.to_owned(), number.to_owned()), hook);
    }

    /// Every transfer so far, oldest first.
    pub fn transfers(&self) -> &[Transfer] {
        &self.transfers
    }

    /// A parent scans a code and pays in this manner.
    ///
    /// # Errors
    /// The text is no VietQR code, or asks for nothing, or its account is not with this bank.
    pub fn scan(&mut self, text: &str, habit: Habit, now: Moment) -> Result<()> {
        let payload = Payload::decode(text)?;
        let to = (payload.bin.clone(), payload.account.clone());
        let asked = payload.amount.map_or(0, Dong::get);
        if !self.hooks.contains_key(&to) || asked <= 0 {
            return Err(Refusal::new(
                Kind::Meaning,
                "simulated-bank-cannot-pay",
                "Ngân hàng mô phỏng không có tài khoản này, hoặc mã không có số tiền.",
                "The simulated bank has no such account, or the code asks for no amount.",
            )
            .into());
        }
        let amount = match habit {
            Habit::Short(by) => (asked - by.get()).max(1_000),
            Habit::Over(by) => asked.saturating_add(by.get()),
            _ => asked,
        };
        let payer = format!("{} {}", self.chance.pick(&FAMILY_NAMES), self.chance.pick(&GIVEN_NAMES));
        let asked = payload.purpose().unwrap_or_default();
        let memo = self.what_is_left(asked, habit, &payer);
        let tell_at = match habit {
            Habit::NeverTold => vec![],
            Habit::Late => vec![now.0 + LATE_MS],
            Habit::ToldAgain => vec![now.0, now.0 + RETRY_MS],
            _ => vec![now.0],
        };
        for _ in 0..if habit == Habit::Twice { 2 } else { 1 } {
            let transfer = Transfer {
                id: String::new(),
                bank_reference: String::new(),
                bin: to.0.clone(),
                number: to.1.clone(),
                amount,
                asked: asked.to_owned(),
                memo: memo.clone(),
                payer: payer.clone(),
                payer_number: format!("10{:09}", self.chance.below(1_000_000_000)),
                booked_at: now.0,
                balance: 0,
                tell_at: tell_at.clone(),
            };
            self.book(transfer)?;
        }
        Ok(())
    }

    fn what_is_left(&mut self, memo: &str, habit: Habit, payer: &str) -> String {
        match habit {
            Habit::LowerCase => memo.to_lowercase(),
            Habit::Spaced => {
                let letters: Vec<char> = memo.chars().collect();
                letters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
            }
            Habit::Wrapped => {
                let number = 1_000_000_000 + self.chance.below(9_000_000);
                format!("MBVCB.{number}.{memo}.CT tu {} {payer}", self.chance.below(900_000) + 100_000)
            }
            Habit::Misread => {
                let last = memo.chars().last();
                let wrong = if last == Some('X') { 'Z' } else { 'X' };
                memo.chars().take(memo.chars().count().saturating_sub(1)).chain([wrong]).collect()
            }
            Habit::NoReference => format!("{payer} chuyen tien"),
            _ => memo.to_owned(),
        }
    }

    /// Gives a transfer its numbers and its balance, and remembers it.
    fn book(&mut self, mut transfer: Transfer) -> Result<()> {
        let serial = self.transfers.len() + 1;
        let before = self.of_account(&transfer.bin, &transfer.number).last().map_or(OPENING, |last| last.balance);
        transfer.id = format!("tx_{serial:06}");
        transfer.bank_reference = format!("FT{}{serial:08}", Moment(transfer.booked_at).civil().strftime("%y%j"));
        transfer.balance = before + transfer.amount;
        if let Some(journal) = &self.journal {
            let mut options = std::fs::OpenOptions::new();
            options.create(true).append(true);
            // It names payers, as a bank's own books do.
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = options.open(journal).or_fault("open the simulated bank's journal")?;
            let line = serde_json::to_string(&transfer).or_fault("write the simulated bank's journal")?;
            writeln!(file, "{line}").or_fault("write the simulated bank's journal")?;
        }
        self.untold.extend(transfer.tell_at.iter().map(|at| (*at, serial - 1)));
        self.transfers.push(transfer);
        Ok(())
    }

    /// Tells everything that is due, oldest first, and how many were taken. What nobody took is told again later.
    ///
    /// # Errors
    /// An account without a hook, which [`Bank::scan`] refuses.
    pub async fn tell_due(&mut self, now: Moment) -> Result<usize> {
        let mut due: Vec<(i64, usize)> = self.untold.iter().copied().filter(|(at, _)| *at <= now.0).collect();
        self.untold.retain(|(at, _)| *at > now.0);
        due.sort_unstable();
        let mut taken = 0;
        for (_, which) in due {
            let transfer = &self.transfers[which];
            let Some(hook) = self.hooks.get(&(transfer.bin.clone(), transfer.number.clone())) else {
                return Err(Fault::new("tell of a transfer to an account without a hook").into());
            };
            let status = tell(&self.client, hook, transfer, now).await?;
            if (200..300).contains(&status) {
                taken += 1;
            } else {
                self.untold.push((now.0 + RETRY_MS, which));
            }
        }
        Ok(taken)
    }

    /// Puts everything that was to be told and was not on the way again; after a restart nobody knows what was heard.
    pub fn tell_again(&mut self, now: Moment) {
        let told = self.transfers.iter().enumerate().filter(|(_, transfer)| !transfer.tell_at.is_empty());
        self.untold = told.map(|(which, transfer)| (transfer.tell_at[0].max(now.0), which)).collect();
    }

    /// How many tellings are still on their way.
    pub fn untold(&self) -> usize {
        self.untold.len()
    }

    /// When the next telling is due.
    pub fn next_telling(&self) -> Option<Moment> {
        self.untold.iter().map(|(at, _)| Moment(*at)).min()
    }

    /// What reached an account on a day, as its statement lists it.
    pub fn of_day<'a>(&'a self, bin: &'a str, number: &'a str, day: Day) -> Vec<&'a Transfer> {
        self.of_account(bin, number).filter(|transfer| Moment(transfer.booked_at).day() == day).collect()
    }

    fn of_account<'a>(&'a self, bin: &'a str, number: &'a str) -> impl Iterator<Item = &'a Transfer> {
        self.transfers.iter().filter(move |transfer| transfer.bin == bin && transfer.number == number)
    }
}

/// The client of everything simulated.
///
/// # Errors
/// It cannot be made.
pub fn client() -> Result<reqwest::Client> {
    // A provider of TLS may have been installed already, and then it stays.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .timeout(Duration::from_secs(30))
        .no_proxy()
        .build()
        .or_fault("make the simulated bank's HTTP client")
}

/// Tells a hook of one transfer and returns the status it answered, 0 when nobody did.
///
/// # Errors
/// The secret is not one of Standard Webhooks.
pub async fn tell(client: &reqwest::Client, hook: &Hook, transfer: &Transfer, now: Moment) -> Result<u16> {
    let body = body_of(transfer);
    let seconds = now.0.div_euclid(1000);
    let message_id = format!("msg_{}", transfer.id);
    let signature = sign(&hook.secret, &message_id, seconds, &body)?;
    let answer = client
        .post(&hook.url)
        .header("content-type", "application/json")
        .header("webhook-id", message_id)
        .header("webhook-timestamp", seconds.to_string())
        .header("webhook-signature", signature)
        .body(body)
        .send()
        .await;
    Ok(answer.map_or(0, |answer| answer.status().as_u16()))
}

/// What the bank says of a transfer.
fn body_of(transfer: &Transfer) -> String {
    serde_json::json!({
        "id": transfer.id,
        "bank_reference": transfer.bank_reference,
        "account": { "bin": transfer.bin, "number": transfer.number },
        "amount": transfer.amount,
        "direction": "in",
        "memo": transfer.memo,
        "balance": transfer.balance,
        "payer": { "name": transfer.payer, "number": transfer.payer_number, "bin": "970436" },
        "booked_at": Moment(transfer.booked_at).rfc3339(),
    })
    .to_string()
}

/// `v1,<base64>` over `id.timestamp.body`, as standardwebhooks.com asks.
fn sign(secret: &str, message_id: &str, seconds: i64, body: &str) -> Result<String> {
    let key = STANDARD
        .decode(secret.strip_prefix("whsec_").unwrap_or(secret))
        .or_fault("read the simulated bank's secret: it must be whsec_ and base64")?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).or_fault("sign the simulated bank's news")?;
    mac.update(format!("{message_id}.{seconds}.{body}").as_bytes());
    Ok(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::PaymentReference;
    use crate::providers::{Heard, Providers, Request, Secrets};
    use crate::vietqr::VerifiedQr;

    const BIN: &str = "970422";
    const NUMBER: &str = "0881000123456";
    const SECRET: &str = "whsec_c2VjcmV0LWZvci10ZXN0cywgMjQgYnl0ZQ==";

    fn bank() -> Bank {
        let mut bank = Bank::new(1).expect("a bank");
        bank.serve(BIN, NUMBER, Hook { url: "http://127.0.0.1:9/".to_owned(), secret: SECRET.to_owned() });
        bank
    }

    fn code(reference: &PaymentReference) -> String {
        let request = crate::vietqr::Request {
            bin: BIN,
            account: NUMBER,
            amount: Some(Dong::new(350_000)),
            reference,
            memo_prefix: None,
            memo_max: 25,
            mcc: None,
            merchant_id: None,
        };
        VerifiedQr::make(&request).expect("a code").text().to_owned()
    }

    fn now() -> Moment {
        Moment::parse("2026-11-23T08:00:00+07:00").expect("an instant")
    }

    #[test]
    fn what_banks_do_to_the_text_leaves_the_reference_readable() {
        for habit in [Habit::Exact, Habit::LowerCase, Habit::Spaced, Habit::Wrapped, Habit::Late, Habit::NeverTold] {
            let mut bank = bank();
            let reference = PaymentReference::random().expect("a reference");
            bank.scan(&code(&reference), habit, now()).expect("paid");
            let memo = &bank.transfers()[0].memo;
            assert_eq!(PaymentReference::find_all(memo), [reference], "{habit:?}: {memo}");
        }
        for habit in [Habit::Misread, Habit::NoReference] {
            let mut bank = bank();
            let reference = PaymentReference::random().expect("a reference");
            bank.scan(&code(&reference), habit, now()).expect("paid");
            assert_eq!(PaymentReference::find_all(&bank.transfers()[0].memo), [], "{habit:?}");
        }
    }

    #[test]
    fn amounts_and_balances_follow_the_habit() {
        let mut bank = bank();
        let text = code(&PaymentReference::random().expect("a reference"));
        let habits = [Habit::Short(Dong::new(50_000)), Habit::Over(Dong::new(20_000)), Habit::Twice];
        for habit in habits {
            bank.scan(&text, habit, now()).expect("paid");
        }
        let amounts: Vec<i64> = bank.transfers().iter().map(|transfer| transfer.amount).collect();
        assert_eq!(amounts, [300_000, 370_000, 350_000, 350_000]);
        let day = bank.of_day(BIN, NUMBER, now().day());
        assert_eq!(day.last().map(|transfer| transfer.balance), Some(OPENING + 1_370_000));
        let mut references: Vec<&str> = day.iter().map(|transfer| transfer.bank_reference.as_str()).collect();
        references.dedup();
        assert_eq!(references.len(), 4);
    }

    #[test]
    fn the_engine_proves_and_reads_what_the_bank_tells() {
        let mut bank = bank();
        bank.scan(&code(&PaymentReference::random().expect("a reference")), Habit::Exact, now()).expect("paid");
        let transfer = &bank.transfers()[0];
        let body = body_of(transfer);
        let seconds = now().0 / 1000;
        let signature = sign(SECRET, "msg_1", seconds, &body).expect("a signature");
        let http = format!(
            "POST /hook/bank-sim/con_1 HTTP/1.1\nwebhook-id: msg_1\nwebhook-timestamp: {seconds}\n\
             webhook-signature: {signature}\n\n{body}"
        );
        let request = Request::parse(http.as_bytes()).expect("a request");
        let providers = Providers::embedded().expect("providers");
        let heard = providers.get(PROVIDER).expect("bank-sim").hear(
            &request,
            &Secrets::new().with("hmac_secret", SECRET),
            now(),
        );
        let Heard::Credits { lines: credits, .. } = heard else { panic!("{heard:?}") };
        assert_eq!(credits[0].told_reference, transfer.id);
        assert_eq!(credits[0].amount, Dong::new(transfer.amount));
    }

    #[test]
    fn a_code_of_another_bank_cannot_be_paid_here() {
        let mut bank = Bank::new(1).expect("a bank");
        let text = code(&PaymentReference::random().expect("a reference"));
        assert!(bank.scan(&text, Habit::Exact, now()).is_err());
        assert!(bank.scan("hello", Habit::Exact, now()).is_err());
    }

    #[test]
    fn a_journal_lets_the_bank_go_on_where_it_stopped() {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = folder.path().join("bank.jsonl");
        let text = code(&PaymentReference::random().expect("a reference"));
        for serial in 1..=2 {
            let mut bank = Bank::open(1, &journal).expect("a bank");
            bank.serve(BIN, NUMBER, Hook { url: String::new(), secret: SECRET.to_owned() });
            bank.scan(&text, Habit::Exact, now()).expect("paid");
            assert_eq!(bank.transfers().len(), serial);
            assert_eq!(bank.transfers()[serial - 1].id, format!("tx_{serial:06}"));
        }
        #[cfg(unix)]
        {
            let about = std::fs::metadata(&journal).expect("a journal");
            let mode = std::os::unix::fs::PermissionsExt::mode(&about.permissions());
            assert_eq!(mode & 0o777, 0o600, "it names payers");
        }
    }
}
