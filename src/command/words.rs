//! `hocphi words AMOUNT [--southern]`

use std::process::ExitCode;

use super::prompt::say;
use clap::Args;
use hocphi::money::{Dong, Reading, in_words};

/// An amount and how to read it.
#[derive(Args)]
pub struct Words {
    /// Whole đồng.
    #[arg(allow_negative_numbers = true)]
    amount: i64,
    /// Read it as the south does: lẻ, ngàn.
    #[arg(long)]
    southern: bool,
}

impl Words {
    pub fn run(&self) -> ExitCode {
        let reading = if self.southern { Reading::Southern } else { Reading::Hanoi };
        say!("{}", in_words(Dong::new(self.amount), reading));
        ExitCode::SUCCESS
    }
}
