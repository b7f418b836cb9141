//! One stream of events: it says `changed` when the page would say something else, and the page reloads itself.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::{HeaderName, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Deserialize;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Semaphore, SemaphorePermit, broadcast};

use super::Opened;
use crate::fault::Result;
use crate::web::House;
use crate::web::client::Client;
use crate::web::failure::Failure;

/// So many pages may listen at once; the others work by reloading.
static SEATS: Semaphore = Semaphore::const_new(8192);
/// So many of them for one invoice: a family has not more telephones, and one link must not take everybody's seats.
const MOST_OF_ONE: usize = 10;
/// So many of them for one address, and the others there work by reloading: one place must not take all seats through
/// many links. A telephone company brings a whole quarter of a city by one address.
const MOST_FROM_ONE: usize = 500;
/// News come from every process; should one be missed all the same, the books are read again at least this often.
const LOOK_EVERY: Duration = Duration::from_mins(1);
/// How often a line is sent so that nobody on the way thinks the stream is dead.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// After so many looks the stream ends; a page that is still open connects again by itself.
const LOOKS: u32 = 15;

/// How many pages listen, by invoice and by address.
static LISTENING: LazyLock<Mutex<HashMap<String, usize>>> = LazyLock::new(Mutex::default);

/// A page's place among those that listen.
struct Seat {
    counted: [String; 2],
    _of_all: SemaphorePermit<'static>,
}

impl Seat {
    fn take(invoice_id: &str, address: &str) -> Option<Seat> {
        let of_all = SEATS.try_acquire().ok()?;
        let counted = [invoice_id.to_owned(), format!("from {address}")];
        let mut listening = LISTENING.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = |(name, most): (&String, usize)| listening.get(name).is_some_and(|taken| *taken >= most);
        if counted.iter().zip([MOST_OF_ONE, MOST_FROM_ONE]).any(is_full) {
            return None;
        }
        for name in &counted {
            *listening.entry(name.clone()).or_default() += 1;
        }
        Some(Seat { counted, _of_all: of_all })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut listening = LISTENING.lock().unwrap_or_else(PoisonError::into_inner);
        for name in &self.counted {
            if let Some(left) = listening.get_mut(name) {
                *left = left.saturating_sub(1);
                if *left == 0 {
                    listening.remove(name);
                }
            }
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    mark: String,
}

struct Watch {
    house: Arc<House>,
    token: String,
    invoice_id: String,
    mark: String,
    news: broadcast::Receiver<String>,
    looks: u32,
    _seat: Seat,
}

pub(super) async fn stream(
    State(house): State<Arc<House>>,
    Query(asked): Query<Asked>,
    Client(address): Client,
    opened: Opened,
) -> Result<Response, Failure> {
    let seat = Seat::take(&opened.page.invoice.id, &address);
    let Some(seat) = seat else { return Ok(StatusCode::NO_CONTENT.into_response()) };
    let mark = if asked.mark.is_empty() { opened.mark() } else { asked.mark };
    let news = house.news.subscribe();
    let invoice_id = opened.page.invoice.id;
    let watch = Watch { house, token: opened.token, invoice_id, mark, news, looks: 0, _seat: seat };
    let events = stream::unfold(watch, async |mut watch| watch.next().await.map(|event| (event, watch)));
    let sse = Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT).text("still here"));
    let headers = [(HeaderName::from_static("x-accel-buffering"), "no")];
    Ok((headers, sse).into_response())
}

impl Watch {
    /// Waits for news of this invoice. Whoever was too slow to hear them all looks as well.
    async fn heard(&mut self) {
        loop {
            match self.news.recv().await {
                Ok(invoice_id) if invoice_id != self.invoice_id => {}
                Err(RecvError::Closed) => std::future::pending().await,
                Ok(_) | Err(RecvError::Lagged(_)) => return,
            }
        }
    }

    /// Waits until the page would say something else; nothing when the stream should end.
    async fn next(&mut self) -> Option<Result<Event, Infallible>> {
        while self.looks < LOOKS {
            self.looks += 1;
            if self.looks > 1 {
                // Running out of patience is how another process's work is found.
                let _ = tokio::time::timeout(LOOK_EVERY, self.heard()).await;
            }
            match Opened::by_token(&self.house, &self.token).await {
                Ok(Some(opened)) if opened.mark() == self.mark => {}
                Ok(Some(opened)) => {
                    self.mark = opened.mark();
                    return Some(Ok(Event::default().event("changed").data(self.mark.clone())));
                }
                Ok(None) => return None,
                Err(error) => {
                    tracing::warn!(%error, "a page's stream could not read the books");
                    return None;
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_invoice_takes_ten_seats_and_gives_them_back() {
        let sit = |place: usize| Seat::take("inv_one", &format!("192.0.2.{place}"));
        let mut seats: Vec<Option<Seat>> = (0..MOST_OF_ONE).map(sit).collect();
        assert!(seats.iter().all(Option::is_some));
        assert!(sit(11).is_none() && Seat::take("inv_other", "192.0.2.1").is_some());
        seats.pop();
        assert!(sit(11).is_some());
    }

    #[test]
    fn one_address_takes_twenty_seats_through_however_many_links() {
        let sit = |link: usize| Seat::take(&format!("inv_many_{link}"), "198.51.100.1");
        let mut seats: Vec<Option<Seat>> = (0..MOST_FROM_ONE).map(sit).collect();
        assert!(seats.iter().all(Option::is_some));
        assert!(sit(21).is_none() && Seat::take("inv_many_1", "198.51.100.2").is_some());
        seats.pop();
        assert!(sit(21).is_some());
    }
}
