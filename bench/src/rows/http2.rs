//! What a request costs the generator over HTTP/2, beside HTTP/1.1.

use super::{Row, tell};
use crate::{
    bench::{Bench, GENERATOR_CORE, Speaks, TARGET_CORE},
    cost::Cost,
    generator::{Generator, Load},
    section::Section,
};

pub(super) const ROW: Row = Row {
    name: "http-two",
    title: "CPU per request of the generator, HTTP/2 beside HTTP/1.1",
    how: "As `saturated`, with loadtest alone: once over HTTP/1.1, once with --http2 over plain TCP (prior \
          knowledge), in turns, each against a target that speaks just that. The requests, checks and metrics are \
          the same. Every VU has one connection in both.",
    measure,
};

fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let mut section = Section::default();
    bench.repeat(1, 5, |_| {
        for (name, speaks) in [("HTTP/1.1", Speaks::Http1), ("HTTP/2", Speaks::Http2)] {
            let target = bench.target_that(speaks, Some(TARGET_CORE))?;
            let load = Load {
                host: target.host.clone(),
                vus: 300,
                hold: bench.pick(5, 8),
                core: Some(GENERATOR_CORE),
                http2: speaks == Speaks::Http2,
                ..Load::default()
            };
            let cost = Cost::measure(Generator::Loadtest, bench, &load, bench.pick(1, 2))?;
            section.record(&format!("{name}: CPU per request, µs"), cost.micros);
            section.record(&format!("{name}: requests/s"), cost.long.counts.per_second);
            section.witness(name, &cost.long);
            tell(
                Generator::Loadtest,
                &format!("{name}: {:.1} µs", cost.micros),
            );
        }
        Ok(())
    })?;
    section.ratio(
        "HTTP/2 / HTTP/1.1",
        "HTTP/2: CPU per request, µs",
        "HTTP/1.1: CPU per request, µs",
    );
    Ok(section)
}
