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

use super::client::network;

/// How wide the door is.
#[derive(Debug, Clone)]
pub struct Door {
    /// Connections at once. A service usually has 1,024 descriptors, and the store needs some of them.
    pub most: usize,
    /// Connections at once from one address or IPv6 network: a browser opens six.
    pub most_of_one: usize,
    /// Reverse proxies, who bring everybody and have no share; neither has this machine.
    pub proxies: Vec<IpAddr>,
    /// How long a connection may take to say what it wants, and how long it may say nothing between two requests.
    pub patience: Duration,
}

impl Default for Door {
    fn default() -> Self {
        Door { most: 800, most_of_one: 100, proxies: Vec::new(), patience: Duration::from_secs(20) }
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
        let Some(seat) = Inside::seat(&inside, &door, peer.ip()) else {
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
    fn seat(inside: &Arc<Inside>, door: &Door, peer: IpAddr) -> Option<Seat> {
        let address = peer.to_canonical();
        let has_share = !address.is_loopback() && !door.proxies.contains(&address);
        let peer = network(peer);
        let mut seats = inside.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seats.values().sum::<usize>() >= door.most {
            return None;
        }
        let of_one = seats.entry(peer).or_default();
        if *of_one >= door.most_of_one && has_share {
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

    const DOOR: Door = Door { most: 3, most_of_one: 1, proxies: Vec::new(), patience: Duration::from_millis(300) };

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
        let sit = |door: &Door, peer: &str| Inside::seat(&inside, door, peer.parse().expect("an address"));
        let first = sit(&DOOR, "203.0.113.7");
        assert!(first.is_some() && sit(&DOOR, "203.0.113.7").is_none());
        drop(first);
        let again = sit(&DOOR, "203.0.113.7");
        let proxy = [sit(&DOOR, "127.0.0.1"), sit(&DOOR, "127.0.0.1")];
        assert!(again.is_some() && proxy.iter().all(Option::is_some));
        assert!(sit(&DOOR, "127.0.0.1").is_none(), "three in all");
    }

    #[test]
    fn a_network_has_one_share_and_a_named_proxy_none() {
        let inside = Arc::new(Inside::default());
        let door = Door { proxies: vec!["192.168.1.20".parse().expect("an address")], ..DOOR };
        let sit = |peer: &str| Inside::seat(&inside, &door, peer.parse().expect("an address"));
        let household = sit("2001:db8:1:2::1");
        assert!(household.is_some() && sit("2001:db8:1:2:ffff::9").is_none(), "2⁶⁴ addresses and one share");
        let proxy = [sit("192.168.1.20"), sit("::ffff:192.168.1.20")];
        assert!(proxy.iter().all(Option::is_some));
    }
}
