//! What a request costs each process, where the server is at work.

use std::time::Duration;

use anyhow::Context;
use testbed::Stack;

use super::Row;
use crate::{
    bench::Bench,
    cost::cost,
    cpu,
    generator::{Generator, Load, Measured},
    say,
    section::{Limit, Section},
};

pub(super) const ROW: Row = Row {
    name: "by-process",
    title: "CPU per request by process, 3,000 VUs",
    how: "3,000 VUs of persona A with one second's wait; generator, server, PostgreSQL and Redis share all cores. User \
          and system time of each process over the requests of the load, set-up included; the difference of a long and \
          a short load. PostgreSQL is the sum of all its processes. What the kernel does for nobody in particular, such \
          as writing pages back, is in none of them. With --against, the generator is today's and the server that \
          commit's, in turns with ours.",
    measure,
};

/// A stack, and what it is called.
type Side = (&'static str, Stack);

const NOW: &str = "now";
const BEFORE: &str = "before";

fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let mut sides: Vec<Side> = vec![(NOW, bench.stack()?)];
    if let Some(before) = &bench.before {
        sides.push((BEFORE, bench.stack_of(&before.server)?));
    }
    let mut section = Section::default();
    bench.repeat(1, bench.pairs(5), |n| {
        // Neither always has the machine as the other left it.
        let turns = sides.len();
        sides.rotate_left(n as usize % turns);
        for side in &sides {
            weigh(bench, side, &mut section)?;
        }
        Ok(())
    })?;
    if bench.before.is_some() {
        for (process, limit) in [
            ("server", Some(0.7)),
            ("PostgreSQL", Some(0.8)),
            ("Redis", None),
        ] {
            let label = format!("{process}: now / before");
            section.ratio(&label, &figure(NOW, process), &figure(BEFORE, process));
            if let Some(limit) = limit {
                section.goal(&label, Limit::AtMost(limit));
            }
        }
    }
    Ok(section)
}

fn figure(side: &str, process: &str) -> String {
    format!("{side}: {process}, µs")
}

/// One long and one short load.
fn weigh(bench: &Bench, (side, stack): &Side, section: &mut Section) -> anyhow::Result<()> {
    let load = |hold| Load {
        host: stack.base_url().to_owned(),
        vus: 3_000,
        hold,
        wait: 1,
        ..Load::default()
    };
    let (short, _) = loaded(bench, stack, &load(4))?;
    let (long, measured) = loaded(bench, stack, &load(bench.pick(10, 20)))?;
    let mut said = Vec::new();
    for (process, name) in PROCESSES.iter().enumerate() {
        let micros = cost(
            (long.cpu[process], long.requests),
            (short.cpu[process], short.requests),
        );
        let micros = micros.context("the long load made no more than the short one")?;
        section.record(&figure(side, name), micros);
        said.push(format!("{name} {micros:.1} µs"));
    }
    let counts = &measured.counts;
    section.record(
        &format!("{side}: p95, ms"),
        counts.p95_ms.unwrap_or(f64::NAN),
    );
    section.record(&format!("{side}: requests/s"), counts.per_second);
    section.witness(side, &measured);
    say(&format!("    {side:<9} {}", said.join(", ")));
    Ok(())
}

const PROCESSES: [&str; 4] = ["generator", "server", "PostgreSQL", "Redis"];

/// CPU time of each of the processes in a load, and the load's requests.
struct Spent {
    cpu: [Duration; PROCESSES.len()],
    requests: u64,
}

fn loaded(bench: &Bench, stack: &Stack, load: &Load) -> anyhow::Result<(Spent, Measured)> {
    let stores = [
        Some(stack.sut().pid()),
        stack.postgres().pid(),
        stack.redis().pid(),
    ];
    let look = || -> anyhow::Result<[Duration; 3]> {
        let mut spent = [Duration::ZERO; 3];
        for (spent, pid) in spent.iter_mut().zip(stores) {
            *spent = cpu::family(pid.context("a part of the stack has ended")?)?;
        }
        Ok(spent)
    };
    let before = look()?;
    let measured = Generator::Loadtest.run(bench, load)?;
    let after = look()?;
    let [server, postgres, redis] = std::array::from_fn(|n| after[n].saturating_sub(before[n]));
    let spent = Spent {
        cpu: [measured.cpu, server, postgres, redis],
        requests: measured.counts.requests,
    };
    Ok((spent, measured))
}
