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
    command::{h2load_command, k6_command, load_flags, loadtest_command, pinned, wrk_command},
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
    /// The one of the commit that ours is measured against.
    Before,
    K6,
    Wrk,
    H2load,
}

impl Generator {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Loadtest => "loadtest",
            Self::Before => "before",
            Self::K6 => "k6",
            Self::Wrk => "wrk",
            Self::H2load => "h2load",
        }
    }

    /// Our own binary, of this commit or of the one before.
    fn program(self, bench: &Bench) -> anyhow::Result<&Path> {
        match (self, &bench.before) {
            (Self::Before, Some(before)) => Ok(&before.loadtest),
            (Self::Before, None) => bail!("there is nothing to measure it against"),
            _ => Ok(&bench.tools.loadtest),
        }
    }

    /// Makes the load, and waits for its end.
    pub(crate) fn run(self, bench: &Bench, load: &Load) -> anyhow::Result<Measured> {
        let started = self.start(bench, load)?;
        started.finish(bench)
    }

    /// Runs one of our own binaries with other flags, such as a profile's name.
    pub(crate) fn run_with(
        self,
        bench: &Bench,
        flags: &[&str],
        limit: Duration,
    ) -> anyhow::Result<Measured> {
        let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let files = self.name();
        let summary = summary_file(bench, files);
        let command = loadtest_command(bench, self.program(bench)?, &flags, &summary);
        Running::start(self, bench, &command, files, limit + SLACK)?.finish(bench)
    }

    /// Begins the load.
    pub(crate) fn start(self, bench: &Bench, load: &Load) -> anyhow::Result<Running> {
        let files = load.files(self);
        let summary = summary_file(bench, &files);
        let command = match self {
            Self::Loadtest | Self::Before => {
                loadtest_command(bench, self.program(bench)?, &load_flags(load), &summary)
            }
            Self::K6 => k6_command(bench, load, &summary),
            Self::Wrk => wrk_command(bench, load),
            Self::H2load => h2load_command(bench, load),
        };
        let command = pinned(command, load.core);
        Running::start(self, bench, &command, &files, load.limit())
    }
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
        Generator::Loadtest | Generator::Before => matches!(code, Some(0 | 97..=99)),
        Generator::K6 | Generator::Wrk | Generator::H2load => code == Some(0),
    };
    ensure!(ran, "ended with {}: {}", ended.status, ended.log_tail());
    let summary = match generator {
        Generator::Wrk | Generator::H2load => Value::Null,
        Generator::Loadtest | Generator::Before | Generator::K6 => {
            read_json(summary).with_context(|| ended.log_tail())?
        }
    };
    let counts = match generator {
        Generator::Loadtest | Generator::Before => parse::loadtest(&summary),
        Generator::K6 => parse::k6(&summary),
        Generator::Wrk => parse::wrk(&ended.stdout),
        Generator::H2load => parse::h2load(&ended.stdout),
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
