//! Many receipts in one file: all of them, in their order, and no more than a file holds.

use axum::http::{StatusCode, header};
use hocphi::fault::{Error, Kind};
use hocphi::receipts::{self, FILE_MOST};
use hocphi::simulate::roster;

use crate::books::Books;
use crate::engines::Fresh;
use crate::on_both;
use crate::web_desk_work::at_school;
use crate::web_parent::read;
use crate::web_world::world;

on_both!(
    a_file_holds_a_thousand_receipts_and_one_more_begins_the_next,
    the_receipts_of_a_day_are_one_file_in_their_order
);

/// So many receipts beside the first, of the same money: what is counted and cut is their rows.
async fn copies(books: &Books, from: i64, to: i64) {
    let numbers = format!(
        "with recursive n (n) as (select cast({from} as bigint) union all select n + 1 from n where n < {to}) select "
    );
    let ids = "'ent_' || n.n, e.school_id, e.kind, 'copy:' || n.n, e.day, e.at, e.actor, e.note";
    let receipt = "'rec_' || n.n, r.school_id, r.series, r.year, n.n, 'ent_' || n.n, r.credit_id, r.invoice_id,
        r.family_id, r.amount, r.surplus, r.due, r.paid, 'check_' || n.n, r.issued_at";
    books
        .raw(&format!(
            "insert into entry (id, school_id, kind, cause, day, at, actor, note)
             {numbers} {ids} from n, receipt r join entry e on e.id = r.entry_id where r.number = 1;
             insert into receipt (id, school_id, series, year, number, entry_id, credit_id, invoice_id, family_id, amount,
                surplus, due, paid, check_hash, issued_at)
             {numbers} {receipt} from n, receipt r where r.number = 1;"
        ))
        .await;
}

async fn a_file_holds_a_thousand_receipts_and_one_more_begins_the_next(fresh: Fresh) {
    let books = Books::open(fresh).await;
    let owed = books.invoice(100).await;
    books.credit(1_000, Some(&owed.reference)).await;
    books.drain().await;
    let day = books.clock.now().day();
    let asked = async |file| receipts::file_of_school(&books.store, "sch_1", (day, day), file).await;
    let numbers =
        async |file| -> Vec<i64> { asked(file).await.expect("a file").iter().map(|receipt| receipt.number).collect() };
    copies(&books, 2, FILE_MOST - 1).await;
    assert_eq!(numbers(None).await, (1..FILE_MOST).collect::<Vec<_>>());
    copies(&books, FILE_MOST, FILE_MOST).await;
    assert_eq!(numbers(None).await, (1..=FILE_MOST).collect::<Vec<_>>());
    let absent = async |file| matches!(asked(file).await, Err(Error::Refused(no)) if no.kind == Kind::Absent);
    assert!(absent(Some(2)).await, "a full file is followed by none");
    copies(&books, FILE_MOST + 1, FILE_MOST + 1).await;
    let Err(Error::Refused(refusal)) = asked(None).await else { panic!("one file cannot hold them") };
    assert_eq!((refusal.kind, refusal.code), (Kind::TooLarge, "too-many-receipts"));
    assert!(refusal.vi.contains("1.001") && refusal.vi.contains("1.000") && refusal.vi.contains("part=2"));
    assert_eq!(numbers(Some(1)).await, (1..=FILE_MOST).collect::<Vec<_>>());
    assert_eq!(numbers(Some(2)).await, [FILE_MOST + 1]);
    assert_eq!(receipts::files_of_school(&books.store, "sch_1", day, day).await.expect("counted"), 2);
    assert!(absent(Some(0)).await && absent(Some(3)).await);
    let before = (day.plus_days(-2), day.plus_days(-1));
    let none = receipts::file_of_school(&books.store, "sch_1", before, None).await;
    assert!(matches!(none, Err(Error::Refused(no)) if no.kind == Kind::Absent), "nothing was issued before");
}

async fn the_receipts_of_a_day_are_one_file_in_their_order(fresh: Fresh) {
    let world = world(fresh).await;
    let mut paid = Vec::new();
    for place in 0..6 {
        let (_, page) = world.invoice(place).await;
        world.pay(&page, page.invoice.total.get(), "2026-11-22T08:14:02+07:00", false).await;
        let [receipt] = &receipts::of_invoice(&world.house.store, &page.invoice.id).await.expect("receipts")[..] else {
            panic!("one payment has one receipt")
        };
        paid.push((receipt.printed_number(), page));
    }
    let mut visitor = at_school(&world, roster::SAO_KHUE.code).await;
    let day = visitor.get("/desk/day?day=2026-11-22").await;
    let link = "/desk/receipts.pdf?from=2026-11-22&#38;to=2026-11-22&#38;part=1";
    assert!(day.text.contains(link) && day.text.contains("biên lai ngày 22/11/2026"), "{}", day.text);
    let month = "/desk/receipts.pdf?from=2026-11-01&#38;to=2026-11-30&#38;part=1";
    assert!(day.text.contains(month) && day.text.contains("biên lai tháng 11/2026"), "{}", day.text);
    let empty = visitor.get("/desk/day?day=2026-10-22").await;
    assert!(!empty.text.contains("receipts.pdf"), "a day and a month without receipts offer none");
    let file = visitor.get(&link.replace("&#38;", "&")).await;
    assert_eq!((file.status, file.header(header::CONTENT_TYPE)), (StatusCode::OK, "application/pdf"), "{}", file.text);
    let fonts = file.text.matches("/FontDescriptor").count();
    let single = receipts::of_invoice(&world.house.store, &paid[0].1.invoice.id).await.expect("receipts").remove(0);
    let single = visitor.get(&format!("/desk/receipts/{}.pdf", single.id)).await;
    assert_eq!(fonts, single.text.matches("/FontDescriptor").count(), "each font stands in the file once");
    let mut other = at_school(&world, roster::BEN_NGHE_XANH.code).await;
    assert_eq!(other.get(&link.replace("&#38;", "&")).await.status, StatusCode::NOT_FOUND, "another school's");
    let Some(text) = read(&file.bytes) else { return };
    let pages: Vec<&str> = text.trim_end_matches('\u{c}').split('\u{c}').collect();
    assert_eq!(pages.len(), paid.len());
    for (text, (number, page)) in pages.into_iter().zip(&paid) {
        for wanted in [number, &page.pupil.full_name, &page.invoice.reference, &page.invoice.total.grouped()] {
            assert!(text.contains(wanted), "{wanted} is not in {text}");
        }
    }
}
