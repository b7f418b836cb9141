//! One file a command: what it takes, what it calls, what it prints.

use std::process::ExitCode;

use clap::Subcommand;
use hocphi::fault::Result;

/// Every command of `hocphi`.
#[derive(Subcommand)]
pub enum Command {
    /// Bring a database's schema up to this program.
    Migrate(migrate::Migrate),
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
}

mod database;
mod migrate;
mod provider;
mod reference;
mod vietqr;
mod words;

/// Runs one command; the exit code is the command's answer to a script.
pub async fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Migrate(migrate) => migrate.run().await,
        Command::Words(words) => words.run(),
        Command::Provider(provider) => provider.run(),
        Command::Reference(reference) => reference.run(),
        Command::VietQr(vietqr) => vietqr.run(),
    }
}
