//! The message under a signature, byte for byte as the provider built it.

use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::Value;

use super::query::{self, Pair};
use super::request::{Request, Secrets};
use super::spec::Places;

/// A message: literal text and, in braces, what is put in.
///
/// `{body}` the raw body · `{header:NAME}` · `{secret:NAME}` · `{/pointer}` a text or number of the body, with `|`
/// between spellings · `{optional:/pointer}` the same, nothing where it is absent · `{pad10:/pointer}` with zeros in
/// front up to ten characters · `{sorted-pairs:/pointer}` an object as `k=v&k=v` · `{sorted-json:/pointer}` compact
/// JSON with sorted keys ·
/// `{sorted-query:NAME,NAME}` the query as received, sorted, without empty values and those names.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Body,
    Header(String),
    Secret(String),
    Pointer(Places),
    Optional(Places),
    Padded(usize, Places),
    SortedPairs(String),
    SortedJson(String),
    SortedQuery(Vec<String>),
}

/// A request and what was found in it.
pub struct Said<'a> {
    /// As it arrived.
    pub request: &'a Request,
    /// What is told: the body as JSON, or the query as an object of texts.
    pub told: Option<Value>,
    /// The query's pairs, where that is what is told.
    pub pairs: Vec<Pair>,
}

impl TryFrom<String> for Template {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let mut pieces = Vec::new();
        let mut rest = text.as_str();
        while let Some((literal, after)) = rest.split_once('{') {
            let (word, after) = after.split_once('}').ok_or("a brace is not closed")?;
            if !literal.is_empty() {
                pieces.push(Piece::Literal(literal.to_owned()));
            }
            pieces.push(piece(word)?);
            rest = after;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Literal(rest.to_owned()));
        }
        if pieces.iter().all(|piece| matches!(piece, Piece::Literal(_) | Piece::Secret(_))) {
            return Err("nothing of the request is in the message".to_owned());
        }
        Ok(Template(pieces))
    }
}

fn piece(word: &str) -> Result<Piece, String> {
    let pointer = |text: &str| {
        if text.is_empty() || text.starts_with('/') {
            Ok(text.to_owned())
        } else {
            Err(format!("{{{word}}}: a JSON pointer begins with a slash"))
        }
    };
    let places = |text: &str| Places::parse(text).map_err(|what| format!("{{{word}}}: {what}"));
    match word.split_once(':') {
        None if word == "body" => Ok(Piece::Body),
        None if word == "sorted-query" => Ok(Piece::SortedQuery(Vec::new())),
        None if word.starts_with('/') => Ok(Piece::Pointer(places(word)?)),
        Some(("header", name)) => Ok(Piece::Header(name.to_owned())),
        Some(("secret", name)) => Ok(Piece::Secret(name.to_owned())),
        Some(("optional", at)) => Ok(Piece::Optional(places(at)?)),
        Some(("sorted-pairs", at)) => Ok(Piece::SortedPairs(pointer(at)?)),
        Some(("sorted-json", at)) => Ok(Piece::SortedJson(pointer(at)?)),
        Some(("sorted-query", names)) => Ok(Piece::SortedQuery(names.split(',').map(str::to_owned).collect())),
        Some((pad, at)) if pad.starts_with("pad") => match pad[3..].parse() {
            Ok(width @ 1..=64) => Ok(Piece::Padded(width, places(at)?)),
            _ => Err(format!("{{{word}}}: pad takes a width from 1 to 64")),
        },
        _ => Err(format!("{{{word}}} is not a word of a message")),
    }
}

impl Template {
    /// The names of the secrets put in.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Secret(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// The places of the body that it covers; none where it covers the whole of what is told.
    pub fn covers(&self) -> Option<Vec<&Places>> {
        let mut all = Vec::new();
        for piece in &self.0 {
            match piece {
                Piece::Body | Piece::SortedPairs(_) | Piece::SortedJson(_) | Piece::SortedQuery(_) => return None,
                Piece::Pointer(at) | Piece::Optional(at) | Piece::Padded(_, at) => all.push(at),
                Piece::Literal(_) | Piece::Header(_) | Piece::Secret(_) => {}
            }
        }
        Some(all)
    }

    /// The messages that this request may have been signed over, the likeliest first: several where servers encode a
    /// query differently or a secret within the message has two live values. None where something that is put in is
    /// absent.
    /// `left_out` is the place of the signature itself, which no provider signs.
    pub fn messages(&self, said: &Said, secrets: &Secrets, left_out: Option<&Places>) -> Vec<Vec<u8>> {
        let live = self.secrets().map(|name| secrets.values(name).len()).max().unwrap_or(1).max(1);
        let mut messages: Vec<Vec<u8>> = Vec::new();
        // The newest values first; one that is being replaced stands beside it.
        for older in 0..live {
            for message in self.with(said, secrets, older, left_out).unwrap_or_default() {
                if !messages.contains(&message) {
                    messages.push(message);
                }
            }
        }
        messages
    }

    /// What of the message is not in this request, in the words of the file.
    pub fn absent(&self, said: &Said) -> Vec<String> {
        let Some(told) = said.told.as_ref() else {
            return vec!["the body is not JSON".to_owned()];
        };
        let missing = |word: &str, places: &Places| {
            let is_there = places.find(told).is_ok_and(|found| found.is_some());
            (!is_there).then(|| format!("{{{word}{}}} is not in what is told", places.first()))
        };
        let words = self.0.iter().filter_map(|piece| match piece {
            Piece::Header(name) if said.request.header(name).is_none() => {
                Some(format!("{{header:{name}}} is no header of the request"))
            }
            Piece::Pointer(at) => missing("", at),
            Piece::Padded(width, at) => missing(&format!("pad{width}:"), at),
            Piece::SortedPairs(at) if !told.pointer(at).is_some_and(Value::is_object) => {
                Some(format!("{{sorted-pairs:{at}}} is no object in what is told"))
            }
            Piece::SortedJson(at) if told.pointer(at).is_none() => {
                Some(format!("{{sorted-json:{at}}} is not in what is told"))
            }
            _ => None,
        });
        words.collect()
    }

    fn with(&self, said: &Said, secrets: &Secrets, older: usize, left_out: Option<&Places>) -> Option<Vec<Vec<u8>>> {
        let null = Value::Null;
        let told = said.told.as_ref().unwrap_or(&null);
        let mut messages = vec![Vec::with_capacity(said.request.body.len() + 64)];
        for piece in &self.0 {
            let parts: Vec<Vec<u8>> = match piece {
                Piece::Literal(text) => vec![text.clone().into_bytes()],
                Piece::Body => vec![said.request.body.clone()],
                Piece::Header(name) => vec![said.request.header(name)?.to_vec()],
                Piece::Secret(name) => {
                    let values = secrets.values(name);
                    vec![values.get(values.len().checked_sub(1)?.saturating_sub(older))?.as_bytes().to_vec()]
                }
                Piece::Pointer(at) => vec![plain(at.find(told).ok()??).into_bytes()],
                Piece::Optional(at) => vec![at.find(told).ok()?.map(plain).unwrap_or_default().into_bytes()],
                Piece::Padded(width, at) => vec![format!("{:0>width$}", plain(at.find(told).ok()??)).into_bytes()],
                Piece::SortedPairs(at) => vec![sorted_pairs(told, at, left_out)?.into_bytes()],
                Piece::SortedJson(at) => vec![sorted_json(told.pointer(at)?, Escape::JavaScript).into_bytes()],
                Piece::SortedQuery(names) => {
                    let own = left_out.into_iter().flat_map(Places::iter).filter_map(|at| at.strip_prefix('/'));
                    let names: Vec<&str> = names.iter().map(String::as_str).chain(own).collect();
                    query::sorted(&said.pairs, &names).into_iter().map(String::into_bytes).collect()
                }
            };
            messages = messages
                .iter()
                .flat_map(|begun| parts.iter().map(move |part| [begun.as_slice(), part].concat()))
                .collect();
        }
        Some(messages)
    }
}

/// An object as `k=v&k=v` in the order of its keys, the signature itself left out.
fn sorted_pairs(body: &Value, at: &str, left_out: Option<&Places>) -> Option<String> {
    let object = body.pointer(at)?.as_object()?;
    let left_out: Vec<&str> = left_out
        .into_iter()
        .flat_map(Places::iter)
        .filter_map(|place| place.strip_prefix(at).and_then(|rest| rest.strip_prefix('/')))
        .collect();
    let mut pairs: Vec<(&str, &Value)> = object.iter().map(|(key, value)| (key.as_str(), value)).collect();
    pairs.retain(|(key, _)| !left_out.contains(key));
    pairs.sort_unstable_by_key(|(key, _)| *key);
    let pairs: Vec<String> = pairs.into_iter().map(|(key, value)| format!("{key}={}", plain(value))).collect();
    Some(pairs.join("&"))
}

/// A value as it stands in a pair: null and the words JavaScript writes for it are empty, numbers are as received.
pub fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) if text == "null" || text == "undefined" => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(yes) => yes.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Array(_) | Value::Object(_) => sorted_json(value, Escape::JavaScript),
    }
}

/// How a JSON text is escaped; servers in different languages differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Escape {
    /// `JSON.stringify`: only what must be.
    JavaScript,
    /// Python: everything beyond ASCII as `\u` and four digits.
    Python,
    /// PHP: like Python, and `\/`.
    Php,
}

/// Compact JSON, keys sorted at every depth, numbers as received.
pub fn sorted_json(value: &Value, escape: Escape) -> String {
    let mut text = String::new();
    write_sorted(value, escape, &mut text);
    text
}

// The depth is bounded: the parser refuses JSON deeper than 128.
fn write_sorted(value: &Value, escape: Escape, text: &mut String) {
    match value {
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_sorted(item, escape, text);
            }
            text.push(']');
        }
        Value::Object(object) => {
            let mut keys: Vec<&String> = object.keys().collect();
            keys.sort_unstable();
            text.push('{');
            for (index, key) in keys.into_iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_string(key, escape, text);
                text.push(':');
                write_sorted(&object[key], escape, text);
            }
            text.push('}');
        }
        Value::String(string) => write_string(string, escape, text),
        Value::Null => text.push_str("null"),
        Value::Bool(yes) => text.push_str(if *yes { "true" } else { "false" }),
        Value::Number(number) => text.push_str(&number.to_string()),
    }
}

/// A text with its quotes.
pub fn write_string(string: &str, escape: Escape, text: &mut String) {
    text.push('"');
    for char in string.chars() {
        match char {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\u{8}' => text.push_str("\\b"),
            '\u{c}' => text.push_str("\\f"),
            '/' if escape == Escape::Php => text.push_str("\\/"),
            char if char < ' ' || (escape != Escape::JavaScript && !char.is_ascii()) => {
                for unit in char.encode_utf16(&mut [0; 2]) {
                    // Writing into a String cannot fail.
                    let _ = write!(text, "\\u{unit:04x}");
                }
            }
            char => text.push(char),
        }
    }
    text.push('"');
}
