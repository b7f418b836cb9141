//! `hocphi provider secret add|list|retire CONNECTION …`, `hocphi provider end CONNECTION`: rotation without silence.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use hocphi::fault::{Kind, Refusal, Result};
use hocphi::inbox;
use hocphi::seal::Vault;
use hocphi::store::Store;
use hocphi::time::Clock;

use super::database::Database;
use super::prompt::{say, usage};
use super::provider::{providers, secrets};

/// The secrets of a connection; two values of one name may prove while a bank changes over.
#[derive(Subcommand)]
pub enum Secret {
    /// Add a second value of a secret.
    Add {
        /// `con_…`
        connection: String,
        /// KEY=VALUE, KEY=@FILE or KEY=- for standard input.
        #[arg(value_name = "KEY=VALUE")]
        secret: String,
        #[command(flatten)]
        database: Database,
    },
    /// List the secrets by id, name and dates; values are never told.
    List {
        /// `con_…`
        connection: String,
        #[command(flatten)]
        database: Database,
    },
    /// Retire one value; the last one of a name stays.
    Retire {
        /// `con_…`
        connection: String,
        /// `sec_…`, as `list` tells it.
        secret: String,
        #[command(flatten)]
        database: Database,
    },
}

/// Stops listening to a connection; what it told stays.
#[derive(Args)]
pub struct End {
    /// `con_…`
    connection: String,
    #[command(flatten)]
    database: Database,
}

impl Secret {
    pub async fn run(&self) -> Result<ExitCode> {
        match self {
            Secret::Add { connection, secret, database } => add(connection, secret, database).await,
            Secret::List { connection, database } => {
                let store = database.open().await?;
                provider_of(&store, connection).await?;
                for secret in inbox::secrets_of(&store, connection).await? {
                    let retired = secret.retired_at.map(|at| format!("  retired {}", at.rfc3339())).unwrap_or_default();
                    say!("{}  {}  since {}{retired}", secret.id, secret.name, secret.made_at.rfc3339());
                }
                Ok(ExitCode::SUCCESS)
            }
            Secret::Retire { connection, secret, database } => {
                let store = database.open().await?;
                provider_of(&store, connection).await?;
                inbox::retire_secret_value(&store, &Clock::System, connection, secret, "system").await?;
                say!("{secret} proves nothing any more");
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

impl End {
    pub async fn run(&self) -> Result<ExitCode> {
        let store = self.database.open().await?;
        provider_of(&store, &self.connection).await?;
        inbox::end(&store, &Clock::System, &self.connection, "system").await?;
        say!("{} is not listened to any more", self.connection);
        Ok(ExitCode::SUCCESS)
    }
}

async fn add(connection: &str, secret: &str, database: &Database) -> Result<ExitCode> {
    let config = database.config()?;
    let providers = providers(None, &config)?;
    let store = database.open().await?;
    let name = provider_of(&store, connection).await?;
    let Some(provider) = providers.get(&name) else {
        return Err(usage(
            format!("Không có nhà cung cấp {name}: hãy đặt HOCPHI_PROVIDERS."),
            format!("There is no provider {name} here: set HOCPHI_PROVIDERS."),
        ));
    };
    let given = secrets(provider, &[secret.to_owned()])?.map_err(|en| usage(en.clone(), en))?;
    let vault = Vault::proven(store.clone(), config.master_key()?).await?;
    inbox::check_forms(provider, &given)?;
    inbox::check_published(provider, &given)?;
    for key in given.names() {
        for value in given.values(key) {
            inbox::add_secret(&store, &vault, &Clock::System, connection, (key, value), "system").await?;
        }
        say!("{connection} is proven by the new {key} too");
    }
    Ok(ExitCode::SUCCESS)
}

async fn provider_of(store: &Store, connection: &str) -> Result<String> {
    let (vi, en) = (format!("Không có kết nối {connection}."), format!("There is no connection {connection}."));
    let found = inbox::provider_of(store, connection).await?;
    found.ok_or_else(|| Refusal::new(Kind::Absent, "unknown-connection", vi, en).into())
}
