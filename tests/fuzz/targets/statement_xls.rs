//! Old workbooks: whole files as they come, else the engine's bytes are the records inside a sound compound file.

#![no_main]

use hocphi_fuzz::files::compound;
use hocphi_fuzz::statement::judge;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let name = "sao-ke.xls";
    if bytes.starts_with(&[0xd0, 0xcf]) {
        judge(bytes, name)
    } else {
        judge(&compound(bytes), name)
    };
});
