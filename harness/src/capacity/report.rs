//! The trials as a table, a plot and JSON.

use std::io::{self, Write};

use owo_colors::Style;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::symbols::Marker;
use ratatui::text::Line;
use ratatui::widgets::{Axis, Chart, Dataset, GraphType, Widget};
use serde::Serialize;

use super::by::By;
use super::cause::none_holds;
use super::pace::Pace;
use super::trial::Trial;
use crate::format::{grouped, ms, ms_unit, percent_to};
use crate::report::table::{Table, mark, section};
use crate::shown::{Shown, pretty_json};

/// What a search found.
#[derive(Debug, Serialize)]
pub struct Capacity {
    /// What a load is counted in.
    pub by: By,
    /// The thresholds that had to hold.
    pub thresholds: Vec<String>,
    /// The largest load that held; none if not even the first did.
    pub capacity: Option<u32>,
    /// Whether the capacity may be larger: no load beyond it failed, so it is the largest that was
    /// tried.
    pub at_least: bool,
    /// What gave out beyond it; empty when nothing did.
    pub saturated: Vec<String>,
    /// Why the search ended before it was done, if it did: then the capacity is what had held by
    /// then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
    /// Every trial, in the order of the search.
    pub trials: Vec<Trial>,
}

/// Size of one plot on the terminal.
const PLOT: Rect = Rect::new(0, 0, 76, 12);

impl Capacity {
    /// The trials at the found load.
    fn at_capacity(&self) -> impl Iterator<Item = &Trial> {
        self.trials
            .iter()
            .filter(|trial| Some(trial.load) == self.capacity && trial.holds)
    }

    /// Writes it for people; `limit` is the SLA's time in ms, to be drawn.
    ///
    /// # Errors
    /// The writer's.
    pub fn write_terminal(&self, limit: Option<f64>, out: impl Write) -> io::Result<()> {
        let mut out = Shown::new(out);
        let unit = self.by.unit();
        section("Trials (times in ms)", self.table(), &mut out)?;
        let by_load = |value: fn(&Trial) -> f64| {
            let mut points: Vec<(f64, f64)> = self
                .trials
                .iter()
                .map(|trial| (f64::from(trial.load), value(trial)))
                .collect();
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
            points
        };
        let p95 = by_load(|trial| trial.p95);
        plot("p95 (ms)", unit, &p95, limit, &mut out)?;
        let rate = by_load(|trial| trial.requests_per_second);
        plot("requests/s", unit, &rate, None, &mut out)?;
        writeln!(out)?;
        self.write_found(&mut out)?;
        self.write_limits(&mut out)
    }

    fn write_found(&self, out: &mut Shown<impl Write>) -> io::Result<()> {
        let unit = self.by.unit();
        match self.capacity {
            Some(load) => {
                let (low, high) = self
                    .at_capacity()
                    .map(|trial| trial.p95)
                    .fold((f64::MAX, 0.0_f64), |(low, high), p95| {
                        (low.min(p95), high.max(p95))
                    });
                let (count, s) = match self.at_capacity().count() {
                    1 => (1, ""),
                    count => (count, "s"),
                };
                bold("Capacity:", out)?;
                writeln!(
                    out,
                    " {}{load} {unit} hold {} (p95 {} to {} in {count} trial{s})",
                    if self.at_least { "at least " } else { "" },
                    self.thresholds.join(", "),
                    ms(low),
                    ms_unit(high),
                )
            }
            None if self.ended.is_some() => {
                bold("Capacity:", out)?;
                writeln!(out, " unknown: no load had held by then")
            }
            None => {
                bold("Capacity:", out)?;
                writeln!(out, " none: {}", none_holds(&self.trials))
            }
        }
    }

    fn write_limits(&self, out: &mut Shown<impl Write>) -> io::Result<()> {
        // Where nothing held, and not because it was slow, the reason is said already.
        if self.capacity.is_none() && !self.trials.iter().any(|trial| trial.slow) {
            return Ok(());
        }
        for (index, words) in self.saturated.iter().enumerate() {
            let label = match (index, self.capacity) {
                (0, Some(_)) => "Beyond it:",
                (0, None) => "      Why:",
                _ => "          ",
            };
            bold(label, out)?;
            writeln!(out, " {words}")?;
        }
        if let Some(ended) = &self.ended {
            bold("Ended early:", out)?;
            return writeln!(out, " {ended}");
        }
        if self.at_least {
            writeln!(
                out,
                "No load failed: the capacity is beyond --to, which can be raised."
            )?;
        }
        Ok(())
    }

    /// Writes it for programs.
    ///
    /// # Errors
    /// The writer's.
    pub fn write_json(&self, mut out: impl Write) -> io::Result<()> {
        writeln!(out, "{}", pretty_json(self)?)
    }

    fn table(&self) -> Table {
        let pace: &[&str] = match self.by {
            By::Vus => &[],
            By::Rate => &["started/s", "dropped", "late", "VUs busy"],
        };
        let head = [self.by.unit(), "holds"].into_iter().chain(pace.to_vec());
        let head = head.chain(["req/s", "med", "p95", "p99", "failed"]);
        let server = self.trials.first().map(|trial| &trial.server.0);
        let server = server
            .into_iter()
            .flatten()
            .map(|(name, _)| format!("{name} p95"));
        let server: Vec<String> = server.collect();
        let head = head.chain(server.iter().map(String::as_str));
        let mut table = Table::new(head.chain(["gen CPU", "CPU", "lag"]), 0);
        for trial in &self.trials {
            let mut row = vec![grouped(trial.load.into()), mark(trial.holds)];
            row.extend(trial.pace.iter().flat_map(pace_cells));
            row.extend([
                grouped(trial.requests_per_second.round() as u64),
                ms(trial.med),
                ms(trial.p95),
                ms(trial.p99),
                percent_to(trial.failed, 2),
            ]);
            row.extend(trial.server.0.iter().map(|(_, time)| ms(*time)));
            row.extend([
                format!("{:.0} %", trial.generator_cpu),
                format!("{:.0} %", trial.machine_cpu),
                ms(trial.lag),
            ]);
            table.push(row);
        }
        table
    }
}

fn pace_cells(pace: &Pace) -> [String; 4] {
    [
        format!("{:.1}", pace.started_per_second),
        pace.dropped.to_string(),
        pace.late.to_string(),
        format!("{}/{}", pace.busy_vus, pace.vus),
    ]
}

/// To two significant digits, which is what an axis should say.
fn round_up(value: f64) -> f64 {
    let unit = 10_f64.powf(value.log10().floor() - 1.0);
    (value / unit).ceil() * unit
}

fn bold(text: &str, out: &mut Shown<impl Write>) -> io::Result<()> {
    out.styled(text, Style::new().bold())
}

/// Draws points over the load, and a level line if there is a limit.
fn plot(
    title: &str,
    unit: &str,
    points: &[(f64, f64)],
    limit: Option<f64>,
    out: &mut Shown<impl Write>,
) -> io::Result<()> {
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return Ok(());
    };
    if first.0 >= last.0 {
        return Ok(());
    }
    let top = points
        .iter()
        .map(|point| point.1)
        .chain(limit)
        .fold(0.0, f64::max)
        .max(1.0);
    let top = round_up(top * 1.02);
    let level: Vec<(f64, f64)> = limit
        .map(|limit| vec![(first.0, limit), (last.0, limit)])
        .unwrap_or_default();
    let lines = Dataset::default()
        .marker(Marker::Braille)
        .graph_type(GraphType::Line)
        .data(points);
    let dots = Dataset::default().marker(Marker::Dot).data(points);
    let level = Dataset::default()
        .marker(Marker::Braille)
        .graph_type(GraphType::Line)
        .data(&level);
    let chart = Chart::new(vec![level, lines, dots])
        .x_axis(axis(unit, first.0, last.0))
        .y_axis(axis(title, 0.0, top));
    let mut buffer = Buffer::empty(PLOT);
    chart.render(PLOT, &mut buffer);
    writeln!(out)?;
    for row in PLOT.rows() {
        let line: String = row
            .positions()
            .map(|position| buffer[position].symbol())
            .collect();
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// An axis with a label at each end and in the middle.
fn axis<'a>(title: &'a str, from: f64, to: f64) -> Axis<'a> {
    let labels = [from, f64::midpoint(from, to), to];
    Axis::default()
        .title(title)
        .bounds([from, to])
        .labels(labels.map(|value| Line::from(format!("{value:.0}"))))
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
