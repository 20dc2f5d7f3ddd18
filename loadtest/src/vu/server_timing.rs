//! The answer's `Server-Timing` header (W3C): where the server says its time went.

use std::time::Duration;

use crate::metrics::Phase;

/// The parts that the harness knows, of a header such as `queue;dur=0.12, db;dur=1.5`.
/// Anything else, or malformed, is passed over: it is the server's text.
pub(super) fn parse(header: &str) -> impl Iterator<Item = (Phase, Duration)> + '_ {
    header.split(',').filter_map(|part| {
        let mut words = part.split(';').map(str::trim);
        let phase = match words.next()? {
            "queue" => Phase::ServerQueue,
            "db" => Phase::ServerDb,
            "redis" => Phase::ServerRedis,
            _ => return None,
        };
        let ms: f64 = words
            .find_map(|word| word.strip_prefix("dur="))?
            .parse()
            .ok()?;
        Some((phase, Duration::try_from_secs_f64(ms / 1_000.0).ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_parts_are_read_and_others_passed_over() {
        let us = Duration::from_micros;
        // (header, parts)
        let rows: [(&str, &[(Phase, Duration)]); 5] = [
            (
                "queue;dur=0.12, db;dur=1.5",
                &[(Phase::ServerQueue, us(120)), (Phase::ServerDb, us(1_500))],
            ),
            (
                "redis;desc=\"lua\";dur=3",
                &[(Phase::ServerRedis, us(3_000))],
            ),
            ("cache;dur=1, db;dur=2", &[(Phase::ServerDb, us(2_000))]),
            ("db, db;dur=-1, db;dur=fast, db;dur=NaN", &[]),
            ("", &[]),
        ];
        for (header, parts) in rows {
            assert_eq!(parse(header).collect::<Vec<_>>(), parts, "{header}");
        }
    }
}
