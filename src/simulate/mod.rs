//! A bank and two schools to try everything against: the demo, the integrator's sandbox, and the tests' world.
//!
//! The important function is [`bank::Bank::scan`]: a parent's bank app reads the very text of the QR code on the page.
//!
//! **Invariants:** the same seed tells the same story; the simulated bank reaches the program only as a real one does,
//! through its hook by HTTP and through a statement file; what it tells and what its statement says agree.
//!
//! Deliberately absent: any way around the hook, the keeper or the import, and names of real people or schools.

pub mod bank;
pub mod boundary;
pub mod chance;
pub mod chatter;
pub mod city;
pub mod converge;
pub mod crash;
pub mod day;
pub mod demo;
pub mod mangle;
pub mod paper;
pub mod references;
pub mod roster;
mod sql;
pub mod stage;
pub mod story;
pub mod summary;
pub mod tellings;
pub mod term;

pub use sql::ALL;
