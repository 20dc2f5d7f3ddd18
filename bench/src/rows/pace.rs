//! What a request costs at the pace of the seed's run, where waking up dominates.

use super::{Row, tell};
use crate::{
    bench::Bench,
    cost::Cost,
    generator::{Generator, Load},
    section::{Limit, Section},
};

pub(super) const ROW: Row = Row {
    name: "pace",
    title: "CPU per request of the generator at the seed's pace",
    how: "300 VUs of persona A, one second's wait in every iteration, against the real server; generator, server, \
          PostgreSQL and Redis share all cores. The difference of a long and a short load. With --against, that \
          commit's generator as well.",
    measure,
};

fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let stack = bench.stack()?;
    let load = Load {
        host: stack.base_url().to_owned(),
        vus: 300,
        hold: bench.pick(8, 20),
        wait: 1,
        ..Load::default()
    };
    let mut section = Section::default();
    let generators = bench.generators(&[Generator::K6]);
    bench.repeat(1, bench.pairs(5), |_| {
        for &generator in &generators {
            let cost = Cost::measure(generator, bench, &load, 4)?;
            let name = generator.name();
            section.record(&format!("{name}: CPU per request, µs"), cost.micros);
            section.record(&format!("{name}: requests/s"), cost.long.counts.per_second);
            section.witness(name, &cost.long);
            tell(generator, &format!("{:.1} µs", cost.micros));
        }
        Ok(())
    })?;
    super::compare(&mut section, &generators, "CPU per request, µs");
    section.goal("loadtest / k6", Limit::AtMost(1.0 / 6.0));
    if bench.before.is_some() {
        section.goal("loadtest / before", Limit::AtMost(0.85));
    }
    Ok(section)
}
