//! What an integrator can be told of. A kind that is not here cannot be promised, and each says what it means.

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Money came and pays an invoice.
    CreditReceived,
    /// Money came and a person must look at it.
    CreditHeld,
    /// A person gave money to an invoice.
    CreditAssigned,
    /// A person took money off an invoice again.
    CreditReleased,
    /// Money left the books again: the bank took it back, or it never came.
    CreditTakenBack,
    /// A receipt has its number.
    ReceiptIssued,
    /// A receipt counts no more.
    ReceiptVoid,
    /// Parents see the invoices of a run.
    RunPublished,
    /// A published run was taken back whole.
    RunUndone,
    /// One invoice was taken back.
    InvoiceVoid,
    /// A void invoice is open again.
    InvoiceReinstated,
}

impl Event {
    /// Every kind.
    pub const ALL: [Event; 11] = [
        Event::CreditReceived,
        Event::CreditHeld,
        Event::CreditAssigned,
        Event::CreditReleased,
        Event::CreditTakenBack,
        Event::ReceiptIssued,
        Event::ReceiptVoid,
        Event::RunPublished,
        Event::RunUndone,
        Event::InvoiceVoid,
        Event::InvoiceReinstated,
    ];

    /// The stable word: `type` in what is told.
    pub const fn code(self) -> &'static str {
        match self {
            Event::CreditReceived => "credit.received",
            Event::CreditHeld => "credit.held",
            Event::CreditAssigned => "credit.assigned",
            Event::CreditReleased => "credit.released",
            Event::CreditTakenBack => "credit.taken_back",
            Event::ReceiptIssued => "receipt.issued",
            Event::ReceiptVoid => "receipt.void",
            Event::RunPublished => "run.published",
            Event::RunUndone => "run.undone",
            Event::InvoiceVoid => "invoice.void",
            Event::InvoiceReinstated => "invoice.reinstated",
        }
    }

    /// What it means and what `data` then holds, for the API's document.
    pub const fn meaning(self) -> &'static str {
        match self {
            Event::CreditReceived => "Money came and was given to `invoice`; `id` is the credit, `amount` what came.",
            Event::CreditHeld => "Money came that a person must look at; `id` is the credit, `invoice` is null.",
            Event::CreditAssigned => "A person gave the credit `id` to `invoice`.",
            Event::CreditReleased => "A person took the credit `id` off `invoice`; it waits again.",
            Event::CreditTakenBack => "The credit `id` left the books: its bank took it back, or it never came.",
            Event::ReceiptIssued => "The receipt `id` of `invoice` has its number; `amount` is the money received.",
            Event::ReceiptVoid => "The receipt `id` of `invoice` counts no more.",
            Event::RunPublished => "Parents see the invoices of the run `id`; `amount` is their sum. Told once a run.",
            Event::RunUndone => "The published run `id` was taken back with all its invoices. Told once a run.",
            Event::InvoiceVoid => "The invoice `id` was taken back; `amount` is what it asked.",
            Event::InvoiceReinstated => "The void invoice `id` is open again under the same reference.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_word_of_its_own() {
        let mut codes = Event::ALL.map(Event::code);
        codes.sort_unstable();
        assert!(codes.windows(2).all(|pair| pair[0] != pair[1]), "{codes:?}");
    }
}
