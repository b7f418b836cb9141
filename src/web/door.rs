//! The door: takes connections, so many and no more, and shows out those that keep a seat for nothing.
//!
//! A connection costs a file descriptor before it has said a word, and a machine has few of them. Whoever comes when
//! every seat is taken gets that of the one who has had the least use of it for longest: silence weighs most, an
//! unended question least, and only where there is neither goes who dwells on an answer. So thousands of connections
//! that are silent or never end keep no bank out, since a bank asks at once; what is being answered is not broken off
//! for them. Nobody is let in faster than those before him are listened to, since who has asked and is not heard yet
//! looks silent; meanwhile he stands in line. What has been said of questions that have no end yet lies in memory, and
//! is bounded by showing their oldest out.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

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
use tokio_util::sync::CancellationToken;
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
    /// How long an answer may take before its seat may go to somebody else.
    pub dwelling: Duration,
    /// Bytes of questions that are still being said, all together.
    pub most_said: usize,
}

impl Default for Door {
    fn default() -> Self {
        let (patience, dwelling) = (Duration::from_secs(20), Duration::from_secs(10));
        Door { most: 800, most_of_one: 100, proxies: Vec::new(), patience, dwelling, most_said: 128 << 20 }
    }
}

/// The longest head of a request that is read.
const HEAD_MOST: usize = 64 * 1024;

/// After the system refused a connection, for want of descriptors say, it is asked again this much later.
const BREATH: Duration = Duration::from_millis(200);

/// How many may stand in line before the door; whoever finds it full asks again a second later. The system may keep a
/// shorter one (`net.core.somaxconn`).
const LINE: u32 = 1_024;

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
    let room = Arc::new(Room { seats: Mutex::default(), most_said: door.most_said });
    let unheard = Arc::new(Semaphore::new((door.most / 8).max(1)));
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

/// What a connection is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Doing {
    /// It has never asked anything.
    Silent,
    /// It asks nothing now.
    Idle,
    /// It is still saying what it asks.
    Saying,
    /// It has asked, and nothing is answered yet.
    Asked,
    /// It is being answered.
    Answered,
}

impl Doing {
    /// How fast its time runs.
    fn weight(self) -> u32 {
        match self {
            Doing::Silent => 4,
            Doing::Idle => 2,
            Doing::Saying | Doing::Asked | Doing::Answered => 1,
        }
    }
}

/// Who is inside.
struct Room {
    seats: Mutex<Seats>,
    most_said: usize,
}

#[derive(Default)]
struct Seats {
    last: u64,
    taken: HashMap<u64, Taken>,
    of: HashMap<IpAddr, usize>,
    /// Bytes of questions that are still being said.
    said: usize,
}

struct Taken {
    peer: IpAddr,
    doing: Doing,
    since: Instant,
    shown_out: CancellationToken,
}

/// One connection's place.
struct Seat {
    room: Arc<Room>,
    number: u64,
    shown_out: CancellationToken,
}

impl Room {
    /// A seat, if need be somebody else's; none when everybody has more use for his.
    fn seat(room: &Arc<Room>, door: &Door, peer: IpAddr) -> Option<Seat> {
        let address = peer.to_canonical();
        let has_share = !address.is_loopback() && !door.proxies.contains(&address);
        let peer = network(peer);
        let (mut seats, now) = (room.seats(), Instant::now());
        if has_share && seats.of.get(&peer).is_some_and(|of_one| *of_one >= door.most_of_one) {
            seats.show_out(door, now, Some(peer))?;
        }
        if seats.taken.len() >= door.most {
            seats.show_out(door, now, None)?;
        }
        seats.last += 1;
        *seats.of.entry(peer).or_default() += 1;
        let (number, shown_out) = (seats.last, CancellationToken::new());
        let taken = Taken { peer, doing: Doing::Silent, since: now, shown_out: shown_out.clone() };
        seats.taken.insert(number, taken);
        Some(Seat { room: Arc::clone(room), number, shown_out })
    }

    fn seats(&self) -> std::sync::MutexGuard<'_, Seats> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seats {
    /// Frees the seat that is used least, of one network or of all.
    fn show_out(&mut self, door: &Door, now: Instant, of: Option<IpAddr>) -> Option<()> {
        let of_these = |taken: &Taken| of.is_none_or(|of| of == taken.peer);
        let dwells = |taken: &Taken| now - taken.since > door.dwelling;
        self.show_out_of(now, |taken| taken.doing <= Doing::Saying && of_these(taken))
            .or_else(|| self.show_out_of(now, |taken| dwells(taken) && of_these(taken)))
    }

    /// Frees the seat of whom the time has run longest, of those that may go.
    fn show_out_of(&mut self, now: Instant, may_go: impl Fn(&Taken) -> bool) -> Option<()> {
        let going = self.taken.iter().filter(|(_, taken)| may_go(taken));
        let time = |taken: &Taken| now.saturating_duration_since(taken.since) * taken.doing.weight();
        // Of two that came together the later is the one with more before it.
        let (number, _) = going.max_by_key(|(number, taken)| (time(taken), Reverse(**number)))?;
        self.leave(*number)
    }

    fn leave(&mut self, number: u64) -> Option<()> {
        let taken = self.taken.remove(&number)?;
        taken.shown_out.cancel();
        if let Some(left) = self.of.get_mut(&taken.peer) {
            *left = left.saturating_sub(1);
            if *left == 0 {
                self.of.remove(&taken.peer);
            }
        }
        Some(())
    }
}

impl Seat {
    fn does(&self, doing: Doing) {
        if let Some(taken) = self.room.seats().taken.get_mut(&self.number) {
            (taken.doing, taken.since) = (doing, Instant::now());
        }
    }

    /// So many more bytes of its question are kept. Where all together are too many, the oldest has to go.
    fn says(&self, bytes: usize) {
        let mut seats = self.room.seats();
        seats.said += bytes;
        if seats.said > self.room.most_said {
            seats.show_out_of(Instant::now(), |taken| taken.doing == Doing::Saying);
        }
    }

    /// Its question is understood, or dropped.
    fn has_said(&self, bytes: usize) {
        let mut seats = self.room.seats();
        seats.said = seats.said.saturating_sub(bytes);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.room.seats().leave(self.number);
    }
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
    use super::*;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::oneshot;

    const DOOR: Door = Door {
        most: 3,
        most_of_one: 1,
        proxies: Vec::new(),
        patience: Duration::from_millis(300),
        dwelling: Duration::from_mins(1),
        most_said: 1_000,
    };

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

    fn empty() -> Arc<Room> {
        Arc::new(Room { seats: Mutex::default(), most_said: DOOR.most_said })
    }

    /// A room for three, and one for each address.
    fn sit(room: &Arc<Room>, door: &Door, peer: &str) -> Option<Seat> {
        Room::seat(room, door, peer.parse().expect("an address"))
    }

    #[test]
    fn a_seat_goes_from_who_uses_it_least_for_longest_and_last_from_who_dwells_on_an_answer() {
        let room = empty();
        let came = Instant::now();
        let door = Door { most: 6, ..DOOR };
        let seats: Vec<Seat> = (0..6).map(|_| sit(&room, &door, "127.0.0.1").expect("a seat")).collect();
        // Who does what for how many milliseconds, in the order in which they go.
        let sure = [
            (Doing::Silent, 30),
            (Doing::Idle, 50),
            (Doing::Saying, 90),
            (Doing::Silent, 20),
            (Doing::Answered, door.dwelling.as_millis() + 2),
        ];
        for (seat, (doing, millis)) in seats.iter().zip(&sure) {
            let mut seats = room.seats();
            let taken = seats.taken.get_mut(&seat.number).expect("it is taken");
            taken.doing = *doing;
            let ago = Duration::from_millis(u64::try_from(*millis).expect("small"));
            taken.since = came.checked_sub(ago).expect("the clock runs longer");
        }
        seats[5].does(Doing::Asked);
        for turn in 0..5 {
            assert_eq!(room.seats().show_out(&door, came + Duration::from_millis(1), None), Some(()));
            let gone: Vec<bool> = seats.iter().map(|seat| seat.shown_out.is_cancelled()).collect();
            assert_eq!(gone, (0..6).map(|seat| seat <= turn).collect::<Vec<bool>>());
        }
        assert_eq!(room.seats().show_out(&door, came + Duration::from_millis(1), None), None, "it is being answered");
    }

    #[test]
    fn of_questions_without_end_the_oldest_goes_when_all_are_too_long() {
        let room = empty();
        let [first, second, third] = ["127.0.0.1"; 3].map(|peer| sit(&room, &DOOR, peer).expect("a seat"));
        for seat in [&first, &second] {
            seat.does(Doing::Saying);
            seat.says(DOOR.most_said / 2);
        }
        assert!(!first.shown_out.is_cancelled(), "as much as may be");
        second.says(1);
        assert!(first.shown_out.is_cancelled() && !second.shown_out.is_cancelled());
        first.has_said(DOOR.most_said / 2);
        third.does(Doing::Saying);
        third.says(DOOR.most_said / 2 - 1);
        assert!(!second.shown_out.is_cancelled(), "what was dropped counts no more");
    }

    #[test]
    fn one_address_takes_its_share_and_this_machine_more() {
        let room = empty();
        let first = sit(&room, &DOOR, "203.0.113.7").expect("a seat");
        first.does(Doing::Asked);
        assert!(sit(&room, &DOOR, "203.0.113.7").is_none(), "its own seat is in use");
        first.does(Doing::Idle);
        let again = sit(&room, &DOOR, "203.0.113.7").expect("a seat");
        assert!(first.shown_out.is_cancelled(), "it has one seat and no more");
        again.does(Doing::Asked);
        let proxy = [sit(&room, &DOOR, "127.0.0.1"), sit(&room, &DOOR, "127.0.0.1")].map(|seat| seat.expect("a seat"));
        for seat in &proxy {
            seat.does(Doing::Asked);
        }
        assert!(sit(&room, &DOOR, "127.0.0.1").is_none(), "three in all");
        drop(again);
        assert!(sit(&room, &DOOR, "127.0.0.1").is_some());
    }

    #[test]
    fn a_network_has_one_share_and_a_named_proxy_none() {
        let room = empty();
        let door = Door { proxies: vec!["192.168.1.20".parse().expect("an address")], ..DOOR };
        let household = sit(&room, &door, "2001:db8:1:2::1").expect("a seat");
        household.does(Doing::Asked);
        assert!(sit(&room, &door, "2001:db8:1:2:ffff::9").is_none(), "2⁶⁴ addresses and one share");
        let proxy = [sit(&room, &door, "192.168.1.20"), sit(&room, &door, "::ffff:192.168.1.20")];
        assert!(proxy.iter().all(Option::is_some));
    }
}
