//! Pages of a list: an opaque cursor that is stable while rows are added, and a limit.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::fault::{Kind, Refusal};

/// The most rows of one page.
pub const LIMIT_MOST: i64 = 200;
const LIMIT_USUAL: i64 = 50;

/// Which page is asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageAsked {
    /// The `next` of the page before; absent for the first page.
    pub cursor: Option<String>,
    /// Rows on the page, 1 to 200.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<i64>,
}

/// One page.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// The rows, in the order of their ids.
    pub data: Vec<T>,
    /// Are there more after these?
    pub has_more: bool,
    /// The cursor of the next page, when there is one.
    pub next: Option<String>,
}

impl PageAsked {
    /// The id after which rows are wanted (empty for the first page) and how many.
    ///
    /// # Errors
    /// A limit outside 1 to 200, or a cursor that is none of ours.
    pub fn window(&self) -> Result<(String, i64), Refusal> {
        let limit = self.limit.unwrap_or(LIMIT_USUAL);
        if !(1..=LIMIT_MOST).contains(&limit) {
            return Err(Refusal::new(
                Kind::Shape,
                "limit-out-of-range",
                "limit phải từ 1 đến 200.",
                "limit must be between 1 and 200.",
            )
            .at("limit", "từ 1 đến 200", "1 to 200"));
        }
        let Some(cursor) = &self.cursor else { return Ok((String::new(), limit)) };
        let after = URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        match after {
            // A NUL can be written in base64, yet PostgreSQL takes none in a text.
            Some(after) if after.starts_with("after:") && !after.contains('\0') => {
                Ok((after["after:".len()..].to_owned(), limit))
            }
            _ => Err(Refusal::new(Kind::Shape, "unknown-cursor", "cursor không đúng.", "This cursor is none of ours.")
                .at("cursor", "lấy từ `next`", "take it from `next`")),
        }
    }
}

impl<T> Page<T> {
    /// A page from one row more than the limit: the surplus row only says that there is more.
    pub fn new(mut rows: Vec<T>, limit: i64, id: impl Fn(&T) -> &str) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| has_more).map(|last| URL_SAFE_NO_PAD.encode(format!("after:{}", id(last))));
        Page { data: rows, has_more, next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_leads_to_the_row_after_and_a_foreign_one_is_refused() {
        let page = Page::new(vec!["a".to_owned(), "b".to_owned(), "c".to_owned()], 2, |row| row);
        assert_eq!((page.data.len(), page.has_more), (2, true));
        let asked = PageAsked { cursor: page.next, limit: Some(2) };
        assert_eq!(asked.window(), Ok(("b".to_owned(), 2)));
        for cursor in ["x", "", "YWZ0ZXI", "AAAA"] {
            assert!(PageAsked { cursor: Some(cursor.to_owned()), limit: None }.window().is_err(), "{cursor}");
        }
    }

    #[test]
    fn the_limit_holds_at_its_edges() {
        let window = |limit| PageAsked { cursor: None, limit: Some(limit) }.window().is_ok();
        assert!(!window(0) && window(1) && window(199) && window(200) && !window(201));
        assert!(Page::new(vec!["a".to_owned()], 1, |row| row).next.is_none());
    }
}
