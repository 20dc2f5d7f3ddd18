//! Thresholds on durations as charts mark them. Pure.

use super::measured::DURATION;
use super::summary::Summary;
use crate::threshold::Threshold;

/// A threshold on durations.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Limit {
    /// `p(95)<200`, with what it is of where that isn't all of the chart.
    pub(super) words: String,
    pub(super) ms: f64,
    metric: String,
    /// The request that it is about, if it is about one.
    request: Option<String>,
    /// Whether it is about certain personas, statuses or methods.
    narrow: bool,
}

/// The thresholds on durations of a run.
#[derive(Debug, Default)]
pub(super) struct Limits(pub(super) Vec<Limit>);

/// Every threshold on durations of a run.
pub(super) fn limits(summary: &Summary) -> Limits {
    let rows = summary.thresholds.iter();
    let thresholds = rows.filter_map(|row| summary.threshold(&row.expression));
    let of_durations = thresholds.filter(|threshold| threshold.aggregation.is_duration());
    Limits(
        of_durations
            .map(|threshold| limit(summary, &threshold))
            .collect(),
    )
}

fn limit(summary: &Summary, threshold: &Threshold) -> Limit {
    let metric = threshold.metric.name;
    let requests = summary.catalogue.requests.iter();
    let mut feeding = requests.filter(|request| request.trend.as_deref() == Some(metric));
    let fed_by = match (feeding.next(), feeding.next()) {
        (Some(request), None) => Some(request.name.clone()),
        _ => None,
    };
    let tags = &threshold.filter.0;
    let named = tags
        .iter()
        .find(|(key, value)| key == "name" && !value.starts_with('!'));
    let others: Vec<_> = tags
        .iter()
        .filter(|pair| Some(*pair) != named)
        .map(|(key, value)| format!("{key}:{value}"))
        .collect();
    let whole = threshold.to_string();
    let (_, assertion) = whole.rsplit_once(": ").unwrap_or(("", &whole));
    Limit {
        words: match others.is_empty() {
            true => assertion.to_owned(),
            false => format!("{assertion} ({})", others.join(", ")),
        },
        ms: threshold.limit,
        metric: metric.to_owned(),
        request: named.map(|(_, name)| name.clone()).or(fed_by),
        narrow: tags
            .iter()
            .any(|(key, _)| !matches!(key.as_str(), "name" | "stage" | "scenario")),
    }
}

/// Marks closer to each other than this have one label.
const LABEL: f64 = 13.0;

/// Places and labels of marks: where several are close, the first has the label of all.
pub(super) fn placed(limits: &[&Limit], y: impl Fn(f64) -> f64) -> Vec<(f64, String)> {
    let mut marks: Vec<(f64, String)> = Vec::new();
    for limit in limits {
        let at = y(limit.ms);
        let mut labelled = marks.iter_mut().filter(|(_, label)| !label.is_empty());
        match labelled.find(|(other, _)| (*other - at).abs() < LABEL) {
            Some((_, label)) => {
                // Of a request and of the trend that is made of it alone.
                if !label.split(", ").any(|one| one == limit.words) {
                    *label = format!("{label}, {}", limit.words);
                }
                marks.push((at, String::new()));
            }
            None => marks.push((at, limit.words.clone())),
        }
    }
    marks
}

impl Limits {
    /// Those on the durations of all requests, or of those of stages or scenarios.
    pub(super) fn of_all(&self) -> Vec<&Limit> {
        let of_all =
            |limit: &&Limit| limit.metric == DURATION && limit.request.is_none() && !limit.narrow;
        self.0.iter().filter(of_all).collect()
    }

    /// Those on the durations of a request.
    pub(super) fn of_request(&self, name: &str) -> Vec<&Limit> {
        let of_it = |limit: &&Limit| limit.request.as_deref() == Some(name) && !limit.narrow;
        self.0.iter().filter(of_it).collect()
    }

    /// Those on another trend.
    pub(super) fn of_trend(&self, metric: &str) -> Vec<&Limit> {
        let of_it = |limit: &&Limit| limit.metric == metric;
        self.0.iter().filter(of_it).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_that_are_close_share_a_label() {
        let limit = |words: &str, ms| Limit {
            words: words.to_owned(),
            ms,
            metric: DURATION.to_owned(),
            request: None,
            narrow: false,
        };
        let limits = [
            limit("p(95)<200", 200.0),
            limit("p(99)<205", 205.0),
            limit("max<900", 900.0),
        ];
        let all: Vec<&Limit> = limits.iter().collect();
        assert_eq!(
            placed(&all, |ms| ms),
            [
                (200.0, "p(95)<200, p(99)<205".to_owned()),
                (205.0, String::new()),
                (900.0, "max<900".to_owned())
            ]
        );
    }
}
