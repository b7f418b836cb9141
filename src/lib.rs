//! Học Phí: the cashless school-fee payment gateway of Vietnam.
//!
//! A school issues its fees, a family pays by the VietQR on its page, the bank tells us, the evening statement proves
//! it; the books, the receipts and the city's feed follow by themselves.
//!
//! ```text
//!  bank ─▶ web::hook ─▶ providers ─▶ inbox ─▶ matching ─▶ ledger ─▶ receipts ─▶ outbox ─▶ feed ─▶ city
//!          accepts      proves       keeps    decides     posts     numbers     promises  publishes
//!  statement file ─▶ statements ─▶ inbox          parent ─▶ web::parent ─▶ fees ─▶ vietqr
//! ```
//!
//! # Where to begin
//!
//! [`web::hook`] is the door, [`inbox::Keeper`] the moment after which money cannot be lost, [`matching::decide()`] the
//! decision, [`ledger::Entry`] what is posted, and [`clockwork`] what makes everything after the door happen. Every
//! question that must find nothing stands in [`ledger::audit()`].
//!
//! # What holds everywhere
//!
//! - **Keep, then answer.** A bank gets its 2xx when its delivery and the credits in it are durable, and not before.
//! - **One credit, many tellings.** A retry, a second aggregator and the statement tell of one transfer; what is
//!   doubtful is held, never posted twice and never dropped.
//! - **Append-only.** Facts are never changed; what became of them stands beside them, and a mistake is a new entry.
//! - **Any step may run twice.** A transaction may be repeated by the engine, a batch by another process: unique
//!   constraints written with the money decide, never a memory.
//! - **A write is decided first.** The decision is a pure function of what was read; one write follows it.
//!
//! # The order of the rooms
//!
//! The bottom, imported by anyone: `store money ids time fault config seal paper`. Then `vietqr providers ledger`,
//! which import only the bottom. Then, each importing only what stands before it: `access outbox roll ledger fees inbox
//! statements receipts matching refunds closing feed orders oversight`. Then `web clockwork simulate` and the commands,
//! which see everything. A test reads the imports and fails on a backward arrow. (`refunds` and `closing` keep their
//! places.)
//!
//! Four things differ from the order in which the work is told, each for a reason:
//!
//! - `access` and `outbox` stand first: the line in the trail and the promise to tell are written in the transaction of
//!   the deed, whichever room does it, and need only ids to say it.
//! - `receipts` stands before `matching`: a receipt's number is given in the transaction that posts the money.
//! - `seal` is a room of its own at the bottom, because the roll, the inbox, the outbox and the parent's links all need
//!   the same data keys, and rotation must find them in one place.
//! - `paper` is a room of its own at the bottom, because notices (fees) and receipts are pages of the same press, and
//!   neither may import the other.
//!
//! # Where the rules were found wanting
//!
//! - A bank was to be answered when the keeper had said whether its credits were new. Of seventeen providers three say
//!   so in their answer; for the others a bank waited for what nobody had asked. What was read from a delivery is kept
//!   with it, sealed, and [`inbox::sort`] finds out at the program's own pace what is new.
//! - Two connections tell of one transfer on two days, one before midnight and one after it. What may be the same
//!   credit is therefore alike within a day, not only on the same one.
//! - Distinct ids on one connection are distinct credits, because siblings pay the same sum in the same minute; but a
//!   number that a bank never gives twice, told under a second id, is a doubt, because an aggregator told it anew.
//! - Money without a payment reference waits for a person whatever we do, so two connections that tell of an equal sum
//!   without one are a doubt too, once for each, on one day or about one midnight.
//! - One line of a statement is one transfer, and of several tellings that may be it the one that stands in the books
//!   is shown, not the doubt whose words happen to be nearer: otherwise both would be posted.
//! - What a connection told for another hour does not make its next telling news, and a doubt that a line of its own
//!   has shown says nothing of the credit it was taken for.
//! - Of two connections one may name an invoice by a virtual account and the other by the text. Within minutes that is
//!   a doubt as well: the same number of the bank, or nothing, is what would tell them apart.
//! - A credit that the bank took back is on the statement all the same, and so is its going. Its line shows it, and
//!   neither is posted; what was disowned is not met, because it was said never to have come.
//! - A file covers days only once all its lines are stored, and never a day that was not over when it was brought.
//! - A bank that shows bills asks for a second payment of one that is paid: the answer says so, and the money is kept
//!   as a doubt, because such a bank may give it back at once.
//! - A key between two facts that nothing can delete says of a transaction what it has just written itself. PostgreSQL
//!   asks it of every row, 23 times a payment, and locks the school that everybody pays; so it is asked of all the
//!   books by the audit instead, and whatever a fact may name is kept from deletion by triggers on both engines.
//! - An engine that believes a table empty reads the wrong one from end to end. What waits is read first by the order
//!   of its statement, and nothing stands in it that would let an engine begin with all there ever was.
//!
//! - SQLite has no server that could be waited for. Through the driver of both engines, which hands each row from one
//!   thread to another, a payment took fourteen switches of threads and they cost more than SQLite did. So what rooms
//!   ask of SQLite is asked in their own thread; the driver of both makes schemas and copies.
//! - Whoever is told of a payment posts it at once, or a second later when banks tell faster than is written: a bank
//!   that is not answered comes again with everything, and what is kept can wait.
//!
//! # Deliberately absent
//!
//! Floats in anything that is money, a state that could be derived and is stored (but for the sums that dashboards
//! show, which the audit compares with the books), a query that only one engine understands, rules about money in
//! handlers, and a cache that decides whether something was done.

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
pub mod orders;
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
        orders::ALL,
        outbox::ALL,
        oversight::ALL,
        receipts::ALL,
        roll::ALL,
        seal::ALL,
        simulate::ALL,
        statements::ALL,
        store::LEASE_STATEMENTS,
        store::VERSION_STATEMENTS,
    ]
    .concat()
}
