//! Genuine deliveries with some of the bytes changed that their scheme covers: refused, or they mean exactly the same.

#![no_main]

use std::sync::LazyLock;

use hocphi::providers::Genuines;
use libfuzzer_sys::fuzz_target;

static GENUINES: LazyLock<Genuines> = LazyLock::new(Genuines::embedded);

/// Which provider's which delivery, and of its covered bytes which one is turned how.
type Changed = (u8, u8, Vec<(u16, u8)>);

fuzz_target!(|changed: Changed| {
    let (provider, vector, changes) = changed;
    if let Some(believed) = GENUINES.believed(provider.into(), vector.into(), &changes) {
        panic!("{believed}");
    }
});
