//! What arrives, and the secrets it is proven with.

use std::collections::BTreeMap;
use std::fmt;

use zeroize::Zeroizing;

/// A request as it arrived. Headers and body are bytes, because a proof is over bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// `POST` or `GET`.
    pub method: String,
    /// Path and query, `/hook/sepay/con_…?x=1`.
    pub target: String,
    /// In the order sent; names in any case.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body, whole.
    pub body: Vec<u8>,
}

impl Request {
    /// A request from the bytes of a `.http` file: request line, headers, a blank line, the body's bytes as they are.
    /// Lines end in LF or CRLF.
    ///
    /// # Errors
    /// A sentence about the line that cannot be read.
    pub fn parse(bytes: &[u8]) -> Result<Request, String> {
        let (line, mut rest) = take_line(bytes).ok_or("there is no request line")?;
        let line = std::str::from_utf8(line).map_err(|_| "the request line is not UTF-8")?;
        let mut words = line.split_ascii_whitespace();
        let (Some(method), Some(target)) = (words.next(), words.next()) else {
            return Err("the request line must be METHOD PATH HTTP/1.1".to_owned());
        };
        let mut request =
            Request { method: method.to_owned(), target: target.to_owned(), headers: Vec::new(), body: Vec::new() };
        let mut number = 1_usize;
        while let Some((line, after)) = take_line(rest) {
            number += 1;
            rest = after;
            if line.is_empty() {
                request.body = rest.to_vec();
                return Ok(request);
            }
            let colon = line.iter().position(|&byte| byte == b':');
            let colon = colon.ok_or_else(|| format!("line {number}: a header must be Name: value"))?;
            let name =
                std::str::from_utf8(&line[..colon]).map_err(|_| format!("line {number}: not a header's name"))?;
            request.headers.push((name.trim().to_owned(), line[colon + 1..].trim_ascii().to_vec()));
        }
        Err("there is no blank line after the headers".to_owned())
    }

    /// The hook's address, `/hook/{provider}/{connection}`, and what stands behind it: `/bank/api/transaction-sync`
    /// or nothing.
    fn split(&self) -> (&str, &str) {
        let path = self.target.split_once(['?', '#']).map_or(self.target.as_str(), |(path, _)| path);
        let steps: Vec<usize> = path.match_indices('/').map(|(at, _)| at).collect();
        path.split_at(steps.get(3).copied().unwrap_or(path.len()))
    }

    /// What stands behind the hook's address, without a slash at its end.
    pub(super) fn path_behind(&self) -> &str {
        self.split().1.trim_end_matches('/')
    }

    /// The connection that the hook's address names; empty for another address.
    pub(super) fn connection(&self) -> &str {
        self.split().0.rsplit_once('/').map_or("", |(_, connection)| connection)
    }

    /// The value of a header that was sent exactly once. Two of them are none: which one was signed is unknown.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        let mut found = self.headers.iter().filter(|(candidate, _)| candidate.eq_ignore_ascii_case(name));
        match (found.next(), found.next()) {
            (Some((_, value)), None) => Some(value),
            _ => None,
        }
    }

    /// The same header as text.
    pub fn header_text(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.header(name)?).ok()
    }
}

/// Shows the size of the body and the headers' names only: their values hold proofs.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("headers", &names)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

fn take_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|&byte| byte == b'\n')?;
    let line = bytes[..end].strip_suffix(b"\r").unwrap_or(&bytes[..end]);
    Some((line, &bytes[end + 1..]))
}

/// The live secrets of one connection by the names its provider declares. A name may hold two values while a
/// secret is being replaced; both prove. Values leave memory when dropped and are never printed.
#[derive(Clone, Default)]
pub struct Secrets(BTreeMap<String, Vec<Zeroizing<String>>>);

impl Secrets {
    /// No secrets.
    pub fn new() -> Secrets {
        Secrets::default()
    }

    /// One more live value under a name. An empty value would prove anything and is left out.
    pub fn add(&mut self, name: impl Into<String>, value: impl Into<Zeroizing<String>>) {
        let value = value.into();
        if !value.is_empty() {
            self.0.entry(name.into()).or_default().push(value);
        }
    }

    /// The same secrets with one more value, for building them in one expression.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Secrets {
        self.add(name, value.to_owned());
        self
    }

    /// The live values under a name, oldest first.
    pub fn values(&self, name: &str) -> &[Zeroizing<String>] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    /// The names that hold a value.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter().map(|(name, values)| (name, values.len()))).finish()
    }
}
