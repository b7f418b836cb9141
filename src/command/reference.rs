//! `hocphi reference new` and `hocphi reference find "TEXT"`

use std::process::ExitCode;

use super::prompt::say;
use clap::Subcommand;
use hocphi::fault::{OrFault, Result};
use hocphi::ids::PaymentReference;

/// Payment references (ISO 11649).
#[derive(Subcommand)]
pub enum Reference {
    /// Print a new random reference.
    New,
    /// Print the references in a transfer text as a JSON list, possibly empty.
    Find {
        /// The text as the bank passed it on.
        #[arg(allow_hyphen_values = true)]
        text: String,
    },
}

impl Reference {
    pub fn run(&self) -> Result<ExitCode> {
        match self {
            Reference::New => say!("{}", PaymentReference::random()?),
            Reference::Find { text } => {
                let found = PaymentReference::find_all(text);
                let found: Vec<&str> = found.iter().map(PaymentReference::as_str).collect();
                say!("{}", serde_json::to_string(&found).or_fault("print the references")?);
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
