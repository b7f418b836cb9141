//! Whose money a credit is, decided from values alone.

use crate::fees::{Claim, Lifecycle, Share};
use crate::money::Dong;

/// What is known of a credit when it is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard<'a> {
    /// The school's account the money came into.
    pub account_id: &'a str,
    /// How much.
    pub amount: Dong,
    /// What the transfer's text holds.
    pub references: References,
    /// Is it perhaps a credit we have already?
    pub doubt: Doubt,
    /// Has a statement shown it? Then nothing about it is doubtful.
    pub is_proved: bool,
}

/// How many payment references a transfer's text holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum References {
    /// None with right check digits.
    None,
    /// Exactly one.
    One,
    /// None, but its virtual account or its order leads to one invoice.
    ByKey,
    /// Several different ones: the payer meant something only a person can tell.
    Several,
}

/// Why a credit may be one we have already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// It is not.
    None,
    /// Another way of being told, but the same account, day, amount and reference.
    MaybeSameCredit,
    /// The same id on the same connection, but other content.
    ToldDifferently,
}

impl Doubt {
    /// From the stored word; an unknown word is no doubt.
    pub fn of_code(code: &str) -> Doubt {
        match code {
            "maybe_same_credit" => Doubt::MaybeSameCredit,
            "told_differently" => Doubt::ToldDifferently,
            _ => Doubt::None,
        }
    }
}

/// Why a person must look at a credit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HoldReason {
    /// The text holds no payment reference.
    NoReference,
    /// It holds one that no invoice carries.
    UnknownReference,
    /// It holds several.
    TwoReferences,
    /// The invoice is to be paid into another account.
    OtherAccount,
    /// The invoice is void.
    InvoiceNotOpen,
    /// Perhaps told already by another way; not in the books until somebody decides.
    MaybeSameCredit,
    /// Told twice under one id with different content; not in the books until somebody decides.
    ToldDifferently,
}

impl HoldReason {
    /// Every reason, in the order the desk shows them.
    pub const ALL: [HoldReason; 7] = [
        HoldReason::NoReference,
        HoldReason::UnknownReference,
        HoldReason::TwoReferences,
        HoldReason::OtherAccount,
        HoldReason::InvoiceNotOpen,
        HoldReason::MaybeSameCredit,
        HoldReason::ToldDifferently,
    ];

    /// The stored word.
    pub const fn code(self) -> &'static str {
        match self {
            HoldReason::NoReference => "no_reference",
            HoldReason::UnknownReference => "unknown_reference",
            HoldReason::TwoReferences => "two_references",
            HoldReason::OtherAccount => "other_account",
            HoldReason::InvoiceNotOpen => "invoice_not_open",
            HoldReason::MaybeSameCredit => "maybe_same_credit",
            HoldReason::ToldDifferently => "told_differently",
        }
    }

    /// The reason of a stored word.
    pub fn of_code(code: &str) -> Option<HoldReason> {
        HoldReason::ALL.into_iter().find(|reason| reason.code() == code)
    }

    /// Is the money in the books while it is held? Money that may be counted already is not.
    pub const fn is_posted(self) -> bool {
        !matches!(self, HoldReason::MaybeSameCredit | HoldReason::ToldDifferently)
    }
}

/// What becomes of a credit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// A person must look at it.
    Hold(HoldReason),
    /// It pays this invoice.
    Pay(Allocation),
}

/// Money given to the lines of one invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allocation {
    /// Whether the invoice is paid now.
    pub outcome: Outcome,
    /// (line, amount), each above zero, in the order they were served.
    pub lines: Vec<(i64, Dong)>,
    /// What the invoice does not need: the family's credit.
    pub surplus: Dong,
    /// What is paid on the invoice with this.
    pub paid: Dong,
}

/// How an invoice stands after an allocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Exactly paid.
    Settle,
    /// Something is still owed.
    Part,
    /// Paid, with a surplus.
    Over,
}

impl Outcome {
    /// The stored word.
    pub const fn code(self) -> &'static str {
        match self {
            Outcome::Settle => "settle",
            Outcome::Part => "part",
            Outcome::Over => "over",
        }
    }
}

/// Decides a credit: an exact reference on the right account pays, anything else is held. `found` is the invoice that
/// carries the reference, `paid` what came for each of its lines so far.
pub fn decide(heard: Heard<'_>, found: Option<&Claim>, paid: impl Fn(i64) -> Dong) -> Decision {
    match (heard.is_proved, heard.doubt) {
        (false, Doubt::MaybeSameCredit) => return Decision::Hold(HoldReason::MaybeSameCredit),
        (false, Doubt::ToldDifferently) => return Decision::Hold(HoldReason::ToldDifferently),
        _ => {}
    }
    match (heard.references, found) {
        (References::None, _) => Decision::Hold(HoldReason::NoReference),
        (References::Several, _) => Decision::Hold(HoldReason::TwoReferences),
        (References::One | References::ByKey, None) => Decision::Hold(HoldReason::UnknownReference),
        (References::One | References::ByKey, Some(invoice)) if invoice.account_id != heard.account_id => {
            Decision::Hold(HoldReason::OtherAccount)
        }
        (References::One | References::ByKey, Some(invoice)) if invoice.lifecycle != Lifecycle::Open => {
            Decision::Hold(HoldReason::InvoiceNotOpen)
        }
        (References::One | References::ByKey, Some(invoice)) => {
            Decision::Pay(allocate(&invoice.lines, paid, heard.amount))
        }
    }
}

/// Gives an amount to lines: the mandatory ones first, otherwise in their order, whole đồng, never more than a
/// line asks.
pub fn allocate(lines: &[Share], paid: impl Fn(i64) -> Dong, amount: Dong) -> Allocation {
    let (mandatory, others): (Vec<&Share>, Vec<&Share>) = lines.iter().partition(|line| line.necessity == "mandatory");
    let mut left = amount.get();
    let mut given = Vec::new();
    let mut total_paid = 0_i64;
    let mut total_owed = 0_i64;
    for line in mandatory.into_iter().chain(others) {
        let before = paid(line.position).get();
        let owed = line.payable.get().saturating_sub(before).max(0);
        let gives = owed.min(left).max(0);
        left -= gives;
        total_paid = total_paid.saturating_add(before).saturating_add(gives);
        total_owed = total_owed.saturating_add(owed - gives);
        if gives > 0 {
            given.push((line.position, Dong::new(gives)));
        }
    }
    let outcome = match (total_owed > 0, left > 0) {
        (true, _) => Outcome::Part,
        (false, true) => Outcome::Over,
        (false, false) => Outcome::Settle,
    };
    Allocation { outcome, lines: given, surplus: Dong::new(left), paid: Dong::new(total_paid) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::time::{Day, Moment};

    fn line(position: i64, necessity: &str, payable: i64) -> Share {
        Share {
            invoice_id: "inv_1".to_owned(),
            position,
            item_id: format!("itm_{position}"),
            necessity: necessity.to_owned(),
            payable: Dong::new(payable),
        }
    }

    fn invoice() -> Claim {
        Claim {
            id: "inv_1".to_owned(),
            run_id: "run_1".to_owned(),
            school_id: "sch_1".to_owned(),
            account_id: "acc_1".to_owned(),
            family_id: "fam_1".to_owned(),
            pupil_id: "pup_1".to_owned(),
            class_group_id: "cls_1".to_owned(),
            reference: "RF51BCFGHJKLM".to_owned(),
            lifecycle: Lifecycle::Open,
            turns: 0,
            total: Dong::new(100),
            due_day: Day::new(2026, 11, 30).expect("a day"),
            issued_at: Moment(0),
            lines: vec![line(1, "agreed", 30), line(2, "mandatory", 50), line(3, "mandatory", 20)],
        }
    }

    fn heard(amount: i64) -> Heard<'static> {
        Heard {
            account_id: "acc_1",
            amount: Dong::new(amount),
            references: References::One,
            doubt: Doubt::None,
            is_proved: false,
        }
    }

    fn nothing(_: i64) -> Dong {
        Dong::ZERO
    }

    #[test]
    fn mandatory_lines_are_served_first_and_then_the_invoices_order() {
        let Decision::Pay(part) = decide(heard(60), Some(&invoice()), nothing) else { panic!("it pays") };
        assert_eq!(part.outcome, Outcome::Part);
        assert_eq!(part.lines, [(2, Dong::new(50)), (3, Dong::new(10))]);
        let Decision::Pay(over) = decide(heard(130), Some(&invoice()), nothing) else { panic!("it pays") };
        assert_eq!(over.outcome, Outcome::Over);
        assert_eq!(over.lines, [(2, Dong::new(50)), (3, Dong::new(20)), (1, Dong::new(30))]);
        assert_eq!((over.surplus, over.paid), (Dong::new(30), Dong::new(100)));
        let Decision::Pay(exact) = decide(heard(100), Some(&invoice()), nothing) else { panic!("it pays") };
        assert_eq!(exact.outcome, Outcome::Settle);
    }

    #[test]
    fn money_for_a_paid_invoice_is_all_surplus() {
        let paid = |position: i64| Dong::new([0, 30, 50, 20][usize::try_from(position).expect("a position")]);
        let Decision::Pay(twice) = decide(heard(100), Some(&invoice()), paid) else { panic!("it pays") };
        assert_eq!((twice.outcome, twice.surplus), (Outcome::Over, Dong::new(100)));
        assert!(twice.lines.is_empty());
    }

    #[test]
    fn anything_but_an_exact_reference_on_the_right_account_is_held() {
        let hold = |heard, found: Option<&Claim>| match decide(heard, found, nothing) {
            Decision::Hold(reason) => reason.code(),
            Decision::Pay(_) => "paid",
        };
        let open = invoice();
        let void = Claim { lifecycle: Lifecycle::Void, ..invoice() };
        assert_eq!(hold(Heard { references: References::None, ..heard(1) }, None), "no_reference");
        assert_eq!(hold(Heard { references: References::Several, ..heard(1) }, None), "two_references");
        assert_eq!(hold(heard(1), None), "unknown_reference");
        assert_eq!(hold(Heard { account_id: "acc_2", ..heard(1) }, Some(&open)), "other_account");
        assert_eq!(hold(heard(1), Some(&void)), "invoice_not_open");
        let doubtful = Heard { doubt: Doubt::MaybeSameCredit, ..heard(1) };
        assert_eq!(hold(doubtful, Some(&open)), "maybe_same_credit");
        assert_eq!(hold(Heard { is_proved: true, ..doubtful }, Some(&open)), "paid");
        let different = Heard { doubt: Doubt::ToldDifferently, ..heard(1) };
        assert_eq!(hold(different, Some(&open)), "told_differently");
    }

    proptest! {
        #[test]
        fn an_allocation_loses_no_dong_and_never_overpays_a_line(
            shape in prop::collection::vec((any::<bool>(), 0_i64..1_000_000, 0_i64..1_000_000), 0..8),
            amount in 1_i64..5_000_000,
        ) {
            let mut lines = Vec::new();
            let mut before = Vec::new();
            for (position, (mandatory, payable, paid)) in (1_i64..).zip(&shape) {
                lines.push(line(position, if *mandatory { "mandatory" } else { "voluntary" }, *payable));
                before.push((*paid).min(*payable));
            }
            let paid = |position: i64| Dong::new(before[usize::try_from(position - 1).expect("a position")]);
            let got = allocate(&lines, paid, Dong::new(amount));
            let given = Dong::sum(got.lines.iter().map(|(_, amount)| *amount)).expect("a sum");
            prop_assert_eq!(given.plus(got.surplus), Some(Dong::new(amount)));
            let after = |position: i64| {
                let gives = got.lines.iter().find(|(line, _)| *line == position).map_or(0, |(_, amount)| amount.get());
                paid(position).get() + gives
            };
            for line in &lines {
                prop_assert!(after(line.position) <= line.payable.get());
            }
            let is_open = |line: &Share| after(line.position) < line.payable.get();
            if lines.iter().any(|line| line.necessity == "mandatory" && is_open(line)) {
                let is_mandatory = |position: i64| {
                    lines.iter().any(|line| line.position == position && line.necessity == "mandatory")
                };
                let only_mandatory = got.lines.iter().all(|(position, _)| is_mandatory(*position));
                prop_assert!(only_mandatory);
            }
            prop_assert_eq!(got.surplus.is_positive() && lines.iter().any(is_open), false);
            // Of equal necessity, a later line gets nothing while an earlier one is open.
            for (position, _) in &got.lines {
                let served = lines.iter().find(|line| line.position == *position).expect("a line");
                let skipped = lines.iter().any(|line| {
                    line.position < *position && line.necessity == served.necessity && is_open(line)
                });
                prop_assert!(!skipped);
            }
        }
    }
}
