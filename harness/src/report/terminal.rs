//! The summary in tables, for a person at the end of a run.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use owo_colors::Style;

use super::RunResult;
use super::comparison::write_comparison;
use super::table::{Table, mark, paragraph, rest, section};
use super::title::title_of;
use super::words::{cut_short, hold, no_data};
use super::workers;
use crate::config::RunConfig;
use crate::format::{LONG, cut, grouped, ms, number, percent_to, plural};
use crate::metrics::{self, Counter, Metric, Of, Snapshot, TagFilter, Trend, TrendOf, who};
use crate::shown::Shown;
use crate::threshold::Verdict;
use crate::vu::READABLE;

/// Writes the summary with escape sequences for colours: a writer that is no terminal's must strip
/// them, as `anstream`'s do.
///
/// # Errors
/// The writer's.
pub fn write_terminal(result: &RunResult, out: impl Write) -> io::Result<()> {
    let mut out = Shown::new(out);
    head(result, &mut out)?;
    if !result.snapshot.requests.is_empty() {
        section(
            "Requests (times in ms)",
            requests(&result.snapshot),
            &mut out,
        )?;
        section("By stage (times in ms)", stages(result), &mut out)?;
        section("Trends (ms)", trends(&result.snapshot), &mut out)?;
    }
    section("Thresholds", thresholds(result), &mut out)?;
    section("Checks", checks(result), &mut out)?;
    section("Invariants", invariants(result), &mut out)?;
    held(result, &mut out)?;
    section("Unexpected answers", failures(result), &mut out)?;
    let unanswered = interrupted(&result.snapshot);
    section(
        "Cut before their answer (times in ms)",
        unanswered,
        &mut out,
    )?;
    section("Mix", mix(result), &mut out)?;
    section("Workers", workers_of(result), &mut out)?;
    section("Outputs (rows)", outputs(result), &mut out)?;
    for warning in &result.warnings {
        writeln!(out)?;
        out.styled("warning: ", Style::new().yellow().bold())?;
        rest("warning: ".len(), &cut(warning, LONG), &mut out)?;
    }
    if let Some(comparison) = &result.comparison {
        write_comparison(comparison, &mut out)?;
    }
    verdict(result, &mut out)
}

fn head(result: &RunResult, out: &mut Shown<impl Write>) -> io::Result<()> {
    let config = &result.config;
    let counter = |counter| {
        let all = TagFilter::default();
        result.snapshot.counter(counter, &all)
    };
    let interrupted = counter(Counter::Interrupted);
    writeln!(out)?;
    let id = format!("loadtest {}", result.id);
    out.styled(&id, Style::new().bold())?;
    writeln!(out)?;
    paragraph(0, &load(config), out)?;
    let cut = if interrupted > 0 {
        format!(", {} cut", grouped(interrupted))
    } else {
        String::new()
    };
    writeln!(
        out,
        "{} · {:.1} s · {}{cut}",
        result.host,
        result.duration.as_secs_f64(),
        plural(counter(Counter::Iterations), "iteration", "iterations")
    )?;
    arrivals(result, out)
}

/// What was run, on a line. The title of a run without a name may have its VUs already.
fn load(config: &RunConfig) -> String {
    let title = title_of(config);
    let vus = plural(u64::from(config.plan().vus_max()), "VU", "VUs");
    let (executors, mixes, seed) = (config.executors(), config.mixes(), config.seed);
    match title.contains(&vus) {
        true => format!("{title} ({mixes}) · {executors} · seed {seed}"),
        false => format!("{title} · {executors} · up to {vus} ({mixes}) · seed {seed}"),
    }
}

/// What the model of the load says about the latencies that follow.
fn arrivals(result: &RunResult, out: &mut Shown<impl Write>) -> io::Result<()> {
    let scenarios = result.config.scenarios.iter();
    for (scenario, account) in scenarios.zip(&result.arrivals) {
        if let Some(account) = account {
            writeln!(
                out,
                "{}: {} iterations scheduled = {} started + {} dropped",
                scenario.label(),
                grouped(account.scheduled),
                grouped(account.started),
                grouped(account.dropped)
            )?;
        }
    }
    match result.config.plan().is_open() {
        (_, true) => Ok(()),
        (some, _) => {
            let model = match some {
                true => "scenarios without a rate are closed models",
                false => "closed model",
            };
            let said = "a slow server is sent less, so coordinated omission is possible";
            paragraph(0, &format!("{model}: {said}"), out)
        }
    }
}

fn requests(snapshot: &Snapshot) -> Table {
    let head = [
        "name", "count", "req/s", "failed", "avg", "min", "med", "p90", "p95", "p99", "max",
    ];
    let light = &["min", "p90", "avg", "req/s", "p99", "med"];
    let mut table = Table::new(head, 1).without_if_narrow(light);
    let catalogue = &snapshot.names.catalogue;
    let named = catalogue.requests.iter().map(|request| {
        let name = request.name.as_str();
        (name, TagFilter::of("name", name))
    });
    for (name, filter) in named.chain([("all", TagFilter::default())]) {
        let trend = snapshot.durations(&filter);
        if trend.is_empty() {
            continue;
        }
        let failed = snapshot.failed(&filter);
        let [avg, min, med, p90, p95, p99, max] = times(&trend);
        let rate = per_second(trend.count(), snapshot.duration);
        table.push([
            name.to_owned(),
            grouped(trend.count()),
            rate,
            grouped(failed),
            avg,
            min,
            med,
            p90,
            p95,
            p99,
            max,
        ]);
    }
    table
}

/// Requests that were cut, each with its time so far: it took at least that long.
fn interrupted(snapshot: &Snapshot) -> Table {
    let mut table = Table::new(["name", "count", "shortest", "longest"], 1);
    let mut by_name = BTreeMap::<&str, Trend>::new();
    for (tags, series) in &snapshot.requests {
        if tags.is_interrupted() && series.count() > 0 {
            let times = by_name.entry(tags.name).or_default();
            times.merge(&series.counted());
        }
    }
    for (name, times) in by_name {
        let [count, min, max] = cut_short(&times).map(|(_, text)| text);
        table.push([name.to_owned(), count, min, max]);
    }
    table
}

fn stages(result: &RunResult) -> Table {
    let snapshot = &result.snapshot;
    let mut table = Table::new(
        [
            "stage", "time", "load", "count", "req/s", "failed", "avg", "med", "p95", "p99", "max",
        ],
        1,
    )
    .without_if_narrow(&["avg", "time", "max", "med", "req/s", "p99"]);
    let plan = result.config.plan();
    let spans = plan.spans();
    let spans = spans.iter().filter_map(|span| Some((span, span.end?)));
    if spans.clone().count() < 2 {
        return table;
    }
    let loads = plan
        .parts()
        .iter()
        .flat_map(|part| part.schedule.stage_loads());
    for ((span, end), load) in spans.zip(loads) {
        let scenario = plan.parts()[span.part].name;
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let own = scenario.map(|scenario| pair("scenario", scenario));
        let filter = TagFilter(own.into_iter().chain([pair("stage", span.name)]).collect());
        let name = match scenario {
            Some(scenario) => format!("{scenario}: {}", span.name),
            None => span.name.to_owned(),
        };
        let trend = snapshot.durations(&filter);
        let failed = snapshot.failed(&filter);
        // A stopped run ends within a stage.
        let length = end.min(result.duration).saturating_sub(span.start);
        let [avg, _, med, _, p95, p99, max] = times(&trend);
        table.push([
            name,
            format!("{:.0}s", length.as_secs_f64()),
            load,
            grouped(trend.count()),
            per_second(trend.count(), length),
            grouped(failed),
            avg,
            med,
            p95,
            p99,
            max,
        ]);
    }
    table
}

fn trends(snapshot: &Snapshot) -> Table {
    let mut table = Table::new(
        [
            "trend", "count", "avg", "min", "med", "p90", "p95", "p99", "max",
        ],
        1,
    )
    .without_if_narrow(&["min", "p90", "avg", "p99", "med"]);
    let all = TagFilter::default();
    let trends = |metric: Metric| match metric.of {
        Of::Trend(of) if !matches!(of, TrendOf::Phase(_)) => Some((metric, of)),
        _ => None,
    };
    let mut trends: Vec<_> = metrics::all(&snapshot.names.catalogue)
        .filter_map(trends)
        .collect();
    // The suite's own come first.
    trends.sort_by_key(|(_, of)| !matches!(of, TrendOf::Custom(_)));
    for (metric, of) in trends {
        let trend = snapshot.trend(of, &all);
        if !trend.is_empty() {
            let [avg, min, med, p90, p95, p99, max] = times(&trend);
            table.push([
                metric.name.to_owned(),
                grouped(trend.count()),
                avg,
                min,
                med,
                p90,
                p95,
                p99,
                max,
            ]);
        }
    }
    table
}

/// Those that failed, or with `--full` all of them, the failed ones first.
fn checks(result: &RunResult) -> Table {
    let mut table = Table::new(["", "check", "persona", "passes", "fails"], 3);
    let mut sums = result.snapshot.checks_by_name();
    sums.retain(|sum| result.config.full || sum.counts.fails > 0);
    sums.sort_by_key(|sum| sum.counts.fails == 0);
    for sum in sums {
        table.push([
            mark(sum.counts.fails == 0),
            sum.check.to_owned(),
            who(sum.scenario, sum.persona),
            grouped(sum.counts.passes),
            grouped(sum.counts.fails),
        ]);
    }
    table
}

fn thresholds(result: &RunResult) -> Table {
    let mut table = Table::new(["", "threshold", "actual"], 2);
    let mut outcomes: Vec<_> = result.thresholds.iter().collect();
    outcomes.sort_by_key(|outcome| outcome.ok);
    for outcome in outcomes {
        let actual = match outcome.actual {
            None => no_data(outcome.ok).to_owned(),
            Some(value) => outcome.threshold.measured(value),
        };
        table.push([mark(outcome.ok), outcome.threshold.to_string(), actual]);
    }
    table
}

/// Those that are broken, or with `--full` all of them, the broken ones first.
fn invariants(result: &RunResult) -> Table {
    let mut table = Table::new(["", "invariant", "expected", "actual"], 2);
    let mut rows: Vec<_> = result.invariants.iter().collect();
    rows.retain(|row| result.config.full || !row.ok);
    rows.sort_by_key(|row| row.ok);
    for row in rows {
        let name = match &row.detail {
            Some(detail) => format!("{}\n  {detail}", row.name),
            None => row.name.clone(),
        };
        table.push([mark(row.ok), name, row.expected.to_string(), row.was()]);
    }
    table
}

/// How many checks and invariants hold, where they are not listed.
fn held(result: &RunResult, out: &mut Shown<impl Write>) -> io::Result<()> {
    let sums = result.snapshot.checks_by_name();
    let checks = sums.iter().filter(|sum| sum.counts.fails == 0).count();
    let invariants = result.invariants.iter().filter(|row| row.ok).count();
    let counts = [
        (checks, sums.len(), "checks"),
        (invariants, result.invariants.len(), "invariants"),
    ];
    let held = counts.iter().filter(|(held, ..)| *held > 0);
    let held: Vec<String> = held
        .map(|(held, all, what)| format!("{held} of {all} {what}"))
        .collect();
    if result.config.full || held.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    out.styled("✓", Style::new().green())?;
    writeln!(out, " {} hold; --full lists them", held.join(" and "))
}

fn failures(result: &RunResult) -> Table {
    let mut table = Table::new(["name", "status", "count", "first one"], 4);
    for (name, status, sample) in &result.failures {
        let filter = TagFilter(vec![
            ("name".to_owned(), (*name).to_owned()),
            ("status".to_owned(), status.to_string()),
            ("expected_response".to_owned(), "false".to_owned()),
        ]);
        let failed = result.snapshot.counter(Counter::Requests, &filter);
        let count = match failed {
            0 => unreadable(&result.snapshot, name),
            failed => failed,
        };
        let status = if *status == 0 {
            "none".to_owned()
        } else {
            status.to_string()
        };
        let sample = cut(sample, 100);
        table.push([(*name).to_owned(), status, grouped(count), sample]);
    }
    table
}

/// How many answers to requests of this name could not be read.
fn unreadable(snapshot: &Snapshot, name: &str) -> u64 {
    let own = |check: &str| check.strip_suffix(READABLE) == Some(name);
    let checks = snapshot.checks.iter();
    let own = checks.filter(|(tags, _)| own(tags.check));
    own.map(|(_, counts)| counts.fails).sum()
}

fn outputs(result: &RunResult) -> Table {
    let mut table = Table::new(
        ["", "output", "produced", "delivered", "spooled", "lost"],
        2,
    );
    for account in &result.outputs {
        let whole = account.produced == account.delivered;
        let mut name = account.name.clone();
        // What went wrong on the way to a whole delivery is no concern any more.
        let troubles = account.error.iter().chain(&account.spool);
        for more in troubles.filter(|_| !whole) {
            name += &format!("\n  {more}");
        }
        let rows = [
            account.produced,
            account.delivered,
            account.spooled,
            account.lost,
        ];
        let [produced, delivered, spooled, lost] = rows.map(grouped);
        table.push([mark(whole), name, produced, delivered, spooled, lost]);
    }
    table
}

fn workers_of(result: &RunResult) -> Table {
    let head = ["", "worker", "host"].into_iter().chain(workers::HEAD);
    let mut table = Table::new(head, 3);
    for worker in &result.workers {
        let well = workers::is_well(worker, result.unfit);
        let name = [mark(well), worker.index.to_string(), worker.host.clone()];
        let cells = workers::cells(worker, result.duration.as_secs_f64());
        table.push([&name[..], &cells[..]].concat());
    }
    table
}

/// What personas had and should have had, where there are several; and requests that were too many
/// or too few, in any case.
fn mix(result: &RunResult) -> Table {
    let mut table = Table::new(
        ["", "scenario", "persona", "what", "planned", "achieved"],
        4,
    );
    let limit = result.config.limits.mix_drift;
    for share in &result.mix {
        let drifts = (share.achieved - share.planned).abs() > limit + 1e-9;
        let mut row = |ok, what: &str, planned, achieved| {
            let persona = share.persona.to_owned();
            table.push([
                mark(ok),
                share.scenario.clone(),
                persona,
                what.to_owned(),
                planned,
                achieved,
            ]);
        };
        if result.mix.len() > 1 || drifts {
            row(
                !drifts,
                "share",
                percent_to(share.planned, 1),
                percent_to(share.achieved, 1),
            );
        }
        for request in share
            .requests
            .iter()
            .filter(|request| request.drift > limit)
        {
            let planned = format!("{} to {}", request.least, request.most);
            row(
                false,
                request.name,
                planned,
                format!("{:.2}", request.achieved),
            );
        }
    }
    table
}

fn verdict(result: &RunResult, out: &mut Shown<impl Write>) -> io::Result<()> {
    let judgement = &result.judgement;
    let (word, style) = match judgement.verdict {
        Verdict::Pass => ("PASS", Style::new().green().bold()),
        Verdict::Fail => ("FAIL", Style::new().red().bold()),
        Verdict::Invalid => ("INVALID", Style::new().yellow().bold()),
    };
    let held = match judgement.verdict {
        Verdict::Pass => hold(result.thresholds.len(), result.invariants.len()),
        Verdict::Fail | Verdict::Invalid => format!("exit code {}", judgement.exit.code()),
    };
    writeln!(out)?;
    out.styled(word, style)?;
    writeln!(out, "  {held}")?;
    let mut reasons = judgement.reasons.iter();
    reasons.try_for_each(|reason| paragraph(2, &cut(reason, LONG), out))
}

fn times(trend: &Trend) -> [String; 7] {
    [
        trend.avg_ms(),
        trend.min_ms(),
        trend.percentile_ms(50.0),
        trend.percentile_ms(90.0),
        trend.percentile_ms(95.0),
        trend.percentile_ms(99.0),
        trend.max_ms(),
    ]
    .map(ms)
}

fn per_second(count: u64, duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds > 0.0 {
        number(count as f64 / seconds)
    } else {
        "-".to_owned()
    }
}
