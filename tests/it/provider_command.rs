//! `hocphi provider`, as a script sees it: one line of JSON, an exit code, one sentence when asked wrongly.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use hocphi::providers::BODY_MOST;
use serde_json::Value;

fn hocphi(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hocphi"))
        .arg("provider")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("the program runs")
}

fn providers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("providers")
}

fn hear(provider: &str, secret: &str, vector: &str) -> Value {
    let file = providers().join(provider).join("vectors").join(format!("{vector}.http"));
    let file = file.to_str().expect("a path");
    let output =
        hocphi(&["hear", provider, "--secret", secret, "--request", file, "--now", "2026-11-22T08:14:02+07:00"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let line = String::from_utf8(output.stdout).expect("UTF-8");
    assert_eq!(line.lines().count(), 1, "{line}");
    serde_json::from_str(&line).expect("JSON")
}

#[test]
fn what_a_request_means_is_one_line_of_json() {
    let heard = hear("sepay", "hmac_secret=secret-for-tests", "genuine");
    let wanted = serde_json::json!({
        "outcome": "credits",
        "reason": null,
        "credits": [{
            "reference": "92817",
            "account": "0881000123456",
            "amount": 1_250_000,
            "memo": "RF18BCFGHJKLM",
            "at": "2026-11-22T08:13:59+07:00",
            "direction": "in",
        }],
        "reply": { "status": 200, "body": "{\"success\":true}" },
    });
    assert_eq!(heard, wanted);
}

#[test]
fn what_a_bank_asks_for_is_said_and_answered_as_if_nobody_had_that_number() {
    let heard = hear("bidv", "secret_key=secret-for-tests", "asks-bill");
    assert_eq!(heard["outcome"], "asks");
    assert_eq!(heard["asks"], serde_json::json!({ "kind": "bill", "customer": "HS2025001", "service": "SCHOOL01" }));
    assert!(heard["reply"]["body"].as_str().is_some_and(|body| body.contains("\"011\"")), "{heard}");
}

#[test]
fn money_going_out_is_shown_and_means_nothing() {
    let heard = hear("sepay", "hmac_secret=secret-for-tests", "outgoing");
    assert_eq!(heard["outcome"], "nothing");
    assert_eq!(heard["credits"][0]["direction"], "out");
}

#[test]
fn a_forged_request_is_refused_with_the_declared_reply_and_is_no_error_of_the_command() {
    let heard = hear("payos", "checksum_key=secret-for-tests", "forged");
    assert_eq!((&heard["outcome"], &heard["reply"]["status"]), (&Value::from("refused"), &Value::from(401)));
    assert_eq!(heard["reason"], "proof: wrong");
}

#[test]
fn a_secret_may_come_from_a_file() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("secret");
    std::fs::write(&file, "secret-for-tests\n").expect("a file");
    let heard = hear("casso", &format!("secure_token=@{}", file.display()), "genuine");
    assert_eq!(heard["outcome"], "credits");
}

#[test]
fn a_body_over_the_limit_is_refused_as_the_hook_refuses_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("huge.http");
    let path = file.to_str().expect("a path");
    for provider in ["bank-sim", "casso", "casso-v2", "generic-hmac", "momo", "payos", "sepay", "tingee"] {
        for (size, status) in [(BODY_MOST - 1, 401), (BODY_MOST, 401), (BODY_MOST + 1, 413)] {
            let head = format!("POST /hook/{provider}/con_x HTTP/1.1\nContent-Length: {size}\n\n");
            std::fs::write(&file, [head.as_bytes(), &vec![b' '; size]].concat()).expect("a file");
            let output = hocphi(&["hear", provider, "--request", path]);
            let heard: Value = serde_json::from_slice(&output.stdout).expect("JSON");
            assert_eq!(
                (&heard["outcome"], &heard["reply"]["status"]),
                (&"refused".into(), &status.into()),
                "{provider} {size}"
            );
            let of_size = heard["reason"].as_str().is_some_and(|reason| reason.starts_with("body: larger than"));
            assert_eq!(of_size, status == 413, "{heard}");
        }
    }
}

#[test]
fn a_question_asked_wrongly_exits_2_with_one_sentence() {
    for arguments in [
        &["hear", "nobody", "--request", "x.http"][..],
        &["hear", "sepay", "--secret", "api_key", "--request", "x.http"],
        &["hear", "sepay", "--secret", "password=x", "--request", "x.http"],
        &["hear", "sepay", "--request", "x.http", "--now", "2026-11-22T08:00:00"],
        &["hear", "sepay"],
    ] {
        let output = hocphi(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr).lines().count(), 1, "{arguments:?}");
    }
}

#[test]
fn checking_passes_as_built_and_names_file_key_and_pointer_where_a_vector_is_wrong() {
    let output = hocphi(&["check"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let directory = tempfile::tempdir().expect("a directory");
    let (from, to) = (providers().join("casso"), directory.path().join("casso"));
    std::fs::create_dir_all(to.join("vectors")).expect("a folder");
    for entry in std::fs::read_dir(from.join("vectors")).expect("vectors") {
        let path = entry.expect("a file").path();
        std::fs::copy(&path, to.join("vectors").join(path.file_name().expect("a name"))).expect("a copy");
    }
    let spec = std::fs::read_to_string(from.join("provider.toml")).expect("a file");
    std::fs::write(to.join("provider.toml"), spec.replace("\"/amount\"", "\"/cusum_balance\"")).expect("a file");
    let output = hocphi(&["check", directory.path().to_str().expect("a path")]);
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8_lossy(&output.stderr);
    let wanted =
        "casso/vectors/genuine.want: credits[0].amount: /data/0/cusum_balance: wanted \"1250000\", got \"25000000\"";
    assert!(errors.contains(wanted), "{errors}");
}

#[test]
fn a_new_folder_passes_its_check_at_once_and_is_never_written_over() {
    let directory = tempfile::tempdir().expect("a directory");
    let local = directory.path().join("local");
    let dir = local.to_str().expect("a path");
    for (name, like) in [("ward-bank", None), ("ward-bank-2", Some("vietqr-vn"))] {
        let mut arguments = vec!["new", name, "--dir", dir];
        arguments.extend(like.into_iter().flat_map(|like| ["--like", like]));
        let output = hocphi(&arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let output = hocphi(&["check", dir]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for arguments in [
        &["new", "ward-bank", "--dir", dir][..],
        &["new", "sepay", "--dir", dir],
        &["new", "Ward", "--dir", dir],
        &["new", "ward-bank-3", "--like", "nobody", "--dir", dir],
    ] {
        let output = hocphi(arguments);
        assert!(!output.status.success() && !output.stderr.is_empty(), "{arguments:?}");
    }
    assert!(!local.join("sepay").exists() && !local.join("ward-bank-3").exists());
}

#[test]
fn a_failing_vector_is_explained_by_what_is_signed_and_what_would_be_right() {
    let directory = tempfile::tempdir().expect("a directory");
    let dir = directory.path().to_str().expect("a path");
    assert!(hocphi(&["new", "ward-bank", "--dir", dir]).status.success());
    let vector = directory.path().join("ward-bank/vectors/genuine.http");
    let text = std::fs::read_to_string(&vector).expect("a vector");
    let (head, body) = text.split_once("\n\n").expect("a body");
    let changed = body.replace("1250000", "1250001");
    std::fs::write(&vector, format!("{head}\n\n{changed}")).expect("a file");
    let output = hocphi(&["check", dir]);
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8_lossy(&output.stderr);
    let explained = format!("genuine.want: provider.toml: proof: signed is `{changed}`, and right would be ");
    assert!(errors.contains(&explained), "{errors}");
    assert!(errors.contains(" in the header x-signature after \"sha256=\""), "{errors}");

    // What the file says is signed and is not there is named.
    let spec = directory.path().join("ward-bank/provider.toml");
    let right = std::fs::read_to_string(&spec).expect("a file");
    for (message, named) in [
        ("{header:X-Timee}.{body}", "{header:X-Timee} is no header of the request"),
        ("{/transid}", "{/transid} is not in what is told"),
    ] {
        std::fs::write(&spec, right.replace("message = \"{body}\"", &format!("message = \"{message}\"")))
            .expect("a file");
        std::fs::write(&vector, &text).expect("a file");
        let output = hocphi(&["check", dir]);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(errors.contains(named), "{errors}");
    }
    std::fs::write(&spec, &right).expect("a file");

    // A vector that is believed and means something else has nothing wrong with its proof.
    std::fs::write(&vector, &text).expect("a file");
    let want = vector.with_extension("want");
    let wanted = std::fs::read_to_string(&want).expect("a want");
    std::fs::write(&want, wanted.replace("1250000", "1250001")).expect("a file");
    let output = hocphi(&["check", dir]);
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("genuine.want") && !errors.contains("right would be"), "{errors}");
}

#[test]
fn nothing_that_is_changed_by_one_byte_is_believed() {
    let output = hocphi(&["forge", "--seed", "7", "--cases", "500"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("seed 7, cases 500, accepted 0, hash "), "{said}");
}
