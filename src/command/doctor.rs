//! `hocphi provider doctor NAME/CONNECTION`: how a connection fares, what its bank sees, and a rehearsal of the bank.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use hocphi::fault::{Kind, Refusal, Result};
use hocphi::inbox::{self, Connection, Health};
use hocphi::orders::{self, Counts};
use hocphi::providers::Provider;
use hocphi::seal::Vault;
use hocphi::store::Store;
use hocphi::time::{Clock, Moment};
use hocphi::web::rehearse::rehearse;

use super::database::Database;
use super::prompt::say;
use super::provider::providers;

/// A day without a word from a bank that used to speak is worth a look.
const SILENT_MS: i64 = 24 * 60 * 60 * 1000;

/// Looks a connection over.
#[derive(Args)]
pub struct Doctor {
    /// NAME/con_…, as it stands in the hook's address; con_… alone will do. Without it, every connection is told.
    connection: Option<String>,
    #[command(flatten)]
    database: Database,
    /// Play the provider's own vectors against the hook under this base, such as https://hocphi.example; nothing of it
    /// can become a credit.
    #[arg(long, value_name = "URL")]
    play: Option<String>,
    /// A directory of local providers beside those of the program.
    #[arg(long, value_name = "DIR")]
    providers: Option<PathBuf>,
}

impl Doctor {
    pub async fn run(&self) -> Result<ExitCode> {
        let config = self.database.config()?;
        let providers = providers(self.providers.as_deref(), &config)?;
        let store = self.database.open().await?;
        let Some(connection) = &self.connection else { return list(&store).await };
        let vault = Vault::proven(store.clone(), config.master_key()?).await?;
        let (name, id) = connection.rsplit_once('/').unwrap_or(("", connection));
        let found = inbox::connection(&store, &vault, id).await?;
        let found = found.filter(|found| name.is_empty() || found.provider == name).ok_or_else(|| unknown(id))?;
        let provider = providers.get(&found.provider).ok_or_else(|| no_folder(&found.provider))?;
        let now = Clock::System.now();
        let base = config.public_url.as_deref().unwrap_or("http://127.0.0.1:8080");
        say!("{} {}{}", provider.title(), found.id, if found.ended_at.is_some() { " (ended)" } else { "" });
        bank_sees(provider, &found, base);
        let health = inbox::health(&store, &found.id, now).await?;
        fares(&health, now);
        if found.orders_from.is_some() {
            ordered(&orders::counts(&store, &found.id, inbox::looked_back(now)).await?);
        }
        let Some(base) = &self.play else { return Ok(ExitCode::SUCCESS) };
        let played = rehearse(provider, base, &found, (vault.master(), now)).await?;
        for one in &played {
            let wanted = if one.is_believed { "must be answered" } else { "must be refused" };
            let came = one.status.map_or("no answer".to_owned(), |status| format!("HTTP {status}"));
            say!("play {}: {wanted}: {came}: {}", one.name, if one.is_right { "right" } else { "WRONG" });
        }
        if !played.iter().any(|one| one.is_believed) {
            say!("play: only the bank itself can sign what must be answered");
        }
        Ok(if played.iter().all(|one| one.is_right) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// Every connection with when its bank last spoke.
async fn list(store: &Store) -> Result<ExitCode> {
    let now = Clock::System.now();
    for (provider, id) in inbox::connections(store).await? {
        let heard = inbox::health(store, &id, now).await?.heard_at.map_or("never".to_owned(), Moment::rfc3339);
        say!("{provider}/{id}\tlast heard: {heard}");
    }
    Ok(ExitCode::SUCCESS)
}

fn no_folder(name: &str) -> Refusal {
    Refusal::new(
        Kind::Absent,
        "unknown-provider",
        format!("Không có thư mục của nhà cung cấp {name}: hãy thêm --providers DIR hoặc đặt HOCPHI_PROVIDERS."),
        format!("There is no folder of the provider {name} here: add --providers DIR or set HOCPHI_PROVIDERS."),
    )
}

fn unknown(what: &str) -> Refusal {
    let (vi, en) = (
        format!("Không có kết nối {what}: cần con_… hoặc TÊN/con_…, như trong địa chỉ hook."),
        format!("There is no connection {what}: it is con_… or NAME/con_…, as it stands in the hook's address."),
    );
    Refusal::new(Kind::Absent, "unknown-connection", vi, en)
}

/// What to give to the bank, and what must come from it.
fn bank_sees(provider: &Provider, found: &Connection, base: &str) {
    for listened in provider.paths() {
        let (what, method, path) = (listened.what, listened.method, listened.path);
        say!("  {what}: {method} {base}/hook/{}/{}{path}", found.provider, found.id);
    }
    for way in provider.secret_names() {
        let held = way.iter().all(|name| !found.secrets.values(name).is_empty());
        say!("  proof by {}: {}", way.join(" + "), if held { "ready" } else { "no secrets here" });
    }
    for name in found.secrets.names().filter(|name| found.secrets.values(name).len() > 1) {
        say!("  two values of {name} are live: retire the old one when the bank has changed over");
    }
    let prefix = found.memo_prefix.as_deref().map(|prefix| format!(", beginning with {prefix}")).unwrap_or_default();
    say!("  transfer text: up to {} characters{prefix}; {} account(s) bound", found.memo_max, found.accounts.len());
}

/// How the orders stand.
fn ordered(counts: &Counts) {
    say!("  orders made in thirty days: {}", counts.made);
    if counts.without_code > 0 {
        say!("    {} of them with a code that is not shown: it differs from what was ordered", counts.without_code);
    }
    for (reason, orders) in &counts.waiting {
        say!("    {orders} wait: {}", if reason.is_empty() { "not asked for yet" } else { reason });
    }
}

fn fares(health: &Health, now: Moment) {
    match health.heard_at {
        None => say!("  last heard: never. Has the address been given to the bank?"),
        Some(at) if now.0 - at.0 > SILENT_MS => say!("  last heard: {} (more than a day ago)", at.rfc3339()),
        Some(at) => say!("  last heard: {}", at.rfc3339()),
    }
    say!("  thirty days:");
    for (outcome, count) in &health.deliveries {
        say!("    {outcome}: {count}");
    }
    say!("    told again: {}", health.told_again);
    if health.put_off > 0 {
        say!("    kept, but not sorted into credits: {}; tried again every minute, the log says why", health.put_off);
    }
    if let (Some(median), Some(most)) = (health.lag_median, health.lag_most) {
        say!("    from booking to telling: {} s in the middle, {} s at most", median / 1_000, most / 1_000);
    }
    for one in &health.refusals {
        say!("    not believed: {} times, last {}: {}", one.times, one.last_at.rfc3339(), one.reason);
    }
}
