//! Profile or file, environment and flags, layered and validated into one [`RunConfig`].
//!
//! Precedence: built-in default < profile or config file < `LOADTEST_*` < flags. All values are
//! text in one grammar, wherever they come from, and every problem is reported at once.

mod connect;
mod distributed;
mod field;
mod filter;
mod headers;
mod inputs;
mod judgement;
mod kept;
mod layer;
mod nearest;
mod occurring;
mod options;
mod outcome;
mod outline;
pub mod parse;
mod probe_table;
mod probing;
mod problem;
mod profile;
mod range;
mod reach;
mod reader;
mod report_dir;
mod scenario;
mod section;
mod sections;
mod setting;
mod shape;
mod sla;
mod strays;
mod tags;
mod together;
mod told;
mod validate;
mod values;

#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use distributed::place;
pub use field::{FIELDS, Field, Fields, Form, Load, Scope};
pub use inputs::Inputs;
pub use layer::{Layer, Value};
pub use nearest::no_such_key;
pub use options::Options;
pub use outline::{Outline, Program};
pub use problem::{Problem, Source};
pub use profile::Profile;
pub use scenario::Scenario;
pub use section::{Flaw, Section};
pub(crate) use setting::comparable;
pub use setting::{Setting, command};
pub use strays::without_unused;
pub use told::Told;
pub use validate::{load, load_kept, load_told, load_trial};

use crate::catalogue::Catalogue;
use crate::executor::Plan;
use crate::fleet::Place;
use crate::metrics::Names;
use crate::output::Address;
use crate::probe;
use crate::threshold::{Limits, Threshold};
use crate::vu::{ConnectOptions, Header};
use report_dir::report_dir;

/// Everything a run needs to know, valid in itself.
#[derive(Debug, Clone)]
pub struct RunConfig {
    /// The program that runs it.
    pub program: Program,
    /// Everything that could be configured.
    pub fields: Fields,
    /// What is known of the API.
    pub catalogue: Arc<Catalogue>,
    /// What the suite asserts, beside that answers can be read.
    pub checks: Vec<&'static str>,
    /// What the private server is, if the suite has one.
    pub private: Option<&'static str>,
    /// What is said of the environment, and prevents nothing.
    pub warnings: Vec<String>,
    /// What the user calls the run.
    pub name: Option<String>,
    /// The user's tags of the whole run, keys and values.
    pub tags: Vec<(String, String)>,
    /// Name of the profile, path of the file, or `custom`.
    pub profile: String,
    /// The configuration file, without comments and secrets.
    pub file: Option<String>,
    /// The server's address; without one a private stack is started.
    pub host: Option<String>,
    /// Who iterates when: all scenarios go on at once.
    pub scenarios: Vec<Scenario>,
    /// The suite's own options.
    pub options: Options,
    /// The longest that set-up and audit may take, each.
    pub setup_timeout: Duration,
    /// The longest that a request may take.
    pub http_timeout: Duration,
    /// What every request has as headers.
    pub headers: Vec<Header>,
    /// Whether each VU keeps the cookies that it is given.
    pub cookies: bool,
    /// How many redirects of a request are followed.
    pub redirects: u32,
    /// How the server is connected to.
    pub connect: ConnectOptions,
    /// What must hold.
    pub thresholds: Vec<Threshold>,
    /// How far the run may be from what was asked for.
    pub limits: Limits,
    /// Whether the server is on this machine on purpose.
    pub shared_machine: bool,
    /// Where chance begins.
    pub seed: u64,
    /// What the run is compared with.
    pub baseline: Option<Baseline>,
    /// Where the summary goes as JSON besides the report directory.
    pub summary_json: Option<SummaryJson>,
    /// Where runs leave their reports.
    pub report_dir: PathBuf,
    /// Whether the books are audited.
    pub audit: bool,
    /// Where metrics go while the load runs.
    pub outputs: Vec<Address>,
    /// What is watched beside the load; nothing was said of it if there is none.
    pub probes: Option<Vec<probe::Address>>,
    /// Whether InfluxDB gets k6's schema instead of ours.
    pub influx_raw: bool,
    /// Whether progress is shown full-screen.
    pub tui: bool,
    /// Where the live page is served.
    pub web: Option<SocketAddr>,
    /// Whether progress is kept to oneself.
    pub quiet: bool,
    /// The process's place in a run on several machines, if it is part of one.
    pub fleet: Option<Fleet>,
    /// Whether the summary lists the checks and invariants that hold as well.
    pub full: bool,
    /// What was asked for, as it was written, for reports.
    pub settings: Vec<Setting>,
}

impl RunConfig {
    /// The schedules of all scenarios.
    #[must_use]
    pub fn plan(&self) -> Plan {
        scenario::plan(&self.scenarios)
    }

    /// What the executors are called, each once.
    #[must_use]
    pub fn executors(&self) -> String {
        let name = |scenario: &Scenario| scenario.schedule.executor.name();
        joined(self.scenarios.iter().map(name))
    }

    /// The mix, or the mixes of several scenarios by name.
    #[must_use]
    pub fn mixes(&self) -> String {
        let mix = |scenario: &Scenario| match scenario.name {
            None => scenario.mix.to_string(),
            Some(name) => format!("{name}: {}", scenario.mix),
        };
        self.scenarios
            .iter()
            .map(mix)
            .collect::<Vec<_>>()
            .join("; ")
    }

    /// Names of the personas in the mixes of all scenarios, each once.
    #[must_use]
    pub fn personas(&self) -> Vec<&'static str> {
        let shares = self.scenarios.iter().flat_map(|one| one.mix.shares());
        let mut names: Vec<_> = shares.map(|(role, _)| role.name).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// What series are called beside their own tags.
    #[must_use]
    pub fn names(&self) -> Names {
        names(
            &self.scenarios,
            &self.tags,
            &self.catalogue,
            self.connect.http2,
        )
    }

    /// What the run is called: by the user, or after its profile.
    #[must_use]
    pub fn title(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.profile)
    }

    /// The command that repeats the run, without secrets.
    #[must_use]
    pub fn command(&self) -> String {
        command(self.program.name, &self.fields, &self.settings, self.seed)
    }
}

fn names(
    scenarios: &[Scenario],
    tags: &[(String, String)],
    catalogue: &Arc<Catalogue>,
    protos: bool,
) -> Names {
    let of_scenarios = scenarios.iter().flat_map(|scenario| {
        let tags = scenario.tags.iter();
        tags.map(|(key, value)| (scenario.label(), key.clone(), value.clone()))
    });
    Names {
        stages: scenario::plan(scenarios).stage_names().into(),
        scenario_tags: of_scenarios.collect(),
        run_tags: tags.into(),
        catalogue: Arc::clone(catalogue),
        protos,
    }
}

fn joined<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut all: Vec<&str> = Vec::new();
    names.for_each(|name| {
        if !all.contains(&name) {
            all.push(name);
        }
    });
    all.join(", ")
}

/// A process's place in a run on several machines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fleet {
    /// Where, and which process it is.
    pub place: Place,
    /// How long it waits for the others before the start.
    pub wait: Duration,
    /// What the others are told.
    pub told: Told,
    /// Where it leaves what it keeps itself.
    pub report_dir: PathBuf,
}

/// An earlier run, and what the comparison with it decides.
#[derive(Debug, Clone, PartialEq)]
pub struct Baseline {
    /// Its summary.
    pub path: PathBuf,
    /// What is worse by more than this share fails the run; without it nothing does.
    pub fail_on_regression: Option<f64>,
    /// Relative changes within this are noise.
    pub noise: f64,
}

/// Where the summary goes as JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SummaryJson {
    /// Standard output; tables then go to standard error.
    Stdout,
    /// A file.
    File(PathBuf),
}
