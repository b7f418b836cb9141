//! `hocphi simulate day`: one school's day, which may stop at any commit. `hocphi simulate boundaries`: at each.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Args;
use hocphi::fault::{OrFault, Result};
use hocphi::simulate::{boundary, day};

use super::prompt::say;
use super::simulate::{Directory, append};

/// What `simulate day` takes.
#[derive(Args)]
pub struct Day {
    /// A database of its own; played again on the same, the day goes on where it stopped.
    #[arg(long)]
    database: String,
    /// A folder of its own, for what lies outside the database: the bank, the key, and what people ticked off.
    #[arg(long, value_name = "DIR")]
    folder: PathBuf,
    /// The commit at which the program ends without a word, counted from 1.
    #[arg(long, value_name = "N")]
    stop_at: Option<u64>,
    /// End after that commit took effect, instead of before it.
    #[arg(long, requires = "stop_at")]
    after: bool,
}

/// What `simulate boundaries` takes.
#[derive(Args)]
pub struct Boundaries {
    /// A server of PostgreSQL where databases may be made and dropped; files of SQLite when left out.
    #[arg(long, value_name = "ADDRESS")]
    server: Option<String>,
    /// Only each so manieth of the places where the program can end.
    #[arg(long, default_value_t = 1, value_name = "K")]
    every: usize,
    /// How many days are played at once.
    #[arg(long, default_value_t = 2, value_name = "N")]
    at_once: usize,
    /// Append what came of it to a file.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
}

impl Day {
    pub async fn run(&self) -> Result<ExitCode> {
        std::fs::create_dir_all(&self.folder).or_fault("make the folder of the day")?;
        let stop = self.stop_at.map(|at| day::Stop { at, is_after: self.after });
        let day = day::Day { database: self.database.clone(), folder: self.folder.clone(), stop };
        let lived = day::play(&day).await?;
        say!("{}\n{} commits", lived.state, lived.commits);
        Ok(ExitCode::SUCCESS)
    }
}

impl Boundaries {
    pub async fn run(&self) -> Result<ExitCode> {
        let (began, folder) = (Instant::now(), Directory::new()?);
        let boundaries = boundary::Boundaries {
            program: std::env::current_exe().or_fault("find this program")?,
            server: self.server.clone(),
            folder: folder.0.clone(),
            every: self.every,
            at_once: self.at_once,
        };
        let outcome = boundary::play(&boundaries).await?;
        for failure in &outcome.failures {
            say!("{failure}");
        }
        let line = format!(
            "simulate boundaries --every {}{} | commits {} stops {} | failures {} | hash {} | {} s",
            self.every,
            if self.server.is_some() { " (PostgreSQL)" } else { "" },
            outcome.commits,
            outcome.stops,
            outcome.failures.len(),
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
