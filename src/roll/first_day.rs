//! The first day of a house: one link with which nobody's database becomes somebody's, and passwords told once.
//!
//! **Invariants:** only the link's hash is kept, and only in memory, so that a restart makes another; the link opens
//! nothing once anybody was ever let in; what a form made is told again to the same form alone, for a minute.

use std::sync::{Arc, Mutex, PoisonError};

use subtle::ConstantTimeEq;

use super::setup::Done;
use crate::access;
use crate::fault::Result;
use crate::ids;
use crate::seal::token_hash;
use crate::store::Store;
use crate::time::Moment;

/// How long a second press of the same form is told the passwords again.
const TOLD_MS: i64 = 60 * 1000;

/// The door of the first day, and what was made through it and through forms like it.
#[derive(Default)]
pub struct FirstDay {
    hash: Mutex<Option<String>>,
    told: Mutex<Vec<Told>>,
    turn: tokio::sync::Mutex<()>,
}

/// What a form made.
struct Told {
    form: String,
    at: Moment,
    done: Arc<Done>,
}

impl FirstDay {
    /// Makes the link's token; whatever was made before opens nothing any more.
    ///
    /// # Errors
    /// When the machine has no randomness to give.
    pub fn open(&self) -> Result<String> {
        let token = ids::new_token()?;
        *self.hash.lock().unwrap_or_else(PoisonError::into_inner) = Some(token_hash(&token));
        Ok(token)
    }

    /// Is this the link's token?
    pub fn fits(&self, token: &str) -> bool {
        let hash = self.hash.lock().unwrap_or_else(PoisonError::into_inner);
        hash.as_ref().is_some_and(|hash| bool::from(hash.as_bytes().ct_eq(token_hash(token).as_bytes())))
    }

    /// Does the link still open anything? Not after anybody was let in.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn is_open(&self, store: &Store, token: &str) -> Result<bool> {
        Ok(self.fits(token) && !access::has_people(store).await?)
    }

    /// Waits until nobody else is setting up: two tabs may not both be the first.
    pub async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// Keeps what a form made, for its second press.
    pub fn tell(&self, form: &str, done: Done, now: Moment) -> Arc<Done> {
        let done = Arc::new(done);
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.retain(|told| now.0.saturating_sub(told.at.0) < TOLD_MS);
        told.push(Told { form: form.to_owned(), at: now, done: Arc::clone(&done) });
        done
    }

    /// What this form made, within the minute.
    pub fn told(&self, form: &str, now: Moment) -> Option<Arc<Done>> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.retain(|told| now.0.saturating_sub(told.at.0) < TOLD_MS);
        told.iter().find(|told| told.form == form).map(|told| Arc::clone(&told.done))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_link_shuts_the_older_one_and_passwords_are_forgotten_after_a_minute() {
        let day = FirstDay::default();
        assert!(!day.fits(""));
        let first = day.open().expect("a token");
        assert!(day.fits(&first) && !day.fits(""));
        let second = day.open().expect("a token");
        assert!(!day.fits(&first) && day.fits(&second));
        day.tell("form", Done::default(), Moment(0));
        assert!(day.told("form", Moment(TOLD_MS - 1)).is_some());
        assert!(day.told("another", Moment(0)).is_none());
        assert!(day.told("form", Moment(TOLD_MS)).is_none());
    }
}
