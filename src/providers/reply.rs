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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_outcome_has_its_reply_and_a_refusal_is_401_when_nothing_else_is_declared() {
        let text = "[ok]\nstatus = 200\nbody = \"\"\n\
            [told_before]\nstatus = 208\ncontent_type = \"text/plain\"\nbody = \"again\"";
        let replies: Replies = toml::from_str(text).expect("replies");
        assert_eq!(reply(&replies, Outcome::New).status, 200);
        assert_eq!(reply(&replies, Outcome::Test), reply(&replies, Outcome::New));
        let again = reply(&replies, Outcome::ToldBefore);
        assert_eq!((again.status, again.content_type.as_str(), again.body.as_str()), (208, "text/plain", "again"));
        assert_eq!(reply(&replies, Outcome::Refused).status, 401);
    }
}
