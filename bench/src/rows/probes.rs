//! What watching the stores costs, and whether users notice.

use testbed::Stack;

use super::Row;
use crate::{
    bench::Bench,
    generator::{Generator, Load, Measured},
    say,
    section::{Limit, Section},
};

pub(super) const ROW: Row = Row {
    name: "probes",
    title: "Probes on against off",
    how: "300 VUs of persona A with one second's wait against the real server, in turns without a probe and with those \
          of a private stack: PostgreSQL, Redis, the server's metrics and the machine. CPU of the generator, in which \
          probes run, as a share of a core; what they cost is the difference, with and without them in each repetition. \
          What the stores do to answer them is not in it, but in p95.",
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
    let watched = Load {
        probes: probes(&stack),
        ..load.clone()
    };
    let mut section = Section::default();
    bench.repeat(1, 7, |n| {
        let mut sides = [("off", &load), ("on", &watched)];
        // Neither always has the machine as the other left it.
        sides.rotate_left((n % 2) as usize);
        let mut cores = [0.0; 2];
        for (side, load) in sides {
            let measured = Generator::Loadtest.run(bench, load)?;
            let what = format!("probes {side}");
            let p95 = measured.counts.p95_ms.unwrap_or(f64::NAN);
            let share = percent_of_a_core(&measured);
            cores[usize::from(side == "on")] = share;
            section.record(&format!("{what}: CPU of the generator, % of a core"), share);
            section.record(&format!("{what}: p95, ms"), p95);
            section.witness(&what, &measured);
            say(&format!(
                "    {what}: {share:.1} % of a core, p95 {p95:.1} ms"
            ));
        }
        section.record(COST, cores[1] - cores[0]);
        Ok(())
    })?;
    section.ratio(P95, "probes on: p95, ms", "probes off: p95, ms");
    section.goal(COST, Limit::AtMost(1.0));
    // Two runs of the same kind differ by as much.
    section.goal(P95, Limit::AtMost(1.1));
    Ok(section)
}

const COST: &str = "what probes cost, % of a core";
const P95: &str = "p95, on / off";

/// What a private stack is watched by.
fn probes(stack: &Stack) -> Vec<String> {
    vec![
        format!("postgres={}&sslmode=disable", stack.postgres().url()),
        format!("redis={}", stack.redis().url()),
        format!(
            "server=prometheus={}/metrics?match=database_pool*,batch_*,redis_call_seconds",
            stack.base_url()
        ),
        "host".to_owned(),
    ]
}

/// CPU time of the whole process over the time of its load.
fn percent_of_a_core(measured: &Measured) -> f64 {
    let seconds = measured.counts.requests as f64 / measured.counts.per_second;
    measured.cpu.as_secs_f64() / seconds * 100.0
}
