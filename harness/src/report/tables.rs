//! The page's numbers and tables, ready to be written. Pure.

use std::collections::BTreeMap;

use super::charts::failed;
use super::live::Live;
use super::measured::{Group, Measured};
use super::summary::{Run, ScenarioRow, StageRow, Summary};
use super::words::{actual, cut_short, percentile, sla};
use crate::format::{clock, grouped, ms, number, percent, plural};
use crate::metrics::{SET_UP, Trend};

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
        sla_tile(summary, &all.trend),
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
fn sla_tile(summary: &Summary, all: &Trend) -> Tile {
    let p95 = all.percentile_ms(95.0);
    let sla = sla(summary);
    let over = |(words, limit): &(String, f64)| words.starts_with("p(95)") && p95 > *limit;
    Tile {
        label: "p95",
        value: percentile(all, 95.0),
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
    let table = |title, head, rows: Vec<TableRow>| Table { title, head, rows };
    let cut = measured.cut.iter().map(|(name, times)| TableRow {
        name: name.clone(),
        class: "",
        cells: cut_short(times).into(),
    });
    let cut = table(CUT, "request", cut.collect());
    let tables = [
        table("By request", "request", requests),
        table("By scenario", "scenario", by_scenario(summary, measured)),
        table("By stage", "stage", by_stage(&summary.run, measured)),
        table("By persona", "persona", over_all(&measured.personas)),
    ];
    tables
        .into_iter()
        .filter(|table| table.rows.len() > 1 || table.title == "By request")
        .chain(Some(cut).filter(|cut| !cut.rows.is_empty()))
        .collect()
}

/// The scenarios, in the order of the configuration.
fn by_scenario(summary: &Summary, measured: &Measured) -> Vec<TableRow> {
    let scenarios = summary.run.scenarios.iter();
    let row = |one: &ScenarioRow| {
        let group = measured.scenarios.get(&one.name)?;
        let [p50, p95] = group.trend.percentiles_ms([50.0, 95.0]);
        let iterations = measured.iterations.get(&one.name).copied();
        let mut cells = vec![
            ("load", one.executor.clone()),
            ("requests", grouped(group.trend.count())),
            ("failed", failed(group)),
            ("p50", ms(p50)),
            ("p95", ms(p95)),
            ("iterations", grouped(iterations.unwrap_or(0))),
        ];
        let dropped = one.arrivals.map(|account| account.dropped);
        cells.push(("dropped", dropped.map_or_else(|| "–".to_owned(), grouped)));
        Some(TableRow {
            name: one.name.clone(),
            class: if group.failed > 0 { "bad" } else { "" },
            cells,
        })
    };
    scenarios.filter_map(row).collect()
}

/// The stages in the order of the run, each scenario's by itself, with what finished after the last
/// one at the end, and the set-up.
fn by_stage(run: &Run, measured: &Measured) -> Vec<TableRow> {
    let is = |stage: &StageRow, [scenario, name]: &[String; 2]| {
        let own = stage.scenario.as_ref();
        stage.name == *name && own.is_none_or(|own| own == scenario)
    };
    let place = |key: &[String; 2]| run.stages.iter().position(|stage| is(stage, key));
    let is_load = |scenario: &String| run.scenarios.iter().any(|one| one.name == *scenario);
    let mut stages: Vec<_> = measured.stages.iter().collect();
    stages.retain(|(_, group)| !group.trend.is_empty());
    stages.sort_by_key(|(key, _)| (!is_load(&key[0]), place(key).unwrap_or(usize::MAX)));
    let row = |(key, group): &(&[String; 2], &Group)| {
        let [scenario, stage] = *key;
        let name = match (is_load(scenario), run.scenarios.len() > 1) {
            (false, _) if scenario == SET_UP => scenario.clone(),
            (true, true) => format!("{scenario}: {stage}"),
            _ => stage.clone(),
        };
        let length = |stage: &StageRow| {
            let end = stage.end_ms.min(run.duration_ms);
            end.saturating_sub(stage.start_ms)
        };
        let own = run
            .stages
            .iter()
            .filter(|stage| is(stage, key) && name != SET_UP);
        self::row(name.clone(), group, own.map(length).max().unwrap_or(0))
    };
    let of_load = stages.iter().filter(|(key, _)| key[0] != SET_UP).count();
    match of_load {
        0 | 1 => Vec::new(),
        _ => stages.iter().map(row).collect(),
    }
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
