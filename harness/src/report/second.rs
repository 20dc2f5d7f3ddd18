//! A tick of the sampler as a line of the series. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use super::measured::{DROPPED, PHASES, RESPONSE_TIME, START_DELAY};
use super::series::{Row, Second, Slow, Tags};
use crate::health::Health;
use crate::metrics::{
    Counter, Encoded, Names, Rate, RequestTags, Snapshot, TagFilter, Trend, TrendOf, intern,
};
use crate::probe::{Probed, Reading};
use crate::sampler::Tick;

impl Second {
    /// The second that a tick covers. Series that were idle in it have no row.
    #[must_use]
    pub fn of(tick: &Tick<'_>, health: &Health) -> Self {
        let mut second = Self {
            elapsed_ms: millis(tick.elapsed),
            length_ms: millis(tick.second.duration),
            time_ms: tick.time_ms,
            stage: tick.stage.to_owned(),
            ..Self::default()
        };
        second.requests(tick.second);
        second.phases(tick.second);
        second.iterations(tick.second);
        second.checks(tick.second);
        second.gauges = gauges(tick, health);
        // The recorder's maps have no order; a file that is compared or read has one.
        second
            .trends
            .sort_by(|a, b| (&a.metric, &a.tags).cmp(&(&b.metric, &b.tags)));
        second
            .slowest
            .sort_by(|a, b| b.duration.total_cmp(&a.duration));
        second
    }

    /// The same with what probes saw in it.
    #[must_use]
    pub fn with(mut self, probed: &[Probed]) -> Self {
        for Probed {
            probe,
            numbers,
            words,
        } in probed
        {
            let of_probe = |reading: &Reading| {
                let mut tags = tags([("probe", probe), ("of", &reading.of)]);
                tags.retain(|_, value| !value.is_empty());
                row(&reading.metric, tags, reading.value)
            };
            self.probes.extend(numbers.iter().map(of_probe));
            self.probe_words.extend(words.iter().map(of_probe));
        }
        self
    }

    fn requests(&mut self, snapshot: &Snapshot) {
        let known = &snapshot.names.catalogue.server_parts;
        let mut parts: BTreeMap<(&str, usize), Trend> = BTreeMap::new();
        for (tags, series) in &snapshot.requests {
            if series.count() == 0 {
                continue;
            }
            let named = request_tags(tags, &snapshot.names);
            for part in 0..known.len() {
                let sum = parts.entry((tags.name, part)).or_default();
                sum.merge(series.part(part));
            }
            if let Some(slowest) = &series.slowest {
                let server = known.iter().zip(slowest.server);
                self.slowest.push(Slow {
                    tags: named.clone(),
                    duration: ms(slowest.duration),
                    at_ms: millis(slowest.at),
                    vu: slowest.vu,
                    server: server
                        .filter_map(|(part, time)| Some((part.name.clone(), ms(time?))))
                        .collect(),
                });
            }
            self.trends.push(row(
                "http_req_duration",
                named,
                Encoded::whole(&series.counted()),
            ));
        }
        for ((name, part), trend) in parts.into_iter().filter(|(_, trend)| !trend.is_empty()) {
            let tags = tags([("name", name)]);
            self.trends
                .push(row(&known[part].metric(), tags, Encoded::numbers(&trend)));
        }
        let all = TagFilter::default();
        for name in snapshot.names.catalogue.trends() {
            let trend = snapshot.trend(TrendOf::Custom(intern(name)), &all);
            if !trend.is_empty() {
                self.trends
                    .push(row(name, Tags::new(), Encoded::whole(&trend)));
            }
        }
        let bytes = [
            ("data_sent", Counter::Sent),
            ("data_received", Counter::Received),
        ];
        for (name, counter) in bytes {
            let value = snapshot.counter(counter, &all);
            self.counters.push(row(name, Tags::new(), value));
        }
    }

    fn phases(&mut self, snapshot: &Snapshot) {
        let mut phases: BTreeMap<(&str, &str), Trend> = BTreeMap::new();
        for (tags, series) in &snapshot.requests {
            for (metric, phase) in PHASES {
                let trend = series.trend(phase);
                // Most requests find a connection, and open none.
                if trend.sum_ms() > 0.0 {
                    let sum = phases.entry((tags.name, metric)).or_default();
                    sum.merge(trend);
                }
            }
        }
        for ((name, metric), trend) in phases {
            let tags = tags([("name", name)]);
            self.trends
                .push(row(metric, tags, Encoded::numbers(&trend)));
        }
    }

    fn iterations(&mut self, snapshot: &Snapshot) {
        let mut interrupted = 0;
        for (tags_of, series) in &snapshot.iterations {
            interrupted += series.interrupted;
            let stage = &snapshot.names.stages[usize::from(tags_of.stage)];
            let tags = tags([
                ("scenario", tags_of.scenario),
                ("persona", tags_of.persona),
                ("stage", stage),
            ]);
            for (metric, trend) in [
                ("iteration_duration", &series.duration),
                (START_DELAY, &series.start_delay),
                (RESPONSE_TIME, &series.response_time),
            ] {
                if !trend.is_empty() {
                    self.trends
                        .push(row(metric, tags.clone(), Encoded::whole(trend)));
                }
            }
            if series.dropped > 0 {
                self.counters.push(row(DROPPED, tags, series.dropped));
            }
        }
        self.counters
            .push(row("interrupted_iterations", Tags::new(), interrupted));
    }

    fn checks(&mut self, snapshot: &Snapshot) {
        let mut sums = BTreeMap::<_, Rate>::new();
        for (of, counts) in &snapshot.checks {
            let sum = sums.entry((of.scenario, of.persona, of.check)).or_default();
            sum.passes += counts.passes;
            sum.fails += counts.fails;
        }
        for ((scenario, persona, check), sum) in sums {
            if sum.passes + sum.fails > 0 {
                let tags = tags([
                    ("scenario", scenario),
                    ("persona", persona),
                    ("check", check),
                ]);
                self.rates.push(row("checks", tags, sum));
            }
        }
    }
}

fn gauges(tick: &Tick<'_>, health: &Health) -> Vec<Row<f64>> {
    [
        ("vus", tick.second.vus.value as f64),
        ("vus_target", f64::from(tick.target)),
        ("generator_cpu_percent", health.cpu_percent),
        ("generator_machine_cpu_percent", health.machine_cpu_percent),
        ("generator_memory_bytes", health.memory_bytes as f64),
        ("generator_lag_ms", health.lag_ms),
    ]
    .into_iter()
    .map(|(metric, value)| row(metric, Tags::new(), value))
    .collect()
}

fn request_tags(of: &RequestTags, names: &Names) -> Tags {
    let stage = &names.stages[usize::from(of.stage)];
    let mut all = tags([
        ("scenario", of.scenario),
        ("persona", of.persona),
        ("name", of.name),
        ("method", of.method.as_str()),
        ("status", &of.status.to_string()),
        ("stage", stage),
        (
            "expected_response",
            if of.expected { "true" } else { "false" },
        ),
    ]);
    if names.protos {
        all.insert("proto".to_owned(), of.proto.as_str().to_owned());
    }
    all
}

fn tags<const N: usize>(pairs: [(&str, &str); N]) -> Tags {
    pairs
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

fn row<V>(metric: &str, tags: Tags, value: V) -> Row<V> {
    Row {
        metric: metric.to_owned(),
        tags,
        value,
    }
}

fn ms(time: Duration) -> f64 {
    time.as_micros() as f64 / 1_000.0
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
