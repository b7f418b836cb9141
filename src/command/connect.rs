//! `hocphi provider connect NAME --database … --account BIN:NUMBER --secret KEY=VALUE`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use hocphi::fault::{Kind, Refusal, Result};
use hocphi::inbox::{self, NewConnection, connect};
use hocphi::seal::Vault;
use hocphi::store::Store;
use hocphi::time::Clock;

use super::database::Database;
use super::prompt::say;
use super::provider::{providers, secrets};

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
    /// The account is not linked with the provider: fewer characters of the transfer text arrive.
    #[arg(long)]
    unlinked: bool,
    /// Have the provider make an order for each invoice; it then says whose money came although the text does not.
    #[arg(long)]
    orders: bool,
    /// Make another connection although this provider tells of the account already.
    #[arg(long)]
    another: bool,
    /// A directory of local providers beside those of the program.
    #[arg(long, value_name = "DIR")]
    providers: Option<PathBuf>,
}

impl Connect {
    pub async fn run(&self) -> Result<ExitCode> {
        let config = self.database.config()?;
        let providers = providers(self.providers.as_deref(), &config)?;
        let Some(provider) = providers.get(&self.name) else {
            let known: Vec<&str> = providers.iter().map(hocphi::providers::Provider::name).collect();
            eprintln!(
                "error: there is no provider {:?}; known are {}; a folder of one's own needs --providers DIR",
                self.name,
                known.join(", ")
            );
            return Ok(ExitCode::from(2));
        };
        let secrets = match secrets(provider, &self.secret)? {
            Ok(secrets) => secrets,
            Err(usage) => {
                eprintln!("error: {usage}");
                return Ok(ExitCode::from(2));
            }
        };
        inbox::check_published(provider, &secrets)?;
        let master = config.master_key()?;
        let store = self.database.open().await?;
        let vault = Vault::proven(store.clone(), master).await?;
        if !self.another {
            self.refuse_another(&store).await?;
        }
        let new = NewConnection {
            provider: self.name.clone(),
            accounts: self.account.clone(),
            secrets,
            memo_prefix: self.memo_prefix.clone(),
            memo_max: self.memo_max,
            is_unlinked: self.unlinked,
            makes_orders: self.orders,
            school: None,
        };
        let id = connect(&store, &vault, &Clock::System, &providers, new, "system").await?;
        if config.public_url.is_none() {
            eprintln!("warning: HOCPHI_PUBLIC_URL is not set, so this address is one that only this machine can call");
        }
        let base = config.public_url.as_deref().unwrap_or("http://127.0.0.1:8080");
        say!("{base}/hook/{}/{id}", self.name);
        Ok(ExitCode::SUCCESS)
    }
}

impl Connect {
    /// A second connection is mostly a rotation that went the wrong way: the bank would go on with the first.
    async fn refuse_another(&self, store: &Store) -> Result<()> {
        for (bin, number) in &self.account {
            let Some(known) = inbox::connected(store, &self.name, bin, number).await?.pop() else { continue };
            return Err(Refusal::new(
                Kind::Conflict,
                "connected-already",
                format!("Tài khoản này đã kết nối ({known}): đổi khóa bằng `hocphi provider secret add {known}`, hoặc thêm --another."),
                format!("This account is connected already ({known}): change its secret with `hocphi provider secret add {known}`, or add --another."),
            )
            .into());
        }
        Ok(())
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
