//! Whether a request costs more when there are more virtual users.

use super::Row;
use crate::{
    bench::{Bench, GENERATOR_CORE, TARGET_CORE},
    generator::{Cost, Generator, Load},
    say,
    section::{Limit, Section},
    stats,
};

pub(super) const ROW: Row = Row {
    name: "scaling",
    title: "Cost as load grows",
    how: "As the row `saturated`, loadtest alone: CPU per request with more and more VUs. The last figure is the \
          dearest over the cheapest of the repetition.",
    measure,
};

const SIZES: [(u32, &str); 5] = [
    (10, "10"),
    (100, "100"),
    (300, "300"),
    (1_000, "1,000"),
    (3_000, "3,000"),
];

fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let target = bench.target(Some(TARGET_CORE))?;
    let mut section = Section::default();
    bench.repeat(1, 5, |_| {
        let mut costs = Vec::new();
        for (vus, shown) in SIZES {
            let load = Load {
                host: target.host.clone(),
                vus,
                hold: bench.pick(4, 6),
                core: Some(GENERATOR_CORE),
                ..Load::default()
            };
            let cost = Cost::measure(Generator::Loadtest, bench, &load, 2)?;
            section.record(&format!("{shown} VUs: CPU per request, µs"), cost.micros);
            section.witness(&format!("{shown} VUs"), &cost.long);
            say(&format!("    {shown} VUs: {:.1} µs", cost.micros));
            costs.push(cost.micros);
        }
        if let Some(spread) = stats::spread(&costs) {
            section.record_ratio("dearest / cheapest", spread);
        }
        Ok(())
    })?;
    section.goal("dearest / cheapest", Limit::AtMost(1.3));
    Ok(section)
}
