//! What one request costs a process.

use std::time::Duration;

use anyhow::Context;

use crate::{
    bench::Bench,
    generator::{Generator, Load, Measured},
};

/// CPU time of one request: the difference of a long and a short load, so that what a start and an
/// end cost falls out.
#[derive(Debug)]
pub(crate) struct Cost {
    pub(crate) micros: f64,
    pub(crate) long: Measured,
}

impl Cost {
    /// Measures it; `short` are the seconds of the shorter load.
    pub(crate) fn measure(
        generator: Generator,
        bench: &Bench,
        load: &Load,
        short: u64,
    ) -> anyhow::Result<Self> {
        let brief = Load {
            hold: short,
            ..load.clone()
        };
        let brief = generator.run(bench, &brief)?;
        let long = generator.run(bench, load)?;
        let micros = cost(
            (long.cpu, long.counts.requests),
            (brief.cpu, brief.counts.requests),
        )
        .with_context(|| {
            format!(
                "{}: the long load made no more than the short one",
                generator.name()
            )
        })?;
        Ok(Self { micros, long })
    }
}

/// Microseconds a request, of two loads' CPU time and requests.
pub(crate) fn cost(long: (Duration, u64), short: (Duration, u64)) -> Option<f64> {
    let cpu = long.0.checked_sub(short.0)?;
    let requests = long.1.checked_sub(short.1).filter(|more| *more > 0)?;
    Some(cpu.as_secs_f64() * 1e6 / requests as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cost_of_starting_falls_out() {
        let s = Duration::from_secs;
        // Half a second of start each: 2 s for 100,000 requests more.
        assert_eq!(cost((s(3), 110_000), (s(1), 10_000)), Some(20.0));
        assert_eq!(cost((s(3), 10_000), (s(1), 10_000)), None);
        assert_eq!(cost((s(1), 20_000), (s(3), 10_000)), None);
    }
}
