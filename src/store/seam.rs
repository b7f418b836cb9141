//! Where a simulation makes the store fail, before or after what was done took effect. Served programs have none.

use std::sync::Arc;

use super::unavailable;
use crate::fault::{Error, Result};

/// What somebody who commits meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meets {
    /// Nothing: it is durable, and said to be.
    Nothing,
    /// Another writer was first: nothing of it is durable.
    Contention,
    /// The store goes away first: nothing of it is durable.
    FailureBefore,
    /// The store goes away before it says so: everything is durable, and whoever asked does not know.
    FailureAfter,
}

/// What happens at the seam between the program and its database.
pub trait Seam: Send + Sync {
    /// Is the store out of reach for whoever asks or begins now?
    fn is_away(&self) -> bool;

    /// What does this commit meet?
    fn commit(&self) -> Meets;

    /// It took effect, and nobody knows yet.
    fn committed(&self) {}
}

/// The seam of a store, where there is one.
#[derive(Clone, Default)]
pub(super) struct AtSeam(pub(super) Option<Arc<dyn Seam>>);

impl AtSeam {
    pub(super) fn look(&self) -> Result<()> {
        match &self.0 {
            Some(seam) if seam.is_away() => Err(unavailable("store-away").into()),
            _ => Ok(()),
        }
    }

    pub(super) fn commit(&self) -> Meets {
        self.0.as_ref().map_or(Meets::Nothing, |seam| seam.commit())
    }

    pub(super) fn committed(&self) {
        if let Some(seam) = &self.0 {
            seam.committed();
        }
    }
}

impl Meets {
    /// What is said before anything is committed.
    pub(super) fn before(self) -> Result<()> {
        match self {
            Meets::Nothing | Meets::FailureAfter => Ok(()),
            Meets::Contention => Err(Error::Contended),
            Meets::FailureBefore => Err(unavailable("store-away").into()),
        }
    }

    /// What is said after everything is.
    pub(super) fn after(self) -> Result<()> {
        match self {
            Meets::FailureAfter => Err(unavailable("store-away").into()),
            Meets::Nothing | Meets::Contention | Meets::FailureBefore => Ok(()),
        }
    }
}
