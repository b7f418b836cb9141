//! Tables to take away: CSV that Excel opens with its accents, in which no text can become a formula.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::run;
use crate::fault::{OrFault, Refusal, Result};
use crate::fees::Lifecycle;
use crate::fees::view::{self, InvoiceRow};
use crate::receipts;
use crate::time::Day;
use crate::web::House;
use crate::web::failure::Failure;
use crate::web::seat::Desk;
use crate::web::words::DeskWords;

/// A run's invoices of all classes.
pub(super) async fn of_run(
    State(house): State<Arc<House>>,
    desk: Desk,
    Path(run_id): Path<String>,
) -> Result<Response, Failure> {
    run::own(&house, &desk, &run_id).await?;
    let rows = view::invoices_of_run(&house.store, &run_id).await?;
    Ok(invoices(&rows, &desk.seat.words().desk)?)
}

/// A run's invoices of one class.
pub(super) async fn of_class(
    State(house): State<Arc<House>>,
    desk: Desk,
    Path((run_id, class_id)): Path<(String, String)>,
) -> Result<Response, Failure> {
    run::own(&house, &desk, &run_id).await?;
    let rows = view::invoices_of_class(&house.store, &run_id, &class_id).await?;
    if rows.is_empty() {
        return Err(Refusal::absent().into());
    }
    Ok(invoices(&rows, &desk.seat.words().desk)?)
}

fn invoices(rows: &[InvoiceRow], w: &DeskWords) -> Result<Response> {
    let head = [w.class, w.code, w.pupil, w.memo, w.total, w.paid, w.owed, w.due_day, w.state];
    let rows = rows.iter().map(|row| {
        let code = if row.lifecycle == Lifecycle::Void { "void" } else { row.money.position.code() };
        vec![
            row.class_name.clone(),
            row.pupil_code.clone(),
            row.pupil_name.clone(),
            row.reference.clone(),
            row.total.get().to_string(),
            row.money.paid.get().to_string(),
            row.money.owed.get().to_string(),
            row.due_day.to_string(),
            (w.position)(code).to_owned(),
        ]
    });
    table("phieu-bao-thu.csv", &head, rows)
}

/// Between which days, and which part of what is found.
#[derive(Deserialize)]
pub(super) struct Between {
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
    #[serde(default)]
    part: String,
}

impl Between {
    /// The days; this month's until today unless somebody says otherwise.
    pub(super) fn days(&self, today: Day) -> (Day, Day) {
        let first = Day::parse(&self.from).unwrap_or(Day(today.0.first_of_month()));
        (first, Day::parse(&self.to).unwrap_or(today))
    }

    /// The part, when one is named; what is no number names one that is not there.
    pub(super) fn part(&self) -> Option<i64> {
        (!self.part.is_empty()).then(|| self.part.parse().unwrap_or_default())
    }
}

/// The receipts the school issued on these days; this month's unless somebody says otherwise.
pub(super) async fn receipts(
    State(house): State<Arc<House>>,
    desk: Desk,
    Query(between): Query<Between>,
) -> Result<Response, Failure> {
    let w = &desk.seat.words().desk;
    let (from, to) = between.days(house.clock.now().day());
    let found = receipts::of_school(&house.store, &desk.school.id, from, to).await?;
    let ids: Vec<String> = found.iter().map(|receipt| receipt.invoice_id.clone()).collect();
    let invoices = view::invoices_by_id(&house.store, &ids).await?;
    let invoices: HashMap<&str, &InvoiceRow> = invoices.iter().map(|row| (row.id.as_str(), row)).collect();
    let head = [w.receipts, w.day, w.class, w.code, w.pupil, w.run_title, w.memo, w.amount, w.family_credit, w.state];
    let rows = found.iter().map(|receipt| {
        let of = |what: fn(&InvoiceRow) -> &String| {
            invoices.get(receipt.invoice_id.as_str()).map(|row| what(row).clone()).unwrap_or_default()
        };
        vec![
            format!("{} {} {}", receipt.series, receipt.year, receipt.printed_number()),
            receipt.issued_at.day().to_string(),
            of(|row| &row.class_name),
            of(|row| &row.pupil_code),
            of(|row| &row.pupil_name),
            of(|row| &row.run_title),
            of(|row| &row.reference),
            receipt.amount.get().to_string(),
            receipt.surplus.get().to_string(),
            receipt.void_reason.as_ref().map_or("", |_| w.void).to_owned(),
        ]
    });
    Ok(table("bien-lai.csv", &head, rows)?)
}

fn table(name: &str, head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Result<Response> {
    let mut writer = csv::Writer::from_writer("\u{feff}".as_bytes().to_vec());
    writer.write_record(head).or_fault("write a table")?;
    for row in rows {
        writer.write_record(row.iter().map(|cell| harmless(cell))).or_fault("write a table")?;
    }
    let bytes = writer.into_inner().or_fault("write a table")?;
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    Ok((headers, bytes).into_response())
}

/// A text that a spreadsheet cannot take for a formula: an apostrophe stands before what would begin one.
fn harmless(text: &str) -> String {
    let begins = text.trim_start_matches([' ', '\u{a0}', '\u{200b}', '\u{feff}']).chars().next();
    match begins {
        Some('=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '|' | '%' | '＝' | '＋' | '－' | '＠') => {
            format!("'{text}")
        }
        _ => text.replace('\0', ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exported_text_never_becomes_a_formula() {
        for evil in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\u{a0}=1", "＝1", "%0A=1"] {
            assert_eq!(harmless(evil), format!("'{evil}"));
        }
        for plain in ["Nguyễn Văn Ánh", "3A", "RF18XQHB", "1250000", ""] {
            assert_eq!(harmless(plain), plain);
        }
    }
}
