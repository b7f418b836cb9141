//! RSA with PKCS #1 v1.5 and SHA-256, under a public key as banks hand it out: PEM.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rsa::PublicKeyComponents;
use ring::signature::RSA_PKCS1_2048_8192_SHA256;

/// The object identifier of RSA keys, 1.2.840.113549.1.1.1, as DER writes it.
const RSA: [u8; 11] = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;

/// A public key: its modulus and its exponent, without zeros in front.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    modulus: Vec<u8>,
    exponent: Vec<u8>,
}

impl PublicKey {
    /// A key from `-----BEGIN PUBLIC KEY-----` or `-----BEGIN RSA PUBLIC KEY-----`. None for anything else, for a
    /// private key above all, and for one of fewer than 2048 or more than 8192 bits.
    pub fn from_pem(text: &str) -> Option<PublicKey> {
        let whole = |kind: &str| {
            let body = text.trim().strip_prefix(&format!("-----BEGIN {kind}-----"))?;
            let body = body.strip_suffix(&format!("-----END {kind}-----"))?;
            let digits: String = body.chars().filter(|char| !char.is_ascii_whitespace()).collect();
            STANDARD.decode(digits).ok()
        };
        let key = match (whole("PUBLIC KEY"), whole("RSA PUBLIC KEY")) {
            (Some(der), _) => pkcs1(&inside_of(&der)?)?,
            (None, Some(der)) => pkcs1(&der)?,
            (None, None) => return None,
        };
        let bits = key.modulus.len() * 8 - usize::try_from(key.modulus.first()?.leading_zeros()).ok()?;
        let is_odd = |number: &[u8]| number.last().is_some_and(|byte| byte & 1 == 1);
        let is_sound = (2_048..=8_192).contains(&bits)
            && key.exponent.len() <= 4
            && key.exponent != [1]
            && is_odd(&key.modulus)
            && is_odd(&key.exponent);
        is_sound.then_some(key)
    }

    /// Is this the key's signature over that message?
    pub fn proves(&self, message: &[u8], signature: &[u8]) -> bool {
        let key = PublicKeyComponents { n: &self.modulus, e: &self.exponent };
        key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
    }
}

/// What a subject public key info holds: SEQUENCE { SEQUENCE { RSA, … }, BIT STRING }.
fn inside_of(der: &[u8]) -> Option<Vec<u8>> {
    let (info, rest) = taken(der, SEQUENCE)?;
    let (algorithm, after) = taken(info, SEQUENCE)?;
    let (bits, nothing) = taken(after, BIT_STRING)?;
    let is_whole = rest.is_empty() && nothing.is_empty() && algorithm.starts_with(&RSA);
    bits.strip_prefix(&[0]).filter(|_| is_whole).map(<[u8]>::to_vec)
}

/// SEQUENCE { modulus INTEGER, exponent INTEGER }.
fn pkcs1(der: &[u8]) -> Option<PublicKey> {
    let (numbers, rest) = taken(der, SEQUENCE)?;
    let (modulus, after) = taken(numbers, INTEGER)?;
    let (exponent, nothing) = taken(after, INTEGER)?;
    let positive = |number: &[u8]| {
        let number = number.strip_prefix(&[0]).unwrap_or(number);
        (number.first().is_some_and(|byte| *byte != 0)).then(|| number.to_vec())
    };
    if !rest.is_empty() || !nothing.is_empty() {
        return None;
    }
    Some(PublicKey { modulus: positive(modulus)?, exponent: positive(exponent)? })
}

/// One DER value with this tag, and what follows it.
fn taken(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&[found, length], rest) = der.split_first_chunk::<2>()?;
    if found != tag {
        return None;
    }
    let (length, rest) = match length {
        short @ 0..=0x7f => (usize::from(short), rest),
        0x81 => {
            let (&[length], rest) = rest.split_first_chunk::<1>()?;
            (usize::from(length), rest)
        }
        0x82 => {
            let (length, rest) = rest.split_first_chunk::<2>()?;
            (usize::from(u16::from_be_bytes(*length)), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BANK: &str = "-----BEGIN PUBLIC KEY-----\n\
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEArfpWoItq1kt2z0rInACK\n\
APjBOovDNc2Y4u5np59AbapddpyEcwT9Gw+79CQWhbPXt58XgriXSb5cqzdjBXv5\n\
qO0u2tNgiCTVmCg+CdHfE85K4ZahWjDpxXFkK9S74s/AIWiFZffesIX1NpPYvYQN\n\
hYKPjeeikSoMbicXtJiYFSLrtHpftHyLLWQfbHdRX/oMpi2cUOXh8DkLnvusGR/I\n\
MePpRV3bo3LKI98gb1DTT4CglZGsFF7JxKnklky+k/dh1HZqCSQld6xqhEz9LMOH\n\
hNbgw/VbllwRdcQyvbAUHixA0woaS2yWZ2TcCd4LJrQzy0CHrNrT+Ge0jhmw4TT4\n\
DQIDAQAB\n\
-----END PUBLIC KEY-----\n\n";

    #[test]
    fn a_public_key_is_read_and_nothing_else_is_one() {
        assert!(PublicKey::from_pem(BANK).is_some());
        assert!(PublicKey::from_pem(&format!("\r\n{}  ", BANK.replace('\n', "\r\n"))).is_some());
        assert_eq!(PublicKey::from_pem(""), None);
        assert_eq!(PublicKey::from_pem("secret-for-tests"), None);
        assert_eq!(PublicKey::from_pem(&BANK.replace("PUBLIC", "PRIVATE")), None);
        assert_eq!(PublicKey::from_pem(&BANK.replace("MIIB", "MIIC")), None);
        assert_eq!(PublicKey::from_pem(&BANK.replacen('\n', "\n!", 1)), None);
    }

    #[test]
    fn a_key_short_enough_to_be_broken_is_none() {
        let short = [0x30, 0x0d, 0x02, 0x04, 0x7f, 1, 1, 1, 0x02, 0x03, 1, 0, 1];
        assert!(pkcs1(&[0x30, 0x0b, 0x02, 0x04, 0x7f, 1, 1, 1, 0x02, 0x03, 1, 0, 1]).is_some());
        let pem = |der: &[u8]| {
            format!("-----BEGIN RSA PUBLIC KEY-----\n{}\n-----END RSA PUBLIC KEY-----", STANDARD.encode(der))
        };
        assert_eq!(PublicKey::from_pem(&pem(&short)), None);
        assert_eq!(PublicKey::from_pem(&pem(&[0x30, 0x0b, 0x02, 0x04, 0x7f, 1, 1, 1, 0x02, 0x03, 1, 0, 1])), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_reading_a_key_panic(der in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = pkcs1(&der);
            let _ = inside_of(&der);
        }
    }
}
