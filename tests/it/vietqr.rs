//! The command line of VietQR, as scripts use it.

use std::process::{Command, Output};

fn hocphi(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hocphi")).arg("vietqr").args(arguments).output().expect("the program runs")
}

fn printed(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8").trim_end().to_owned()
}

const TO_SACOMBANK: [&str; 5] = ["encode", "--bin", "970403", "--account", "0011012345678"];

#[test]
fn the_example_of_the_format_is_printed() {
    let output = hocphi(&[&TO_SACOMBANK[..], &["--static"]].concat());
    let example = "00020101021138570010A00000072701270006970403011300110123456780208QRIBFTTA53037045802VN63049E6F";
    assert_eq!((printed(&output).as_str(), output.status.code()), (example, Some(0)));
}

#[test]
fn what_is_encoded_is_decoded_as_json() {
    let code = printed(&hocphi(&[&TO_SACOMBANK[..], &["--amount", "180000", "--purpose", "Nộp học phí"]].concat()));
    let output = hocphi(&["decode", &code]);
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&said["initiation"], &said["bank"]), (&"dynamic".into(), &"Sacombank".into()));
    assert_eq!((&said["bin"], &said["account"]), (&"970403".into(), &"0011012345678".into()));
    assert_eq!((&said["amount"], &said["purpose"]), (&180_000.into(), &"Nop hoc phi".into()));
    assert_eq!(said["crc"], code[code.len() - 4..]);
}

#[test]
fn another_code_exits_1_and_a_wrong_command_2_with_one_sentence() {
    let airpay = "00020101021126610013vn.airpay.www014000000201010100064185noC4efDjGKq0or5GbeBz5204581253037045910RESTAURANT\
                  6009HOCHIMINH5802VN6304DA5C";
    let amount = |amount: &'static str| [&TO_SACOMBANK[..], &["--amount", amount]].concat();
    for (arguments, exit) in [
        (vec!["decode", airpay], 1),
        (vec!["decode", "hoc phi"], 1),
        (vec!["encode", "--bin", "999888", "--account", "1"], 1),
        (amount("0"), 1),
        (amount("-1"), 1),
        (amount("500000000"), 1),
        (amount("1.5"), 2),
        (amount("9223372036854775808"), 2),
        (vec!["encode", "--bin", "970403"], 2),
    ] {
        let output = hocphi(&arguments);
        assert_eq!(output.status.code(), Some(exit), "{arguments:?}");
        assert_eq!(printed(&output), "");
        assert_eq!(String::from_utf8_lossy(&output.stderr).lines().count(), 1, "{arguments:?}");
    }
}
