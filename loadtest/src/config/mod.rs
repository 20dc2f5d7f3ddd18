//! Profile or file, environment and flags, layered and validated into one [`RunConfig`].
//!
//! Precedence: built-in default < profile or config file < `LOADTEST_*` < flags. All values are
//! text in one grammar, wherever they come from, and every problem is reported at once.

mod connect;
mod field;
mod judgement;
mod layer;
pub(crate) mod parse;
mod profile;
mod reader;
mod scenario;
mod setting;
mod shape;
mod validate;

use std::path::PathBuf;
use std::time::Duration;

pub use field::{FIELDS, Field, Form};
pub use layer::{Layer, Source, Value};
pub use profile::{BuiltIn, PROFILES};
pub use reader::Problem;
pub use scenario::Scenario;
pub use setting::{Setting, command};
pub use validate::{Inputs, load};

use crate::executor::Plan;
use crate::metrics::Names;
use crate::output::Address;
use crate::shop::Coupons;
use crate::threshold::{Limits, Threshold};
use crate::vu::ConnectOptions;

/// Everything a run needs to know, valid in itself.
#[derive(Debug, Clone, PartialEq)]
pub struct RunConfig {
    /// Name of the profile, path of the file, or `custom`.
    pub profile: String,
    /// The server's address; without one a private stack is started.
    pub host: Option<String>,
    /// Who iterates when: all scenarios go on at once.
    pub scenarios: Vec<Scenario>,
    /// How many coupons there are.
    pub coupons: Coupons,
    /// How long a persona waits for its coupon.
    pub coupon_wait: Duration,
    /// The longest that a request may take.
    pub http_timeout: Duration,
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
    /// Whether InfluxDB gets k6's schema instead of ours.
    pub influx_raw: bool,
    /// Whether progress is shown full-screen.
    pub tui: bool,
    /// Whether progress is kept to oneself.
    pub quiet: bool,
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

    /// What series are called beside their own tags.
    #[must_use]
    pub fn names(&self) -> Names {
        let tags = self.scenarios.iter().flat_map(|scenario| {
            let name = scenario.name.unwrap_or_default();
            let tags = scenario.tags.iter();
            tags.map(move |(key, value)| (name, key.clone(), value.clone()))
        });
        Names {
            stages: self.plan().stage_names().into(),
            scenario_tags: tags.collect(),
            protos: self.connect.http2,
        }
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
