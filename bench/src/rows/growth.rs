//! Whether memory grows with the length of a run.

use std::{thread, time::Duration};

use super::{Row, tell};
use crate::{
    bench::Bench,
    generator::{Generator, Load, Running},
    section::{Limit, Section},
};

pub(super) const ROW: Row = Row {
    name: "growth",
    title: "Memory over time",
    how: "300 VUs of persona A with one second's wait, about 2,000 requests/s, against the target: loadtest and k6 at \
          the same time, each at a target of its own. Resident memory after a minute and after ten (quick: after \
          10 s and after 40 s) of the same run, the highest in the five seconds before.",
    measure,
};

/// "Flat" leaves room for what an allocator keeps for later.
const FLAT: f64 = 1.05;

/// The highest of so many seconds is what is compared: Go's collector lets memory swing.
const WINDOW: Duration = Duration::from_secs(5);

fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let (early, late) = bench.pick((10, 40), (60, 600));
    let mut section = Section::default();
    let targets = [bench.target(None)?, bench.target(None)?];
    let mut watched = Vec::new();
    for (generator, target) in [Generator::Loadtest, Generator::K6]
        .into_iter()
        .zip(&targets)
    {
        let load = Load {
            host: target.host.clone(),
            vus: 300,
            // A little longer, so that it hasn't begun to end.
            hold: late + 2,
            wait: 1,
            ..Load::default()
        };
        let running = generator.start(bench, &load)?;
        section.command(generator.name(), &running.line);
        watched.push(Watched {
            generator,
            running: Some(running),
            early: Peak::before(early),
            late: Peak::before(late),
        });
    }
    while watched.iter().any(|watched| watched.running.is_some()) {
        thread::sleep(Duration::from_millis(100));
        for watched in &mut watched {
            watched.look(bench, &mut section)?;
        }
    }
    for Watched {
        generator,
        early: first,
        late: last,
        ..
    } in &watched
    {
        let name = generator.name();
        section.record(&format!("{name}: MB after {early} s"), first.megabytes);
        section.record(&format!("{name}: MB after {late} s"), last.megabytes);
        section.record_ratio(
            &format!("{name}: late / early"),
            last.megabytes / first.megabytes,
        );
        tell(
            *generator,
            &format!("{:.1} MB, then {:.1} MB", first.megabytes, last.megabytes),
        );
    }
    section.goal("loadtest: late / early", Limit::AtMost(FLAT));
    Ok(section)
}

/// The most memory in the seconds before a certain age.
struct Peak {
    until: Duration,
    megabytes: f64,
}

impl Peak {
    const fn before(seconds: u64) -> Self {
        Self {
            until: Duration::from_secs(seconds),
            megabytes: 0.0,
        }
    }

    fn see(&mut self, bytes: u64, age: Duration) {
        if age <= self.until && age + WINDOW >= self.until {
            self.megabytes = self.megabytes.max(bytes as f64 / 1e6);
        }
    }
}

struct Watched {
    generator: Generator,
    running: Option<Running>,
    early: Peak,
    late: Peak,
}

impl Watched {
    fn look(&mut self, bench: &Bench, section: &mut Section) -> anyhow::Result<()> {
        let Some(running) = &mut self.running else {
            return Ok(());
        };
        let (early, late) = (&mut self.early, &mut self.late);
        let measured = running.look(bench, &mut |bytes, age| {
            early.see(bytes, age);
            late.see(bytes, age);
        })?;
        if let Some(measured) = measured {
            section.witness(self.generator.name(), &measured);
            self.running = None;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_seconds_before_count() {
        let mut peak = Peak::before(20);
        for (bytes, age) in [
            (900e6, 14.9),
            (50e6, 15.0),
            (70e6, 18.0),
            (60e6, 20.0),
            (900e6, 20.1),
        ] {
            peak.see(bytes as u64, Duration::from_secs_f64(age));
        }
        assert_eq!(peak.megabytes, 70.0);
    }
}
