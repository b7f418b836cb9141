//! The statement is the last word: whatever was lost, doubled or reordered before it, the books are the same after it.

use std::fmt::Write as _;

use hocphi::clockwork::{House, settle};
use hocphi::config::Config;
use hocphi::fault::Result;
use hocphi::ids::PaymentReference;
use hocphi::ledger;
use hocphi::statements::{Summary, Upload, import};
use hocphi::store::{Statement, StatementKind};

use crate::engines::{self, Fresh, deeds};
use crate::inbox::{MB, Stage, Transfer, VCB, stage, transfer};
use crate::on_both;

on_both!(
    a_lost_webhook_is_found_and_the_same_file_adds_nothing,
    a_statement_frees_a_doubt_by_its_own_line,
    a_file_that_tells_a_line_otherwise_is_refused,
    a_transfer_booked_after_the_weekend_meets_its_telling,
    a_layout_with_other_days_is_refused,
    two_files_of_one_account_at_once_are_read_one_after_the_other,
    one_number_of_the_bank_in_two_layouts_is_one_transfer,
    what_was_asked_for_later_days_covers_none_of_them,
    a_statement_of_nobody_is_refused
);

/// One line of a file of the tests: day, number, amount, memo.
type Line<'a> = (&'a str, &'a str, i64, &'a str);

fn file(account: &str, opening: i64, lines: &[Line<'_>]) -> Upload {
    let mut text = format!("SAO KÊ TÀI KHOẢN\nSố tài khoản: {account}\n");
    text.push_str("Ngày giao dịch,Số tham chiếu,Ghi nợ,Ghi có,Số dư,Nội dung\n");
    let mut balance = opening;
    for (day, number, amount, memo) in lines {
        balance += amount;
        let (debit, credit) =
            if *amount < 0 { (amount.to_string(), String::new()) } else { (String::new(), amount.to_string()) };
        writeln!(text, "{day},{number},{debit},{credit},{balance},{memo}").expect("a line");
    }
    Upload {
        filename: "sao-ke.csv".to_owned(),
        bytes: text.into_bytes(),
        actor: "test".to_owned(),
        ..Upload::default()
    }
}

impl Stage {
    async fn import(&self, upload: &Upload) -> Result<Summary> {
        import(&self.store, &self.vault, &self.clock, upload).await
    }

    async fn settled(&self) -> Vec<(String, i64)> {
        let (store, vault, clock) = (self.store.clone(), self.vault.clone(), self.clock.clone());
        let house = House::open(store, vault, clock, self.providers.clone(), Config::default()).expect("a house");
        settle(&house).await.expect("settled");
        let balances = ledger::balances(&self.store, None).await.expect("balances");
        let mut named: Vec<(String, i64)> = balances
            .iter()
            .map(|(account, sum)| (account.code().to_owned(), sum.get()))
            .filter(|(_, sum)| *sum != 0)
            .collect();
        named.sort();
        named
    }
}

/// New lines, credits met, credits found, lines an earlier file had.
fn counts(summary: Summary) -> [usize; 4] {
    [summary.new, summary.met, summary.found, summary.already]
}

async fn a_lost_webhook_is_found_and_the_same_file_adds_nothing(fresh: Fresh) {
    let stage = stage(&fresh).await;
    stage.tell(&stage.sepay, &transfer(1, "nop tien an").sepay()).await;
    let lines: [Line; 4] = [
        ("22/11/2026", "FT2632600000001", 1_250_000, "nop tien an"),
        ("22/11/2026", "FT2632600000002", 500_000, "lost"),
        ("22/11/2026", "FT2632600000003", 500_000, "lost"),
        ("22/11/2026", "FEE", -11_000, "phi"),
    ];
    let noon = file(MB, 0, &lines[..2]);
    assert_eq!(counts(stage.import(&noon).await.expect("a statement")), [2, 1, 1, 0]);
    assert_eq!(counts(stage.import(&noon).await.expect("again")), [0, 0, 0, 2]);
    assert_eq!(counts(stage.import(&file(MB, 0, &lines)).await.expect("the whole day")), [2, 0, 1, 2]);
    let select =
        Statement { name: "", kind: StatementKind::Fixed, sql: "select id from statement_file order by id", tail: "" };
    let files: Vec<String> = stage.store.all(&select, Vec::new()).await.expect("files");
    assert_eq!(files.len(), 2);
    for file in &files {
        assert_eq!(deeds(&stage.store, file).await, ["test statement.imported acc_mb"], "once for each new file");
    }
    let books = stage.settled().await;
    assert_eq!(books, [("bank".to_owned(), 2_250_000), ("suspense.unidentified".to_owned(), -2_250_000)]);
}

async fn a_statement_frees_a_doubt_by_its_own_line(fresh: Fresh) {
    let stage = stage(&fresh).await;
    let reference = PaymentReference::random().expect("randomness").to_string();
    let at_vcb = |id| Transfer { account: VCB, ..transfer(id, &reference) };
    stage.tell(&stage.sepay, &at_vcb(1).sepay()).await;
    stage.tell(&stage.casso, &at_vcb(2).casso()).await;
    assert_eq!(stage.settled().await[0], ("clearing".to_owned(), 1_250_000), "a doubt is in no book");
    let one: Line = ("22/11/2026", "5243.1", 1_250_000, &reference);
    let two: Line = ("22/11/2026", "5243.2", 1_250_000, &reference);
    assert_eq!(counts(stage.import(&file(VCB, 0, &[one, two])).await.expect("a statement")), [2, 2, 0, 0]);
    assert_eq!(stage.settled().await[0], ("bank".to_owned(), 2_500_000));
}

async fn a_file_that_tells_a_line_otherwise_is_refused(fresh: Fresh) {
    let stage = stage(&fresh).await;
    let line: Line = ("22/11/2026", "5243.1", 500_000, "nop tien");
    stage.import(&file(VCB, 0, &[line])).await.expect("a statement");
    let otherwise = stage.import(&file(VCB, 7, &[line])).await.expect_err("another balance");
    assert_eq!(otherwise.refusal().map(|refusal| refusal.code), Some("statement-differs"));
    assert_eq!(stage.doubts().await.len(), 1);
}

async fn a_transfer_booked_after_the_weekend_meets_its_telling(fresh: Fresh) {
    let stage = stage(&fresh).await;
    let reference = PaymentReference::random().expect("randomness").to_string();
    let told = Transfer { account: VCB, at: "2026-11-21 18:30:00", ..transfer(1, &reference) };
    stage.tell(&stage.sepay, &told.sepay()).await;
    let booked: Line = ("23/11/2026", "5243.1", 1_250_000, &reference);
    assert_eq!(counts(stage.import(&file(VCB, 0, &[booked])).await.expect("a statement")), [1, 1, 0, 0]);
    assert_eq!(stage.settled().await[0], ("bank".to_owned(), 1_250_000));
}

async fn a_layout_with_other_days_is_refused(fresh: Fresh) {
    let stage = stage(&fresh).await;
    let reference = PaymentReference::random().expect("randomness").to_string();
    let on = |day| -> Line<'_> { (day, "5243.1", 500_000, reference.as_str()) };
    stage.import(&file(VCB, 0, &[on("23/11/2026")])).await.expect("the days of the books");
    let payers = stage.import(&file(VCB, 0, &[on("21/11/2026")])).await.expect_err("the payers' days");
    assert_eq!(payers.refusal().map(|refusal| refusal.code), Some("statement-differs"));
    let later = file(VCB, 900_000, &[on("24/11/2026")]);
    assert_eq!(counts(stage.import(&later).await.expect("paid once more")), [1, 0, 1, 0]);
}

async fn two_files_of_one_account_at_once_are_read_one_after_the_other(fresh: Fresh) {
    let stage = stage(&fresh).await;
    let memos: Vec<String> = (0..900).map(|turn| format!("nop tien {turn}")).collect();
    let otherwise: Vec<String> = memos.iter().map(|memo| format!("{memo} CT tu 9704")).collect();
    let lines = |memos: &'_ [String]| {
        let lines: Vec<Line> = memos.iter().map(|memo| ("22/11/2026", "5243", 10_000, memo.as_str())).collect();
        file(VCB, 0, &lines)
    };
    let (one, other) = (lines(&memos), lines(&otherwise));
    let (first, second) = tokio::join!(stage.import(&one), stage.import(&other));
    let refused: Vec<&str> = [&first, &second]
        .iter()
        .filter_map(|told| told.as_ref().err()?.refusal().map(|refusal| refusal.code))
        .collect();
    assert!(matches!(refused.as_slice(), ["statement-at-work" | "statement-differs"]), "{first:?} {second:?}");
    assert_eq!(stage.doubts().await.len(), 900);
}

/// MB prints the payer's day in one layout and the books' day in the other, where no line has a balance.
async fn one_number_of_the_bank_in_two_layouts_is_one_transfer(fresh: Fresh) {
    let stage = stage(&fresh).await;
    let reference = PaymentReference::random().expect("randomness").to_string();
    let paper: Line = ("22/11/2026 23:10:00", "FT26326000000002", 500_000, &reference);
    stage.import(&file(MB, 0, &[paper])).await.expect("the payer's days");
    let mt940 = |number: &str| {
        let text = format!(
            ":20:X\n:25:{MB}\n:28C:1/1\n:60F:C261122VND500000,\n:61:2611221123C500000,NTRFNONREF//{number}\n\
             :86:{reference}\n:62F:C261123VND1000000,\n-\n"
        );
        Upload { bytes: text.into_bytes(), filename: "x.sta".to_owned(), actor: "test".to_owned(), ..Upload::default() }
    };
    let twice = stage.import(&mt940("FT26326000000002")).await.expect_err("the same number");
    assert_eq!(twice.refusal().map(|refusal| refusal.code), Some("statement-differs"));
    assert_eq!(counts(stage.import(&mt940("FT26327000000003")).await.expect("another number")), [1, 0, 1, 0]);
}

async fn what_was_asked_for_later_days_covers_none_of_them(fresh: Fresh) {
    let stage = stage(&fresh).await;
    let text = format!(
        "Số tài khoản: {MB}\nTừ ngày 01/11/2026 đến ngày 30/11/2026\nSố dư đầu kỳ,0\n\
         Ngày giao dịch,Số tham chiếu,Ghi nợ,Ghi có,Số dư,Nội dung\n20/11/2026,F1,,5,5,x\n21/11/2026,F2,,5,10,y\n\
         Số dư cuối kỳ,,,,10,\n"
    );
    let month = Upload { bytes: text.into_bytes(), ..file(MB, 0, &[]) };
    let summary = stage.import(&month).await.expect("a month that is not over");
    let today = stage.clock.now().day();
    let kept = hocphi::statements::file(&stage.store, "sch_one", &summary.file_id, today).await.expect("a look");
    let days = kept.expect("the file").days.expect("whole days");
    assert_eq!((days.0.to_string(), days.1.to_string()), ("2026-11-01".to_owned(), "2026-11-21".to_owned()));
}

async fn a_statement_of_nobody_is_refused(fresh: Fresh) {
    let stage = stage(&fresh).await;
    let line: Line = ("22/11/2026", "5243.1", 500_000, "nop tien");
    let untitled = file("", 0, &[line]);
    let refused = stage.import(&untitled).await.expect_err("three accounts could be meant");
    assert_eq!(refused.refusal().map(|refusal| refusal.code), Some("which-account"));
    let chosen = Upload { account: Some(("970436".to_owned(), VCB.to_owned())), ..untitled };
    assert_eq!(counts(stage.import(&chosen).await.expect("chosen")), [1, 0, 1, 0]);
    let named = Upload { account: chosen.account, ..file(MB, 0, &[line]) };
    let refused = stage.import(&named).await.expect_err("it names another account");
    assert_eq!(refused.refusal().map(|refusal| refusal.code), Some("statement-of-another-account"));
    let another = Upload { account: named.account, ..file("9990001112223", 0, &[line]) };
    let refused = stage.import(&another).await.expect_err("a number that is no account of anybody here");
    assert_eq!(refused.refusal().map(|refusal| refusal.code), Some("statement-of-another-account"));
    let foreign = stage.import(&file("1903 5555 777 888", 0, &[line])).await.expect_err("no account of ours");
    assert_eq!(foreign.refusal().map(|refusal| refusal.code), Some("unknown-account"));
    let of_one = Upload { school: Some("sch_two".to_owned()), ..file("1903 5555 777 888", 0, &[line]) };
    let foreign = stage.import(&of_one).await.expect_err("though the school has one account only");
    assert_eq!(foreign.refusal().map(|refusal| refusal.code), Some("unknown-account"));
    let masked = Upload { school: Some("sch_two".to_owned()), ..file("0999XXXXXX999", 0, &[line]) };
    assert_eq!(counts(stage.import(&masked).await.expect("a mask that fits")), [1, 0, 1, 0]);
    let masked = Upload { school: Some("sch_two".to_owned()), ..file("1903XXXXXX888", 0, &[line]) };
    assert!(stage.import(&masked).await.is_err(), "a mask that shows other digits");
    let strange = Upload { school: Some("sch_two".to_owned()), ..file(MB, 0, &[line]) };
    assert!(stage.import(&strange).await.is_err(), "another school's statement");
}

/// Who tells of the day, and in which order.
#[derive(Clone, Copy, PartialEq)]
enum Teller {
    Sepay,
    Casso,
    Bank,
}

/// A day with a reference at a bank with unique numbers, siblings alike at one without, a payment late in the evening,
/// and one that only the statement knows; told by these, in this order.
async fn books_of_a_day(fresh: &Fresh, references: &[String; 2], order: &[Teller]) -> Vec<(String, i64)> {
    let stage = stage(fresh).await;
    let late = Transfer { account: VCB, at: "2026-11-22 22:40:00", ..transfer(4, &references[1]) };
    let transfers = [
        transfer(1, &references[0]),
        Transfer { account: VCB, ..transfer(2, "con nop tien an") },
        Transfer { account: VCB, ..transfer(3, "con nop tien an") },
        late,
    ];
    let at_mb: [Line; 2] = [
        ("22/11/2026 08:13:59", "FT2632600000001", 1_250_000, &references[0]),
        ("22/11/2026 09:00:00", "FT2632600000009", 70_000, "chi co tren sao ke"),
    ];
    let at_vcb: [Line; 3] = [
        ("22/11/2026", "5243.2", 1_250_000, "MBVCB.1.con nop tien an"),
        ("22/11/2026", "5243.3", 1_250_000, "con nop tien an"),
        ("23/11/2026", "5243.4", 1_250_000, &references[1]),
    ];
    for teller in order {
        for transfer in &transfers {
            match teller {
                Teller::Sepay => drop(stage.tell(&stage.sepay, &transfer.sepay()).await),
                Teller::Casso => drop(stage.tell(&stage.casso, &transfer.casso()).await),
                Teller::Bank => {
                    stage.import(&file(MB, 0, &at_mb)).await.expect("MB's statement");
                    stage.import(&file(VCB, 0, &at_vcb)).await.expect("Vietcombank's statement");
                }
            }
        }
        stage.settled().await;
    }
    stage.settled().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_books_are_the_same_in_every_order_and_whatever_was_lost() {
    use Teller::{Bank, Casso, Sepay};
    let random = || PaymentReference::random().expect("randomness").to_string();
    let references = [random(), random()];
    let orders: [&[Teller]; 10] = [
        &[Sepay, Casso, Bank],
        &[Sepay, Bank, Casso],
        &[Casso, Sepay, Bank],
        &[Casso, Bank, Sepay],
        &[Bank, Sepay, Casso],
        &[Bank, Casso, Sepay],
        &[Bank],
        &[Casso, Bank],
        &[Sepay, Bank, Sepay, Bank],
        &[Bank, Casso, Casso, Sepay, Sepay],
    ];
    let total = 4 * 1_250_000 + 70_000;
    let wanted = vec![("bank".to_owned(), total), ("suspense.unidentified".to_owned(), -total)];
    for order in orders {
        assert_eq!(books_of_a_day(&engines::sqlite().await, &references, order).await, wanted);
        if let Some(fresh) = engines::postgres().await {
            assert_eq!(books_of_a_day(&fresh, &references, order).await, wanted);
        }
    }
}
