//! A statement file goes from received to sealed; what it lacks is named until another file has it.

use std::fmt::Write as _;

use axum::http::{StatusCode, header};
use hocphi::simulate::roster;
use hocphi::statements::{self, File, State, Upload};
use hocphi::time::{Clock, Day};
use hocphi::{clockwork, inbox, roll};

use crate::engines::Fresh;
use crate::on_both;
use crate::web_desk_work::{at_school, send};
use crate::web_world::{World, world};

on_both!(
    a_file_goes_from_received_to_sealed,
    a_hole_is_named_until_another_file_fills_it,
    a_day_between_two_files_is_named_until_it_comes,
    a_file_whose_lines_are_not_all_stored_covers_nothing,
    a_file_without_balances_is_not_called_complete,
    money_that_the_statement_gives_back_is_shown_beside_its_credit,
    a_line_of_a_day_far_ahead_is_refused
);

/// Rows as a bank prints them: number, time, credit, balance, text.
type Row<'a> = (usize, &'a str, i64, i64, &'a str);

/// A statement with running numbers, and with both balances above and below.
async fn bring(world: &World, rows: &[Row<'_>], opening: i64, closing: i64) -> statements::Summary {
    let mut text = format!("Số dư đầu kỳ,{opening}\nSTT,Ngày,Số tham chiếu,Ghi nợ,Ghi có,Số dư,Nội dung\n");
    for (number, at, amount, balance, memo) in rows {
        writeln!(text, "{number},{at},F{number},,{amount},{balance},{memo}").expect("a line");
    }
    writeln!(text, "Số dư cuối kỳ,,,,,{closing},").expect("a line");
    import(world, text).await
}

async fn import(world: &World, text: String) -> statements::Summary {
    let summary = brought(world, text).await.expect("a statement");
    clockwork::settle(&world.house).await.expect("drained");
    summary
}

async fn brought(world: &World, text: String) -> hocphi::fault::Result<statements::Summary> {
    let school = school(world).await;
    let accounts = roll::accounts_of(&world.house.store, &school).await.expect("accounts");
    let upload = Upload {
        account: Some((accounts[0].bank_bin.clone(), accounts[0].number.clone())),
        school: Some(school),
        filename: "sao-ke.csv".to_owned(),
        bytes: text.into_bytes(),
        actor: "system".to_owned(),
    };
    let house = &world.house;
    statements::import(&house.store, &house.vault, &house.clock, &upload).await
}

async fn school(world: &World) -> String {
    let found = roll::school_by_code(&world.house.store, roster::SAO_KHUE.code).await.expect("a look");
    found.expect("a school").id
}

fn today(clock: &Clock) -> Day {
    clock.now().day()
}

async fn kept(world: &World, id: &str) -> File {
    let found = statements::file(&world.house.store, &school(world).await, id, today(&world.house.clock)).await;
    found.expect("a look").expect("a file")
}

async fn gaps(world: &World) -> Vec<String> {
    let school = school(world).await;
    let found = statements::gaps(&world.house.store, &school, today(&world.house.clock)).await.expect("gaps");
    found.iter().map(statements::Gap::vietnamese).collect()
}

/// `14/10/2026`, so many days before today.
fn before(world: &World, days: i64) -> String {
    today(&world.house.clock).plus_days(-days).vietnamese()
}

async fn a_file_goes_from_received_to_sealed(fresh: Fresh) {
    let world = world(fresh).await;
    let (_, page) = world.invoice(0).await;
    let day = before(&world, 1);
    let (one, two) = (format!("{day} 08:00:00"), format!("{day} 09:00:00"));
    let reference = page.invoice.reference.clone();
    let total = page.invoice.total.get();
    let rows =
        [(1, one.as_str(), total, total, reference.as_str()), (2, two.as_str(), 50_000, total + 50_000, "quen ghi")];
    let summary = bring(&world, &rows, 0, total + 50_000).await;
    let file = kept(&world, &summary.file_id).await;
    assert_eq!((file.state, file.held, file.brought, file.lines), (State::Matched, 1, 2, 2));
    let address = format!("/desk/statements/{}", file.id);
    let mut visitor = at_school(&world, roster::SAO_KHUE.code).await;
    let shown = visitor.get(&address).await;
    assert_eq!(shown.status, StatusCode::OK, "{}", shown.text);
    assert!(shown.text.contains("Còn khoản chờ xử lý") && !shown.text.contains("Chốt sao kê này"), "{}", shown.text);
    assert!(shown.text.contains(&format!("{} · {}", page.pupil.full_name, page.class_name)), "{}", shown.text);
    let early = send(&mut visitor, &shown, &format!("{address}/seal"), &[]).await;
    assert_eq!(early.status, StatusCode::CONFLICT, "money waits");
    let held = hocphi::matching::held(&world.house.store, &school(&world).await, None, 10).await.expect("held");
    let credit = format!("/desk/credits/{}", held[0].id);
    let (_, other) = world.invoice(1).await;
    let form = visitor.get(&credit).await;
    let turn = held[0].turn.to_string();
    let given = [("invoice", other.invoice.id.as_str()), ("note", "mẹ gọi điện"), ("turn", &turn), ("q", "")];
    assert_eq!(send(&mut visitor, &form, &format!("{credit}/assign"), &given).await.status, StatusCode::SEE_OTHER);
    let ready = visitor.get(&address).await;
    assert!(ready.text.contains("Chốt sao kê này"), "{}", ready.text);
    let sealed = send(&mut visitor, &ready, &format!("{address}/seal"), &[]).await;
    let again = send(&mut visitor, &ready, &format!("{address}/seal"), &[]).await;
    assert_eq!(sealed.header(header::LOCATION), again.header(header::LOCATION), "{}", sealed.text);
    assert_eq!(kept(&world, &file.id).await.state, State::Sealed);
    let shown = visitor.get(&address).await;
    assert!(shown.text.contains("đã chốt lúc") && !shown.text.contains("Chốt sao kê này"), "{}", shown.text);
    let list = visitor.get("/desk/statements").await;
    assert!(list.text.contains("sao-ke.csv") && list.text.contains("Đã chốt"), "{}", list.text);
    let mut stranger = at_school(&world, roster::BEN_NGHE_XANH.code).await;
    assert_eq!(stranger.get(&address).await.status, StatusCode::NOT_FOUND, "another school's");
    let foreign = send(&mut stranger, &list, &format!("{address}/seal"), &[]).await;
    assert_ne!(foreign.status, StatusCode::SEE_OTHER);
}

async fn a_hole_is_named_until_another_file_fills_it(fresh: Fresh) {
    let world = world(fresh).await;
    let day = before(&world, 2);
    let at = |hour: &str| format!("{day} {hour}:00");
    let hours = [at("08:00"), at("09:12"), at("10:00"), at("11:40")];
    let whole = [
        (1, hours[0].as_str(), 100_000, 100_000, "mot"),
        (2, &hours[1], 200_000, 300_000, "hai"),
        (3, &hours[2], 300_000, 600_000, "ba"),
        (4, &hours[3], 400_000, 1_000_000, "bon"),
    ];
    let less = [whole[0], whole[1], whole[3]];
    let summary = bring(&world, &less, 0, 1_000_000).await;
    assert_eq!(summary.holes.len(), 1);
    let named = format!("thiếu từ 09:12 đến 11:40 ngày {day}");
    assert_eq!(gaps(&world).await, std::slice::from_ref(&named));
    let file = kept(&world, &summary.file_id).await;
    assert_eq!((file.state, file.gaps[0].missing.map(hocphi::money::Dong::get)), (State::Read, Some(300_000)));
    let mut visitor = at_school(&world, roster::SAO_KHUE.code).await;
    for address in ["/desk/day", "/desk/statements", &format!("/desk/statements/{}", file.id)] {
        let shown = visitor.get(address).await;
        assert!(shown.text.contains(&named) && shown.text.contains("300.000"), "{address}: {}", shown.text);
    }
    let iso = today(&world.house.clock).plus_days(-2);
    let that_day = visitor.get(&format!("/desk/day?day={iso}")).await;
    assert!(that_day.text.contains("Chưa khớp được"), "{}", that_day.text);
    let later = bring(&world, &whole, 0, 1_000_000).await;
    assert_eq!((later.new, later.already), (1, 3));
    assert!(gaps(&world).await.is_empty());
    assert_eq!(kept(&world, &summary.file_id).await.state, State::Matched, "money without a reference waits");
    assert!(!visitor.get("/desk/day").await.text.contains(&named));
}

async fn a_day_between_two_files_is_named_until_it_comes(fresh: Fresh) {
    let world = world(fresh).await;
    let days = [before(&world, 5), before(&world, 4), before(&world, 3)];
    let at: Vec<String> = days.iter().map(|day| format!("{day} 08:00:00")).collect();
    bring(&world, &[(1, &at[0], 100_000, 100_000, "mot")], 0, 100_000).await;
    let last = bring(&world, &[(1, &at[2], 400_000, 700_000, "ba")], 300_000, 700_000).await;
    assert_eq!(gaps(&world).await, [format!("thiếu từ ngày {} đến ngày {}", days[0], days[2])]);
    assert_eq!(kept(&world, &last.file_id).await.state, State::Read);
    bring(&world, &[(1, &at[1], 200_000, 300_000, "hai")], 100_000, 300_000).await;
    assert!(gaps(&world).await.is_empty());
    assert_eq!(kept(&world, &last.file_id).await.state, State::Matched);
}

/// The program died between two chunks: the file's row says which days it covers, but not all its lines are stored, so
/// a credit that is on a line still to come must not be called missing.
async fn a_file_whose_lines_are_not_all_stored_covers_nothing(fresh: Fresh) {
    let world = world(fresh).await;
    let (_, page) = world.invoice(0).await;
    let at = format!("{}T08:00:00+07:00", today(&world.house.clock).plus_days(-2));
    world.pay(&page, page.invoice.total.get(), &at, false).await;
    let school = school(&world).await;
    let account = &roll::accounts_of(&world.house.store, &school).await.expect("accounts")[0].id;
    let days = [3, 2, 1].map(|days| today(&world.house.clock).plus_days(-days).to_string());
    let sql = format!(
        "insert into statement_file (id, account_id, sha256, name_sealed, lines, first_day, last_day, opening, closing,
            received_at, received_by)
         select 'stm_half', '{account}', 'x', memo_sealed, 1, '{}', '{}', 0, 0, 1, 'system' from credit",
        days[0], days[2]
    );
    let store = &world.house.store;
    store.run_raw(&sql).await.expect("a file");
    assert_eq!(kept(&world, "stm_half").await.state, State::Received);
    let absent = || statements::missing(store, &school, today(&world.house.clock));
    assert!(absent().await.expect("missing").is_empty());
    let read = "insert into statement_step (file_id, step, done_at, done_by) values ('stm_half', 'read', 1, 'system')";
    store.run_raw(read).await.expect("read");
    assert_eq!(absent().await.expect("missing").len(), 1, "now nothing more will come");
    let file = kept(&world, "stm_half").await;
    assert_eq!((file.state, file.held), (State::Matched, 1), "the bank must be asked");
    assert_eq!(inbox::day(store, &school, Day::parse(&days[1]).expect("a day")).await.expect("a day").credits.len(), 1);
}

async fn a_file_without_balances_is_not_called_complete(fresh: Fresh) {
    let world = world(fresh).await;
    let day = before(&world, 1);
    let text = format!("Ngày,Số tham chiếu,Ghi nợ,Ghi có,Nội dung\n{day},F1,,100000,mot\n{day},F2,,200000,hai\n");
    let summary = import(&world, text).await;
    let file = kept(&world, &summary.file_id).await;
    assert_eq!((file.state, file.days, file.brought), (State::Read, None, 2));
}

async fn money_that_the_statement_gives_back_is_shown_beside_its_credit(fresh: Fresh) {
    let world = world(fresh).await;
    let (_, page) = world.invoice(0).await;
    let (total, reference) = (page.invoice.total.get(), page.invoice.reference.clone());
    let (one, two) = (before(&world, 2), before(&world, 1));
    let head = "Ngày,Số tham chiếu,Ghi nợ,Ghi có,Số dư,Nội dung\n";
    let twice = 2 * total;
    let came = format!(
        "{one} 08:00:00,GD00000001,,{total},{total},{reference}\n{one} 08:00:00,GD00000002,,{total},{twice},{reference}\n"
    );
    import(&world, format!("{head}{came}")).await;
    let gone = format!(
        "{two} 09:00:00,GD00000003,{total},,{total},HOAN TRA {reference}\n{two} 10:00:00,GD00000004,1000,,{},phi\n",
        total - 1000
    );
    import(&world, format!("{head}{gone}")).await;
    let mut visitor = at_school(&world, roster::SAO_KHUE.code).await;
    let day = one_day(&two);
    let shown = visitor.get(&format!("/desk/day?day={day}")).await;
    assert!(shown.text.contains("Có thể là hoàn") && shown.text.contains("HOAN TRA"), "{}", shown.text);
    assert!(shown.text.contains("1.000"), "what left is shown: {}", shown.text);
    let (school, came_on) = (school(&world).await, Day::parse(&one_day(&one)).expect("a day"));
    let credits = inbox::day(&world.house.store, &school, came_on).await.expect("a day");
    let credits: Vec<String> = credits.credits.into_iter().map(|credit| credit.id).collect();
    let address = |credit: &String| format!("/desk/credits/{credit}");
    for credit in &credits {
        assert!(visitor.get(&address(credit)).await.text.contains("Xác nhận đã bị hoàn"), "either may be the one");
    }
    let form = visitor.get(&address(&credits[0])).await;
    let turn = form.field("turn");
    let fields = [("why", "reversed"), ("turn", turn.as_str()), ("note", "ngân hàng trả lại")];
    let done = send(&mut visitor, &form, &format!("{}/take-back", address(&credits[0])), &fields).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    let other = visitor.get(&address(&credits[1])).await;
    assert!(!other.text.contains("Xác nhận đã bị hoàn"), "the line gave back one: {}", other.text);
    let shown = visitor.get(&format!("/desk/day?day={day}")).await;
    assert!(shown.text.contains("HOAN TRA"), "{}", shown.text);
}

fn one_day(vietnamese: &str) -> String {
    vietnamese.split('/').rev().collect::<Vec<_>>().join("-")
}

async fn a_line_of_a_day_far_ahead_is_refused(fresh: Fresh) {
    let world = world(fresh).await;
    for (ahead, is_read) in [(9, true), (10, true), (11, false)] {
        let day = before(&world, -ahead);
        let text = format!("Ngày,Số tham chiếu,Ghi nợ,Ghi có,Số dư,Nội dung\n{day},GD{ahead},,{ahead}000,,nop tien\n");
        let read = brought(&world, text).await;
        let said = read.as_ref().err().map(ToString::to_string).unwrap_or_default();
        assert_eq!((read.is_ok(), said.contains("too far ahead")), (is_read, !is_read), "{ahead}: {said}");
    }
}
