//! Tables as text, in any encoding and with any mark between cells: read into statements that add up, or refused with a
//! sentence.

#![no_main]

use hocphi_fuzz::statement::judge;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    judge(bytes, "sao-ke.csv");
});
