//! Học Phí: the cashless school-fee payment gateway of Vietnam.

pub mod access;
pub mod config;
pub mod fault;
pub mod fees;
pub mod ids;
pub mod ledger;
pub mod money;
pub mod providers;
pub mod roll;
pub mod seal;
pub mod simulate;
pub mod store;
pub mod time;
pub mod vietqr;

/// Every named statement of every room, for the test that prepares each on both engines.
pub fn statements() -> Vec<store::Statement> {
    [
        access::ALL,
        fees::ALL,
        &ledger::statements(),
        roll::ALL,
        seal::ALL,
        store::LEASE_STATEMENTS,
        store::VERSION_STATEMENTS,
    ]
    .concat()
}
