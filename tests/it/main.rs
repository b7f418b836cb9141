//! The one integration-test binary: rooms on both engines, journeys over HTTP, and the tidiness of the house.

mod engines;
mod schema;
