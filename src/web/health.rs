//! What machines ask: are you alive, are you ready, how much did you do.

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use super::House;
use crate::config::Config;

static METRICS: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
const BUCKETS: [f64; 10] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// `/healthz`, `/readyz`, and `/metrics` unless it has an address of its own.
pub fn routes(config: &Config) -> Router<Arc<House>> {
    recorder();
    let routes = Router::new().route("/healthz", get(async || "ok\n")).route("/readyz", get(ready));
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

async fn ready(State(house): State<Arc<House>>) -> Response {
    match house.store.ping().await {
        Ok(()) => "ready\n".into_response(),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, [(header::CONTENT_TYPE, "text/x-probe")], "the store is down\n")
            .into_response(),
    }
}

fn figures() -> Response {
    let text = recorder().map(|handle| {
        handle.run_upkeep();
        handle.render()
    });
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text.unwrap_or_default()).into_response()
}
