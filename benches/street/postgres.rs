//! A throwaway PostgreSQL that keeps its promises.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection, PgConnection};

/// What it is started with; everything else is the package's own setting.
const SETTINGS: [&str; 5] =
    ["shared_buffers=512MB", "max_wal_size=4GB", "fsync=on", "synchronous_commit=on", "max_connections=200"];

pub struct Postgres {
    programs: PathBuf,
    data: PathBuf,
    port: u16,
}

impl Postgres {
    /// Starts it in a folder, empty or as it was left there.
    pub fn start(folder: &Path) -> Postgres {
        let postgres = Postgres { programs: programs(), data: folder.join("postgres"), port: port() };
        if !postgres.data.join("PG_VERSION").exists() {
            postgres.make();
        }
        postgres.begin();
        postgres
    }

    fn make(&self) {
        fs::create_dir_all(&self.data).expect("its folder");
        if is_root() {
            let owner = Command::new("id").args(["-u", "postgres"]).output().expect("id").stdout;
            let owner = String::from_utf8_lossy(&owner).trim().parse().expect("the user postgres");
            chown(&self.data, Some(owner), None).expect("its folder is its own");
        }
        self.run("initdb", &["--username=hocphi", "--auth=trust", "--encoding=UTF8", "--locale=C"]);
    }

    fn begin(&self) {
        let port = self.port;
        let near = self.data.display();
        let mut options = format!("-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={near}");
        for setting in SETTINGS {
            options = format!("{options} -c {setting}");
        }
        let log = self.data.join("log").display().to_string();
        self.run("pg_ctl", &["--silent", "--wait", "--log", &log, "--options", &options, "start"]);
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let program = self.programs.join(program);
        let mut command = if is_root() {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        let data = format!("--pgdata={}", self.data.display());
        let ended = command.arg(data).args(arguments).stdout(std::process::Stdio::null()).status();
        assert!(ended.expect("it runs").success(), "{command:?}");
    }

    pub fn address(&self, database: &str) -> String {
        format!("postgres://hocphi@127.0.0.1:{}/{database}", self.port)
    }

    /// Not over the network, where the driver has the second of two writes wait until the first is acknowledged.
    pub async fn connect_near(&self, database: &str) -> PgConnection {
        let near = PgConnectOptions::new().socket(&self.data).port(self.port).username("hocphi").database(database);
        near.connect().await.expect("PostgreSQL answers")
    }

    /// The first of its processes.
    pub fn pid(&self) -> u32 {
        let file = fs::read_to_string(self.data.join("postmaster.pid")).expect("it runs");
        file.lines().next().and_then(|line| line.parse().ok()).expect("its number")
    }

    pub async fn connect(&self, database: &str) -> PgConnection {
        PgConnection::connect(&self.address(database)).await.expect("PostgreSQL answers")
    }

    pub async fn create(&self, name: &str, like: &str) {
        let mut admin = self.connect("postgres").await;
        let text = format!("drop database if exists {name} with (force)");
        sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut admin).await.expect("dropped");
        let text = format!("create database {name} template {like}");
        sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut admin).await.expect("made");
        sqlx::raw_sql("checkpoint").execute(&mut admin).await.expect("a checkpoint");
    }

    /// What makes an answer durable, as the server says itself.
    pub async fn promises(&self) -> String {
        let mut admin = self.connect("postgres").await;
        let mut said = Vec::new();
        for setting in ["server_version", "fsync", "synchronous_commit", "full_page_writes", "wal_sync_method"] {
            let text = format!("select current_setting('{setting}')");
            let value: String = sqlx::query_scalar(AssertSqlSafe(text)).fetch_one(&mut admin).await.expect("a setting");
            assert!(value != "off", "{setting} is off: nothing would be durable");
            said.push(format!("{setting}={value}"));
        }
        said.join(" ")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.run("pg_ctl", &["--silent", "--wait", "--mode=fast", "stop"]);
    }
}

/// Debian keeps them off the path; the newest version counts.
fn programs() -> PathBuf {
    let found = fs::read_dir("/usr/lib/postgresql").expect("PostgreSQL").filter_map(|entry| Some(entry.ok()?.path()));
    found.max().expect("a version of PostgreSQL").join("bin")
}

fn port() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port()
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().expect("id").stdout;
    id.starts_with(b"0\n")
}
