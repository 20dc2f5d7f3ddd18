//! What a request costs over TLS.

use super::{Row, tell};
use crate::{
    bench::{Bench, GENERATOR_CORE, Speaks, TARGET_CORE},
    cost::Cost,
    generator::{Generator, Load},
    section::{Limit, Section},
};

pub(super) const ROW: Row = Row {
    name: "tls",
    title: "CPU per request of the generator over TLS",
    how: "As `saturated`, over TLS: HTTP/1.1 beside wrk, and HTTP/2 beside h2load, each against a target that speaks \
          just that, 300 connections with one request at a time. h2load can't send different bodies, so it sends GETs \
          only, and it checks nothing but statuses. Handshakes fall out, as starting does.",
    measure,
};

fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let mut section = Section::default();
    let sides = [
        ("HTTP/1.1", Speaks::Https1, Generator::Wrk),
        ("HTTP/2", Speaks::Https2, Generator::H2load),
    ];
    bench.repeat(1, 5, |_| {
        for (version, speaks, peer) in sides {
            let target = bench.target_that(speaks, Some(TARGET_CORE))?;
            let load = Load {
                host: target.host.clone(),
                vus: 300,
                hold: bench.pick(5, 8),
                core: Some(GENERATOR_CORE),
                http2: speaks == Speaks::Https2,
                ..Load::default()
            };
            for generator in [Generator::Loadtest, peer] {
                let cost = Cost::measure(generator, bench, &load, bench.pick(1, 2))?;
                let name = format!("{}, {version}", generator.name());
                section.record(&figure(generator, version), cost.micros);
                section.witness(&name, &cost.long);
                tell(generator, &format!("{version}: {:.1} µs", cost.micros));
            }
        }
        Ok(())
    })?;
    for (version, _, peer) in sides {
        section.ratio(
            &format!("loadtest / {}, {version}", peer.name()),
            &figure(Generator::Loadtest, version),
            &figure(peer, version),
        );
    }
    section.goal("loadtest / h2load, HTTP/2", Limit::AtMost(1.5));
    Ok(section)
}

fn figure(generator: Generator, version: &str) -> String {
    format!("{}, {version}: CPU per request, µs", generator.name())
}
