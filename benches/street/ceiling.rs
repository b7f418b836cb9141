//! The bare hook: proves, reads, answers, and keeps nothing. Nothing that keeps can be faster on this machine.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::routing::post;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;

use crate::heard::{self, Tellers};

pub const OK: &str = "{\"success\":true}";

pub async fn serve(tellers: &str) {
    let hook = Router::new().route("/hook/{provider}/{connection}", post(hear));
    listen(hook.with_state(Arc::new(heard::tellers(tellers)))).await;
}

/// Serves at a free port and says which.
pub async fn listen(router: Router) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    println!("listening on http://{}", listener.local_addr().expect("an address"));
    let quick = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    axum::serve(quick, router).await.expect("it serves");
}

async fn hear(
    State(tellers): State<Arc<Tellers>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, &'static str) {
    match heard::hear(&tellers, uri.path(), &headers, &body) {
        Some(_) => (StatusCode::OK, OK),
        None => (StatusCode::UNAUTHORIZED, ""),
    }
}
