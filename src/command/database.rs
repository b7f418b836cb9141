//! Which database a command works on: `--database`, else `HOCPHI_DATABASE`, else the configuration file.

use std::path::PathBuf;

use clap::Args;
use hocphi::config::Config;
use hocphi::fault::{Kind, Refusal, Result};
use hocphi::store::Store;

/// The database, and the configuration that may name it.
#[derive(Args)]
pub struct Database {
    /// `sqlite://FILE` or `postgres://…`; `HOCPHI_DATABASE` when absent.
    #[arg(long)]
    database: Option<String>,
    /// A configuration file (TOML); `HOCPHI_*` in the environment wins over it.
    #[arg(long)]
    config: Option<PathBuf>,
}

impl Database {
    /// The configuration: the file, then the environment, then `--database`.
    pub fn config(&self) -> Result<Config> {
        let mut config = Config::read(self.config.as_deref(), std::env::vars())?;
        if self.database.is_some() {
            config.database.clone_from(&self.database);
        }
        Ok(config)
    }

    /// Opens a database that is there and refuses one whose schema is older or newer than this program.
    pub async fn open(&self) -> Result<Store> {
        let store = Store::open_existing(&self.address()?).await?;
        store.check_version().await?;
        Ok(store)
    }

    /// Opens the database, makes it when there is none, and brings its schema up to this program.
    pub async fn open_migrated(&self) -> Result<Store> {
        let store = Store::open(&self.address()?).await?;
        store.migrate().await?;
        Ok(store)
    }

    /// Its address; may hold a password.
    pub fn address(&self) -> Result<String> {
        let Some(address) = self.config()?.database else {
            return Err(Refusal::new(
                Kind::Shape,
                "no-database",
                "Chưa có cơ sở dữ liệu: hãy thêm --database sqlite://TỆP hoặc đặt HOCPHI_DATABASE.",
                "There is no database: add --database sqlite://FILE or set HOCPHI_DATABASE.",
            )
            .into());
        };
        Ok(address)
    }
}
