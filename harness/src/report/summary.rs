//! `summary.json` as it is written and read again. Its keys are an interface: docs/files.md documents them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::catalogue::Catalogue;
use crate::config::Setting;
use crate::executor;
use crate::fleet::Worker;
use crate::invariant::Invariant;
use crate::metrics::who;
use crate::output::Account;
use crate::threshold::{Known, Threshold, Verdict, parse_knowing};

/// Version of the document: raised when a key changes its meaning or goes away.
pub const SUMMARY_VERSION: u32 = 3;

/// Its name in a run's directory.
pub const SUMMARY_FILE: &str = "summary.json";

/// The whole document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// [`SUMMARY_VERSION`].
    pub version: u32,
    /// The verdict.
    pub verdict: Verdict,
    /// What the process ended with.
    pub exit_code: u8,
    /// Why, the weightiest first.
    pub reasons: Vec<String>,
    /// What was run.
    pub run: Run,
    /// What was known of the API. Version 1 has none: it is inferred.
    #[serde(default)]
    pub catalogue: Catalogue,
    /// By name, and by `name{tag:value}`.
    pub metrics: BTreeMap<String, Value>,
    /// The thresholds.
    pub thresholds: Vec<ThresholdRow>,
    /// The checks.
    pub checks: Vec<CheckRow>,
    /// The invariants.
    pub invariants: Vec<Invariant>,
    /// The first unexpected answer of each request name and status.
    pub failures: Vec<FailureRow>,
    /// What became of the rows of every output.
    pub outputs: Vec<Account>,
    /// Planned and achieved shares of every persona.
    #[serde(default)]
    pub mix: serde_json::Value,
    /// Whether the generator was not fit, so that times and rates say nothing. Those of version 1
    /// don't say it; they were invalid then.
    #[serde(default)]
    pub unfit: bool,
    /// How the generator was doing.
    #[serde(default)]
    pub health: serde_json::Value,
    /// The workers, if the load was made on several machines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub workers: Vec<Worker>,
    /// What is worth knowing though it makes no verdict.
    #[serde(default)]
    pub warnings: Vec<String>,
}

impl Summary {
    /// A threshold by its expression; none if it is of another version's grammar.
    pub(super) fn threshold(&self, expression: &str) -> Option<Threshold> {
        let scenarios = self.run.scenarios.iter();
        let own_tags: Vec<String> = scenarios
            .flat_map(|scenario| scenario.tags.keys().cloned())
            .chain(self.run.tags.keys().cloned())
            .collect();
        let known = Known {
            catalogue: &self.catalogue,
            tags: &own_tags,
        };
        parse_knowing(expression, known).ok()
    }

    /// Whether checks may fail: the thresholds on them all hold.
    pub(super) fn tolerates_failed_checks(&self) -> bool {
        let mut on_checks = self
            .thresholds
            .iter()
            .filter(|row| {
                self.threshold(&row.expression)
                    .is_some_and(|threshold| threshold.metric.name == "checks")
            })
            .peekable();
        on_checks.peek().is_some() && on_checks.all(|row| row.ok)
    }
}

/// What was run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Run {
    /// Its id.
    pub id: String,
    /// Name of the profile, path of the file, or `custom`.
    pub profile: String,
    /// The configuration file, if there was one, without comments and secrets: the command needs it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// What the user calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The user's tags of the whole run.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// The address that was tested.
    pub host: String,
    /// k6's name of the executor.
    pub executor: String,
    /// `open`, `closed`, or `mixed`.
    pub model: String,
    /// Its scenarios.
    pub scenarios: Vec<ScenarioRow>,
    /// The personas' shares.
    pub mix: String,
    /// How long the personas of each scenario think; none of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub think: Option<String>,
    /// Where chance began.
    pub seed: u64,
    /// RFC 3339.
    pub started_at: String,
    /// From the first iteration's start to the last one's end.
    pub duration_ms: u64,
    /// The largest number of VUs.
    pub vus_max: u32,
    /// Complete iterations.
    pub iterations: u64,
    /// Iterations that were cut.
    pub interrupted_iterations: u64,
    /// Iterations that were due when no VU was free.
    pub dropped_iterations: u64,
    /// Operations with an unknown outcome.
    pub unknown_outcomes: u64,
    /// Where each stage was to lie.
    pub stages: Vec<StageRow>,
    /// What was asked for, and where, without secrets.
    pub settings: Vec<Setting>,
    /// The command that repeats the run, without secrets.
    pub command: String,
    /// Version of this program.
    pub loadtest: String,
    /// Where the load came from.
    pub generator: Generator,
}

/// A scenario.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScenarioRow {
    /// Its name.
    pub name: String,
    /// k6's name of the executor.
    pub executor: String,
    /// The personas' shares.
    pub mix: String,
    /// The largest number of its VUs.
    pub vus_max: u32,
    /// When it began, in ms since the start of the run.
    pub start_ms: u64,
    /// When it ended.
    pub end_ms: u64,
    /// The user's own tags.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// What became of its arrivals, in the open model.
    #[serde(flatten)]
    pub arrivals: Option<executor::Account>,
}

/// A stage.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageRow {
    /// Its name.
    pub name: String,
    /// Its beginning, in ms since the start of the run.
    pub start_ms: u64,
    /// Its end.
    pub end_ms: u64,
    /// VUs at its beginning.
    pub from: u32,
    /// VUs at its end.
    pub to: u32,
    /// Its scenario, where there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenario: Option<String>,
    /// What it asks for, for people: VUs, or iterations at a rate.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub load: String,
}

/// The machine that the load came from: runs from different ones can't be compared.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Generator {
    /// Its name.
    pub host: String,
    /// Operating system and processor architecture, such as `linux x86_64`.
    pub platform: String,
    /// Cores that the process may use.
    pub cpus: usize,
    /// Their model, as the processor calls itself.
    pub cpu: String,
    /// Memory of the machine.
    pub memory_bytes: u64,
}

impl Generator {
    /// This machine.
    #[must_use]
    pub fn of_this_machine() -> Self {
        let kind = sysinfo::MemoryRefreshKind::nothing().with_ram();
        let (memory_bytes, cpu) = sysinfo::System::new().map_or_else(
            |_| (0, String::new()),
            |mut system| {
                system.refresh_memory_specifics(kind);
                system.refresh_cpu_list(sysinfo::CpuRefreshKind::nothing());
                let cpu = system
                    .cpus()
                    .first()
                    .map(|cpu| cpu.brand().trim().to_owned());
                (system.total_memory(), cpu.unwrap_or_default())
            },
        );
        Self {
            host: Self::host_name(),
            platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            cpus: std::thread::available_parallelism().map_or(1, Into::into),
            cpu,
            memory_bytes,
        }
    }

    /// The generator's name in rows: the host's.
    #[must_use]
    pub fn host_name() -> String {
        sysinfo::System::host_name().unwrap_or_else(|_| "localhost".to_owned())
    }
}

/// What a metric came to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
#[allow(missing_docs, reason = "the names are the aggregations'")]
pub enum Value {
    /// In ms.
    Trend {
        count: u64,
        avg: f64,
        min: f64,
        med: f64,
        max: f64,
        p90: f64,
        p95: f64,
        p99: f64,
        p999: f64,
    },
    /// The rate is per second.
    Counter { count: u64, rate: f64 },
    /// Without samples there is no rate.
    Rate {
        rate: Option<f64>,
        passes: u64,
        fails: u64,
    },
    /// The latest and the extremes.
    Gauge { value: u64, min: u64, max: u64 },
}

/// How a threshold came out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ThresholdRow {
    /// As it was given.
    pub expression: String,
    /// Whether it holds.
    pub ok: bool,
    /// What was measured, nothing without data.
    pub actual: Option<f64>,
    /// When and by what it was crossed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crossing: Option<serde_json::Value>,
}

impl CheckRow {
    /// Who made it, for people.
    #[must_use]
    pub fn who(&self) -> String {
        who(&self.scenario, &self.persona)
    }
}

/// How a check came out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckRow {
    /// What was asserted.
    pub name: String,
    /// Name of the scenario.
    pub scenario: String,
    /// Name of the persona; version 1 has it as the scenario.
    #[serde(default)]
    pub persona: String,
    /// Times it held.
    pub passes: u64,
    /// Times it didn't.
    pub fails: u64,
}

/// An unexpected answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureRow {
    /// Name of the request.
    pub name: String,
    /// The status; 0 when there was no answer.
    pub status: u16,
    /// The beginning of its body, or why there was none.
    pub sample: String,
}
