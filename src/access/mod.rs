//! Who may do what, and who did what: people with passwords, roles bound to a school or an authority, sessions,
//! programs' keys, the audit trail, one-use form keys and the requests that a program may send twice.
//!
//! **Invariants:** a password is kept only as argon2id and a key only as SHA-256; a login that does not exist is
//! answered as slowly as a wrong password; a role at one school says nothing about another; who left may do nothing
//! from that moment on; the trail holds ids, never a child's name and never a secret.
//!
//! Deliberately absent: roles that are made up at run time, passwords sent by mail, and any table of who may see
//! which field: a role is one of three words.

mod guess;
mod keys;
pub mod limits;
mod password;
mod person;
mod request;
mod session;
mod sql;
mod trail;

pub use guess::guess;
pub use keys::{ApiKey, NewKey, SCOPES, key_by_token, keys, make_key, revoke_key};
pub use person::{
    Grant, NewPerson, Newcomer, Person, Place, Role, add_person, add_person_in, end_person, grant, grant_missing_in,
    grants, has_people, may, newcomer, person, person_by_login, person_by_login_in, set_password, sign_in,
};
pub use request::{Answered, FormUse, Remembered, claim_form, finish_form, forget_form, remember_in, remembered_in};
pub use session::{SESSION_IDLE_MS, SessionRows, sweep};
pub use sql::ALL;
pub use trail::{Deed, TrailRow, trail, trail_in};
