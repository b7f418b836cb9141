//! `hocphi statement import FILE --database … [--account BIN:NUMBER]`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use hocphi::fault::Result;
use hocphi::money::Dong;
use hocphi::seal::Vault;
use hocphi::statements::{Upload, import};
use hocphi::time::Clock;

use super::connect::account;
use super::database::Database;
use super::prompt::{read, say};
use super::told;

/// Bank statements.
#[derive(Subcommand)]
pub enum Statement {
    /// Bring in a bank's statement (Excel, .csv, MT940, CAMT.053): what was told is shown, what was lost is found.
    Import(Import),
}

/// What `hocphi statement import` takes.
#[derive(Args)]
pub struct Import {
    /// The file as downloaded from the bank.
    file: PathBuf,
    #[command(flatten)]
    database: Database,
    /// Whose statement it is, when the file does not say.
    #[arg(long, value_name = "BIN:NUMBER", value_parser = account)]
    account: Option<(String, String)>,
}

impl Statement {
    pub async fn run(&self) -> Result<ExitCode> {
        let Statement::Import(asked) = self;
        let bytes = read(&asked.file)?;
        let filename = asked.file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let master = asked.database.config()?.master_key()?;
        let store = asked.database.open().await?;
        let vault = Vault::proven(store.clone(), master).await?;
        let upload =
            Upload { account: asked.account.clone(), school: None, filename, bytes, actor: "system".to_owned() };
        let Some(done) = told(import(&store, &vault, &Clock::System, &upload).await)? else {
            return Ok(ExitCode::FAILURE);
        };
        say!(
            "{} new lines ({} credits met, {} found), {} lines already known",
            done.new,
            done.met,
            done.found,
            done.already
        );
        for hole in &done.holes {
            say!("{} ({}), together {}", hole.english(), hole.vietnamese(), Dong::new(hole.missing));
            if let Some(line) = &hole.withheld {
                say!("row {} is not taken: nothing proves its amount; download these days again", line.row);
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
