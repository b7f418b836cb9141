//! `hocphi simulate crash --kills N`: the program is ended at random moments under load and has lost nothing.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Args;
use hocphi::fault::{OrFault, Result};
use hocphi::simulate::crash;

use super::prompt::say;
use super::simulate::{Directory, append};

/// What `simulate crash` takes.
#[derive(Args)]
pub struct Crash {
    /// Which moments.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How often the program is ended.
    #[arg(long, default_value_t = 50)]
    kills: u64,
    /// How many serve the database, of which one is ended at a time; more than one needs PostgreSQL.
    #[arg(long, default_value_t = 1)]
    servers: usize,
    /// An empty database; a file that goes away when left out.
    #[arg(long)]
    database: Option<String>,
    /// A command that ends the database and starts it again, run at one end in four; an address that it prints is where
    /// the database is from then on.
    #[arg(long, value_name = "COMMAND")]
    database_too: Option<String>,
    /// Append what came of it to a file.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
}

impl Crash {
    pub async fn run(&self) -> Result<ExitCode> {
        let (began, folder) = (Instant::now(), Directory::new()?);
        let database = self.database.clone();
        let crash = crash::Crash {
            program: std::env::current_exe().or_fault("find this program")?,
            database: database.unwrap_or_else(|| format!("sqlite://{}", folder.0.join("hocphi.db").display())),
            folder: folder.0.clone(),
            seed: self.seed,
            kills: self.kills,
            servers: self.servers,
            database_too: self.database_too.clone(),
        };
        let outcome = crash::play(&crash).await?;
        for failure in &outcome.failures {
            say!("{failure}");
        }
        let line = format!(
            "simulate crash --seed {} --kills {} --servers {}{}{} | transfers {} answers {} unanswered {} \
             databases ended {} | \
             failures {} | \
             ready p50 {} p99 {} most {} ms, posted p50 {} p99 {} most {} ms | hash {} | {} s",
            self.seed,
            self.kills,
            self.servers,
            if self.database.is_some() { " (PostgreSQL)" } else { "" },
            if self.database_too.is_some() { " (and its server)" } else { "" },
            outcome.transfers,
            outcome.answers,
            outcome.unanswered,
            outcome.databases_ended,
            outcome.failures.len(),
            crash::of_thousand(&outcome.ready_ms, 500),
            crash::of_thousand(&outcome.ready_ms, 990),
            crash::of_thousand(&outcome.ready_ms, 1_000),
            crash::of_thousand(&outcome.lag_ms, 500),
            crash::of_thousand(&outcome.lag_ms, 990),
            crash::of_thousand(&outcome.lag_ms, 1_000),
            outcome.hash,
            began.elapsed().as_secs()
        );
        say!("{line}");
        if let Some(file) = &self.record {
            append(file, &line)?;
        }
        Ok(if outcome.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
