//! The report as one page: no script, no request to anywhere, light and dark, from a phone to paper.
//! While the run goes on, it is the live page, with a script that renews it.

use std::io::{self, Write};

use askama::Template;

use super::charts::Charts;
use super::document::Document;
use super::errors::Errors;
use super::explain::Explanation;
use super::limits::{Limits, limits};
use super::live::{self, Live};
use super::multiples::Multiples;
use super::phases::KEYS;
use super::plot::Plot;
use super::policy::policy;
use super::rates::Rates;
use super::strips::Strips;
use super::summary::{Summary, Value};
use super::tables::{Table, ThresholdLine, Tile, tables, thresholds, tiles};
use super::timetable::Timetable;
use super::title::title;
use super::what_now::{WhatNow, what_now};
use super::words::{headline, verdict};
use super::worker_strips::Group;
use super::workers::{Line, lines};
use crate::catalogue::PartEntry;
use crate::compare::{Change, Comparison};
use crate::format::{clock, cut, grouped, ms, number, percent, with_units};
use crate::shown::visible;

const STYLE: &str = include_str!("../../templates/report.css");

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    summary: &'a Summary,
    explanations: &'a [Explanation],
    style: String,
    /// What the page may do.
    policy: String,
    /// What is there only while the run goes on.
    live: Option<String>,
    verdict: &'static str,
    title: String,
    headline: String,
    now: Option<WhatNow>,
    tiles: Vec<Tile>,
    timetable: Timetable,
    charts: Vec<Plot>,
    rates: Option<Rates>,
    errors: Errors,
    multiples: Multiples,
    phases: Option<Plot>,
    phase_bars: Strips,
    distributions: Strips,
    has_limits: bool,
    heatmap: Plot,
    /// The parts of the server's time.
    parts: &'a [PartEntry],
    server: Plot,
    /// Classes and names of the parts of a request's time.
    server_keys: Vec<(&'static str, &'a str)>,
    server_bars: Strips,
    stores: Vec<Plot>,
    /// Whether charts show when thresholds were crossed.
    has_bad: bool,
    health: Vec<Plot>,
    trends: Vec<Plot>,
    workers: Vec<Line<'a>>,
    worker_strips: Vec<Group>,
    tables: Vec<Table>,
    thresholds: Vec<ThresholdLine>,
    comparison: Option<&'a Comparison>,
    checks_tolerated: bool,
    lack: Option<&'a str>,
}

/// Writes the page.
///
/// # Errors
/// The writer's.
pub fn write_html(document: &Document, mut out: impl Write) -> io::Result<()> {
    let summary = &document.summary;
    let measured = &document.measured;
    let limits = limits(summary);
    let charts = charts(document, &limits);
    let indices: Vec<u32> = summary.workers.iter().map(|one| one.index).collect();
    let drawn = !measured.all.trend.is_empty();
    let live = document.live.as_ref();
    let style = style(live);
    let page = Page {
        summary,
        explanations: &document.explanations,
        policy: policy(&style, live.map(|_| live::SCRIPT)),
        style,
        live: live.map(Live::bar).transpose().map_err(io::Error::other)?,
        verdict: live.map_or_else(|| verdict(summary.verdict), Live::word),
        title: title(&summary.run),
        now: what_now(document).filter(|_| live.is_none()),
        headline: live.map_or_else(|| headline(summary), Live::headline),
        tiles: tiles(summary, measured),
        timetable: charts.timetable(&summary.run),
        rates: charts.rates(&summary.run),
        errors: charts.errors(summary),
        multiples: charts.multiples(),
        phases: charts.phases(),
        phase_bars: charts.phase_strips(),
        charts: if drawn {
            vec![charts.percentiles(), charts.rate(), charts.vus()]
        } else {
            Vec::new()
        },
        distributions: charts.distributions(),
        has_limits: !limits.0.is_empty(),
        heatmap: charts.heatmap(),
        parts: &summary.catalogue.server_parts,
        server: charts.server(),
        server_keys: charts.parts().collect(),
        server_bars: charts.server_strips(),
        stores: charts.stores(&document.series.seconds, &document.explanations),
        has_bad: !charts.bad.is_empty(),
        health: charts.health(),
        trends: charts.trends(),
        workers: lines(summary),
        worker_strips: charts.workers(&indices),
        tables: tables(summary, measured),
        thresholds: thresholds(summary, live),
        comparison: document.comparison.as_ref(),
        checks_tolerated: summary.tolerates_failed_checks()
            && summary.checks.iter().any(|check| check.fails > 0),
        lack: document.lack.as_deref(),
    };
    let page = page.render().map_err(io::Error::other)?;
    out.write_all(visible(&page).as_bytes())
}

fn charts<'a>(document: &'a Document, limits: &'a Limits) -> Charts<'a> {
    let run = &document.summary.run;
    let explanations = document.explanations.iter();
    Charts {
        measured: &document.measured,
        stages: &run.stages,
        standing_by: matches!(run.model.as_str(), "open" | "mixed").then_some(run.vus_max),
        server: &document.summary.catalogue.server_parts,
        limits,
        bad: explanations
            .flat_map(|one| one.bad.iter().copied())
            .collect(),
    }
}

fn style(live: Option<&Live>) -> String {
    match live {
        Some(_) => format!("{STYLE}{}", live::STYLE),
        None => STYLE.to_owned(),
    }
}

/// A metric of the summary in words, for the list of all.
fn value(value: &Value) -> String {
    match value {
        Value::Trend {
            count,
            avg,
            min,
            med,
            max,
            p90,
            p95,
            p99,
            ..
        } if *count > 0 => format!(
            "avg {} · min {} · med {} · p90 {} · p95 {} · p99 {} · max {} ms · n {}",
            ms(*avg),
            ms(*min),
            ms(*med),
            ms(*p90),
            ms(*p95),
            ms(*p99),
            ms(*max),
            grouped(*count)
        ),
        Value::Trend { .. } => "no data".to_owned(),
        Value::Counter { count, rate } => format!("{} · {} /s", grouped(*count), number(*rate)),
        Value::Rate {
            rate,
            passes,
            fails,
        } => rate.map_or_else(
            || "no data".to_owned(),
            |rate| {
                let (passes, all) = (grouped(*passes), grouped(passes + fails));
                format!("{} · {passes} of {all}", percent(rate))
            },
        ),
        Value::Gauge { value, min, max } => format!(
            "{} · {} to {}",
            grouped(*value),
            grouped(*min),
            grouped(*max)
        ),
    }
}

/// How templates write things.
#[allow(unreachable_pub, reason = "the filters' macro makes them so")]
mod filters {
    use super::{clock, cut, ms, value, with_units};
    use crate::report::{Slow, Value};

    #[askama::filter_fn]
    pub(super) fn brief(text: &str, _: &dyn askama::Values, most: usize) -> askama::Result<String> {
        Ok(with_units(&cut(text, most)))
    }

    #[askama::filter_fn]
    pub(super) fn time(at_ms: &u64, _: &dyn askama::Values) -> askama::Result<String> {
        Ok(clock(*at_ms))
    }

    #[askama::filter_fn]
    pub(super) fn millis(value: &f64, _: &dyn askama::Values) -> askama::Result<String> {
        Ok(ms(*value))
    }

    #[askama::filter_fn]
    pub(super) fn metric(of: &Value, _: &dyn askama::Values) -> askama::Result<String> {
        Ok(value(of))
    }

    #[askama::filter_fn]
    pub(super) fn part(slow: &Slow, _: &dyn askama::Values, name: &str) -> askama::Result<String> {
        Ok(slow
            .server
            .get(name)
            .map_or_else(|| "–".to_owned(), |time| ms(*time)))
    }

    #[askama::filter_fn]
    pub(super) fn tag(slow: &Slow, _: &dyn askama::Values, name: &str) -> askama::Result<String> {
        Ok(slow.tags.get(name).cloned().unwrap_or_default())
    }
}
