//! As much as server and generator can do together.

use std::time::Duration;

use testbed::Stack;

use super::{Row, tell};
use crate::{
    bench::Bench,
    generator::Generator,
    parse,
    section::{Limit, Section},
};

pub(super) const ROW: Row = Row {
    name: "throughput",
    title: "Throughput without waits",
    how: "300 VUs of persona A that never wait; generator, server, PostgreSQL and Redis share all cores. The coupons \
          are sold out, because who gets one waits for it: six requests an iteration, of which one is a charge and one \
          an order, each committed to disk. With --against, that commit's generator and server in turns with \
          ours.",
    measure,
};

/// Who makes the load, and the stack of the same commit.
type Side = (Generator, Stack);

fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let mut sides: Vec<Side> = vec![(Generator::Loadtest, bench.stack()?)];
    if let Some(before) = &bench.before {
        sides.push((Generator::Before, bench.stack_of(&before.server)?));
    }
    let mut section = Section::default();
    bench.repeat(1, bench.pairs(5), |_| {
        sides
            .iter()
            .try_for_each(|side| load(bench, side, &mut section))
    })?;
    let ours = |figure| format!("loadtest: {figure}");
    section.goal(&ours(RATE), Limit::AtLeast(35_000.0));
    section.goal(&ours(P95), Limit::AtMost(20.0));
    section.goal(&ours(FAILED), Limit::AtMost(0.0));
    if bench.before.is_some() {
        for (figure, limit) in [(RATE, Limit::AtLeast(1.3)), (P95, Limit::AtMost(1.0))] {
            let label = format!("{figure}: loadtest / before");
            section.ratio(&label, &ours(figure), &format!("before: {figure}"));
            section.goal(&label, limit);
        }
    }
    Ok(section)
}

const RATE: &str = "requests/s";
const P95: &str = "p95, ms";
const FAILED: &str = "failed";

fn load(bench: &Bench, (generator, stack): &Side, section: &mut Section) -> anyhow::Result<()> {
    let flags = [
        "--host",
        stack.base_url(),
        "--vus",
        "300",
        "--duration",
        bench.pick("12s", "30s"),
        "--coupons",
        "0",
        "--sla",
        "none",
        "--no-audit",
    ];
    let measured = generator.run_with(bench, &flags, Duration::from_secs(30))?;
    let name = generator.name();
    let p95 = measured.counts.p95_ms.unwrap_or(f64::NAN);
    let orders = ["metrics", "http_reqs{name:5_create_order}", "rate"];
    let orders = parse::number(&measured.summary, &orders)?;
    for (figure, value) in [
        (RATE, measured.counts.per_second),
        ("of them orders/s", orders),
        (P95, p95),
        (FAILED, measured.counts.failed as f64),
    ] {
        section.record(&format!("{name}: {figure}"), value);
    }
    section.witness(name, &measured);
    let figure = format!("{:.0}/s, p95 {p95:.1} ms", measured.counts.per_second);
    tell(*generator, &figure);
    Ok(())
}
