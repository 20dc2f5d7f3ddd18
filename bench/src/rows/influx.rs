//! What sending metrics to an InfluxDB costs the generator.

use super::{Row, tell};
use crate::{
    bench::Bench,
    generator::{Generator, Load},
    section::{Limit, Section},
};

pub(super) const ROW: Row = Row {
    name: "influx",
    title: "InfluxDB output on against off",
    how: "300 VUs of persona A with one second's wait, a fixed load: one run without an output and one to a real \
          InfluxDB 1.x at the same time, each at a target of its own, so that whatever else the machine does is done to \
          both; CPU per request of the generator. Starting is in it, some percent of both. InfluxDB's own work is not \
          the generator's and does not count.",
    measure,
};

fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let targets = [bench.target(None)?, bench.target(None)?];
    let influx = bench.influx()?;
    let load = |n: usize, influx: Option<String>| Load {
        host: targets[n].host.clone(),
        vus: 300,
        hold: bench.pick(8, 20),
        wait: 1,
        influx,
        ..Load::default()
    };
    let loads = [load(0, None), load(1, Some(influx.base_url()))];
    let mut section = Section::default();
    bench.repeat(1, 7, |_| {
        for generator in [Generator::Loadtest, Generator::K6] {
            let running = [
                generator.start(bench, &loads[0])?,
                generator.start(bench, &loads[1])?,
            ];
            for (output, running) in ["off", "on"].into_iter().zip(running) {
                let measured = running.finish(bench)?;
                let micros = measured.micros();
                let what = format!("{}, output {output}", generator.name());
                section.record(&format!("{what}: CPU per request, µs"), micros);
                section.witness(&what, &measured);
                tell(generator, &format!("{output}: {micros:.1} µs"));
            }
        }
        Ok(())
    })?;
    for name in ["loadtest", "k6"] {
        let of = |output| format!("{name}, output {output}: CPU per request, µs");
        section.ratio(&format!("{name}: on / off"), &of("on"), &of("off"));
    }
    section.goal("loadtest: on / off", Limit::AtMost(1.05));
    Ok(section)
}
