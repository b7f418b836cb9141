//! The parent's page: small, whole without a script, silent about the child's name, and true about the money.

use std::io::Write;
use std::time::Duration;

use axum::http::{Request, StatusCode, header};
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::StreamExt;
use hocphi::clockwork;
use hocphi::fees;
use hocphi::ids::PaymentReference;
use hocphi::money::Dong;
use hocphi::receipts;

use crate::engines::Fresh;
use crate::on_both;
use crate::web_world::{World, world};

on_both!(
    the_page_says_what_is_owed_and_how_to_pay_it,
    a_name_is_shown_only_after_the_second_fact,
    each_state_of_the_money_is_said_in_plain_sentences,
    an_open_page_hears_that_the_money_came
);

async fn the_page_says_what_is_owed_and_how_to_pay_it(fresh: Fresh) {
    let world = world(fresh).await;
    let (token, invoice) = world.invoice(0).await;
    let page = world.visitor().get(&format!("/p/{token}")).await;
    assert_eq!(page.status, StatusCode::OK);
    let reference = PaymentReference::parse(&invoice.invoice.reference).expect("a reference");
    let total = invoice.invoice.total;
    let last_four = &invoice.account.number[invoice.account.number.len() - 4..];
    let mut wanted = vec![
        invoice.school.name.clone(),
        total.to_string(),
        reference.to_string(),
        invoice.account.holder.clone(),
        format!("4 số cuối: {last_four}"),
        "Chưa nộp".to_owned(),
        "mã OTP".to_owned(),
        "Mở ứng dụng ngân hàng".to_owned(),
        "Lưu ảnh mã".to_owned(),
        "Chép từng dòng".to_owned(),
        "Dùng máy khác".to_owned(),
        format!("/p/{token}/qr.png?save=1"),
    ];
    wanted.extend(invoice.invoice.lines.iter().flat_map(|line| [line.official_name.clone(), line.legal_basis.clone()]));
    for text in wanted {
        assert!(page.text.contains(&text), "the page does not say {text}");
    }
    // The code is drawn again from the page's own facts, so what is scanned is what is said.
    assert!(page.text.contains("<svg") && page.text.contains(&format!("am={}", total.get())));
    assert_eq!(page.header(header::REFERRER_POLICY), "no-referrer");
    assert!(page.header(header::CONTENT_SECURITY_POLICY).contains("script-src 'sha256-"));
    let picture = world.visitor().get(&format!("/p/{token}/qr.png?save=1")).await;
    assert!(picture.bytes.starts_with(b"\x89PNG") && picture.bytes.len() < 2_500, "{}", picture.bytes.len());
    assert!(picture.header(header::CONTENT_DISPOSITION).starts_with("attachment"));
    let shown = world.visitor().get(&format!("/p/{token}/qr.png")).await;
    assert!(shown.header(header::CONTENT_DISPOSITION).starts_with("inline"));
    for wrong in ["0".repeat(26), "x".to_owned(), token[1..].to_owned()] {
        assert_eq!(world.visitor().get(&format!("/p/{wrong}")).await.status, StatusCode::NOT_FOUND);
    }
}

async fn a_name_is_shown_only_after_the_second_fact(fresh: Fresh) {
    let world = world(fresh).await;
    let (token, invoice) = world.invoice(0).await;
    let (address, name) = (format!("/p/{token}"), &invoice.pupil.full_name);
    let mut visitor = world.visitor();
    let page = visitor.get(&address).await;
    assert!(page.text.contains(&invoice.pupil.short_name()) && !page.text.contains(name));
    assert!(!page.text.contains(&invoice.pupil.code));
    let born = invoice.pupil.birth_day.expect("a birthday").0;
    let (day, month) = (born.day().to_string(), born.month().to_string());
    let wrong_day = if born.day() == 1 { "2".to_owned() } else { "1".to_owned() };
    let name_address = format!("{address}/name");
    let wrong = visitor.post(&name_address, &[("day", &wrong_day), ("month", &month)]).await;
    assert_eq!(wrong.status, StatusCode::SEE_OTHER);
    let told = visitor.get(wrong.header(header::LOCATION).split('#').next().unwrap_or_default()).await;
    assert!(told.text.contains("Ngày sinh chưa khớp") && !told.text.contains(name));
    visitor.post(&name_address, &[("day", &day), ("month", &month)]).await;
    assert!(visitor.get(&address).await.text.contains(name));
    assert!(!world.visitor().get(&address).await.text.contains(name), "another phone still sees initials");
    let guess = async |day: &str| world.visitor().post(&name_address, &[("day", day), ("month", &month)]).await.status;
    for _ in 0..5 {
        assert_eq!(guess(&wrong_day).await, StatusCode::SEE_OTHER, "the right answer before cleared the count");
    }
    assert_eq!(guess(&wrong_day).await, StatusCode::TOO_MANY_REQUESTS, "there are only 366 days to guess");
    assert_eq!(guess(&day).await, StatusCode::TOO_MANY_REQUESTS, "nothing is judged meanwhile");
    world.house.clock.advance_ms(60 * 60 * 1000);
    for _ in 0..5 {
        assert_eq!(guess(&wrong_day).await, StatusCode::SEE_OTHER);
        world.house.clock.advance_ms(60 * 60 * 1000);
    }
    assert_eq!(guess(&day).await, StatusCode::TOO_MANY_REQUESTS, "after ten it takes a day");
    world.house.clock.advance_ms(23 * 60 * 60 * 1000);
    assert_eq!(guess(&day).await, StatusCode::SEE_OTHER);
}

async fn said(world: &World, token: &str) -> String {
    world.visitor().get(&format!("/p/{token}")).await.text
}

async fn each_state_of_the_money_is_said_in_plain_sentences(fresh: Fresh) {
    let world = world(fresh).await;
    let (token, invoice) = world.invoice(0).await;
    let total = invoice.invoice.total.get();
    world.pay(&invoice, 100_000, "2026-11-22T08:14:02+07:00", false).await;
    let part = said(&world, &token).await;
    let rest = Dong::new(total - 100_000).to_string();
    assert!(part.contains(&format!("Đã nộp một phần, còn {rest}")), "{part}");
    assert!(part.contains("Ngân hàng đã báo tiền về lúc 08:14:02 22/11/2026"));
    assert!(part.contains("Chờ đối chiếu sao kê") && part.contains(&format!("am={}", total - 100_000)));
    world.pay(&invoice, total - 100_000, "2026-11-22T08:20:00+07:00", true).await;
    let paid = said(&world, &token).await;
    assert!(paid.contains("Đã nộp đủ") && paid.contains("Đã đối chiếu sao kê"));
    assert!(!paid.contains("<svg") && !paid.contains("qr.png?save"), "nothing is owed, so there is no code");
    assert!(paid.contains("Biên lai số 00000001") && paid.contains("Biên lai số 00000002"));
    let receipt = &receipts::of_invoice(&world.house.store, &invoice.invoice.id).await.expect("receipts")[0];
    world.pay(&invoice, 5_000, "2026-11-22T08:25:00+07:00", false).await;
    let over = said(&world, &token).await;
    assert!(over.contains("Nộp thừa 5.000") && over.contains("Số dư của gia đình"), "{over}");

    let check = receipts::check_token(&world.house.vault, &receipt.id);
    let checked = world.visitor().get(&format!("/check/{check}")).await;
    assert!(checked.text.contains("có hiệu lực") && checked.text.contains(&receipt.amount.to_string()));
    for secret in
        [&invoice.pupil.full_name, &invoice.pupil.short_name(), &invoice.invoice.reference, &invoice.school.name]
    {
        assert!(!checked.text.contains(secret), "the check tells {secret}");
    }
    assert_eq!(world.visitor().get(&format!("/check/{token}")).await.status, StatusCode::NOT_FOUND);

    let (other, second) = world.invoice(1).await;
    let (store, clock) = (&world.house.store, &world.house.clock);
    let freeze = format!("update receiving_account set frozen_at = 1 where id = '{}'", second.account.id);
    store.run_raw(&freeze).await.expect("a freeze");
    let frozen = said(&world, &other).await;
    assert!(frozen.contains("đang tạm khóa") && !frozen.contains("<svg") && !frozen.contains(&second.account.number));
    assert_eq!(world.visitor().get(&format!("/p/{other}/qr.png")).await.status, StatusCode::NOT_FOUND);
    fees::void_invoice(store, clock, &second.invoice.id, "system", "sai lớp").await.expect("a void");
    let void = said(&world, &other).await;
    assert!(void.contains("đã được nhà trường thu hồi") && !void.contains("<svg"));
}

async fn an_open_page_hears_that_the_money_came(fresh: Fresh) {
    let world = world(fresh).await;
    let (token, invoice) = world.invoice(0).await;
    let page = said(&world, &token).await;
    let mark = page.split("data-mark=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a mark").to_owned();
    let stream = world.visitor().open(&format!("/p/{token}/events?mark={mark}")).await;
    assert_eq!(stream.headers()["x-accel-buffering"], "no");
    assert!(stream.headers()[header::CONTENT_TYPE].to_str().is_ok_and(|kind| kind.starts_with("text/event-stream")));
    let mut events = stream.into_body().into_data_stream();
    world.pay(&invoice, invoice.invoice.total.get(), "2026-11-22T08:14:02+07:00", false).await;
    clockwork::settle(&world.house).await.expect("settled");
    let heard = tokio::time::timeout(Duration::from_secs(30), events.next()).await.expect("in time").expect("an event");
    let heard = String::from_utf8_lossy(&heard.expect("bytes")).into_owned();
    assert!(heard.starts_with("event: changed"), "{heard}");
}

#[tokio::test]
async fn the_first_view_is_one_request_of_14_kb() {
    let world = world(crate::engines::sqlite().await).await;
    let (token, invoice) = world.invoice(0).await;
    world.pay(&invoice, 100_000, "2026-11-22T08:14:02+07:00", true).await;
    for address in [format!("/p/{token}"), format!("/p/{token}?lang=en")] {
        let plain = world.visitor().get(&address).await;
        let request = Request::get(&address).header(header::ACCEPT_ENCODING, "gzip");
        let zipped = world.visitor().send(request).await;
        assert_eq!(zipped.header(header::CONTENT_ENCODING), "gzip");
        let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
        encoder.write_all(&plain.bytes).expect("zipped");
        println!("{address}: {} bytes, {} gzipped", plain.bytes.len(), zipped.bytes.len());
        assert!(zipped.bytes.len() <= 14 * 1024, "{}", zipped.bytes.len());
        for asking in [" src=", "<link rel=\"stylesheet\"", "@import", "url(", "<iframe", "<img"] {
            assert!(!plain.text.contains(asking), "the page asks for more: {asking}");
        }
        let foreign: Vec<&str> =
            plain.text.split("https://").skip(1).filter(|rest| !rest.starts_with("dl.vietqr.io/pay?")).collect();
        assert!(foreign.is_empty(), "{foreign:?}");
        assert!(plain.text.matches("https://").count() == plain.text.matches("href=\"https://dl.vietqr.io/").count());
    }
}

#[tokio::test]
async fn the_page_is_for_the_whole_run_or_for_nobody() {
    let world = world(crate::engines::sqlite().await).await;
    let (token, invoice) = world.invoice(0).await;
    let event = format!("insert into billing_run_event values ('{}', 'undone', 1, 'system')", invoice.invoice.run_id);
    world.house.store.run_raw(&event).await.expect("an event");
    assert_eq!(world.visitor().get(&format!("/p/{token}")).await.status, StatusCode::NOT_FOUND);
}

/// A PDF's text is compressed and drawn by glyphs; `pdftotext` of poppler reads it as a person's reader does.
pub fn read(pdf: &[u8]) -> Option<String> {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), pdf).expect("written");
    let read = std::process::Command::new("pdftotext").arg("-layout").arg(file.path()).arg("-").output();
    let Ok(read) = read else {
        assert!(std::env::var("CI").is_err(), "CI must have pdftotext");
        eprintln!("SKIPPED: there is no pdftotext, so no paper was read");
        return None;
    };
    Some(String::from_utf8_lossy(&read.stdout).into_owned())
}

#[tokio::test]
async fn papers_say_what_the_page_says() {
    let world = world(crate::engines::sqlite().await).await;
    let (token, invoice) = world.invoice(0).await;
    world.pay(&invoice, 100_000, "2026-11-22T08:14:02+07:00", false).await;
    let owed = Dong::new(invoice.invoice.total.get() - 100_000);
    let receipt = receipts::of_invoice(&world.house.store, &invoice.invoice.id).await.expect("receipts").remove(0);
    let receipt_address = format!("/p/{token}/receipts/{}.pdf", receipt.id);
    let notice = world.visitor().get(&format!("/p/{token}/notice.pdf")).await;
    let paper = world.visitor().get(&receipt_address).await;
    for (file, wanted) in [
        (&notice, vec![owed.grouped(), invoice.invoice.reference.clone(), invoice.account.holder.clone()]),
        (&paper, vec![receipt.printed_number(), "100.000".to_owned(), "Một trăm ngàn đồng".to_owned()]),
    ] {
        assert_eq!(
            (file.status, file.header(header::CONTENT_TYPE)),
            (StatusCode::OK, "application/pdf"),
            "{}",
            file.text
        );
        let Some(text) = read(&file.bytes) else { return };
        for wanted in wanted {
            assert!(text.contains(&wanted), "{wanted} is not in {text}");
        }
        assert!(text.contains(&invoice.pupil.short_name()) && !text.contains(&invoice.pupil.full_name), "{text}");
    }
    let (other, _) = world.invoice(1).await;
    let foreign = world.visitor().get(&receipt_address.replace(&token, &other)).await;
    assert_eq!(foreign.status, StatusCode::NOT_FOUND, "a link opens its own receipts only");
    world.pay(&invoice, owed.get(), "2026-11-22T08:20:00+07:00", false).await;
    assert_eq!(world.visitor().get(&format!("/p/{token}/notice.pdf")).await.status, StatusCode::NOT_FOUND);
}
