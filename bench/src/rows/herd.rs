//! Three hundred at once.

use std::time::Duration;

use super::Row;
use crate::{
    bench::Bench,
    generator::Generator,
    say,
    section::{Limit, Section},
};

pub(super) const ROW: Row = Row {
    name: "herd",
    title: "The thundering herd, `flow_iterations`",
    how: "300 VUs begin at the same moment and shop once, for 100 coupons, on a private stack that has just been \
          started. The seed had 278 ms on average and 2.13 s at worst.",
    measure,
};

fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let mut section = Section::default();
    bench.repeat(3, 11, |_| {
        let flags = ["--profile", "flow_iterations"];
        let measured = Generator::Loadtest.run_with(bench, &flags, Duration::from_secs(60))?;
        let p95 = measured.counts.p95_ms.unwrap_or(f64::NAN);
        let max = measured.counts.max_ms.unwrap_or(f64::NAN);
        section.record("p95, ms", p95);
        section.record("max, ms", max);
        section.record("failed", measured.counts.failed as f64);
        section.witness("loadtest", &measured);
        say(&format!("    p95 {p95:.1} ms, max {max:.1} ms"));
        Ok(())
    })?;
    section.goal("p95, ms", Limit::AtMost(25.0));
    section.goal("failed", Limit::AtMost(0.0));
    Ok(section)
}
