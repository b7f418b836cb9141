//! A bell between those who write work and those who do it, so that nobody polls while something just came.

use std::sync::Arc;

use tokio::sync::watch;

/// Rung after a commit that left work to do. Cloning gives the same bell; ringing never waits and is never lost.
#[derive(Debug, Clone)]
pub struct Wake(Arc<watch::Sender<u64>>);

/// One ear of the bell.
#[derive(Debug)]
pub struct Ear(watch::Receiver<u64>);

impl Default for Wake {
    fn default() -> Self {
        Wake::new()
    }
}

impl Wake {
    /// A bell nobody hears yet.
    pub fn new() -> Wake {
        Wake(Arc::new(watch::Sender::new(0)))
    }

    /// There is work.
    pub fn ring(&self) {
        self.0.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// An ear that hears every ring from now on; several rings at once are heard as one.
    pub fn ear(&self) -> Ear {
        Ear(self.0.subscribe())
    }
}

impl Ear {
    /// Waits until the bell was rung since this ear last heard it.
    pub async fn rung(&mut self) {
        if self.0.changed().await.is_err() {
            // Every bell is gone: nobody will ever ring, and waiting for ever says so.
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_ring_before_listening_is_not_lost() {
        let wake = Wake::new();
        let mut ear = wake.ear();
        wake.ring();
        wake.ring();
        ear.rung().await;
        let quiet = tokio::time::timeout(std::time::Duration::from_millis(1), ear.rung()).await;
        assert!(quiet.is_err(), "two rings before hearing are one");
    }
}
