//! One way of being told: a provider, a school, the accounts it tells of, and the secrets that prove it.

use std::sync::Arc;

use super::callers::connection;
use super::sql;
use crate::access::{Deed, trail_in};
use crate::fault::{Kind, OrFault, Refusal, Result};
use crate::ids;
use crate::providers::{Provider, Providers, SecretForm, Secrets};
use crate::roll;
use crate::seal::Vault;
use crate::store::{Store, Tx, args, record, transact};
use crate::time::{Clock, Moment};

/// How long a payment reference is.
const REFERENCE: usize = 13;
/// How many of its characters an order's text carries at least: its nine letters.
pub const ORDER_TEXT: usize = 9;
/// How many values of one secret may be live while a bank rotates.
const MOST_LIVE: usize = 2;

/// A connection with its secrets open, ready to prove a delivery.
#[derive(Debug, Clone)]
pub struct Connection {
    /// `con_…`
    pub id: String,
    /// The provider's folder name.
    pub provider: String,
    /// The one school whose accounts these are.
    pub school_id: String,
    /// The accounts whose credits are ours.
    pub accounts: Vec<Account>,
    /// The transfer text must begin with this, or the bank stays silent.
    pub memo_prefix: Option<String>,
    /// How many characters of transfer text arrive.
    pub memo_max: i64,
    /// The live secrets.
    pub secrets: Secrets,
    /// `sec_…` of each of them: while all of these live, what they prove is proven.
    pub secret_ids: Arc<[String]>,
    /// Since when an order is made at the provider for each invoice. None: it makes none.
    pub orders_from: Option<Moment>,
    /// When it stopped being listened to.
    pub ended_at: Option<Moment>,
}

record! {
    /// A receiving account as a provider names it.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Account {
        /// `acc_…`
        pub id: String,
        /// The bank.
        pub bank_bin: String,
        /// The number.
        pub number: String,
    }
}

record! {
    struct Stored {
        provider: String,
        school_id: String,
        ended_at: Option<Moment>,
    }
}

/// What is needed to be told of money.
#[derive(Debug, Clone, Default)]
pub struct NewConnection {
    /// The provider's folder name.
    pub provider: String,
    /// Bank and number of each account it will tell of; all of one school.
    pub accounts: Vec<(String, String)>,
    /// Its secrets, at least all those of one way of proving.
    pub secrets: Secrets,
    /// What the transfer text must begin with; the provider's own rule when left out.
    pub memo_prefix: Option<String>,
    /// How many characters of it arrive; the provider's own limit when left out.
    pub memo_max: Option<usize>,
    /// Is the account not linked with the provider? Fewer characters arrive then.
    pub is_unlinked: bool,
    /// Shall an order be made at the provider for each invoice?
    pub makes_orders: bool,
    /// The school that asks, `sch_…`; an account of another school is then refused.
    pub school: Option<String>,
}

/// Makes a connection and tells its id, `con_…`.
///
/// # Errors
/// Refused with a sentence: an unknown provider, secrets it cannot prove itself with, an account that is nobody's,
/// given up, of another school or with orders made elsewhere, or a transfer text too short for the payment reference.
pub async fn connect(
    store: &Store,
    vault: &Vault,
    clock: &Clock,
    providers: &Providers,
    new: NewConnection,
    actor: &str,
) -> Result<String> {
    let provider = providers.get(&new.provider).ok_or_else(|| unknown_provider(providers))?;
    check_secrets(provider, &new.secrets)?;
    check_order_secrets(provider, &new)?;
    check_forms(provider, &new.secrets)?;
    let (school_id, accounts) = accounts_of_one_school(store, &new).await?;
    let by_rule = accounts.iter().map(|account| provider.memo_prefix(&account.bank_bin)).find(|rule| !rule.is_empty());
    let memo_prefix = new.memo_prefix.as_deref().or(by_rule).filter(|prefix| !prefix.is_empty());
    let memo_max = new.memo_max.unwrap_or_else(|| provider.memo_max(!new.is_unlinked));
    check_memo(memo_prefix, memo_max, new.makes_orders)?;
    let id = ids::new_id("con");
    let now = clock.now();
    let sealed = seal_all(vault, &id, &new.secrets, now).await?;
    let memo_max = i64::try_from(memo_max).or_fault("count the characters of a memo")?;
    let orders_from = new.makes_orders.then_some(now);
    transact!(store, |tx| async {
        if new.makes_orders {
            refuse_second_maker_in(tx, &accounts).await?;
        }
        let made = args![&id, &new.provider, &school_id, memo_prefix, memo_max, now, orders_from];
        tx.run(&sql::MAKE_CONNECTION, made).await?;
        let bound = accounts.iter().map(|account| args![&id, &account.id]).collect();
        tx.insert_many(&sql::BIND_ACCOUNTS, bound).await?;
        tx.insert_many(&sql::MAKE_SECRETS, sealed.clone()).await?;
        trail_in(tx, now, &deed("connection.made", &id, &school_id, &new.provider, actor)).await
    }
    .await)?;
    Ok(id)
}

/// The ids of a live connection's accounts. None: there is no such connection of this school.
pub(super) async fn live_accounts(store: &Store, school_id: &str, id: &str) -> Result<Option<Vec<String>>> {
    let stored = store.optional::<Stored>(&sql::CONNECTION, args![id]).await?;
    if !stored.is_some_and(|stored| stored.school_id == school_id && stored.ended_at.is_none()) {
        return Ok(None);
    }
    let accounts: Vec<Account> = store.all(&sql::ACCOUNTS_OF_CONNECTION, args![id]).await?;
    Ok(Some(accounts.into_iter().map(|account| account.id).collect()))
}

/// The ids of a school's connections, the newest last.
///
/// # Errors
/// Faults of the store.
pub async fn connections_of(store: &Store, school_id: &str) -> Result<Vec<String>> {
    store.all(&sql::CONNECTIONS_OF, args![school_id]).await
}

/// Provider and id of every connection, the newest last.
///
/// # Errors
/// Faults of the store.
pub async fn connections(store: &Store) -> Result<Vec<(String, String)>> {
    store.all(&sql::CONNECTIONS, args![]).await
}

record! {
    /// A secret of a connection without its value.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct SecretLife {
        /// `sec_…`
        pub id: String,
        /// What the provider calls it.
        pub name: String,
        /// Since when it proves.
        pub made_at: Moment,
        /// Since when it does not any more.
        pub retired_at: Option<Moment>,
    }
}

/// The secrets of a connection, retired ones too, the oldest first. Their values stay sealed.
///
/// # Errors
/// Faults of the store.
pub async fn secrets_of(store: &Store, id: &str) -> Result<Vec<SecretLife>> {
    store.all(&sql::SECRETS, args![id]).await
}

/// Which provider a connection is of. None: there is no such connection.
///
/// # Errors
/// Faults of the store.
pub async fn provider_of(store: &Store, id: &str) -> Result<Option<String>> {
    Ok(store.optional::<Stored>(&sql::CONNECTION, args![id]).await?.map(|stored| stored.provider))
}

/// The live connections by which a provider tells of an account, the oldest first.
///
/// # Errors
/// Faults of the store.
pub async fn connected(store: &Store, provider: &str, bin: &str, number: &str) -> Result<Vec<String>> {
    store.all(&sql::CONNECTED, args![provider, bin, number]).await
}

/// Adds a second value of a secret, so that both prove while the bank changes over. Never a secret of a new name: with
/// it a weaker way of proving may count no longer, and who remembers the connection would not know.
///
/// # Errors
/// Refused when two values are live already, or the connection is absent.
pub async fn add_secret(
    store: &Store,
    vault: &Vault,
    clock: &Clock,
    id: &str,
    (name, value): (&str, &str),
    actor: &str,
) -> Result<()> {
    let Some(found) = connection(store, vault, id).await? else { return Err(Refusal::absent().into()) };
    if value.is_empty() || found.secrets.values(name).is_empty() {
        return Err(Refusal::new(
            Kind::Meaning,
            "unknown-secret",
            "Kết nối này không có khóa bí mật mang tên đó, hoặc giá trị mới để trống.",
            "This connection has no secret of that name, or the new value is empty.",
        )
        .into());
    }
    if found.ended_at.is_some() {
        return Err(has_ended().into());
    }
    let now = clock.now();
    let sealed = seal_all(vault, id, &Secrets::new().with(name, value), now).await?;
    transact!(store, |tx| async {
        let live: Vec<(String, String, Vec<u8>)> = tx.all(&sql::LIVE_SECRETS, args![id]).await?;
        if live.iter().filter(|(_, live_name, _)| live_name == name).count() >= MOST_LIVE {
            return Err(Refusal::new(
                Kind::Conflict,
                "two-secrets-live",
                "Đã có hai giá trị cùng hiệu lực: hãy thu hồi giá trị cũ trước.",
                "Two values are live already: retire the old one first.",
            )
            .into());
        }
        tx.insert_many(&sql::MAKE_SECRETS, sealed.clone()).await?;
        trail_in(tx, now, &deed("connection.secret_added", id, &found.school_id, name, actor)).await
    }
    .await)
}

/// Retires the oldest live value of a secret.
///
/// # Errors
/// Refused when it is the only one: the bank could no longer prove itself.
pub async fn retire_secret(store: &Store, clock: &Clock, id: &str, name: &str, actor: &str) -> Result<()> {
    let now = clock.now();
    transact!(store, |tx| async {
        let live: Vec<(String, String, Vec<u8>)> = tx.all(&sql::LIVE_SECRETS, args![id]).await?;
        let named: Vec<&String> =
            live.iter().filter(|(_, live_name, _)| live_name == name).map(|(secret_id, _, _)| secret_id).collect();
        let [oldest, _, ..] = named.as_slice() else { return Err(last_secret().into()) };
        tx.run(&sql::RETIRE_SECRET, args![*oldest, now]).await?;
        let stored: Stored = tx.one(&sql::CONNECTION, args![id]).await?;
        trail_in(tx, now, &deed("connection.secret_retired", id, &stored.school_id, name, actor)).await
    }
    .await)
}

/// Retires one live value of a secret by its id.
///
/// # Errors
/// Refused when it is the only one of its name, or no live value of this connection.
pub async fn retire_secret_value(store: &Store, clock: &Clock, id: &str, secret_id: &str, actor: &str) -> Result<()> {
    let now = clock.now();
    transact!(store, |tx| async {
        let live: Vec<(String, String, Vec<u8>)> = tx.all(&sql::LIVE_SECRETS, args![id]).await?;
        let Some((_, name, _)) = live.iter().find(|(live_id, ..)| live_id == secret_id) else {
            return Err(Refusal::new(
                Kind::Absent,
                "unknown-secret",
                "Kết nối này không có giá trị còn hiệu lực nào mang mã đó.",
                "This connection has no live value with this id.",
            )
            .into());
        };
        if live.iter().filter(|(_, live_name, _)| live_name == name).count() < 2 {
            return Err(last_secret().into());
        }
        tx.run(&sql::RETIRE_SECRET, args![secret_id, now]).await?;
        let stored: Stored = tx.one(&sql::CONNECTION, args![id]).await?;
        trail_in(tx, now, &deed("connection.secret_retired", id, &stored.school_id, name, actor)).await
    }
    .await)
}

fn last_secret() -> Refusal {
    Refusal::new(
        Kind::Conflict,
        "last-secret",
        "Đây là giá trị duy nhất còn hiệu lực: hãy thêm giá trị mới trước khi thu hồi.",
        "This is the only live value: add the new one before retiring it.",
    )
}

/// Stops listening to a connection; what it told stays.
///
/// # Errors
/// Faults of the store.
pub async fn end(store: &Store, clock: &Clock, id: &str, actor: &str) -> Result<()> {
    let now = clock.now();
    transact!(store, |tx| {
        if tx.run(&sql::END_CONNECTION, args![id, now]).await? == 0 {
            return Ok(());
        }
        let stored: Stored = tx.one(&sql::CONNECTION, args![id]).await?;
        trail_in(tx, now, &deed("connection.ended", id, &stored.school_id, &stored.provider, actor)).await
    })
}

/// A deed about a connection. Secrets are named, never told.
fn deed<'a>(action: &'a str, id: &'a str, school_id: &'a str, detail: &'a str, actor: &'a str) -> Deed<'a> {
    Deed { actor, action, about: id, school_id: Some(school_id), detail }
}

fn has_ended() -> Refusal {
    Refusal::new(
        Kind::Conflict,
        "connection-ended",
        "Kết nối này đã ngừng: hãy tạo kết nối mới.",
        "This connection has ended: make a new one.",
    )
}

/// The context a secret is sealed under.
pub(super) fn secret_context(secret_id: &str) -> String {
    format!("secret:{secret_id}")
}

async fn seal_all(
    vault: &Vault,
    connection_id: &str,
    secrets: &Secrets,
    now: Moment,
) -> Result<Vec<Vec<crate::store::Arg>>> {
    let key = vault.key_of(&format!("connection:{connection_id}")).await?;
    let mut rows = Vec::new();
    for name in secrets.names() {
        for value in secrets.values(name) {
            let secret_id = ids::new_id("sec");
            let sealed = key.seal(value.as_bytes(), &secret_context(&secret_id))?;
            rows.push(args![secret_id, connection_id, name, sealed, now, None::<i64>]);
        }
    }
    Ok(rows)
}

fn unknown_provider(providers: &Providers) -> Refusal {
    let known = providers.iter().map(Provider::name).collect::<Vec<_>>().join(", ");
    Refusal::new(
        Kind::Meaning,
        "unknown-provider",
        format!("Không có nhà cung cấp này; hiện có: {known}."),
        format!("There is no such provider; known are {known}."),
    )
}

fn check_secrets(provider: &Provider, secrets: &Secrets) -> Result<()> {
    let ways = provider.secret_names();
    let known = ways.concat();
    let orders = provider.order_secrets();
    let strange = secrets.names().any(|name| !known.contains(&name) && !orders.iter().any(|order| order == name));
    let whole = ways.iter().any(|way| way.iter().all(|name| !secrets.values(name).is_empty()));
    let crowded = secrets.names().any(|name| secrets.values(name).len() > MOST_LIVE);
    if whole && !strange && !crowded {
        return Ok(());
    }
    let ways = ways.iter().map(|way| way.join(" + ")).collect::<Vec<_>>().join(", ");
    let title = provider.title();
    Err(Refusal::new(
        Kind::Meaning,
        "wrong-secrets",
        format!(
            "{} cần đủ khóa bí mật của một cách xác thực: {ways}; mỗi tên nhiều nhất hai giá trị.",
            provider.title_vi()
        ),
        format!("{title} needs all secrets of one way of proving: {ways}; at most two values under a name."),
    )
    .into())
}

/// Orders take secrets of their own, and whoever gives these means orders.
fn check_order_secrets(provider: &Provider, new: &NewConnection) -> Result<()> {
    let (title, names) = (provider.title(), provider.order_secrets().join(" + "));
    let given = |name: &String| !new.secrets.values(name).is_empty();
    let (code, vi, en) = match (provider.order_form(), new.makes_orders) {
        (None, true) => (
            "no-orders",
            format!("{title} không tạo đơn cho từng phiếu: hãy bỏ lựa chọn này."),
            format!("{title} makes no orders: leave this choice out."),
        ),
        (Some(_), true) if !provider.order_secrets().iter().all(given) => (
            "order-secrets",
            format!("Để tạo đơn cho từng phiếu, {title} cần thêm: {names}."),
            format!("To make an order for each invoice {title} also needs {names}."),
        ),
        (Some(_), false) if provider.order_secrets().iter().any(given) => (
            "orders-not-chosen",
            format!("{names} chỉ dùng để tạo đơn: hãy chọn tạo đơn cho từng phiếu, hoặc bỏ các khóa này."),
            format!("{names} are only for orders: choose that orders are made, or leave these out."),
        ),
        _ => return Ok(()),
    };
    Err(Refusal::new(Kind::Meaning, code, vi, en).into())
}

/// Two makers would make two orders for one invoice.
async fn refuse_second_maker_in(tx: &mut Tx, accounts: &[roll::ReceivingAccount]) -> Result<()> {
    let ids = accounts.iter().map(|account| account.id.as_str().into()).collect();
    let makers: Vec<String> = tx.all_in(&sql::MAKERS_OF_ACCOUNTS, ids).await?;
    if makers.is_empty() {
        return Ok(());
    }
    Err(Refusal::new(
        Kind::Conflict,
        "orders-made-already",
        "Đã có một kết nối tạo đơn cho tài khoản này: hãy ngừng kết nối đó trước.",
        "Another connection makes the orders of this account already: end that one first.",
    )
    .into())
}

/// A secret whose form its provider declares is refused now rather than at the bank's first call.
///
/// # Errors
/// A sentence that says what this secret must be.
pub fn check_forms(provider: &Provider, secrets: &Secrets) -> Result<()> {
    for name in secrets.names() {
        if secrets.values(name).iter().any(|value| !provider.fits(name, value)) {
            let (vi, en) = must_be(provider.secret_form(name));
            return Err(Refusal::new(
                Kind::Meaning,
                "secret-shape",
                format!("Khóa {name} phải là {vi}."),
                format!("The secret {name} must be {en}."),
            )
            .into());
        }
    }
    Ok(())
}

/// A secret that stands in the provider's own vectors proves nothing: whoever has read them could tell of money.
///
/// # Errors
/// A sentence that says so.
pub fn check_published(provider: &Provider, secrets: &Secrets) -> Result<()> {
    if !provider.publishes(secrets) {
        return Ok(());
    }
    Err(Refusal::new(
        Kind::Meaning,
        "secret-published",
        "Khóa này là khóa mẫu công khai, ai cũng có thể giả làm ngân hàng. Hãy dùng khóa riêng do ngân hàng cấp.",
        "This secret is the public one of the samples, so anybody could pose as the bank. Use the one that the bank gave you.",
    )
    .into())
}

/// What a secret of this form must be, in both languages.
fn must_be(form: SecretForm) -> (&'static str, &'static str) {
    match form {
        SecretForm::Any => ("một chuỗi ký tự", "a text"),
        SecretForm::WebhookKey => ("base64, có thể bắt đầu bằng whsec_", "base64, with or without whsec_ before it"),
        SecretForm::PublicKey => (
            "khóa công khai RSA dạng PEM từ 2048 bit (-----BEGIN PUBLIC KEY-----), đủ mọi dòng",
            "an RSA public key as PEM of 2048 bits or more (-----BEGIN PUBLIC KEY-----), with all its lines",
        ),
    }
}

async fn accounts_of_one_school(store: &Store, new: &NewConnection) -> Result<(String, Vec<roll::ReceivingAccount>)> {
    let mut accounts: Vec<roll::ReceivingAccount> = Vec::new();
    for (bin, number) in &new.accounts {
        let found = roll::account_by_number(store, bin.trim(), number.trim()).await?;
        let found = found.filter(roll::ReceivingAccount::is_usable).ok_or_else(|| {
            Refusal::new(
                Kind::Meaning,
                "unknown-account",
                "Có tài khoản chưa được khai báo là tài khoản nhận của trường, đã ngừng hoặc đang bị khóa.",
                "An account is not a receiving account of a school here, or it was given up or frozen.",
            )
        })?;
        if !accounts.contains(&found) {
            accounts.push(found);
        }
    }
    let school_id = new.school.clone().or_else(|| accounts.first().map(|account| account.school_id.clone()));
    match school_id {
        Some(school_id) if !accounts.is_empty() && accounts.iter().all(|account| account.school_id == school_id) => {
            Ok((school_id, accounts))
        }
        _ => Err(Refusal::new(
            Kind::Meaning,
            "accounts-of-one-school",
            "Một kết nối cần ít nhất một tài khoản nhận, và mọi tài khoản phải của cùng một trường.",
            "A connection needs at least one receiving account, and all must be of the same school.",
        )
        .into()),
    }
}

/// The reference comes after the prefix and one space, whole, or it is worth nothing.
fn check_memo(prefix: Option<&str>, memo_max: usize, makes_orders: bool) -> Result<()> {
    if makes_orders && prefix.is_none() && memo_max >= ORDER_TEXT {
        // The number of the order says whose money it is.
        return Ok(());
    }
    let needed = REFERENCE + prefix.map_or(0, |prefix| prefix.chars().count() + 1);
    if needed <= memo_max && prefix.is_none_or(|prefix| prefix.bytes().all(|byte| byte.is_ascii_alphanumeric())) {
        return Ok(());
    }
    Err(Refusal::new(
        Kind::Meaning,
        "reference-does-not-fit",
        format!("Nội dung chuyển khoản cần {needed} ký tự chữ và số cho mã tham chiếu, nhưng kết nối này chỉ chuyển được {memo_max}: không thể nhận ra khoản tiền."),
        format!("The transfer text needs {needed} letters and digits for the payment reference, but this connection lets {memo_max} through: money could not be recognised."),
    )
    .into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_whose_text_is_too_short_for_the_reference_is_refused() {
        assert!(check_memo(None, 13, false).is_ok());
        assert!(check_memo(Some("SEVQR"), 19, false).is_ok());
        assert!(check_memo(None, 9, true).is_ok());
        let orders = [(None, 8, true), (Some("SEVQR"), 18, true)];
        for (prefix, max, orders) in
            [(None, 12, false), (Some("SEVQR"), 18, false), (Some("SE VQR"), 40, false)].into_iter().chain(orders)
        {
            let refused = check_memo(prefix, max, orders).expect_err("too short");
            assert_eq!(refused.refusal().map(|refusal| refusal.code), Some("reference-does-not-fit"));
        }
    }
}
