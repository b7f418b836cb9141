//! `hocphi provider check [DIR]` and `hocphi provider hear NAME --secret KEY=VALUE --request FILE.http`

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::prompt::{read_text, say};
use clap::{Args, Subcommand};
use hocphi::config::Config;
use hocphi::fault::{Kind, OrFault, Refusal, Result};
use hocphi::providers::{Asked, BODY_MOST, Heard, Outcome, Providers, Reply, ReplyTo, Request, Secrets};
use hocphi::time::{Clock, Moment};
use serde::Serialize;
use zeroize::Zeroizing;

/// Banks and aggregators.
#[derive(Subcommand)]
pub enum Provider {
    /// Play every vector of every provider; exit 1 names file, key and pointer of each that is wrong.
    Check {
        /// A directory of provider folders, or one such folder; those of the program when left out.
        directory: Option<PathBuf>,
    },
    /// Make the folder of a bank that is not known yet.
    New(super::provider_new::New),
    /// Change one byte of genuine deliveries and see that none is believed.
    Forge(super::provider_forge::Forge),
    /// Say in one line of JSON what a request of a provider means.
    Hear(Hear),
    /// Let one tell of money that comes to a school; prints the address to give to it.
    Connect(super::connect::Connect),
    /// Add, list and retire the secrets of a connection.
    #[command(subcommand)]
    Secret(super::secret::Secret),
    /// Look a connection over: when it last spoke, what was not believed, what the bank sees.
    Doctor(super::doctor::Doctor),
    /// Stop listening to a connection; what it told stays.
    End(super::secret::End),
}

/// What `hocphi provider hear` takes.
#[derive(Args)]
pub struct Hear {
    /// The provider's name, as `hocphi provider check` lists them, or one of --providers.
    name: String,
    /// A secret of the connection: KEY=VALUE, KEY=@FILE or KEY=- for standard input; may be given again.
    #[arg(long, value_name = "KEY=VALUE")]
    secret: Vec<String>,
    /// The request: a request line, headers, a blank line and the body's bytes.
    #[arg(long, value_name = "FILE.http")]
    request: PathBuf,
    /// The present, with a zone; the machine's clock when left out.
    #[arg(long, value_name = "RFC3339", value_parser = moment)]
    now: Option<Moment>,
    /// A directory of local providers beside those of the program.
    #[arg(long, value_name = "DIR")]
    providers: Option<PathBuf>,
}

impl Provider {
    pub async fn run(&self) -> Result<ExitCode> {
        match self {
            Provider::Check { directory } => check(directory.as_deref()),
            Provider::New(new) => new.run(),
            Provider::Forge(forge) => forge.run(),
            Provider::Hear(hear) => hear.run(),
            Provider::Connect(connect) => connect.run().await,
            Provider::Secret(secret) => secret.run().await,
            Provider::Doctor(doctor) => doctor.run().await,
            Provider::End(end) => end.run().await,
        }
    }
}

fn check(directory: Option<&Path>) -> Result<ExitCode> {
    let local = Config::read(None, std::env::vars())?.providers.filter(|_| directory.is_none());
    let mut sound = true;
    for directory in [Some(directory), local.as_deref().map(Some)].into_iter().flatten() {
        let checked = Providers::check(directory)?;
        for (name, played) in &checked.played {
            say!("{name}: {played} vectors");
        }
        for fault in &checked.faults {
            eprintln!("error: {fault}");
        }
        sound &= checked.faults.is_empty();
    }
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Hear {
    fn run(&self) -> Result<ExitCode> {
        let providers = providers(self.providers.as_deref(), &Config::read(None, std::env::vars())?)?;
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
        let file = self.request.display().to_string();
        let bytes = super::prompt::read(&self.request)?;
        let request = Request::parse(&bytes).map_err(|what| {
            let en = format!("{file}: {what}");
            Refusal::new(Kind::Shape, "not-a-request", format!("Không đọc được yêu cầu: {en}"), en)
        })?;
        if request.body.len() > BODY_MOST {
            say!("{}", too_large()?);
            return Ok(ExitCode::SUCCESS);
        }
        let now = self.now.unwrap_or_else(|| Clock::System.now());
        let heard = provider.hear(&request, &secrets, now);
        let to = ReplyTo { request: &request, secrets: &secrets, now, id: None, bill: None };
        // Whose bills there are is not known here.
        let outcome = if heard.outcome() == Outcome::Bill { Outcome::NoBill } else { heard.outcome() };
        say!("{}", line(&heard, provider.reply(outcome, &to))?);
        Ok(ExitCode::SUCCESS)
    }
}

/// The providers of the program and those of a directory: `--providers`, else what the configuration names.
pub fn providers(directory: Option<&Path>, config: &Config) -> Result<Providers> {
    directory.or(config.providers.as_deref()).map_or_else(Providers::embedded, Providers::load)
}

/// The secrets given on the command line, or the sentence of a usage error.
pub fn secrets(
    provider: &hocphi::providers::Provider,
    given: &[String],
) -> Result<std::result::Result<Secrets, String>> {
    let mut secrets = Secrets::new();
    let mut heard_standard_input = false;
    for text in given {
        let Some((name, value)) = text.split_once('=') else {
            return Ok(Err("--secret takes KEY=VALUE, KEY=@FILE or KEY=-".to_owned()));
        };
        if value == "-" && std::mem::replace(&mut heard_standard_input, true) {
            return Ok(Err("only one --secret can be read from standard input".to_owned()));
        }
        let mut known = provider.secret_names().concat();
        known.extend(provider.order_secrets().iter().map(String::as_str));
        if !known.contains(&name) {
            return Ok(Err(format!("{} has no secret {name:?}; it has {}", provider.name(), known.join(", "))));
        }
        let mut read = Zeroizing::new(String::new());
        if value == "-" {
            std::io::stdin().read_to_string(&mut read).or_fault("read the secret from standard input")?;
        } else if let Some(file) = value.strip_prefix('@') {
            *read = read_text(Path::new(file))?;
        } else {
            read.push_str(value);
        }
        let length = read.trim_end_matches(['\r', '\n']).len();
        read.truncate(length);
        secrets.add(name, read);
    }
    Ok(Ok(secrets))
}

/// The one line of `hear`, its keys in this order.
#[derive(Serialize)]
struct Line<'a> {
    outcome: &'static str,
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    asks: Option<LineAsks<'a>>,
    credits: Vec<LineCredit<'a>>,
    reply: LineReply,
}

/// What is asked for; the key is left out where nothing is.
#[derive(Serialize)]
struct LineAsks<'a> {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<&'a str>,
}

#[derive(Serialize)]
struct LineCredit<'a> {
    reference: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<&'a str>,
    account: &'a str,
    amount: i64,
    memo: &'a str,
    at: String,
    direction: &'static str,
}

#[derive(Serialize)]
struct LineReply {
    status: u16,
    body: String,
}

/// What the hook answers to a body that it does not read.
fn too_large() -> Result<String> {
    let reason = format!("body: larger than {BODY_MOST} bytes");
    let reply = LineReply { status: Kind::TooLarge.status(), body: String::new() };
    let line = Line { outcome: "refused", reason: Some(reason), asks: None, credits: Vec::new(), reply };
    serde_json::to_string(&line).or_fault("print what was heard")
}

fn line(heard: &Heard, reply: Reply) -> Result<String> {
    let credits = heard.lines().iter().map(|told| LineCredit {
        reference: &told.reference,
        order: told.order.as_deref(),
        account: &told.account,
        amount: told.amount.get(),
        memo: &told.memo,
        at: told.at.rfc3339(),
        direction: told.direction.word(),
    });
    let reply = LineReply { status: reply.status, body: reply.body };
    let asks = match heard {
        Heard::Asks(Asked::Token) => Some(LineAsks { kind: "token", customer: None, service: None }),
        Heard::Asks(Asked::Bill(asked)) => {
            Some(LineAsks { kind: "bill", customer: Some(&asked.customer), service: asked.service.as_deref() })
        }
        _ => None,
    };
    let line = Line { outcome: heard.word(), reason: heard.reason(), asks, credits: credits.collect(), reply };
    serde_json::to_string(&line).or_fault("print what was heard")
}

fn moment(text: &str) -> std::result::Result<Moment, String> {
    Moment::parse(text).ok_or_else(|| "not a time with a zone, such as 2026-11-22T08:14:02+07:00".to_owned())
}
