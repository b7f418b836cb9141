//! `hocphi export journal|receipts|revenue --database …`: the books for other programs, on standard output.

use std::io::Write;
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use hocphi::fault::{OrFault, Result};
use hocphi::ledger::export::{self, csv_row};
use hocphi::store::Store;
use hocphi::time::{Clock, Day};
use hocphi::{feed, receipts, roll};
use serde_json::{Map, Value};

use super::database::Database;
use super::prompt::{Out, usage};

/// Write the books for other programs.
#[derive(Subcommand)]
pub enum Export {
    /// Every entry with its postings.
    Journal(Journal),
    /// Receipts by number, void ones too.
    Receipts(Between),
    /// Issued and collected by day, school and item.
    Revenue(Between),
}

/// The journal.
#[derive(Args)]
pub struct Journal {
    #[command(flatten)]
    database: Database,
    /// How it is written.
    #[arg(long, value_enum)]
    format: JournalFormat,
}

#[derive(Clone, Copy, ValueEnum)]
enum JournalFormat {
    Hledger,
    Csv,
}

/// From one day to another, both included.
#[derive(Args)]
pub struct Between {
    #[command(flatten)]
    database: Database,
    /// The first day, `2026-11-01`.
    #[arg(long, value_parser = day)]
    from: Day,
    /// The last day, `2026-11-30`.
    #[arg(long, value_parser = day)]
    to: Day,
    /// How it is written.
    #[arg(long, value_enum)]
    format: RowFormat,
}

#[derive(Clone, Copy, ValueEnum)]
enum RowFormat {
    Csv,
    Ndjson,
}

fn day(text: &str) -> std::result::Result<Day, String> {
    Day::parse(text).ok_or_else(|| "a day is written 2026-11-22".to_owned())
}

impl Export {
    pub async fn run(self) -> Result<ExitCode> {
        match self {
            Export::Journal(journal) => {
                let store = journal.database.open().await?;
                let format = match journal.format {
                    JournalFormat::Hledger => export::Format::Hledger,
                    JournalFormat::Csv => export::Format::Csv,
                };
                export::journal(&store, format, &mut Out).await?;
            }
            Export::Receipts(between) => {
                let store = between.open().await?;
                print(between.format, &RECEIPT_HEAD, receipt_rows(&store, between.from, between.to).await?)?;
            }
            Export::Revenue(between) => {
                let store = between.open().await?;
                print(between.format, &REVENUE_HEAD, revenue_rows(&store, between.from, between.to).await?)?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Between {
    async fn open(&self) -> Result<Store> {
        if self.to < self.from || self.from.plus_days(3_660) < self.to {
            return Err(usage(
                "Ngày đầu (--from) phải trước ngày cuối (--to), cách nhau không quá mười năm.",
                "--from must come before --to, at most ten years apart.",
            ));
        }
        self.database.open().await
    }
}

const RECEIPT_HEAD: [&str; 12] = [
    "receipt",
    "school",
    "series",
    "year",
    "number",
    "issued_at",
    "amount",
    "surplus",
    "invoice_total",
    "paid_so_far",
    "invoice",
    "state",
];

async fn receipt_rows(store: &Store, from: Day, to: Day) -> Result<Vec<Vec<Value>>> {
    let mut rows = Vec::new();
    for school in roll::schools(store).await? {
        for receipt in receipts::of_school(store, &school.id, from, to).await? {
            let state = if receipt.void_reason.is_some() { "void" } else { "valid" };
            rows.push(vec![
                receipt.id.as_str().into(),
                school.code.as_str().into(),
                receipt.series.as_str().into(),
                receipt.year.into(),
                receipt.printed_number().into(),
                receipt.issued_at.rfc3339().into(),
                receipt.amount.get().into(),
                receipt.surplus.get().into(),
                receipt.due.get().into(),
                receipt.paid.get().into(),
                receipt.invoice_id.as_str().into(),
                state.into(),
            ]);
        }
    }
    Ok(rows)
}

const REVENUE_HEAD: [&str; 6] = ["day", "school", "item", "issued", "collected", "payers"];

/// The feed's sums leave out what has no place yet, while journal and receipts have it: so it is given one first.
async fn revenue_rows(store: &Store, from: Day, to: Day) -> Result<Vec<Vec<Value>>> {
    while feed::sequence(store, &Clock::System).await? > 0 {}
    let mut rows = Vec::new();
    let mut day = from;
    while day <= to {
        for cell in feed::revenue(store, day, &feed::Scope::All, false).await? {
            rows.push(vec![
                day.to_string().into(),
                cell.school.into(),
                cell.item.into(),
                cell.issued.get().into(),
                cell.collected.get().into(),
                cell.payers.into(),
            ]);
        }
        day = day.plus_days(1);
    }
    Ok(rows)
}

fn print(format: RowFormat, head: &[&str], rows: Vec<Vec<Value>>) -> Result<()> {
    let mut text = Vec::new();
    if matches!(format, RowFormat::Csv) {
        csv_row(&mut text, head.iter().map(|&name| name.to_owned()))?;
    }
    for row in rows {
        match format {
            RowFormat::Csv => csv_row(&mut text, row.iter().map(cell))?,
            RowFormat::Ndjson => {
                let object: Map<String, Value> = head.iter().map(|&name| name.to_owned()).zip(row).collect();
                serde_json::to_writer(&mut text, &object).or_fault("write a row")?;
                text.push(b'\n');
            }
        }
    }
    Out.write_all(&text).or_fault("write the rows")
}

fn cell(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}
