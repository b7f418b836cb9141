//! What can go wrong, in three kinds, and nothing else.
//!
//! - A [`Refusal`] is a rule saying no to the asker: it has a stable code, a sentence in both languages, and
//!   never a name, an account number, a token or a secret, because it may be shown and logged.
//! - [`Error::Contended`] is nobody's fault: two writers met and one of them may simply try again.
//! - A [`Fault`] is ours or our surroundings': it carries where it happened and what was being done, for the
//!   log; the asker sees only a code to quote.
//!
//! **Invariant:** every fallible function that touches the store returns [`Result`]; pure rooms return their
//! own small enums and turn them into a [`Refusal`] at their edge.
//!
//! Deliberately absent: `anyhow` in rooms, nested enums with `#[from]` chains, and any text from a bank.

use std::fmt;
use std::panic::Location;

/// The result of everything that touches the store.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// One of the three kinds.
#[derive(Debug)]
pub enum Error {
    /// A rule says no.
    Refused(Box<Refusal>),
    /// Two writers met; the work may run again.
    Contended,
    /// Something broke on our side.
    Fault(Fault),
}

/// What sort of no it is; decides the HTTP status and the process's exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The request cannot be read (400).
    Shape,
    /// Nobody is signed in, or the proof is wrong (401).
    Unproven,
    /// Signed in, but not allowed (403).
    Forbidden,
    /// Absent, or somebody else's: the two are not told apart (404).
    Absent,
    /// The present state does not allow it (409).
    Conflict,
    /// Larger than the stated limit (413).
    TooLarge,
    /// Readable, but it means something impossible (422).
    Meaning,
    /// Too often (429).
    TooMany,
    /// The store cannot take work now (503).
    Unavailable,
}

impl Kind {
    /// The HTTP status of this kind.
    pub const fn status(self) -> u16 {
        match self {
            Kind::Shape => 400,
            Kind::Unproven => 401,
            Kind::Forbidden => 403,
            Kind::Absent => 404,
            Kind::Conflict => 409,
            Kind::TooLarge => 413,
            Kind::Meaning => 422,
            Kind::TooMany => 429,
            Kind::Unavailable => 503,
        }
    }
}

/// A rule says no. Codes are kebab-case and stable; sentences say what happened and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What sort of no.
    pub kind: Kind,
    /// Stable, for programs: `amount-not-positive`.
    pub code: &'static str,
    /// For people, in Vietnamese.
    pub vi: String,
    /// For people, in English.
    pub en: String,
    /// The places that are wrong, when there are any.
    pub places: Vec<Place>,
}

/// One wrong place in what was sent: a JSON pointer, a form field, or a cell such as `B7`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Where.
    pub at: String,
    /// What is wrong there, in Vietnamese.
    pub vi: String,
    /// What is wrong there, in English.
    pub en: String,
}

impl Refusal {
    /// A refusal with its two sentences.
    pub fn new(kind: Kind, code: &'static str, vi: impl Into<String>, en: impl Into<String>) -> Self {
        Refusal { kind, code, vi: vi.into(), en: en.into(), places: Vec::new() }
    }

    /// The same refusal, pointing at a place.
    #[must_use]
    pub fn at(mut self, at: impl Into<String>, vi: impl Into<String>, en: impl Into<String>) -> Self {
        self.places.push(Place { at: at.into(), vi: vi.into(), en: en.into() });
        self
    }

    /// Absent or somebody else's; the two answers are equal so that nobody can ask what exists.
    pub fn absent() -> Self {
        Refusal::new(Kind::Absent, "absent", "Không tìm thấy.", "Not found.")
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Error::Refused(Box::new(refusal))
    }
}

/// Something broke on our side. The chain says what was being done, outermost last.
#[derive(Debug)]
pub struct Fault {
    doing: Vec<String>,
    place: &'static Location<'static>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
    may_be_race: bool,
}

impl Fault {
    /// A fault with no underlying error, at the caller's place.
    #[track_caller]
    pub fn new(doing: impl Into<String>) -> Self {
        Fault { doing: vec![doing.into()], place: Location::caller(), source: None, may_be_race: false }
    }

    /// A fault with the error under it, at the caller's place.
    #[track_caller]
    pub fn from_source(doing: impl Into<String>, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        let source = Some(source.into());
        Fault { doing: vec![doing.into()], place: Location::caller(), source, may_be_race: false }
    }

    /// The same fault, said from one room further out.
    #[must_use]
    pub fn while_doing(mut self, doing: impl Into<String>) -> Self {
        self.doing.push(doing.into());
        self
    }

    /// The same fault, when another writer who was a moment earlier would explain it as well as a mistake of ours.
    #[must_use]
    pub fn or_a_race(mut self) -> Self {
        self.may_be_race = true;
        self
    }

    /// May the work succeed when it is done again, because it then sees what another writer wrote?
    pub fn may_be_race(&self) -> bool {
        self.may_be_race
    }

    /// What was being done and what went wrong, without the place in our source: for whoever stands at the prompt.
    pub fn sentence(&self) -> String {
        let doing: Vec<&str> = self.doing.iter().rev().map(String::as_str).collect();
        let source = self.source.as_ref().map(|source| format!(": {source}")).unwrap_or_default();
        format!("{}{source}", doing.join(": "))
    }

    /// The source line that noticed it.
    pub fn place(&self) -> &'static Location<'static> {
        self.place
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Error::Fault(fault)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let doing: Vec<&str> = self.doing.iter().rev().map(String::as_str).collect();
        write!(f, "{} ({}:{})", doing.join(": "), self.place.file(), self.place.line())?;
        if let Some(source) = &self.source {
            write!(f, ": {source}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Fault {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Refused(refusal) => write!(f, "{}: {}", refusal.code, refusal.en),
            Error::Contended => f.write_str("contended: another writer was first"),
            Error::Fault(fault) => fault.fmt(f),
        }
    }
}

impl std::error::Error for Error {}

impl Error {
    /// The refusal inside, when it is one.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Error::Refused(refusal) => Some(refusal),
            Error::Contended | Error::Fault(_) => None,
        }
    }
}

/// Puts words around somebody else's error: `file.read().or_fault("read the key file")?`.
pub trait OrFault<T> {
    /// The value, or a [`Fault`] that says what was being done.
    fn or_fault(self, doing: &str) -> Result<T>;
}

impl<T, E: Into<Box<dyn std::error::Error + Send + Sync>>> OrFault<T> for std::result::Result<T, E> {
    #[track_caller]
    fn or_fault(self, doing: &str) -> Result<T> {
        match self {
            Ok(value) => Ok(value),
            Err(source) => Err(Fault::from_source(doing, source).into()),
        }
    }
}
