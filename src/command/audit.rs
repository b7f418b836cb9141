//! `hocphi audit --database …`: a line per invariant; exit 1 and the rows when one does not hold.

use std::process::ExitCode;

use clap::Args;
use hocphi::fault::Result;
use hocphi::ledger;

use super::database::Database;
use super::prompt::say;

/// Ask the books for everything that must always be true.
#[derive(Args)]
pub struct Audit {
    #[command(flatten)]
    database: Database,
}

impl Audit {
    pub async fn run(self) -> Result<ExitCode> {
        let store = self.database.open().await?;
        let findings = ledger::audit(&store).await?;
        tell(&findings);
        let hold = findings.iter().all(ledger::Finding::holds);
        Ok(if hold { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// A line per invariant, and the rows that break it.
pub fn tell(findings: &[ledger::Finding]) {
    for finding in findings {
        if finding.holds() {
            say!("holds   {}", finding.name);
            continue;
        }
        say!("BROKEN  {}: {}", finding.name, finding.reason);
        for row in &finding.rows {
            say!("        {row}");
        }
    }
}
