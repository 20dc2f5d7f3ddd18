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
                .and_then(milliseconds);
            self.0[part] = self.0[part].or(duration);
        }
    }

    /// `queue`, `db` and `redis`, as far as they were there.
    pub(super) const fn parts(&self) -> [Option<Duration>; PARTS.len()] {
        self.0
    }

    /// The parts that were there.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Phase, Duration)> + '_ {
        PARTS
            .iter()
            .zip(self.0)
            .filter_map(|((_, phase), duration)| Some((*phase, duration?)))
    }
}

/// Reads a decimal number of milliseconds such as `1.25`. Every answer has several: this is a
/// tenth of what a floating-point number costs, and whole microseconds are all that is kept.
fn milliseconds(text: &str) -> Option<Duration> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 12 || !digits(whole) || !digits(fraction) {
        return None;
    }
    let thousandths = fraction.bytes().chain(*b"000").take(3);
    let us = whole
        .bytes()
        .chain(thousandths)
        .fold(0, |number, digit| number * 10 + u64::from(digit - b'0'));
    Some(Duration::from_micros(us))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_parts_are_read_and_others_passed_over() {
        let us = Duration::from_micros;
        // (header, parts)
        let rows: [(&str, &[(Phase, Duration)]); 8] = [
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
            (
                "queue;dur=0.0129,db;dur=12.,redis;dur=0",
                &[
                    (Phase::ServerQueue, us(12)),
                    (Phase::ServerDb, us(12_000)),
                    (Phase::ServerRedis, us(0)),
                ],
            ),
            (
                "db, db;dur=-1, db;dur=fast, db;dur=NaN, db;dur=, db;dur=.",
                &[],
            ),
            ("db;dur=9999999999999999999999", &[]),
            ("", &[]),
        ];
        for (header, parts) in rows {
            let mut timing = ServerTiming::default();
            timing.read(header);
            assert_eq!(timing.iter().collect::<Vec<_>>(), parts, "{header}");
        }
    }
}
