//! The answer's `Server-Timing` header (W3C): where the server says its time went.

use std::time::Duration;

use http::HeaderMap;

use crate::catalogue::{MOST_PARTS, PartEntry};

/// What one answer said of the parts that the catalogue names, in its order.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct ServerTiming([Option<Duration>; MOST_PARTS]);

impl ServerTiming {
    /// Reads every such field of an answer.
    pub(super) fn of(fields: &HeaderMap, known: &[PartEntry]) -> Self {
        let mut timing = Self::default();
        let values = fields.get_all("server-timing").iter();
        let texts = values.filter_map(|value| value.to_str().ok());
        texts.for_each(|text| timing.read(text, known));
        timing
    }

    /// Reads a header such as `queue;dur=0.12, db;dur=1.5`. What is unknown or malformed is passed
    /// over: it is the server's text.
    pub(super) fn read(&mut self, header: &str, known: &[PartEntry]) {
        for metric in header.split(',') {
            let mut words = metric.split(';').map(str::trim);
            let name = words.next().unwrap_or_default();
            let Some(part) = known
                .iter()
                .take(MOST_PARTS)
                .position(|part| part.name == name)
            else {
                continue;
            };
            let duration = words
                .find_map(|word| word.strip_prefix("dur="))
                .and_then(milliseconds);
            self.0[part] = self.0[part].or(duration);
        }
    }

    /// All parts, as far as they were there.
    pub(super) const fn parts(&self) -> [Option<Duration>; MOST_PARTS] {
        self.0
    }

    /// The parts that were there, by their place in the catalogue.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, Duration)> + '_ {
        let parts = self.0.iter().enumerate();
        parts.filter_map(|(index, duration)| Some((index, (*duration)?)))
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
        const QUEUE: usize = 0;
        const DB: usize = 1;
        const REDIS: usize = 2;
        let known = crate::fixture::catalogue().server_parts;
        let us = Duration::from_micros;
        // (header, parts)
        let rows: [(&str, &[(usize, Duration)]); 8] = [
            (
                "queue;dur=0.12, db;dur=1.5",
                &[(QUEUE, us(120)), (DB, us(1_500))],
            ),
            ("redis;desc=\"lua\";dur=3", &[(REDIS, us(3_000))]),
            ("cache;dur=1, db;dur=2", &[(DB, us(2_000))]),
            ("db;dur=1, db;dur=2", &[(DB, us(1_000))]),
            (
                "queue;dur=0.0129,db;dur=12.,redis;dur=0",
                &[(QUEUE, us(12)), (DB, us(12_000)), (REDIS, us(0))],
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
            timing.read(header, &known);
            assert_eq!(timing.iter().collect::<Vec<_>>(), parts, "{header}");
        }
    }

    #[test]
    fn a_part_is_what_the_catalogue_names() {
        let of = |name: &str| PartEntry {
            name: name.to_owned(),
            ..PartEntry::default()
        };
        let mut timing = ServerTiming::default();
        timing.read(
            "db;dur=9, pool;dur=2, lock;dur=1",
            &[of("lock"), of("pool")],
        );
        let ms = Duration::from_millis;
        assert_eq!(timing.iter().collect::<Vec<_>>(), [(0, ms(1)), (1, ms(2))]);
    }
}
