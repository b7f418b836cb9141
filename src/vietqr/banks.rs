//! The banks of Vietnam by BIN, and whether an account there can receive a VietQR transfer.

use std::sync::LazyLock;

use serde::Deserialize;

/// One institution.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Bank {
    /// Six digits, given by the State Bank or used by NAPAS in practice.
    pub bin: String,
    /// The VietQR short code, such as `ICB` for VietinBank; links want it in lower case.
    pub code: String,
    /// The name on buttons.
    pub short_name: String,
    /// The name on paper.
    pub full_name: String,
    can_receive_vietqr: Option<bool>,
}

impl Bank {
    /// Can an account here be paid by VietQR? A bank of which nobody knows is not trusted with a parent's money.
    pub fn can_receive(&self) -> bool {
        self.can_receive_vietqr == Some(true)
    }
}

// A test reads the same text and counts 72, so the list is never empty in a program that was tested.
static BANKS: LazyLock<Vec<Bank>> =
    LazyLock::new(|| serde_json::from_str(include_str!("banks.json")).unwrap_or_default());

/// Every bank, in the order of BINs.
pub fn all() -> &'static [Bank] {
    &BANKS
}

/// The bank with this BIN.
pub fn find(bin: &str) -> Option<&'static Bank> {
    BANKS.iter().find(|bank| bank.bin == bin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_whole_sorted_and_names_each_bin_once() {
        assert_eq!(all().len(), 72);
        assert!(all().is_sorted_by(|one, next| one.bin < next.bin));
        assert!(all().iter().all(|bank| bank.bin.len() == 6 && bank.bin.bytes().all(|digit| digit.is_ascii_digit())));
    }

    #[test]
    fn only_a_bank_known_to_receive_can_receive() {
        let can_receive = |bin| find(bin).map(Bank::can_receive);
        assert_eq!(can_receive("970436"), Some(true));
        assert_eq!(can_receive("999888"), Some(false), "VBSP is listed as unable");
        assert_eq!(can_receive("970459"), Some(false), "CIMB's BIN of the State Bank is of unknown use");
        assert_eq!(can_receive("000000"), None);
    }
}
