//! Files that people send at the desk: the wrong kind, too large, with formulas; and tables that go out again.

use std::fmt::Write as _;

use axum::http::StatusCode;
use hocphi::simulate::{roster, stage};
use hocphi::{roll, statements};
use rust_xlsxwriter::{Formula, Workbook};

use crate::engines::Fresh;
use crate::on_both;
use crate::web_desk_work::at_school;
use crate::web_world::{Answer, Visitor, World, world};

on_both!(
    a_file_of_the_wrong_kind_is_refused_on_its_own_page,
    a_file_may_be_as_large_as_the_page_says_and_no_larger,
    a_formula_is_shown_as_the_value_its_program_left,
    a_name_that_looks_like_a_formula_goes_out_as_text,
    an_upload_without_the_sessions_token_or_a_file_is_refused,
    a_statement_is_read_to_its_end_though_who_brought_it_hung_up
);

const MEGABYTE: usize = 1024 * 1024;

/// Opens the page that has the form, and sends the form with a file.
async fn send_file(world: &World, visitor: &mut Visitor, address: &str, name: &str, file: &[u8]) -> Answer {
    let page = if address == "/desk/day/statement" { "/desk/day" } else { address };
    let page = visitor.get(page).await;
    let account = stage::account(&world.house.store, &roster::SAO_KHUE).await.expect("an account").id;
    let (csrf, once) = (page.field("csrf"), page.field("once"));
    visitor.upload(address, &[("csrf", &csrf), ("once", &once), ("account", &account)], name, file).await
}

const PAGES: [(&str, usize); 3] =
    [("/desk/roster", 5 * MEGABYTE), ("/desk/fees", 5 * MEGABYTE), ("/desk/day/statement", 20 * MEGABYTE)];

async fn a_file_of_the_wrong_kind_is_refused_on_its_own_page(fresh: Fresh) {
    let world = world(fresh).await;
    let mut visitor = at_school(&world, roster::SAO_KHUE.code).await;
    let kinds: [(&str, &[u8]); 7] = [
        ("trong.csv", b""),
        ("anh.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"),
        ("thu.pdf", b"%PDF-1.7\n1 0 obj"),
        ("hong.xlsx", b"PK\x03\x04 this is no workbook"),
        ("cu.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 old"),
        ("vni.csv", b"H\xf7 t\xean,L\xdfp\n"),
        ("rong.csv", b"chi mot dong chu\n"),
    ];
    for (address, _) in PAGES {
        for (name, file) in kinds {
            let refused = send_file(&world, &mut visitor, address, name, file).await;
            let is_said = [StatusCode::BAD_REQUEST, StatusCode::UNPROCESSABLE_ENTITY].contains(&refused.status);
            assert!(is_said, "{address} {name}: {} {}", refused.status, refused.text);
            assert!(refused.text.contains("role=\"alert\""), "{address} {name}: {}", refused.text);
            assert!(refused.text.contains("type=\"file\""), "the form is there for another try: {address} {name}");
        }
    }
}

async fn a_file_may_be_as_large_as_the_page_says_and_no_larger(fresh: Fresh) {
    let world = world(fresh).await;
    let mut visitor = at_school(&world, roster::SAO_KHUE.code).await;
    for (address, most) in PAGES {
        for (size, is_read) in [(most - 1, true), (most, true), (most + 1, false), (most / 3 * 4 + 256 * 1024, false)] {
            // Nothing but NUL: taken whole, and found to be no table.
            let answer = send_file(&world, &mut visitor, address, "to.csv", &vec![0; size]).await;
            let is_too_large = answer.status == StatusCode::PAYLOAD_TOO_LARGE;
            assert!(answer.status.is_client_error() && is_too_large != is_read, "{address} {size}: {}", answer.status);
        }
    }
}

async fn a_formula_is_shown_as_the_value_its_program_left(fresh: Fresh) {
    let world = world(fresh).await;
    let mut visitor = at_school(&world, roster::SAO_KHUE.code).await;
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    for (column, title) in (0..).zip(["Mã học sinh", "Họ và tên", "Ngày sinh", "Lớp"]) {
        sheet.write(0, column, title).expect("a cell");
    }
    sheet.write(1, 0, "CT01").expect("a cell");
    let name = Formula::new("=CONCATENATE(\"Trần \",\"Bình\")").set_result("Trần Bình Minh");
    sheet.write_formula(1, 1, name).expect("a cell");
    sheet.write(1, 2, "05/09/2019").expect("a cell");
    let class = Formula::new("=HYPERLINK(\"http://thief.example\",\"9Z\")").set_result("9Z");
    sheet.write_formula(1, 3, class).expect("a cell");
    let file = book.save_to_buffer().expect("a workbook");
    let looked = send_file(&world, &mut visitor, "/desk/roster", "cong-thuc.xlsx", &file).await;
    assert_eq!(looked.status, StatusCode::OK, "{}", looked.text);
    assert!(looked.text.contains("9Z") && !looked.text.contains("thief.example"), "{}", looked.text);
    let fields = ["csrf", "once", "name", "kept"].map(|name| (name, looked.field(name)));
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let stored = visitor.upload("/desk/roster/store", &fields, "", b"").await;
    assert_eq!(stored.status, StatusCode::SEE_OTHER, "{}", stored.text);
    let school = stage::school(&world.house.store, &roster::SAO_KHUE).await.expect("a school");
    let today = world.house.clock.now().day();
    let found = roll::search(&world.house.store, &school.id, "CT01", today, 5).await.expect("a search");
    assert_eq!(found[0].full_name, "Trần Bình Minh");
}

async fn a_name_that_looks_like_a_formula_goes_out_as_text(fresh: Fresh) {
    let world = world(fresh).await;
    let mut visitor = at_school(&world, roster::SAO_KHUE.code).await;
    let (_, page) = world.invoice(0).await;
    for (evil, out) in [("=1+1", "'=1+1"), ("@SUM(A1)", "'@SUM(A1)"), ("-2", "'-2"), ("+84", "'+84")] {
        let rename = format!("update pupil set full_name = '{evil}' where id = '{}'", page.pupil.id);
        world.house.store.run_raw(&rename).await.expect("a name");
        let table = visitor.get(&format!("/desk/runs/{}/list.csv", page.invoice.run_id)).await;
        assert_eq!(table.status, StatusCode::OK, "{}", table.text);
        let names: Vec<&str> = table.text.lines().filter_map(|line| line.split(',').nth(2)).collect();
        assert!(names.contains(&out) && !names.contains(&evil), "{evil}: {names:?}");
    }
}

async fn an_upload_without_the_sessions_token_or_a_file_is_refused(fresh: Fresh) {
    let world = world(fresh).await;
    let mut visitor = at_school(&world, roster::SAO_KHUE.code).await;
    for (address, _) in PAGES {
        let foreign = visitor.upload(address, &[("csrf", "x"), ("once", "y")], "a.csv", b"a,b\n1,2\n").await;
        assert_eq!(foreign.status, StatusCode::FORBIDDEN, "{address}");
        let nothing = send_file(&world, &mut visitor, address, "", b"").await;
        assert_eq!(nothing.status, StatusCode::UNPROCESSABLE_ENTITY, "{address}: {}", nothing.text);
    }
}

async fn a_statement_is_read_to_its_end_though_who_brought_it_hung_up(fresh: Fresh) {
    const LINES: i64 = 1_200;
    let world = world(fresh).await;
    let mut visitor = at_school(&world, roster::SAO_KHUE.code).await;
    let mut file = "Ngày,Số tham chiếu,Ghi nợ,Ghi có,Số dư,Nội dung\n".to_owned();
    for line in 1..=LINES {
        writeln!(file, "22/11/2026 08:00:00,FT{line:06},,1000,{},chuyen khoan {line}", line * 1000).expect("a line");
    }
    let bringing = send_file(&world, &mut visitor, "/desk/day/statement", "sao-ke.csv", file.as_bytes());
    {
        tokio::pin!(bringing);
        while world.house.begun.is_empty() {
            assert!(futures_util::poll!(&mut bringing).is_pending(), "what it asks for is begun before it is answered");
            tokio::task::yield_now().await;
        }
    }
    world.house.begun.close();
    world.house.begun.wait().await;
    let school = roll::school_by_code(&world.house.store, roster::SAO_KHUE.code).await.expect("a look");
    let today = world.house.clock.now().day();
    let files = statements::files(&world.house.store, &school.expect("a school").id, "", 10, today).await;
    let files = files.expect("files");
    let stored: Vec<i64> = files.iter().map(|file| file.brought).collect();
    assert_eq!(stored, [LINES]);
}
