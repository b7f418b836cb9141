//! How the time of missing lines is said.

use crate::time::Moment;

/// `thiếu từ 09:12 đến 11:40 ngày 14/10/2026`; without times of the day, `thiếu từ ngày 14/10/2026 đến ngày …`.
pub fn vietnamese(from: Moment, to: Moment) -> String {
    let (one, other) = (from.day().vietnamese(), to.day().vietnamese());
    match (times(from, to), one == other) {
        (None, true) => format!("thiếu trong ngày {one}"),
        (None, false) => format!("thiếu từ ngày {one} đến ngày {other}"),
        (Some((from, to)), true) => format!("thiếu từ {from} đến {to} ngày {one}"),
        (Some((from, to)), false) => format!("thiếu từ {from} ngày {one} đến {to} ngày {other}"),
    }
}

/// `missing from 09:12 to 11:40 on 14/10/2026`.
pub fn english(from: Moment, to: Moment) -> String {
    let (one, other) = (from.day().vietnamese(), to.day().vietnamese());
    match (times(from, to), one == other) {
        (None, true) => format!("missing on {one}"),
        (None, false) => format!("missing from {one} to {other}"),
        (Some((from, to)), true) => format!("missing from {from} to {to} on {one}"),
        (Some((from, to)), false) => format!("missing from {from} on {one} to {to} on {other}"),
    }
}

/// Hours and minutes; none when the lines have only days, which begin at midnight.
fn times(from: Moment, to: Moment) -> Option<(String, String)> {
    let is_midnight = |at: Moment| at == at.day().begins();
    if is_midnight(from) && is_midnight(to) {
        return None;
    }
    let hour = |at: Moment| at.civil().strftime("%H:%M").to_string();
    Some((hour(from), hour(to)))
}
