//! The model as a picture. Pure: whatever size the frame has, it is filled and not overrun.
//!
//! ```text
//! what is run                         what is being done, stage, time
//! ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╸──────────────────────
//! VUs     ▁▃▅▇███   p50   ▂▂▃▂▂▂          vitals
//! req/s   ▁▃▅▇███   p95   ▂▃▅▃▂▂
//! failed            p99   ▃▅▇▃▂▃
//! Requests …        Thresholds …          sections, as many as there is room for
//! keys
//! ```

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Margin, Rect};
use ratatui::style::{Color, Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Clear, Padding, Paragraph};

use super::model::{Ending, Model};
use super::{sections, vitals};
use crate::format::{fitted, grouped, stopwatch};

/// Colours mean something or aren't used: good, bad, on its way to the end, and the data itself.
pub(super) const GOOD: Color = Color::Green;
pub(super) const BAD: Color = Color::Red;
const ENDING: Color = Color::Yellow;
pub(super) const DATA: Color = Color::Cyan;

/// From this height on, sparklines have two rows.
const TALL: u16 = 40;
/// From this height on, blank rows are affordable.
const AIRY: u16 = 16;
/// From this width on, the picture doesn't touch the terminal's edges.
const WIDE_ENOUGH_FOR_MARGINS: u16 = 60;

/// Draws the whole picture.
pub(super) fn draw(model: &Model, frame: &mut Frame<'_>) {
    let whole = frame.area();
    let side = u16::from(whole.width >= WIDE_ENOUGH_FOR_MARGINS);
    let area = whole.inner(Margin::new(side, 0));
    if area.is_empty() {
        return;
    }
    let air = u16::from(area.height >= AIRY);
    let row_height = if area.height >= TALL { 2 } else { 1 };
    let gauge_height = u16::from(area.height >= 8);
    let keys_height = u16::from(area.height >= 4);
    let room = area
        .height
        .saturating_sub(1 + gauge_height + keys_height + 2 * air);
    let vitals_height = (vitals::rows(area.width) * row_height).min(room);
    let [head, gauge, _, vital, _, body, keys] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(gauge_height),
        Constraint::Length(air),
        Constraint::Length(vitals_height),
        Constraint::Length(air),
        Constraint::Fill(1),
        Constraint::Length(keys_height),
    ])
    .areas(area);
    frame.render_widget(header(model, head.width), head);
    frame.render_widget(progress(model, gauge.width), gauge);
    vitals::draw(model, frame, vital, row_height);
    sections::draw(model, frame, body);
    frame.render_widget(footer(model, keys.width), keys);
    if model.help {
        help(frame, whole);
    }
}

/// What is run on the left; what is being done, where and since when, on the right.
fn header(model: &Model, width: u16) -> Line<'static> {
    let (word, colour) = match model.ending {
        Ending::Now => ("ending now", BAD),
        Ending::Graceful => ("stopping", ENDING),
        Ending::No if model.step == "running" => ("running", GOOD),
        Ending::No => (model.step.as_str(), DATA),
    };
    let width = usize::from(width);
    let state = fitted(&format!("● {word}"), width);
    let room = width.saturating_sub(state.chars().count());
    let rest = whereabouts(model)
        .into_iter()
        .find(|text| text.chars().count() <= room)
        .unwrap_or_default();
    let right = state.chars().count() + rest.chars().count();
    let left = fitted(
        &format!("loadtest  {} · {}", model.load.title, model.load.executor),
        width.saturating_sub(right + 2),
    );
    // The beginning of a word says less than nothing.
    let left = match left.chars().count() {
        0..8 => String::new(),
        8..16 => "loadtest".to_owned(),
        _ => left,
    };
    let gap = " ".repeat(width.saturating_sub(right + left.chars().count()));
    let (name, what) = left.split_at_checked("loadtest".len()).unwrap_or(("", ""));
    Line::from(vec![
        Span::from(name.to_owned()).bold(),
        Span::from(what.to_owned()).dim(),
        Span::from(gap),
        Span::styled(state, colour),
        Span::from(rest),
    ])
}

/// Where the load is and since when, at length and ever shorter.
fn whereabouts(model: &Model) -> Vec<String> {
    let Some(elapsed) = model.elapsed else {
        return Vec::new();
    };
    let (stage, now) = (&model.stage, stopwatch(elapsed));
    let full = match model.load.planned {
        Some(planned) => {
            let done = grouped(model.iterations);
            format!("{done} of {} iterations  {now}", grouped(planned))
        }
        None => format!("{now} / {}", stopwatch(model.load.end)),
    };
    vec![
        format!("  {stage}  {full}"),
        format!("  {full}"),
        format!("  {stage}  {now}"),
        format!("  {now}"),
    ]
}

/// How far it has come, in time or in iterations.
fn progress(model: &Model, width: u16) -> Line<'static> {
    let share = match (model.elapsed, model.load.planned) {
        (None, _) => 0.0,
        (_, Some(planned)) => model.iterations as f64 / planned.max(1) as f64,
        (Some(elapsed), None) => {
            elapsed.as_secs_f64() / model.load.end.as_secs_f64().max(f64::MIN_POSITIVE)
        }
    };
    let done = (share.clamp(0.0, 1.0) * f64::from(width)) as usize;
    let left = usize::from(width) - done;
    Line::from(vec![
        Span::styled("━".repeat(done), DATA),
        Span::from("─".repeat(left)).dim(),
    ])
}

fn footer(model: &Model, width: u16) -> Line<'static> {
    let keys: &[(&str, &str)] = match model.ending {
        Ending::No => &[("s", "stop"), ("q", "quit now"), ("?", "help")],
        Ending::Graceful => &[("q", "cut what still runs"), ("?", "help")],
        Ending::Now => &[("?", "help")],
    };
    let mut spans = Vec::new();
    let mut used = 0;
    for (key, does) in keys {
        let next = key.len() + 1 + does.len() + 2;
        if used + next > usize::from(width) + 2 {
            break;
        }
        used += next;
        spans.push(Span::from((*key).to_owned()).bold());
        spans.push(Span::from(format!(" {does}  ")).dim());
    }
    Line::from(spans)
}

/// The keys, explained, over everything else.
fn help(frame: &mut Frame<'_>, whole: Rect) {
    let rows = [
        ("s", "stop: iterations that run may finish"),
        ("q", "quit now: iterations that run are cut"),
        ("Ctrl-C", "once as s, twice as q"),
        ("?", "show this, or hide it"),
    ];
    let mut lines: Vec<Line<'_>> = rows
        .iter()
        .map(|(key, does)| Line::from(vec![Span::from(format!("{key:<8}")).bold(), (*does).into()]))
        .collect();
    lines.push(Line::default());
    lines.push(Line::from("Reports are written either way.").dim());
    let [row] = Layout::vertical([Constraint::Max(lines.len() as u16 + 2)])
        .flex(ratatui::layout::Flex::Center)
        .areas(whole);
    let [area] = Layout::horizontal([Constraint::Max(52)])
        .flex(ratatui::layout::Flex::Center)
        .areas(row);
    let frame_of_it = Block::bordered()
        .border_type(BorderType::Rounded)
        .border_style(Style::new().dim())
        .title(" keys ")
        .padding(Padding::horizontal(1));
    frame.render_widget(Clear, area);
    frame.render_widget(Paragraph::new(lines).block(frame_of_it), area);
}

#[cfg(test)]
#[path = "view_tests.rs"]
mod tests;
