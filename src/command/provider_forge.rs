//! `hocphi provider forge --seed N --cases N`

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Args;
use hocphi::fault::Result;
use hocphi::providers::Providers;

use super::prompt::say;

/// Changes one byte of genuine deliveries; exit 1 when one of them means anything that the genuine one did not.
#[derive(Args)]
pub struct Forge {
    /// The same seed plays the same cases.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many, shared equally among the providers.
    #[arg(long, default_value_t = 2_000)]
    cases: u64,
    /// A directory of local providers to forge instead of those of the program.
    #[arg(long, value_name = "DIR")]
    providers: Option<PathBuf>,
}

impl Forge {
    pub fn run(&self) -> Result<ExitCode> {
        let begun = Instant::now();
        let forgeries = Providers::forge(self.providers.as_deref(), self.seed, self.cases)?;
        say!("provider\tcovered\tcases\trefused\tsame\taccepted");
        let mut accepted = 0;
        for one in &forgeries.forged {
            let covered = one.covered.join("+");
            say!("{}\t{covered}\t{}\t{}\t{}\t{}", one.provider, one.cases, one.refused, one.same, one.accepted.len());
            for case in &one.accepted {
                eprintln!("error: {}: {case}", one.provider);
            }
            accepted += one.accepted.len();
        }
        let milliseconds = begun.elapsed().as_millis();
        say!(
            "seed {}, cases {}, accepted {accepted}, hash {}, {milliseconds} ms",
            self.seed,
            self.cases,
            forgeries.hash
        );
        // A folder of which nothing is believed has had nothing forged.
        let is_sound = accepted == 0 && forgeries.forged.iter().any(|one| one.cases > 0);
        Ok(if is_sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
