//! The command line of Học Phí: reads the arguments, opens what they name, calls one function of the library.
//!
//! Usage errors exit 2 with one sentence; refusals and faults exit 1 with one sentence on standard error.

mod command;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use command::prompt;

/// A request is made of some hundred small pieces, and most of them end on another thread than they began on.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Học Phí: cashless school fees, reconciled to the đồng.
#[derive(Parser)]
#[command(name = "hocphi", version)]
struct Arguments {
    #[command(subcommand)]
    command: command::Command,
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(wrong) => return prompt::misread(&wrong, Arguments::command(), std::env::args_os().skip(1)),
    };
    // One more than there are processors, because whoever writes to SQLite waits for the disk on one of them.
    let threads = std::thread::available_parallelism().map_or(2, usize::from) + 1;
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: start the runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(command::run(arguments.command)) {
        Ok(code) => code,
        Err(error) => prompt::failed(&error),
    }
}
