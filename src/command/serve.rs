//! `hocphi serve --database … --listen ADDR`

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use hocphi::access;
use hocphi::clockwork::{self, House};
use hocphi::config::Config;
use hocphi::fault::{OrFault, Result};
use hocphi::providers::Providers;
use hocphi::seal::Vault;
use hocphi::time::Clock;
use hocphi::web;
use hocphi::web::door::{self, Door};

use super::database::Database;
use super::prompt::listen_address;

/// How long requests under way may take after the program was told to stop.
const FAREWELL: std::time::Duration = std::time::Duration::from_secs(20);

/// Serves pages, hooks and the API, and keeps the program's own pace.
#[derive(Args)]
pub struct Serve {
    #[command(flatten)]
    database: Database,
    /// Where to listen; `HOCPHI_LISTEN` when absent, else 127.0.0.1:8080.
    #[arg(long, value_parser = listen_address)]
    listen: Option<String>,
    /// A directory of local providers beside the built-in ones.
    #[arg(long)]
    providers: Option<PathBuf>,
}

impl Serve {
    pub async fn run(&self) -> Result<ExitCode> {
        let mut config = self.database.config()?;
        if self.listen.is_some() {
            config.listen.clone_from(&self.listen);
        }
        if self.providers.is_some() {
            config.providers.clone_from(&self.providers);
        }
        logs(&config);
        let key = config.master_key()?;
        let providers = match &config.providers {
            Some(directory) => Providers::load(directory)?,
            None => Providers::embedded()?,
        };
        let store = self.database.open_migrated().await?;
        tracing::info!(config = config.redacted(), version = env!("CARGO_PKG_VERSION"), "starting");
        let listen = config.listen.clone().unwrap_or_else(|| "127.0.0.1:8080".to_owned());
        let vault = Vault::proven(store.clone(), key).await?;
        let is_first_day = !access::has_people(&store).await?;
        let house = Arc::new(House::open(store, vault, Clock::System, providers, config)?);
        let link = if is_first_day { Some(house.first_day.open()?) } else { None };
        serve(house, &listen, link.as_deref()).await?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Serves a house until the program is told to stop; what is under way is finished first. The link of the first day
/// is printed for whoever started the program, and goes into no log.
pub(super) async fn serve(house: Arc<House>, listen: &str, first_day: Option<&str>) -> Result<()> {
    let listener = door::open(listen).await.or_fault(&format!("listen at {listen}"))?;
    let address = listener.local_addr().or_fault("ask for the address listened at")?;
    tracing::info!(%address, "listening");
    // Who reads these lines may stop reading; the server goes on.
    let mut out = std::io::stdout();
    let _ = writeln!(out, "listening on http://{address}");
    if let Some(token) = first_day {
        let base = house.config.public_url.clone().unwrap_or_else(|| format!("http://{address}"));
        let _ = writeln!(out, "nobody is here yet; set up with this link, which works once: {base}/setup/{token}");
    }
    let figures = match &house.config.metrics_listen {
        Some(inside) => {
            let listener = door::open(inside).await.or_fault(&format!("listen at {inside}"))?;
            let figures = web::health::metrics();
            Some(tokio::spawn(door::serve(listener, figures, Door::default(), std::future::pending())))
        }
        None => None,
    };
    let pace = tokio::spawn(clockwork::run(Arc::clone(&house)));
    let (told, mut heard) = tokio::sync::watch::channel(());
    let door = Door { proxies: house.config.trusted_proxies.clone(), ..Door::default() };
    let served = door::serve(listener, web::router(Arc::clone(&house)), door, async move {
        stop().await;
        tracing::info!("stopping: requests under way are finished");
        let _ = told.send(());
    });
    let late = async move {
        // A page that listens for news would keep the server open for ever.
        if heard.changed().await.is_ok() {
            tokio::time::sleep(FAREWELL).await;
        } else {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = served => {}
        () = late => {}
    }
    house.begun.close();
    // Whoever asked may be gone; what he asked for is still finished.
    if tokio::time::timeout(FAREWELL, house.begun.wait()).await.is_err() {
        tracing::warn!(begun = house.begun.len(), "stopped before everything was finished");
    }
    pace.abort();
    if let Some(figures) = figures {
        figures.abort();
    }
    house.store.close().await;
    Ok(())
}

/// Ctrl-C, or what a service manager sends.
async fn stop() {
    let interrupt = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending::<()>().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! {
        () = interrupt => {}
        () = terminate => {}
    }
}

/// Logs go to standard error, as text or as JSON lines; `RUST_LOG` chooses how much.
pub(super) fn logs(config: &Config) {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| {
        tracing_subscriber::EnvFilter::new("info,sqlx=warn,tower_sessions=error,tower_sessions_core=error")
    });
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    // A second start in one process keeps the first one's logs.
    let _ = if config.log_json { builder.json().try_init() } else { builder.try_init() };
}
