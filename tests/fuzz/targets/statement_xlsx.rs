//! Workbooks: the engine's bytes are the parts of one, because chance never finds the checks of an archive.

#![no_main]

use hocphi_fuzz::files::workbook;
use hocphi_fuzz::statement::judge;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let name = "sao-ke.xlsx";
    if bytes.starts_with(b"PK") {
        judge(bytes, name)
    } else {
        judge(&workbook(bytes), name)
    };
});
