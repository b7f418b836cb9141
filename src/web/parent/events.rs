//! One stream of events: it says `changed` when the page would say something else, and the page reloads itself.

use std::convert::Infallible;
use std::sync::Arc;
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
use crate::web::failure::Failure;

/// So many pages may listen at once; the others work by reloading.
static SEATS: Semaphore = Semaphore::const_new(8192);
/// Another process may have posted the money, so the books are read again at least this often.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// How often a line is sent so that nobody on the way thinks the stream is dead.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// After so many looks the stream ends; a page that is still open connects again by itself.
const LOOKS: u32 = 90;

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
    _seat: SemaphorePermit<'static>,
}

pub(super) async fn stream(
    State(house): State<Arc<House>>,
    Query(asked): Query<Asked>,
    opened: Opened,
) -> Result<Response, Failure> {
    let Ok(seat) = SEATS.try_acquire() else { return Ok(StatusCode::NO_CONTENT.into_response()) };
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
