//! The first day by a link that works once, and one more school by a supervisor.

use std::io::Write;
use std::sync::{Arc, Mutex};

use axum::http::{StatusCode, header};
use hocphi::access;
use hocphi::roll;
use hocphi::simulate::roster;
use hocphi::simulate::stage;

use crate::engines::Fresh;
use crate::on_both;
use crate::web_desk_work::{at_school, send};
use crate::web_world::{Answer, Visitor, empty, world};

on_both!(
    the_first_day_is_set_up_with_a_link_that_works_once,
    a_wrong_link_and_a_used_one_are_answered_alike,
    neither_the_link_nor_a_password_stands_in_the_log,
    a_form_of_the_first_day_that_is_refused_keeps_what_was_typed,
    two_tabs_of_the_first_day_make_one_school,
    a_supervisor_adds_a_school_and_changes_none,
    nobody_but_a_supervisor_adds_a_school
);

const FIRST_DAY: [(&str, &str); 18] = [
    ("authority_code", "PHS"),
    ("authority_name", "Ủy ban nhân dân phường Hoa Sen"),
    ("authority_level", "ward"),
    ("school_code", "79769999"),
    ("school_name", "Trường Tiểu học Hoa Sen"),
    ("school_level", "primary"),
    ("school_ownership", "public"),
    ("school_address", "1 đường Hoa Sen"),
    ("school_phone", ""),
    ("account_bank", "970422"),
    ("account_number", "0881000999999"),
    ("account_holder", "TRUONG TIEU HOC HOA SEN"),
    ("accountant_name", "Cô Thu"),
    ("accountant_login", "thu"),
    ("head_name", "Thầy Minh"),
    ("head_login", "minh"),
    ("supervisor_name", "Chị Hạnh"),
    ("supervisor_login", "hanh"),
];

/// The fields with some of them otherwise.
fn with<'a>(fields: &[(&'a str, &'a str)], other: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let value = |name, value| other.iter().find(|(key, _)| *key == name).map_or(value, |(_, other)| *other);
    fields.iter().map(|(name, old)| (*name, value(*name, *old))).collect()
}

/// The passwords on the page, by login.
fn passwords(page: &Answer) -> Vec<(String, String)> {
    let between = |text: &str, from: &str, to: &str| {
        text.split_once(from).and_then(|(_, rest)| rest.split_once(to)).map(|(found, _)| found.to_owned())
    };
    let sections = page.text.split("<section class=\"card\">").skip(1);
    let read = sections.filter_map(|section| {
        Some((between(section, "<code>", "</code>")?, between(section, "data-copy-text=\"", "\"")?))
    });
    read.collect()
}

async fn the_first_day_is_set_up_with_a_link_that_works_once(fresh: Fresh) {
    let world = empty(fresh).await;
    let address = format!("/setup/{}", world.house.first_day.open().expect("a link"));
    let mut visitor = world.visitor();
    let form = visitor.get(&address).await;
    assert_eq!(form.status, StatusCode::OK, "{}", form.text);
    assert_eq!(form.header(header::CACHE_CONTROL), "no-store");
    assert_eq!(form.header(header::REFERRER_POLICY), "no-referrer");
    let nobody = visitor.post(&address, &FIRST_DAY).await;
    assert_eq!(nobody.status, StatusCode::FORBIDDEN, "a form that nobody opened");
    assert!(!access::has_people(&world.house.store).await.expect("a look"));
    let done = send(&mut visitor, &form, &address, &FIRST_DAY).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text);
    assert_eq!(done.header(header::CACHE_CONTROL), "no-store");
    let made = passwords(&done);
    assert_eq!(made.iter().map(|(login, _)| login.as_str()).collect::<Vec<_>>(), ["thu", "minh", "hanh"]);
    let again = send(&mut visitor, &form, &address, &FIRST_DAY).await;
    assert_eq!(passwords(&again), made, "a second press of the same form sees the same page");
    assert_eq!(visitor.get(&address).await.status, StatusCode::NOT_FOUND, "the link is used");
    world.house.clock.advance_ms(61_000);
    let late = send(&mut visitor, &form, &address, &FIRST_DAY).await;
    assert_eq!(late.status, StatusCode::NOT_FOUND, "passwords are told once");
    assert_eq!(roll::schools(&world.house.store).await.expect("schools").len(), 1);
    for (login, password) in made {
        let mut person = world.visitor();
        let answer = person.sign_in(&login, &password).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{login}");
    }
}

/// What the program writes into its log.
#[derive(Clone, Default)]
struct Ink(Arc<Mutex<Vec<u8>>>);

impl Write for Ink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("ink").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

async fn neither_the_link_nor_a_password_stands_in_the_log(fresh: Fresh) {
    let world = empty(fresh).await;
    let ink = Ink::default();
    let paper = ink.clone();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || paper.clone()).finish();
    // With one subscriber alone, an event that another thread meets first is asked for there, where nobody
    // listens, and stays unheard here too; a second one has each asked of both.
    let _second = tracing::Dispatch::new(tracing_subscriber::fmt().with_writer(std::io::sink).finish());
    let _guard = tracing::subscriber::set_default(subscriber);
    let token = world.house.first_day.open().expect("a link");
    let address = format!("/setup/{token}");
    let mut visitor = world.visitor();
    let form = visitor.get(&address).await;
    send(&mut visitor, &form, &address, &with(&FIRST_DAY, &[("school_name", "")])).await;
    let done = send(&mut visitor, &form, &address, &FIRST_DAY).await;
    let made = passwords(&done);
    assert_eq!(made.len(), 3, "{}", done.text);
    let log = String::from_utf8(ink.0.lock().expect("ink").clone()).expect("text");
    assert!(log.contains("answered") && log.contains("/setup/{token}"), "{log}");
    assert!(!log.contains(&token), "the link stands in the log");
    assert!(made.iter().all(|(_, password)| !log.contains(password)), "a password stands in the log");
    let figures = visitor.get("/metrics").await;
    assert!(!figures.text.contains(&token), "the link stands in the figures");
}

async fn a_wrong_link_and_a_used_one_are_answered_alike(fresh: Fresh) {
    let world = empty(fresh).await;
    let mut visitor = world.visitor();
    assert_eq!(visitor.get("/setup/").await.status, StatusCode::NOT_FOUND);
    let closed = visitor.get("/setup/00000000000000000000000000").await;
    assert_eq!(closed.status, StatusCode::NOT_FOUND, "no link was made");
    let token = world.house.first_day.open().expect("a link");
    for wrong in ["00000000000000000000000000", "x", &token.to_uppercase()] {
        assert_eq!(visitor.get(&format!("/setup/{wrong}")).await.status, StatusCode::NOT_FOUND, "{wrong}");
        let sent = visitor.post(&format!("/setup/{wrong}"), &FIRST_DAY).await;
        assert_eq!(sent.status, StatusCode::NOT_FOUND, "{wrong}");
    }
    let form = visitor.get(&format!("/setup/{token}")).await;
    assert_eq!(form.status, StatusCode::OK);
    // Somebody is let in at the command line while the page is open.
    let new = access::NewPerson { login: "mot", name: "Một", password: "mat-khau-dai", language: "vi", grants: &[] };
    access::add_person(&world.house.store, &world.house.clock, new, "system").await.expect("a person");
    assert_eq!(visitor.get(&format!("/setup/{token}")).await.status, StatusCode::NOT_FOUND);
    let late = send(&mut visitor, &form, &format!("/setup/{token}"), &FIRST_DAY).await;
    assert_eq!(late.status, StatusCode::NOT_FOUND);
    assert!(roll::schools(&world.house.store).await.expect("schools").is_empty());
}

async fn a_form_of_the_first_day_that_is_refused_keeps_what_was_typed(fresh: Fresh) {
    let world = empty(fresh).await;
    let address = format!("/setup/{}", world.house.first_day.open().expect("a link"));
    let mut visitor = world.visitor();
    for (other, field) in [
        (("school_name", " "), "school_name"),
        (("account_number", "12"), "account_number"),
        (("account_bank", "999888"), "account_number"),
        (("head_login", "thầy minh"), "head_login"),
        (("supervisor_login", "THU"), "supervisor_login"),
        (("school_level", "kindergarten"), "school_code"),
    ] {
        let form = visitor.get(&address).await;
        let refused = send(&mut visitor, &form, &address, &with(&FIRST_DAY, &[other])).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{other:?}");
        assert!(refused.text.contains("role=\"alert\""), "{other:?}");
        assert!(refused.text.contains(&format!("id=\"{field}-said\"")), "{other:?}: {}", refused.text);
        assert!(refused.text.contains("1 đường Hoa Sen"), "what was typed is still there");
        assert!(!refused.text.contains("Tệp"), "a form is no file");
    }
    assert!(roll::schools(&world.house.store).await.expect("schools").is_empty(), "nothing was written");
    let refused = {
        let form = visitor.get(&address).await;
        send(&mut visitor, &form, &address, &with(&FIRST_DAY, &[("school_name", "")])).await
    };
    let mended = send(&mut visitor, &refused, &address, &FIRST_DAY).await;
    assert_eq!(passwords(&mended).len(), 3, "{}", mended.text);
}

async fn two_tabs_of_the_first_day_make_one_school(fresh: Fresh) {
    let world = empty(fresh).await;
    let address = format!("/setup/{}", world.house.first_day.open().expect("a link"));
    let tab = async |code: &str| {
        let mut visitor = world.visitor();
        let form = visitor.get(&address).await;
        send(&mut visitor, &form, &address, &with(&FIRST_DAY, &[("school_code", code)])).await
    };
    let (one, two) = tokio::join!(tab("1001"), tab("1002"));
    let mut answers = [one.status, two.status];
    answers.sort_unstable();
    assert_eq!(answers, [StatusCode::OK, StatusCode::NOT_FOUND]);
    assert_eq!(roll::schools(&world.house.store).await.expect("schools").len(), 1);
}

/// A school of the supervisor's own ward that nobody knows yet.
fn new_school() -> Vec<(&'static str, &'static str)> {
    let of_first_day = ["authority_code", "authority_name", "authority_level", "supervisor_name", "supervisor_login"];
    FIRST_DAY.into_iter().filter(|(name, _)| !of_first_day.contains(name)).collect()
}

async fn add(visitor: &mut Visitor, other: &[(&'static str, &'static str)]) -> Answer {
    let form = visitor.get("/oversight/schools/new").await;
    assert_eq!(form.status, StatusCode::OK, "{}", form.text);
    send(visitor, &form, "/oversight/schools/new", &with(&new_school(), other)).await
}

async fn a_supervisor_adds_a_school_and_changes_none(fresh: Fresh) {
    let world = world(fresh).await;
    let store = &world.house.store;
    let before = roll::schools(store).await.expect("schools");
    let mut visitor = world.signed_in("giamsat").await;
    assert!(visitor.get("/oversight").await.text.contains("/oversight/schools/new"));
    let theirs = stage::account(store, &roster::SAO_KHUE).await.expect("an account");
    let (bank, number): (&'static str, &'static str) =
        (Box::leak(theirs.bank_bin.clone().into_boxed_str()), Box::leak(theirs.number.clone().into_boxed_str()));
    let taken = add(&mut visitor, &[("school_code", roster::SAO_KHUE.code)]).await;
    assert_eq!(taken.status, StatusCode::CONFLICT, "{}", taken.text);
    assert!(taken.text.contains("Mã trường này đã có") && taken.text.contains("Trường Tiểu học Hoa Sen"));
    let taken = add(&mut visitor, &[("account_bank", bank), ("account_number", number)]).await;
    assert_eq!(taken.status, StatusCode::CONFLICT);
    assert!(taken.text.contains("id=\"account_number-said\""), "{}", taken.text);
    let taken = add(&mut visitor, &[("head_login", "giamsat")]).await;
    assert!(taken.text.contains("Tên đăng nhập này đã có người dùng"), "a stranger to the schools here");
    assert_eq!(roll::schools(store).await.expect("schools"), before, "a refused form changes nothing");

    let form = visitor.get("/oversight/schools/new").await;
    let fields = with(&new_school(), &[("accountant_login", "ketoan")]);
    let done = send(&mut visitor, &form, "/oversight/schools/new", &fields).await;
    let again = send(&mut visitor, &form, "/oversight/schools/new", &fields).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text);
    assert!(done.text.contains("Dùng mật khẩu đang có"), "the accountant of other schools keeps their password");
    let made = passwords(&done);
    assert_eq!((made.len(), made[0].0.as_str()), (1, "minh"));
    assert_eq!(passwords(&again), made);
    let after = roll::schools(store).await.expect("schools");
    assert_eq!(after.len(), before.len() + 1);
    assert!(before.iter().all(|school| after.contains(school)));
    let mut accountant = at_school(&world, "79769999").await;
    assert!(accountant.get("/desk").await.text.contains("Trường Tiểu học Hoa Sen"));
    let school = roll::school_by_code(store, "79769999").await.expect("a look").expect("a school");
    let trail = access::trail(store, &school.id, 10).await.expect("a trail");
    let supervisor = access::person_by_login(store, "giamsat").await.expect("a look").expect("a person");
    assert!(trail.iter().any(|row| row.action == "school.set_up" && row.actor == supervisor.id), "{trail:?}");
}

async fn nobody_but_a_supervisor_adds_a_school(fresh: Fresh) {
    let world = world(fresh).await;
    let before = roll::schools(&world.house.store).await.expect("schools");
    let mut stranger = world.visitor();
    assert_eq!(stranger.get("/oversight/schools/new").await.status, StatusCode::SEE_OTHER);
    let mut accountant = at_school(&world, roster::SAO_KHUE.code).await;
    let page = accountant.get("/desk/setup").await;
    assert!(page.text.contains("không ai sửa một mình được"), "{}", page.text);
    let sent = send(&mut accountant, &page, "/oversight/schools/new", &new_school()).await;
    assert_eq!(sent.header(header::LOCATION), "/desk");
    let mut supervisor = world.signed_in("giamsat").await;
    let unsigned = supervisor.post("/oversight/schools/new", &new_school()).await;
    assert_eq!(unsigned.status, StatusCode::FORBIDDEN);
    let page = supervisor.get("/oversight/schools/new").await;
    let mut fields = new_school();
    fields.push(("under", "SGD"));
    let above = send(&mut supervisor, &page, "/oversight/schools/new", &fields).await;
    assert_eq!(above.status, StatusCode::NOT_FOUND, "an authority above one's own");
    assert_eq!(roll::schools(&world.house.store).await.expect("schools"), before);
}
