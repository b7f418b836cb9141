//! Who owes what, and under which law: the catalogue of fee items, registrations, billing runs and their invoices.
//!
//! **Invariants:** an invoice line cites the official name and the legal basis of its day; a voluntary item is
//! invoiced only after a recorded registration; a run makes at most one invoice for a pupil, whatever crashes in
//! between; parents see nothing of a run before its last row says it is published; a run is undone only while no
//! money has come; paid and overdue are derived, never stored.
//!
//! Deliberately absent: matching money to invoices (see `matching`), a status column, and any price in code.

mod bill;
mod board;
mod books;
mod catalogue;
mod invoice;
mod issue;
pub mod notice;
mod plan;
mod position;
mod registration;
pub mod run;
mod sql;
pub mod view;
mod void;

pub use bill::{DueBill, due_bill, is_owed, payable};
pub use board::{Tally, tally};
pub use catalogue::{CataloguePreview, FeeItem, ListOf, catalogue, import_catalogue, prices, read_catalogue};
pub use invoice::{
    Claim, LastEvent, Lifecycle, Line, OpenInvoice, Share, by_reference, claims, claims_by_references,
    ids_by_references, ids_by_references_in, invoice, invoice_in, invoices, invoices_in, last_events_in,
};
pub use issue::{advance_runs, publish, publish_in, ready_to_issue, start_issuing, start_issuing_in, undo, undo_in};
pub use plan::{Price, price};
pub use position::{Due, Position, SOON_DAYS};
pub use registration::{register, registrations_of, unregister};
pub use run::{NewRun, Preview, PreviewRow, Run, RunState, add_run_in, create_run, plan_new_run, preview_run};
pub use sql::ALL;
pub use void::{reinstate_invoice, reinstate_invoice_in, void_invoice, void_invoice_in};
