//! `hocphi copy --to postgres://…`: the books move from a file of SQLite to PostgreSQL.

use std::process::ExitCode;

use clap::Args;
use hocphi::fault::{Kind, Refusal, Result};
use hocphi::ledger;
use hocphi::store::Copied;

use super::audit::tell;
use super::database::Database;
use super::prompt::say;

/// Move the books from a file of SQLite to an empty PostgreSQL, while the program serves.
#[derive(Args)]
pub struct Copy {
    #[command(flatten)]
    database: Database,
    /// `postgres://…`; `HOCPHI_COPY_TO` when absent.
    #[arg(long)]
    to: Option<String>,
}

impl Copy {
    pub async fn run(self) -> Result<ExitCode> {
        let to = self.to.or_else(|| std::env::var("HOCPHI_COPY_TO").ok()).ok_or_else(nowhere)?;
        let copied = Copied::make(&self.database.address()?, &to).await?;
        let findings = ledger::audit(&copied.store).await?;
        if !findings.iter().all(ledger::Finding::holds) {
            tell(&findings);
            say!("nothing has moved: the file is still the books, and these are not books that agree with themselves");
            return Ok(ExitCode::FAILURE);
        }
        let (tables, rows) = (copied.tables, copied.rows);
        copied.open_for_all().await?;
        say!(
            "moved: {rows} rows of {tables} tables, each compared; {} questions asked of the books, each holds",
            findings.len()
        );
        say!("stop the program and start it with the new address and the same master key; the file takes nothing now");
        Ok(ExitCode::SUCCESS)
    }
}

fn nowhere() -> Refusal {
    let (vi, en) = (
        "Chưa biết chuyển đi đâu: hãy thêm --to postgres://… hoặc đặt HOCPHI_COPY_TO.",
        "Where to is not said: add --to postgres://… or set HOCPHI_COPY_TO.",
    );
    Refusal::new(Kind::Shape, "no-database", vi, en)
}
