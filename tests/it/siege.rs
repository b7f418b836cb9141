//! Ten thousand connections that keep a seat for nothing, and a program that is told to stop: who pays is served.
//!
//! How quickly others are answered meanwhile is printed, and nothing is made of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hocphi::simulate::city;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::engines;
use crate::on_both;
use crate::town::{Served, Town, folder};

/// Connections of those outside who mean no good.
const HOSTILE: usize = 10_000;
/// Who opens them.
const HANDS: usize = 8;
/// The most memory that the program may hold for them.
const MOST_MB: u64 = 512;

/// What such a connection says before it says nothing any more.
fn said(number: usize) -> Vec<u8> {
    let post = "POST /hook/sepay/none HTTP/1.1\r\nhost: x\r\n";
    match number % 8 {
        0..=2 => Vec::new(),
        3 => b"GET / HTTP/1.1\r\nhost: ".to_vec(),
        4 => format!("GET / HTTP/1.1\r\nx-flood: {}", "x".repeat(100_000)).into_bytes(),
        5 => format!("{post}content-length: 1000000\r\n\r\n{}", "x".repeat(900_000)).into_bytes(),
        6 => format!("{post}transfer-encoding: chunked\r\n\r\n10000\r\n{}\r\n", "x".repeat(0x10000)).into_bytes(),
        _ => format!("{post}content-length: 90\r\n\r\n{{").into_bytes(),
    }
}

/// Opens every connection and keeps it as long as it is let.
fn besiege(served: &Served) -> JoinSet<Vec<TcpStream>> {
    let (mut hands, at) = (JoinSet::new(), served.at);
    for hand in 0..HANDS {
        hands.spawn(async move {
            let mut held = Vec::new();
            for number in (hand..HOSTILE).step_by(HANDS) {
                let mut stream = TcpStream::connect(at).await.expect("a connection");
                // Whoever is shown out while he speaks has spoken enough.
                let _ = stream.write_all(&said(number)).await;
                held.push(stream);
            }
            held
        });
    }
    hands
}

/// This process may open as many files as it is let; each connection is one.
fn open_the_hands() {
    let limits = std::fs::read_to_string("/proc/self/limits").expect("its limits");
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).expect("how many files");
    let most = line.split_whitespace().nth(1).expect("the hard limit");
    let (process, files) = (format!("--pid={}", std::process::id()), format!("--nofile={most}"));
    let raised = std::process::Command::new("prlimit").args([process, files]).status();
    assert!(raised.expect("prlimit runs").success());
    let most = if most == "unlimited" { usize::MAX } else { most.parse().expect("a number") };
    assert!(most > HOSTILE + 500, "{most} files may be open here, and the test needs {HOSTILE} connections");
}

fn peak_mb(served: &Served) -> u64 {
    let file = format!("/proc/{}/status", served.child.id().expect("it runs"));
    let text = std::fs::read_to_string(file).expect("its figures");
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("its largest memory");
    line.split_whitespace().next().and_then(|figure| figure.parse::<u64>().ok()).expect("a figure") / 1_024
}

/// Reads a page as a parent does, on a connection of its own.
async fn read_a_page(served: &Served) -> String {
    let mut stream = TcpStream::connect(served.at).await.expect("a connection");
    let asked = b"GET /desk/sign-in HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    stream.write_all(asked).await.expect("asked");
    let mut text = String::new();
    stream.read_to_string(&mut text).await.expect("an answer");
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_connections_without_end_keep_nobody_out() {
    open_the_hands();
    let place = folder();
    let mut town = Town::build(format!("sqlite://{}", place.path().join("hocphi.db").display())).await;
    let served = town.serve().await.expect("it starts");
    let mut hands = besiege(&served);
    let (mut held, mut waits) = (Vec::new(), Vec::new());
    // While they come, and as long again when they are all there.
    while !hands.is_empty() || waits.len() < 400 {
        let begun = Instant::now();
        assert_eq!(town.tell_new(&served).await, Some(200), "transfer {}", town.next - 1);
        assert!(read_a_page(&served).await.starts_with("HTTP/1.1 200"));
        waits.push(begun.elapsed() / 2);
        while let Some(done) = hands.try_join_next() {
            held.extend(done.expect("opened"));
        }
    }
    assert_eq!(held.len(), HOSTILE);
    waits.sort_unstable();
    let (middle, late) = (waits[waits.len() / 2], waits[waits.len() * 99 / 100]);
    let peak = peak_mb(&served);
    println!("others were answered in {middle:?}, one in a hundred in {late:?}; the program held {peak} MB at most");
    assert!(peak < MOST_MB, "{peak} MB");
    drop(held);
    served.end().await;
    town.judge().await;
}

/// What was accepted before the program is told to stop is answered, and whoever comes later is not let in.
async fn who_is_being_answered_when_it_stops_is_answered(fresh: engines::Fresh) {
    let mut town = Town::build(fresh.address.clone()).await;
    let served = town.serve().await.expect("it starts");
    let (at, is_over) = (served.at, Arc::new(AtomicBool::new(false)));
    let requests: Vec<(u64, Vec<u8>)> = (0..20_000).map(|serial| (serial, town.request(serial))).collect();
    let requests = Arc::new(requests);
    let mut mouths = JoinSet::new();
    for mouth in 0..16 {
        let (requests, is_over) = (Arc::clone(&requests), Arc::clone(&is_over));
        mouths.spawn(async move {
            let (mut answered, mut broken) = (Vec::new(), 0);
            for (serial, request) in requests.iter().skip(mouth).step_by(16) {
                // A connection that is accepted is answered: only one that is refused ends this.
                let Ok(stream) = TcpStream::connect(at).await else { break };
                match city::ask_on(stream, request).await {
                    Some(200) => answered.push(*serial),
                    _ if is_over.load(Ordering::SeqCst) => broken += 1,
                    other => panic!("{other:?} before it was told to stop"),
                }
            }
            (answered, broken)
        });
    }
    tokio::time::timeout(Duration::from_secs(30), told_of_some(&town)).await.expect("some are kept");
    is_over.store(true, Ordering::SeqCst);
    served.end().await;
    while let Some(told) = mouths.join_next().await {
        let (answered, broken) = told.expect("it told");
        // One that the system had accepted and the program had not yet seen is broken off before it is kept.
        assert!(broken <= 1, "{broken} were let in and not answered");
        town.answered.extend(answered);
    }
    assert!(town.answered.len() < 20_000, "it was over before it was told to stop");
    town.judge().await;
}

/// Waits until the database shows that money is being told.
async fn told_of_some(town: &Town) {
    let store = hocphi::store::Store::open(&town.database).await.expect("the database");
    while city::progress(&store).await.expect("counted").kept < 100 {
        tokio::task::yield_now().await;
    }
    store.close().await;
}

on_both!(who_is_being_answered_when_it_stops_is_answered);
