//! As much as server and generator can do together.

use super::Row;
use crate::{
    bench::Bench,
    generator, say,
    section::{Limit, Section},
};

use std::time::Duration;

pub(super) const ROW: Row = Row {
    name: "throughput",
    title: "Throughput without waits",
    how: "300 VUs of persona A that never wait; generator, server, PostgreSQL and Redis share all cores. The coupons \
          are sold out, because who gets one waits for it: six requests an iteration, of which one is a charge and one \
          an order, each committed to disk.",
    measure,
};

fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let stack = bench.stack()?;
    let mut section = Section::default();
    let seconds = bench.pick("12s", "30s");
    bench.repeat(1, 5, |_| {
        let flags = [
            "--host",
            stack.base_url(),
            "--vus",
            "300",
            "--duration",
            seconds,
            "--coupons",
            "0",
            "--sla",
            "none",
            "--no-audit",
        ];
        let measured = generator::loadtest(bench, &flags, Duration::from_secs(30))?;
        let p95 = measured.counts.p95_ms.unwrap_or(f64::NAN);
        let orders = ["metrics", "http_reqs{name:5_create_order}", "rate"];
        section.record("requests/s", measured.counts.per_second);
        section.record(
            "of them orders/s",
            crate::parse::number(&measured.summary, &orders)?,
        );
        section.record("p95, ms", p95);
        section.record("failed", measured.counts.failed as f64);
        section.witness("loadtest", &measured);
        say(&format!(
            "    {:.0}/s, p95 {p95:.1} ms",
            measured.counts.per_second
        ));
        Ok(())
    })?;
    section.goal("requests/s", Limit::AtLeast(35_000.0));
    section.goal("p95, ms", Limit::AtMost(20.0));
    section.goal("failed", Limit::AtMost(0.0));
    Ok(section)
}
