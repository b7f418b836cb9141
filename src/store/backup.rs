//! A copy of everything while the program serves, and a database made from one.
//!
//! SQLite writes its own copy (`vacuum into`), PostgreSQL's own programs write and read its dumps. A restored database
//! is first made where nobody looks: [`Restored::open_for_all`] gives it its place once somebody has looked at it, and
//! dropped before that it leaves nothing behind that could be taken for the books.
//!
//! Deliberately absent: the master key. Whoever finds a copy cannot read it without the key, and neither can its owner:
//! the key is kept apart.

use std::ffi::OsString;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::str::FromStr;

use sha2::{Digest, Sha256};
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};
use tokio::process::Command;

use super::{Store, engine};
use crate::fault::{Fault, Kind, OrFault, Refusal, Result};

/// What every dump of PostgreSQL begins with.
const DUMP: &[u8] = b"PGDMP";
/// What every file of SQLite begins with.
const SQLITE: &[u8] = b"SQLite format 3\0";
/// What the file with a copy's sum is called.
const SUM: &str = ".sha256";
/// What SQLite names the journal beside a file.
const WAL: &str = "-wal";

/// Writes everything that is committed now to a new file that is its owner's alone, while others go on writing.
///
/// # Errors
/// The file is there already, or cannot be written whole; then none is left.
pub async fn back_up(address: &str, to: &Path) -> Result<()> {
    if to.exists() {
        return Err(there_already(to).into());
    }
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        return Err(no_folder(folder).into());
    }
    let part = beside(to, ".part");
    // What a copy left that was cut off is none.
    let _ = fs::remove_file(&part);
    let written = match engine::sqlite_file(address) {
        Some(file) => copy_sqlite(file, &part).await,
        None => dump_postgres(address, &part).await,
    };
    // The sum first: a copy that has none beside it is whole all the same, and one with another's would not be.
    let kept = written.and_then(|()| write_sum(&part, to)).and_then(|()| keep(&part, to));
    if kept.is_err() {
        // What is not whole is no copy.
        let _ = fs::remove_file(&part);
    }
    kept
}

async fn copy_sqlite(file: &str, to: &Path) -> Result<()> {
    engine::keep_private(&to.display().to_string());
    let mut from = SqliteConnectOptions::new().filename(file).connect().await.or_fault("open the database to copy")?;
    let target = to.to_str().ok_or_else(|| Fault::new("name the copy: its path is not UTF-8"))?;
    let copied = sqlx::query("vacuum into $1").bind(target).execute(&mut from).await;
    from.close().await.or_fault("close the database that was copied")?;
    copied.map(drop).or_fault(&format!("write the copy {target}"))
}

async fn dump_postgres(address: &str, to: &Path) -> Result<()> {
    engine::keep_private(&to.display().to_string());
    let mut dump = client("pg_dump", address)?;
    dump.args(["--format=custom", "--no-owner", "--no-privileges", "--file"]).arg(to);
    run(&mut dump, "pg_dump").await
}

/// Writes the copy's SHA-256 beside it, as `sha256sum --check` reads it.
fn write_sum(part: &Path, to: &Path) -> Result<()> {
    let name = to.file_name().unwrap_or_default().to_string_lossy();
    let line = format!("{}  {name}\n", sum_of(part)?);
    let (sum, whole) = (beside(to, ".sha256.part"), beside(to, SUM));
    fs::write(&sum, line).or_fault(&format!("write the sum of the copy {}", to.display()))?;
    keep(&sum, &whole)
}

/// Is a copy the one whose sum was written beside it? Where none was, nobody can tell.
fn check_sum(from: &Path) -> Result<()> {
    let Ok(line) = fs::read_to_string(beside(from, SUM)) else { return Ok(()) };
    let said = line.split_whitespace().next().unwrap_or_default();
    if said.eq_ignore_ascii_case(&sum_of(from)?) { Ok(()) } else { Err(not_as_written(from).into()) }
}

fn sum_of(file: &Path) -> Result<String> {
    let failed = format!("read the copy {}", file.display());
    let mut file = fs::File::open(file).or_fault(&failed)?;
    let mut sum = Sha256::new();
    let mut part = vec![0; 1 << 20];
    loop {
        match file.read(&mut part).or_fault(&failed)? {
            0 => return Ok(hex::encode(sum.finalize())),
            length => sum.update(&part[..length]),
        }
    }
}

/// Makes a copy durable and gives it its name.
fn keep(part: &Path, to: &Path) -> Result<()> {
    fs::File::open(part).and_then(|file| file.sync_all()).or_fault("make the copy durable")?;
    fs::rename(part, to).or_fault("give the copy its name")?;
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::File::open(folder).and_then(|folder| folder.sync_all()).or_fault("make the copy's name durable")
}

fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(ending);
    name.into()
}

/// A database made from a copy, which nobody else uses yet.
pub struct Restored {
    /// It, open.
    pub store: Store,
    place: Place,
}

enum Place {
    File { made: PathBuf, to: PathBuf },
    Server,
}

impl Restored {
    /// Makes a database from a copy where there is none yet.
    ///
    /// # Errors
    /// No copy, one of the other engine, a damaged one, or a database that is there already.
    pub async fn make(from: &Path, address: &str) -> Result<Restored> {
        let mut head = Vec::with_capacity(SQLITE.len());
        let begun = fs::File::open(from).and_then(|file| file.take(SQLITE.len() as u64).read_to_end(&mut head));
        begun.or_fault(&format!("read the copy {}", from.display()))?;
        check_sum(from)?;
        match engine::sqlite_file(address) {
            Some(file) if head == SQLITE => restore_file(from, Path::new(file)).await,
            None if head.starts_with(DUMP) => restore_dump(from, address).await,
            _ => Err(other_engine().into()),
        }
    }

    /// Gives the database its place: from now on it is the books.
    ///
    /// # Errors
    /// The file cannot be given its name.
    pub async fn open_for_all(self) -> Result<()> {
        self.store.close().await;
        let Place::File { made, to } = self.place else { return Ok(()) };
        if to.exists() {
            return Err(there_already(&to).into());
        }
        if beside(&made, WAL).exists() {
            return Err(Fault::new("open what was restored: its journal was not written into it").into());
        }
        keep(&made, &to)
    }

    /// Takes the database away again.
    ///
    /// # Errors
    /// What was made cannot be removed.
    pub async fn remove(self) -> Result<()> {
        if let Place::Server = self.place {
            // It was empty before, so everything in it is ours to take away.
            self.store.run_raw("drop schema public cascade; create schema public").await?;
        }
        self.store.close().await;
        match self.place {
            Place::File { made, .. } => fs::remove_file(made).or_fault("remove what was restored"),
            Place::Server => Ok(()),
        }
    }
}

async fn restore_file(from: &Path, to: &Path) -> Result<Restored> {
    // The journal of a database that is gone would be played into the one that takes its name.
    for there in [to.to_owned(), beside(to, WAL)] {
        if there.exists() {
            return Err(there_already(&there).into());
        }
    }
    let made = beside(to, ".restoring");
    // What a restore left that was cut off is not the books.
    for left in ["", WAL, "-shm"] {
        let _ = fs::remove_file(beside(&made, left));
    }
    engine::keep_private(&made.display().to_string());
    let copied = fs::File::open(from).and_then(|mut from| {
        // Into the file that is its owner's alone, whoever may read the copy.
        std::io::copy(&mut from, &mut fs::OpenOptions::new().write(true).open(&made)?)
    });
    if copied.is_err() {
        let _ = fs::remove_file(&made);
    }
    copied.or_fault(&format!("write {}", made.display()))?;
    let address = format!("sqlite://{}", made.display());
    let place = Place::File { made, to: to.to_owned() };
    let restored = match check_file(&address).await {
        Ok(()) => Store::open(&address).await,
        Err(error) => Err(error),
    };
    match restored {
        Ok(store) => Ok(Restored { store, place }),
        Err(error) => {
            if let Place::File { made, .. } = &place {
                let _ = fs::remove_file(made);
            }
            Err(error)
        }
    }
}

/// Is every page of the file what SQLite wrote?
async fn check_file(address: &str) -> Result<()> {
    let options = SqliteConnectOptions::from_str(address).or_fault("read the address of the copy")?;
    let mut file = SqliteConnection::connect_with(&options).await.map_err(|_| damaged())?;
    let said: Result<String, sqlx::Error> = sqlx::query_scalar("pragma integrity_check(1)").fetch_one(&mut file).await;
    // A copy without companions: one file is everything.
    let single = sqlx::query("pragma journal_mode = delete").execute(&mut file).await;
    let _ = file.close().await;
    if said.is_ok_and(|said| said == "ok") && single.is_ok() { Ok(()) } else { Err(damaged().into()) }
}

async fn restore_dump(from: &Path, address: &str) -> Result<Restored> {
    let store = Store::open(address).await?;
    if !store.describe().await?.is_empty() {
        return Err(not_empty().into());
    }
    let mut restore = client("pg_restore", address)?;
    restore.args(["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", "--dbname"]);
    restore.arg(PgConnectOptions::from_str(address).or_fault("read the address")?.get_database().unwrap_or("postgres"));
    run(restore.arg(from), "pg_restore").await?;
    Ok(Restored { store, place: Place::Server })
}

/// One of PostgreSQL's programs, told where to go by its environment: arguments can be read by everybody on a machine.
fn client(program: &str, address: &str) -> Result<Command> {
    let options = PgConnectOptions::from_str(address).or_fault("read the address of PostgreSQL")?;
    let url = options.to_url_lossy();
    let mut command = Command::new(program);
    command.env("PGHOST", options.get_host()).env("PGPORT", options.get_port().to_string());
    command.env("PGUSER", options.get_username()).env("PGDATABASE", options.get_database().unwrap_or("postgres"));
    if let Some(password) = url.password() {
        // Decoded as a query's value is, in which a plus would be a blank.
        let mut decoded = url.clone();
        decoded.set_query(Some(&format!("p={}", password.replace('+', "%2B"))));
        let password = decoded.query_pairs().next().map(|(_, value)| value.into_owned()).unwrap_or_default();
        command.env("PGPASSWORD", password);
    }
    for (name, value) in url.query_pairs() {
        match &*name {
            "sslmode" | "ssl-mode" => command.env("PGSSLMODE", &*value),
            "sslrootcert" | "ssl-root-cert" => command.env("PGSSLROOTCERT", &*value),
            _ => continue,
        };
    }
    Ok(command)
}

async fn run(command: &mut Command, name: &str) -> Result<()> {
    let ended = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).output().await;
    match ended {
        Ok(output) if output.status.success() => Ok(()),
        // It says table and line, and of a row at most that it does not fit; the first line is enough.
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(Fault::new(format!("{name}: {}", said.lines().next().unwrap_or("it failed"))).into())
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(not_installed(name).into()),
        Err(error) => Err(Fault::from_source(format!("run {name}"), error).into()),
    }
}

fn there_already(file: &Path) -> Refusal {
    let name = file.display();
    let (vi, en) =
        (format!("Đã có sẵn {name}: không ghi đè."), format!("{name} is there already and is not replaced."));
    Refusal::new(Kind::Conflict, "there-already", vi, en)
}

fn no_folder(folder: &Path) -> Refusal {
    let name = folder.display();
    let (vi, en) = (format!("Không có thư mục {name}."), format!("There is no folder {name}."));
    Refusal::new(Kind::Absent, "no-such-folder", vi, en)
}

fn not_empty() -> Refusal {
    let (vi, en) = (
        "Cơ sở dữ liệu này không trống: chỉ khôi phục vào một cơ sở dữ liệu trống.",
        "This database is not empty: a copy is restored into an empty one.",
    );
    Refusal::new(Kind::Conflict, "database-not-empty", vi, en)
}

fn other_engine() -> Refusal {
    let (vi, en) = (
        "Tệp này không phải bản sao lưu cho loại cơ sở dữ liệu đó: SQLite cần tệp SQLite, PostgreSQL cần tệp của pg_dump.",
        "This file is no copy for that kind of database: SQLite takes a file of SQLite, PostgreSQL a dump of pg_dump.",
    );
    Refusal::new(Kind::Meaning, "backup-of-another-kind", vi, en)
}

fn damaged() -> Refusal {
    let (vi, en) = ("Bản sao lưu bị hỏng: không khôi phục được.", "The copy is damaged and cannot be restored.");
    Refusal::new(Kind::Meaning, "backup-damaged", vi, en)
}

fn not_as_written(file: &Path) -> Refusal {
    let name = file.display();
    let (vi, en) = (
        format!(
            "{name} không còn như lúc sao lưu: mã SHA-256 khác với tệp {name}{SUM}. Hãy dùng một bản sao lưu khác."
        ),
        format!("{name} is not what was written: its SHA-256 is not that of {name}{SUM}. Use another copy."),
    );
    Refusal::new(Kind::Meaning, "backup-changed", vi, en)
}

fn not_installed(name: &str) -> Refusal {
    let (vi, en) = (
        format!("Cần chương trình {name} của PostgreSQL (gói postgresql-client)."),
        format!("PostgreSQL's program {name} is needed (package postgresql-client)."),
    );
    Refusal::new(Kind::Shape, "no-postgres-client", vi, en)
}
