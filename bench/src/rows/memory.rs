//! How much memory many virtual users take.

use super::{Row, tell};
use crate::{
    bench::Bench,
    generator::{Generator, Load},
    section::{Limit, Section},
};

pub(super) const ROW: Row = Row {
    name: "memory",
    title: "Peak resident memory of the generator",
    how: "Persona A with one second's wait against the target, which answers at once: 3,000 VUs by loadtest and by \
          k6, 10,000 by loadtest. The largest resident set that the kernel saw. k6 keeps every sample, so its \
          figure grows with the length of the run (see `growth`).",
    measure,
};

fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let target = bench.target(None)?;
    let load = |vus| Load {
        host: target.host.clone(),
        vus,
        hold: bench.pick(6, 15),
        wait: 1,
        ..Load::default()
    };
    let mut section = Section::default();
    bench.repeat(1, 5, |_| {
        for (generator, vus, shown) in [
            (Generator::Loadtest, 3_000, "3,000"),
            (Generator::K6, 3_000, "3,000"),
            (Generator::Loadtest, 10_000, "10,000"),
        ] {
            let measured = generator.run(bench, &load(vus))?;
            let what = format!("{}, {shown} VUs", generator.name());
            section.record(&format!("{what}: MB"), measured.peak_mb());
            section.witness(&what, &measured);
            tell(
                generator,
                &format!("{shown} VUs: {:.0} MB", measured.peak_mb()),
            );
        }
        Ok(())
    })?;
    section.ratio(
        "loadtest / k6, 3,000 VUs",
        "loadtest, 3,000 VUs: MB",
        "k6, 3,000 VUs: MB",
    );
    section.goal("loadtest, 3,000 VUs: MB", Limit::AtMost(120.0));
    section.goal("loadtest, 10,000 VUs: MB", Limit::AtMost(400.0));
    Ok(section)
}
