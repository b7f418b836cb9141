//! Rows as both engines give them: 64-bit integers, text and bytes, by name or by place.

use sqlx::postgres::PgRow;
use sqlx::{Postgres, Row as _};

use super::Statement;
use crate::fault::{Error, Fault, Result};
use crate::money::Dong;
use crate::time::{Day, Moment};

/// One row of either engine.
pub enum Row<'r> {
    /// From SQLite, as long as it stands there.
    Sqlite(&'r rusqlite::Row<'r>),
    /// From PostgreSQL.
    Postgres(&'r PgRow),
}

/// A type that a column can be read as.
pub trait Column: Sized + Send + 'static {
    /// The value under a column's name or at its place.
    ///
    /// # Errors
    /// The column is absent or holds something else.
    fn read<I: Place>(row: &Row, place: I) -> Result<Self>;
}

/// A column's name or its place.
pub trait Place: rusqlite::RowIndex + sqlx::ColumnIndex<PgRow> + std::fmt::Debug + Copy {}
impl<T: rusqlite::RowIndex + sqlx::ColumnIndex<PgRow> + std::fmt::Debug + Copy> Place for T {}

/// A type that a whole row can be read as. Tuples are read by place, structs made with `record!` by name.
pub trait Record: Sized + Send + 'static {
    /// Reads one row.
    ///
    /// # Errors
    /// A column is absent or holds something else.
    fn read(row: &Row) -> Result<Self>;
}

impl Row<'_> {
    /// The value of a column.
    ///
    /// # Errors
    /// The column is absent or holds something else.
    pub fn get<T: Column>(&self, name: &str) -> Result<T> {
        T::read(self, name)
    }

    fn native<T, I: Place>(&self, place: I) -> Result<T>
    where
        T: rusqlite::types::FromSql + for<'d> sqlx::Decode<'d, Postgres> + sqlx::Type<Postgres>,
    {
        // Named only where it is needed: this is done for every column of every row.
        let doing = || format!("read column {place:?}");
        match self {
            Row::Sqlite(row) => row.get(place).map_err(|error| Fault::from_source(doing(), error).into()),
            Row::Postgres(row) => row.try_get(place).map_err(|error| Fault::from_source(doing(), error).into()),
        }
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

pub(super) fn read<T: Record>(statement: &Statement, row: &Row) -> Result<T> {
    T::read(row).map_err(|error| match error {
        Error::Fault(fault) => fault.while_doing(statement.name).into(),
        other => other,
    })
}

pub(super) fn read_all<T: Record>(statement: &Statement, rows: &[PgRow]) -> Result<Vec<T>> {
    rows.iter().map(|row| read(statement, &Row::Postgres(row))).collect()
}

#[track_caller]
pub(super) fn exactly_one<T>(statement: &Statement, found: Option<T>) -> Result<T> {
    found.ok_or_else(|| Fault::new(format!("{}: no row where one was promised", statement.name)).into())
}
