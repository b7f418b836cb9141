//! The page itself: one request, no script needed, every line explained.

use std::sync::{Arc, LazyLock};

use askama::Template;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::second_fact;
use super::{Code, Opened};
use crate::fault::Result;
use crate::fees::{Due, Lifecycle, Line, Position};
use crate::ledger;
use crate::money::{Dong, Reading, in_words};
use crate::vietqr::image::Level;
use crate::vietqr::links::BANK_APPS;
use crate::vietqr::{VerifiedQr, banks};
use crate::web::House;
use crate::web::assets::policy_hash;
use crate::web::failure::Failure;
use crate::web::frame;
use crate::web::words::{Language, ParentWords, Words};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Nothing from elsewhere; inline only this style and this script.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let policy = format!(
        "default-src 'none'; style-src {}; script-src {}; img-src 'self' data:; connect-src 'self'; form-action 'self'; \
         base-uri 'none'; frame-ancestors 'none'",
        policy_hash(STYLE),
        policy_hash(SCRIPT)
    );
    HeaderValue::from_str(&policy).unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'"))
});

#[derive(Template)]
#[template(path = "parent/page.html")]
struct ParentPage<'a> {
    words: &'static Words,
    say: &'static ParentWords,
    style: &'static str,
    script: &'static str,
    token: &'a str,
    mark: String,
    school: &'a str,
    phone: &'a str,
    run_title: &'a str,
    /// Initials, or the whole name after the second fact.
    pupil: String,
    class: &'a str,
    reference: &'a str,
    state: Money,
    total: String,
    paid: String,
    owed: Option<Owed>,
    way: Option<Way<'a>>,
    /// Why there is no code although money is owed.
    no_code: Option<String>,
    lines: Vec<ShownLine<'a>>,
    payments: Vec<(String, bool)>,
    receipts: Vec<ShownReceipt>,
    asks_second_fact: bool,
    wrong_day: bool,
    in_zalo: bool,
}

/// The state in plain words.
struct Money {
    class: &'static str,
    headline: String,
    more: Vec<String>,
    due: Option<(String, String)>,
}

struct Owed {
    amount: String,
    in_words: String,
}

/// Everything needed to pay.
struct Way<'a> {
    svg: String,
    holder: &'a str,
    bank: String,
    account: &'a str,
    account_end: String,
    amount: String,
    plain_amount: String,
    memo: String,
    prefilling: Vec<(&'static str, String)>,
    opening: Vec<(&'static str, String)>,
}

struct ShownLine<'a> {
    name: &'a str,
    basis: &'a str,
    detail: String,
    amount: String,
}

struct ShownReceipt {
    id: String,
    text: String,
    is_void: bool,
}

#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    day: String,
}

pub(super) async fn show(
    State(house): State<Arc<House>>,
    language: Language,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
    opened: Opened,
) -> Result<Response, Failure> {
    let credit = family_credit(&house, &opened).await?;
    let knows = second_fact::is_given(&house, &headers, &opened.page.pupil.id);
    let page = &opened.page;
    let words = language.words();
    let say = &words.parent;
    let shown = ParentPage {
        words,
        say,
        style: STYLE,
        script: SCRIPT,
        token: &opened.token,
        mark: opened.mark(),
        school: &page.school.name,
        phone: &page.school.phone,
        run_title: &page.run_title,
        pupil: if knows { page.pupil.full_name.clone() } else { page.pupil.short_name() },
        class: &page.class_name,
        reference: &page.invoice.reference,
        state: state(&opened, say, credit, house.clock.now().day()),
        total: page.invoice.total.to_string(),
        paid: page.money.paid.to_string(),
        owed: owed(&opened),
        way: opened.code.ready().map(|qr| way(&opened, qr, say)).transpose()?,
        no_code: no_code(&opened.code, say, &page.school.phone),
        lines: page.invoice.lines.iter().map(|line| shown_line(line, say)).collect(),
        payments: payments(&opened, say),
        receipts: shown_receipts(&opened, say),
        asks_second_fact: !knows && page.pupil.birth_day.is_some(),
        wrong_day: asked.day == "wrong",
        in_zalo: headers
            .get(header::USER_AGENT)
            .and_then(|agent| agent.to_str().ok())
            .is_some_and(|agent| [" Zalo", "FBAN", "FBAV"].iter().any(|mark| agent.contains(mark))),
    };
    let mut response = frame::show(&shown)?.into_response();
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, POLICY.clone());
    Ok(response)
}

/// What the family has in credit, asked only where there is a surplus to explain.
async fn family_credit(house: &House, opened: &Opened) -> Result<Dong> {
    if opened.page.money.position != Position::Over {
        return Ok(Dong::ZERO);
    }
    ledger::family_credit(&house.store, &opened.page.pupil.family_id).await
}

fn state(opened: &Opened, say: &'static ParentWords, credit: Dong, today: crate::time::Day) -> Money {
    let money = opened.page.money;
    let is_void = opened.page.invoice.lifecycle == Lifecycle::Void;
    let (class, headline) = match money.position {
        _ if is_void => ("gone", say.void.to_owned()),
        Position::Unpaid => ("open", say.unpaid.to_owned()),
        Position::Part => ("open", (say.part)(&money.owed.to_string())),
        Position::Paid => ("done", say.paid_all.to_owned()),
        Position::Over => ("done", say.over.to_owned()),
    };
    let mut more = Vec::new();
    if money.surplus.is_positive() {
        more.push((say.surplus)(&money.surplus.to_string()));
    }
    if credit.is_positive() {
        more.push((say.credit)(&credit.to_string()));
    }
    let due = (!is_void && money.owed.is_positive()).then(|| {
        let day = opened.page.invoice.due_day;
        let left = match opened.page.due(today) {
            Due::Later => String::new(),
            Due::Soon(0) => say.due_today.to_owned(),
            Due::Soon(days) => (say.due_in)(days),
            Due::Overdue(days) => (say.overdue)(days),
        };
        ((say.due_by)(&day.vietnamese()), left)
    });
    Money { class, headline, more, due }
}

fn owed(opened: &Opened) -> Option<Owed> {
    let owed = opened.page.money.owed;
    let wanted = opened.page.invoice.lifecycle == Lifecycle::Open && owed.is_positive();
    let reading = if opened.page.school.reading == "southern" { Reading::Southern } else { Reading::Hanoi };
    wanted.then(|| Owed { amount: owed.to_string(), in_words: in_words(owed, reading) })
}

fn no_code(code: &Code, say: &'static ParentWords, phone: &str) -> Option<String> {
    match code {
        Code::Ready(_) | Code::Ordered(..) | Code::NotNeeded => None,
        Code::Preparing => Some((say.preparing)(phone)),
        Code::Frozen => Some((say.frozen)(phone)),
        Code::TooLarge => Some((say.too_large)(phone)),
        Code::Impossible => Some((say.no_code)(phone)),
    }
}

fn way<'a>(opened: &'a Opened, qr: &'a VerifiedQr, say: &'static ParentWords) -> Result<Way<'a>> {
    let paid = qr.payload();
    let owed = opened.page.money.owed;
    let links = |prefills: bool| {
        let apps = BANK_APPS.iter().filter(|app| app.prefills == prefills);
        apps.map(|app| (app.name, app.link(qr))).collect()
    };
    let number = &paid.account;
    let last = number.get(number.len().saturating_sub(4)..).unwrap_or(number);
    let bank = banks::find(&paid.bin).map_or_else(String::new, |bank| bank.short_name.clone());
    Ok(Way {
        svg: qr.picture(Level::Screen)?.svg(&(say.qr_name)(&owed.to_string(), qr.memo())),
        holder: opened.code.holder().unwrap_or(&opened.page.account.holder),
        bank,
        account: number,
        account_end: (say.account_end)(last),
        amount: owed.to_string(),
        plain_amount: owed.get().to_string(),
        memo: qr.memo().to_owned(),
        prefilling: links(true),
        opening: links(false),
    })
}

fn shown_line<'a>(line: &'a Line, say: &'static ParentWords) -> ShownLine<'a> {
    let mut parts = Vec::new();
    if line.quantity > 1 {
        parts.push((say.quantity)(line.quantity, (say.unit)(&line.unit), &line.unit_price.to_string()));
    }
    if line.exemption.is_positive() {
        parts.push((say.exemption)(&line.exemption.to_string()));
    }
    if line.necessity == "voluntary" {
        parts.push(say.voluntary.to_owned());
    }
    ShownLine {
        name: &line.official_name,
        basis: &line.legal_basis,
        detail: parts.join(" · "),
        amount: line.payable.to_string(),
    }
}

fn payments(opened: &Opened, say: &'static ParentWords) -> Vec<(String, bool)> {
    let told = |payment: &crate::receipts::Payment| {
        let text = (say.told)(&payment.amount.to_string(), &payment.reported_at.vietnamese());
        (text, payment.proved_at.is_some())
    };
    opened.payments.iter().map(told).collect()
}

fn shown_receipts(opened: &Opened, say: &'static ParentWords) -> Vec<ShownReceipt> {
    let shown = |receipt: &crate::receipts::Receipt| ShownReceipt {
        id: receipt.id.clone(),
        text: (say.receipt)(&receipt.printed_number(), &receipt.amount.to_string()),
        is_void: receipt.void_reason.is_some(),
    };
    opened.receipts.iter().map(shown).collect()
}
