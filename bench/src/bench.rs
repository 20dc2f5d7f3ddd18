//! What every row works with: programs, places, how long, and servers to load.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use testbed::{Influx, Stack};
use tokio::runtime::{self, Runtime};

use crate::{
    against::{self, Programs},
    child::Child,
    cli::Cli,
    command::pinned,
    generator::Generator,
    say, target,
};

/// The core of the target and that of the generator, where each has one of its own.
pub(crate) const TARGET_CORE: usize = 0;
pub(crate) const GENERATOR_CORE: usize = 1;

const READY_WITHIN: Duration = Duration::from_secs(30);

/// The bench at work.
pub(crate) struct Bench {
    /// Shorter and fewer repetitions.
    pub(crate) quick: bool,
    pub(crate) tools: Tools,
    /// Those of the commit that is measured beside this one, if one is.
    pub(crate) before: Option<Programs>,
    /// The repository.
    pub(crate) root: PathBuf,
    /// Where logs and summaries go.
    pub(crate) work: PathBuf,
    runtime: Runtime,
}

/// The programs that are run.
#[derive(Debug)]
pub(crate) struct Tools {
    pub(crate) loadtest: PathBuf,
    pub(crate) server: PathBuf,
    /// Leads workers that were made up, and is these as well.
    pub(crate) made_up: PathBuf,
    pub(crate) k6: PathBuf,
    pub(crate) wrk: PathBuf,
    pub(crate) h2load: PathBuf,
    pub(crate) pgbench: PathBuf,
}

impl Tools {
    /// Ours are where they were `built` and beside this program, k6 where `make bench` puts it, the
    /// rest on PATH.
    fn find(root: &Path, built: &Path) -> anyhow::Result<Self> {
        let own = env::current_exe().context("this program doesn't know its own file")?;
        Ok(Self {
            loadtest: built.join("loadtest"),
            server: built.join("server"),
            made_up: own.with_file_name("made_up"),
            k6: root.join("target/k6/bin/k6"),
            wrk: "wrk".into(),
            h2load: "h2load".into(),
            pgbench: "pgbench".into(),
        })
    }
}

impl Bench {
    /// Finds and builds what it needs.
    pub(crate) fn new(cli: &Cli) -> anyhow::Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .context("the bench has no repository around it")?
            .to_owned();
        ensure!(
            !cfg!(debug_assertions),
            "only a release build is worth measuring: cargo run --release -p bench"
        );
        let cores = std::thread::available_parallelism()?.get();
        ensure!(
            cores >= 2,
            "target and generator need a core each, and there is {cores}"
        );
        let built = build(&root)?;
        let before = match &cli.against {
            Some(commit) => Some(against::build(&root, commit)?),
            None => None,
        };
        let tools = Tools::find(&root, &built)?;
        for (program, flag) in [
            (&tools.k6, "version"),
            (&tools.wrk, "-v"),
            (&tools.h2load, "--version"),
            (&tools.pgbench, "--version"),
            (&PathBuf::from("taskset"), "--version"),
        ] {
            Command::new(program).arg(flag).output().with_context(|| {
                format!(
                    "{} is missing: `make bench-tools` installs it",
                    program.display()
                )
            })?;
        }
        let work = root.join("target/bench");
        fs::create_dir_all(&work).with_context(|| format!("can't make {}", work.display()))?;
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("no runtime")?;
        Ok(Self {
            quick: cli.quick,
            tools,
            before,
            root,
            work,
            runtime,
        })
    }

    /// The first if this is a quick bench, the second if it is a full one.
    pub(crate) fn pick<T>(&self, quick: T, full: T) -> T {
        if self.quick { quick } else { full }
    }

    /// Calls `measure` with the number of each repetition, and says which it is.
    pub(crate) fn repeat(
        &self,
        quick: u32,
        full: u32,
        mut measure: impl FnMut(u32) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let times = self.pick(quick, full);
        for n in 1..=times {
            let started = Instant::now();
            measure(n)?;
            say(&format!(
                "  {n} of {times} in {:.0} s",
                started.elapsed().as_secs_f64()
            ));
        }
        Ok(())
    }

    /// A private PostgreSQL, Redis and server.
    pub(crate) fn stack(&self) -> anyhow::Result<Stack> {
        self.stack_of(&self.tools.server)
    }

    /// The same with another server.
    pub(crate) fn stack_of(&self, server: &Path) -> anyhow::Result<Stack> {
        Ok(self.wait(Stack::start(Command::new(server)))?)
    }

    /// Ours, that of the commit before if there is one, and their peers.
    pub(crate) fn generators(&self, peers: &[Generator]) -> Vec<Generator> {
        let before = self.before.iter().map(|_| Generator::Before);
        let ours = std::iter::once(Generator::Loadtest).chain(before);
        ours.chain(peers.iter().copied()).collect()
    }

    /// How often a row is repeated in full: a difference between two of our own versions is small.
    pub(crate) fn pairs(&self, alone: u32) -> u32 {
        if self.before.is_some() { 9 } else { alone }
    }

    /// A private InfluxDB.
    pub(crate) fn influx(&self) -> anyhow::Result<Influx> {
        Ok(self.wait(Influx::start(false))?)
    }

    /// The target, on one core or on any.
    pub(crate) fn target(&self, core: Option<usize>) -> anyhow::Result<Target> {
        self.target_that(Speaks::Http1, core)
    }

    /// A target that speaks one version of HTTP.
    pub(crate) fn target_that(
        &self,
        speaks: Speaks,
        core: Option<usize>,
    ) -> anyhow::Result<Target> {
        let mut command = Command::new(env::current_exe()?);
        command.arg(target::SUBCOMMAND);
        if matches!(speaks, Speaks::Http2 | Speaks::Https2) {
            command.arg(target::HTTP2);
        }
        if matches!(speaks, Speaks::Https1 | Speaks::Https2) {
            command.arg(target::TLS);
        }
        let mut child = Child::start(&pinned(command, core), &self.work.join("target"))?;
        let line = child
            .first_line(READY_WITHIN)
            .context("the target doesn't start")?;
        let host = line.strip_prefix(target::LISTENING).unwrap_or_default();
        Ok(Target {
            host: host.to_owned(),
            _child: child,
        })
    }

    /// Runs what is asynchronous to its end.
    pub(crate) fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }
}

/// What a target speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speaks {
    Http1,
    Http2,
    Https1,
    Https2,
}

/// A running target, ended on drop.
pub(crate) struct Target {
    /// Its URL.
    pub(crate) host: String,
    _child: Child,
}

/// Brings the programs that are measured up to date, as a figure must not be an older build's. Tells
/// where generator and server are, built as releases are.
fn build(root: &Path) -> anyhow::Result<PathBuf> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--release", "--locked", "--quiet"])
        .args(["-p", "loadtest", "-p", "server", "-p", "bench"])
        .args(["--bin", "made_up"])
        .current_dir(root)
        .status()
        .context("cargo can't be started")?;
    ensure!(built.success(), "made_up doesn't build");
    against::release(root)
}
