//! `hocphi backup FILE` and `hocphi restore FILE`: a copy of everything, and a database made from one.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use hocphi::fault::Result;
use hocphi::ledger;
use hocphi::store::{Restored, back_up};

use super::audit::tell;
use super::database::Database;
use super::prompt::say;

/// Write a copy of everything, while the program serves.
#[derive(Args)]
pub struct Backup {
    /// The file to write; it must not be there yet.
    file: PathBuf,
    #[command(flatten)]
    database: Database,
}

impl Backup {
    pub async fn run(self) -> Result<ExitCode> {
        // Refuses what is no database of this program before anything is written.
        self.database.open().await?.close().await;
        back_up(&self.database.address()?, &self.file).await?;
        let file = self.file.display();
        say!("{file} holds everything but the master key: keep that elsewhere, and {file}.sha256 with it");
        Ok(ExitCode::SUCCESS)
    }
}

/// Make a database from a copy; its books are audited before it opens.
#[derive(Args)]
pub struct Restore {
    /// What `hocphi backup` wrote.
    file: PathBuf,
    #[command(flatten)]
    database: Database,
}

impl Restore {
    pub async fn run(self) -> Result<ExitCode> {
        let restored = Restored::make(&self.file, &self.database.address()?).await?;
        let looked = async {
            restored.store.migrate().await?;
            ledger::audit(&restored.store).await
        };
        let findings = match looked.await {
            Ok(findings) => findings,
            Err(error) => {
                restored.remove().await?;
                return Err(error);
            }
        };
        if !findings.iter().all(ledger::Finding::holds) {
            tell(&findings);
            restored.remove().await?;
            say!("nothing was restored: these are not books that agree with themselves");
            return Ok(ExitCode::FAILURE);
        }
        restored.open_for_all().await?;
        say!("restored: {} questions asked of the books, each holds", findings.len());
        Ok(ExitCode::SUCCESS)
    }
}
