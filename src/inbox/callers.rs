//! Who calls: a connection with its secrets open, remembered, or looked up for everybody who asks at once.
//!
//! A bank's burst would cost the database a question for each request; [`Callers`] asks one for all who wait, and who
//! comes meanwhile waits for the next.
//!
//! **Invariant:** a secret that was retired and a connection that was ended prove nothing from that moment on, in
//! whichever process. Whoever asks [`Callers::connection`] is answered from what the database held after he asked.
//! What [`Callers::remembered`] gives is good for one thing only: a delivery that it proves is handed to the keeper,
//! which keeps it where the same transaction finds every one of these secrets still proving. It rests on this: a secret
//! that is added makes nothing prove less, because it only ever stands beside one of its own name.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::connection::{Account, Connection, secret_context};
use super::sql;
use crate::fault::{OrFault, Result};
use crate::ids;
use crate::providers::Secrets;
use crate::seal::Vault;
use crate::store::{Arg, Store, record};
use crate::time::Moment;

/// How long a glance may take. Everybody who calls waits for it, so a server that says nothing is soon asked on a
/// connection that is tried first.
const GLANCE: Duration = Duration::from_secs(2);
/// How many may wait for the next question; more ask by themselves.
const MOST_WAITING: usize = 1_024;
/// How many connections are remembered: those of a city. One more, and the others are looked up anew.
const MOST_REMEMBERED: usize = 16_384;

/// Who looks connections up. Cloning shares it.
#[derive(Clone)]
pub struct Callers {
    store: Store,
    vault: Vault,
    queue: mpsc::Sender<Asked>,
    memory: Memory,
}

/// Live connections as they were looked up last.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<HashMap<String, Arc<Connection>>>>);

impl Memory {
    fn known(&self) -> MutexGuard<'_, HashMap<String, Arc<Connection>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn learn(&self, found: &HashMap<String, Arc<Connection>>) {
        let mut known = self.known();
        for (id, connection) in found {
            known.remove(id);
            if connection.ended_at.is_some() || connection.secret_ids.is_empty() {
                continue;
            }
            if known.len() >= MOST_REMEMBERED {
                known.clear();
            }
            known.insert(id.clone(), Arc::clone(connection));
        }
    }

    fn forget(&self, disproven: &Arc<Connection>) {
        let mut known = self.known();
        if known.get(&disproven.id).is_some_and(|connection| Arc::ptr_eq(connection, disproven)) {
            known.remove(&disproven.id);
        }
    }
}

struct Asked {
    id: String,
    answer: oneshot::Sender<Option<Arc<Connection>>>,
}

record! {
    /// One account and one live secret of a connection; it stands once for each two of them.
    struct Side {
        id: String,
        provider: String,
        school_id: String,
        memo_prefix: Option<String>,
        memo_max: i64,
        orders_from: Option<Moment>,
        ended_at: Option<Moment>,
        account_id: Option<String>,
        bank_bin: Option<String>,
        number: Option<String>,
        secret_id: Option<String>,
        secret_name: Option<String>,
        sealed: Option<Vec<u8>>,
    }
}

impl Callers {
    /// Starts looking; it ends when the last clone is dropped.
    pub fn start(store: Store, vault: Vault) -> Callers {
        let (queue, asked) = mpsc::channel(MOST_WAITING);
        let memory = Memory::default();
        tokio::spawn(work(store.clone(), vault.clone(), asked, memory.clone()));
        Callers { store, vault, queue, memory }
    }

    /// A connection as it was looked up last, to prove what the keeper is to keep. None: nobody looked, or it ended.
    pub fn remembered(&self, id: &str) -> Option<Arc<Connection>> {
        self.memory.known().get(id).cloned()
    }

    /// What was remembered proves no longer.
    pub fn forget(&self, disproven: &Arc<Connection>) {
        self.memory.forget(disproven);
    }

    /// A connection with its secrets open; ended ones too. None: there is no such connection.
    ///
    /// # Errors
    /// As [`connection`].
    pub async fn connection(&self, id: &str) -> Result<Option<Arc<Connection>>> {
        if !ids::is_id(id, "con") {
            return Ok(None);
        }
        let (answer, answered) = oneshot::channel();
        if self.queue.try_send(Asked { id: id.to_owned(), answer }).is_ok()
            && let Ok(found) = answered.await
        {
            return Ok(found);
        }
        // What failed for all is asked once more by each, who then hears what is wrong with his own.
        Ok(Box::pin(connection(&self.store, &self.vault, id)).await?.map(Arc::new))
    }
}

async fn work(store: Store, vault: Vault, mut queue: mpsc::Receiver<Asked>, memory: Memory) {
    while let Some(first) = queue.recv().await {
        // Who is about to ask does so first: a burst becomes one question instead of one for each two or three of it.
        tokio::task::yield_now().await;
        let mut asked = vec![first];
        while let Ok(next) = queue.try_recv() {
            asked.push(next);
        }
        let mut ids: Vec<&str> = asked.iter().map(|asked| asked.id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        let found = match timeout(GLANCE, store.glance_in(&sql::CALLERS, keys(&ids))).await {
            Ok(Ok(sides)) => opened_all(&vault, sides).await,
            _ => look_up(&store, &vault, &ids).await,
        };
        let found = match found {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(asked = asked.len(), %error, "who calls could not be asked for all, and is asked by each");
                continue;
            }
        };
        memory.learn(&found);
        for Asked { id, answer } in asked {
            // Whoever stopped waiting needs no answer.
            let _ = answer.send(found.get(&id).cloned());
        }
    }
}

/// A connection with its secrets open; ended ones too. None: there is no such connection.
///
/// # Errors
/// Faults of the store; a secret that does not open.
pub async fn connection(store: &Store, vault: &Vault, id: &str) -> Result<Option<Connection>> {
    if !ids::is_id(id, "con") {
        return Ok(None);
    }
    Ok(look_up(store, vault, &[id]).await?.remove(id).and_then(Arc::into_inner))
}

async fn look_up(store: &Store, vault: &Vault, ids: &[&str]) -> Result<HashMap<String, Arc<Connection>>> {
    opened_all(vault, store.all_in(&sql::CALLERS, keys(ids)).await?).await
}

fn keys(ids: &[&str]) -> Vec<Arg> {
    ids.iter().map(|id| Arg::from(*id)).collect()
}

async fn opened_all(vault: &Vault, sides: Vec<Side>) -> Result<HashMap<String, Arc<Connection>>> {
    let mut found = HashMap::new();
    for sides in sides.chunk_by(|one, other| one.id == other.id) {
        let connection = opened(vault, sides).await?;
        found.extend(connection.map(|connection| (connection.id.clone(), Arc::new(connection))));
    }
    Ok(found)
}

async fn opened(vault: &Vault, sides: &[Side]) -> Result<Option<Connection>> {
    let Some(first) = sides.first() else { return Ok(None) };
    let mut accounts: Vec<Account> = sides.iter().filter_map(Side::account).collect();
    accounts.dedup();
    let (mut secrets, mut secret_ids) = (Secrets::new(), Vec::new());
    for side in sides.iter().filter(|side| side.account_id == first.account_id) {
        let (Some(id), Some(name), Some(sealed)) = (&side.secret_id, &side.secret_name, &side.sealed) else { continue };
        let opened = Zeroizing::new(vault.open(sealed, &secret_context(id)).await?);
        let text = std::str::from_utf8(&opened).or_fault("open a secret: it is no text")?;
        secrets.add(name, Zeroizing::new(text.to_owned()));
        secret_ids.push(id.clone());
    }
    Ok(Some(Connection {
        id: first.id.clone(),
        provider: first.provider.clone(),
        school_id: first.school_id.clone(),
        accounts,
        memo_prefix: first.memo_prefix.clone(),
        memo_max: first.memo_max,
        secrets,
        secret_ids: secret_ids.into(),
        orders_from: first.orders_from,
        ended_at: first.ended_at,
    }))
}

impl Side {
    fn account(&self) -> Option<Account> {
        let (id, bank_bin, number) = (self.account_id.clone()?, self.bank_bin.clone()?, self.number.clone()?);
        Some(Account { id, bank_bin, number })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(number: usize, ended_at: Option<Moment>) -> Arc<Connection> {
        Arc::new(Connection {
            id: format!("con_{number}"),
            provider: String::new(),
            school_id: String::new(),
            accounts: Vec::new(),
            memo_prefix: None,
            memo_max: 0,
            secrets: Secrets::new(),
            secret_ids: [format!("sec_{number}")].into(),
            orders_from: None,
            ended_at,
        })
    }

    fn learn(memory: &Memory, connection: &Arc<Connection>) {
        memory.learn(&HashMap::from([(connection.id.clone(), Arc::clone(connection))]));
    }

    #[test]
    fn so_many_are_remembered_and_one_more_begins_anew() {
        let memory = Memory::default();
        for number in 0..MOST_REMEMBERED - 1 {
            learn(&memory, &connection(number, None));
        }
        assert_eq!(memory.known().len(), MOST_REMEMBERED - 1);
        let last = connection(MOST_REMEMBERED - 1, None);
        learn(&memory, &last);
        learn(&memory, &last);
        assert_eq!(memory.known().len(), MOST_REMEMBERED);
        learn(&memory, &connection(MOST_REMEMBERED, None));
        assert_eq!(memory.known().len(), 1);
    }

    #[test]
    fn what_ended_or_was_disproven_is_not_remembered() {
        let (memory, first, second) = (Memory::default(), connection(1, None), connection(1, None));
        learn(&memory, &first);
        learn(&memory, &second);
        memory.forget(&first);
        assert_eq!(memory.known().len(), 1, "it was looked up anew since");
        memory.forget(&second);
        assert_eq!(memory.known().len(), 0);
        learn(&memory, &first);
        learn(&memory, &connection(1, Some(Moment(1))));
        assert_eq!(memory.known().len(), 0);
    }
}
