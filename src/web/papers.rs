//! Receipts and notices as files: what the rooms know of an invoice, put on the papers they draw.
//!
//! A paper that leaves without a second fact carries the pupil's short name; the desk's own copies carry the whole.

use std::collections::{HashMap, HashSet};

use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::House;
use super::parent::code_under;
use crate::aside::aside;
use crate::fault::{Fault, Refusal, Result};
use crate::fees::notice::{self, NoticePaper};
use crate::fees::view::{self, InvoicePage, MemoRule};
use crate::fees::{self, Line, OpenInvoice};
use crate::ledger;
use crate::money::{Dong, Reading};
use crate::orders::{self, Offers};
use crate::paper;
use crate::receipts::pdf::{self, ReceiptPaper};
use crate::receipts::{self, Receipt};
use crate::roll::{self, ClassGroup, Pupil, School};
use crate::store::Store;
use crate::time::Moment;
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
        pupil: shown(&page.pupil, with_name),
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
/// As [`receipts_in_one`].
pub async fn receipt(house: &House, receipt: &Receipt, with_name: bool) -> Result<Vec<u8>> {
    receipts_in_one(house, std::slice::from_ref(receipt), with_name).await
}

/// Receipts of one school in one file.
///
/// # Errors
/// Faults of the store; a receipt whose invoice is gone, which nothing can do.
pub async fn receipts_in_one(house: &House, receipts: &[Receipt], with_name: bool) -> Result<Vec<u8>> {
    let known = Known::of(&house.store, receipts).await?;
    let papers = receipts.iter().map(|receipt| known.paper(house, receipt, with_name));
    let papers = papers.collect::<Option<Vec<ReceiptPaper>>>();
    let papers = papers.ok_or_else(|| Fault::new("draw a receipt: its invoice is not there"))?;
    aside(move || pdf::draw_many(&papers)).await
}

/// What the rooms know of receipts of one school, read in lists, so that a thousand ask no more often than one.
struct Known {
    school: School,
    invoices: HashMap<String, OpenInvoice>,
    pupils: HashMap<String, Pupil>,
    classes: HashMap<String, ClassGroup>,
    given: HashMap<String, Vec<(i64, Dong)>>,
    came_at: HashMap<String, Moment>,
}

impl Known {
    async fn of(store: &Store, receipts: &[Receipt]) -> Result<Known> {
        let first = receipts.first().ok_or_else(Refusal::absent)?;
        let school = roll::school(store, &first.school_id).await?.ok_or_else(Refusal::absent)?;
        let invoices: Vec<String> = receipts.iter().map(|receipt| receipt.invoice_id.clone()).collect();
        let invoices = fees::invoices(store, &invoices).await?;
        let pupils: Vec<String> = invoices.iter().map(|invoice| invoice.pupil_id.clone()).collect();
        let pupils = roll::pupils_by_id(store, &pupils).await?;
        let mut classes = HashMap::new();
        for id in invoices.iter().map(|invoice| &invoice.class_group_id).collect::<HashSet<_>>() {
            classes.extend(roll::class_group(store, id).await?.map(|class| (id.clone(), class)));
        }
        let entries: Vec<&str> = receipts.iter().map(|receipt| receipt.entry_id.as_str()).collect();
        let credits: Vec<&str> = receipts.iter().map(|receipt| receipt.credit_id.as_str()).collect();
        Ok(Known {
            school,
            given: ledger::given_by_entries(store, &entries).await?,
            came_at: receipts::came_at(store, &credits).await?,
            pupils: pupils.into_iter().map(|pupil| (pupil.id.clone(), pupil)).collect(),
            invoices: invoices.into_iter().map(|invoice| (invoice.id.clone(), invoice)).collect(),
            classes,
        })
    }

    fn paper(&self, house: &House, receipt: &Receipt, with_name: bool) -> Option<ReceiptPaper> {
        let invoice = self.invoices.get(&receipt.invoice_id)?;
        let given = self.given.get(&receipt.entry_id).map_or(&[][..], Vec::as_slice);
        Some(ReceiptPaper {
            school: self.school.name.clone(),
            address: self.school.address.clone(),
            unit_code: self.school.budget_code.clone(),
            document: "Biên lai thu tiền".to_owned(),
            form: receipt.series.clone(),
            series: format!("{}/{}", receipt.series, receipt.year),
            number: receipt.printed_number(),
            issued_at: receipt.issued_at,
            payer: None,
            pupil: shown(self.pupils.get(&invoice.pupil_id)?, with_name),
            class_group: self.classes.get(&invoice.class_group_id)?.name.clone(),
            reference: invoice.reference.clone(),
            lines: given.iter().map(|(position, amount)| printed(line_of(invoice, *position), *amount)).collect(),
            received: receipt.amount,
            surplus: receipt.surplus,
            due: receipt.due,
            paid: receipt.paid,
            reading: reading(&self.school),
            method: "Chuyển khoản".to_owned(),
            bank_at: self.came_at.get(&receipt.credit_id).copied(),
            check_url: format!("{}/check/{}", house.public_url(), receipts::check_token(&house.vault, &receipt.id)),
            void: receipt.void_reason.clone(),
        })
    }
}

/// A PDF that the browser shows in place and saves under a name that says nothing of the pupil.
pub fn answer(file: Vec<u8>, name: &str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/pdf".to_owned()),
        (header::CONTENT_DISPOSITION, format!("inline; filename=\"{name}.pdf\"")),
    ];
    (headers, file).into_response()
}

fn shown(pupil: &Pupil, with_name: bool) -> String {
    if with_name { pupil.full_name.clone() } else { pupil.short_name() }
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
