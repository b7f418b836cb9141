//! Passwords as argon2id, worked out away from the threads that answer requests.

use std::sync::LazyLock;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::fault::{Fault, OrFault, Result};

/// Each hash takes 19 MiB for its time, so only a few are worked out at once, whoever knocks.
static TURNS: Semaphore = Semaphore::const_new(4);

/// What a login that does not exist is compared with, so that the answer takes the same time.
static NOBODY: LazyLock<String> = LazyLock::new(|| hash_now(b"nobody signs in with this").unwrap_or_default());

/// Hashes a password under a salt of its own.
pub(super) async fn hash(password: &str) -> Result<String> {
    let password = Zeroizing::new(password.as_bytes().to_vec());
    aside(move || hash_now(&password)).await?
}

/// Is it this password? Without a hash it is not, and finding out takes as long.
pub(super) async fn matches(password: &str, hash: Option<String>) -> Result<bool> {
    let password = Zeroizing::new(password.as_bytes().to_vec());
    aside(move || {
        let stored = hash.as_deref().unwrap_or(&NOBODY);
        let parsed = PasswordHash::new(stored).map_err(|_| Fault::new("read a stored password hash"))?;
        let right = Argon2::default().verify_password(&password, &parsed).is_ok();
        Ok(right && hash.is_some())
    })
    .await?
}

fn hash_now(password: &[u8]) -> Result<String> {
    let hash = Argon2::default().hash_password(password).map_err(|_| Fault::new("hash a password"))?;
    Ok(hash.to_string())
}

async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let _turn = TURNS.acquire().await.or_fault("wait for a turn to hash")?;
    tokio::task::spawn_blocking(work).await.or_fault("hash on a thread of its own")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_same_password_matches() {
        let stored = hash("mật khẩu rất dài").await.expect("a hash");
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert!(matches("mật khẩu rất dài", Some(stored.clone())).await.expect("a verdict"));
        assert!(!matches("mật khẩu rất daì", Some(stored)).await.expect("a verdict"));
        assert!(!matches("nobody signs in with this", None).await.expect("a verdict"));
    }
}
