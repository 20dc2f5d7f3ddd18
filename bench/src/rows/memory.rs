//! How much memory many virtual users take.

use std::{fs, path::Path};

use anyhow::Context;

use super::{Row, tell};
use crate::{
    bench::Bench,
    child::peak_bytes,
    generator::{Generator, Load},
    say,
    section::{Limit, Section},
};

pub(super) const ROW: Row = Row {
    name: "memory",
    title: "Peak resident memory of the generator, and of the server",
    how: "Persona A with one second's wait against the target, which answers at once: 3,000 VUs by loadtest and by \
          k6, 10,000 by loadtest. The largest resident set that the kernel saw. k6 keeps every sample, so its \
          figure grows with the length of the run (see `growth`). The server's is that of 10,000 VUs against a stack \
          that has just been started. With --against, that commit's generator and server as well.",
    measure,
};

const MANY: u32 = 10_000;

fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let target = bench.target(None)?;
    let mut section = Section::default();
    let mut loads = vec![(Generator::Loadtest, 3_000), (Generator::K6, 3_000)];
    let ours = bench.generators(&[]);
    loads.extend(ours.iter().map(|generator| (*generator, MANY)));
    bench.repeat(1, 5, |_| {
        for &(generator, vus) in &loads {
            let measured = generator.run(bench, &load(bench, &target.host, vus))?;
            let what = shown(generator, vus);
            section.record(&format!("{what}: MB"), measured.peak_mb());
            section.witness(&what, &measured);
            tell(
                generator,
                &format!("{vus} VUs: {:.0} MB", measured.peak_mb()),
            );
        }
        server(bench, "server", &bench.tools.server, &mut section)?;
        if let Some(before) = &bench.before {
            server(bench, "server before", &before.server, &mut section)?;
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
    if bench.before.is_some() {
        for (label, now, before) in [
            (
                "generator, 10,000 VUs: now / before",
                "loadtest, 10,000 VUs: MB",
                "before, 10,000 VUs: MB",
            ),
            (
                "server, 10,000 VUs: now / before",
                "server, 10,000 VUs: MB",
                "server before, 10,000 VUs: MB",
            ),
        ] {
            section.ratio(label, now, before);
            section.goal(label, Limit::AtMost(1.1));
        }
    }
    Ok(section)
}

fn load(bench: &Bench, host: &str, vus: u32) -> Load {
    Load {
        host: host.to_owned(),
        vus,
        hold: bench.pick(6, 15),
        wait: 1,
        ..Load::default()
    }
}

fn shown(generator: Generator, vus: u32) -> String {
    format!("{}, {},000 VUs", generator.name(), vus / 1_000)
}

/// The peak of a server of its own under the largest load.
fn server(bench: &Bench, name: &str, program: &Path, section: &mut Section) -> anyhow::Result<()> {
    let stack = bench.stack_of(program)?;
    let load = load(bench, stack.base_url(), MANY);
    let measured = Generator::Loadtest.run(bench, &load)?;
    let status = fs::read_to_string(format!("/proc/{}/status", stack.sut().pid()))?;
    let megabytes = peak_bytes(&status).context("the server has ended")? as f64 / 1e6;
    section.record(&format!("{name}, 10,000 VUs: MB"), megabytes);
    section.witness(name, &measured);
    say(&format!("    {name}: {megabytes:.0} MB"));
    Ok(())
}
