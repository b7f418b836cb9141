//! The one integration-test binary: rooms on both engines, journeys over HTTP, and the tidiness of the house.

#![expect(clippy::expect_used, reason = "a test stops where it is surprised, and says at what")]

mod api;
mod browser;
mod engines;
mod fees;
mod inbox;
mod provider_command;
mod roll;
mod schema;
mod stage;
mod tidy;
mod tidy_tokens;
mod vietqr;
mod web_desk;
mod web_parent;
mod web_world;
