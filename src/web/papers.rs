//! Receipts and notices as files: what the rooms know of an invoice, put on the papers they draw.
//!
//! A paper that leaves without a second fact carries the pupil's short name; the desk's own copies carry the whole.

use std::collections::HashMap;

use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::House;
use super::parent::code_under;
use crate::aside::aside;
use crate::fault::{Fault, Refusal, Result};
use crate::fees::notice::{self, NoticePaper};
use crate::fees::view::{self, InvoicePage, MemoRule};
use crate::fees::{Line, OpenInvoice};
use crate::ledger;
use crate::matching;
use crate::money::{Dong, Reading};
use crate::orders::{self, Offers};
use crate::paper;
use crate::receipts::pdf::{self, ReceiptPaper};
use crate::receipts::{self, Receipt};
use crate::roll::School;
use crate::vietqr::banks;

/// The notices of these invoices in one file; an invoice of which nothing is owed needs none and is left out.
///
/// # Errors
/// Absent when none of them needs a notice; faults of the store.
pub async fn notices(house: &House, pages: &[InvoicePage], with_name: bool) -> Result<Vec<u8>> {
    let mut rules: HashMap<&str, MemoRule> = HashMap::new();
    for page in pages {
        if !rules.contains_key(page.account.id.as_str()) {
            rules.insert(&page.account.id, view::memo_rule(&house.store, &page.account.id).await?);
        }
    }
    let invoices: Vec<&str> = pages.iter().map(|page| page.invoice.id.as_str()).collect();
    let accounts: Vec<&str> = rules.keys().copied().collect();
    let offers = orders::offers(&house.store, &invoices, &accounts).await?;
    let notice = |page: &InvoicePage| notice_of(page, rules.get(page.account.id.as_str())?, &offers, with_name);
    let papers: Vec<NoticePaper> = pages.iter().filter_map(notice).collect();
    if papers.is_empty() {
        return Err(Refusal::absent().into());
    }
    aside(move || notice::draw_many(&papers)).await
}

fn notice_of(page: &InvoicePage, rule: &MemoRule, offers: &Offers, with_name: bool) -> Option<NoticePaper> {
    let code = code_under(page, rule, offers);
    let qr = code.ready()?;
    Some(NoticePaper {
        school: page.school.name.clone(),
        address: page.school.address.clone(),
        run_title: page.run_title.clone(),
        issued_at: page.invoice.issued_at,
        due_day: page.invoice.due_day,
        pupil: pupil(page, with_name),
        class_group: page.class_name.clone(),
        lines: page.invoice.lines.iter().map(|line| printed(Some(line), line.payable)).collect(),
        paid: page.money.paid,
        reading: reading(&page.school),
        qr: qr.clone(),
        holder: code.holder().unwrap_or(&page.account.holder).to_owned(),
        bank: banks::find(&qr.payload().bin).map(|bank| bank.short_name.clone()).unwrap_or_default(),
        page_url: None,
    })
}

/// One receipt as a file.
///
/// # Errors
/// Faults of the store; a receipt whose invoice is gone, which nothing can do.
pub async fn receipt(house: &House, receipt: &Receipt, with_name: bool) -> Result<Vec<u8>> {
    let page = view::page_of(&house.store, &receipt.invoice_id).await?;
    let page = page.ok_or_else(|| Fault::new("draw a receipt: its invoice is not there"))?;
    let given = ledger::given_by_entry(&house.store, &receipt.entry_id).await?;
    let bank_at = matching::shown(&house.store, &receipt.credit_id).await?.map(|credit| credit.value_at);
    let paper = ReceiptPaper {
        school: page.school.name.clone(),
        address: page.school.address.clone(),
        unit_code: page.school.budget_code.clone(),
        document: "Biên lai thu tiền".to_owned(),
        form: receipt.series.clone(),
        series: format!("{}/{}", receipt.series, receipt.year),
        number: receipt.printed_number(),
        issued_at: receipt.issued_at,
        payer: None,
        pupil: pupil(&page, with_name),
        class_group: page.class_name.clone(),
        reference: page.invoice.reference.clone(),
        lines: given.into_iter().map(|(position, amount)| printed(line_of(&page.invoice, position), amount)).collect(),
        received: receipt.amount,
        surplus: receipt.surplus,
        due: receipt.due,
        paid: receipt.paid,
        reading: reading(&page.school),
        method: "Chuyển khoản".to_owned(),
        bank_at,
        check_url: format!("{}/check/{}", house.public_url(), receipts::check_token(&house.vault, &receipt.id)),
        void: receipt.void_reason.clone(),
    };
    aside(move || pdf::draw(&paper)).await
}

/// A PDF that the browser shows in place and saves under a name that says nothing of the pupil.
pub fn answer(file: Vec<u8>, name: &str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/pdf".to_owned()),
        (header::CONTENT_DISPOSITION, format!("inline; filename=\"{name}.pdf\"")),
    ];
    (headers, file).into_response()
}

fn pupil(page: &InvoicePage, with_name: bool) -> String {
    if with_name { page.pupil.full_name.clone() } else { page.pupil.short_name() }
}

fn reading(school: &School) -> Reading {
    if school.reading == "southern" { Reading::Southern } else { Reading::Hanoi }
}

fn line_of(invoice: &OpenInvoice, position: i64) -> Option<&Line> {
    invoice.lines.iter().find(|line| line.position == position)
}

fn printed(line: Option<&Line>, amount: Dong) -> paper::Line {
    paper::Line {
        name: line.map(|line| line.official_name.clone()).unwrap_or_default(),
        amount,
        legal_basis: line.map(|line| line.legal_basis.clone()).unwrap_or_default(),
    }
}
