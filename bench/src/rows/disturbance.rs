//! What a server looks like when the generator takes its cores.

use super::{Row, tell};
use crate::{
    bench::Bench,
    generator::{Generator, Load},
    section::{Limit, Section},
};

pub(super) const ROW: Row = Row {
    name: "disturbance",
    title: "The same server, loaded by k6 and by us",
    how: "Persona A with one second's wait, 1,000 and 3,000 VUs, started over 5 s; generator, server, PostgreSQL and \
          Redis share all cores. Whatever differs is the generator's doing: p95 and requests/s as each of them says, \
          over the whole run.",
    measure,
};

/// How many VUs, and which share of k6's p95 ours may be.
const SIZES: [(u32, &str, f64); 2] = [(1_000, "1,000", 1.0 / 15.0), (3_000, "3,000", 1.0 / 10.0)];

fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let stack = bench.stack()?;
    let mut section = Section::default();
    bench.repeat(1, 5, |_| {
        for (vus, shown, _) in SIZES {
            for generator in [Generator::Loadtest, Generator::K6] {
                let load = Load {
                    host: stack.base_url().to_owned(),
                    vus,
                    ramp: bench.pick(3, 5),
                    hold: bench.pick(6, 12),
                    wait: 1,
                    ..Load::default()
                };
                let measured = generator.run(bench, &load)?;
                let what = format!("{}, {shown} VUs", generator.name());
                let p95 = measured.counts.p95_ms.unwrap_or(f64::NAN);
                section.record(&format!("{what}: p95, ms"), p95);
                section.record(&format!("{what}: requests/s"), measured.counts.per_second);
                section.witness(&what, &measured);
                let rate = measured.counts.per_second;
                tell(
                    generator,
                    &format!("{shown} VUs: p95 {p95:.1} ms, {rate:.0}/s"),
                );
            }
        }
        Ok(())
    })?;
    for (_, shown, limit) in SIZES {
        let of = |name| format!("{name}, {shown} VUs: p95, ms");
        let ratio = format!("p95, loadtest / k6, {shown} VUs");
        section.ratio(&ratio, &of("loadtest"), &of("k6"));
        section.goal(&ratio, Limit::AtMost(limit));
    }
    Ok(section)
}
