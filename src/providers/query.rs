//! The query of a request as pairs: as they were received, and what they mean.

use serde_json::{Map, Value};

/// One pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// As received, `name=value` still encoded.
    pub raw: String,
    /// The name it means.
    pub name: String,
    /// The value it means.
    pub value: String,
}

/// The pairs of a target's query, in the order sent. None where one is not text, or a name stands twice: which of the
/// two was signed is unknown.
pub fn pairs(target: &str) -> Option<Vec<Pair>> {
    let query = target.split_once('?').map_or("", |(_, query)| query);
    let mut pairs: Vec<Pair> = Vec::new();
    for raw in query.split('&').filter(|raw| !raw.is_empty()) {
        let (name, value) = raw.split_once('=').unwrap_or((raw, ""));
        pairs.push(Pair { raw: raw.to_owned(), name: decoded(name)?, value: decoded(value)? });
    }
    let mut names: Vec<&str> = pairs.iter().map(|pair| pair.name.as_str()).collect();
    names.sort_unstable();
    names.windows(2).all(|two| two[0] != two[1]).then_some(pairs)
}

/// The pairs as one object of texts. Empty values are not in it, as they are in no signature: to add or to take away
/// one must change nothing.
pub fn object(pairs: &[Pair]) -> Value {
    let held = pairs.iter().filter(|pair| !pair.value.is_empty());
    Value::Object(held.map(|pair| (pair.name.clone(), Value::from(pair.value.as_str()))).collect::<Map<_, _>>())
}

/// A form's text: a plus is a blank, `%` and two digits are a byte.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits = rest.get(..2)?;
                let mut one = [0];
                hex::decode_to_slice(digits, &mut one).ok()?;
                bytes.push(one[0]);
                rest = &rest[2..];
            }
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).ok()
}

/// What servers leave as it is when they encode a form, beside letters and digits: PHP, Java, JavaScript.
const LEFT: [&[u8]; 3] = [b"-_.", b"-_.*", b"-_.!~*'()"];

/// The sorted message of a query, in each way in which the sender may have encoded it: first as received. Empty values
/// and the names in `left_out` are not in it.
pub fn sorted(pairs: &[Pair], left_out: &[&str]) -> Vec<String> {
    let mut kept: Vec<&Pair> =
        pairs.iter().filter(|pair| !pair.value.is_empty() && !left_out.contains(&pair.name.as_str())).collect();
    kept.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    let joined = |texts: Vec<String>| texts.join("&");
    let mut ways = vec![joined(kept.iter().map(|pair| pair.raw.clone()).collect())];
    for left in LEFT {
        let pair = |pair: &&Pair| format!("{}={}", encoded(&pair.name, left), encoded(&pair.value, left));
        let way = joined(kept.iter().map(pair).collect());
        if !ways.contains(&way) {
            ways.push(way);
        }
    }
    ways
}

fn encoded(text: &str, left: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    for &byte in text.as_bytes() {
        match byte {
            b' ' => out.push('+'),
            byte if byte.is_ascii_alphanumeric() || left.contains(&byte) => out.push(char::from(byte)),
            byte => {
                out.push('%');
                out.push_str(&hex::encode_upper([byte]));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_decoded_sorted_and_kept_as_received_first() {
        let pairs = pairs("/hook?b=H%E1%BB%8Dc+ph%C3%AD&a=x*y&empty=&hash=ff").expect("pairs");
        assert_eq!(object(&pairs)["b"], "Học phí");
        assert!(object(&pairs).get("empty").is_none());
        let ways = sorted(&pairs, &["hash"]);
        assert_eq!(ways[0], "a=x*y&b=H%E1%BB%8Dc+ph%C3%AD");
        assert_eq!(ways[1], "a=x%2Ay&b=H%E1%BB%8Dc+ph%C3%AD");
        assert_eq!(ways.len(), 2);
    }

    #[test]
    fn a_name_that_stands_twice_or_is_no_text_is_no_query() {
        assert_eq!(pairs("/hook?a=1&b=2&%61=3"), None);
        assert_eq!(pairs("/hook?a=%"), None);
        assert_eq!(pairs("/hook?a=%4"), None);
        assert_eq!(pairs("/hook?a=%zz"), None);
        assert_eq!(pairs("/hook?a=%ff"), None);
        assert_eq!(pairs("/hook").map(|pairs| pairs.len()), Some(0));
        assert_eq!(pairs("/hook?&a&").map(|pairs| pairs.len()), Some(1));
    }
}
