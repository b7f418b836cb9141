//! `hocphi simulate tellings --seed N --cases N`: random days, told in every way, end in the books of the statements.
//! `hocphi simulate term --seed N --cases N`: random terms in which everything fails end in the books of calm ones.
//! `simulate references`, `simulate crash`, `simulate day` and `simulate boundaries` have files of their own.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::{Args, Subcommand};
use hocphi::fault::{OrFault, Result};
use hocphi::seal::{MasterKey, Vault};
use hocphi::simulate::converge::{Outcome, Pair, World};
use hocphi::simulate::tellings::Case;
use hocphi::simulate::term::{Term, Worlds};
use hocphi::store::Store;

use super::prompt::say;
use super::simulate_crash::Crash;
use super::simulate_day::{Boundaries, Day};
use super::simulate_references::References;

/// Worlds to try the program against, for those who build it.
#[derive(Subcommand)]
pub enum Simulate {
    /// Play random days of tellings and statements, and compare with the statements alone.
    Tellings(Cases),
    /// Play random terms in which every write may fail before or after it took effect, and compare with calm ones.
    Term(Cases),
    /// Look for payment references in mangled, strange and mistyped transfer texts.
    References(References),
    /// End the program again and again while it is told of money, and count what is left of it.
    Crash(Crash),
    /// Play one school's day, or go on with one that was stopped.
    Day(Day),
    /// End the program at each commit of that day, before it and after it, and compare with a day without any end.
    Boundaries(Boundaries),
}

/// What is played.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Game {
    Tellings,
    Term,
}

/// Which cases of a seed, and where.
#[derive(Args)]
pub struct Cases {
    /// Which cases.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many of the seed's cases.
    #[arg(long, default_value_t = 1_000)]
    cases: u64,
    /// The first of them, to go on where another run ended or to play one again.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Two empty databases, of which the first hears everything or meets all trouble; files that go away when left out.
    #[arg(long, num_args = 2, value_names = ["FIRST", "SECOND"])]
    databases: Option<Vec<String>>,
    /// Cases in one database of one's own; more make the audit at the end dearer.
    #[arg(long, default_value_t = 2_000)]
    batch: u64,
    /// Append what came of it to a file.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
}

impl Simulate {
    pub async fn run(&self) -> Result<ExitCode> {
        match self {
            Simulate::Tellings(cases) => cases.run(Game::Tellings).await,
            Simulate::Term(cases) => cases.run(Game::Term).await,
            Simulate::References(references) => references.run(),
            Simulate::Crash(crash) => crash.run().await,
            Simulate::Day(day) => day.run().await,
            Simulate::Boundaries(boundaries) => boundaries.run().await,
        }
    }
}

impl Cases {
    async fn run(&self, game: Game) -> Result<ExitCode> {
        let began = Instant::now();
        let mut whole = Outcome::default();
        let mut hashes = String::new();
        let mut from = self.from;
        let until = self.from + self.cases;
        while from < until {
            let cases = self.batch.max(1).min(until - from);
            let outcome = self.batch(game, from, cases).await?;
            from += cases;
            whole.cases += outcome.cases;
            for failure in &outcome.failures {
                say!("{failure}");
            }
            whole.failures.extend(outcome.failures);
            // Writing to a String cannot fail.
            let _ = writeln!(hashes, "{}", outcome.hash);
            eprintln!(
                "{} cases, {} ended otherwise, {} s",
                whole.cases,
                whole.failures.len(),
                began.elapsed().as_secs()
            );
        }
        if self.cases == 1 {
            match game {
                Game::Tellings => say!("{}", Case::drawn(self.seed, self.from)),
                Game::Term => say!("{}", Term::drawn(self.seed, self.from)),
            }
        }
        let hash = hocphi::seal::token_hash(&hashes);
        let line = format!(
            "simulate {} --seed {} --from {} --cases {} --batch {}{} | failures {} | hash {hash} | {} s",
            if game == Game::Tellings { "tellings" } else { "term" },
            self.seed,
            self.from,
            self.cases,
            self.batch,
            if self.databases.is_some() { " (PostgreSQL)" } else { "" },
            whole.failures.len(),
            began.elapsed().as_secs()
        );
        say!("{line}");
        if let Some(file) = &self.record {
            append(file, &line)?;
        }
        Ok(if whole.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    async fn batch(&self, game: Game, from: u64, cases: u64) -> Result<Outcome> {
        let directory = Directory::new()?;
        let addresses = self.databases.clone().unwrap_or_else(|| {
            ["first", "second"].map(|name| format!("sqlite://{}", directory.0.join(name).display())).to_vec()
        });
        let [first, second] = &addresses[..] else { return Ok(Outcome::default()) };
        let is_fresh = from == self.from || self.databases.is_none();
        let (first, second) = (open(first).await?, open(second).await?);
        match game {
            Game::Tellings => {
                let mut pair = Pair { told: World::open(first.0, first.1)?, untold: World::open(second.0, second.1)? };
                if is_fresh {
                    pair.told.found().await?;
                    pair.untold.found().await?;
                }
                pair.play(self.seed, from, cases, |_| {}).await
            }
            Game::Term => {
                let mut worlds = Worlds::open(second, first)?;
                if is_fresh {
                    worlds.found().await?;
                }
                worlds.play(self.seed, from, cases).await
            }
        }
    }
}

async fn open(address: &str) -> Result<(Store, Vault)> {
    let store = Store::open(address).await?;
    store.migrate().await?;
    let vault = Vault::new(store.clone(), MasterKey::parse(&MasterKey::generate()?)?);
    Ok((store, vault))
}

/// A directory that goes away with its databases.
pub struct Directory(pub PathBuf);

impl Directory {
    pub fn new() -> Result<Directory> {
        let path = std::env::temp_dir().join(hocphi::ids::new_id("sim"));
        std::fs::create_dir(&path).or_fault("make a directory for the simulation")?;
        Ok(Directory(path))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // What cannot be removed lies in the machine's own directory for such things.
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// Adds a line to a record.
pub fn append(file: &Path, line: &str) -> Result<()> {
    let mut open = OpenOptions::new().create(true).append(true).open(file).or_fault("open the record")?;
    writeln!(open, "{line}").or_fault("write the record")
}
