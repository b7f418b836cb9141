//! Work that keeps a core busy for long, on threads of its own: drawing papers, reading spreadsheets.
//!
//! **Invariant:** a bank that tells of money never waits for somebody's class list, because what runs here holds none
//! of the threads that answer.

use tokio::sync::Semaphore;

use crate::fault::{Error, OrFault, Result};

/// Each piece may hold a whole file in memory and all want a core, so only a few run at once.
static TURNS: Semaphore = Semaphore::const_new(4);

/// Runs a piece of work aside and waits for it without holding a thread.
///
/// # Errors
/// Its own; a fault when it panicked.
pub async fn aside<T, E>(work: impl FnOnce() -> std::result::Result<T, E> + Send + 'static) -> Result<T>
where
    T: Send + 'static,
    E: Into<Error> + Send + 'static,
{
    let _turn = TURNS.acquire().await.or_fault("wait for a turn of long work")?;
    tokio::task::spawn_blocking(work).await.or_fault("do long work on a thread of its own")?.map_err(Into::into)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn who_answers_goes_on_while_long_work_is_done() {
        let (answer, answered) = mpsc::channel();
        let long = aside(move || answered.recv_timeout(Duration::from_mins(1)).or_fault("hear of an answer"));
        // The one thread of this test would never get here if the work above held it.
        let (heard, sent) = tokio::join!(long, async move { answer.send("answered") });
        sent.expect("the work still listens");
        assert_eq!(heard.expect("work that was not in the way"), "answered");
    }
}
