//! The door: takes connections, so many and no more, and shows out those that keep a seat for nothing.
//!
//! A connection costs a file descriptor before it has said a word, and a machine has few of them; who has to give his
//! up is decided in `room`. So thousands of connections that are silent or never end keep no bank out, since a
//! bank asks at once; what is being answered is not broken off for them. Nobody is let in faster than those before him
//! are listened to, since who has asked and is not heard yet looks silent; meanwhile he stands in line.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::ConnectInfo;
use axum::http::Request;
use axum::response::Response;
use hyper::body::{Frame, SizeHint};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::Service;

pub use super::room::Door;
use super::room::{Doing, Room, Seat};

/// The longest head of a request that is read.
const HEAD_MOST: usize = 64 * 1024;

/// After the system refused a connection, for want of descriptors say, it is asked again this much later.
const BREATH: Duration = Duration::from_millis(200);

/// How many may stand in line before the door; whoever finds it full asks again a second later. The system may keep a
/// shorter one (`net.core.somaxconn`).
const LINE: u32 = 1_024;

/// One seat of so many may be somebody's who was not listened to yet.
const UNHEARD: usize = 8;

/// A connection that was not heard after so long has said nothing: who has asked is read before a clock is looked at.
const LISTENING: Duration = Duration::from_millis(1);

/// Listens at the first of these addresses that can be had.
///
/// # Errors
/// That of the last of them.
pub async fn open(addresses: &str) -> io::Result<TcpListener> {
    let mut refused = io::Error::new(io::ErrorKind::InvalidInput, "this is no address");
    for address in tokio::net::lookup_host(addresses).await? {
        match listen(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => refused = error,
        }
    }
    Err(refused)
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // Elsewhere it would let two programs have one port.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(LINE)
}

/// Serves until told to stop; then requests under way are finished, and nobody new is let in.
pub async fn serve(listener: TcpListener, router: Router, door: Door, stop: impl Future<Output = ()>) {
    let room = Room::of(door.most_said);
    let unheard = Arc::new(Semaphore::new((door.most / UNHEARD).max(1)));
    let goodbye = GracefulShutdown::new();
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = accept(&listener, &unheard) => accepted,
        };
        let (stream, peer, unheard) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(BREATH).await;
                continue;
            }
        };
        // Whoever finds no seat is shut out at once: a bank comes again, and waiting would cost a descriptor too.
        let Some(seat) = Room::seat(&room, &door, peer.ip()) else {
            metrics::counter!("hocphi_connections_refused_total").increment(1);
            continue;
        };
        let seat = Arc::new(seat);
        let visit = Visit { router: router.clone(), peer, seat: Arc::clone(&seat) };
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(door.patience)
            .max_buf_size(HEAD_MOST)
            .serve_connection(TokioIo::new(quick(stream)), TowerToHyperService::new(visit));
        let connection = goodbye.watch(connection);
        tokio::spawn(async move {
            tokio::pin!(connection);
            tokio::select! {
                biased;
                _ = &mut connection => return,
                () = tokio::time::sleep(LISTENING) => drop(unheard),
            }
            tokio::select! {
                // How a browser leaves is nobody's fault.
                _ = &mut connection => {}
                () = seat.shown_out.cancelled() => {
                    metrics::counter!("hocphi_connections_shown_out_total").increment(1);
                }
            }
        });
    }
    drop(listener);
    goodbye.shutdown().await;
}

/// The next one, when few enough of those before have not been listened to.
async fn accept(
    listener: &TcpListener,
    unheard: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, Option<OwnedSemaphorePermit>)> {
    // It is never closed.
    let unheard = Arc::clone(unheard).acquire_owned().await.ok();
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, unheard))
}

/// Small answers leave at once.
fn quick(stream: TcpStream) -> TcpStream {
    // Without it they are only slower.
    let _ = stream.set_nodelay(true);
    stream
}

/// The router for one connection: each request knows where it came from.
#[derive(Clone)]
struct Visit {
    router: Router,
    peer: SocketAddr,
    seat: Arc<Seat>,
}

impl<B> Service<Request<B>> for Visit
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<axum::BoxError>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        <Router as Service<Request<Body>>>::poll_ready(&mut self.router, context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        request.extensions_mut().insert(ConnectInfo(self.peer));
        let seat = Arc::clone(&self.seat);
        let request = request.map(|body| {
            if body.is_end_stream() {
                seat.does(Doing::Asked);
                return Body::empty();
            }
            seat.does(Doing::Saying);
            Body::new(Question { body: Body::new(body), said: 0, seat: Arc::clone(&seat) })
        });
        let answer = self.router.call(request);
        Box::pin(async move {
            let response = answer.await?;
            seat.does(Doing::Answered);
            Ok(response.map(|body| Body::new(Answer { body, seat })))
        })
    }
}

/// What is asked, while it is being said.
struct Question {
    body: Body,
    said: usize,
    seat: Arc<Seat>,
}

impl Drop for Question {
    fn drop(&mut self) {
        self.seat.has_said(self.said);
        self.seat.does(Doing::Asked);
    }
}

impl HttpBody for Question {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            let bytes = frame.data_ref().map_or(0, Bytes::len);
            self.said += bytes;
            self.seat.says(bytes);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// What is answered; when it is out, its connection asks nothing any more.
struct Answer {
    body: Body,
    seat: Arc<Seat>,
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.seat.does(Doing::Idle);
    }
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::super::room::tests::DOOR;
    use super::*;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::oneshot;

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

    const ASKED: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

    #[tokio::test]
    async fn who_says_nothing_makes_room_for_who_comes() {
        let (address, _stop, _served) = opened().await;
        let mut silent = Vec::new();
        for _ in 0..DOOR.most {
            silent.push(TcpStream::connect(address).await.expect("a connection"));
        }
        let mut next = TcpStream::connect(address).await.expect("a connection");
        next.write_all(ASKED).await.expect("a request");
        assert!(said(next).await.ends_with("127.0.0.1"), "the oldest of the silent ones is gone");
        assert_eq!(said(silent.remove(0)).await, "");
        silent[0].write_all(ASKED).await.expect("a request");
        assert!(said(silent.remove(0)).await.ends_with("127.0.0.1"), "the second is not");
        for one in silent {
            said(one).await;
        }
    }

    #[tokio::test]
    async fn who_comes_while_the_door_is_busy_stands_in_line() {
        let listener = open("localhost:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let mut line = Vec::new();
        for _ in 0..300 {
            let comes = tokio::time::timeout(Duration::from_secs(30), TcpStream::connect(address)).await;
            line.push(comes.expect("he need not ask again").expect("a connection"));
        }
        drop(listener);
        assert!(open("no address").await.is_err());
    }

    #[tokio::test]
    async fn who_has_asked_before_he_is_let_in_is_heard_before_others_come() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let mut first = TcpStream::connect(address).await.expect("a connection");
        first.write_all(ASKED).await.expect("a request");
        let mut silent = Vec::new();
        for _ in 0..DOOR.most * 3 {
            silent.push(TcpStream::connect(address).await.expect("a connection"));
        }
        let answers = Arc::new(Semaphore::new(0));
        let may_answer = Arc::clone(&answers);
        let router = Router::new().route("/", get(async move || drop(may_answer.acquire().await)));
        let _served = tokio::spawn(serve(listener, router, DOOR, std::future::pending()));
        // He has a seat, and the others have the rest in turn.
        let last = silent.len() - DOOR.most;
        assert_eq!(said(silent.remove(last)).await, "");
        answers.add_permits(1);
        assert!(said(first).await.starts_with("HTTP/1.1 200"));
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
}
