//! Whether a request costs more when there are more virtual users.

use super::{Row, tell};
use crate::{
    bench::{Bench, GENERATOR_CORE, TARGET_CORE},
    cost::Cost,
    generator::{Generator, Load},
    section::{Limit, Section},
    stats,
};

pub(super) const ROW: Row = Row {
    name: "scaling",
    title: "Cost as load grows",
    how: "As the row `saturated`: CPU per request with more and more VUs, and by wrk with as many connections, whose \
          growth is the kernel's and the processor's caches' alone. The ratios are the dearest over the cheapest of a \
          repetition, and ours over wrk's.",
    measure,
};

const SIZES: [(u32, &str); 5] = [
    (10, "10"),
    (100, "100"),
    (300, "300"),
    (1_000, "1,000"),
    (3_000, "3,000"),
];

const SPREAD: &str = "loadtest: dearest / cheapest";

fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let target = bench.target(Some(TARGET_CORE))?;
    let mut section = Section::default();
    bench.repeat(1, 5, |_| {
        let (mut ours, mut wrks) = (Vec::new(), Vec::new());
        for (vus, shown) in SIZES {
            for (generator, costs) in [
                (Generator::Loadtest, &mut ours),
                (Generator::Wrk, &mut wrks),
            ] {
                let load = Load {
                    host: target.host.clone(),
                    vus,
                    hold: bench.pick(4, 5),
                    core: Some(GENERATOR_CORE),
                    ..Load::default()
                };
                let cost = Cost::measure(generator, bench, &load, 1)?;
                let what = format!("{}, {shown} VUs", generator.name());
                section.record(&format!("{what}: CPU per request, µs"), cost.micros);
                section.witness(&what, &cost.long);
                tell(generator, &format!("{shown} VUs: {:.1} µs", cost.micros));
                costs.push(cost.micros);
            }
        }
        if let (Some(ours), Some(wrks)) = (stats::spread(&ours), stats::spread(&wrks)) {
            section.record_ratio(SPREAD, ours);
            section.record_ratio("wrk: dearest / cheapest", wrks);
            section.record_ratio("growth, loadtest / wrk", ours / wrks);
        }
        Ok(())
    })?;
    section.goal(SPREAD, Limit::AtMost(1.3));
    Ok(section)
}
