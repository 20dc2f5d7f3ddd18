//! Requests, thresholds, checks and events: as many rows of each as there is room for. Pure.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Stylize};
use ratatui::text::{Line, Span};

use super::model::{Model, Requests};
use super::view::{BAD, GOOD};
use crate::format::{fitted, grouped, ms, stopwatch};

/// From this width on, sections stand in two columns.
const TWO_COLUMNS: u16 = 120;
const NAME: usize = 20;
const NUMBER: usize = 9;

struct Section {
    title: Line<'static>,
    rows: Vec<Line<'static>>,
    /// Whether the last rows matter most.
    latest: bool,
}

pub(super) fn draw(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    if area.width < TWO_COLUMNS {
        let width = usize::from(area.width);
        let sections = vec![
            thresholds(model, width),
            requests(model, width),
            events(model, width),
            checks(model, width),
        ];
        return stack(sections, frame, area);
    }
    let [left, right] = Layout::horizontal([Constraint::Fill(1); 2])
        .spacing(4)
        .areas(area);
    let width = usize::from(left.width);
    stack(
        vec![requests(model, width), checks(model, width)],
        frame,
        left,
    );
    let width = usize::from(right.width);
    stack(
        vec![thresholds(model, width), events(model, width)],
        frame,
        right,
    );
}

/// One below the other, the first ones first; what has no room is left out, and said.
fn stack(sections: Vec<Section>, frame: &mut Frame<'_>, area: Rect) {
    let mut top = area.y;
    for section in sections
        .into_iter()
        .filter(|section| !section.rows.is_empty())
    {
        // A title alone is no use.
        if top + 2 > area.bottom() {
            break;
        }
        let room = usize::from(area.bottom() - top - 1);
        let all = section.rows.len();
        // What is left out needs a row to say so, but for events: there the latest count.
        let fits = if section.latest || all <= room {
            all.min(room)
        } else {
            room - 1
        };
        if fits == 0 {
            break;
        }
        let from = if section.latest { all - fits } else { 0 };
        let mut lines = vec![section.title];
        lines.extend(section.rows.into_iter().skip(from).take(fits));
        if fits < all && !section.latest {
            lines.push(Line::from(format!("… {} more", all - fits)).dim());
        }
        for line in lines {
            frame.render_widget(line, Rect::new(area.x, top, area.width, 1));
            top += 1;
        }
        top += 1;
    }
}

fn title(text: &str) -> Line<'static> {
    Line::from(text.to_owned()).bold()
}

fn requests(model: &Model, width: usize) -> Section {
    let columns = columns(width);
    let name = name_width(width, columns.len());
    let mut head = vec![Span::from(format!("{:<name$}", fitted("Requests", name))).bold()];
    head.extend(
        columns
            .iter()
            .map(|column| Span::from(format!("{:>NUMBER$}", column.head)).dim()),
    );
    let rows = model.requests.iter().map(|row| {
        let mut spans = vec![Span::from(format!("{:<name$}", fitted(&row.name, name)))];
        spans.extend(columns.iter().map(|column| {
            let cell = Span::from(format!("{:>NUMBER$}", (column.cell)(row)));
            if column.head == "failed" && row.failed > 0 {
                cell.fg(BAD)
            } else {
                cell
            }
        }));
        Line::from(spans)
    });
    // The sum first: it is what must not fall off.
    let mut rows: Vec<_> = rows.collect();
    rows.rotate_right(1.min(model.requests.len()));
    Section {
        title: Line::from(head),
        rows,
        latest: false,
    }
}

#[derive(Clone, Copy)]
struct Column {
    head: &'static str,
    /// The smaller, the longer it stays when columns have to go.
    weight: u8,
    cell: fn(&Requests) -> String,
}

const COLUMNS: [Column; 6] = [
    Column {
        head: "count",
        weight: 5,
        cell: |row| grouped(row.count),
    },
    Column {
        head: "req/s",
        weight: 1,
        cell: |row| grouped(row.rate.round() as u64),
    },
    Column {
        head: "failed",
        weight: 2,
        cell: |row| grouped(row.failed),
    },
    Column {
        head: "p50",
        weight: 4,
        cell: |row| ms(row.latency[0]),
    },
    Column {
        head: "p95",
        weight: 0,
        cell: |row| ms(row.latency[1]),
    },
    Column {
        head: "p99",
        weight: 3,
        cell: |row| ms(row.latency[2]),
    },
];

/// The columns that fit beside the names.
fn columns(width: usize) -> Vec<Column> {
    let fit = width.saturating_sub(NAME.min(width / 2)) / NUMBER;
    COLUMNS
        .into_iter()
        .filter(|column| usize::from(column.weight) < fit)
        .collect()
}

fn name_width(width: usize, columns: usize) -> usize {
    width.saturating_sub(columns * NUMBER).min(NAME + 4)
}

fn thresholds(model: &Model, width: usize) -> Section {
    let rows = model.thresholds.iter().map(|outcome| {
        let actual = match outcome.actual {
            None => "no data yet".to_owned(),
            Some(value) => outcome.threshold.measured(value),
        };
        let known = outcome.actual.filter(|_| !outcome.open);
        let state = known.map(|_| outcome.ok);
        marked(state, &outcome.threshold.to_string(), &actual, width)
    });
    Section {
        title: title("Thresholds"),
        rows: rows.collect(),
        latest: false,
    }
}

fn checks(model: &Model, width: usize) -> Section {
    let rows = model.checks.iter().map(|(_, name, passes, fails)| {
        let counts = if *fails > 0 {
            format!("{} failed of {}", grouped(*fails), grouped(passes + fails))
        } else {
            grouped(*passes)
        };
        marked(Some(*fails == 0), name, &counts, width)
    });
    Section {
        title: title("Checks"),
        rows: rows.collect(),
        latest: false,
    }
}

/// `✓ what            number`, of which the number is the last to go.
fn marked(ok: Option<bool>, what: &str, number: &str, width: usize) -> Line<'static> {
    let (mark, colour) = match ok {
        Some(true) => ("✓", GOOD),
        Some(false) => ("✗", BAD),
        None => ("·", Color::Reset),
    };
    // Beyond this the eye loses the line from words to number.
    let width = width.min(68);
    let room = width.saturating_sub(2 + number.chars().count() + 2);
    let what = fitted(what, room);
    let gap = " ".repeat(room.saturating_sub(what.chars().count()) + 2);
    let number = Span::from(number.to_owned());
    Line::from(vec![
        Span::styled(format!("{mark} "), colour),
        Span::from(what),
        Span::from(gap),
        match ok {
            Some(true) => number,
            Some(false) => number.fg(BAD),
            None => number.dim(),
        },
    ])
}

fn events(model: &Model, width: usize) -> Section {
    let rows = model.events.iter().map(|event| {
        let time = format!("{:>5}  ", stopwatch(event.at));
        let text = Span::from(fitted(&event.text, width.saturating_sub(time.len())));
        Line::from(vec![
            Span::from(time).dim(),
            if event.bad { text.fg(BAD) } else { text },
        ])
    });
    Section {
        title: title("Events"),
        rows: rows.collect(),
        latest: true,
    }
}
