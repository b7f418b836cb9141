//! What a person or a script reads at the prompt: one sentence for what went wrong, and an end without noise when
//! nobody reads on.

use std::ffi::OsString;
use std::fmt;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::error::ErrorKind;
use hocphi::fault::{Error, Kind, OrFault, Refusal, Result};

/// Refusals that say that the question was asked wrongly; all others are answers.
const USAGE: [&str; 6] =
    ["usage", "no-database", "unknown-database", "no-key-file", "wrong-setting", "nothing-to-set-up"];

/// Standard output for scripts: it ends the program quietly when its reader has gone, as `head` does.
pub struct Out;

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        io::stdout().write(bytes).or_else(reader_is_gone)
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stdout().flush().or_else(reader_is_gone)
    }
}

fn reader_is_gone<T>(error: io::Error) -> io::Result<T> {
    if error.kind() == io::ErrorKind::BrokenPipe {
        std::process::exit(0);
    }
    Err(error)
}

/// Prints what a command answers.
pub fn print(text: fmt::Arguments<'_>) {
    let printed = Out.write_fmt(text).and_then(|()| Out.flush());
    if let Err(error) = printed {
        eprintln!("error: write to standard output: {error}");
        std::process::exit(1);
    }
}

/// `println!` that ends quietly when nobody reads on.
macro_rules! say {
    ($($part:tt)*) => { $crate::command::prompt::print(format_args!("{}\n", format_args!($($part)*))) };
}
pub(crate) use say;

/// A question that was asked wrongly: one sentence, exit 2.
pub fn usage(vi: impl Into<String>, en: impl Into<String>) -> Error {
    Refusal::new(Kind::Shape, "usage", vi, en).into()
}

/// A file that somebody named.
pub fn read(file: &Path) -> Result<Vec<u8>> {
    std::fs::read(file).or_fault(&format!("read {}", file.display()))
}

/// A text file that somebody named.
pub fn read_text(file: &Path) -> Result<String> {
    std::fs::read_to_string(file).or_fault(&format!("read {}", file.display()))
}

/// `127.0.0.1:8080`: a host and a port.
pub fn listen_address(text: &str) -> std::result::Result<String, String> {
    if hocphi::config::is_listen_address(text) {
        return Ok(text.to_owned());
    }
    Err("an address to listen at is HOST:PORT, such as 127.0.0.1:8080".to_owned())
}

/// Tells what went wrong and chooses the exit code; source places belong to the log, not here.
pub fn failed(error: &Error) -> ExitCode {
    let sentence = match error {
        Error::Fault(fault) => fault.sentence(),
        other => other.to_string(),
    };
    eprintln!("error: {sentence}");
    let asked_wrongly = error.refusal().is_some_and(|refusal| USAGE.contains(&refusal.code));
    if asked_wrongly { ExitCode::from(2) } else { ExitCode::FAILURE }
}

/// What the reader of the arguments says: help on standard output, or one sentence and exit 2.
pub fn misread(wrong: &clap::Error, program: clap::Command, arguments: impl Iterator<Item = OsString>) -> ExitCode {
    if !wrong.use_stderr() {
        print(format_args!("{wrong}"));
        return ExitCode::SUCCESS;
    }
    eprintln!("{}", sentence(wrong, program, arguments));
    ExitCode::from(2)
}

fn sentence(wrong: &clap::Error, program: clap::Command, arguments: impl Iterator<Item = OsString>) -> String {
    let text = wrong.to_string();
    let mut lines = text.lines().map(str::trim).take_while(|line| !line.is_empty());
    let first = lines.next().unwrap_or("error: these arguments cannot be read").to_owned();
    let rest: Vec<&str> = lines.collect();
    match wrong.kind() {
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
            let (name, known) = subcommands(program, arguments);
            format!("error: {name} needs one of its commands: {known}")
        }
        ErrorKind::InvalidSubcommand => {
            let (name, known) = subcommands(program, arguments);
            format!("{first}; {name} has: {known}")
        }
        _ if rest.is_empty() => first,
        _ if first.ends_with(':') => format!("{first} {}", rest.join(", ")),
        _ => format!("{first} {}", rest.join(" ")),
    }
}

/// The command that these arguments name, and what may follow it.
fn subcommands(program: clap::Command, arguments: impl Iterator<Item = OsString>) -> (String, String) {
    let mut name = program.get_name().to_owned();
    let mut at = &program;
    for argument in arguments {
        let Some(next) = argument.to_str().and_then(|word| at.find_subcommand(word)) else { break };
        name = format!("{name} {}", next.get_name());
        at = next;
    }
    let known: Vec<&str> = at.get_subcommands().map(clap::Command::get_name).filter(|name| *name != "help").collect();
    (name, known.join(", "))
}
