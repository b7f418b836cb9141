//! Guesses at what has few possible answers: counted in the store, so that neither a restart nor a thousand addresses
//! give more of them.

use crate::fault::{Kind, Refusal, Result};
use crate::seal::token_hash;
use crate::store::{Store, Tx, args, transact};
use crate::time::{Clock, Moment};

use super::sql;

const HOUR_MS: i64 = 60 * 60 * 1000;

/// How long nobody may guess again after so many wrong guesses: a person who mistypes tries again at once, and one who
/// tries every day of the year needs most of a lifetime.
fn pause_ms(wrong: i64) -> i64 {
    match wrong {
        ..5 => 0,
        5..10 => HOUR_MS,
        10..20 => 24 * HOUR_MS,
        _ => 7 * 24 * HOUR_MS,
    }
}

/// Counts a guess about something and tells whether it was right. The right one clears the count.
///
/// # Errors
/// Too many wrong guesses before: this one is not judged, and the refusal says to ask the school.
pub async fn guess(store: &Store, clock: &Clock, about: &str, is_right: bool) -> Result<bool> {
    let (about, now) = (token_hash(about), clock.now());
    transact!(store, |tx| guess_in(tx, &about, is_right, now).await)
}

async fn guess_in(tx: &mut Tx, about: &str, is_right: bool, now: Moment) -> Result<bool> {
    let before: Option<(i64, Moment)> = tx.optional(&sql::GUESSES, args![about]).await?;
    let (wrong, next_at) = before.unwrap_or((0, Moment(0)));
    // A pause that is longer than it can be was begun by a clock that has gone back since.
    if now < next_at && next_at <= now.plus_ms(pause_ms(wrong)) {
        return Err(Refusal::new(
            Kind::TooMany,
            "too-many-guesses",
            "Đã nhập sai nhiều lần. Xin thử lại sau, hoặc gọi nhà trường.",
            "Too many wrong answers. Please try again later, or call the school.",
        )
        .into());
    }
    if is_right {
        tx.run(&sql::FORGET_GUESSES, args![about]).await?;
    } else {
        let wrong = wrong.saturating_add(1);
        tx.run(&sql::COUNT_GUESS, args![about, wrong, now.plus_ms(pause_ms(wrong))]).await?;
    }
    Ok(is_right)
}
