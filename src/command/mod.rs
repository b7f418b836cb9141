//! One file a command: what it takes, what it calls, what it prints.

use std::process::ExitCode;

use clap::Subcommand;
use hocphi::fault::{Error, Result};
use hocphi::roll::CellProblem;

/// Every command of `hocphi`.
#[derive(Subcommand)]
pub enum Command {
    /// Try everything: two invented schools and a bank that pays.
    Demo(demo::Demo),
    /// Serve pages, hooks and the API.
    Serve(serve::Serve),
    /// Let people in.
    #[command(subcommand)]
    User(user::User),
    /// Make and take back the keys of programs.
    #[command(subcommand)]
    Key(key::Key),
    /// Set up authority, school, receiving account and the first people.
    Setup(setup::Setup),
    /// Bring a school's roster into the roll.
    #[command(subcommand)]
    Roster(roster::Roster),
    /// Bring a list of fees into the catalogue.
    #[command(subcommand)]
    Fee(fee::Fee),
    /// Bring in a bank's statement.
    #[command(subcommand)]
    Statement(statement::Statement),
    /// Bring a database's schema up to this program.
    Migrate(migrate::Migrate),
    /// Ask the books for everything that must always be true.
    Audit(audit::Audit),
    /// Write a copy of everything, while the program serves.
    Backup(backup::Backup),
    /// Make a database from a copy; its books are audited before it opens.
    Restore(backup::Restore),
    /// Move the books from a file of SQLite to PostgreSQL.
    Copy(copy::Copy),
    /// Write the books for other programs.
    #[command(subcommand)]
    Export(export::Export),
    /// Write an amount in Vietnamese words.
    Words(words::Words),
    /// Check the providers, or hear what one says.
    #[command(subcommand)]
    Provider(provider::Provider),
    /// Make a payment reference, or find one in a transfer text.
    #[command(subcommand)]
    Reference(reference::Reference),
    /// Make or read the text of a VietQR code.
    #[command(subcommand, name = "vietqr")]
    VietQr(vietqr::VietQr),
    /// Play random days against the program, for those who build it.
    #[command(subcommand)]
    Simulate(simulate::Simulate),
}

mod audit;
mod backup;
mod connect;
mod copy;
mod database;
mod demo;
mod doctor;
mod export;
mod fee;
mod key;
mod migrate;
pub mod prompt;
mod provider;
mod provider_forge;
mod provider_new;
mod reference;
mod roster;
mod secret;
mod serve;
mod setup;
mod simulate;
mod simulate_crash;
mod simulate_day;
mod simulate_references;
mod statement;
mod user;
mod vietqr;
mod words;

/// Runs one command; the exit code is the command's answer to a script.
pub async fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Demo(demo) => demo.run().await,
        Command::Serve(serve) => serve.run().await,
        Command::User(user) => user.run().await,
        Command::Key(key) => key.run().await,
        Command::Setup(setup) => setup.run().await,
        Command::Roster(roster) => roster.run().await,
        Command::Fee(fee) => fee.run().await,
        Command::Statement(statement) => statement.run().await,
        Command::Migrate(migrate) => migrate.run().await,
        Command::Audit(audit) => audit.run().await,
        Command::Backup(backup) => backup.run().await,
        Command::Restore(restore) => restore.run().await,
        Command::Copy(copy) => copy.run().await,
        Command::Export(export) => export.run().await,
        Command::Words(words) => Ok(words.run()),
        Command::Provider(provider) => provider.run().await,
        Command::Reference(reference) => reference.run(),
        Command::VietQr(vietqr) => vietqr.run(),
        Command::Simulate(simulate) => simulate.run().await,
    }
}

/// What came out, or nothing after a refusal was told cell by cell; the command then exits 1.
fn told<T>(outcome: Result<T>) -> Result<Option<T>> {
    let Some(refusal) = outcome.as_ref().err().and_then(Error::refusal) else { return outcome.map(Some) };
    if refusal.places.is_empty() {
        return outcome.map(Some);
    }
    eprintln!("error: {}: {}", refusal.code, refusal.en);
    eprintln!("       {}", refusal.vi);
    for place in &refusal.places {
        eprintln!("{}\t{}\t{}", place.at, place.vi, place.en);
    }
    Ok(None)
}

/// What a file had mended or left out.
fn notices(problems: &[CellProblem]) {
    for problem in problems.iter().filter(|problem| !problem.blocking) {
        let suggestion = problem.suggestion.as_deref().unwrap_or_default();
        eprintln!("notice {}\t{}\t{}\t{suggestion}", problem.cell, problem.vi, problem.en);
    }
}
