//! The one list of what can be configured: flags, environment and file keys all come from it.

/// Something that can be configured.
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
}

/// What a value looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// One text.
    One(&'static str),
    /// Several: the flag is repeated, the file has a list, the environment splits at `;`.
    Many(&'static str),
    /// On or off.
    Switch,
}

const LOAD: &str = "Load";
const CONNECTION: &str = "Connection";
const SHOP: &str = "Shop";
const JUDGEMENT: &str = "Judgement";
const OUTPUT: &str = "Output";

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
    }
}

/// Every field.
#[rustfmt::skip]
pub const FIELDS: [Field; 55] = [
    field("host", "host", Form::One("URL"), LOAD,
        "Server to test; without it, a private PostgreSQL, Redis and server are started"),
    field("stages", "stage", Form::Many("[NAME=]TIME:VUS|RATE"), LOAD,
        "Go to VUS evenly within TIME, e.g. 1m:100 or hold=2m:300; repeat for more (ramping-vus). \
         With a rate, as in 1m:500/s, iterations start at it (ramping-arrival-rate)"),
    field("start_vus", "start-vus", Form::One("N"), LOAD,
        "VUs before the first stage [default: 0]"),
    field("vus", "vus", Form::One("N"), LOAD,
        "VUs of --duration, --iterations and --iterations-per-vu [default: 1]"),
    field("duration", "duration", Form::One("TIME"), LOAD,
        "Keep --vus busy for so long (constant-vus), or start iterations at --rate (constant-arrival-rate)"),
    field("rate", "rate", Form::One("N/s"), LOAD,
        "Start so many iterations a second (or N/m, N/h) for --duration, however slow the server is"),
    field("rate_stages", "rate-stages", Form::Switch, LOAD,
        "The numbers in --stage are iterations per second, not VUs (ramping-arrival-rate)"),
    field("start_rate", "start-rate", Form::One("N/s"), LOAD,
        "Rate before the first --stage [default: 0/s]"),
    field("max_vus", "max-vus", Form::One("N"), LOAD,
        "VUs that there are to keep a rate; when all are busy, iterations start late or are dropped"),
    field("max_start_delay", "max-start-delay", Form::One("TIME"), LOAD,
        "Drop an iteration that can't start within this of its time [default: 1s] (rates only)"),
    field("think_time", "think-time", Form::Many("[PERSONA=]TIME|TIME..TIME|exp(MEAN)"), LOAD,
        "Think so long between iterations, e.g. 1s..3s or b=exp(2s); repeat for more personas (VUs only)"),
    field("iterations", "iterations", Form::One("N"), LOAD,
        "Iterations that --vus share (shared-iterations)"),
    field("iterations_per_vu", "iterations-per-vu", Form::One("N"), LOAD,
        "Iterations that each of --vus makes (per-vu-iterations)"),
    field("max_duration", "max-duration", Form::One("TIME"), LOAD,
        "Start no iteration later than this [default: 10m] (iterations only)"),
    field("start_time", "start-time", Form::One("TIME"), LOAD,
        "Wait so long before the load begins [default: 0s]"),
    field("graceful_stop", "graceful-stop", Form::One("TIME"), LOAD,
        "At the end, let iterations finish for so long [default: 30s]"),
    field("graceful_ramp_down", "graceful-ramp-down", Form::One("TIME"), LOAD,
        "While ramping down, let a VU finish for so long [default: 30s]"),
    field("mix", "mix", Form::One("a=60,b=30,c=10"), LOAD,
        "Shares of the personas: a impulse, b rational, c malicious buyer [default: a=1]"),
    field("seed", "seed", Form::One("N"), LOAD,
        "Make every random choice repeatable [default: random, and shown]"),
    field("http_timeout", "http-timeout", Form::One("TIME"), LOAD,
        "Longest that a request may take [default: 60s]"),
    field("ca_file", "ca-file", Form::One("FILE"), CONNECTION,
        "Trust the certificates in this PEM file as well as the system's"),
    field("insecure", "insecure", Form::Switch, CONNECTION,
        "Take any certificate of the server; the summary says so"),
    field("client_cert", "client-cert", Form::One("FILE"), CONNECTION,
        "Show this certificate (PEM) to a server that asks for one; with --client-key"),
    field("client_key", "client-key", Form::One("FILE"), CONNECTION,
        "Private key of --client-cert (PEM)"),
    field("resolve", "resolve", Form::Many("HOST:PORT:ADDRESS"), CONNECTION,
        "Connect to ADDRESS (several with commas) where HOST and PORT are meant, as curl does; repeat for more"),
    field("local_address", "local-address", Form::Many("ADDRESS"), CONNECTION,
        "Connect from this address of the machine, in turns if repeated: each has its own 28,000 or so ports"),
    field("connection_age", "connection-age", Form::One("TIME"), CONNECTION,
        "Open a new connection for a request when the idle one is older than this"),
    field("http2", "http2", Form::Switch, CONNECTION,
        "Speak HTTP/2: on https if the server agrees (ALPN), on http at once (prior knowledge)"),
    field("coupons", "coupons", Form::One("N|unlimited"), SHOP,
        "Coupons that the set-up creates over all policies [default: unlimited]"),
    field("coupon_wait", "coupon-wait", Form::One("TIME"), SHOP,
        "Wait so long between claiming a coupon and looking for it [default: 1s]"),
    field("sla", "sla", Form::One("ASSERTION|none"), JUDGEMENT,
        "Short for a threshold on http_req_duration [default: p(95)<200]"),
    field("thresholds", "threshold", Form::Many("METRIC{TAG:VALUE}: ASSERTION"), JUDGEMENT,
        "What must hold, as in k6, e.g. 'http_req_duration{name:5_create_order}: p(95)<200'; repeat for more"),
    field("max_interrupted", "max-interrupted", Form::One("SHARE"), JUDGEMENT,
        "Share of iterations that may be cut before the run is invalid [default: 5%]"),
    field("max_unknown", "max-unknown", Form::One("SHARE"), JUDGEMENT,
        "Operations of unknown outcome per iteration before a run can't pass [default: 5%]"),
    field("max_dropped", "max-dropped", Form::One("SHARE"), JUDGEMENT,
        "Share of scheduled iterations that may be dropped before a run can't pass [default: 1%]"),
    field("max_late_starts", "max-late-starts", Form::One("SHARE"), JUDGEMENT,
        "Share of iterations at a rate that may start over 10 ms late before the run is invalid [default: 10%]"),
    field("max_mix_drift", "max-mix-drift", Form::One("SHARE"), JUDGEMENT,
        "How far a persona's share may be from the plan before a run can't pass [default: 10%]"),
    field("max_lost_rows", "max-lost-rows", Form::One("SHARE"), JUDGEMENT,
        "Share of an output's rows that may be lost before a run can't pass [default: 1%]"),
    field("max_cpu", "max-cpu", Form::One("SHARE"), JUDGEMENT,
        "Share of its cores that the generator may use before the run is invalid [default: 90%]"),
    field("max_machine_cpu", "max-machine-cpu", Form::One("SHARE"), JUDGEMENT,
        "Share of the machine's CPU that may be in use before the run is invalid [default: 98%]"),
    field("max_lag", "max-lag", Form::One("TIME"), JUDGEMENT,
        "How late the generator's timers may fire before the run is invalid [default: 100ms]"),
    field("max_fds", "max-fds", Form::One("SHARE"), JUDGEMENT,
        "Share of the file descriptors that may be in use before the run is invalid [default: 90%]"),
    field("shared_machine", "shared-machine", Form::Switch, JUDGEMENT,
        "The server runs on this machine on purpose: a busy one is a warning, as with the private stack"),
    field("no_audit", "no-audit", Form::Switch, JUDGEMENT,
        "Don't compare the books with the server's"),
    field("baseline", "baseline", Form::One("FILE"), JUDGEMENT,
        "Compare with an earlier run: its summary.json, the series.jsonl beside it"),
    field("fail_on_regression", "fail-on-regression", Form::One("SHARE"), JUDGEMENT,
        "Fail when something is worse than in the baseline by more than this, e.g. 10%"),
    field("noise", "noise", Form::One("SHARE"), JUDGEMENT,
        "Relative changes from the baseline within this are noise [default: 5%]"),
    field("summary_json", "summary-json", Form::One("FILE|-"), OUTPUT,
        "Write the summary as JSON there too; - is standard output, and tables go to standard error"),
    field("report_dir", "report-dir", Form::One("DIR"), OUTPUT,
        "Leave each run's reports in a directory of its own in here [default: reports]"),
    field("out", "out", Form::Many("KIND=WHERE"), OUTPUT,
        "Send metrics there every second: influxdb=http://user:pass@host:8086/db, \
         influxdb2=http://host:8086?org=ORG&bucket=BUCKET (token in INFLUX_TOKEN), json=FILE, csv=FILE; repeat for more"),
    field("influx_raw", "influx-raw", Form::Switch, OUTPUT,
        "Send every sample in k6's own schema to InfluxDB, for dashboards made for k6"),
    field("tui", "tui", Form::Switch, OUTPUT,
        "Show the run full-screen while it goes on: s stops, q quits, ? helps"),
    field("quiet", "quiet", Form::Switch, OUTPUT,
        "No progress while the load runs"),
    field("profile", "profile", Form::One("NAME"), "Configuration",
        "Begin with a built-in profile; 'loadtest profiles' lists them [default: smoke]"),
    field("config", "config", Form::One("FILE"), "Configuration",
        "Begin with a TOML file of the same form as a profile"),
];

impl Field {
    /// The field of this key.
    #[must_use]
    pub fn of_key(key: &str) -> Option<&'static Self> {
        FIELDS.iter().find(|field| field.key == key)
    }

    /// Its environment variable.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("LOADTEST_{}", self.key.to_uppercase())
    }

    /// Whether a `[[scenario]]` of a file may have it: it is about the load.
    #[must_use]
    pub fn in_scenarios(&self) -> bool {
        let of_the_run = ["host", "seed", "http_timeout"];
        self.key == "thresholds" || self.heading == LOAD && !of_the_run.contains(&self.key)
    }

    /// Whether a file may have it: a file doesn't choose another file.
    #[must_use]
    pub fn in_files(&self) -> bool {
        !matches!(self.key, "profile" | "config")
    }
}
