//! `hocphi key add --database … --name … --scope … --school CODE`

use std::process::ExitCode;

use clap::{Args, Subcommand};
use hocphi::access::{self, NewKey};
use hocphi::fault::Result;
use hocphi::time::Clock;

use super::database::Database;
use super::prompt::say;
use super::user::place;

/// Keys of programs.
#[derive(Subcommand)]
pub enum Key {
    /// Make a key; its token is printed once.
    Add(Add),
    /// Take a key back.
    Revoke(Revoke),
}

/// Makes a key.
#[derive(Args)]
pub struct Add {
    #[command(flatten)]
    database: Database,
    /// What its people call it.
    #[arg(long)]
    name: String,
    /// What it is good for; may be given several times.
    #[arg(long = "scope", required = true)]
    scopes: Vec<String>,
    /// The code of the one school it counts at.
    #[arg(long, conflicts_with = "authority", required_unless_present = "authority")]
    school: Option<String>,
    /// The code of the authority over whose schools it counts.
    #[arg(long)]
    authority: Option<String>,
    /// Is it the city's own, which sees small groups too?
    #[arg(long)]
    city: bool,
}

/// Takes a key back.
#[derive(Args)]
pub struct Revoke {
    #[command(flatten)]
    database: Database,
    /// `key_…`
    id: String,
}

impl Key {
    pub async fn run(&self) -> Result<ExitCode> {
        match self {
            Key::Add(add) => add.run().await,
            Key::Revoke(revoke) => {
                let store = revoke.database.open().await?;
                access::revoke_key(&store, &Clock::System, &revoke.id, "system").await?;
                say!("{} is no key any more", revoke.id);
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

impl Add {
    async fn run(&self) -> Result<ExitCode> {
        let store = self.database.open().await?;
        let place = place(&store, self.school.as_deref(), self.authority.as_deref()).await?;
        let scopes: Vec<&str> = self.scopes.iter().map(String::as_str).collect();
        let new = NewKey { name: &self.name, scopes: &scopes, place, city: self.city };
        let (key, token) = access::make_key(&store, &Clock::System, new, "system").await?;
        say!("{} {}", key.id, key.name);
        say!("token {token} (told this once)");
        Ok(ExitCode::SUCCESS)
    }
}
