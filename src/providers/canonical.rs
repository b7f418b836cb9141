//! The message under a signature, byte for byte as the provider built it.

use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::Value;

use super::request::{Request, Secrets};

/// A message: literal text and, in braces, what is put in.
///
/// `{body}` the raw body · `{header:NAME}` · `{secret:NAME}` · `{/pointer}` a text or number of the body ·
/// `{sorted-pairs:/pointer}` an object as `k=v&k=v` · `{sorted-json:/pointer}` compact JSON with sorted keys.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Body,
    Header(String),
    Secret(String),
    Pointer(String),
    SortedPairs(String),
    SortedJson(String),
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
    match word.split_once(':') {
        None if word == "body" => Ok(Piece::Body),
        None if word.starts_with('/') => Ok(Piece::Pointer(word.to_owned())),
        Some(("header", name)) => Ok(Piece::Header(name.to_owned())),
        Some(("secret", name)) => Ok(Piece::Secret(name.to_owned())),
        Some(("sorted-pairs", at)) => Ok(Piece::SortedPairs(pointer(at)?)),
        Some(("sorted-json", at)) => Ok(Piece::SortedJson(pointer(at)?)),
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

    /// The message of this request, or none where something that is put in is absent. `left_out` is the place of the
    /// signature itself, which no provider signs.
    pub fn message(&self, request: &Request, body: &Value, secrets: &Secrets, left_out: &str) -> Option<Vec<u8>> {
        let mut message = Vec::with_capacity(request.body.len() + 64);
        for piece in &self.0 {
            match piece {
                Piece::Literal(text) => message.extend_from_slice(text.as_bytes()),
                Piece::Body => message.extend_from_slice(&request.body),
                Piece::Header(name) => message.extend_from_slice(request.header(name)?),
                Piece::Secret(name) => message.extend_from_slice(secrets.values(name).last()?.as_bytes()),
                Piece::Pointer(at) => message.extend_from_slice(plain(body.pointer(at)?).as_bytes()),
                Piece::SortedPairs(at) => message.extend_from_slice(sorted_pairs(body, at, left_out)?.as_bytes()),
                Piece::SortedJson(at) => {
                    let text = sorted_json(body.pointer(at)?, Escape::JavaScript);
                    message.extend_from_slice(text.as_bytes());
                }
            }
        }
        Some(message)
    }
}

/// An object as `k=v&k=v` in the order of its keys, the signature itself left out.
fn sorted_pairs(body: &Value, at: &str, left_out: &str) -> Option<String> {
    let object = body.pointer(at)?.as_object()?;
    let left_out = left_out.strip_prefix(at).and_then(|rest| rest.strip_prefix('/'));
    let mut pairs: Vec<(&str, &Value)> = object.iter().map(|(key, value)| (key.as_str(), value)).collect();
    pairs.retain(|(key, _)| Some(*key) != left_out);
    pairs.sort_unstable_by_key(|(key, _)| *key);
    let pairs: Vec<String> = pairs.into_iter().map(|(key, value)| format!("{key}={}", plain(value))).collect();
    Some(pairs.join("&"))
}

/// A value as it stands in a pair: null and the words JavaScript writes for it are empty, numbers are as received.
fn plain(value: &Value) -> String {
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

fn write_string(string: &str, escape: Escape, text: &mut String) {
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
