//! Rows as both engines give them: 64-bit integers, text and bytes, by name or by place.

use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Postgres, Row as _, Sqlite};

use super::Statement;
use crate::fault::{Error, Fault, Result};
use crate::money::Dong;
use crate::time::{Day, Moment};

/// One row of either engine.
pub enum Row {
    /// From SQLite.
    Sqlite(SqliteRow),
    /// From PostgreSQL.
    Postgres(PgRow),
}

/// A type that a column can be read as.
pub trait Column: Sized {
    /// The value under a column's name or at its place.
    ///
    /// # Errors
    /// The column is absent or holds something else.
    fn read<I: Place>(row: &Row, place: I) -> Result<Self>;
}

/// A column's name or its place.
pub trait Place: sqlx::ColumnIndex<SqliteRow> + sqlx::ColumnIndex<PgRow> + std::fmt::Debug + Copy {}
impl<T: sqlx::ColumnIndex<SqliteRow> + sqlx::ColumnIndex<PgRow> + std::fmt::Debug + Copy> Place for T {}

/// A type that a whole row can be read as. Tuples are read by place, structs made with `record!` by name.
pub trait Record: Sized {
    /// Reads one row.
    ///
    /// # Errors
    /// A column is absent or holds something else.
    fn read(row: &Row) -> Result<Self>;
}

impl Row {
    /// The value of a column.
    ///
    /// # Errors
    /// The column is absent or holds something else.
    pub fn get<T: Column>(&self, name: &str) -> Result<T> {
        T::read(self, name)
    }

    fn native<'r, T, I: Place>(&'r self, place: I) -> Result<T>
    where
        T: sqlx::Decode<'r, Sqlite> + sqlx::Type<Sqlite> + sqlx::Decode<'r, Postgres> + sqlx::Type<Postgres>,
    {
        match self {
            Row::Sqlite(row) => row.try_get(place),
            Row::Postgres(row) => row.try_get(place),
        }
        // Named only where it is needed: this is done for every column of every row.
        .map_err(|error| Fault::from_source(format!("read column {place:?}"), error).into())
    }
}

macro_rules! native_columns {
    ($($type:ty),*) => {
        $(impl Column for $type {
            fn read<I: Place>(row: &Row, place: I) -> Result<Self> {
                row.native(place)
            }
        })*
    };
}

native_columns!(i64, Option<i64>, String, Option<String>, Vec<u8>, Option<Vec<u8>>);

/// A stored value that is none of its type: the database was changed by another program.
#[track_caller]
fn unlike<I: Place>(place: I, wanted: &str) -> Error {
    Fault::new(format!("read column {place:?}: not a {wanted}")).into()
}

macro_rules! wrapped_columns {
    ($($type:ty, $stored:ty, $wrap:expr;)*) => {
        $(impl Column for $type {
            fn read<I: Place>(row: &Row, place: I) -> Result<Self> {
                let stored: $stored = row.native(place)?;
                ($wrap)(stored).ok_or_else(|| unlike(place, stringify!($type)))
            }
        }

        impl Column for Option<$type> {
            fn read<I: Place>(row: &Row, place: I) -> Result<Self> {
                let stored: Option<$stored> = row.native(place)?;
                let Some(stored) = stored else { return Ok(None) };
                let value: Option<$type> = ($wrap)(stored);
                value.map(Some).ok_or_else(|| unlike(place, stringify!($type)))
            }
        })*
    };
}

wrapped_columns! {
    Dong, i64, |stored| Some(Dong::new(stored));
    Moment, i64, |stored| Some(Moment(stored));
    Day, String, |stored: String| Day::parse(&stored);
}

macro_rules! single_records {
    ($($type:ty),*) => {
        $(impl Record for $type {
            fn read(row: &Row) -> Result<Self> {
                Column::read(row, 0)
            }
        })*
    };
}

single_records!(i64, Option<i64>, String, Option<String>, Vec<u8>, Option<Vec<u8>>, Dong, Moment, Day);

macro_rules! tuple_records {
    ($(($($type:ident $place:literal),*);)*) => {
        $(impl<$($type: Column),*> Record for ($($type,)*) {
            fn read(row: &Row) -> Result<Self> {
                Ok(($($type::read(row, $place)?,)*))
            }
        })*
    };
}

tuple_records! {
    (A 0, B 1);
    (A 0, B 1, C 2);
    (A 0, B 1, C 2, D 3);
    (A 0, B 1, C 2, D 3, E 4);
    (A 0, B 1, C 2, D 3, E 4, F 5);
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6);
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
}

pub(super) fn read_all<T: Record>(statement: &Statement, rows: Vec<Row>) -> Result<Vec<T>> {
    rows.iter().map(|row| T::read(row)).collect::<Result<_>>().map_err(|error| match error {
        crate::fault::Error::Fault(fault) => fault.while_doing(statement.name).into(),
        other => other,
    })
}

#[track_caller]
pub(super) fn exactly_one<T>(statement: &Statement, found: Option<T>) -> Result<T> {
    found.ok_or_else(|| Fault::new(format!("{}: no row where one was promised", statement.name)).into())
}
