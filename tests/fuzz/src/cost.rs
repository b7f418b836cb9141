//! How much time and memory one file or one request may take.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// The most that reading may add to what is held.
const MOST_BYTES: usize = 64 << 20;
/// The longest that a core may be at work on it.
const MOST_TIME: Duration = Duration::from_secs(2);

static HELD: AtomicUsize = AtomicUsize::new(0);
static HIGHEST: AtomicUsize = AtomicUsize::new(0);

/// The system's memory, counted.
struct Counted;

#[global_allocator]
static COUNTED: Counted = Counted;

// SAFETY: every call goes on to the system's own allocator as it came; only numbers are kept beside it.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let held = HELD.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        HIGHEST.fetch_max(held, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let held = HELD.fetch_add(size, Ordering::Relaxed) + size;
        HIGHEST.fetch_max(held, Ordering::Relaxed);
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.realloc(place, layout, size) }
    }
}

/// Does it, and fails when it took more than two seconds of a core or more than 64 MB.
pub fn cheaply<T>(what: impl FnOnce() -> T) -> T {
    let before = HELD.load(Ordering::Relaxed);
    HIGHEST.store(before, Ordering::Relaxed);
    let begun = on_a_core();
    let done = what();
    let took = on_a_core().saturating_sub(begun);
    let grew = HIGHEST.load(Ordering::Relaxed).saturating_sub(before);
    assert!(grew <= MOST_BYTES, "it took {} MB", grew >> 20);
    assert!(took <= MOST_TIME, "it took {} ms", took.as_millis());
    done
}

/// How long this thread was at work, however busy the machine is with others.
fn on_a_core() -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = told.split(' ').next().and_then(|number| number.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or_default())
}
