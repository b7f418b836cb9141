//! Files of half a megabyte out of a few bytes said over and over: what is read in two seconds when short must be when
//! long.

#![no_main]

use hocphi_fuzz::files::{compound, repeated, workbook};
use hocphi_fuzz::statement::judge;
use libfuzzer_sys::{Corpus, fuzz_target};

const LONG: usize = 512 << 10;

// The first byte says what sort of file it is.
fuzz_target!(|bytes: &[u8]| -> Corpus {
    let [kind, pieces @ ..] = bytes else { return Corpus::Reject };
    let long = repeated(pieces, LONG);
    match kind % 3 {
        0 => judge(&long, "x"),
        1 => judge(&workbook(&long), "x"),
        _ => judge(&compound(&long), "x"),
    };
    Corpus::Keep
});
