//! Học Phí: the cashless school-fee payment gateway of Vietnam.
//!
//! Rooms import only what stands before them: `access outbox roll ledger fees inbox statements receipts matching
//! refunds closing feed oversight`. Access and outbox stand first, because the line in the trail and the promise to
//! tell are written in the transaction of the deed, whichever room does it, and need only ids to say it. Receipts stand
//! before matching, because a receipt's number is given in the transaction that posts the money.

pub mod access;
pub mod aside;
pub mod clockwork;
pub mod config;
pub mod fault;
pub mod feed;
pub mod fees;
pub mod ids;
pub mod inbox;
pub mod ledger;
pub mod matching;
pub mod money;
pub mod outbox;
pub mod oversight;
pub mod paper;
pub mod providers;
pub mod receipts;
pub mod roll;
pub mod seal;
pub mod simulate;
pub mod statements;
pub mod store;
pub mod time;
pub mod vietqr;
pub mod web;

/// Every named statement of every room, for the test that prepares each on both engines.
pub fn statements() -> Vec<store::Statement> {
    [
        access::ALL,
        feed::ALL,
        fees::ALL,
        inbox::ALL,
        &ledger::statements(),
        matching::ALL,
        outbox::ALL,
        oversight::ALL,
        receipts::ALL,
        roll::ALL,
        seal::ALL,
        statements::ALL,
        store::LEASE_STATEMENTS,
        store::VERSION_STATEMENTS,
    ]
    .concat()
}
