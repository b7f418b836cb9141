//! The command line as scripts meet it: exit codes, one sentence on standard error, and nothing made by who only looks.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

fn program(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hocphi"));
    let ours = std::env::vars().map(|(name, _)| name).filter(|name| name.starts_with("HOCPHI_"));
    for name in ours {
        command.env_remove(name);
    }
    command.args(arguments).current_dir(directory).stdin(Stdio::null());
    command
}

fn hocphi(directory: &Path, arguments: &[&str]) -> Output {
    program(directory, arguments).output().expect("the program runs")
}

/// A master key as an operator keeps it: its owner's alone.
fn key_file(directory: &Path, name: &str, key: &str) {
    let file = directory.join(name);
    std::fs::write(&file, key).expect("a file");
    #[cfg(unix)]
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("a mode");
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_question_asked_wrongly_exits_2_and_the_one_sentence_names_what_is_missing() {
    let here = tempfile::tempdir().expect("a directory");
    for (arguments, named) in [
        (&[][..], "provider"),
        (&["provider"], "connect"),
        (&["provider", "hear", "sepay"], "--request <FILE.http>"),
        (&["vietqr", "encode"], "--bin <BIN>, --account <ACCOUNT>"),
        (&["export", "journal", "--format", "xml"], "hledger, csv"),
        (&["export", "balance"], "journal, receipts, revenue"),
        (&["audit"], "--database"),
        (&["audit", "--database", "mysql://x"], "postgres://"),
        (&["audit", "--database", ""], "postgres://"),
        (&["serve", "--database", "sqlite://x.db", "--listen", "nonsense"], "HOST:PORT"),
        (&["demo", "--listen", "nonsense"], "HOST:PORT"),
        (&["setup", "--database", "sqlite://x.db"], "--from"),
        (&["audit", "--config", "absent.toml"], "absent.toml"),
        (
            &[
                "export",
                "receipts",
                "--database",
                "sqlite://x.db",
                "--format",
                "csv",
                "--from",
                "2026-11-23",
                "--to",
                "2026-11-22",
            ],
            "--from",
        ),
        (
            &["provider", "hear", "sepay", "--request", "x", "--secret", "api_key=-", "--secret", "hmac_secret=-"],
            "only one",
        ),
        (&["vietqr", "encode", "--bin", "970422", "--account", "1", "--purpose", "学费"], "--purpose"),
    ] {
        let output = hocphi(here.path(), arguments);
        let sentence = said(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {sentence}");
        assert_eq!(sentence.lines().count(), 1, "{arguments:?}: {sentence}");
        assert!(sentence.contains(named) && !sentence.contains(".rs:"), "{arguments:?}: {sentence}");
    }
    let left = std::fs::read_dir(here.path()).expect("a directory").count();
    assert_eq!(left, 0, "nothing is made by a question asked wrongly");
}

#[test]
fn who_only_looks_makes_no_database_and_is_told_what_is_absent() {
    let here = tempfile::tempdir().expect("a directory");
    std::fs::write(here.path().join("roster.xlsx"), "no zip").expect("a file");
    let database = ["--database", "sqlite://absent.db"];
    let days = ["--format", "csv", "--from", "2026-11-22", "--to", "2026-11-22"];
    for arguments in [
        &["audit"][..],
        &["export", "journal", "--format", "csv"],
        &[&["export", "revenue"][..], &days].concat(),
        &["roster", "import", "roster.xlsx", "--school", "1"],
        &["user", "add", "--login", "thu", "--role", "head", "--school", "1"],
    ] {
        let output = hocphi(here.path(), &[arguments, &database].concat());
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(said(&output).contains("There is no such database, absent.db"), "{}", said(&output));
    }
    assert!(!here.path().join("absent.db").exists());
    let output =
        hocphi(here.path(), &["roster", "import", "lost.xlsx", "--school", "1", "--database", "sqlite://absent.db"]);
    assert!(said(&output).starts_with("error: read lost.xlsx: No such file"), "{}", said(&output));
    let server = ["audit", "--database", "postgres://fees:hunter2@127.0.0.1:1/fees"];
    let output = hocphi(here.path(), &server);
    let sentence = said(&output);
    assert!(sentence.contains("127.0.0.1:1") && sentence.contains("refused"), "{sentence}");
    assert!(!sentence.contains("hunter2") && !sentence.contains(".rs:"), "{sentence}");

    assert!(hocphi(here.path(), &["migrate", "--database", "sqlite://made.db"]).status.success());
    let output =
        hocphi(here.path(), &["roster", "import", "roster.xlsx", "--school", "79", "--database", "sqlite://made.db"]);
    assert!(said(&output).contains("There is no school 79."), "{}", said(&output));
}

#[test]
fn a_reader_who_goes_away_ends_the_program_quietly() {
    let here = tempfile::tempdir().expect("a directory");
    for arguments in [&["--help"][..], &["provider", "check"], &["words", "1250000"]] {
        let command = &mut program(here.path(), arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program runs");
        drop(child.stdout.take());
        let mut sentence = String::new();
        child.stderr.take().expect("standard error").read_to_string(&mut sentence).expect("UTF-8");
        let status = child.wait().expect("it ends");
        assert_eq!((status.code(), sentence.as_str()), (Some(0), ""), "{arguments:?}");
    }
}

#[test]
fn two_programs_that_migrate_one_fresh_file_at_once_both_succeed() {
    let here = tempfile::tempdir().expect("a directory");
    for round in 0..4 {
        let database = format!("sqlite://fresh-{round}.db");
        let arguments = ["migrate", "--database", &database];
        let spawn = || {
            let command = &mut program(here.path(), &arguments);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program runs")
        };
        let pair = [spawn(), spawn(), spawn()];
        for child in pair {
            let output = child.wait_with_output().expect("it ends");
            assert!(output.status.success(), "{}", said(&output));
        }
    }
}

#[test]
fn another_master_key_is_refused_even_where_nothing_was_sealed_yet() {
    let here = tempfile::tempdir().expect("a directory");
    key_file(here.path(), "right.key", KEY);
    key_file(here.path(), "wrong.key", &KEY.replace('0', "1"));
    std::fs::write(here.path().join("statement.csv"), "date,debit,credit,balance,reference,text\n").expect("a file");
    let database = ["--database", "sqlite://hocphi.db"];
    assert!(hocphi(here.path(), &[&["migrate"][..], &database].concat()).status.success());
    let with = |key: &str, arguments: &[&str]| {
        let arguments = [arguments, &database].concat();
        let output = program(here.path(), &arguments).env("HOCPHI_KEY_FILE", key).output();
        said(&output.expect("the program runs"))
    };
    let import = ["statement", "import", "statement.csv", "--account", "970422:1"];
    assert!(!with("right.key", &import).contains("master key"));
    let connect = ["provider", "connect", "sepay", "--account", "970422:1", "--secret", "api_key=x"];
    for arguments in [&import[..], &connect, &["serve", "--listen", "127.0.0.1:0"]] {
        let sentence = with("wrong.key", arguments);
        assert!(sentence.contains("is not the one of this database"), "{sentence}");
    }
}

#[test]
fn the_fixed_day_and_the_living_demo_share_a_directory() {
    let here = tempfile::tempdir().expect("a directory");
    let once = |here: &Path| hocphi(here, &["demo", "--once"]);
    let output = once(here.path());
    assert!(output.status.success(), "{}", said(&output));
    let mut living = program(here.path(), &["demo", "--listen", "127.0.0.1:0"]);
    let mut child = living.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program runs");
    let mut first = [0_u8; 8];
    let told = child.stdout.as_mut().expect("standard output").read_exact(&mut first);
    child.kill().expect("it lives");
    let output = child.wait_with_output().expect("it ends");
    assert!(told.is_ok(), "{}", said(&output));
    let output = once(here.path());
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn the_doctor_looks_over_a_bank_of_ones_own_where_its_folder_is_named() {
    let here = tempfile::tempdir().expect("a directory");
    key_file(here.path(), "master.key", KEY);
    let run = |arguments: &[&str]| {
        let output = program(here.path(), arguments).env("HOCPHI_KEY_FILE", "master.key").output();
        let output = output.expect("the program runs");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned(), said(&output))
    };
    let database = ["--database", "sqlite://hocphi.db"];
    let (school, account) =
        (["--school-code", "79", "--school-name", "Sao Khuê"], ["--bank", "970422", "--account", "0881000123456"]);
    let setup = [&["setup"][..], &school, &account, &["--holder", "SAO KHUE"], &database].concat();
    let (code, _, sentence) = run(&setup);
    assert_eq!(code, Some(0), "{sentence}");
    assert_eq!(run(&["provider", "new", "ward-bank", "--dir", "local"]).0, Some(0));
    let (code, forged, _) = run(&["provider", "forge", "--providers", "local", "--cases", "50"]);
    assert!(code == Some(0) && forged.contains("ward-bank\t") && !forged.contains("sepay"), "{forged}");
    let connect = [
        "provider",
        "connect",
        "ward-bank",
        "--account",
        "970422:0881000123456",
        "--secret",
        "hmac_secret=one-of-its-own",
    ];
    let (code, hook, sentence) = run(&[&connect[..], &["--providers", "local"], &database].concat());
    assert_eq!(code, Some(0), "{sentence}");
    let connection = format!("ward-bank/{}", hook.trim().rsplit('/').next().expect("an id"));
    let doctor = [&["provider", "doctor", &connection][..], &database].concat();
    let (code, _, sentence) = run(&doctor);
    assert!(code == Some(1) && sentence.contains("--providers DIR"), "{sentence}");
    let (code, told, sentence) = run(&[&doctor[..], &["--providers", "local"]].concat());
    assert!(code == Some(0) && told.contains("proof by hmac_secret: ready"), "{told}{sentence}");
}

#[test]
fn values_that_begin_with_a_dash_are_values() {
    let here = tempfile::tempdir().expect("a directory");
    let output = hocphi(here.path(), &["reference", "find", "-RF18BCFGHJKLM-"]);
    assert_eq!((output.status.code(), said(&output).as_str()), (Some(0), ""));
    let code = hocphi(here.path(), &["vietqr", "encode", "--bin", "970422", "--account", "1", "--purpose", "-x"]);
    let code = String::from_utf8(code.stdout).expect("UTF-8");
    assert!(code.starts_with("000201010211"), "a code without an amount may be paid many times: {code}");
}

#[test]
fn secrets_are_rotated_and_people_are_looked_after_from_the_prompt() {
    let here = tempfile::tempdir().expect("a directory");
    key_file(here.path(), "master.key", KEY);
    let run = |arguments: &[&str]| {
        let database = ["--database", "sqlite://hocphi.db"];
        let mut program = program(here.path(), &[arguments, &database].concat());
        let output = program.env("HOCPHI_KEY_FILE", "master.key").output().expect("the program runs");
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.code(), printed, said(&output))
    };
    let refused = |arguments: &[&str], with: &str| {
        let (code, _, sentence) = run(arguments);
        assert!(code == Some(1) && sentence.contains(with), "{arguments:?}: {sentence}");
    };
    let school = [
        "setup",
        "--school-code",
        "79",
        "--school-name",
        "Sao Khuê",
        "--bank",
        "970422",
        "--account",
        "0881000123456",
        "--holder",
        "SAO KHUE",
    ];
    let (code, _, sentence) = run(&school);
    assert_eq!(code, Some(0), "{sentence}");
    let connect = ["provider", "connect", "bank-sim", "--account", "970422:0881000123456", "--secret"];
    refused(&[&connect[..], &["hmac_secret=no base64!"]].concat(), "base64");
    let (code, hook, sentence) = run(&[&connect[..], &["hmac_secret=whsec_c2VjcmV0LW9uZQ=="]].concat());
    assert!(code == Some(0) && sentence.contains("HOCPHI_PUBLIC_URL"), "{sentence}");
    let connection = hook.trim().rsplit('/').next().expect("an id").to_owned();
    refused(&[&connect[..], &["hmac_secret=whsec_c2VjcmV0LXR3bw=="]].concat(), "--another");
    let list = || run(&["provider", "secret", "list", &connection]).1;
    let first = list().split_whitespace().next().expect("an id").to_owned();
    let retire = ["provider", "secret", "retire", &connection, &first];
    refused(&retire, "only live value");
    refused(&["provider", "secret", "add", &connection, "hmac_secret=%"], "base64");
    let (code, ..) = run(&["provider", "secret", "add", &connection, "hmac_secret=whsec_c2VjcmV0LXR3bw=="]);
    assert_eq!((code, run(&retire).0), (Some(0), Some(0)));
    let listed = list();
    assert_eq!((listed.lines().count(), listed.matches("retired").count()), (2, 1), "{listed}");
    assert!(!listed.contains("whsec_") && !listed.contains("c2Vj"), "{listed}");
    let line = "date,debit,credit,balance,reference,text\n2026-11-20,,1x00,1000,FT1,abc\n";
    std::fs::write(here.path().join("s.csv"), line).expect("a file");
    refused(&["statement", "import", "s.csv", "--account", "970422:0881000123456"], "\nC2\t");
    let (code, told, _) = run(&["provider", "doctor"]);
    assert_eq!((code, told), (Some(0), format!("bank-sim/{connection}\tlast heard: never\n")));
    assert_eq!(run(&["provider", "end", &connection]).0, Some(0));
    refused(&["provider", "end", "con_nobody"], "There is no connection");

    let add = ["user", "add", "--login", "co.thu", "--role", "accountant", "--school", "79"];
    assert_eq!(run(&[&add[..], &["--name", "Cô Thu"]].concat()).0, Some(0));
    refused(&[&add[..], &["--name", "Thầy Minh"]].concat(), "is in already");
    let (code, printed, _) = run(&["user", "password", "co.thu"]);
    assert!(code == Some(0) && printed.contains("told this once"), "{printed}");
    assert_eq!(run(&["user", "end", "co.thu"]).0, Some(0));
    refused(&["user", "password", "co.thu"], "Nobody signs in as co.thu");
}
