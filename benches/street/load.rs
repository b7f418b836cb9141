//! The process that tells: signs everything first, then keeps every connection busy, or keeps to a rate.

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hocphi::simulate::chance::Chance;
use hocphi::simulate::city::{self, Bill, Teller, Transfer};
use hocphi::time::{Clock, Moment};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// One request of so many names no invoice.
const NAMELESS: usize = 50;
/// One transfer of so many is told twice.
const TWICE: usize = 20;
/// So many requests later.
const LATER: usize = 300;

/// What to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plan {
    pub address: SocketAddr,
    pub tellers: String,
    pub bills: String,
    pub connections: usize,
    /// Transfers at most.
    pub most: usize,
    pub seconds: f64,
    /// Requests a second; as many as are answered when absent.
    pub rate: Option<f64>,
    /// The number of the first transfer.
    pub first: u64,
    pub seed: u64,
}

/// What came of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Told {
    /// Answered 200.
    pub answered: usize,
    /// Answered otherwise, or not at all.
    pub refused: usize,
    /// Transfers of which at least one telling was answered 200.
    pub transfers: usize,
    /// Those of them that name an invoice.
    pub named: usize,
    /// From the first request to the last answer.
    pub seconds: f64,
    /// Latencies in microseconds: the middle, one in a hundred, one in a thousand, the longest.
    pub p50: u32,
    pub p99: u32,
    pub p999: u32,
    pub longest: u32,
    /// When the first request left.
    pub since: i64,
}

struct Request {
    transfer: usize,
    bytes: Vec<u8>,
}

pub async fn run(plan: &str) {
    let plan: Plan = serde_json::from_str(plan).expect("a plan");
    let requests = Arc::new(signed(&plan));
    let since = Clock::System.now();
    let (next, begun) = (Arc::new(AtomicUsize::new(0)), Instant::now());
    let mut tasks = Vec::new();
    for _ in 0..plan.connections {
        let stream = TcpStream::connect(plan.address).await.expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        let mut one = Connection { stream, begun, buffer: vec![0; 4096] };
        let (plan, requests, next) = (plan.clone(), Arc::clone(&requests), Arc::clone(&next));
        tasks.push(tokio::spawn(async move { one.tell(&plan, &requests, &next).await }));
    }
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await.expect("a connection that ends well"));
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!("{}", serde_json::to_string(&told(&requests, all, seconds, since)).expect("JSON"));
}

/// The requests in the order they are told: each bill once, some twice, and some that name none.
fn signed(plan: &Plan) -> Vec<Request> {
    let read = |file: &str| fs::read(file).expect("a file");
    let tellers: Vec<Teller> = serde_json::from_slice(&read(&plan.tellers)).expect("tellers");
    let mut bills: Vec<Bill> = serde_json::from_slice(&read(&plan.bills)).expect("bills");
    let mut chance = Chance::new(plan.seed);
    chance.shuffle(&mut bills);
    let now = Clock::System.now();
    let mut requests: Vec<Request> = Vec::new();
    let mut again: std::collections::VecDeque<(usize, usize)> = std::collections::VecDeque::new();
    for (at, bill) in bills.iter().take(plan.most).enumerate() {
        let teller = tellers.iter().find(|teller| teller.account == bill.account).expect("who tells of this account");
        let memo = if at % NAMELESS == 7 { "hoc phi thang 11 cua be An".to_owned() } else { memo(bill, &mut chance) };
        let serial = plan.first + u64::try_from(at).expect("a number");
        let transfer = Transfer { serial, amount: bill.amount, memo: &memo, at: now, told_at: now };
        requests.push(Request { transfer: at, bytes: city::request(teller, &transfer).expect("a request") });
        if at % TWICE == 3 {
            again.push_back((requests.len() + LATER, requests.len() - 1));
        }
        while let Some((_, first)) = again.pop_front_if(|(due, _)| *due <= requests.len()) {
            let Request { transfer, bytes } = &requests[first];
            let repeated = Request { transfer: *transfer, bytes: bytes.clone() };
            requests.push(repeated);
        }
    }
    requests
}

/// As payers' banks write it: alone, or with words before and behind.
fn memo(bill: &Bill, chance: &mut Chance) -> String {
    match chance.below(3) {
        0 => bill.reference.clone(),
        1 => format!("{} nop hoc phi", bill.reference),
        _ => format!("CT DEN {}", bill.reference),
    }
}

struct Connection {
    stream: TcpStream,
    begun: Instant,
    buffer: Vec<u8>,
}

/// What was asked, whether it was answered 200, and after how many microseconds.
type Answer = (usize, bool, u32);

impl Connection {
    async fn tell(&mut self, plan: &Plan, requests: &[Request], next: &AtomicUsize) -> Vec<Answer> {
        let mut answers = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(request) = requests.get(at) else { break };
            // At a rate, the time counts from when the request was due, so that what waits behind a slow one is seen.
            #[expect(clippy::cast_precision_loss, reason = "a place in a plan of minutes")]
            let due = plan.rate.map(|rate| Duration::from_secs_f64(at as f64 / rate));
            if due.unwrap_or_else(|| self.begun.elapsed()).as_secs_f64() >= plan.seconds {
                break;
            }
            let from = match due {
                Some(due) => {
                    tokio::time::sleep_until((self.begun + due).into()).await;
                    self.begun + due
                }
                None => Instant::now(),
            };
            let is_ok = self.ask(&request.bytes).await;
            answers.push((at, is_ok, u32::try_from(from.elapsed().as_micros()).unwrap_or(u32::MAX)));
        }
        answers
    }

    async fn ask(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.expect("sent");
        let mut filled = 0;
        loop {
            let read = self.stream.read(&mut self.buffer[filled..]).await.expect("an answer");
            assert!(read > 0, "the server hung up");
            filled += read;
            let Some(end) = self.buffer[..filled].windows(4).position(|four| four == b"\r\n\r\n") else { continue };
            let head = String::from_utf8_lossy(&self.buffer[..end]).to_ascii_lowercase();
            let length =
                head.split_once("content-length: ").map_or("0", |(_, rest)| rest.lines().next().unwrap_or("0"));
            if filled >= end + 4 + length.trim().parse::<usize>().expect("a length") {
                return head.starts_with("http/1.1 200");
            }
        }
    }
}

fn told(requests: &[Request], mut all: Vec<Answer>, seconds: f64, since: Moment) -> Told {
    let mut transfers: Vec<usize> =
        all.iter().filter(|(_, ok, _)| *ok).map(|(at, ..)| requests[*at].transfer).collect();
    transfers.sort_unstable();
    transfers.dedup();
    let answered = all.iter().filter(|(_, ok, _)| *ok).count();
    all.sort_unstable_by_key(|(.., micros)| *micros);
    let of_thousand =
        |part: usize| all.get((all.len() * part / 1_000).min(all.len().saturating_sub(1))).map_or(0, |one| one.2);
    Told {
        answered,
        refused: all.len() - answered,
        named: transfers.iter().filter(|transfer| **transfer % NAMELESS != 7).count(),
        transfers: transfers.len(),
        seconds,
        p50: of_thousand(500),
        p99: of_thousand(990),
        p999: of_thousand(999),
        longest: of_thousand(1_000),
        since: since.0,
    }
}
