//! How cheap a request is when the generator's core is never idle.

use super::{Row, tell};
use crate::{
    bench::{Bench, GENERATOR_CORE, TARGET_CORE},
    cost::Cost,
    generator::{Generator, Load},
    section::{Limit, Section},
};

pub(super) const ROW: Row = Row {
    name: "saturated",
    title: "CPU per request of the generator, saturated",
    how: "One core for the target, one for the generator, 300 VUs without waits. loadtest and k6 play persona A: \
          seven requests, every answer parsed and checked, all metrics on. wrk sends the same requests and parses \
          nothing. CPU is user and system time of the process; the difference of a long and a short load, so that \
          starting doesn't count. With --against, that commit's generator as well.",
    measure,
};

fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let target = bench.target(Some(TARGET_CORE))?;
    let load = Load {
        host: target.host.clone(),
        vus: 300,
        hold: bench.pick(5, 8),
        core: Some(GENERATOR_CORE),
        ..Load::default()
    };
    let mut section = Section::default();
    let generators = bench.generators(&[Generator::K6, Generator::Wrk]);
    bench.repeat(1, bench.pairs(5), |_| {
        for &generator in &generators {
            let cost = Cost::measure(generator, bench, &load, bench.pick(1, 2))?;
            let name = generator.name();
            section.record(&format!("{name}: CPU per request, µs"), cost.micros);
            section.record(&format!("{name}: requests/s"), cost.long.counts.per_second);
            section.witness(name, &cost.long);
            tell(generator, &format!("{:.1} µs", cost.micros));
        }
        Ok(())
    })?;
    super::compare(&mut section, &generators, "CPU per request, µs");
    section.goal("loadtest / k6", Limit::AtMost(1.0 / 9.0));
    section.goal("loadtest / wrk", Limit::AtMost(1.15));
    if bench.before.is_some() {
        section.goal("loadtest / before", Limit::AtMost(0.87));
    }
    Ok(section)
}
