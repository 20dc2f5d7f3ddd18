//! The seed's main load, as a user runs it.

use std::time::Duration;

use super::Row;
use crate::{
    bench::Bench,
    generator::Generator,
    parse, say,
    section::{Limit, Section},
};

pub(super) const ROW: Row = Row {
    name: "seed-run",
    title: "The seed's run, `flow_300vus`",
    how: "300 VUs of persona A: 30 s up, 2 min of hold, 20 s down (quick: 5 s, 15 s, 3 s), on a private stack; \
          generator, server, PostgreSQL and Redis share all cores. Requests/s are those of the hold, p95 that of the \
          whole run. 300 VUs that wait a second can't make more than 2,100/s. The seed had 638/s, 727.6 ms, 12 failed.",
    measure,
};

fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let (hold, whole) = bench.pick((15.0, 23), (120.0, 170));
    let mut section = Section::default();
    bench.repeat(1, 5, |_| {
        let short = [
            "--stage=ramp_up=5s:300",
            "--stage=hold=15s:300",
            "--stage=ramp_down=3s:0",
        ];
        let mut flags = bench.pick(short.to_vec(), vec!["--profile=flow_300vus"]);
        // A threshold puts what it selects into the summary.
        flags.extend(["--threshold", "http_reqs{stage:hold}: count>0"]);
        flags.extend(["--threshold", "http_req_duration{stage:hold}: p(95)<200"]);
        let measured = Generator::Loadtest.run_with(bench, &flags, Duration::from_secs(whole))?;
        let of_hold = |metric: &str, key: &str| {
            let metric = format!("{metric}{{stage:hold}}");
            parse::number(&measured.summary, &["metrics", &metric, key])
        };
        let per_second = of_hold("http_reqs", "count")? / hold;
        let p95 = measured.counts.p95_ms.unwrap_or(f64::NAN);
        section.record("requests/s in the hold", per_second);
        section.record("p95, ms", p95);
        section.record("p95 in the hold, ms", of_hold("http_req_duration", "p95")?);
        section.record("failed", measured.counts.failed as f64);
        section.witness("loadtest", &measured);
        say(&format!("    {per_second:.0}/s, p95 {p95:.2} ms"));
        Ok(())
    })?;
    section.goal("requests/s in the hold", Limit::AtLeast(1_950.0));
    section.goal("p95, ms", Limit::AtMost(3.0));
    section.goal("failed", Limit::AtMost(0.0));
    Ok(section)
}
