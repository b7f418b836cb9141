//! The money of each day as a picture that says in words what it is.

use charts_rs::{BarChart, Series};

use crate::fault::{OrFault, Result};
use crate::oversight::Sum;
use crate::time::Day;
use crate::web::words::OversightWords;

/// The columns of a chart stand for millions of đồng; the table has every đồng.
const MILLION: i64 = 1_000_000;

/// Raised and collected by day; empty when nothing happened.
///
/// # Errors
/// A chart that cannot be drawn.
pub(super) fn of_days(days: &[(Day, Sum)], w: &OversightWords) -> Result<String> {
    if days.is_empty() {
        return Ok(String::new());
    }
    let labels = days.iter().map(|(day, _)| day.0.strftime("%d/%m").to_string()).collect();
    let of = |pick: fn(&Sum) -> i64| days.iter().map(|(_, sum)| millions(pick(sum))).collect::<Vec<f32>>();
    let series: Vec<Series> =
        vec![(w.issued, of(|sum| sum.issued.get())).into(), (w.collected, of(|sum| sum.collected.get())).into()];
    let mut chart = BarChart::new(series, labels);
    (chart.width, chart.height) = (900.0, 320.0);
    chart.series.colors = vec!["#8a97a3".into(), "#0b5c4a".into()];
    w.millions.clone_into(&mut chart.sub_title.text);
    let svg = chart.svg().or_fault("draw a chart")?;
    Ok(described(&svg, w))
}

/// Whole thousands of a million; a picture needs no more, and an `f32` holds no more.
fn millions(dong: i64) -> f32 {
    let thousandths = i32::try_from(dong / (MILLION / 1_000)).unwrap_or(i32::MAX);
    #[expect(clippy::cast_precision_loss, reason = "a column of a picture; the table beside it is exact")]
    let millions = thousandths as f32 / 1_000.0;
    millions
}

/// The picture with its name and what it shows, for those who hear the page.
fn described(svg: &str, w: &OversightWords) -> String {
    let Some((head, rest)) = svg.split_once('>') else { return String::new() };
    let head = head.replacen("<svg ", "<svg role=\"img\" aria-labelledby=\"chart-title chart-desc\" ", 1);
    let (title, desc) = (w.by_day, w.chart);
    format!("{head}><title id=\"chart-title\">{title}</title><desc id=\"chart-desc\">{desc}</desc>{rest}")
}
