//! Payment references in transfer texts: what is found is right and stands there, and what stands there is found.

#![no_main]

use std::sync::LazyLock;

use hocphi::ids::PaymentReference;
use hocphi_fuzz::cost::cheaply;
use libfuzzer_sys::fuzz_target;
use unicode_normalization::UnicodeNormalization;

static OURS: LazyLock<PaymentReference> = LazyLock::new(|| PaymentReference::of_letters("QRSTVXZBC").expect("letters"));

fuzz_target!(|text: &str| {
    let found = cheaply(|| PaymentReference::find_all(text));
    let letters: String =
        text.nfkd().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_uppercase()).collect();
    for reference in &found {
        assert_eq!(PaymentReference::parse(reference.as_str()).as_ref(), Some(reference), "its check digits are right");
        assert_eq!(check(reference.as_str()), 1, "and so they are by a sum of our own");
        assert!(stands_in(reference.as_str(), &letters), "{reference} stands in the text");
    }
    let told: Vec<&str> = found.iter().map(PaymentReference::as_str).collect();
    assert_eq!(PaymentReference::find_all(&told.join(" ")), found, "what was found is found again, in its order");
    assert_eq!(PaymentReference::find_all(&text.to_ascii_lowercase()), found, "the case of letters means nothing");
    always_found_whole(text);
});

/// A reference that stands whole is found whatever stands before and behind it, glued to it or not. What else is found
/// was there without it, or reaches over one of its ends.
fn always_found_whole(text: &str) {
    let middle = (0..=text.len() / 2).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    let (before, behind) = text.split_at(middle);
    for between in [" ", ""] {
        let with = format!("{before}{between}{}{between}{behind}", OURS.as_str());
        let found = PaymentReference::find_all(&with);
        assert!(found.contains(&OURS), "{with}");
        let apart = [PaymentReference::find_all(before), PaymentReference::find_all(behind)].concat();
        let new = found.iter().filter(|one| *one != &*OURS && !apart.contains(one));
        // The end of the text before completes itself with its first letters, or the text behind with its last ones.
        assert!(new.count() <= 24, "{with}");
    }
}

/// ISO 7064, mod 97-10, over the whole number as ISO 11649 writes it; not the way in which the finder counts.
fn check(reference: &str) -> u128 {
    let (head, body) = reference.split_at(4);
    let digits: String =
        format!("{body}{head}").chars().map(|letter| letter.to_digit(36).unwrap_or(99).to_string()).collect();
    digits.parse::<u128>().expect("26 digits at most") % 97
}

/// Do these characters stand side by side in the letters, an O perhaps for a 0 and an I for a 1?
fn stands_in(reference: &str, letters: &str) -> bool {
    let same = |(wanted, there): (u8, &u8)| match there {
        b'O' => matches!(wanted, b'O' | b'0'),
        b'I' => matches!(wanted, b'I' | b'1'),
        there => wanted == *there,
    };
    letters.as_bytes().windows(reference.len()).any(|window| reference.bytes().zip(window).all(same))
}
