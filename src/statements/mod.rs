//! A bank's own statement, the last word on what came: lines into credits, the ones already told of met one to one.
//!
//! The important function is [`import`].
//!
//! **Invariants**
//! - A line is stored once, by its day, amount, balance, reference, text and its ordinal among equals; the same file
//!   twice, or files that overlap, add nothing.
//! - Every balance follows from the one before it, or the hole is named, or the file is refused with the row.
//! - How far a file came is derived from what is stored, but that its lines are all there and that a person sealed it;
//!   what it lacks is named by its time until another file has it.
//! - Each incoming line shows one credit and each credit is shown by one line; two siblings never become one.
//! - Whatever was lost, doubled or told in another order before, the books are the same afterwards.
//!
//! Deliberately absent: formulas; guessing an account; the dialects of MT940 and CAMT.053 of single banks, of which
//! none publishes a sample.

mod amount;
mod camt;
mod chain;
mod cover;
mod dates;
mod files;
mod heading;
mod hole;
mod import;
mod join;
mod missing;
mod mt940;
mod read;
mod returned;
mod sql;
mod table;

pub use files::{File, FileLine, Gap, State, file, files, gaps, lines_of, seal};
pub use import::{Summary, Upload, import, open_memo};
pub use missing::{Missing, missing};
pub use read::{Hole, MOST_LINES, Statement, StatementLine, read, read_all};
pub use returned::{Outgoing, is_returned, outgoing};
pub use sql::ALL;
