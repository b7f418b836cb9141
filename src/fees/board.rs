//! A run at a glance: how many of each class have paid, and what the whole of it comes to.

use crate::money::Dong;

use super::view::InvoiceRow;
use super::{Lifecycle, Position};

/// The invoices of a class, or of a whole run, added up. Void ones are counted apart and ask nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// `cls_…`; empty for a whole run.
    pub class_group_id: String,
    /// `3A`; empty for a whole run.
    pub class_name: String,
    /// Open invoices.
    pub invoices: usize,
    /// Of them, those for which nothing came.
    pub unpaid: usize,
    /// Those for which something came and something is owed.
    pub part: usize,
    /// Those that are paid, or paid beyond.
    pub settled: usize,
    /// Those that were taken back.
    pub void: usize,
    /// What the open ones ask.
    pub total: Dong,
    /// What came for them, without any surplus.
    pub paid: Dong,
    /// What they still ask.
    pub owed: Dong,
}

impl Tally {
    /// How many of a hundred invoices are settled, rounded down: all of them only when none is left.
    pub fn percent(&self) -> usize {
        (self.settled * 100).checked_div(self.invoices).unwrap_or(0)
    }

    fn add(&mut self, row: &InvoiceRow) {
        if row.lifecycle == Lifecycle::Void {
            self.void += 1;
            return;
        }
        self.invoices += 1;
        match row.money.position {
            Position::Unpaid => self.unpaid += 1,
            Position::Part => self.part += 1,
            Position::Paid | Position::Over => self.settled += 1,
        }
        for (sum, amount) in
            [(&mut self.total, row.total), (&mut self.paid, row.money.paid), (&mut self.owed, row.money.owed)]
        {
            *sum = sum.plus(amount).unwrap_or(Dong::new(i64::MAX));
        }
    }
}

/// One tally for each class, in the order the rows name them, and one for all of them.
pub fn tally(rows: &[InvoiceRow]) -> (Vec<Tally>, Tally) {
    let mut whole = Tally::default();
    let mut classes: Vec<Tally> = Vec::new();
    for row in rows {
        whole.add(row);
        let at = classes.iter().position(|tally| tally.class_group_id == row.class_group_id).unwrap_or(classes.len());
        if at == classes.len() {
            let (class_group_id, class_name) = (row.class_group_id.clone(), row.class_name.clone());
            classes.push(Tally { class_group_id, class_name, ..Tally::default() });
        }
        classes[at].add(row);
    }
    (classes, whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fees::view::Standing;
    use crate::time::Day;

    fn row(class: &str, total: i64, paid: i64, surplus: i64, lifecycle: Lifecycle) -> InvoiceRow {
        let (total, paid) = (Dong::new(total), Dong::new(paid));
        let owed = total.minus(paid).expect("an amount");
        let surplus = Dong::new(surplus);
        InvoiceRow {
            account_id: "acc".to_owned(),
            id: String::new(),
            run_id: String::new(),
            run_title: String::new(),
            reference: String::new(),
            pupil_id: String::new(),
            pupil_code: String::new(),
            pupil_name: String::new(),
            class_group_id: format!("cls_{class}"),
            class_name: class.to_owned(),
            total,
            due_day: Day::parse("2026-12-15").expect("a day"),
            lifecycle,
            money: Standing { owed, paid, surplus, position: Position::of(total, owed, surplus) },
        }
    }

    #[test]
    fn classes_add_up_to_the_run_and_a_void_invoice_asks_nothing() {
        let rows = [
            row("3A", 100, 0, 0, Lifecycle::Open),
            row("3A", 100, 40, 0, Lifecycle::Open),
            row("3A", 900, 0, 0, Lifecycle::Void),
            row("3B", 100, 100, 0, Lifecycle::Open),
            row("3B", 100, 100, 7, Lifecycle::Open),
        ];
        let (classes, whole) = tally(&rows);
        assert_eq!(classes.len(), 2);
        assert_eq!((classes[0].invoices, classes[0].unpaid, classes[0].part, classes[0].void), (2, 1, 1, 1));
        assert_eq!((classes[1].settled, classes[1].percent()), (2, 100));
        assert_eq!((whole.total, whole.paid, whole.owed), (Dong::new(400), Dong::new(240), Dong::new(160)));
        assert_eq!((whole.percent(), Tally::default().percent()), (50, 0));
    }
}
