//! SQL as a page of named texts, and the values bound to them.

/// One named SQL text. The name appears in faults, so that a log line says which statement failed.
#[derive(Debug, Clone, Copy)]
pub struct Statement {
    /// `room::NAME`.
    pub name: &'static str,
    /// How the text is completed before it runs.
    pub kind: StatementKind,
    /// The text, or its beginning.
    pub sql: &'static str,
    /// What follows the rows or the list.
    pub tail: &'static str,
}

/// How a text is completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatementKind {
    /// Complete, with `$1`, `$2`, …
    Fixed,
    /// `insert into t (a, b)`: rows of values follow, then the tail. Many numbered `$N` are quadratic on SQLite.
    Rows,
    /// `select … where k in`: a list of keys follows, then the tail.
    List,
}

impl Statement {
    /// How many columns an insert of many rows names.
    pub fn width(&self) -> usize {
        let names = self.sql.split_once('(').map_or("", |(_, rest)| rest);
        names.split_once(')').map_or(0, |(names, _)| names.split(',').count())
    }
}

/// An insert and its rows.
pub type Part<'a> = (&'a Statement, Vec<Vec<Arg>>);

/// A value for a placeholder. Nulls keep their type, because PostgreSQL asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arg {
    /// A number, an amount or a time.
    Int(Option<i64>),
    /// Text that we made or checked.
    Text(Option<String>),
    /// Bytes as they came from outside, or sealed.
    Bytes(Option<Vec<u8>>),
}

macro_rules! from_values {
    ($($type:ty => |$value:ident| $arg:expr;)*) => {
        $(impl From<$type> for Arg {
            fn from($value: $type) -> Self {
                $arg
            }
        })*
    };
}

from_values! {
    i64 => |value| Arg::Int(Some(value));
    Option<i64> => |value| Arg::Int(value);
    crate::money::Dong => |value| Arg::Int(Some(value.get()));
    Option<crate::money::Dong> => |value| Arg::Int(value.map(crate::money::Dong::get));
    crate::time::Moment => |value| Arg::Int(Some(value.0));
    Option<crate::time::Moment> => |value| Arg::Int(value.map(|moment| moment.0));
    crate::time::Day => |value| Arg::Text(Some(value.to_string()));
    crate::time::Month => |value| Arg::Text(Some(value.to_string()));
    Option<crate::time::Day> => |value| Arg::Text(value.map(|day| day.to_string()));
    &str => |value| Arg::Text(Some(value.to_owned()));
    String => |value| Arg::Text(Some(value));
    &String => |value| Arg::Text(Some(value.clone()));
    Option<&str> => |value| Arg::Text(value.map(str::to_owned));
    Option<String> => |value| Arg::Text(value);
    &Option<String> => |value| Arg::Text(value.clone());
    Vec<u8> => |value| Arg::Bytes(Some(value));
    &Vec<u8> => |value| Arg::Bytes(Some(value.clone()));
    &[u8] => |value| Arg::Bytes(Some(value.to_vec()));
    Option<Vec<u8>> => |value| Arg::Bytes(value);
}

/// `args![id, amount, at]`: values for the placeholders, in order.
macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$($crate::store::Arg::from($value)),*] };
}
pub(crate) use args;

/// A page of named statements. `NAME = "…"` is complete; `NAME = rows "insert into t (a, b)", "tail"` takes rows
/// of values; `NAME = list "select … where k in", "tail"` takes a list of keys. `ALL` names them all for the test
/// that prepares each on both engines.
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $($rest:tt)*)?) => {
        $crate::store::statements! { @each [] $($(#[$doc])* $name = $($rest)*)? }
    };
    (@each [$($all:ident)*]) => {
        /// Every statement of this page.
        pub const ALL: &[$crate::store::Statement] = &[$($all),*];
    };
    (@each [$($all:ident)*] $(#[$doc:meta])* $name:ident = rows $sql:literal, $tail:literal; $($rest:tt)*) => {
        $crate::store::statements! { @one $(#[$doc])* $name, Rows, $sql, $tail }
        $crate::store::statements! { @each [$($all)* $name] $($rest)* }
    };
    (@each [$($all:ident)*] $(#[$doc:meta])* $name:ident = list $sql:expr, $tail:literal; $($rest:tt)*) => {
        $crate::store::statements! { @one $(#[$doc])* $name, List, $sql, $tail }
        $crate::store::statements! { @each [$($all)* $name] $($rest)* }
    };
    (@each [$($all:ident)*] $(#[$doc:meta])* $name:ident = $sql:expr; $($rest:tt)*) => {
        $crate::store::statements! { @one $(#[$doc])* $name, Fixed, $sql, "" }
        $crate::store::statements! { @each [$($all)* $name] $($rest)* }
    };
    (@one $(#[$doc:meta])* $name:ident, $kind:ident, $sql:expr, $tail:literal) => {
        $(#[$doc])*
        pub const $name: $crate::store::Statement = $crate::store::Statement {
            name: concat!(module_path!(), "::", stringify!($name)),
            kind: $crate::store::StatementKind::$kind,
            sql: $sql,
            tail: $tail,
        };
    };
}
pub(crate) use statements;

/// A struct that is read from a row column by column, each under its own name.
macro_rules! record {
    ($(#[$doc:meta])* $vis:vis struct $name:ident {
        $($(#[$field_doc:meta])* $field_vis:vis $field:ident: $type:ty),* $(,)?
    }) => {
        $(#[$doc])*
        $vis struct $name { $($(#[$field_doc])* $field_vis $field: $type),* }

        impl $crate::store::Record for $name {
            fn read(row: &$crate::store::Row) -> $crate::fault::Result<Self> {
                Ok($name { $($field: row.get(stringify!($field))?),* })
            }
        }
    };
}
pub(crate) use record;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_insert_of_many_rows_knows_how_wide_it_is() {
        let insert = Statement { name: "", kind: StatementKind::Rows, sql: "insert into t (a, b,\n c)", tail: "" };
        assert_eq!(insert.width(), 3);
    }
}
