//! The page's numbers and tables, ready to be written. Pure.

use std::collections::BTreeMap;

use super::charts::failed;
use super::live::Live;
use super::measured::{Group, Measured};
use super::summary::{Run, Summary};
use super::words::{actual, cut_short, sla};
use crate::format::{clock, grouped, ms, ms_unit, number, percent, plural};

/// A number that comes first.
pub(super) struct Tile {
    pub(super) label: &'static str,
    pub(super) value: String,
    pub(super) note: String,
    pub(super) class: &'static str,
}

/// Groups of requests.
pub(super) struct Table {
    pub(super) title: &'static str,
    pub(super) head: &'static str,
    pub(super) rows: Vec<TableRow>,
}

pub(super) struct TableRow {
    pub(super) name: String,
    pub(super) class: &'static str,
    pub(super) cells: Vec<(&'static str, String)>,
}

pub(super) struct ThresholdLine {
    pub(super) class: &'static str,
    pub(super) mark: &'static str,
    pub(super) expression: String,
    pub(super) actual: String,
}

/// The numbers that come first.
pub(super) fn tiles(summary: &Summary, measured: &Measured) -> Vec<Tile> {
    let run = &summary.run;
    let (all, count) = (&measured.all, measured.all.trend.count());
    let passes: u64 = summary.checks.iter().map(|row| row.passes).sum();
    let fails: u64 = summary.checks.iter().map(|row| row.fails).sum();
    let tile = |label, value, note| Tile {
        label,
        value,
        note,
        class: "",
    };
    let bad_if = |bad: bool, tile: Tile| Tile {
        class: if bad { "bad" } else { "" },
        ..tile
    };
    let cut = format!("{} cut", grouped(run.interrupted_iterations));
    let vus = grouped(u64::from(run.vus_max));
    vec![
        sla_tile(summary, all.trend.percentile_ms(95.0)),
        tile(
            "requests/s",
            per_second(count, run.duration_ms),
            format!("{} in all", grouped(count)),
        ),
        bad_if(
            all.failed > 0,
            tile(
                "failed",
                share(all.failed, count),
                plural(all.failed, "request", "requests"),
            ),
        ),
        bad_if(
            fails > 0,
            tile(
                "checks",
                share(passes, passes + fails),
                format!("{} failed", grouped(fails)),
            ),
        ),
        tile("iterations", grouped(run.iterations), cut),
        tile(
            "virtual users",
            vus,
            format!("for {}", clock(run.duration_ms)),
        ),
    ]
}

/// The p95 of all requests against the SLA.
fn sla_tile(summary: &Summary, p95: f64) -> Tile {
    let sla = sla(summary);
    let over = |(words, limit): &(String, f64)| words.starts_with("p(95)") && p95 > *limit;
    Tile {
        label: "p95",
        value: ms_unit(p95),
        class: if sla.as_ref().is_some_and(over) {
            "bad"
        } else {
            ""
        },
        note: sla.map_or_else(
            || "no SLA on all requests".to_owned(),
            |(words, _)| format!("SLA {words}"),
        ),
    }
}

/// A share of a count in percent, if it was counted at all.
fn share(part: u64, all: u64) -> String {
    if all > 0 {
        percent(part as f64 / all as f64)
    } else {
        "–".to_owned()
    }
}

fn per_second(count: u64, ms: u64) -> String {
    if ms > 0 {
        number(count as f64 * 1_000.0 / ms as f64)
    } else {
        "–".to_owned()
    }
}

/// The title of requests that were cut, each with its time so far.
pub(super) const CUT: &str = "Cut before their answer";

/// Requests by name, stage and persona, and those that were cut.
pub(super) fn tables(summary: &Summary, measured: &Measured) -> Vec<Table> {
    let whole = summary.run.duration_ms;
    let over_all = |groups: &BTreeMap<String, Group>| rows(groups.iter(), |_| whole);
    let mut requests = over_all(&measured.requests);
    requests.push(row("all".to_owned(), &measured.all, whole));
    // In the order of the run, with what finished after the last stage at the end.
    let stages = &summary.run.stages;
    let place = |name: &str| stages.iter().position(|stage| stage.name == name);
    let mut by_stage: Vec<_> = measured.stages.iter().collect();
    by_stage.sort_by_key(|(name, _)| place(name).unwrap_or(usize::MAX));
    let by_stage = rows(by_stage.into_iter(), |name| stage_ms(&summary.run, name));
    let table = |title, head, rows: Vec<TableRow>| Table { title, head, rows };
    let cut = measured.cut.iter().map(|(name, times)| TableRow {
        name: name.clone(),
        class: "",
        cells: cut_short(times).into(),
    });
    let cut = table(CUT, "request", cut.collect());
    let tables = [
        table("By request", "request", requests),
        table("By stage", "stage", by_stage),
        table("By persona", "persona", over_all(&measured.personas)),
    ];
    tables
        .into_iter()
        .filter(|table| table.rows.len() > 1 || table.title == "By request")
        .chain(Some(cut).filter(|cut| !cut.rows.is_empty()))
        .collect()
}

/// How long a stage was. Several scenarios may have stages of one name: from the first one's start
/// to the last one's end.
fn stage_ms(run: &Run, name: &str) -> u64 {
    let stages = || run.stages.iter().filter(|stage| stage.name == name);
    let start = stages().map(|stage| stage.start_ms).min().unwrap_or(0);
    let end = stages().map(|stage| stage.end_ms).max().unwrap_or(0);
    end.min(run.duration_ms).saturating_sub(start)
}

/// A row for each group that has requests; `length_ms` says over what time they came.
fn rows<'a>(
    groups: impl Iterator<Item = (&'a String, &'a Group)>,
    length_ms: impl Fn(&str) -> u64,
) -> Vec<TableRow> {
    groups
        .filter(|(_, group)| !group.trend.is_empty())
        .map(|(name, group)| row(name.clone(), group, length_ms(name)))
        .collect()
}

fn row(name: String, group: &Group, length_ms: u64) -> TableRow {
    let trend = &group.trend;
    let [p50, p90, p95, p99] = trend.percentiles_ms([50.0, 90.0, 95.0, 99.0]);
    TableRow {
        name,
        class: if group.failed > 0 { "bad" } else { "" },
        cells: vec![
            ("count", grouped(trend.count())),
            ("per second", per_second(trend.count(), length_ms)),
            ("failed", failed(group)),
            ("avg", ms(trend.avg_ms())),
            ("p50", ms(p50)),
            ("p90", ms(p90)),
            ("p95", ms(p95)),
            ("p99", ms(p99)),
            ("max", ms(trend.max_ms())),
        ],
    }
}

/// The thresholds; of a run that goes on, some are not decided.
pub(super) fn thresholds(summary: &Summary, live: Option<&Live>) -> Vec<ThresholdLine> {
    let lines = summary.thresholds.iter().map(|row| {
        let is_undecided = live.is_some_and(|live| live.is_undecided(&row.expression));
        let (class, mark) = match (is_undecided, row.ok) {
            (true, _) => ("", "…"),
            (false, true) => ("ok", "✓"),
            (false, false) => ("bad", "✗"),
        };
        ThresholdLine {
            class,
            mark,
            expression: row.expression.clone(),
            actual: match (is_undecided, row.actual) {
                (true, None) => "no data yet".to_owned(),
                _ => actual(summary, row),
            },
        }
    });
    lines.collect()
}
