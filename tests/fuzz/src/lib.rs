//! What the targets share: how dear reading may be, what every statement that was read must be, and files around bytes.

pub mod cost;
pub mod files;
pub mod hook;
pub mod statement;
