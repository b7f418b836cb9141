//! Học Phí: the cashless school-fee payment gateway of Vietnam.

pub mod config;
pub mod fault;
pub mod ids;
pub mod money;
pub mod seal;
pub mod store;
pub mod time;
