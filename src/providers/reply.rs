//! What the provider is told, by what became of its delivery.

use super::spec::{Answer, Replies};
use super::{Outcome, Reply};

/// The declared answer to an outcome; the `ok` one where there is no other.
pub fn reply(replies: &Replies, outcome: Outcome) -> Reply {
    let own = match outcome {
        Outcome::New => None,
        Outcome::ToldBefore => replies.told_before.as_ref(),
        Outcome::Nothing => replies.nothing.as_ref(),
        Outcome::Test => replies.test.as_ref(),
        Outcome::Refused => {
            return replies.refused.as_ref().map_or_else(unproven, written);
        }
    };
    written(own.unwrap_or(&replies.ok))
}

fn written(answer: &Answer) -> Reply {
    Reply { status: answer.status, content_type: answer.content_type.clone(), body: answer.body.clone() }
}

fn unproven() -> Reply {
    Reply { status: 401, content_type: "application/json".to_owned(), body: r#"{"success":false}"#.to_owned() }
}
