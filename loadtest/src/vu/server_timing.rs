//! The answer's `Server-Timing` header (W3C): where the server says its time went.

use std::time::Duration;

use crate::metrics::Phase;

/// The parts that the harness knows.
const PARTS: [(&str, Phase); 3] = [
    ("queue", Phase::ServerQueue),
    ("db", Phase::ServerDb),
    ("redis", Phase::ServerRedis),
];

/// What one answer said of them.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct ServerTiming([Option<Duration>; PARTS.len()]);

impl ServerTiming {
    /// Reads a header such as `queue;dur=0.12, db;dur=1.5`. Anything else, or malformed, is
    /// passed over: it is the server's text.
    pub(super) fn read(&mut self, header: &str) {
        for metric in header.split(',') {
            let mut words = metric.split(';').map(str::trim);
            let name = words.next().unwrap_or_default();
            let Some(part) = PARTS.iter().position(|(known, _)| *known == name) else {
                continue;
            };
            let duration = words
                .find_map(|word| word.strip_prefix("dur="))
                .and_then(|ms| ms.parse::<f64>().ok())
                .and_then(|ms| Duration::try_from_secs_f64(ms / 1_000.0).ok());
            self.0[part] = self.0[part].or(duration);
        }
    }

    /// The parts that were there.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Phase, Duration)> + '_ {
        PARTS
            .iter()
            .zip(self.0)
            .filter_map(|((_, phase), duration)| Some((*phase, duration?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_parts_are_read_and_others_passed_over() {
        let us = Duration::from_micros;
        // (header, parts)
        let rows: [(&str, &[(Phase, Duration)]); 6] = [
            (
                "queue;dur=0.12, db;dur=1.5",
                &[(Phase::ServerQueue, us(120)), (Phase::ServerDb, us(1_500))],
            ),
            (
                "redis;desc=\"lua\";dur=3",
                &[(Phase::ServerRedis, us(3_000))],
            ),
            ("cache;dur=1, db;dur=2", &[(Phase::ServerDb, us(2_000))]),
            ("db;dur=1, db;dur=2", &[(Phase::ServerDb, us(1_000))]),
            ("db, db;dur=-1, db;dur=fast, db;dur=NaN", &[]),
            ("", &[]),
        ];
        for (header, parts) in rows {
            let mut timing = ServerTiming::default();
            timing.read(header);
            assert_eq!(timing.iter().collect::<Vec<_>>(), parts, "{header}");
        }
    }
}
