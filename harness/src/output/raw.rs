//! k6's own schema: one point a sample, the measurement is the metric and its value the field
//! `value`, so that dashboards made for k6 keep working.

use std::time::{Duration, UNIX_EPOCH};

use super::point::Point;
use crate::metrics::{self, Phase, RequestTags, Sample, SampleOf, Snapshot};
use crate::sampler::Tick;

/// The points of samples; with the version of HTTP if it has to be said. `last_ns` is the time of
/// the last sample before: each gets a time of its own, or one would overwrite the other.
#[must_use]
pub(super) fn points(samples: &mut [Sample], protos: bool, last_ns: &mut i64) -> Vec<Point> {
    samples.sort_by_key(|sample| sample.at);
    let of_sample = |sample: &Sample| {
        let since = sample.at.duration_since(UNIX_EPOCH).unwrap_or_default();
        let time_ns = i64::try_from(since.as_nanos()).unwrap_or(i64::MAX);
        *last_ns = time_ns.max(last_ns.saturating_add(1));
        of_sample(sample, protos, *last_ns)
    };
    samples.iter().flat_map(of_sample).collect()
}

/// k6's gauges, once a second.
#[must_use]
pub(super) fn gauges(tick: &Tick<'_>) -> [Point; 2] {
    let time_ns = tick.time_ms * 1_000_000;
    let Snapshot { vus, .. } = tick.second;
    [
        Point::new("vus", time_ns).float("value", vus.value as f64),
        Point::new("vus_max", time_ns).float("value", tick.total.vus_max.value as f64),
    ]
}

/// k6's gauge of virtual users before there are any.
#[must_use]
pub(super) fn idle(time_ms: i64) -> Point {
    Point::new("vus", time_ms * 1_000_000).float("value", 0.0)
}

fn of_sample(sample: &Sample, protos: bool, time_ns: i64) -> Vec<Point> {
    let point = |(metric, value): (&'static str, f64)| {
        Point::new(metric, time_ns)
            .float("value", value)
            .int("vu", u64::from(sample.origin.vu))
            .int("iter", sample.origin.iteration)
    };
    match &sample.what {
        SampleOf::Iteration { tags, duration } => {
            [("iterations", 1.0), ("iteration_duration", ms(*duration))]
                .map(|value| point(value).tag("scenario", tags.scenario))
                .into()
        }
        SampleOf::Check { tags, ok } => {
            let point = point(("checks", f64::from(u8::from(*ok))));
            let point = point.tag("scenario", tags.scenario);
            vec![point.tag("check", tags.check)]
        }
        SampleOf::Request {
            tags,
            url,
            phases,
            bytes,
        } => {
            let values = values_of(tags, phases, *bytes).into_iter();
            let points = values.map(point);
            let tagged = points.map(|point| tagged(point, tags, url));
            let proto = |point: Point| point.tag("proto", tags.proto.as_str());
            tagged
                .map(|point| if protos { proto(point) } else { point })
                .collect()
        }
    }
}

/// What a request is measured by: metrics and their values.
fn values_of(
    tags: &RequestTags,
    phases: &[(Phase, Duration)],
    (sent, received): (u64, u64),
) -> Vec<(&'static str, f64)> {
    let mut values = vec![
        ("http_reqs", 1.0),
        ("http_req_failed", f64::from(u8::from(!tags.expected))),
        ("data_sent", sent as f64),
        ("data_received", received as f64),
    ];
    for (phase, metric) in metrics::phases() {
        if let Some((_, duration)) = phases.iter().find(|(of, _)| *of == phase) {
            let own = tags.trend.filter(|_| phase == Phase::Duration);
            let metrics = [metric].into_iter().chain(own);
            values.extend(metrics.map(|metric| (metric, ms(*duration))));
        }
    }
    values
}

fn tagged(point: Point, tags: &RequestTags, url: &str) -> Point {
    point
        .tag("scenario", tags.scenario)
        .tag("name", tags.name)
        .tag("method", tags.method.as_str())
        .tag("status", tags.status.to_string())
        .tag("expected_response", tags.expected.to_string())
        .text("url", url.to_owned())
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{CheckTags, Origin};

    /// The same check at one time, and then 2.7 ms earlier, as after a clock that was slewed.
    #[test]
    fn no_two_samples_get_one_time() {
        let at = |micros| Sample {
            at: UNIX_EPOCH + Duration::from_micros(micros),
            origin: Origin {
                vu: 1,
                iteration: 0,
            },
            what: SampleOf::Check {
                tags: CheckTags {
                    scenario: "a",
                    persona: "a",
                    check: "c",
                    stage: 0,
                },
                ok: true,
            },
        };
        let mut last = 0;
        let mut times = Vec::new();
        for mut batch in [
            vec![at(10_000), at(9_000), at(10_000)],
            vec![at(7_300), at(20_000)],
        ] {
            let points = points(&mut batch, false, &mut last);
            times.extend(points.iter().map(|point| point.time_ns));
        }
        assert_eq!(
            times,
            [9_000_000, 10_000_000, 10_000_001, 10_000_002, 20_000_000]
        );
    }
}
