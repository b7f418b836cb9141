//! Tag, length, value: two digits, two digits, and that many characters (not bytes).
//!
//! **Invariant:** what [`read`] accepts is covered by objects to the last character; nothing is skipped or guessed.

use std::fmt::Write;

/// The objects of one template, in the order they stand, no tag twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objects<'a>(Vec<(u8, &'a str)>);

/// Where a text stops being tag, length and value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// Two digits of tag and two of length do not stand where they must.
    #[error("no tag and length at character {at}")]
    Header {
        /// Counted in characters from the template's start.
        at: usize,
    },
    /// The text ends before the value does.
    #[error("tag {tag:02} declares {declared} characters, only {left} are left")]
    Short {
        /// The object that is cut.
        tag: u8,
        /// What its length says.
        declared: usize,
        /// What there is.
        left: usize,
    },
    /// A value has at least one character.
    #[error("tag {tag:02} is empty")]
    Empty {
        /// The object without a value.
        tag: u8,
    },
    /// Two values for one tag: a reader would have to choose.
    #[error("tag {tag:02} stands twice")]
    Twice {
        /// The repeated tag.
        tag: u8,
    },
}

/// Takes a template apart.
pub fn read(text: &str) -> Result<Objects<'_>, Flaw> {
    let mut objects = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (tag, declared, after) =
            header(rest).ok_or_else(|| Flaw::Header { at: text.chars().count() - rest.chars().count() })?;
        let (value, next) = split_characters(after, declared).ok_or_else(|| Flaw::Short {
            tag,
            declared,
            left: after.chars().count(),
        })?;
        if value.is_empty() {
            return Err(Flaw::Empty { tag });
        }
        if objects.iter().any(|&(earlier, _)| earlier == tag) {
            return Err(Flaw::Twice { tag });
        }
        objects.push((tag, value));
        rest = next;
    }
    Ok(Objects(objects))
}

/// Appends one object. The caller keeps values within 1 to 99 characters.
pub fn write(text: &mut String, tag: u8, value: &str) {
    let length = value.chars().count();
    debug_assert!((1..=99).contains(&length), "tag {tag:02} has {length} characters");
    let _ = write!(text, "{tag:02}{length:02}{value}");
}

impl<'a> Objects<'a> {
    /// The value under a tag.
    pub fn get(&self, tag: u8) -> Option<&'a str> {
        self.iter().find_map(|(found, value)| (found == tag).then_some(value))
    }

    /// Every object, in the order they stand.
    pub fn iter(&self) -> impl Iterator<Item = (u8, &'a str)> {
        self.0.iter().copied()
    }
}

fn header(text: &str) -> Option<(u8, usize, &str)> {
    let (head, after) = text.split_at_checked(4)?;
    if !head.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    Some((head[..2].parse().ok()?, head[2..].parse().ok()?, after))
}

fn split_characters(text: &str, count: usize) -> Option<(&str, &str)> {
    let ends = text.char_indices().map(|(end, _)| end).chain([text.len()]);
    ends.into_iter().nth(count).map(|end| text.split_at(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_count_characters_and_not_bytes() {
        let name = "Nguyễn Ái";
        let mut text = String::new();
        write(&mut text, 59, name);
        assert_eq!(text, "5909Nguyễn Ái");
        assert_eq!(read(&text).expect("whole").get(59), Some(name));
    }

    #[test]
    fn every_flaw_is_named_where_it_stands() {
        assert_eq!(read("0002011"), Err(Flaw::Header { at: 6 }));
        assert_eq!(read("000201đ104"), Err(Flaw::Header { at: 6 }));
        assert_eq!(read("5909Nguyen"), Err(Flaw::Short { tag: 59, declared: 9, left: 6 }));
        assert_eq!(read("5900"), Err(Flaw::Empty { tag: 59 }));
        assert_eq!(read("530370453037045802VN"), Err(Flaw::Twice { tag: 53 }));
        assert_eq!(read("+1+2ab"), Err(Flaw::Header { at: 0 }));
    }
}
