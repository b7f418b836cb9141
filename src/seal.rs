//! What must not be readable by whoever copies the database: bodies from banks, payers, provider secrets.
//!
//! One master key comes from configuration and encrypts nothing but *data keys*. Each data key belongs to an
//! owner (a school's deliveries, a school's connections, …) and lies wrapped in the small, mutable table
//! `data_key`: rotating the master key rewraps those rows, erasing an owner's data deletes one row.
//!
//! **Invariants:** a sealed value is `version, key id, nonce, ciphertext` (XChaCha20-Poly1305) and opens only
//! under the context it was sealed for; nothing here is ever printed.
//!
//! Deliberately absent: passwords and API keys, which are hashed, not sealed (see `access`).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::fault::{Fault, Kind, OrFault, Refusal, Result};
use crate::ids;
use crate::store::{Store, args, statements, transact};

const VERSION: u8 = 1;
const ID_LENGTH: usize = 30;
const NONCE_LENGTH: usize = 24;
/// The owner of a key that seals nothing and only shows whose master key this is.
const WITNESS: &str = "witness";

statements! {
    /// The wrapped key of an owner. No row: nothing of that owner was ever sealed, or it was erased.
    KEY_OF_OWNER = "select id, wrapped from data_key where owner = $1";

    /// Any wrapped key; one master key wraps them all. No row: nothing was ever sealed here.
    ANY_KEY = "select id, wrapped from data_key order by id limit 1";

    /// A wrapped key by its id. No row: the data sealed with it was erased on purpose.
    KEY_BY_ID = "select wrapped from data_key where id = $1";

    /// A first key for an owner. Zero rows: another writer made it a moment earlier, and theirs counts.
    MAKE_KEY = "insert into data_key (id, owner, wrapped) values ($1, $2, $3)
                on conflict (owner) do nothing";
}

/// The master key: 32 bytes from the key file.
#[derive(Clone)]
pub struct MasterKey(Arc<Zeroizing<[u8; 32]>>);

impl MasterKey {
    /// A key from the text of a key file: 64 hexadecimal digits, blanks around them ignored.
    ///
    /// # Errors
    /// When it is not that; the text itself is never part of the error.
    pub fn parse(text: &str) -> Result<Self> {
        let mut key = Zeroizing::new([0_u8; 32]);
        hex::decode_to_slice(text.trim(), key.as_mut_slice())
            .map_err(|_| Fault::new("read the master key: it must be 64 hexadecimal digits"))?;
        Ok(MasterKey(Arc::new(key)))
    }

    /// A new random key as the text of a key file.
    ///
    /// # Errors
    /// When the machine has no randomness to give.
    pub fn generate() -> Result<Zeroizing<String>> {
        Ok(Zeroizing::new(hex::encode(ids::random::<32>()?)))
    }

    /// A secret derived for one purpose, the same each time: page tokens and cookie keys come from here.
    pub fn derive(&self, purpose: &str, about: &str) -> [u8; 32] {
        let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(self.0.as_slice())
            .unwrap_or_else(|_| unreachable!("HMAC takes keys of every length"));
        mac.update(purpose.as_bytes());
        mac.update(&[0]);
        mac.update(about.as_bytes());
        mac.finalize().into_bytes().into()
    }

    /// An unguessable token for a page about something, derivable again and so never stored.
    pub fn page_token(&self, purpose: &str, about: &str) -> String {
        let secret = self.derive(purpose, about);
        let mut half = [0_u8; 16];
        half.copy_from_slice(&secret[..16]);
        ids::base32(u128::from_be_bytes(half))
    }
}

/// What a stored token is looked up by: its SHA-256 in hexadecimal.
pub fn token_hash(token: &str) -> String {
    use sha2::Digest;
    hex::encode(Sha256::digest(token.as_bytes()))
}

/// Seals and opens with the data keys of one database.
#[derive(Clone)]
pub struct Vault {
    store: Store,
    master: MasterKey,
    by_owner: Arc<Mutex<HashMap<String, DataKey>>>,
    by_id: Arc<Mutex<HashMap<String, DataKey>>>,
}

/// One owner's key, ready for use.
#[derive(Clone)]
pub struct DataKey {
    id: String,
    cipher: XChaCha20Poly1305,
}

impl DataKey {
    /// Seals bytes so that they open only under the same context.
    ///
    /// # Errors
    /// When the machine has no randomness to give.
    pub fn seal(&self, plain: &[u8], context: &str) -> Result<Vec<u8>> {
        let nonce = ids::random::<NONCE_LENGTH>()?;
        let payload = Payload { msg: plain, aad: context.as_bytes() };
        let sealed = self.cipher.encrypt(&XNonce::from(nonce), payload).map_err(|_| Fault::new("seal a value"))?;
        Ok([&[VERSION], self.id.as_bytes(), &nonce, &sealed].concat())
    }

    fn open(&self, rest: &[u8], context: &str) -> Result<Vec<u8>> {
        let Some((nonce, sealed)) = rest.split_first_chunk::<NONCE_LENGTH>() else {
            return Err(Fault::new("open a sealed value: it is cut short").into());
        };
        let payload = Payload { msg: sealed, aad: context.as_bytes() };
        let opened = self.cipher.decrypt(&XNonce::from(*nonce), payload);
        opened.map_err(|_| Fault::new("open a sealed value: wrong key, wrong context or altered").into())
    }
}

impl Vault {
    /// A vault over this store with this master key.
    pub fn new(store: Store, master: MasterKey) -> Self {
        Vault { store, master, by_owner: Arc::default(), by_id: Arc::default() }
    }

    /// A vault whose master key is known to be this database's. A database without any data key gets one now, so that
    /// another master key is noticed at the next start even if nothing was ever sealed.
    ///
    /// # Errors
    /// Refused when the data keys were wrapped with another master key.
    pub async fn proven(store: Store, master: MasterKey) -> Result<Self> {
        let vault = Vault::new(store, master);
        let (id, wrapped): (String, Vec<u8>) = match vault.store.optional(&ANY_KEY, args![]).await? {
            Some(found) => found,
            None => vault.make_key(WITNESS).await?,
        };
        match vault.unwrap_key(&id, &wrapped) {
            Ok(_) => Ok(vault),
            Err(_) => Err(Refusal::new(
                Kind::Conflict,
                "wrong-master-key",
                "Khóa chính (HOCPHI_KEY_FILE) không phải khóa của cơ sở dữ liệu này.",
                "The master key (HOCPHI_KEY_FILE) is not the one of this database.",
            )
            .into()),
        }
    }

    /// The master key, for deriving page tokens.
    pub fn master(&self) -> &MasterKey {
        &self.master
    }

    /// The key of an owner such as `school:sch_…`, made on first use in a transaction of its own.
    ///
    /// # Errors
    /// Faults of the store, or a master key that is not this database's.
    pub async fn key_of(&self, owner: &str) -> Result<DataKey> {
        if let Some(key) = lock(&self.by_owner).get(owner) {
            return Ok(key.clone());
        }
        // On the heap: it is rare, and whoever asks for a key would carry its size about.
        Box::pin(self.learn_key_of(owner)).await
    }

    async fn learn_key_of(&self, owner: &str) -> Result<DataKey> {
        let found: Option<(String, Vec<u8>)> = self.store.optional(&KEY_OF_OWNER, args![owner]).await?;
        let (id, wrapped) = match found {
            Some(found) => found,
            None => self.make_key(owner).await?,
        };
        let key = self.unwrap_key(&id, &wrapped)?;
        lock(&self.by_owner).insert(owner.to_owned(), key.clone());
        lock(&self.by_id).insert(id, key.clone());
        Ok(key)
    }

    /// Opens what [`DataKey::seal`] sealed under the same context.
    ///
    /// # Errors
    /// When the value was altered, belongs to another context, or its key was erased.
    pub async fn open(&self, sealed: &[u8], context: &str) -> Result<Vec<u8>> {
        let (id, rest) = parts(sealed)?;
        self.key_by_id(id).await?.and_then(|key| key.open(rest, context))
    }

    /// Opens a sealed text. What was bytes with bad UTF-8 comes back with replacement marks.
    ///
    /// # Errors
    /// As [`Vault::open`].
    pub async fn open_text(&self, sealed: &[u8], context: &str) -> Result<String> {
        let bytes = self.open(sealed, context).await?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// As [`Vault::open_text`], for who decides something by it: nothing where it cannot be opened any more.
    ///
    /// # Errors
    /// Faults of the store, when its key cannot be read now: whether it can be opened is then not known.
    pub async fn legible(&self, sealed: &[u8], context: &str) -> Result<Option<String>> {
        let Ok((id, rest)) = parts(sealed) else { return Ok(None) };
        let opened = self.key_by_id(id).await?.and_then(|key| key.open(rest, context));
        Ok(opened.ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// The outer result is the store's, the inner one says that there is no such key any more.
    async fn key_by_id(&self, id: &str) -> Result<Result<DataKey>> {
        if let Some(key) = lock(&self.by_id).get(id) {
            return Ok(Ok(key.clone()));
        }
        Box::pin(self.learn_key(id)).await
    }

    async fn learn_key(&self, id: &str) -> Result<Result<DataKey>> {
        let wrapped: Option<Vec<u8>> = self.store.optional(&KEY_BY_ID, args![id]).await?;
        let Some(wrapped) = wrapped else {
            return Ok(Err(Fault::new("open a sealed value: its key was erased").into()));
        };
        let key = self.unwrap_key(id, &wrapped);
        if let Ok(key) = &key {
            lock(&self.by_id).insert(id.to_owned(), key.clone());
        }
        Ok(key)
    }

    async fn make_key(&self, owner: &str) -> Result<(String, Vec<u8>)> {
        let id = ids::new_id("key");
        let plain = Zeroizing::new(ids::random::<32>()?);
        let wrapped = self.wrapping().seal(plain.as_slice(), &id)?;
        transact!(self.store, |tx| {
            tx.run(&MAKE_KEY, args![&id, owner, &wrapped]).await?;
            tx.one(&KEY_OF_OWNER, args![owner]).await
        })
    }

    fn unwrap_key(&self, id: &str, wrapped: &[u8]) -> Result<DataKey> {
        let rest = wrapped.get(1 + ID_LENGTH..).unwrap_or_default();
        let plain = Zeroizing::new(self.wrapping().open(rest, id)?);
        let cipher = XChaCha20Poly1305::new_from_slice(&plain).map_err(|_| Fault::new("unwrap a data key"))?;
        Ok(DataKey { id: id.to_owned(), cipher })
    }

    /// The key made from the master key; its id is a constant, because it is never looked up.
    fn wrapping(&self) -> DataKey {
        let secret = self.master.derive("wrap data keys", "");
        DataKey { id: "0".repeat(ID_LENGTH), cipher: XChaCha20Poly1305::new(&secret.into()) }
    }
}

/// The id of its key, and the rest of a sealed value.
fn parts(sealed: &[u8]) -> Result<(&str, &[u8])> {
    let Some((&[VERSION], rest)) = sealed.split_first_chunk::<1>() else {
        return Err(Fault::new("open a sealed value: unknown version").into());
    };
    let Some((id, rest)) = rest.split_at_checked(ID_LENGTH) else {
        return Err(Fault::new("open a sealed value: it is cut short").into());
    };
    let id = std::str::from_utf8(id).or_fault("open a sealed value: the key's id is no text")?;
    Ok((id, rest))
}

fn lock<T>(shared: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
