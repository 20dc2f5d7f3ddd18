//! The six numbers that say how the run goes, each with its last minutes as a sparkline. Pure.

use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Layout, Rect};
use ratatui::style::{Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Sparkline};

use super::model::{Model, Second};
use super::view::{BAD, DATA};
use crate::format::{grouped, ms_unit};

const LABEL: u16 = 7;
const VALUE: u16 = 10;
/// Narrower than this, a sparkline says nothing.
const SPARK: u16 = 6;
const GAP: u16 = 2;
/// From this width on, two vitals stand side by side.
const TWO_COLUMNS: u16 = 2 * (LABEL + VALUE + GAP + SPARK) + 2 * GAP + 10;

struct Vital {
    label: &'static str,
    value: String,
    bad: bool,
    /// One value a second.
    history: Vec<Option<f64>>,
}

/// How many rows the vitals have in so many columns.
pub(super) const fn rows(width: u16) -> u16 {
    if width >= TWO_COLUMNS { 3 } else { 6 }
}

/// Draws as many as there is room for, the important ones first.
pub(super) fn draw(model: &Model, frame: &mut Frame<'_>, area: Rect, row_height: u16) {
    let [vus, rate, failed, p50, p95, p99] = vitals(model);
    if area.width >= TWO_COLUMNS {
        let [left, right] = Layout::horizontal([Constraint::Fill(1); 2])
            .spacing(2 * GAP)
            .areas(area);
        column([vus, rate, failed], frame, left, row_height);
        column([p50, p95, p99], frame, right, row_height);
    } else if area.height < rows(area.width) * row_height {
        column([vus, rate, p95, failed, p50, p99], frame, area, row_height);
    } else {
        column([vus, rate, failed, p50, p95, p99], frame, area, row_height);
    }
}

fn vitals(model: &Model) -> [Vital; 6] {
    let now = model.seconds.back().copied().unwrap_or_default();
    let history = |of: fn(&Second) -> Option<f64>| model.seconds.iter().map(of).collect();
    let latency = |label, index: usize, of| Vital {
        label,
        value: now
            .latency
            .map_or_else(|| "–".to_owned(), |all| ms_unit(all[index])),
        bad: false,
        history: history(of),
    };
    [
        Vital {
            label: "VUs",
            value: format!("{}/{}", now.vus, now.target),
            bad: false,
            history: history(|second| Some(second.vus as f64)),
        },
        Vital {
            label: "req/s",
            value: grouped(now.rate.round() as u64),
            bad: false,
            history: history(|second| Some(second.rate)),
        },
        Vital {
            label: "failed",
            value: grouped(now.failed),
            bad: now.failed > 0,
            history: history(|second| Some(second.failed as f64)),
        },
        latency("p50", 0, |second| second.latency.map(|[p50, ..]| p50)),
        latency("p95", 1, |second| second.latency.map(|[_, p95, _]| p95)),
        latency("p99", 2, |second| second.latency.map(|[.., p99]| p99)),
    ]
}

fn column<const N: usize>(vitals: [Vital; N], frame: &mut Frame<'_>, area: Rect, row_height: u16) {
    for (index, vital) in (0..).zip(vitals) {
        let top = area.y + index * row_height;
        if top + row_height > area.bottom() {
            break;
        }
        row(
            &vital,
            frame,
            Rect::new(area.x, top, area.width, row_height),
        );
    }
}

fn row(vital: &Vital, frame: &mut Frame<'_>, area: Rect) {
    let [label, value, _, spark] = Layout::horizontal([
        Constraint::Length(LABEL),
        Constraint::Length(VALUE),
        Constraint::Length(GAP),
        Constraint::Fill(1),
    ])
    .areas(area);
    // Words stand on the baseline of the bars.
    let baseline = |area: Rect| Rect {
        y: area.bottom() - 1,
        height: 1,
        ..area
    };
    let style = if vital.bad {
        Style::new().fg(BAD).bold()
    } else {
        Style::new().bold()
    };
    frame.render_widget(Line::from(vital.label).dim(), baseline(label));
    let number = Paragraph::new(Span::styled(vital.value.clone(), style));
    frame.render_widget(number.alignment(Alignment::Right), baseline(value));
    if spark.width >= SPARK {
        let colour = if vital.label == "failed" { BAD } else { DATA };
        let bars = bars(&vital.history, usize::from(spark.width));
        frame.render_widget(
            Sparkline::default()
                .data(bars)
                .max(SCALE)
                .absent_value_symbol(" ")
                .style(colour),
            spark,
        );
    }
}

const SCALE: u64 = 1_000;

/// The last values that fit, scaled so that the largest of them is [`SCALE`].
fn bars(history: &[Option<f64>], width: usize) -> Vec<Option<u64>> {
    let shown = &history[history.len().saturating_sub(width)..];
    let largest = shown.iter().flatten().fold(0.0, |a: f64, b| a.max(*b));
    shown
        .iter()
        .map(|value| {
            let scaled = value.filter(|value| *value > 0.0)? / largest * SCALE as f64;
            // What is there is seen, however small it is: an eighth of a row.
            Some((scaled as u64).max(SCALE / 8))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_scaled_to_what_is_shown() {
        let history = [
            Some(1_000.0),
            Some(0.0),
            None,
            Some(1.0),
            Some(5.0),
            Some(10.0),
        ];
        assert_eq!(
            bars(&history, 5),
            [None, None, Some(125), Some(500), Some(1_000)]
        );
        assert_eq!(bars(&history, 6)[4], Some(125), "small, but seen");
        assert_eq!(bars(&[], 10), []);
    }
}
