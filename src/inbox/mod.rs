//! What banks told us, kept as it came: deliveries verbatim, and every incoming transfer once, however many told of it.
//!
//! The important functions are [`Keeper::keep`] and [`sort`]. The one returns when the delivery and what was read from
//! it are durable, and only then may the bank be answered; the other finds out, at the program's own pace, which of it
//! is new. A bank whose answer says whether it had told of it before has it sorted while it waits.
//!
//! **Invariants**
//! - What was answered is kept: a delivery is committed with what was read from it, sealed on the pile of what is to be
//!   sorted, or with its credits and tellings, or not at all.
//! - A telling is unique by connection, the provider's own id and content. Two tellings on one connection with
//!   distinct ids are distinct credits, because siblings pay the same sum in the same minute.
//! - Across connections two tellings are one credit only by an equal account and a bank's number declared unique, or
//!   when a statement line has shown the credit. What is merely alike is kept as a doubt: never posted, never dropped.
//! - A credit lies on an account bound to the connection that told of it.
//! - Bodies, memos, payers and secrets are sealed; what is stored in clear is made or checked here.
//!
//! Deliberately absent: whose money a credit is (`matching`), the books (`ledger`), and asking a bank anything.

mod alike;
mod callers;
mod connection;
mod day;
mod debits;
mod doctor;
mod given;
mod identity;
mod keeper;
mod keys;
mod likeness;
mod prepare;
mod prove;
mod sorter;
mod sql;

pub use callers::{Callers, connection};
pub use connection::{
    Account, Connection, NewConnection, ORDER_TEXT, SecretLife, add_secret, check_forms, check_published, connect,
    connected, connections, connections_of, end, provider_of, retire_secret, retire_secret_value, secrets_of,
};
pub use day::{DayCredit, DayView, Unreadable, day, unreadable};
pub use debits::{Debit, debits, is_reversed, reversed};
pub use doctor::{Disbelieved, Health, Refusals, health, looked_back};
pub use given::{Given, GivenAccount, give_accounts, read_accounts};
pub use keeper::{Delivery, Keeper, Kept, MOST_WAITING_BYTES};
pub use keys::{ORDER, VIRTUAL_ACCOUNT, add_key_in, by_keys, by_keys_in};
pub use likeness::{Likeness, bank_reference, likeness};
pub use prepare::{memo_context, open_memo, open_memos, payer_context};
pub use prove::{Line, Met, Proved, Round, meet_in, prove_in};
pub use sorter::{sort, unsorted_numbers};
pub use sql::ALL;

/// Since when matching is to look at a credit: at once, whatever the clock of the machine that looks.
const AT_ONCE: i64 = 0;
