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
    how: "300 VUs of persona A with one second's wait against the target: a fixed load. Off, then on to a real \
          InfluxDB 1.x on the same machine; CPU per request of the generator. Starting is in it, some percent of both. \
          InfluxDB's own work is not the generator's and does not count.",
    measure,
};

fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let target = bench.target(None)?;
    let influx = bench.influx()?;
    let off = Load {
        host: target.host.clone(),
        vus: 300,
        hold: bench.pick(8, 20),
        wait: 1,
        ..Load::default()
    };
    let on = Load {
        influx: Some(influx.base_url()),
        ..off.clone()
    };
    let mut section = Section::default();
    bench.repeat(1, 5, |_| {
        for generator in [Generator::Loadtest, Generator::K6] {
            for (output, load) in [("off", &off), ("on", &on)] {
                let measured = generator.run(bench, load)?;
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
