//! What every handler is given.

use tokio::sync::broadcast;

use crate::config::Config;
use crate::seal::Vault;
use crate::store::Store;
use crate::time::Clock;

/// The open house: the store, the vault, the clock, and who is told when an invoice's money changed.
pub struct House {
    /// The database.
    pub store: Store,
    /// What opens sealed values and derives page tokens.
    pub vault: Vault,
    /// The time.
    pub clock: Clock,
    /// What the operator decided.
    pub config: Config,
    /// Tells that books changed.
    pub news: broadcast::Sender<String>,
}

impl House {
    /// The base of links that leave the program.
    pub fn public_url(&self) -> &str {
        self.config.public_url.as_deref().unwrap_or("http://127.0.0.1:8080")
    }
}
