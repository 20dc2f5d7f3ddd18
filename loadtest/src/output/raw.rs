//! k6's own schema: one point a sample, the measurement is the metric and its value the field
//! `value`, so that dashboards made for k6 keep working.

use std::time::UNIX_EPOCH;

use super::point::Point;
use crate::metrics::{Phase, Sample, SampleOf, Snapshot};
use crate::sampler::Tick;

/// The points of samples; with the version of HTTP if it has to be said.
#[must_use]
pub(super) fn points(samples: &[Sample], protos: bool) -> Vec<Point> {
    let of_sample = |sample| of_sample(sample, protos);
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

fn of_sample(sample: &Sample, protos: bool) -> Vec<Point> {
    let since = sample.at.duration_since(UNIX_EPOCH).unwrap_or_default();
    let time_ns = i64::try_from(since.as_nanos()).unwrap_or(i64::MAX);
    let point = |metric: &'static str, value: f64| {
        let mut point = Point::new(metric, time_ns).float("value", value);
        point = point
            .int("vu", u64::from(sample.origin.vu))
            .int("iter", sample.origin.iteration);
        point
    };
    match &sample.what {
        SampleOf::Iteration { tags, duration } => {
            let ms = duration.as_secs_f64() * 1_000.0;
            [("iterations", 1.0), ("iteration_duration", ms)]
                .map(|(metric, value)| point(metric, value).tag("scenario", tags.scenario))
                .into()
        }
        SampleOf::Check { tags, ok } => {
            let value = f64::from(u8::from(*ok));
            vec![
                point("checks", value)
                    .tag("scenario", tags.scenario)
                    .tag("check", tags.check),
            ]
        }
        SampleOf::Request {
            tags,
            url,
            phases,
            bytes,
        } => {
            let tagged = |point: Point| {
                let point = match protos {
                    true => point.tag("proto", tags.proto.as_str()),
                    false => point,
                };
                point
                    .tag("scenario", tags.scenario)
                    .tag("name", tags.name)
                    .tag("method", tags.method.as_str())
                    .tag("status", tags.status.to_string())
                    .tag("expected_response", tags.expected.to_string())
                    .text("url", url.clone())
            };
            let mut values = vec![
                ("http_reqs", 1.0),
                ("http_req_failed", f64::from(u8::from(!tags.expected))),
                ("data_sent", bytes.0 as f64),
                ("data_received", bytes.1 as f64),
            ];
            for (phase, metric) in Phase::ALL {
                if let Some((_, duration)) = phases.iter().find(|(of, _)| *of == phase) {
                    values.push((metric, duration.as_secs_f64() * 1_000.0));
                    values.extend(
                        tags.trend
                            .filter(|_| phase == Phase::Duration)
                            .map(|trend| (trend, duration.as_secs_f64() * 1_000.0)),
                    );
                }
            }
            values
                .into_iter()
                .map(|(metric, value)| tagged(point(metric, value)))
                .collect()
        }
    }
}
