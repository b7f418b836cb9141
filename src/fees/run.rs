//! A đợt thu before anything is issued: what is asked of which classes.

use crate::money::Dong;
use crate::store::record;
use crate::time::{Day, Moment};

record! {
    /// A billing run.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Run {
        /// `run_…`
        pub id: String,
        /// The school.
        pub school_id: String,
        /// The receiving account its invoices name.
        pub account_id: String,
        /// What parents read above the lines.
        pub title: String,
        /// `2026-2027`
        pub school_year: String,
        /// By when.
        pub due_day: Day,
        /// When it was made.
        pub made_at: Moment,
        /// By whom.
        pub made_by: String,
    }
}

record! {
    /// Something that happened to a run.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct RunEvent {
        /// The run.
        pub run_id: String,
        /// `issuing`, `issued`, `published`, `undoing` or `undone`.
        pub kind: String,
        /// When.
        pub at: Moment,
        /// Who.
        pub actor: String,
    }
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RunState {
    /// Nothing is issued; it may be looked at.
    Draft,
    /// Invoices are being made.
    Issuing,
    /// All invoices are made; parents do not see them yet.
    Issued,
    /// Parents see them.
    Published,
    /// Invoices are being voided.
    Undoing,
    /// All were voided.
    Undone,
}

impl RunState {
    /// From the kinds of everything that happened; the furthest counts.
    pub fn of<'a>(kinds: impl Iterator<Item = &'a str>) -> RunState {
        kinds.map(RunState::after).max().unwrap_or(RunState::Draft)
    }

    fn after(kind: &str) -> RunState {
        match kind {
            "issuing" => RunState::Issuing,
            "issued" => RunState::Issued,
            "published" => RunState::Published,
            "undoing" => RunState::Undoing,
            "undone" => RunState::Undone,
            _ => RunState::Draft,
        }
    }

    /// The stable word for programs.
    pub const fn code(self) -> &'static str {
        match self {
            RunState::Draft => "draft",
            RunState::Issuing => "issuing",
            RunState::Issued => "issued",
            RunState::Published => "published",
            RunState::Undoing => "undoing",
            RunState::Undone => "undone",
        }
    }
}

/// What a new run asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRun {
    /// The school.
    pub school_id: String,
    /// The receiving account.
    pub account_id: String,
    /// What parents read above the lines.
    pub title: String,
    /// By when.
    pub due_day: Day,
    /// Items in the order of the lines, with how many units of each.
    pub items: Vec<(String, i64)>,
    /// The classes; their school year is the run's.
    pub classes: Vec<String>,
}

/// What issuing would make, per class and item.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preview {
    /// One row per class and item that asks something of somebody.
    pub rows: Vec<PreviewRow>,
    /// Invoices that would be made.
    pub invoices: i64,
    /// Their sum.
    pub total: Dong,
    /// Pupils of the classes who would get no invoice, because no line asks anything of them.
    pub without_lines: Vec<String>,
    /// What a person should know before issuing, in Vietnamese and English.
    pub warnings: Vec<(String, String)>,
}

/// One class's share of one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviewRow {
    /// `cls_…`
    pub class_group_id: String,
    /// `3A`
    pub class_name: String,
    /// `fit_…`
    pub item_id: String,
    /// The official name.
    pub item_name: String,
    /// Units for each pupil.
    pub quantity: i64,
    /// The price of one for this class's level.
    pub unit_price: Dong,
    /// Pupils who are asked.
    pub pupils: i64,
    /// Their sum.
    pub total: Dong,
}
