//! The one integration-test binary: rooms on both engines, journeys over HTTP, and the tidiness of the house.

#![expect(clippy::expect_used, reason = "a test stops where it is surprised, and says at what")]

mod api;
mod books;
mod books_command;
mod browser;
mod clockwork;
mod command_line;
mod engines;
mod every_provider;
mod feed;
mod fees;
mod hook;
mod hostile;
mod inbox;
mod journeys_money;
mod journeys_people;
mod journeys_setup;
mod ledger;
mod matching;
mod money_back;
mod outbox;
mod papers;
mod private_files;
mod provider_command;
mod races;
mod receipts;
mod roll;
mod schema;
mod stage;
mod statement_files;
mod statements;
mod tellings;
mod tidy;
mod tidy_tokens;
mod vietqr;
mod web_connect;
mod web_desk;
mod web_desk_work;
mod web_parent;
mod web_refused;
mod web_setup;
mod web_upload;
mod web_world;
mod world;
