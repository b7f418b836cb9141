//! What processes cost: the processor's time of a server and its children, its largest memory, and how busy the rest
//! of the machine was meanwhile. A point measured beside somebody else's work says little.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

/// Clock ticks a second, as Linux counts them on every machine in use.
const TICKS: f64 = 100.0;

/// A server that was started and is killed when dropped.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
}

impl Server {
    /// Starts a program that says where it listens on its first lines.
    pub fn start(command: &mut Command) -> Server {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("the server starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let address = lines.by_ref().map(|line| line.expect("a line")).find_map(|line| {
            line.strip_prefix("listening on http://").map(|address| address.parse().expect("an address"))
        });
        // Whoever writes to a closed pipe is ended; its lines are read and dropped.
        std::thread::spawn(move || lines.for_each(drop));
        Server { child, address: address.expect("it says where it listens") }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the machine had done at one moment, in seconds.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    at: Instant,
    busy: f64,
    server: f64,
    database: f64,
}

/// What a span of time cost, in parts of one processor.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cost {
    pub server: f64,
    pub database: f64,
    /// Everybody but server, database and load.
    pub foreign: f64,
}

pub fn read(server: u32, database: Option<u32>) -> Reading {
    let database = database.map_or(0.0, |parent| spent(parent) + children(parent).into_iter().map(spent).sum::<f64>());
    Reading { at: Instant::now(), busy: busy(), server: spent(server), database }
}

impl Reading {
    /// The cost since then; `load` is what the telling process spent.
    pub fn until(&self, now: &Reading, load: f64) -> Cost {
        let seconds = (now.at - self.at).as_secs_f64();
        let (server, database) = (now.server - self.server, now.database - self.database);
        let foreign = (now.busy - self.busy - server - database - load).max(0.0);
        Cost { server: server / seconds, database: database / seconds, foreign: foreign / seconds }
    }
}

fn busy() -> f64 {
    let text = fs::read_to_string("/proc/stat").expect("/proc/stat");
    let figures = text.lines().next().unwrap_or_default().split_whitespace().skip(1);
    let figures: Vec<f64> = figures.map(|figure| figure.parse().expect("a figure")).collect();
    // user, nice, system, irq, softirq; neither idle nor what waits for a disk.
    [0, 1, 2, 5, 6].into_iter().map(|at| figures[at]).sum::<f64>() / TICKS
}

/// The processor's seconds of a process, with those of its children that ended.
pub fn spent(pid: u32) -> f64 {
    let Ok(text) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return 0.0 };
    let (_, behind) = text.rsplit_once(") ").unwrap_or_default();
    let fields: Vec<&str> = behind.split(' ').collect();
    [11, 12, 13, 14].into_iter().map(|at| fields[at].parse::<f64>().unwrap_or_default()).sum::<f64>() / TICKS
}

fn children(parent: u32) -> Vec<u32> {
    let is_child = |pid: &u32| {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let behind = text.rsplit_once(") ").map_or("", |(_, behind)| behind);
        behind.split(' ').nth(1) == Some(parent.to_string().as_str())
    };
    let all = fs::read_dir("/proc").expect("/proc").filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    all.filter(is_child).collect()
}

/// The most memory a process has held at once, in MB.
pub fn peak_mb(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|figure| figure.parse::<u64>().ok()).unwrap_or_default() / 1_024
}

/// Waits until the disk has everything that was written before, such as the copy that is measured: who is measured must
/// not wait for it.
pub fn quiet() {
    let done = Command::new("sync").status().expect("sync runs");
    assert!(done.success(), "sync");
}
