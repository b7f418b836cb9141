//! Names for things: ids that sort by the time they were made, and the reference a parent's transfer carries.
//!
//! **Invariants:** an id is a prefix people can see, an underscore and 26 letters of lower-case base 32
//! (a version 7 UUID), never used again; a [`PaymentReference`] never holds a wrong check.
//!
//! Deliberately absent: ids counted up from one, which would tell outsiders how many pupils there are.

mod near;
mod reference;

pub use near::{Near, Slip};
pub use reference::PaymentReference;

/// Crockford's alphabet in lower case: no `i`, `l`, `o` or `u`, so that an id survives being read aloud.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// A new id with this prefix: `new_id("inv")` gives `inv_06f8…`. Ids made later sort later.
pub fn new_id(prefix: &str) -> String {
    format!("{prefix}_{}", base32(uuid::Uuid::now_v7().as_u128()))
}

/// Is this text an id with this prefix? Saves a look-up for what cannot exist.
pub fn is_id(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix('_'))
        .is_some_and(|rest| rest.len() == 26 && rest.bytes().all(|letter| ALPHABET.contains(&letter)))
}

/// An unguessable token of 128 random bits, for pages that need no sign-in and for API keys.
///
/// # Errors
/// When the machine has no randomness to give.
pub fn new_token() -> crate::fault::Result<String> {
    Ok(base32(u128::from_be_bytes(random()?)))
}

/// Random bytes from the operating system.
///
/// # Errors
/// When the machine has none to give; nothing that needs them may go on.
pub fn random<const N: usize>() -> crate::fault::Result<[u8; N]> {
    use crate::fault::OrFault;
    let mut bytes = [0_u8; N];
    getrandom::fill(&mut bytes).or_fault("ask the operating system for random bytes")?;
    Ok(bytes)
}

/// 128 bits as 26 letters, most significant first, so that text order is number order.
pub fn base32(number: u128) -> String {
    (0..26_u32)
        .rev()
        .map(|place| {
            let index = usize::try_from((number >> (place * 5)) & 31).unwrap_or_default();
            char::from(ALPHABET[index])
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_made_later_sort_later() {
        let ids: Vec<String> = (0..1_000).map(|_| new_id("inv")).collect();
        assert!(ids.is_sorted());
        assert!(ids.iter().all(|id| is_id(id, "inv") && !is_id(id, "in") && !is_id(id, "crd")));
    }

    #[test]
    fn base32_keeps_the_order_of_numbers() {
        assert_eq!(base32(0), "00000000000000000000000000");
        assert_eq!(base32(u128::MAX), "7zzzzzzzzzzzzzzzzzzzzzzzzz");
        assert!(base32(31) < base32(32));
    }
}
