//! The door: takes connections, so many and no more, and shuts those that say nothing.
//!
//! A connection costs a file descriptor before it has said a word, and a machine has few of them: without a bound,
//! somebody with a thousand silent connections keeps every bank out.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::ConnectInfo;
use axum::http::Request;
use axum::response::Response;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tower::Service;

/// How wide the door is.
#[derive(Debug, Clone, Copy)]
pub struct Door {
    /// Connections at once. A service usually has 1,024 descriptors, and the store needs some of them.
    pub most: usize,
    /// Connections at once from one address that is not this machine: a proxy stands here, a browser opens six.
    pub most_of_one: usize,
    /// How long a connection may take to say what it wants, and how long it may say nothing between two requests.
    pub patience: Duration,
}

impl Default for Door {
    fn default() -> Self {
        Door { most: 800, most_of_one: 100, patience: Duration::from_secs(20) }
    }
}

/// After the system refused a connection, for want of descriptors say, it is asked again this much later.
const BREATH: Duration = Duration::from_millis(200);

/// Serves until told to stop; then requests under way are finished, and nobody new is let in.
pub async fn serve(listener: TcpListener, router: Router, door: Door, stop: impl Future<Output = ()>) {
    let inside = Arc::new(Inside::default());
    let goodbye = GracefulShutdown::new();
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(BREATH).await;
                continue;
            }
        };
        // Whoever finds no seat is shut out at once: a bank comes again, and waiting would cost a descriptor too.
        let Some(seat) = Inside::seat(&inside, door, peer.ip()) else {
            metrics::counter!("hocphi_connections_refused_total").increment(1);
            continue;
        };
        let connection =
            http1::Builder::new().timer(TokioTimer::new()).header_read_timeout(door.patience).serve_connection(
                TokioIo::new(quick(stream)),
                TowerToHyperService::new(Visit { router: router.clone(), peer }),
            );
        let connection = goodbye.watch(connection);
        tokio::spawn(async move {
            // How a browser leaves is nobody's fault.
            let _ = connection.await;
            drop(seat);
        });
    }
    drop(listener);
    goodbye.shutdown().await;
}

/// Small answers leave at once.
fn quick(stream: TcpStream) -> TcpStream {
    // Without it they are only slower.
    let _ = stream.set_nodelay(true);
    stream
}

/// Who is inside.
#[derive(Default)]
struct Inside(Mutex<HashMap<IpAddr, usize>>);

/// One connection's place.
struct Seat {
    inside: Arc<Inside>,
    peer: IpAddr,
}

impl Inside {
    fn seat(inside: &Arc<Inside>, door: Door, peer: IpAddr) -> Option<Seat> {
        let mut seats = inside.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seats.values().sum::<usize>() >= door.most {
            return None;
        }
        let of_one = seats.entry(peer).or_default();
        if *of_one >= door.most_of_one && !peer.is_loopback() {
            return None;
        }
        *of_one += 1;
        Some(Seat { inside: Arc::clone(inside), peer })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seats = self.inside.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(left) = seats.get_mut(&self.peer) {
            *left = left.saturating_sub(1);
            if *left == 0 {
                seats.remove(&self.peer);
            }
        }
    }
}

/// The router for one connection: each request knows where it came from.
#[derive(Clone)]
struct Visit {
    router: Router,
    peer: SocketAddr,
}

impl<B> Service<Request<B>> for Visit
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<axum::BoxError>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = <Router as Service<Request<Body>>>::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        <Router as Service<Request<Body>>>::poll_ready(&mut self.router, context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        request.extensions_mut().insert(ConnectInfo(self.peer));
        self.router.call(request.map(Body::new))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::oneshot;

    const DOOR: Door = Door { most: 3, most_of_one: 1, patience: Duration::from_millis(300) };

    async fn opened() -> (SocketAddr, oneshot::Sender<()>, tokio::task::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = oneshot::channel::<()>();
        let router =
            Router::new().route("/", get(async |ConnectInfo(peer): ConnectInfo<SocketAddr>| peer.ip().to_string()));
        let served = tokio::spawn(serve(listener, router, DOOR, async move { drop(stopped.await) }));
        (address, stop, served)
    }

    /// Everything that is said until the other side hangs up.
    async fn said(mut stream: TcpStream) -> String {
        let mut text = Vec::new();
        // One that was shut out may be told so by a reset.
        let _ = stream.read_to_end(&mut text).await;
        String::from_utf8_lossy(&text).into_owned()
    }

    #[tokio::test]
    async fn who_says_nothing_is_shut_out_and_makes_room() {
        let (address, _stop, _served) = opened().await;
        let mut silent = Vec::new();
        for _ in 0..DOOR.most {
            silent.push(TcpStream::connect(address).await.expect("a connection"));
        }
        let shut_out = TcpStream::connect(address).await.expect("a connection");
        assert_eq!(said(shut_out).await, "", "there is no seat");
        for one in silent {
            said(one).await;
        }
        let mut next = TcpStream::connect(address).await.expect("a connection");
        next.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.expect("a request");
        assert!(said(next).await.ends_with("127.0.0.1"), "the silent ones are gone");
    }

    #[tokio::test]
    async fn a_connection_that_dwells_on_its_headers_is_shut_out() {
        let (address, _stop, _served) = opened().await;
        let mut slow = TcpStream::connect(address).await.expect("a connection");
        slow.write_all(b"GET / HTTP/1.1\r\nhost: ").await.expect("half a request");
        assert!(!said(slow).await.contains("200"));
    }

    #[tokio::test]
    async fn told_to_stop_it_lets_nobody_in() {
        let (address, stop, served) = opened().await;
        stop.send(()).expect("a listener");
        served.await.expect("an end");
        assert!(TcpStream::connect(address).await.is_err());
    }

    #[test]
    fn one_address_takes_its_share_and_this_machine_more() {
        let inside = Arc::new(Inside::default());
        let [near, far] = ["127.0.0.1", "203.0.113.7"].map(|ip| ip.parse::<IpAddr>().expect("an address"));
        let first = Inside::seat(&inside, DOOR, far);
        assert!(first.is_some() && Inside::seat(&inside, DOOR, far).is_none());
        drop(first);
        let again = Inside::seat(&inside, DOOR, far);
        let proxy = [Inside::seat(&inside, DOOR, near), Inside::seat(&inside, DOOR, near)];
        assert!(again.is_some() && proxy.iter().all(Option::is_some));
        assert!(Inside::seat(&inside, DOOR, near).is_none(), "three in all");
    }
}
