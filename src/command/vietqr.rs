//! `hocphi vietqr encode …` and `hocphi vietqr decode PAYLOAD`

use std::process::ExitCode;

use super::prompt::{say, usage};
use clap::Subcommand;
use hocphi::fault::{OrFault, Result};
use hocphi::money::Dong;
use hocphi::vietqr::{Additional, Initiation, Label, Payload, banks, fold};
use serde_json::{Map, Value, json};

/// The text of VietQR codes.
#[derive(Subcommand)]
pub enum VietQr {
    /// Print the payload that pays an account.
    Encode {
        /// The receiving bank, six digits.
        #[arg(long)]
        bin: String,
        /// The receiving account.
        #[arg(long)]
        account: String,
        /// Whole đồng; without it the payer types the amount.
        #[arg(long, allow_negative_numbers = true)]
        amount: Option<i64>,
        /// The transfer text, folded to ASCII.
        #[arg(long, allow_hyphen_values = true)]
        purpose: Option<String>,
        /// A code that may be paid many times; one without an amount always is.
        #[arg(long = "static")]
        reusable: bool,
    },
    /// Print what a payload says as JSON, or why it is no VietQR.
    Decode {
        /// The text as scanned.
        payload: String,
    },
}

impl VietQr {
    pub fn run(self) -> Result<ExitCode> {
        match self {
            VietQr::Encode { bin, account, amount, purpose, reusable } => {
                if purpose.as_deref().is_some_and(|text| fold::ascii(text).is_empty()) {
                    return Err(usage(
                        "Nội dung --purpose không còn chữ nào sau khi bỏ dấu.",
                        "--purpose has no letter left once it is folded to ASCII.",
                    ));
                }
                let payload = Payload {
                    initiation: if reusable || amount.is_none() { Initiation::Static } else { Initiation::Dynamic },
                    amount: amount.map(Dong::new),
                    additional: purpose
                        .into_iter()
                        .fold(Additional::default(), |all, text| all.with(Label::Purpose, text)),
                    ..Payload::to_account(bin, account)
                };
                say!("{}", payload.encode()?);
            }
            VietQr::Decode { payload } => {
                let text = payload.trim();
                let report = report(&Payload::decode(text)?, text);
                say!("{}", serde_json::to_string_pretty(&report).or_fault("print the payload")?);
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Every field; what a code may leave out and does is null, what is rare is absent.
fn report(payload: &Payload, text: &str) -> Map<String, Value> {
    let initiation = match payload.initiation {
        Initiation::Static => "static",
        Initiation::Dynamic => "dynamic",
    };
    let fields = [
        ("initiation", json!(initiation)),
        ("bin", json!(payload.bin)),
        ("bank", json!(banks::find(&payload.bin).map(|bank| &bank.short_name))),
        ("account", json!(payload.account)),
        ("service", json!(payload.service.code())),
        ("amount", json!(payload.amount.map(Dong::get))),
        ("purpose", json!(payload.purpose())),
        ("bill_number", json!(payload.bill_number())),
        ("mcc", json!(payload.mcc)),
        ("name", json!(payload.name)),
        ("city", json!(payload.city)),
        ("crc", json!(text.get(text.len().saturating_sub(4)..))),
    ];
    let labelled = payload.additional.iter().map(|(label, text)| (label.name(), json!(text)));
    fields.into_iter().chain(labelled).map(|(name, value)| (name.to_owned(), value)).collect()
}
