//! What a telling is compared with: credits of its own account and sum, by whether they name an invoice.

use std::collections::HashMap;

use super::identity::KnownCredit;

/// Where the credits of one account and one sum stand. A hundred families may owe the same, and one that names its
/// invoice is compared with those that name it too and with those that name none.
#[derive(Debug, Default)]
pub struct Alike {
    /// With a payment reference, by it.
    named: HashMap<String, Vec<usize>>,
    /// Without one.
    nameless: Vec<usize>,
}

impl Alike {
    /// One more, and where it stands.
    pub fn add(&mut self, credit: &KnownCredit, place: usize) {
        let same = match &credit.payment_reference {
            Some(reference) => self.named.entry(reference.clone()).or_default(),
            None => &mut self.nameless,
        };
        same.push(place);
    }

    /// Those that name the same invoice, or none as well.
    pub fn of_kind<'a>(&'a self, reference: Option<&str>) -> &'a [usize] {
        match reference {
            Some(reference) => self.named.get(reference).map_or(&[], Vec::as_slice),
            None => &self.nameless,
        }
    }

    /// Those of which only one of the two names an invoice.
    pub fn of_other_kind<'a>(&'a self, reference: Option<&str>) -> impl Iterator<Item = &'a usize> {
        let nameless = reference.map_or(&[] as &[usize], |_| &self.nameless);
        let named = reference.is_none().then(|| self.named.values().flatten());
        nameless.iter().chain(named.into_iter().flatten())
    }
}
