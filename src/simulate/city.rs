//! A city of any size to measure and to frighten the program with: schools, pupils and issued invoices, made through
//! the doors everybody uses, and the signed requests with which SePay and payOS tell of their payments.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::Sha256;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{sql, story};
use crate::clockwork::{self, House};
use crate::fault::{Fault, Result};
use crate::fees::{self, NewRun};
use crate::inbox::{self, NewConnection};
use crate::providers::Secrets;
use crate::roll::{self, import, setup};
use crate::store::{Store, args, record};
use crate::time::{Day, Moment};

/// Who acts.
const ACTOR: &str = "system";
/// MB, whose transfer numbers carry the date and are one of a kind.
pub const BIN: &str = "970422";
/// Pupils in a class.
const CLASS: usize = 40;
/// Who tells of a school's first account, and of its second.
const TELLERS: [(&str, &str); 2] = [("sepay", "hmac_secret"), ("payos", "checksum_key")];

/// How large the city is.
#[derive(Debug, Clone, Copy)]
pub struct City {
    /// Schools, each with two accounts.
    pub schools: usize,
    /// Pupils of each school.
    pub pupils: usize,
    /// Runs of each school; every pupil has an invoice of five lines in each.
    pub runs: usize,
}

/// A connection as the one who tells knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Teller {
    /// `sepay` or `payos`.
    pub provider: String,
    /// `/hook/sepay/con_…`
    pub path: String,
    /// What it signs with.
    pub secret: String,
    /// The account it tells of.
    pub account: String,
}

record! {
    /// What somebody has to pay.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
    pub struct Bill {
        /// The reference that the transfer carries.
        pub reference: String,
        /// In đồng.
        pub amount: i64,
        /// The number of the account it is paid into.
        pub account: String,
    }
}

record! {
    /// How far the money has come.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
    pub struct Progress {
        /// Credits that are kept.
        pub kept: i64,
        /// Deliveries that wait to be sorted and credits that wait for matching.
        pub waiting: i64,
        /// Those that paid an invoice.
        pub paid: i64,
        /// Entries in the ledger with which a credit came in.
        pub posted: i64,
    }
}

impl City {
    /// Builds the city in an empty, migrated store and tells who will tell of its money.
    ///
    /// # Errors
    /// What the imports refuse, and faults of the store.
    pub async fn build(&self, house: &House) -> Result<Vec<Teller>> {
        let (store, clock) = (&house.store, &house.clock);
        let lines = setup::read(self.table().as_bytes(), "setup.csv")?;
        setup::setup(store, clock, &lines).await?;
        let today = clock.now().day();
        let catalogue = story::catalogue(Day::new(2026, 9, 1).unwrap_or(today));
        let catalogue =
            fees::read_catalogue(store, catalogue.as_bytes(), "khoan-thu.csv", fees::ListOf::Operator(None), today);
        fees::import_catalogue(store, clock, &catalogue.await?, ACTOR).await?;
        let mut tellers = Vec::new();
        for at in 0..self.schools {
            tellers.extend(self.open_school(house, at, today).await?);
        }
        Ok(tellers)
    }

    fn table(&self) -> String {
        let mut table = String::from(
            "kind,code,name,under,level,ownership,address,phone,mcc,city,reading,bank,number,login,password\n\
             authority,SGD,Sở Giáo dục và Đào tạo (mô phỏng),,doet,,,,,,,,,,\n\
             authority,PHUONG,Ủy ban nhân dân phường (mô phỏng),SGD,ward,,,,,,,,,,\n",
        );
        for at in 0..self.schools {
            // Writing to a String cannot fail.
            let _ = writeln!(table, "school,{},Trường số {at},PHUONG,primary,public,,,8211,,southern,,,,", code(at));
            for place in 0..TELLERS.len() {
                let number = number(at, place);
                let _ = writeln!(table, "account,,TRUONG SO {at},{},,,,,,,,{BIN},{number},,", code(at));
            }
        }
        table
    }

    async fn open_school(&self, house: &House, at: usize, today: Day) -> Result<Vec<Teller>> {
        let (store, clock) = (&house.store, &house.clock);
        let school = roll::school_by_code(store, &code(at)).await?;
        let school = school.ok_or_else(|| Fault::new("find a school of the city: it was not set up"))?;
        let roster = import::read(self.roster(at).as_bytes(), "danh-sach.csv", today)?;
        let preview = import::preview(store, &school, &roster, today).await?;
        import::apply(store, clock, &school, &preview, ACTOR).await?;
        let accounts = roll::accounts_of(store, &school.id).await?;
        let classes = roll::classes_of(store, &school.id, &roll::school_year_of(today)).await?;
        let catalogue = fees::catalogue(store).await?;
        let items = story::LINES.iter().filter_map(|(code, quantity)| {
            catalogue.iter().find(|item| item.code == *code).map(|item| (item.id.clone(), *quantity))
        });
        let items: Vec<(String, i64)> = items.collect();
        for run in 0..self.runs {
            let new = NewRun {
                school_id: school.id.clone(),
                account_id: accounts[run % accounts.len()].id.clone(),
                title: format!("Đợt thu {}", run + 1),
                due_day: today.plus_days(14),
                items: items.clone(),
                classes: classes.iter().map(|class| class.id.clone()).collect(),
            };
            let made = fees::create_run(store, clock, &new, ACTOR).await?;
            fees::start_issuing(store, clock, &made.id, ACTOR).await?;
            clockwork::settle(house).await?;
            fees::publish(store, clock, &made.id, ACTOR).await?;
        }
        let mut tellers = Vec::new();
        for (place, (provider, name)) in TELLERS.into_iter().enumerate() {
            tellers.push(connect(house, (at, place), provider, name).await?);
        }
        Ok(tellers)
    }

    fn roster(&self, at: usize) -> String {
        let mut roster = String::from("Mã học sinh,Họ và tên,Ngày sinh,Lớp,Họ tên phụ huynh,Điện thoại\n");
        for pupil in 0..self.pupils {
            let (grade, class) = (1 + pupil / CLASS % 5, 1 + pupil / CLASS / 5);
            let phone = 10_000_000 + (at * self.pupils + pupil) % 90_000_000;
            // Writing to a String cannot fail.
            let _ = writeln!(
                roster,
                "HS{at}-{pupil},Nguyễn Văn {pupil},01/02/2019,{grade}A{class},Trần Thị {pupil},09{phone}"
            );
        }
        roster
    }
}

async fn connect(house: &House, (at, place): (usize, usize), provider: &str, name: &str) -> Result<Teller> {
    let secret = hex::encode(crate::ids::random::<24>()?);
    let new = NewConnection {
        provider: provider.to_owned(),
        accounts: vec![(BIN.to_owned(), number(at, place))],
        secrets: Secrets::new().with(name, &secret),
        ..NewConnection::default()
    };
    let id = inbox::connect(&house.store, &house.vault, &house.clock, &house.providers, new, ACTOR).await?;
    let path = format!("/hook/{provider}/{id}");
    Ok(Teller { provider: provider.to_owned(), path, secret, account: number(at, place) })
}

fn code(at: usize) -> String {
    format!("7900{at:04}")
}

fn number(at: usize, place: usize) -> String {
    format!("0881{place}{at:08}")
}

/// Everything that was issued, oldest first.
///
/// # Errors
/// Faults of the store.
pub async fn bills(store: &Store) -> Result<Vec<Bill>> {
    store.all(&sql::BILLS, args![]).await
}

/// The bank's numbers of those of these transfers that are kept, each as often as it is.
///
/// # Errors
/// Faults of the store.
pub async fn kept_of(store: &Store, serials: &[u64]) -> Result<Vec<String>> {
    let numbers = serials.iter().map(|serial| bank_number(*serial).into()).collect();
    store.all_in(&sql::KEPT_NUMBERS, numbers).await
}

/// How far the money has come.
///
/// # Errors
/// Faults of the store.
pub async fn progress(store: &Store) -> Result<Progress> {
    store.one(&sql::PROGRESS, args![]).await
}

/// Whether some of the money is still on its way. Costs the database next to nothing, unlike [`progress`].
///
/// # Errors
/// Faults of the store.
pub async fn waits(store: &Store) -> Result<bool> {
    let waits: i64 = store.one(&sql::WAITS, args![]).await?;
    Ok(waits != 0)
}

/// For each credit that was heard of since, how many milliseconds passed until it was decided; not in order.
///
/// # Errors
/// Faults of the store.
pub async fn lags(store: &Store, since: Moment) -> Result<Vec<i64>> {
    store.all(&sql::LAGS_SINCE, args![since]).await
}

/// When the last credit was posted.
///
/// # Errors
/// Faults of the store.
pub async fn last_posted(store: &Store) -> Result<Option<Moment>> {
    Ok(store.one::<Option<i64>>(&sql::LAST_DECIDED, args![]).await?.map(Moment))
}

/// A transfer as a bank's aggregator is about to tell of it.
#[derive(Debug, Clone)]
pub struct Transfer<'a> {
    /// One of a kind; in the aggregator's number and in the bank's.
    pub serial: u64,
    /// What came.
    pub amount: i64,
    /// The text.
    pub memo: &'a str,
    /// When the bank booked it.
    pub at: Moment,
    /// When it is told; SePay signs that.
    pub told_at: Moment,
}

/// A whole HTTP request that tells of a transfer, signed as this teller signs.
///
/// # Errors
/// A teller of another provider.
pub fn request(teller: &Teller, transfer: &Transfer<'_>) -> Result<Vec<u8>> {
    let (head, body) = match teller.provider.as_str() {
        "sepay" => by_sepay(teller, transfer)?,
        "payos" => (String::new(), by_payos(teller, transfer)?),
        other => return Err(Fault::new(format!("sign as {other}")).into()),
    };
    let (path, length) = (&teller.path, body.len());
    let fixed = "Host: hocphi\r\nContent-Type: application/json\r\n";
    Ok(format!("POST {path} HTTP/1.1\r\n{fixed}{head}Content-Length: {length}\r\n\r\n{body}").into_bytes())
}

/// The bank's own number: MB's begins with the date.
pub fn bank_number(serial: u64) -> String {
    format!("FT26326{serial:09}")
}

fn printed(at: Moment) -> String {
    // 2026-11-22T08:13:59.000+07:00 without what SePay and payOS leave out.
    at.rfc3339().chars().take(19).map(|letter| if letter == 'T' { ' ' } else { letter }).collect()
}

fn by_sepay(teller: &Teller, transfer: &Transfer<'_>) -> Result<(String, String)> {
    let Transfer { serial, amount, memo, at, told_at } = transfer;
    let body = json!({
        "id": serial, "gateway": "MBBank", "transactionDate": printed(*at), "accountNumber": teller.account,
        "code": null, "content": memo, "transferType": "in", "transferAmount": amount, "accumulated": 25_000_000,
        "subAccount": null, "referenceCode": bank_number(*serial), "description": format!("BankAPINotify {memo}"),
    })
    .to_string();
    let stamp = told_at.0 / 1_000;
    let signature = sign(&teller.secret, &format!("{stamp}.{body}"))?;
    Ok((format!("X-SePay-Timestamp: {stamp}\r\nX-SePay-Signature: sha256={signature}\r\n"), body))
}

fn by_payos(teller: &Teller, transfer: &Transfer<'_>) -> Result<String> {
    let Transfer { serial, amount, memo, at, .. } = transfer;
    let (number, printed, amount) = (bank_number(*serial), printed(*at), amount.to_string());
    let (order, link) = (serial.to_string(), format!("{serial:032x}"));
    let data = BTreeMap::from([
        ("accountNumber", teller.account.as_str()),
        ("amount", &amount),
        ("code", "00"),
        ("counterAccountBankId", "970436"),
        ("counterAccountName", "NGUYEN VAN A"),
        ("counterAccountNumber", "0123499999"),
        ("currency", "VND"),
        ("desc", "success"),
        ("description", memo),
        ("orderCode", &order),
        ("paymentLinkId", &link),
        ("reference", &number),
        ("transactionDateTime", &printed),
        ("virtualAccountName", ""),
        ("virtualAccountNumber", ""),
    ]);
    let pairs: Vec<String> = data.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let signature = sign(&teller.secret, &pairs.join("&"))?;
    let mut data = json!(data);
    // Numbers in JSON, and in the signed pairs what they look like.
    data["amount"] = json!(transfer.amount);
    data["orderCode"] = json!(serial);
    let whole = json!({ "code": "00", "desc": "success", "success": true, "data": data, "signature": signature });
    Ok(whole.to_string())
}

fn sign(secret: &str, message: &str) -> Result<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes())
        .map_err(|_| Fault::new("sign with a secret of this length"))?;
    mac.update(message.as_bytes());
    Ok(hex::encode(mac.finalize().into_bytes()))
}

/// One request on a connection of its own, and the status of its answer; nothing when there is none.
pub async fn ask(address: SocketAddr, request: &[u8]) -> Option<u16> {
    ask_on(TcpStream::connect(address).await.ok()?, request).await
}

/// As [`ask`], on a connection that is there.
pub async fn ask_on(mut stream: TcpStream, request: &[u8]) -> Option<u16> {
    stream.write_all(request).await.ok()?;
    let mut answer = [0_u8; 16];
    let mut filled = 0;
    // `HTTP/1.1 200`
    while filled < 12 {
        let read = stream.read(&mut answer[filled..]).await.ok()?;
        if read == 0 {
            return None;
        }
        filled += read;
    }
    std::str::from_utf8(&answer[9..12]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::{Heard, Providers, Request};

    #[test]
    fn both_tellers_are_believed_and_mean_the_transfer() {
        let providers = Providers::embedded().expect("the providers");
        for (provider, name) in TELLERS {
            let teller = Teller {
                provider: provider.to_owned(),
                path: format!("/hook/{provider}/con_1"),
                secret: "a-secret".to_owned(),
                account: number(3, 0),
            };
            let at = Moment::parse("2026-11-23T08:00:00+07:00").expect("an instant");
            let transfer = Transfer { serial: 7, amount: 1_250_000, memo: "RF18BCFGHJKLM", at, told_at: at };
            let bytes = request(&teller, &transfer).expect("a request");
            let text = String::from_utf8(bytes).expect("UTF-8");
            let (head, body) = text.split_once("\r\n\r\n").expect("a body");
            let headers = head.lines().skip(1).filter_map(|line| line.split_once(": "));
            let request = Request {
                method: "POST".to_owned(),
                target: teller.path.clone(),
                headers: headers.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).collect(),
                body: body.as_bytes().to_vec(),
            };
            let secrets = Secrets::new().with(name, "a-secret");
            let heard = providers.get(provider).expect("a provider").hear(&request, &secrets, at);
            let Heard::Credits { .. } = &heard else { panic!("{provider}: {heard:?}") };
            let line = &heard.lines()[0];
            assert_eq!(
                (line.amount.get(), line.memo.as_str(), line.at),
                (1_250_000, "RF18BCFGHJKLM", at),
                "{provider}"
            );
            assert_eq!(line.bank_reference.as_deref(), Some("FT26326000000007"), "{provider}");
        }
    }
}
