//! The words of a `provider.toml` that say how a provider proves itself.

use serde::Deserialize;

use super::canonical::Template;
use super::spec::Places;

/// One way in which a provider proves itself.
#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Proof {
    /// The secret itself in a header.
    Bearer {
        /// The name of the secret.
        secret: String,
        /// The header that carries it.
        #[serde(default = "authorization")]
        header: String,
        /// What stands before it, `Bearer ` or nothing.
        #[serde(default)]
        prefix: String,
    },
    /// A user and a password, as HTTP knows them.
    Basic {
        /// The name of the secret that holds the user.
        user: String,
        /// The name of the secret that holds the password.
        password: String,
    },
    /// A message authentication code over a canonical message.
    Hmac {
        /// The name of the secret.
        secret: String,
        /// Over which hash.
        hash: Hash,
        /// What is signed.
        message: Template,
        /// Where the code stands.
        signature: Place,
        /// How it is written.
        #[serde(default)]
        encoding: Encoding,
        /// The time that is signed too, and how far it may be from ours.
        window: Option<Window>,
    },
    /// A plain hash over a message that holds the secret, as older schemes have it. Weaker than a code.
    Digest {
        /// Over which hash.
        hash: DigestHash,
        /// What is hashed; the secret stands in it.
        message: Template,
        /// Where the hash stands.
        signature: Place,
        /// How it is written.
        #[serde(default)]
        encoding: Encoding,
    },
    /// RSA with PKCS #1 v1.5 and SHA-256; the secret is the bank's public key as PEM, at least 2048 bits.
    Rsa {
        /// The name of the secret that holds the key.
        public_key: String,
        /// What is signed.
        message: Template,
        /// Where the signature stands.
        signature: Place,
        /// How it is written.
        #[serde(default = "base64")]
        encoding: Encoding,
    },
    /// `Authorization: Bearer` with a token that we gave to somebody who knew the user and the password.
    TokenWeIssue {
        /// The name of the secret that holds the user.
        user: String,
        /// The name of the secret that holds the password.
        password: String,
        /// How long a token lives.
        seconds: u32,
    },
    /// Several ways that must all hold.
    All {
        /// Those.
        of: Vec<Proof>,
    },
    /// Casso's second form: time and code share a header, and the JSON's escaping depends on their server.
    CassoV2 {
        /// The name of the secret.
        secret: String,
    },
    /// <https://www.standardwebhooks.com>: several codes in one header, a `whsec_` key in base64.
    StandardWebhooks {
        /// The name of the secret.
        secret: String,
        /// How far the signed time may be from ours.
        window_seconds: i64,
    },
}

impl Proof {
    /// The names of the secrets without which this way does not count.
    pub fn secrets(&self) -> Vec<&str> {
        let mut names: Vec<&str> = match self {
            Proof::Bearer { secret, .. } | Proof::CassoV2 { secret } | Proof::StandardWebhooks { secret, .. } => {
                vec![secret]
            }
            Proof::Basic { user, password } | Proof::TokenWeIssue { user, password, .. } => vec![user, password],
            Proof::Hmac { secret: name, message, .. } | Proof::Rsa { public_key: name, message, .. } => {
                std::iter::once(name.as_str()).chain(message.secrets()).collect()
            }
            Proof::Digest { message, .. } => message.secrets().collect(),
            Proof::All { of } => of.iter().flat_map(Proof::secrets).collect(),
        };
        let mut seen = std::collections::BTreeSet::new();
        names.retain(|name| seen.insert(*name));
        names
    }

    /// What the types alone do not rule out.
    pub fn fault(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Proof::Hmac { signature, .. } | Proof::Rsa { signature, .. } | Proof::Digest { signature, .. }
                if signature.header.is_some() == signature.pointer.is_some() =>
            {
                Some(("proof.signature", "either a header or a pointer"))
            }
            Proof::Digest { message, .. } if message.secrets().next().is_none() => {
                Some(("proof.message", "a hash without a secret in it proves nothing"))
            }
            Proof::TokenWeIssue { seconds: 0, .. } => Some(("proof.seconds", "more than nothing")),
            Proof::All { of } if of.len() < 2 => Some(("proof.of", "at least two ways")),
            Proof::All { of } if of.iter().any(|way| matches!(way, Proof::All { .. })) => {
                Some(("proof.of", "one level of ways"))
            }
            Proof::All { of } => of.iter().find_map(Proof::fault),
            _ => None,
        }
    }

    /// What it covers of a delivery.
    pub fn covers(&self) -> Covered<'_> {
        match self {
            Proof::Bearer { .. } | Proof::Basic { .. } | Proof::TokenWeIssue { .. } => Covered::Nothing,
            Proof::Hmac { message, .. } | Proof::Digest { message, .. } | Proof::Rsa { message, .. } => message
                .covers()
                .map_or(Covered::Whole, |places| Covered::Places(places.into_iter().flat_map(Places::iter).collect())),
            Proof::CassoV2 { .. } | Proof::StandardWebhooks { .. } => Covered::Whole,
            Proof::All { of } => of.iter().map(Proof::covers).max().unwrap_or(Covered::Nothing),
        }
    }

    /// Those that must all hold: itself, or the ways of an `all`.
    pub fn parts(&self) -> &[Proof] {
        match self {
            Proof::All { of } => of,
            _ => std::slice::from_ref(self),
        }
    }
}

/// What a way of proving covers of a delivery, from less to more.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Covered<'a> {
    /// Only itself: whoever knows it can write what they like.
    Nothing,
    /// These places.
    Places(Vec<&'a str>),
    /// All that is told.
    Whole,
}

fn base64() -> Encoding {
    Encoding::Base64
}

fn authorization() -> String {
    "authorization".to_owned()
}

/// The hash under a code.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hash {
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

/// The hash of a digest.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DigestHash {
    /// MD5, which only its secret makes hard to forge.
    Md5,
    /// SHA-256.
    Sha256,
}

/// How the bytes of a code are written.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// Hexadecimal, in either case.
    #[default]
    Hex,
    /// Base64 with padding.
    Base64,
}

/// A header or a place in the body; exactly one of the two.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// A header's name.
    pub header: Option<String>,
    /// A place in the body.
    pub pointer: Option<Places>,
    /// What stands before the value.
    #[serde(default)]
    pub prefix: String,
}

impl Place {
    /// As a sentence names it.
    pub fn words(&self) -> String {
        let prefix = if self.prefix.is_empty() { String::new() } else { format!(" after {:?}", self.prefix) };
        match (&self.header, &self.pointer) {
            (Some(header), _) => format!("the header {header}{prefix}"),
            (None, Some(at)) => format!("{}{prefix}", at.first()),
            (None, None) => String::new(),
        }
    }
}

/// The replay window of a code: a time that it covers.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// The header that holds the time.
    pub header: String,
    /// How it is written.
    #[serde(default)]
    pub unit: Unit,
    /// How many seconds it may be from ours, on either side.
    pub seconds: i64,
}

/// How a signed time is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Seconds since 1970.
    #[default]
    Seconds,
    /// Thousandths of a second since 1970.
    Milliseconds,
    /// `yyyyMMddHHmmss` in Vietnam.
    Compact,
    /// `yyyyMMddHHmmssSSS` in Vietnam.
    CompactMilliseconds,
}
