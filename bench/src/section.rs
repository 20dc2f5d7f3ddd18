//! What a row of the bench found: raw figures, what follows from them, and the goals.

use serde::{Deserialize, Serialize};

use crate::stats;

/// One row's results.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Section {
    pub(crate) figures: Vec<Figure>,
    pub(crate) goals: Vec<Goal>,
    /// What was run, in its own words, and its command line.
    pub(crate) commands: Vec<(String, String)>,
    /// What a reader must know to judge them.
    pub(crate) notes: Vec<String>,
}

/// A value of every repetition.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Figure {
    pub(crate) label: String,
    pub(crate) values: Vec<f64>,
    pub(crate) kind: Kind,
}

/// How a figure's numbers are shown.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) enum Kind {
    /// In the unit that the label names.
    Plain,
    /// As a share of a peer's: 1/9, or 1.25.
    Ratio,
}

/// What a figure's median should be.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Goal {
    /// Whose median.
    pub(crate) label: String,
    pub(crate) kind: Kind,
    pub(crate) limit: Limit,
    pub(crate) median: Option<f64>,
}

/// At most or at least so much.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) enum Limit {
    AtMost(f64),
    AtLeast(f64),
}

impl Limit {
    fn holds(self, value: f64) -> bool {
        match self {
            Self::AtMost(limit) => value <= limit,
            Self::AtLeast(limit) => value >= limit,
        }
    }

    pub(crate) fn shown(self, kind: Kind) -> String {
        match self {
            Self::AtMost(limit) => format!("≤ {}", kind.shown(limit)),
            Self::AtLeast(limit) => format!("≥ {}", kind.shown(limit)),
        }
    }
}

impl Goal {
    /// A goal without a figure is missed: nothing was measured that could meet it.
    pub(crate) fn is_met(&self) -> bool {
        self.median.is_some_and(|median| self.limit.holds(median))
    }
}

impl Section {
    /// Adds the value of one more repetition.
    pub(crate) fn record(&mut self, label: &str, value: f64) {
        self.add(label, Kind::Plain, value);
    }

    fn add(&mut self, label: &str, kind: Kind, value: f64) {
        match self.figures.iter_mut().find(|figure| figure.label == label) {
            Some(figure) => figure.values.push(value),
            None => self.figures.push(Figure {
                label: label.to_owned(),
                values: vec![value],
                kind,
            }),
        }
    }

    /// The values of a figure, none if it is not there.
    pub(crate) fn values(&self, label: &str) -> &[f64] {
        self.figures
            .iter()
            .find(|figure| figure.label == label)
            .map_or(&[], |figure| &figure.values)
    }

    /// Adds the figure of the ratios, repetition by repetition.
    pub(crate) fn ratio(&mut self, label: &str, of: &str, over: &str) {
        for ratio in stats::ratios(self.values(of), self.values(over)) {
            self.add(label, Kind::Ratio, ratio);
        }
    }

    /// Adds one ratio that is no pair's.
    pub(crate) fn record_ratio(&mut self, label: &str, ratio: f64) {
        self.add(label, Kind::Ratio, ratio);
    }

    /// Holds the median of a figure, as it is now, to a limit.
    pub(crate) fn goal(&mut self, label: &str, limit: Limit) {
        let figure = self.figures.iter().find(|figure| figure.label == label);
        let median = figure.and_then(|figure| stats::median(&figure.values));
        let kind = figure.map_or(Kind::Plain, |figure| figure.kind);
        self.goals.push(Goal {
            label: label.to_owned(),
            kind,
            limit,
            median,
        });
    }

    /// Notes how something was run, once.
    pub(crate) fn command(&mut self, what: &str, line: &str) {
        if self.commands.iter().all(|(known, _)| known != what) {
            self.commands.push((what.to_owned(), line.to_owned()));
        }
    }

    /// Adds a remark, once.
    pub(crate) fn note(&mut self, text: impl Into<String>) {
        let text = text.into();
        if !self.notes.contains(&text) {
            self.notes.push(text);
        }
    }
}

impl Kind {
    /// A number as a reader wants it: about three significant digits, thousands separated.
    pub(crate) fn shown(self, value: f64) -> String {
        if self == Self::Ratio && value > 0.0 && value < 0.6 {
            format!("1/{}", plain(1.0 / value))
        } else {
            plain(value)
        }
    }
}

fn plain(value: f64) -> String {
    let size = value.abs();
    let digits = match size {
        size if size < 1.0 => 3,
        size if size < 10.0 => 2,
        size if size < 100.0 => 1,
        _ => 0,
    };
    let text = format!("{value:.digits$}");
    let text = match text.split_once('.') {
        Some((whole, fraction)) if fraction.bytes().all(|digit| digit == b'0') => whole.to_owned(),
        _ => text,
    };
    if size < 1_000.0 {
        return text;
    }
    let mut grouped = String::new();
    for (place, digit) in text.chars().enumerate() {
        if place > 0 && (text.len() - place).is_multiple_of(3) && digit != '-' {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let rows = [
            (0.0, "0"),
            (0.1054, "0.105"),
            (1.25, "1.25"),
            (0.9, "0.900"),
            (12.34, "12.3"),
            (20.0, "20"),
            (727.6, "728"),
            (1_950.0, "1,950"),
            (1_234_567.8, "1,234,568"),
        ];
        for (value, text) in rows {
            assert_eq!(Kind::Plain.shown(value), text, "{value}");
        }
        let rows = [(1.0 / 9.0, "1/9"), (0.105, "1/9.52"), (1.06, "1.06")];
        for (value, text) in rows {
            assert_eq!(Kind::Ratio.shown(value), text, "{value}");
        }
    }

    #[test]
    fn a_goal_looks_at_the_median() {
        let mut section = Section::default();
        for (ours, theirs) in [(10.0, 100.0), (11.0, 88.0), (50.0, 100.0)] {
            section.record("ours, µs", ours);
            section.record("k6, µs", theirs);
        }
        section.ratio("ours / k6", "ours, µs", "k6, µs");
        assert_eq!(section.values("ours / k6"), [0.1, 0.125, 0.5]);
        section.goal("ours / k6", Limit::AtMost(1.0 / 8.0));
        section.goal("ours / k6", Limit::AtMost(1.0 / 9.0));
        section.goal("ours, µs", Limit::AtLeast(11.0));
        section.goal("never measured", Limit::AtMost(1e9));
        let met: Vec<bool> = section.goals.iter().map(Goal::is_met).collect();
        assert_eq!(met, [true, false, true, false]);
    }

    #[test]
    fn commands_and_notes_are_kept_once() {
        let mut section = Section::default();
        section.command("k6", "k6 run a.js");
        section.command("k6", "k6 run b.js");
        section.note("so");
        section.note("so");
        assert_eq!(
            section.commands,
            [("k6".to_owned(), "k6 run a.js".to_owned())]
        );
        assert_eq!(section.notes, ["so"]);
    }
}
