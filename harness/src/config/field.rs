//! The one list of what can be configured: flags, environment and file keys all come from it.

use super::nearest::known_are;
use super::section::Section;

/// Something that can be configured: a flag, a key of files and a `LOADTEST_*` variable.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Its key in a file; in capitals behind `LOADTEST_` its environment variable.
    pub key: &'static str,
    /// Its flag, without the dashes.
    pub flag: &'static str,
    /// What its value looks like in the help text.
    pub form: Form,
    /// Where it stands in the help text.
    pub heading: &'static str,
    /// What it does.
    pub help: &'static str,
    /// What holds where it is not given, for people; empty if the help text says so or nothing does.
    pub default: &'static str,
    /// Where it may be given.
    pub scope: Scope,
    /// The loads that it belongs to; all if there are none.
    pub loads: &'static [Load],
    /// Whether it decides by itself which load it is.
    pub is_shape: bool,
    /// Whether runs with different values of it can't be compared.
    pub compared: bool,
    /// Whether the trials of a capacity search take it.
    pub in_trials: bool,
    /// Whether the workers of a run on several machines have a use for it.
    pub told: bool,
    /// Names of the requests that it is about: a load whose personas send none has no use for it.
    /// All loads have if there are none.
    pub requests: &'static [&'static str],
    /// What is wrong with a text, in words, for fields that a suite reads itself.
    pub check: fn(&str) -> Result<(), String>,
}

/// What a value looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// One text.
    One(&'static str),
    /// One text, which a flag may leave out for the second one.
    Maybe(&'static str, &'static str),
    /// Several: the flag is repeated, the file has a list, the environment splits at `;`.
    Many(&'static str),
    /// On or off.
    Switch,
}

/// Where a field may be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Anywhere but in a `[[scenario]]`.
    Run,
    /// In a `[[scenario]]`, or for the only scenario of a run.
    Scenario,
    /// For the run as for each `[[scenario]]`.
    Both,
    /// Not in a file: a file doesn't choose another file.
    NotInFiles,
}

/// The kinds of load that fields describe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Load {
    /// A table of stages for VUs.
    Stages,
    /// A table of stages for a rate.
    RateStages,
    /// VUs for a time.
    Duration,
    /// A rate for a time.
    Rate,
    /// Iterations that VUs share.
    Iterations,
    /// Iterations of each VU.
    IterationsPerVu,
}

impl Load {
    /// What messages call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stages => "stages",
            Self::RateStages => "stages of a rate",
            Self::Duration => "duration",
            Self::Rate => "a rate",
            Self::Iterations => "iterations",
            Self::IterationsPerVu => "iterations_per_vu",
        }
    }
}

const STAGES: &[Load] = &[Load::Stages];
const RATES: &[Load] = &[Load::RateStages, Load::Rate];
const FIXED_VUS: &[Load] = &[Load::Duration, Load::Iterations, Load::IterationsPerVu];
const ITERATIONS: &[Load] = &[Load::Iterations, Load::IterationsPerVu];
const CLOSED: &[Load] = &[
    Load::Stages,
    Load::Duration,
    Load::Iterations,
    Load::IterationsPerVu,
];

const LOAD: &str = "Load";
const HTTP: &str = "HTTP";
const CONNECTION: &str = "Connection";
const JUDGEMENT: &str = "Judgement";
const OUTPUT: &str = "Output";
const FLEET: &str = "Several machines";

const fn field(
    key: &'static str,
    flag: &'static str,
    form: Form,
    heading: &'static str,
    help: &'static str,
) -> Field {
    Field {
        key,
        flag,
        form,
        heading,
        help,
        default: "",
        scope: Scope::Run,
        loads: &[],
        is_shape: false,
        compared: false,
        in_trials: true,
        told: true,
        requests: &[],
        check: |_| Ok(()),
    }
}

/// What the flags of all limits begin with: `--limit cpu=80%` is one, and `[limits]` has them in
/// files.
const LIMIT: &str = "limit ";

const fn limit(
    key: &'static str,
    flag: &'static str,
    value: &'static str,
    default: &'static str,
    help: &'static str,
) -> Field {
    field(key, flag, Form::One(value), JUDGEMENT, help).default(default)
}

impl Field {
    /// A field of a suite with one value. `key` is written with underscores, `flag` with dashes.
    #[must_use]
    pub const fn one(
        key: &'static str,
        flag: &'static str,
        value: &'static str,
        heading: &'static str,
        help: &'static str,
    ) -> Self {
        field(key, flag, Form::One(value), heading, help)
    }

    /// A field of a suite that is on or off.
    #[must_use]
    pub const fn switch(
        key: &'static str,
        flag: &'static str,
        heading: &'static str,
        help: &'static str,
    ) -> Self {
        field(key, flag, Form::Switch, heading, help)
    }

    /// Says what holds where it is not given.
    #[must_use]
    pub const fn default(mut self, text: &'static str) -> Self {
        self.default = text;
        self
    }

    /// Refuses texts before the load; the message says what would be right.
    #[must_use]
    pub const fn checked(mut self, check: fn(&str) -> Result<(), String>) -> Self {
        self.check = check;
        self
    }

    /// Only personas that plan one of these requests have a use for it.
    #[must_use]
    pub const fn about(mut self, requests: &'static [&'static str]) -> Self {
        self.requests = requests;
        self
    }

    /// Runs with different values of it can't be compared.
    #[must_use]
    pub const fn compared(mut self) -> Self {
        self.compared = true;
        self
    }

    const fn scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// Of a scenario, and only of these loads; of any without them.
    const fn of(mut self, loads: &'static [Load]) -> Self {
        self.loads = loads;
        self.scope(Scope::Scenario)
    }

    const fn shape(mut self) -> Self {
        self.is_shape = true;
        self.not_in_trials().scope(Scope::Scenario)
    }

    /// Of one process, whatever the others are given.
    const fn own(mut self) -> Self {
        self.told = false;
        self.not_in_trials()
    }

    const fn not_in_trials(mut self) -> Self {
        self.in_trials = false;
        self
    }
}

/// The engine's fields.
#[rustfmt::skip]
pub static FIELDS: &[Field] = &[
    field("host", "host", Form::One("URL"), LOAD,
        "Server to test"),
    field("stages", "stage", Form::Many("[NAME=]TIME:VUS|RATE"), LOAD,
        "Ramp to VUS over TIME, e.g. 1m:100 or hold=2m:300; repeat for more (ramping-vus). \
         With a rate, as in 1m:500/s, ramp to that rate of iterations (ramping-arrival-rate)").shape(),
    field("start_vus", "start-vus", Form::One("N"), LOAD,
        "VUs before the first stage [default: 0]").of(STAGES).not_in_trials(),
    field("vus", "vus", Form::One("N"), LOAD,
        "VUs for --duration, --iterations or --iterations-per-vu [default: 1]").of(FIXED_VUS).not_in_trials(),
    field("duration", "duration", Form::One("TIME"), LOAD,
        "Keep --vus busy for this long (constant-vus), or start iterations at --rate (constant-arrival-rate)").shape(),
    field("rate", "rate", Form::One("N/s"), LOAD,
        "Start this many iterations a second (or N/m, N/h) for --duration, even if the server is slow").of(&[Load::Rate]).not_in_trials(),
    field("rate_stages", "rate-stages", Form::Switch, LOAD,
        "The numbers in --stage are iterations per second, not VUs (ramping-arrival-rate)").of(&[Load::RateStages]).not_in_trials(),
    field("start_rate", "start-rate", Form::One("N/s"), LOAD,
        "Rate before the first --stage [default: 0/s]").of(&[Load::RateStages]).not_in_trials(),
    field("max_vus", "max-vus", Form::One("N"), LOAD,
        "The most VUs that keep the rate; when all are busy, iterations start late or are dropped").of(RATES),
    field("max_start_delay", "max-start-delay", Form::One("TIME"), LOAD,
        "Drop an iteration that would start later than this after it is due (rates only)").of(RATES).default("1s").compared(),
    field("think_time", "think-time", Form::Many("[PERSONA=]TIME|TIME..TIME|exp(MEAN)"), LOAD,
        "Pause this long between iterations, e.g. 1s..3s; 'PERSONA=exp(2s)' is for one persona, repeat for more (VUs only)").of(CLOSED).default("0s").compared(),
    field("iterations", "iterations", Form::One("N"), LOAD,
        "Iterations in all, shared by --vus (shared-iterations)").shape().compared(),
    field("iterations_per_vu", "iterations-per-vu", Form::One("N"), LOAD,
        "Iterations that each of --vus makes (per-vu-iterations)").shape().compared(),
    field("max_duration", "max-duration", Form::One("TIME"), LOAD,
        "Start no iteration later than this [default: 10m] (iterations only)").of(ITERATIONS).not_in_trials(),
    field("start_time", "start-time", Form::One("TIME"), LOAD,
        "Wait this long before the load begins [default: 0s]").of(&[]).not_in_trials(),
    field("graceful_stop", "graceful-stop", Form::One("TIME"), LOAD,
        "At the end, give running iterations this long to finish [default: 30s]").of(&[]).not_in_trials(),
    field("graceful_ramp_down", "graceful-ramp-down", Form::One("TIME"), LOAD,
        "While ramping down, give a VU this long to finish its iteration [default: 30s]").of(STAGES).not_in_trials(),
    field("mix", "mix", Form::One("PERSONA=SHARE,..."), LOAD,
        "Shares of the personas, by letter or name").of(&[]),
    field("seed", "seed", Form::One("N"), LOAD,
        "Seed of all random choices: the same seed makes the same choices [default: random, and shown]"),
    field("headers", "header", Form::Many("NAME: VALUE"), HTTP,
        "Send this header with every request, also in set-up and audit; $NAME in the value is taken from the environment \
         and never shown, e.g. 'authorization: Bearer $API_TOKEN'; repeat for more").compared(),
    field("cookies", "cookies", Form::Switch, HTTP,
        "Each VU stores the cookies that the server sets, and sends them back").compared(),
    field("redirects", "redirects", Form::One("N"), HTTP,
        "Follow at most this many redirects of a request, on the same server; each counts as a request").default("0").compared(),
    field("http_timeout", "http-timeout", Form::One("TIME"), HTTP,
        "Time limit of a request").default("60s").compared(),
    field("max_body", "max-body", Form::One("SIZE"), HTTP,
        "Largest body of an answer, both as received and decoded; a larger one fails the request [default: 64MiB]"),
    field("setup_timeout", "setup-timeout", Form::One("TIME"), HTTP,
        "Time limit of the set-up, and of the audit [default: 60s]"),
    field("ca_file", "ca-file", Form::One("FILE"), CONNECTION,
        "Trust the certificates in this PEM file as well as the system's"),
    field("insecure", "insecure", Form::Switch, CONNECTION,
        "Accept any certificate of the server; the summary says so"),
    field("client_cert", "client-cert", Form::One("FILE"), CONNECTION,
        "Show this certificate (PEM) to a server that asks for one; with --client-key"),
    field("client_key", "client-key", Form::One("FILE"), CONNECTION,
        "Private key of --client-cert (PEM)"),
    field("resolve", "resolve", Form::Many("HOST:PORT:ADDRESS"), CONNECTION,
        "Connect to ADDRESS (several with commas) instead of HOST:PORT, as with curl's --resolve; repeat for more"),
    field("local_address", "local-address", Form::Many("ADDRESS"), CONNECTION,
        "Connect from this address of the machine, in turns if repeated: each has its own 28,000 or so ports"),
    field("connection_age", "connection-age", Form::One("TIME"), CONNECTION,
        "Open a new connection for a request when the idle one is older than this").compared(),
    field("http2", "http2", Form::Switch, CONNECTION,
        "Speak HTTP/2: on https if the server agrees (ALPN), on http at once (prior knowledge)").compared(),
    field("sla", "sla", Form::One("[each ]ASSERTION|none"), JUDGEMENT,
        "Short for a threshold on http_req_duration [default: p(95)<200]; 'each p(95)<200' also has one for every request name"),
    field("thresholds", "threshold", Form::Many("METRIC{TAG:VALUE}: ASSERTION"), JUDGEMENT,
        "What must hold, as in k6, e.g. 'http_req_duration{status:200}: p(95)<200'; repeat for more").scope(Scope::Both),
    limit("limit_interrupted", "limit interrupted", "SHARE", "5%",
        "iterations that are cut at the end of their grace time: invalid"),
    limit("limit_cpu", "limit cpu", "SHARE", "90%",
        "the generator's CPU, of the cores it may use: invalid"),
    limit("limit_machine_cpu", "limit machine-cpu", "SHARE", "98%",
        "the machine's CPU: invalid"),
    limit("limit_lag", "limit lag", "TIME", "100ms",
        "how late the generator's timers fire, at worst in a second: invalid"),
    limit("limit_fds", "limit fds", "SHARE", "90%",
        "file descriptors in use: invalid"),
    limit("limit_late_starts", "limit late-starts", "SHARE", "10%",
        "iterations at a rate that start more than 10 ms late: invalid"),
    limit("limit_dropped", "limit dropped", "SHARE", "1%",
        "iterations at a rate that never start: can't pass"),
    limit("limit_mix_drift", "limit mix-drift", "SHARE", "10%",
        "a persona's share against the mix, a request's number against the persona's plan: can't pass"),
    limit("limit_unknown", "limit unknown", "SHARE", "5%",
        "operations with an unknown outcome, per iteration: can't pass"),
    limit("limit_lost_rows", "limit lost-rows", "SHARE", "1%",
        "rows that an output lost (of a file none may be): can't pass"),
    field("shared_machine", "shared-machine", Form::Switch, JUDGEMENT,
        "The server runs on this machine on purpose: if the machine is busy, only warn"),
    field("no_audit", "no-audit", Form::Switch, JUDGEMENT,
        "Don't audit the server after the load"),
    field("baseline", "baseline", Form::One("FILE"), JUDGEMENT,
        "Compare with an earlier run: its summary.json, with series.jsonl beside it").own(),
    field("fail_on_regression", "fail-on-regression", Form::One("SHARE"), JUDGEMENT,
        "Fail if something is worse than in the baseline by more than this, e.g. 10%").own(),
    field("noise", "noise", Form::One("SHARE"), JUDGEMENT,
        "Relative changes from the baseline up to this are noise [default: 5%]").own(),
    field("name", "name", Form::One("NAME"), OUTPUT,
        "Name of the run, for its reports and its directory [default: the profile's name]").not_in_trials(),
    field("tags", "tag", Form::Many("KEY=VALUE"), OUTPUT,
        "Tag all metrics of the run, for outputs and thresholds; repeat for more").not_in_trials(),
    field("summary_json", "summary-json", Form::One("FILE|-"), OUTPUT,
        "Write the summary as JSON to this file as well; with -, to standard output, and the tables to standard error").own(),
    field("report_dir", "report-dir", Form::One("DIR"), OUTPUT,
        "Each run writes its reports to a new directory in this one [default: reports]").own(),
    field("out", "out", Form::Many("KIND=WHERE"), OUTPUT,
        "Send metrics every second to: influxdb=http://user:pass@host:8086/db, \
         influxdb2=http://host:8086?org=ORG&bucket=BUCKET (token in INFLUX_TOKEN), json=FILE, csv=FILE; repeat for more").own(),
    field("influx_raw", "influx-raw", Form::Switch, OUTPUT,
        "Send every sample in k6's own schema to InfluxDB, for dashboards made for k6").own(),
    field("probe", "probe", Form::Many("[NAME=]KIND=URL|none"), OUTPUT,
        "Watch a store every second: postgres=postgres://USER@HOST/DB, redis=redis://HOST:6379, \
         prometheus=http://HOST/metrics?match=NAME_*,..., host (this machine); passwords in PROBE_PASSWORD; repeat for more").own(),
    field("tui", "tui", Form::Switch, OUTPUT,
        "Show the run full-screen while it goes on: s stops, q quits, ? helps").own(),
    field("web", "web", Form::Maybe("ADDRESS:PORT", crate::web::DEFAULT), OUTPUT,
        "Show the report of the run so far in a browser, with a button that stops the run \
         [without an address: 127.0.0.1:5665]").own(),
    field("full", "full", Form::Switch, OUTPUT,
        "List every check and invariant at the end, not only those that failed").own(),
    field("quiet", "quiet", Form::Switch, OUTPUT,
        "No progress while the load runs").own(),
    field("fleet", "fleet", Form::One("redis://HOST:PORT"), FLEET,
        "Divide one run over several processes, which exchange data through this Redis; its password in FLEET_PASSWORD").scope(Scope::NotInFiles).own(),
    field("workers", "workers", Form::One("N"), FLEET,
        "Number of processes that make the load, without the lead [default: what Slurm or Open MPI says]").scope(Scope::NotInFiles).own(),
    field("index", "index", Form::One("N"), FLEET,
        "Which process this is: 0 is the lead, which has the verdict; 1, 2, … are workers, which take the lead's configuration \
         [default: what Kubernetes, Slurm, Nomad, Open MPI or Swarm says]").scope(Scope::NotInFiles).own(),
    field("weight", "weight", Form::One("N"), FLEET,
        "Weight of this worker's share of the load [default: 1]").scope(Scope::NotInFiles).own(),
    field("fleet_run", "fleet-run", Form::One("NAME"), FLEET,
        "Name that keeps runs on the same Redis apart [default: the scheduler's job, or 'run']").scope(Scope::NotInFiles).own(),
    field("fleet_wait", "fleet-wait", Form::One("TIME"), FLEET,
        "Wait at most this long for the other processes before the start [default: 5m]").scope(Scope::NotInFiles).own(),
    field("profile", "profile", Form::One("NAME"), "Configuration",
        "Begin with a built-in profile; 'profiles' lists them").scope(Scope::NotInFiles).not_in_trials(),
    field("config", "config", Form::One("FILE"), "Configuration",
        "Begin with a TOML file of the same form as a profile").scope(Scope::NotInFiles).not_in_trials(),
];

impl Field {
    /// Its name, if it is a limit: what `--limit` and `[limits]` call it.
    #[must_use]
    pub fn limit(&self) -> Option<&'static str> {
        self.flag.strip_prefix(LIMIT)
    }

    /// All limits with their names.
    pub fn limits() -> impl Iterator<Item = (&'static str, &'static Self)> {
        let named = |field: &'static Self| Some((field.limit()?, field));
        FIELDS.iter().filter_map(named)
    }

    /// The limit of this name, written with dashes or as in files with underscores.
    ///
    /// # Errors
    /// The nearest that there is.
    pub fn of_limit(name: &str) -> Result<&'static Self, String> {
        let dashed = name.replace('_', "-");
        let mut limits = Self::limits();
        let found = limits.find(|(known, _)| *known == dashed);
        let known: Vec<_> = Self::limits().map(|(known, _)| known).collect();
        let none = || format!("there is no limit '{name}'; {}", known_are(&dashed, &known));
        found.map(|(_, field)| field).ok_or_else(none)
    }

    /// The engine's field of this key.
    #[must_use]
    pub fn of_key(key: &str) -> Option<&'static Self> {
        FIELDS.iter().find(|field| field.key == key)
    }

    /// Its environment variable.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("LOADTEST_{}", self.key.to_uppercase())
    }

    /// Whether a `[[scenario]]` of a file may have it.
    #[must_use]
    pub fn in_scenarios(&self) -> bool {
        matches!(self.scope, Scope::Scenario | Scope::Both)
    }

    /// Whether a file may have it.
    #[must_use]
    pub fn in_files(&self) -> bool {
        self.scope != Scope::NotInFiles
    }

    /// Whether this load has a use for it.
    #[must_use]
    pub fn fits(&self, load: Load) -> bool {
        self.loads.is_empty() || self.loads.contains(&load)
    }
}

/// Everything that can be configured in one program: the engine's fields and a suite's own.
#[derive(Debug, Clone)]
pub struct Fields {
    all: Vec<&'static Field>,
    own: Vec<&'static Field>,
    sections: Vec<&'static Section>,
}

impl Fields {
    /// The engine's fields with a suite's own behind those of the load.
    #[must_use]
    pub fn with(own: &[&'static Field]) -> Self {
        let (load, others): (Vec<_>, Vec<_>) =
            FIELDS.iter().partition(|field| field.heading == LOAD);
        Self {
            all: [load, own.to_vec(), others].concat(),
            own: own.to_vec(),
            sections: Vec::new(),
        }
    }

    /// With tables of files that the suite reads itself.
    #[must_use]
    pub fn and_sections(mut self, sections: Vec<&'static Section>) -> Self {
        self.sections = sections;
        self
    }

    /// The tables of files that the suite reads itself.
    #[must_use]
    pub fn sections(&self) -> &[&'static Section] {
        &self.sections
    }

    /// All of them, in the order of the help text.
    pub fn iter(&self) -> impl Iterator<Item = &'static Field> {
        self.all.iter().copied()
    }

    /// The suite's own.
    pub fn own(&self) -> impl Iterator<Item = &'static Field> {
        self.own.iter().copied()
    }

    /// The field of this key.
    #[must_use]
    pub fn of_key(&self, key: &str) -> Option<&'static Field> {
        self.iter().find(|field| field.key == key)
    }
}
