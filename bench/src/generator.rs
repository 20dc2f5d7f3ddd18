//! The same load by three generators: our own release binary, k6 and wrk.

use std::{
    fs::{self, File},
    io::BufReader,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::Duration,
};

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use crate::{
    bench::Bench,
    child::{Child, Ended, LOOK_EVERY},
    parse::{self, Counts},
    shell,
};

/// What start, set-up and the last iterations may take beside the load itself.
const SLACK: Duration = Duration::from_secs(60);

/// Persona A, so many at a time.
#[derive(Debug, Clone, Default)]
pub(crate) struct Load {
    pub(crate) host: String,
    pub(crate) vus: u32,
    /// Seconds in which they start; all at once if 0.
    pub(crate) ramp: u64,
    /// Seconds that they shop then.
    pub(crate) hold: u64,
    /// Seconds between a claim and the look for its coupon.
    pub(crate) wait: u64,
    /// An InfluxDB that metrics go to while it runs.
    pub(crate) influx: Option<String>,
    /// The core that the generator is kept on.
    pub(crate) core: Option<usize>,
    /// Whether it speaks HTTP/2; ours can.
    pub(crate) http2: bool,
    /// What is watched while it runs; ours can.
    pub(crate) probes: Vec<String>,
}

impl Load {
    fn limit(&self) -> Duration {
        Duration::from_secs(self.ramp + self.hold) + SLACK
    }

    /// What its files are called: those with an InfluxDB run beside those without.
    fn files(&self, generator: Generator) -> String {
        let output = if self.influx.is_some() { "-influx" } else { "" };
        format!("{}{output}", generator.name())
    }
}

/// A load that was made, and what it cost.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) counts: Counts,
    /// User and system time of the generator, start and end included.
    pub(crate) cpu: Duration,
    pub(crate) peak_bytes: u64,
    /// The whole summary, of those who write one.
    pub(crate) summary: Value,
    /// How to do the same by hand.
    pub(crate) line: String,
}

impl Measured {
    pub(crate) fn peak_mb(&self) -> f64 {
        self.peak_bytes as f64 / 1e6
    }

    /// CPU time of one request in µs, with its share of start and end.
    pub(crate) fn micros(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.counts.requests as f64
    }
}

/// Who makes the load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Generator {
    Loadtest,
    K6,
    Wrk,
}

impl Generator {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Loadtest => "loadtest",
            Self::K6 => "k6",
            Self::Wrk => "wrk",
        }
    }

    /// Makes the load, and waits for its end.
    pub(crate) fn run(self, bench: &Bench, load: &Load) -> anyhow::Result<Measured> {
        let started = self.start(bench, load)?;
        started.finish(bench)
    }

    /// Begins the load.
    pub(crate) fn start(self, bench: &Bench, load: &Load) -> anyhow::Result<Running> {
        let files = load.files(self);
        let summary = summary_file(bench, &files);
        let command = match self {
            Self::Loadtest => loadtest_command(bench, &load_flags(load), &summary),
            Self::K6 => k6_command(bench, load, &summary),
            Self::Wrk => wrk_command(bench, load),
        };
        let command = pinned(command, load.core);
        Running::start(self, bench, &command, &files, load.limit())
    }
}

/// Our own binary with other flags, such as a profile's name.
pub(crate) fn loadtest(bench: &Bench, flags: &[&str], limit: Duration) -> anyhow::Result<Measured> {
    let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
    let files = Generator::Loadtest.name();
    let command = loadtest_command(bench, &flags, &summary_file(bench, files));
    Running::start(Generator::Loadtest, bench, &command, files, limit + SLACK)?.finish(bench)
}

/// A generator at work.
pub(crate) struct Running {
    child: Child,
    generator: Generator,
    /// What its summary and logs are called.
    files: String,
    limit: Duration,
    pub(crate) line: String,
}

impl Running {
    fn start(
        generator: Generator,
        bench: &Bench,
        command: &Command,
        files: &str,
        limit: Duration,
    ) -> anyhow::Result<Self> {
        let summary = summary_file(bench, files);
        // An earlier run's must not be taken for this one's.
        let _ = fs::remove_file(&summary);
        Ok(Self {
            generator,
            limit,
            line: shell::line(command, &bench.root),
            child: Child::start(command, &bench.work.join(files))?,
            files: files.to_owned(),
        })
    }

    /// Waits for its end.
    pub(crate) fn finish(mut self, bench: &Bench) -> anyhow::Result<Measured> {
        loop {
            if let Some(measured) = self.look(bench, &mut |_, _| ())? {
                return Ok(measured);
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    /// What came of it, if it has ended; until then, `watch` is given its resident memory in bytes
    /// and its age.
    pub(crate) fn look(
        &mut self,
        bench: &Bench,
        watch: &mut impl FnMut(u64, Duration),
    ) -> anyhow::Result<Option<Measured>> {
        let Self {
            child,
            generator,
            files,
            limit,
            line,
        } = self;
        let measured = child.look(*limit, watch).and_then(|ended| {
            ended
                .map(|ended| measured(*generator, &summary_file(bench, files), &ended, line))
                .transpose()
        });
        measured.with_context(|| self.line.clone())
    }
}

/// Reads what a generator that has ended left behind.
fn measured(
    generator: Generator,
    summary: &Path,
    ended: &Ended,
    line: &str,
) -> anyhow::Result<Measured> {
    let code = ended.status.code();
    // A verdict is no failure of the run: an SLA is crossed, or the generator was saturated,
    // which is the point of some rows. Failed requests are counted and shown beside the figures.
    let ran = match generator {
        Generator::Loadtest => matches!(code, Some(0 | 97..=99)),
        Generator::K6 | Generator::Wrk => code == Some(0),
    };
    ensure!(ran, "ended with {}: {}", ended.status, ended.log_tail());
    let summary = match generator {
        Generator::Wrk => Value::Null,
        Generator::Loadtest | Generator::K6 => {
            read_json(summary).with_context(|| ended.log_tail())?
        }
    };
    let counts = match generator {
        Generator::Loadtest => parse::loadtest(&summary),
        Generator::K6 => parse::k6(&summary),
        Generator::Wrk => parse::wrk(&ended.stdout),
    }?;
    if counts.requests == 0 {
        bail!("it made no request: {}", ended.log_tail());
    }
    Ok(Measured {
        counts,
        cpu: ended.cpu,
        peak_bytes: ended.peak_bytes,
        summary,
        line: line.to_owned(),
    })
}

pub(crate) fn read_json(path: &Path) -> anyhow::Result<Value> {
    let file = File::open(path).with_context(|| format!("can't read {}", path.display()))?;
    Ok(serde_json::from_reader(BufReader::new(file))?)
}

fn summary_file(bench: &Bench, files: &str) -> PathBuf {
    bench.work.join(format!("{files}.json"))
}

pub(crate) fn load_flags(load: &Load) -> Vec<String> {
    let mut flags = vec!["--host".to_owned(), load.host.clone()];
    if load.ramp > 0 {
        for stage in [("ramp_up", load.ramp), ("hold", load.hold)] {
            flags.extend([
                "--stage".to_owned(),
                format!("{}={}s:{}", stage.0, stage.1, load.vus),
            ]);
        }
    } else {
        flags.extend(["--vus".to_owned(), load.vus.to_string()]);
        flags.extend(["--duration".to_owned(), format!("{}s", load.hold)]);
    }
    flags.extend(["--coupon-wait".to_owned(), format!("{}s", load.wait)]);
    flags.extend(["--sla", "none", "--no-audit"].map(str::to_owned));
    if let Some(influx) = &load.influx {
        flags.extend(["--out".to_owned(), format!("influxdb={influx}/loadtest")]);
    }
    if load.http2 {
        flags.push("--http2".to_owned());
    }
    for probe in &load.probes {
        flags.extend(["--probe".to_owned(), probe.clone()]);
    }
    flags
}

pub(crate) fn loadtest_command(bench: &Bench, flags: &[String], summary: &Path) -> Command {
    let mut command = Command::new(&bench.tools.loadtest);
    command.args(flags);
    command.args(["--quiet", "--summary-json"]);
    command.arg(summary);
    command.arg("--report-dir").arg(bench.work.join("reports"));
    command.current_dir(&bench.root);
    command
}

fn k6_command(bench: &Bench, load: &Load, summary: &Path) -> Command {
    let mut command = Command::new(&bench.tools.k6);
    command.args(["run", "--quiet", "--no-color", "--no-usage-report"]);
    for (name, value) in [
        ("BASE_URL", load.host.clone()),
        ("VUS", load.vus.to_string()),
        ("RAMP", load.ramp.to_string()),
        ("HOLD", load.hold.to_string()),
        ("WAIT", load.wait.to_string()),
    ] {
        command.arg("-e").arg(format!("{name}={value}"));
    }
    if let Some(influx) = &load.influx {
        command.arg("--out").arg(format!("influxdb={influx}/k6"));
    }
    command.arg("--summary-export");
    command.arg(summary);
    command.arg(bench.root.join("bench/k6/persona_a.js"));
    command.current_dir(&bench.root);
    command
}

fn wrk_command(bench: &Bench, load: &Load) -> Command {
    let mut command = Command::new(&bench.tools.wrk);
    command.arg("-t1");
    command.arg(format!("-c{}", load.vus));
    command.arg(format!("-d{}s", load.hold));
    command
        .arg("-s")
        .arg(bench.root.join("bench/wrk/persona_a.lua"));
    command.arg(&load.host);
    command.current_dir(&bench.root);
    command
}

/// The same on one core only.
pub(crate) fn pinned(command: Command, core: Option<usize>) -> Command {
    let Some(core) = core else {
        return command;
    };
    let mut pinned = Command::new("taskset");
    pinned.args(["-c", &core.to_string()]);
    pinned.arg(command.get_program()).args(command.get_args());
    if let Some(dir) = command.get_current_dir() {
        pinned.current_dir(dir);
    }
    pinned
}

/// CPU time of one request: the difference of a long and a short load, so that what a start and an
/// end cost falls out.
#[derive(Debug)]
pub(crate) struct Cost {
    pub(crate) micros: f64,
    pub(crate) long: Measured,
}

impl Cost {
    /// Measures it; `short` are the seconds of the shorter load.
    pub(crate) fn measure(
        generator: Generator,
        bench: &Bench,
        load: &Load,
        short: u64,
    ) -> anyhow::Result<Self> {
        let brief = Load {
            hold: short,
            ..load.clone()
        };
        let brief = generator.run(bench, &brief)?;
        let long = generator.run(bench, load)?;
        let micros = cost(
            (long.cpu, long.counts.requests),
            (brief.cpu, brief.counts.requests),
        )
        .with_context(|| {
            format!(
                "{}: the long load made no more than the short one",
                generator.name()
            )
        })?;
        Ok(Self { micros, long })
    }
}

/// Microseconds a request, of two loads' CPU time and requests.
pub(crate) fn cost(long: (Duration, u64), short: (Duration, u64)) -> Option<f64> {
    let cpu = long.0.checked_sub(short.0)?;
    let requests = long.1.checked_sub(short.1).filter(|more| *more > 0)?;
    Some(cpu.as_secs_f64() * 1e6 / requests as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cost_of_starting_falls_out() {
        let s = Duration::from_secs;
        // Half a second of start each: 2 s for 100,000 requests more.
        assert_eq!(cost((s(3), 110_000), (s(1), 10_000)), Some(20.0));
        assert_eq!(cost((s(3), 10_000), (s(1), 10_000)), None);
        assert_eq!(cost((s(1), 20_000), (s(3), 10_000)), None);
    }

    #[test]
    fn our_flags_say_the_load() {
        let mut load = Load {
            host: "http://h".to_owned(),
            vus: 5,
            hold: 9,
            ..Load::default()
        };
        let flags = load_flags(&load).join(" ");
        assert_eq!(
            flags,
            "--host http://h --vus 5 --duration 9s --coupon-wait 0s --sla none --no-audit"
        );
        load.ramp = 2;
        load.wait = 1;
        load.influx = Some("http://i".to_owned());
        let flags = load_flags(&load).join(" ");
        assert_eq!(
            flags,
            "--host http://h --stage ramp_up=2s:5 --stage hold=9s:5 --coupon-wait 1s --sla none --no-audit \
             --out influxdb=http://i/loadtest"
        );
    }
}
