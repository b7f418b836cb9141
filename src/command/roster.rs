//! `hocphi roster import FILE --school CODE [--dry-run] --database …`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use hocphi::fault::Result;
use hocphi::inbox;
use hocphi::roll::{self, import};
use hocphi::time::Clock;

use super::database::Database;
use super::prompt::{read, say};
use super::user::school;
use super::{notices, told};

/// Rosters of schools.
#[derive(Subcommand)]
pub enum Roster {
    /// Bring a school's own .xlsx or .csv into the roll; wrong cells are listed and nothing is stored.
    Import(Import),
    /// Make a bank's virtual accounts lead to what pupils owe: a .xlsx or .csv with Mã học sinh (or Mã phiếu) and Số
    /// tài khoản ảo; wrong rows are listed and nothing is stored.
    Keys(Keys),
}

/// What to give whom.
#[derive(Args)]
pub struct Keys {
    /// The table.
    file: PathBuf,
    /// The school's code.
    #[arg(long)]
    school: String,
    /// The connection whose provider tells of these accounts, con_….
    #[arg(long)]
    connection: String,
    #[command(flatten)]
    database: Database,
}

/// What to import where.
#[derive(Args)]
pub struct Import {
    /// The roster, as the school has it.
    file: PathBuf,
    /// The school's code.
    #[arg(long)]
    school: String,
    /// Only say what would change.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    database: Database,
}

impl Roster {
    pub async fn run(&self) -> Result<ExitCode> {
        match self {
            Roster::Import(import) => import.run().await,
            Roster::Keys(keys) => keys.run().await,
        }
    }
}

impl Keys {
    async fn run(&self) -> Result<ExitCode> {
        let bytes = read(&self.file)?;
        let store = self.database.open().await?;
        let school = school(&store, &self.school).await?;
        let Some(given) = told(inbox::read_accounts(&bytes, &self.file.to_string_lossy()))? else {
            return Ok(ExitCode::FAILURE);
        };
        let to = (school.id.as_str(), self.connection.as_str());
        let Some(done) = told(inbox::give_accounts(&store, &Clock::System, to, &given, "system").await)? else {
            return Ok(ExitCode::FAILURE);
        };
        say!("new {}, known {}", done.new, done.known);
        Ok(ExitCode::SUCCESS)
    }
}

impl Import {
    async fn run(&self) -> Result<ExitCode> {
        let bytes = read(&self.file)?;
        let store = self.database.open().await?;
        let clock = Clock::System;
        let today = clock.now().day();
        let school = school(&store, &self.school).await?;
        let Some(roster) = told(import::read(&bytes, &self.file.to_string_lossy(), today))? else {
            return Ok(ExitCode::FAILURE);
        };
        let preview = import::preview(&store, &school, &roster, today).await?;
        notices(&preview.problems);
        if self.dry_run {
            say!(
                "would be new {}, changed {}, unchanged {}; classes {} ({} new); in the roll but not in the file {}",
                preview.new,
                preview.changed,
                preview.unchanged,
                preview.classes.len(),
                preview.new_classes.len(),
                preview.not_in_file
            );
            if preview.problems.iter().any(|problem| problem.blocking) {
                told::<()>(Err(roll::refused_cells(&preview.problems).into()))?;
                return Ok(ExitCode::FAILURE);
            }
            return Ok(ExitCode::SUCCESS);
        }
        let Some(done) = told(import::apply(&store, &clock, &school, &preview, "system").await)? else {
            return Ok(ExitCode::FAILURE);
        };
        say!(
            "new {}, changed {}, unchanged {}; new classes {}",
            done.new,
            done.changed,
            done.unchanged,
            done.new_classes
        );
        Ok(ExitCode::SUCCESS)
    }
}
