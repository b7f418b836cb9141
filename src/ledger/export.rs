//! The journal for other programs: hledger's text, or rows for a spreadsheet. No names, no notes, no secrets.

use std::io::Write;

use super::{Account, Posting};
use crate::fault::{Fault, OrFault, Result};
use crate::store::{Arg, Record, Row, Store, args, record, statements};

statements! {
    /// Entries after an id, oldest first.
    ENTRIES_AFTER = "
        select e.id, e.kind, e.day, e.at, coalesce(s.code, e.school_id) as school
        from entry e left join school s on s.id = e.school_id
        where e.id > $1 order by e.id limit 500";

    /// Their sides.
    SIDES_OF = list "
        select p.entry_id, p.position, p.account, p.amount, p.receiving_id, p.invoice_id, p.line, p.item_id, p.family_id,
            p.credit_id, i.code as item_code
        from posting p left join fee_item i on i.id = p.item_id where p.entry_id in", "order by p.entry_id, p.position";
}

/// How the journal is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Plain-text accounting, for `hledger`.
    Hledger,
    /// One row a posting, with debit and credit in columns of their own.
    Csv,
}

record! {
    struct Exported {
        id: String,
        kind: String,
        day: String,
        at: crate::time::Moment,
        school: String,
    }
}

struct Side {
    entry_id: String,
    item_code: Option<String>,
    posting: Posting,
}

impl Record for Side {
    fn read(row: &Row) -> Result<Self> {
        Ok(Side { entry_id: row.get("entry_id")?, item_code: row.get("item_code")?, posting: Posting::read(row)? })
    }
}

/// Writes the whole journal, in the order the entries were made, a page at a time.
///
/// # Errors
/// Faults of the store; whatever the writer says.
pub async fn journal(store: &Store, format: Format, out: &mut (impl Write + Send)) -> Result<()> {
    let mut text = Vec::new();
    match format {
        Format::Hledger => head(&mut text)?,
        Format::Csv => csv_row(&mut text, CSV_HEAD.map(str::to_owned))?,
    }
    let mut after = String::new();
    loop {
        let entries: Vec<Exported> = store.all(&ENTRIES_AFTER, args![&after]).await?;
        let Some(last) = entries.last() else { break };
        after.clone_from(&last.id);
        let keys = entries.iter().map(|entry| Arg::from(&entry.id)).collect();
        let sides: Vec<Side> = store.all_in(&SIDES_OF, keys).await?;
        let mut sides = sides.iter().peekable();
        for entry in &entries {
            let mut own = Vec::new();
            while let Some(side) = sides.next_if(|side| side.entry_id == entry.id) {
                own.push(side);
            }
            match format {
                Format::Hledger => transaction(&mut text, entry, &own)?,
                Format::Csv => csv_rows(&mut text, entry, &own)?,
            }
        }
        out.write_all(&text).or_fault("write the journal")?;
        text.clear();
    }
    out.write_all(&text).or_fault("write the journal")?;
    out.flush().or_fault("write the journal")
}

fn head(text: &mut Vec<u8>) -> Result<()> {
    writeln!(text, "; journal of Học Phí: debits are positive\ncommodity 1000. VND").or_fault("write the journal")?;
    for account in Account::ALL {
        writeln!(text, "account {}", account.journal()).or_fault("write the journal")?;
    }
    Ok(())
}

fn transaction(text: &mut Vec<u8>, entry: &Exported, sides: &[&Side]) -> Result<()> {
    let Exported { id, kind, day, school, .. } = entry;
    writeln!(text, "\n{day} * ({id}) {kind}  ; school:{}", tag(school)).or_fault("write the journal")?;
    for Side { posting, item_code, .. } in sides {
        let mut tags = Vec::new();
        let mut say =
            |name: &str, value: Option<&str>| tags.extend(value.map(|value| format!("{name}:{}", tag(value))));
        say("receiving", posting.receiving_id.as_deref());
        say("invoice", posting.invoice_id.as_deref());
        say("line", posting.line.map(|line| line.to_string()).as_deref());
        say("item", item_code.as_deref());
        say("family", posting.family_id.as_deref());
        say("credit", posting.credit_id.as_deref());
        let (account, amount) = (posting.account.journal(), posting.amount.get());
        writeln!(text, "    {account}  {amount} VND  ; {}", tags.join(", ")).or_fault("write the journal")?;
    }
    Ok(())
}

/// A value inside hledger's comment: a comma or a line's end would end it.
fn tag(value: &str) -> String {
    value.chars().map(|letter| if letter == ',' || letter.is_control() { ' ' } else { letter }).collect()
}

const CSV_HEAD: [&str; 13] = [
    "entry",
    "day",
    "at",
    "school",
    "kind",
    "account",
    "debit",
    "credit",
    "receiving_account",
    "invoice",
    "line",
    "item",
    "credit_id",
];

fn csv_rows(text: &mut Vec<u8>, entry: &Exported, sides: &[&Side]) -> Result<()> {
    for Side { posting, item_code, .. } in sides {
        let size = posting.amount.get().unsigned_abs().to_string();
        let (debit, credit) = if posting.amount.is_positive() { (size, String::new()) } else { (String::new(), size) };
        let or_empty = |value: &Option<String>| value.clone().unwrap_or_default();
        let row = [
            entry.id.clone(),
            entry.day.clone(),
            entry.at.rfc3339(),
            entry.school.clone(),
            entry.kind.clone(),
            posting.account.code().to_owned(),
            debit,
            credit,
            or_empty(&posting.receiving_id),
            or_empty(&posting.invoice_id),
            posting.line.map(|line| line.to_string()).unwrap_or_default(),
            or_empty(item_code),
            or_empty(&posting.credit_id),
        ];
        csv_row(text, row)?;
    }
    Ok(())
}

/// One row, every cell harmless.
///
/// # Errors
/// Whatever the writer says.
pub fn csv_row(text: &mut Vec<u8>, cells: impl IntoIterator<Item = String>) -> Result<()> {
    let mut writer = csv::WriterBuilder::new().from_writer(text);
    let cells: Vec<String> = cells.into_iter().map(harmless).collect();
    writer.write_record(&cells).or_fault("write a row")?;
    writer.flush().map_err(|error| Fault::from_source("write a row", error).into())
}

/// A cell that no spreadsheet takes for a formula. A negative whole number stays a number.
pub fn harmless(cell: String) -> String {
    match cell.as_bytes().first() {
        Some(b'-') if cell.parse::<i64>().is_ok() => cell,
        Some(b'=' | b'+' | b'-' | b'@' | b'\t' | b'\r') => format!("'{cell}"),
        _ => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        let mut text = Vec::new();
        let cells = ["=1+1", "+84", "-5", "-1+1", "@x", "\tx", "\rx", "plain", "with, comma"].map(str::to_owned);
        csv_row(&mut text, cells).expect("a row");
        let text = String::from_utf8(text).expect("text");
        assert_eq!(text, "'=1+1,'+84,-5,'-1+1,'@x,'\tx,\"'\rx\",plain,\"with, comma\"\n");
    }
}
