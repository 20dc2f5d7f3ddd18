//! The page's numbers and tables, ready to be written. Pure.

use super::charts::failed;
use super::format::{clock, grouped, ms, ms_unit, number, percent, plural};
use super::measured::{Group, Measured};
use super::summary::Summary;
use super::words::{actual, sla};

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
    pub(super) ok: bool,
    pub(super) expression: String,
    pub(super) actual: String,
}

/// The numbers that come first.
pub(super) fn tiles(summary: &Summary, measured: &Measured) -> Vec<Tile> {
    let all = &measured.all;
    let run = &summary.run;
    let seconds = run.duration_ms as f64 / 1_000.0;
    let count = all.trend.count();
    let checks: (u64, u64) = summary.checks.iter().fold((0, 0), |(passes, fails), row| {
        (passes + row.passes, fails + row.fails)
    });
    let bad = |bad: bool| if bad { "bad" } else { "" };
    let sla = sla(summary);
    let p95 = all.trend.percentile_ms(95.0);
    let over = sla
        .as_ref()
        .is_some_and(|(words, limit)| words.starts_with("p(95)") && p95 > *limit);
    vec![
        Tile {
            label: "p95",
            value: ms_unit(p95),
            note: sla.map_or_else(
                || "no SLA on all requests".to_owned(),
                |(words, _)| format!("SLA {words}"),
            ),
            class: bad(over),
        },
        Tile {
            label: "requests/s",
            value: if seconds > 0.0 {
                number(count as f64 / seconds)
            } else {
                "–".to_owned()
            },
            note: format!("{} in all", grouped(count)),
            class: "",
        },
        Tile {
            label: "failed",
            value: if count > 0 {
                percent(all.failed as f64 / count as f64)
            } else {
                "–".to_owned()
            },
            note: plural(all.failed, "request", "requests"),
            class: bad(all.failed > 0),
        },
        Tile {
            label: "checks",
            value: if checks.0 + checks.1 > 0 {
                percent(checks.0 as f64 / (checks.0 + checks.1) as f64)
            } else {
                "–".to_owned()
            },
            note: format!("{} failed", grouped(checks.1)),
            class: bad(checks.1 > 0),
        },
        Tile {
            label: "iterations",
            value: grouped(run.iterations),
            note: format!("{} cut", grouped(run.interrupted_iterations)),
            class: "",
        },
        Tile {
            label: "virtual users",
            value: grouped(u64::from(run.vus_max)),
            note: format!("for {}", clock(run.duration_ms)),
            class: "",
        },
    ]
}

/// Requests by name, stage and persona.
pub(super) fn tables(summary: &Summary, measured: &Measured) -> Vec<Table> {
    let whole = summary.run.duration_ms;
    let rows = |groups: &mut dyn Iterator<Item = (String, &Group, u64)>| -> Vec<TableRow> {
        groups
            .filter(|(_, group, _)| !group.trend.is_empty())
            .map(|(name, group, length)| row(name, group, length))
            .collect()
    };
    let mut all = vec![row("all".to_owned(), &measured.all, whole)];
    let mut requests = rows(
        &mut measured
            .requests
            .iter()
            .map(|(name, group)| (name.clone(), group, whole)),
    );
    requests.append(&mut all);
    // In the order of the run, with what finished after the last stage at the end.
    let order = |name: &str| {
        summary
            .run
            .stages
            .iter()
            .position(|stage| stage.name == name)
            .unwrap_or(usize::MAX)
    };
    let mut by_stage: Vec<_> = measured.stages.iter().collect();
    by_stage.sort_by_key(|(name, _)| order(name));
    // Several scenarios may have stages of one name: from the first one's start to the last one's end.
    let length = |name: &str| {
        let stages = || summary.run.stages.iter().filter(|stage| stage.name == name);
        let start = stages().map(|stage| stage.start_ms).min().unwrap_or(0);
        let end = stages().map(|stage| stage.end_ms).max().unwrap_or(0);
        end.min(whole).saturating_sub(start)
    };
    let stages = rows(
        &mut by_stage
            .into_iter()
            .map(|(name, group)| (name.clone(), group, length(name))),
    );
    let personas = rows(
        &mut measured
            .personas
            .iter()
            .map(|(name, group)| (name.clone(), group, whole)),
    );
    let table = |title, head, rows: Vec<TableRow>| Table { title, head, rows };
    let tables = [
        table("By request", "request", requests),
        table("By stage", "stage", stages),
        table("By persona", "persona", personas),
    ];
    tables
        .into_iter()
        .filter(|table| table.rows.len() > 1 || table.title == "By request")
        .collect()
}

fn row(name: String, group: &Group, length_ms: u64) -> TableRow {
    let trend = &group.trend;
    let rate = if length_ms > 0 {
        number(trend.count() as f64 * 1_000.0 / length_ms as f64)
    } else {
        "–".to_owned()
    };
    let [p50, p90, p95, p99] = trend.percentiles_ms([50.0, 90.0, 95.0, 99.0]);
    TableRow {
        name,
        class: if group.failed > 0 { "bad" } else { "" },
        cells: vec![
            ("count", grouped(trend.count())),
            ("per second", rate),
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

/// The thresholds.
pub(super) fn thresholds(summary: &Summary) -> Vec<ThresholdLine> {
    let lines = summary.thresholds.iter().map(|row| ThresholdLine {
        ok: row.ok,
        expression: row.expression.clone(),
        actual: actual(summary, &row.expression, row.actual),
    });
    lines.collect()
}
