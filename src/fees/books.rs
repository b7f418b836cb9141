//! What fees say to the books: the one place where an invoice becomes an entry.

use crate::fault::{Fault, Result};
use crate::ledger::{Account, Cause, Entry, Head, Posting};
use crate::time::Moment;

use super::Line;

/// What the books say above an issued invoice.
pub(super) fn head(school_id: &str, invoice_id: &str, at: Moment, actor: &str) -> Head {
    Head::new(school_id, Cause::Issued(invoice_id.to_owned()), at).by(actor, "")
}

/// The entry of an issued invoice: what parents owe line by line, the exemption beside it, and the whole as revenue or
/// as somebody else's money.
pub(super) fn issued(head: Head, invoice_id: &str, lines: &[Line]) -> Result<Entry> {
    let mut sides = Vec::with_capacity(lines.len() * 2);
    for line in lines {
        let earned = Account::of_revenue(&line.revenue)
            .ok_or_else(|| Fault::new("post an invoice: a line's revenue is of no kind the books know"))?;
        let of_line = |posting: Posting| posting.invoice(invoice_id).line(line.position, &line.item_id);
        sides.push(of_line(Posting::debit(Account::ReceivableParent, line.payable)));
        sides.push(of_line(Posting::debit(Account::ContraRevenueExemption, line.exemption)));
        sides.push(of_line(Posting::credit(earned, line.gross)));
    }
    Ok(Entry::new(head, sides)?)
}
