//! `hocphi demo [--once] [--listen ADDR] [--dir DIR]`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use hocphi::config::Config;
use hocphi::fault::Result;
use hocphi::simulate::demo;

use super::prompt::listen_address;

/// Two invented schools, a bank that pays, and a page for everybody.
#[derive(Args)]
pub struct Demo {
    /// Play one fixed day, print what came of it, and end; not 0 when the books do not agree.
    #[arg(long)]
    once: bool,
    /// Where to listen; 127.0.0.1:8080 when absent, or a free port when somebody listens there.
    #[arg(long, value_parser = listen_address)]
    listen: Option<String>,
    /// Where everything lies; starting again there goes on with it.
    #[arg(long, default_value = "hocphi-demo")]
    dir: PathBuf,
}

impl Demo {
    pub async fn run(self) -> Result<ExitCode> {
        // The story is told on standard output; the log would only stand in its way.
        if std::env::var_os("RUST_LOG").is_some() {
            super::serve::logs(&Config::default());
        }
        let demo = demo::Demo { dir: self.dir, listen: self.listen, once: self.once };
        let agreed = demo::play(&demo).await?;
        Ok(if agreed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
