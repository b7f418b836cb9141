//! `hocphi simulate references --seed N --cases N`: mangled, strange and mistyped transfer texts, and what is found.

use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Instant;

use clap::Args;
use hocphi::fault::{Kind, Refusal, Result};
use hocphi::simulate::references::{Issued, Part, play};

use super::prompt::say;
use super::simulate::append;

/// Schools among which the issued references are spread: a suggestion is only ever one of the school's own.
const SCHOOLS: usize = 500;

/// What `simulate references` takes.
#[derive(Args)]
pub struct References {
    /// Which texts.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many of the seed's texts of each part.
    #[arg(long, default_value_t = 10_000)]
    cases: u64,
    /// The first of them, to go on where another run ended.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// One part alone: mangled (a reference is found wherever it still stands), strange (nothing is found where nothing
    /// was), mistyped (no money moves, and the right one is suggested first).
    #[arg(long)]
    part: Option<String>,
    /// How many references schools have issued.
    #[arg(long, default_value_t = 1_000_000)]
    issued: usize,
    /// Append what came of it to a file.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
}

impl References {
    pub fn run(&self) -> Result<ExitCode> {
        let parts = match self.part.as_deref().map(|word| (word, Part::of_code(word))) {
            None => Part::ALL.to_vec(),
            Some((_, Some(part))) => vec![part],
            Some((word, None)) => return Err(no_such_part(word).into()),
        };
        let issued = Issued::drawn(self.seed, self.issued.max(1), SCHOOLS);
        let mut failed = 0;
        for part in parts {
            let began = Instant::now();
            let outcome = play(part, self.seed, self.from, self.cases, &issued, |lines| {
                if lines % 50_000 == 0 {
                    eprintln!("{} {lines}, {} s", part.code(), began.elapsed().as_secs());
                }
            });
            for failure in &outcome.failures {
                say!("{failure}");
            }
            failed += outcome.failed;
            let line = format!(
                "simulate references --part {} --seed {} --from {} --cases {} --issued {} | commit {} | {outcome} | \
                 hash {} | {} s",
                part.code(),
                self.seed,
                self.from,
                self.cases,
                self.issued,
                commit(),
                outcome.hash,
                began.elapsed().as_secs()
            );
            say!("{line}");
            if let Some(file) = &self.record {
                append(file, &line)?;
            }
        }
        Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn no_such_part(word: &str) -> Refusal {
    let parts = Part::ALL.map(Part::code).join(", ");
    Refusal::new(
        Kind::Shape,
        "no-such-part",
        format!("Không có phần nào tên {word}; có: {parts}."),
        format!("There is no part {word}; there are {parts}."),
    )
}

/// The commit of the working copy in which this is run, if it is one.
fn commit() -> String {
    let asked = Command::new("git").args(["describe", "--always", "--dirty", "--abbrev=12"]).output().ok();
    let said = asked.filter(|asked| asked.status.success()).and_then(|asked| String::from_utf8(asked.stdout).ok());
    said.map_or_else(|| "unknown".to_owned(), |said| said.trim().to_owned())
}
