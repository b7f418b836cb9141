//! The databases a round begins with: ours through the program's own doors, the baselines' filled with the same bills.
//! A round works on a copy.

use std::fs;
use std::path::{Path, PathBuf};

use hocphi::clockwork::House;
use hocphi::config::Config;
use hocphi::providers::Providers;
use hocphi::seal::{MasterKey, Vault};
use hocphi::simulate::city::{self, Bill, City, Teller};
use hocphi::store::Store;
use hocphi::time::Clock;
use sqlx::PgPool;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};

use crate::baseline::books;
use crate::postgres::Postgres;
use crate::round::Engine;

/// One bill of so many was paid before anything is measured.
const PAST: usize = 20;

/// One school that everybody pays, or a hundred.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Town {
    Hot,
    Hundred,
}

impl Town {
    pub fn name(self) -> &'static str {
        match self {
            Town::Hot => "hot",
            Town::Hundred => "hundred",
        }
    }

    /// Of this many bills.
    fn city(self, bills: usize) -> City {
        match self {
            Town::Hot => City { schools: 1, pupils: 1_000, runs: bills.div_ceil(1_000) },
            Town::Hundred => City { schools: 100, pupils: 200, runs: bills.div_ceil(20_000).max(2) },
        }
    }
}

/// A town's databases and the files the other processes read.
pub struct Seed {
    pub town: Town,
    pub folder: PathBuf,
}

impl Seed {
    /// The master key of our databases.
    pub fn key(&self) -> PathBuf {
        self.folder.join("master.key")
    }

    pub fn file(&self, name: &str) -> String {
        self.folder.join(format!("{}-{name}", self.town.name())).display().to_string()
    }

    /// Name of a seeded database at PostgreSQL.
    pub fn database(&self, form: &str) -> String {
        format!("seed_{}_{}", self.town.name(), form.replace('-', "_"))
    }

    /// Makes everything that this town needs on these engines.
    pub async fn make(folder: &Path, town: Town, bills: usize, engines: &[Engine], postgres: &Postgres) -> Seed {
        let seed = Seed { town, folder: folder.to_owned() };
        for engine in engines {
            let known = seed.file(&format!("{}-bills.json", engine.name()));
            if *engine == Engine::Sqlite {
                seed.ours_on_sqlite(bills).await;
                seed.baseline_on_sqlite(&read::<Vec<Bill>>(&known)).await;
                continue;
            }
            seed.ours_on_postgres(bills, postgres).await;
            let known: Vec<Bill> = read(&known);
            for (form, with_keys) in [("plain", true), ("no-keys", false)] {
                let name = seed.database(form);
                postgres.create(&name, "template0").await;
                let pool = PgPool::connect(&postgres.address(&name)).await.expect("the database");
                books::on_postgres(&pool, &known, with_keys).await;
                pool.close().await;
            }
        }
        seed
    }

    async fn ours_on_sqlite(&self, bills: usize) {
        let file = self.file("ours.db");
        let store = Store::open(&format!("sqlite://{file}")).await.expect("a file");
        self.ours(store, bills, "sqlite").await;
    }

    async fn ours_on_postgres(&self, bills: usize, postgres: &Postgres) {
        let name = self.database("ours");
        postgres.create(&name, "template0").await;
        let store = Store::open(&postgres.address(&name)).await.expect("the database");
        self.ours(store, bills, "postgres").await;
    }

    async fn ours(&self, store: Store, bills: usize, engine: &str) {
        store.migrate().await.expect("a schema");
        if !self.key().exists() {
            fs::write(self.key(), MasterKey::generate().expect("a key").as_bytes()).expect("the key's file");
        }
        let key = MasterKey::parse(&fs::read_to_string(self.key()).expect("the key's file")).expect("a key");
        let vault = Vault::proven(store.clone(), key).await.expect("the vault");
        let providers = Providers::embedded().expect("the providers");
        let house = House::open(store, vault, Clock::System, providers, Config::default()).expect("the house");
        let tellers: Vec<Teller> = self.town.city(bills).build(&house).await.expect("the city");
        let mut known = city::bills(&house.store).await.expect("the bills");
        let unpaid = known.split_off(known.len() / PAST);
        write(&self.file(&format!("{engine}-tellers.json")), &tellers);
        write(&self.file(&format!("{engine}-past.json")), &known);
        write(&self.file(&format!("{engine}-bills.json")), &unpaid);
        house.store.close().await;
    }

    /// Where our seeded database lies.
    pub fn ours_at(&self, engine: Engine, postgres: &Postgres) -> String {
        match engine {
            Engine::Sqlite => format!("sqlite://{}", self.file("ours.db")),
            Engine::Postgres => postgres.address(&self.database("ours")),
        }
    }

    /// Once somebody has paid: a database that knows how much it holds, as on any day but the first.
    pub async fn know(&self, engine: Engine, postgres: &Postgres) {
        if engine == Engine::Postgres {
            let pool = PgPool::connect(&self.ours_at(engine, postgres)).await.expect("the database");
            sqlx::raw_sql("vacuum analyze").execute(&pool).await.expect("statistics");
            return pool.close().await;
        }
        let pool = SqlitePoolOptions::new().max_connections(1);
        let pool = pool.connect_with(file_options(&self.file("ours.db"))).await.expect("the file");
        sqlx::raw_sql("pragma analysis_limit = 1000; analyze; pragma wal_checkpoint(truncate)")
            .execute(&pool)
            .await
            .expect("statistics");
        pool.close().await;
    }

    async fn baseline_on_sqlite(&self, bills: &[Bill]) {
        let file = self.file("baseline.db");
        let pool = SqlitePoolOptions::new().max_connections(1);
        let pool = pool.connect_with(file_options(&file)).await.expect("the file");
        books::on_sqlite(&pool, bills).await;
        pool.close().await;
    }
}

fn file_options(file: &str) -> SqliteConnectOptions {
    let options = SqliteConnectOptions::new().filename(file).create_if_missing(true);
    options.journal_mode(sqlx::sqlite::SqliteJournalMode::Wal)
}

fn read<T: serde::de::DeserializeOwned>(file: &str) -> T {
    serde_json::from_slice(&fs::read(file).expect("a file")).expect("JSON")
}

fn write<T: serde::Serialize>(file: &str, value: &T) {
    fs::write(file, serde_json::to_vec(value).expect("JSON")).expect("a file");
}
