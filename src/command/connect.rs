//! `hocphi provider connect NAME --database … --account BIN:NUMBER --secret KEY=VALUE`

use std::process::ExitCode;

use clap::Args;
use hocphi::fault::Result;
use hocphi::inbox::{NewConnection, connect};
use hocphi::providers::Providers;
use hocphi::seal::Vault;
use hocphi::time::Clock;

use super::database::Database;
use super::prompt::say;
use super::provider::secrets;

/// Makes a connection and prints the address to give to the provider.
#[derive(Args)]
pub struct Connect {
    /// The provider's name.
    name: String,
    #[command(flatten)]
    database: Database,
    /// A receiving account it tells of, BIN:NUMBER; may be given again for the same school.
    #[arg(long, value_name = "BIN:NUMBER", required = true, value_parser = account)]
    account: Vec<(String, String)>,
    /// A secret: KEY=VALUE, KEY=@FILE or KEY=- for standard input; may be given again.
    #[arg(long, value_name = "KEY=VALUE", required = true)]
    secret: Vec<String>,
    /// What the transfer text must begin with; the provider's own rule when left out.
    #[arg(long, value_name = "P")]
    memo_prefix: Option<String>,
    /// How many characters of the transfer text arrive; the provider's own limit when left out.
    #[arg(long, value_name = "N")]
    memo_max: Option<usize>,
}

impl Connect {
    pub async fn run(&self) -> Result<ExitCode> {
        let config = self.database.config()?;
        let providers = config.providers.as_deref().map_or_else(Providers::embedded, Providers::load)?;
        let Some(provider) = providers.get(&self.name) else {
            let known: Vec<&str> = providers.iter().map(hocphi::providers::Provider::name).collect();
            eprintln!("error: there is no provider {:?}; known are {}", self.name, known.join(", "));
            return Ok(ExitCode::from(2));
        };
        let secrets = match secrets(provider, &self.secret)? {
            Ok(secrets) => secrets,
            Err(usage) => {
                eprintln!("error: {usage}");
                return Ok(ExitCode::from(2));
            }
        };
        let master = config.master_key()?;
        let store = self.database.open().await?;
        let vault = Vault::proven(store.clone(), master).await?;
        let new = NewConnection {
            provider: self.name.clone(),
            accounts: self.account.clone(),
            secrets,
            memo_prefix: self.memo_prefix.clone(),
            memo_max: self.memo_max,
            school: None,
        };
        let id = connect(&store, &vault, &Clock::System, &providers, new, "system").await?;
        let base = config.public_url.as_deref().unwrap_or("http://127.0.0.1:8080");
        say!("{base}/hook/{}/{id}", self.name);
        Ok(ExitCode::SUCCESS)
    }
}

/// `970422:0881000123456`
pub fn account(text: &str) -> std::result::Result<(String, String), String> {
    match text.split_once(':') {
        Some((bin, number)) if bin.len() == 6 && bin.bytes().all(|b| b.is_ascii_digit()) && !number.is_empty() => {
            Ok((bin.to_owned(), number.to_owned()))
        }
        _ => Err("an account is BIN:NUMBER, such as 970422:0881000123456".to_owned()),
    }
}
