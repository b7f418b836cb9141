//! `hocphi provider new NAME [--like PROVIDER] [--dir DIR]`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use hocphi::fault::{Kind, OrFault, Refusal, Result};
use hocphi::providers::Providers;

use super::prompt::say;

/// Makes the folder of a bank that is not known yet; it passes `provider check` from the first minute on.
#[derive(Args)]
pub struct New {
    /// Its name, which stands in hook addresses: a-z, digits and hyphens.
    name: String,
    /// The provider that it is most like; providers/README.md says which.
    #[arg(long, value_name = "PROVIDER", default_value = "generic-hmac")]
    like: String,
    /// The directory of local providers; it is made if it is not there.
    #[arg(long, value_name = "DIR", default_value = "providers")]
    dir: PathBuf,
}

impl New {
    pub fn run(&self) -> Result<ExitCode> {
        let files = Providers::draft(&self.name, &self.like)?;
        let folder = self.dir.join(&self.name);
        if folder.exists() {
            let en = format!("{} is there already; nothing was written.", folder.display());
            let vi = format!("Đã có {}; không ghi gì cả.", folder.display());
            return Err(Refusal::new(Kind::Conflict, "provider-exists", vi, en).into());
        }
        let vectors = folder.join("vectors");
        std::fs::create_dir_all(&vectors).or_fault(&format!("make {}", vectors.display()))?;
        for (file, bytes) in &files {
            let path = folder.join(file);
            std::fs::write(&path, bytes).or_fault(&format!("write {}", path.display()))?;
        }
        say!("{}: {} files, made from {}", folder.display(), files.len(), self.like);
        say!("next: hocphi provider check {}", folder.display());
        Ok(ExitCode::SUCCESS)
    }
}
