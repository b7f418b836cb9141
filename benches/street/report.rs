//! What is printed: each point as it comes, and in the end the medians with their ratios.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;

use crate::baseline::TUNED;
use crate::round::{Engine, Point};

/// The machine and what makes an answer durable.
pub fn conditions(promises: &str) -> String {
    let read = |file: &str| fs::read_to_string(file).unwrap_or_default();
    let processors = read("/proc/cpuinfo");
    let model = processors.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("\t: unknown");
    let count = processors.lines().filter(|line| line.starts_with("processor")).count();
    let memory = read("/proc/meminfo").lines().next().unwrap_or_default().replace("MemTotal:", "").trim().to_owned();
    format!(
        "{count} processors{}, memory {memory}\nSQLite: journal_mode=wal synchronous=full\nPostgreSQL: {promises}\n",
        model.replace('\t', " ")
    )
}

fn answers(point: &Point) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "some hundred thousand")]
    let answered = point.told.answered as f64;
    answered / point.told.seconds
}

/// A point on one line.
pub fn line(point: &Point) -> String {
    let told = &point.told;
    let lag = point.lag.map_or(String::new(), |[half, most, all]| format!(" lag {half}/{most}/{all} ms"));
    format!(
        "{}/{} {}: {:.0} answers/s p50 {:.2} p99 {:.2} p99.9 {:.2} ms, {:.0} posted/s{lag}, cpu {:.0}+{:.0} foreign {:.0} %, {} MB, {} transfers",
        point.engine.name(),
        point.town,
        point.server,
        answers(point),
        f64::from(told.p50) / 1_000.0,
        f64::from(told.p99) / 1_000.0,
        f64::from(told.p999) / 1_000.0,
        point.posted,
        point.cost.server * 100.0,
        point.cost.database * 100.0,
        point.cost.foreign * 100.0,
        point.peak_mb,
        told.transfers,
    )
}

/// The one in a hundred of a point's lags.
fn lag_p99([_, most, _]: [i64; 3]) -> f64 {
    f64::from(i32::try_from(most).unwrap_or(i32::MAX))
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Medians of all rounds, by engine, town and server, and what is asked of them.
pub fn table(points: &[Point]) -> String {
    let mut groups: BTreeMap<(String, String), Vec<&Point>> = BTreeMap::new();
    for point in points {
        let place = format!("{}/{}", point.engine.name(), point.town);
        groups.entry((place, point.server.clone())).or_default().push(point);
    }
    let of =
        |group: &[&Point], figure: &dyn Fn(&Point) -> f64| median(group.iter().map(|point| figure(point)).collect());
    let mut text = String::from(
        "| where | server | answers/s | p50 ms | p99 ms | p99.9 ms | posted/s | lag p99 ms | CPU server | CPU database | MB | foreign CPU |\n\
         | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
    );
    for ((place, server), group) in &groups {
        let millis = |figure: fn(&Point) -> u32| of(group, &|point| f64::from(figure(point)) / 1_000.0);
        let lags: Vec<f64> = group.iter().filter_map(|point| point.lag).map(lag_p99).collect();
        let lag = if lags.is_empty() { String::new() } else { format!("{:.0}", median(lags)) };
        #[expect(clippy::cast_precision_loss, reason = "megabytes")]
        let memory = of(group, &|point| point.peak_mb as f64);
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "| {place} | {server} | {:.0} | {:.2} | {:.2} | {:.2} | {:.0} | {} | {:.0} % | {:.0} % | {memory:.0} | {:.0} % |",
            of(group, &answers),
            millis(|point| point.told.p50),
            millis(|point| point.told.p99),
            millis(|point| point.told.p999),
            of(group, &|point| point.posted),
            lag,
            of(group, &|point| point.cost.server * 100.0),
            of(group, &|point| point.cost.database * 100.0),
            of(group, &|point| point.cost.foreign * 100.0),
        );
    }
    let places: std::collections::BTreeSet<&String> = groups.keys().map(|(place, _)| place).collect();
    for place in places {
        let figure = |server: &str, figure: &dyn Fn(&Point) -> f64| {
            groups.get(&(place.clone(), server.to_owned())).map_or(f64::NAN, |group| of(group, figure))
        };
        let best = |what: &dyn Fn(&Point) -> f64| {
            TUNED.iter().map(|form| figure(form, what)).chain([figure("plain", what)]).fold(f64::NAN, f64::max)
        };
        let posted = |point: &Point| point.posted;
        let _ = writeln!(
            text,
            "\n{place}: answers {:.1} x plain, {:.1} x the best tuned, {:.2} of the ceiling; posted {:.1} x plain, {:.1} x the best tuned; \
             alone p50 {:.2} x plain",
            figure("ours", &answers) / figure("plain", &answers),
            figure("ours", &answers) / best(&answers),
            figure("ours", &answers) / figure("ceiling", &answers),
            figure("ours", &posted) / figure("plain", &posted),
            figure("ours", &posted) / best(&posted),
            figure("ours alone", &|point| f64::from(point.told.p50))
                / figure("plain alone", &|point| f64::from(point.told.p50)),
        );
    }
    text
}

/// The medians of what went in as rows alone, beside what was posted.
pub fn limits(points: &[Point], limits: &[(Engine, &'static str, f64)]) -> String {
    let mut text = String::new();
    for (engine, town) in limits.iter().map(|(engine, town, _)| (*engine, *town)).collect::<BTreeSet<_>>() {
        let of_this = limits.iter().filter(|(on, of, _)| (*on, *of) == (engine, town));
        let limit = median(of_this.map(|(_, _, limit)| *limit).collect());
        let posted = |server: &str| {
            let points = points.iter().filter(|point| (point.engine, point.town) == (engine, town));
            median(points.filter(|point| point.server == server).map(|point| point.posted).collect())
        };
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "\n{}/{town}: the rows of ours alone {limit:.0} payments/s, {:.1} x plain, {:.1} x ours",
            engine.name(),
            limit / posted("plain"),
            limit / posted("ours"),
        );
    }
    text
}
