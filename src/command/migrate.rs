//! `hocphi migrate --database …`

use std::process::ExitCode;

use clap::Args;
use hocphi::fault::Result;
use hocphi::store::newest_version;

use super::database::Database;
use super::prompt::say;

/// Brings the schema up to this program's version; again changes nothing.
#[derive(Args)]
pub struct Migrate {
    #[command(flatten)]
    database: Database,
}

impl Migrate {
    pub async fn run(&self) -> Result<ExitCode> {
        self.database.open_migrated().await?;
        say!("schema {}", newest_version());
        Ok(ExitCode::SUCCESS)
    }
}
