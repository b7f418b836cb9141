//! `hocphi fee import FILE [--school CODE] [--dry-run] --database …`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use hocphi::fault::Result;
use hocphi::fees::{self, ListOf};
use hocphi::roll;
use hocphi::time::Clock;

use super::database::Database;
use super::prompt::{read, say};
use super::{notices, told};

/// The catalogue of fee items.
#[derive(Subcommand)]
pub enum Fee {
    /// Bring a list of fee items with legal bases and prices into the catalogue.
    Import(Import),
}

/// What to import.
#[derive(Args)]
pub struct Import {
    /// The list, .xlsx or .csv.
    file: PathBuf,
    /// Prices without a school of their own are this school's; else everybody's.
    #[arg(long)]
    school: Option<String>,
    /// Only say what would change.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    database: Database,
}

impl Fee {
    pub async fn run(&self) -> Result<ExitCode> {
        let Fee::Import(import) = self;
        import.run().await
    }
}

impl Import {
    async fn run(&self) -> Result<ExitCode> {
        let bytes = read(&self.file)?;
        let store = self.database.open().await?;
        let clock = Clock::System;
        let name = self.file.to_string_lossy();
        let found =
            fees::read_catalogue(&store, &bytes, &name, ListOf::Operator(self.school.as_deref()), clock.now().day())
                .await;
        let Some(preview) = told(found)? else { return Ok(ExitCode::FAILURE) };
        notices(&preview.problems);
        if preview.problems.iter().any(|problem| problem.blocking) {
            told::<()>(Err(roll::refused_cells(&preview.problems).into()))?;
            return Ok(ExitCode::FAILURE);
        }
        if !self.dry_run {
            fees::import_catalogue(&store, &clock, &preview, "system").await?;
        }
        say!(
            "{}new items {}, changed items {}, new prices {}, unchanged {}",
            if self.dry_run { "would be " } else { "" },
            preview.new_items.len(),
            preview.changed_items.len(),
            preview.new_prices.len(),
            preview.unchanged
        );
        Ok(ExitCode::SUCCESS)
    }
}
