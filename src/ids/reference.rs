//! The key by which a transfer finds its invoice: an ISO 11649 creditor reference of 13 characters.
//!
//! `RF`, two check digits, nine letters of `BCFGHJKLMNPQRSTVXZ`. The body has no digits, so ISO 7064 mod 97-10
//! detects every single wrong letter and every swap of neighbours; it has no vowels and no `D`, `W`, `Y`, so
//! that no Vietnamese keyboard turns two of its letters into an accent.
//!
//! **Invariant:** a value of this type has right check digits; there is no other way to hold one.

use std::collections::HashSet;
use std::fmt;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// The letters of the body.
pub(super) const LETTERS: &[u8; 18] = b"BCFGHJKLMNPQRSTVXZ";
const BODY_LENGTH: usize = 9;
pub(super) const LENGTH: usize = 4 + BODY_LENGTH;

/// A creditor reference such as `RF42BCFGHJKLM`, always upper case, always with right check digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PaymentReference(String);

impl PaymentReference {
    /// A new random reference: 18⁹, about 198 thousand million, so that a guess finds nobody's invoice.
    ///
    /// # Errors
    /// When the machine has no randomness to give.
    pub fn random() -> crate::fault::Result<Self> {
        let mut body = String::with_capacity(BODY_LENGTH);
        while body.len() < BODY_LENGTH {
            let [byte] = crate::ids::random::<1>()?;
            // 252 is the largest multiple of 18 in a byte; what lies above would favour the first letters.
            if byte < 252 {
                body.push(char::from(LETTERS[usize::from(byte) % LETTERS.len()]));
            }
        }
        Ok(Self::with_body(&body))
    }

    /// The reference with these nine letters; none where they are others than its own.
    pub fn of_letters(body: &str) -> Option<Self> {
        let fits = body.len() == BODY_LENGTH && body.bytes().all(|letter| LETTERS.contains(&letter));
        fits.then(|| Self::with_body(body))
    }

    /// A reference from its exact text, in either case.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_uppercase();
        let bytes = text.as_bytes();
        (bytes.len() == LENGTH).then(|| Self::read(bytes)).flatten()
    }

    /// Every different reference in a transfer text, in the order they stand, whatever banks did to it:
    /// lower-cased, accented, spaced, glued to neighbours, wrapped over lines.
    pub fn find_all(memo: &str) -> Vec<Self> {
        let letters: Vec<u8> = letters(memo).map(|letter| letter.byte).collect();
        let mut told = HashSet::new();
        letters.windows(LENGTH).filter_map(Self::read).filter(|reference| told.insert(reference.clone())).collect()
    }

    /// The 13 characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn with_body(body: &str) -> Self {
        let check = 98 - remainder(body.bytes().chain(*b"RF00"));
        PaymentReference(format!("RF{check:02}{body}"))
    }

    /// People and readers of pictures take 0 for O and 1 for I; only where a digit must stand can that be mended.
    pub(super) fn read(window: &[u8]) -> Option<Self> {
        let (head, body) = window.split_at_checked(4)?;
        if !head.starts_with(b"RF") || body.len() != BODY_LENGTH || !body.iter().all(|letter| LETTERS.contains(letter))
        {
            return None;
        }
        let mut check = [0_u8; 2];
        for (place, &letter) in check.iter_mut().zip(&head[2..]) {
            *place = match letter {
                b'O' => b'0',
                b'I' => b'1',
                digit if digit.is_ascii_digit() => digit,
                _ => return None,
            };
        }
        let rearranged = body.iter().copied().chain(*b"RF").chain(check);
        if remainder(rearranged) != 1 {
            return None;
        }
        let text: String = b"RF".iter().chain(&check).chain(body).copied().map(char::from).collect();
        // 00, 01 and 99 leave the same remainder as 97, 98 and 02, yet ISO 7064 never makes them.
        matches!(text[2..4].parse(), Ok(2..=98_u8)).then_some(PaymentReference(text))
    }
}

impl fmt::Display for PaymentReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A letter or digit of a transfer text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Letter {
    /// In upper case; 0 where it is no ASCII letter.
    pub(super) byte: u8,
    /// As people read it.
    pub(super) shown: char,
    /// Does something that is neither letter nor digit stand before it?
    pub(super) begins: bool,
}

/// The letters and digits of a transfer text, without accents and what stands between them. A letter such as `Đ`, which
/// is no ASCII letter with an accent, is one too: without it, what stands around it would become one word.
pub(super) fn letters(memo: &str) -> impl Iterator<Item = Letter> {
    let mut begins = true;
    memo.nfkd().filter_map(move |letter| {
        if is_combining_mark(letter) {
            return None;
        }
        if !letter.is_alphanumeric() {
            begins = true;
            return None;
        }
        let shown = letter.to_uppercase().next().unwrap_or(letter);
        let byte = if letter.is_ascii() { u8::try_from(shown).unwrap_or_default() } else { 0 };
        Some(Letter { byte, shown, begins: std::mem::take(&mut begins) })
    })
}

/// ISO 7064 mod 97-10 over digits and letters, where `A` is 10 and `Z` is 35.
fn remainder(letters: impl Iterator<Item = u8>) -> u32 {
    letters.fold(0, |rest, letter| {
        if letter.is_ascii_digit() {
            (rest * 10 + u32::from(letter - b'0')) % 97
        } else {
            (rest * 100 + u32::from(letter - b'A') + 10) % 97
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_random_reference_reads_back_and_is_made_of_safe_letters() {
        for _ in 0..1_000 {
            let reference = PaymentReference::random().expect("randomness");
            assert_eq!(reference.as_str().len(), 13);
            assert_eq!(PaymentReference::parse(&reference.as_str().to_lowercase()), Some(reference));
        }
    }

    #[test]
    fn every_single_wrong_letter_and_every_swap_of_neighbours_is_noticed() {
        let right = PaymentReference::with_body("BCFGHJKLM");
        for place in 2..LENGTH {
            for other in b'0'..=b'Z' {
                let mut text = right.as_str().as_bytes().to_vec();
                if text[place] == other || (place < 4 && matches!(other, b'O' | b'I')) {
                    continue;
                }
                text[place] = other;
                let text = String::from_utf8(text).expect("ascii");
                assert_eq!(PaymentReference::parse(&text), None, "{text}");
            }
        }
        for place in 0..LENGTH - 1 {
            let mut text = right.as_str().as_bytes().to_vec();
            if text[place] == text[place + 1] {
                continue;
            }
            text.swap(place, place + 1);
            let text = String::from_utf8(text).expect("ascii");
            assert_eq!(PaymentReference::parse(&text), None, "{text}");
        }
    }

    #[test]
    fn a_reference_survives_what_banks_do_to_it() {
        let right = PaymentReference::with_body("QRSTVXZBC");
        let code = right.as_str();
        let (head, tail) = code.split_at(6);
        for memo in [
            code.to_owned(),
            code.to_lowercase(),
            format!("MBVCB.3278907687.{code}.CT tu 0123 NGUYEN VAN A toi 0456"),
            format!("947{code}FT24253687437949"),
            format!("{head} {tail} nop hoc phi"),
            format!("{head}\r\n{tail}"),
            format!("IBFT {head}-{tail}-150924-07:32:08 559490"),
            code.chars().flat_map(|letter| [letter, ' ']).collect(),
        ] {
            assert_eq!(PaymentReference::find_all(&memo), vec![right.clone()], "{memo}");
        }
    }

    #[test]
    fn a_letter_of_another_alphabet_is_not_read_over() {
        let right = PaymentReference::with_body("QRSTVXZBC");
        let (head, tail) = right.as_str().split_at(6);
        for added in ["đ", "Đ", "Ж", "ß", "٣"] {
            assert_eq!(PaymentReference::find_all(&format!("{head}{added}{tail}")), vec![], "{added}");
            assert_eq!(PaymentReference::find_all(&format!("{added}{right}{added}")), vec![right.clone()], "{added}");
        }
        let accented = format!("{head}\u{301} {tail}\u{323}");
        assert_eq!(PaymentReference::find_all(&accented), vec![right], "an accent is no letter");
    }

    #[test]
    fn letters_are_read_as_digits_only_where_digits_must_stand() {
        let (body, check) = ("BCFGHJKLM", PaymentReference::with_body("BCFGHJKLM").as_str()[2..4].to_owned());
        let mistaken = format!("RF{}{body}", check.replace('0', "O").replace('1', "I"));
        assert_eq!(PaymentReference::find_all(&mistaken), vec![PaymentReference::with_body(body)]);
        assert_eq!(PaymentReference::parse("RFXXBCFGHJKLM"), None);
    }

    #[test]
    fn two_references_in_one_text_are_both_found_and_a_repeated_one_once() {
        let (one, two) = (PaymentReference::with_body("BBBBBBBBB"), PaymentReference::with_body("CCCCCCCCC"));
        let memo = format!("{one} {two} {one}");
        assert_eq!(PaymentReference::find_all(&memo), vec![one, two]);
        assert_eq!(PaymentReference::find_all("nop hoc phi thang 11"), vec![]);
    }

    #[test]
    fn a_megabyte_of_different_references_is_found_in_one_pass() {
        let letter = |place: usize| char::from(LETTERS[place % LETTERS.len()]);
        let body = |at: usize| (0..9).map(|place| letter(at / LETTERS.len().pow(place % 5))).collect::<String>();
        let told: Vec<PaymentReference> = (0..80_000).map(|at| PaymentReference::with_body(&body(at))).collect();
        let memo: String = told.iter().map(PaymentReference::as_str).collect();
        assert_eq!(PaymentReference::find_all(&memo), told);
    }
}
