//! Ends the program at each commit of a school's day, before it and after it, and lets the day go on: what stands in
//! the books at night is what stands there after a day on which nothing ended.

use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Output, Stdio};

use sha2::{Digest, Sha256};
use tokio::process::Command;
use tokio::task::JoinSet;

use super::day::Stop;
use crate::fault::{Fault, OrFault, Result};
use crate::ids;
use crate::store::Store;

/// How `abort` ends a program.
const SIGABRT: i32 = 6;

/// What is to be done.
#[derive(Debug, Clone)]
pub struct Boundaries {
    /// The program.
    pub program: PathBuf,
    /// A server of PostgreSQL where databases may be made and dropped; files of SQLite without one.
    pub server: Option<String>,
    /// A folder of its own.
    pub folder: PathBuf,
    /// Only each so manieth of the places where the program can end.
    pub every: usize,
    /// How many days are played at once.
    pub at_once: usize,
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Commits of the day.
    pub commits: u64,
    /// How often the program ended.
    pub stops: u64,
    /// What is wrong, in sentences; there should be nothing.
    pub failures: Vec<String>,
    /// A hash over what stands in the books at night.
    pub hash: String,
}

/// A day as another program played it: how many commits that one made, and what stands in the books.
type Night = (u64, String);

/// Plays the day once for each place where the program can end.
///
/// # Errors
/// The program cannot be started, or the undisturbed day cannot be played.
pub async fn play(boundaries: &Boundaries) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    let (commits, calm) = boundaries.calm_day().await?;
    if boundaries.calm_day().await? != (commits, calm.clone()) {
        outcome.failures.push("two days on which nothing ended differ".to_owned());
    }
    outcome.failures.extend(calm.lines().filter(|line| line.starts_with("BROKEN")).map(str::to_owned));
    outcome.commits = commits;
    outcome.hash = hex::encode(Sha256::digest(&calm));
    let stops = (1..=commits).flat_map(|at| [false, true].map(|is_after| Stop { at, is_after }));
    let mut stops = stops.step_by(boundaries.every.max(1));
    let mut days = JoinSet::new();
    loop {
        while days.len() < boundaries.at_once.max(1)
            && let Some(stop) = stops.next()
        {
            let (boundaries, calm) = (boundaries.clone(), calm.clone());
            days.spawn(async move { boundaries.stopped_day(stop, &calm).await });
        }
        let Some(day) = days.join_next().await else { return Ok(outcome) };
        outcome.stops += 1;
        outcome.failures.extend(day.or_fault("play a day that is stopped")??);
    }
}

impl Boundaries {
    async fn calm_day(&self) -> Result<Night> {
        let place = self.place("calm").await?;
        let played = place.go_on(self, None).await?;
        place.leave(self).await?;
        night(&played).map_err(|said| Fault::new(format!("play an undisturbed day: {said}")).into())
    }

    /// What is wrong with a day that was stopped and gone on with.
    async fn stopped_day(&self, stop: Stop, calm: &str) -> Result<Option<String>> {
        let Stop { at, is_after } = stop;
        let words = format!("stopped {} commit {at}", if is_after { "after" } else { "before" });
        let place = self.place(&format!("{at}-{is_after}")).await?;
        let stopped = place.go_on(self, Some(stop)).await?;
        if stopped.status.signal() != Some(SIGABRT) {
            return Ok(Some(format!("{words}: it did not stop, but ended with {}", stopped.status)));
        }
        let went_on = night(&place.go_on(self, None).await?);
        place.leave(self).await?;
        Ok(match went_on {
            Ok((_, state)) if state == calm => None,
            Ok((_, state)) => Some(format!("{words}: it ended otherwise\n{}", differences(calm, &state))),
            Err(said) => Some(format!("{words}: it did not go on: {said}")),
        })
    }

    async fn place(&self, name: &str) -> Result<Place> {
        let name = format!("{}-{name}", ids::new_id("day"));
        let folder = self.folder.join(&name);
        std::fs::create_dir(&folder).or_fault("make a folder for a day")?;
        let Some(server) = &self.server else {
            let database = format!("sqlite://{}", folder.join("hocphi.db").display());
            return Ok(Place { folder, database, name: None });
        };
        let name = name.replace('-', "_");
        ask_server(server, &format!("create database {name}")).await?;
        let (base, _) = server.rsplit_once('/').ok_or_else(|| Fault::new("read the address of PostgreSQL"))?;
        Ok(Place { folder, database: format!("{base}/{name}"), name: Some(name) })
    }
}

async fn ask_server(server: &str, text: &str) -> Result<()> {
    let store = Store::open(server).await?;
    store.run_raw(text).await?;
    store.close().await;
    Ok(())
}

/// Where one day is played.
struct Place {
    folder: PathBuf,
    database: String,
    /// The database's name at its server.
    name: Option<String>,
}

impl Place {
    async fn go_on(&self, boundaries: &Boundaries, stop: Option<Stop>) -> Result<Output> {
        let mut command = Command::new(&boundaries.program);
        command.args(["simulate", "day", "--database", &self.database, "--folder"]).arg(&self.folder);
        if let Some(stop) = stop {
            command.args(["--stop-at", &stop.at.to_string()]);
            command.args(stop.is_after.then_some("--after"));
        }
        command.env("RUST_LOG", "off").stdin(Stdio::null()).kill_on_drop(true);
        command.output().await.or_fault("start the program")
    }

    async fn leave(&self, boundaries: &Boundaries) -> Result<()> {
        if let (Some(server), Some(name)) = (&boundaries.server, &self.name) {
            ask_server(server, &format!("drop database {name} with (force)")).await?;
        }
        std::fs::remove_dir_all(&self.folder).or_fault("remove the folder of a day")
    }
}

/// What a program printed that played to the end: the books, and on the last line its commits.
fn night(played: &Output) -> Result<Night, String> {
    let printed = String::from_utf8_lossy(&played.stdout);
    let last = printed.trim_end().rsplit_once('\n').filter(|_| played.status.success());
    let read = last.and_then(|(state, commits)| {
        let commits = commits.strip_suffix(" commits")?.parse().ok()?;
        Some((commits, state.to_owned()))
    });
    read.ok_or_else(|| format!("{}: {}{printed}", played.status, String::from_utf8_lossy(&played.stderr)))
}

fn differences(calm: &str, other: &str) -> String {
    let missing = calm.lines().filter(|line| !other.lines().any(|there| there == *line));
    let new = other.lines().filter(|line| !calm.lines().any(|there| there == *line));
    let lines: Vec<String> =
        missing.map(|line| format!("  - {line}")).chain(new.map(|line| format!("  + {line}"))).collect();
    lines.join("\n")
}
