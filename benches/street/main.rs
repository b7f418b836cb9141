//! `cargo bench --bench street`: how many payments a second the program takes, beside what most teams would write.
//!
//! Three servers take the same signed requests of SePay and payOS over 64 connections from a process of its own:
//! the *ceiling*, which proves and answers and keeps nothing; *baselines*, one transaction for each request; and *ours*,
//! the program as it is served. Each on SQLite and on PostgreSQL, with one school that everybody pays and with a
//! hundred; interleaved, three rounds; each round on a fresh copy of a seeded database, counted afterwards.
//!
//! The baselines post before they answer; ours answers when the telling is durable and posts after it. So two figures
//! stand side by side: durable answers, and credits fully posted until the last of them was.
//!
//! On SQLite the rows of the payments that ours posted are then put into a fresh copy by a loop that does nothing else:
//! the limit of these books on this machine.
#![expect(clippy::expect_used, reason = "a measurement that cannot go on ends with what kept it")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a measurement is read from a terminal")]

mod baseline;
mod ceiling;
mod heard;
mod load;
mod machine;
mod postgres;
mod report;
mod round;
mod rows;
mod seed;

use std::process::ExitCode;

/// What this process is: the measurement itself, or one of the processes it starts.
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = |threads: usize| {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(threads).enable_all().build().expect("a runtime")
    };
    match words.as_slice() {
        ["ceiling", tellers] => runtime(2).block_on(ceiling::serve(tellers)),
        ["baseline", form, database, tellers] => runtime(2).block_on(baseline::serve(form, database, tellers)),
        ["load", plan] => runtime(1).block_on(load::run(plan)),
        asked => runtime(2).block_on(round::measure(&round::Asked::of(asked))),
    }
    ExitCode::SUCCESS
}
