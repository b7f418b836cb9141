//! What machines ask: are you alive, are you ready, how much did you do.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::House;
use crate::config::Config;

static METRICS: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
/// How long it counts that something was kept.
const AGAIN: Duration = Duration::from_secs(1);
/// Whoever asks has others to send banks to.
const PATIENCE: Duration = Duration::from_secs(2);
const BUCKETS: [f64; 10] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// `/healthz`, `/readyz`, and `/metrics` unless it has an address of its own.
pub fn routes(config: &Config) -> Router<Arc<House>> {
    recorder();
    let proof = Arc::new(Proof::default());
    let ready = get(move |house| ready(house, Arc::clone(&proof)));
    let routes = Router::new().route("/healthz", get(async || "ok\n")).route("/readyz", ready);
    if config.metrics_listen.is_some() { routes } else { routes.merge(metrics()) }
}

/// `/metrics` alone, for an address that only the operator's own machines reach.
pub fn metrics<S: Clone + Send + Sync + 'static>() -> Router<S> {
    recorder();
    Router::new().route("/metrics", get(async || figures()))
}

/// The process's one recorder; nothing when another library took the place first.
fn recorder() -> Option<&'static PrometheusHandle> {
    let install = || {
        let builder = PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &BUCKETS);
        builder.ok()?.install_recorder().ok()
    };
    METRICS.get_or_init(install).as_ref()
}

/// When something was last kept. One looks at a time.
type Proof = Mutex<Option<Instant>>;

/// A store that answers and keeps nothing, because its disk is full, it was moved or it only reads, is no place to send
/// banks to: so something is written now and then.
async fn ready(State(house): State<Arc<House>>, proof: Arc<Proof>) -> Response {
    let mut proof = proof.lock().await;
    let looked = if proof.is_some_and(|at| at.elapsed() < AGAIN) {
        timeout(PATIENCE, house.store.ping()).await
    } else {
        *proof = None;
        timeout(PATIENCE, house.store.prove_it_keeps()).await
    };
    if !matches!(looked, Ok(Ok(()))) {
        let why = "the store is down, or keeps nothing\n";
        return (StatusCode::SERVICE_UNAVAILABLE, [(header::CONTENT_TYPE, "text/x-probe")], why).into_response();
    }
    proof.get_or_insert_with(Instant::now);
    "ready\n".into_response()
}

fn figures() -> Response {
    let text = recorder().map(|handle| {
        handle.run_upkeep();
        handle.render()
    });
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text.unwrap_or_default()).into_response()
}
