//! A recorded run as comparisons take it: which seconds count, and what of them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::record::{Record, RecordError};
use super::series::{Second, Series, has};
use super::summary::Run;
use super::suspects::{Key, series};
use crate::catalogue::Catalogue;
use crate::compare::{self, Measure, Metric, Store, Subject};
use crate::config::comparable;
use crate::metrics::{Broken, Trend};
use crate::threshold::Verdict;
use crate::vu::Target;

/// A run that was recorded: its summary and the series that lies beside it.
#[derive(Debug)]
pub struct Recorded {
    /// What was run.
    pub run: Run,
    /// What was known of the API.
    pub catalogue: Catalogue,
    /// Its verdict.
    pub verdict: Verdict,
    /// Its seconds.
    pub series: Series,
    /// What they lack of the run, if they are not all of it.
    pub lack: Option<String>,
    /// Whether its generator was not fit.
    pub unfit: bool,
}

/// Why a recorded run can't be read.
#[derive(Debug, Error)]
pub enum RecordedError {
    /// Its files can't be read.
    #[error(transparent)]
    Record(RecordError),
    /// The summary is something else.
    #[error("{path} is not a summary.json of this program: {source}")]
    Summary {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// A histogram is broken.
    #[error("the series of {run}: {source}")]
    Histogram {
        /// The run's id.
        run: String,
        /// What is wrong.
        source: Broken,
    },
}

impl From<RecordError> for RecordedError {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::Summary { path, source } => Self::Summary { path, source },
            other => Self::Record(other),
        }
    }
}

const DISTRIBUTION: &[Measure] = &[
    Measure::Percentile(50.0),
    Measure::Percentile(95.0),
    Measure::Percentile(99.0),
];

impl Recorded {
    /// Reads `summary.json`, or the directory that it is in, and the series beside it.
    ///
    /// # Errors
    /// The file and what is wrong with it.
    pub fn read(path: &Path) -> Result<Self, RecordedError> {
        let Record {
            summary,
            series,
            lack,
        } = Record::read(path)?;
        Ok(Self {
            catalogue: summary.catalogue,
            run: summary.run,
            verdict: summary.verdict,
            unfit: summary.unfit,
            series,
            lack,
        })
    }

    /// What keeps it from being compared by itself, whatever it is compared with.
    #[must_use]
    pub fn misfit(&self, whose: &str) -> Option<String> {
        if self.unfit && self.verdict != Verdict::Invalid {
            return Some(format!("generator: overloaded in {whose}"));
        }
        let lack = self.lack.as_ref()?;
        Some(format!("series: {whose} can't be compared, {lack}"))
    }

    /// What is compared of it.
    ///
    /// # Errors
    /// A broken histogram.
    pub fn subject(&self) -> Result<Subject, RecordedError> {
        let run = self.run.id.clone();
        self.measured()
            .map_err(|source| RecordedError::Histogram { run, source })
    }

    fn measured(&self) -> Result<Subject, Broken> {
        let seconds: Vec<&Second> = steady(&self.run, &self.series.seconds);
        let requests = |tags: &[(&str, &str)]| rows(&seconds, "http_req_duration", tags);
        let metric = |name: &str, measures, headline, seconds| Metric {
            name: name.to_owned(),
            measures,
            headline,
            seconds,
        };
        let all = requests(&[])?;
        let mut metrics = vec![
            metric("http_reqs", &[Measure::PerSecond], true, all.clone()),
            metric("http_req_failed", &[Measure::Share], true, all.clone()),
            metric("http_req_duration", DISTRIBUTION, true, all),
        ];
        let iterations = rows(&seconds, "iteration_duration", &[])?;
        metrics.push(metric(
            "iteration_duration",
            DISTRIBUTION,
            false,
            iterations,
        ));
        for request in &self.catalogue.requests {
            let name = match &request.trend {
                Some(trend) => format!("{trend} ({})", request.name),
                None => format!("http_req_duration{{name:{}}}", request.name),
            };
            let of_it = requests(&[("name", &request.name)])?;
            metrics.push(metric(&name, DISTRIBUTION, false, of_it));
        }
        // What neither run does isn't there to be compared.
        let has_samples =
            |metric: &Metric| metric.seconds.iter().any(|second| !second.trend.is_empty());
        metrics.retain(|metric| metric.headline || has_samples(metric));
        Ok(Subject {
            id: self.run.id.clone(),
            lag_ms: median_lag(&seconds),
            metrics,
            stores: stores(&seconds),
        })
    }
}

/// The seconds that count: those wholly within a stage that is named steady if there are any such, else
/// within any, but never the first, when connections are made, nor the last, when work runs out.
fn steady<'a>(run: &Run, seconds: &'a [Second]) -> Vec<&'a Second> {
    let is_steady = |name: &str| {
        ["hold", "steady"]
            .iter()
            .any(|steady| name.starts_with(steady))
    };
    let (held, others): (Vec<_>, Vec<_>) = run
        .stages
        .iter()
        .partition(|stage| is_steady(&stage.name) && stage.from == stage.to);
    let stages = if held.is_empty() { others } else { held };
    let inner = seconds
        .get(1..seconds.len().saturating_sub(1))
        .unwrap_or(&[]);
    let within = |second: &&Second| {
        let begun = second.elapsed_ms.saturating_sub(second.length_ms);
        stages
            .iter()
            .any(|stage| stage.start_ms <= begun && second.elapsed_ms <= stage.end_ms)
    };
    inner.iter().filter(within).collect()
}

/// What probes read in these seconds.
fn stores(seconds: &[&Second]) -> Vec<Store> {
    let all = series(seconds.iter().copied());
    let store = |((probe, metric, of), values): (Key<'_>, Vec<Option<f64>>)| Store {
        probe: probe.to_owned(),
        metric: metric.to_owned(),
        of: of.to_owned(),
        values: values.into_iter().flatten().collect(),
    };
    all.into_iter().map(store).collect()
}

fn median_lag(seconds: &[&Second]) -> Option<f64> {
    let gauges = seconds.iter().flat_map(|second| &second.gauges);
    let mut lags: Vec<f64> = gauges
        .filter(|row| row.metric == "generator_lag_ms")
        .map(|row| row.value)
        .collect();
    lags.sort_by(f64::total_cmp);
    lags.get(lags.len() / 2).copied()
}

/// A trend second by second, over the series with these tags; what is unexpected is marked.
fn rows(
    seconds: &[&Second],
    metric: &str,
    tags: &[(&str, &str)],
) -> Result<Vec<compare::Second>, Broken> {
    let wanted: Vec<(String, String)> = tags
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    seconds
        .iter()
        .map(|second| {
            let mut trend = Trend::default();
            let mut marked = 0;
            let rows = second.trends.iter();
            for row in rows.filter(|row| row.metric == metric && has(&row.tags, &wanted)) {
                trend.merge(&row.value.decode()?);
                if row.tag("expected_response") == "false" {
                    marked += row.value.count;
                }
            }
            Ok(compare::Second {
                length: second.length_ms as f64 / 1_000.0,
                trend,
                marked,
            })
        })
        .collect()
}

/// Why a run can't be compared with a baseline, in words; nothing if it can. What the new run does not
/// know before it begins is left empty in it, and its verdict out.
#[must_use]
pub fn misfits(base: &Recorded, new: &Run, verdict: Option<Verdict>) -> Vec<String> {
    let old = &base.run;
    let texts = |what: &'static str, of: fn(&Run) -> String| (what, of(old), of(new));
    // A baseline of an older version may not say how its personas think, but what was written.
    let think = old.think.clone().zip(new.think.clone());
    let thinks_are_known = think.is_some();
    let (old_think, new_think) = think.unwrap_or_default();
    let pairs = [
        texts("profile", profile),
        texts("executor", |run| run.executor.clone()),
        texts("load", load),
        texts("VUs", |run| run.vus_max.to_string()),
        texts("mix", mix),
        ("think times", old_think, new_think),
        texts("server", server),
        texts("generator", machine),
    ];
    let given = old.settings.iter().chain(&new.settings);
    let compared: BTreeSet<&str> = given
        .filter(|setting| setting.compared)
        .map(|setting| setting.key.as_str())
        .filter(|key| !(thinks_are_known && *key == "think_time"))
        .collect();
    let settings = compared
        .into_iter()
        .map(|key| (key, setting(old, key), setting(new, key)));
    let mut misfits: Vec<String> = pairs
        .into_iter()
        .chain(settings)
        .filter(|(_, old, new)| old != new)
        .map(|(what, old, new)| format!("{what}: the baseline has {old}, this run {new}"))
        .collect();
    for (whose, verdict) in [("the baseline", Some(base.verdict)), ("this run", verdict)] {
        if verdict == Some(Verdict::Invalid) {
            misfits.push(format!("verdict: {whose} is invalid"));
        }
    }
    misfits.extend(base.misfit("the baseline"));
    misfits
}

/// A file's name without its folder, which may be another on another machine.
fn profile(run: &Run) -> String {
    let path = Path::new(&run.profile);
    let name = path.file_name().map(|name| name.to_string_lossy().into());
    name.unwrap_or_default()
}

/// The mix of each scenario in its lowest terms: `a=50,b=50` deals users as `a=1,b=1` does.
fn mix(run: &Run) -> String {
    let lowest = |mix: &str| -> Option<String> {
        let shares = mix.split(',').map(|share| {
            let (persona, weight) = share.split_once('=')?;
            Some((persona, weight.parse::<u32>().ok()?))
        });
        let shares: Vec<(&str, u32)> = shares.collect::<Option<_>>()?;
        let divisor = shares
            .iter()
            .fold(0, |so_far, (_, weight)| gcd(so_far, *weight));
        let reduced =
            |(persona, weight): &(&str, u32)| format!("{persona}={}", weight / divisor.max(1));
        Some(shares.iter().map(reduced).collect::<Vec<_>>().join(","))
    };
    let of_scenario = |text: &str| {
        let (name, mix) = text.rsplit_once(": ").unwrap_or(("", text));
        let mix = lowest(mix).unwrap_or_else(|| mix.to_owned());
        match name {
            "" => mix,
            name => format!("{name}: {mix}"),
        }
    };
    let scenarios = run.mix.split("; ").map(of_scenario);
    scenarios.collect::<Vec<_>>().join("; ")
}

const fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Every stage, with its beginning where that isn't the end of the one before.
fn load(run: &Run) -> String {
    let seconds = |ms: u64| ms as f64 / 1_000.0;
    let mut end = 0;
    let rows = run.stages.iter().map(|stage| {
        let length = seconds(stage.end_ms.saturating_sub(stage.start_ms));
        let from = match stage.start_ms == end {
            true => String::new(),
            false => format!(" from {}s", seconds(stage.start_ms)),
        };
        end = stage.end_ms;
        format!("{}={length}s:{}{from}", stage.name, stage.load)
    });
    rows.collect::<Vec<_>>().join(" ")
}

/// What kind of server it is, and what it is reached by: two of a kind may be compared.
fn server(run: &Run) -> String {
    if run.host.ends_with(PRIVATE_STACK) {
        return "a private stack".to_owned();
    }
    let scheme = run
        .host
        .split_once("://")
        .map_or("http", |(scheme, _)| scheme);
    let place = match Target::is_loopback(&run.host) {
        true => "on the generator's machine",
        false => "elsewhere",
    };
    format!("a server {place}, by {}", scheme.to_lowercase())
}

fn machine(run: &Run) -> String {
    let generator = &run.generator;
    format!(
        "{} × {}, {}",
        generator.cpus, generator.cpu, generator.platform
    )
}

/// A setting as it is written; a switch has no text.
fn setting(run: &Run, key: &str) -> String {
    let given = run.settings.iter().find(|setting| setting.key == key);
    match given.map(|setting| &setting.values[..]) {
        None => "the default".to_owned(),
        Some([]) => "on".to_owned(),
        Some(values) => values
            .iter()
            .map(|text| comparable(key, text))
            .collect::<Vec<_>>()
            .join(";"),
    }
}

/// What stands behind the address of a server that was started for the run.
pub const PRIVATE_STACK: &str = "(private stack)";

#[cfg(test)]
mod tests {
    use super::super::summary::StageRow;
    use super::*;
    use crate::config::Setting;

    fn seconds(count: u64) -> Vec<Second> {
        (1..=count)
            .map(|second| Second {
                elapsed_ms: second * 1_000,
                length_ms: 1_000,
                ..Second::default()
            })
            .collect()
    }

    fn stage(name: &str, start: u64, end: u64, vus: [u32; 2]) -> StageRow {
        StageRow {
            name: name.to_owned(),
            start_ms: start * 1_000,
            end_ms: end * 1_000,
            from: vus[0],
            to: vus[1],
            scenario: None,
            load: vus[1].to_string(),
        }
    }

    #[test]
    fn only_the_steady_stage_counts_where_there_is_one() {
        let mut run = Run {
            stages: vec![
                stage("ramp_up", 0, 3, [0, 10]),
                stage("hold", 3, 7, [10, 10]),
                stage("ramp_down", 7, 9, [10, 0]),
            ],
            ..Run::default()
        };
        let all = seconds(10);
        let elapsed = |run: &Run| -> Vec<u64> {
            steady(run, &all)
                .iter()
                .map(|second| second.elapsed_ms / 1_000)
                .collect()
        };
        assert_eq!(elapsed(&run), [4, 5, 6, 7]);
        run.stages = vec![stage("main", 0, 20, [10, 10])];
        assert_eq!(elapsed(&run), [2, 3, 4, 5, 6, 7, 8, 9]);
        run.stages = vec![stage("main", 0, 7, [10, 10])];
        assert_eq!(
            elapsed(&run),
            [2, 3, 4, 5, 6, 7],
            "the grace has no steady work"
        );
        assert!(steady(&run, &all[..1]).is_empty());
    }

    /// Each row: what another run differs in, and what is said of it.
    #[test]
    fn every_difference_of_load_machine_or_server_is_named() {
        let setting = |key: &str, values: &[&str]| Setting {
            key: key.to_owned(),
            values: values.iter().map(|text| (*text).to_owned()).collect(),
            source: String::new(),
            from_profile: false,
            compared: true,
        };
        let mut run = Run {
            profile: "/ci/load.toml".to_owned(),
            executor: "constant-vus".to_owned(),
            host: "http://127.0.0.1:8080".to_owned(),
            mix: "a=1".to_owned(),
            stages: vec![stage("main", 0, 20, [10, 10])],
            think: Some("one: a 1s".to_owned()),
            vus_max: 10,
            ..Run::default()
        };
        run.generator.cpus = 2;
        run.generator.cpu = "EPYC".to_owned();
        run.generator.platform = "linux x86_64".to_owned();
        type Change = fn(&mut Run);
        let rows: [(Change, Option<&str>); 17] = [
            (|_| {}, None),
            (|run| run.seed = 8, None),
            (|run| run.profile = "load.toml".to_owned(), None),
            (|run| run.host = "http://localhost:9".to_owned(), None),
            (|run| run.generator.memory_bytes = 1, None),
            (|run| run.think = None, None),
            (
                |run| run.profile = "smoke".to_owned(),
                Some("profile: the baseline has load.toml, this run smoke"),
            ),
            (
                |run| run.executor = "ramping-vus".to_owned(),
                Some("executor: the baseline has constant-vus, this run ramping-vus"),
            ),
            (
                |run| run.stages[0].end_ms = 30_000,
                Some("load: the baseline has main=20s:10, this run main=30s:10"),
            ),
            (
                |run| (run.stages[0].start_ms, run.stages[0].end_ms) = (5_000, 25_000),
                Some("load: the baseline has main=20s:10, this run main=20s:10 from 5s"),
            ),
            (
                |run| run.vus_max = 20,
                Some("VUs: the baseline has 10, this run 20"),
            ),
            (
                |run| run.mix = "a=1,b=1".to_owned(),
                Some("mix: the baseline has a=1, this run a=1,b=1"),
            ),
            (
                |run| run.think = Some("one: a 2s".to_owned()),
                Some("think times: the baseline has one: a 1s, this run one: a 2s"),
            ),
            (
                |run| run.host = "http://shop".to_owned(),
                Some(
                    "server: the baseline has a server on the generator's machine, by http, \
                     this run a server elsewhere, by http",
                ),
            ),
            (
                |run| run.host = "https://127.0.0.1:8443".to_owned(),
                Some(
                    "server: the baseline has a server on the generator's machine, by http, \
                     this run a server on the generator's machine, by https",
                ),
            ),
            (
                |run| run.generator.cpus = 4,
                Some(
                    "generator: the baseline has 2 × EPYC, linux x86_64, \
                     this run 4 × EPYC, linux x86_64",
                ),
            ),
            (
                |run| run.generator.cpu = "Xeon".to_owned(),
                Some(
                    "generator: the baseline has 2 × EPYC, linux x86_64, \
                     this run 2 × Xeon, linux x86_64",
                ),
            ),
        ];
        let base = Recorded {
            run: run.clone(),
            catalogue: Catalogue::default(),
            verdict: Verdict::Fail,
            series: Series::default(),
            lack: None,
            unfit: false,
        };
        for (change, expected) in rows {
            let mut other = run.clone();
            change(&mut other);
            let expected: Vec<&str> = expected.into_iter().collect();
            assert_eq!(misfits(&base, &other, Some(Verdict::Pass)), expected);
        }
        run.settings = vec![
            setting("http2", &[]),
            setting("think_time", &["1s", "b=2s"]),
        ];
        let http2 = "http2: the baseline has the default, this run on";
        // How they think is known, however it was written.
        assert_eq!(misfits(&base, &run, None), [http2]);
        run.think = None;
        assert_eq!(
            misfits(&base, &run, None),
            [
                http2,
                "think_time: the baseline has the default, this run 1s;b=2s"
            ]
        );
    }

    #[test]
    fn a_header_is_the_same_in_whatever_case_its_name_is() {
        let of = |text: &str| {
            let headers = Setting {
                key: "headers".to_owned(),
                values: vec![text.to_owned()],
                source: String::new(),
                from_profile: false,
                compared: true,
            };
            let run = Run {
                settings: vec![headers],
                ..Run::default()
            };
            super::setting(&run, "headers")
        };
        for (one, other, same) in [
            ("X-Team: $TEAM", "x-team:$TEAM", true),
            ("X-Team: ***", "x-team: ***", true),
            ("X-Team: $TEAM", "X-Team: $team", false),
            ("X-Team: $TEAM", "X-Teams: $TEAM", false),
        ] {
            assert_eq!(of(one) == of(other), same, "{one} {other}");
        }
    }

    #[test]
    fn a_mix_is_the_same_in_whatever_terms() {
        let of = |text: &str| {
            mix(&Run {
                mix: text.to_owned(),
                ..Run::default()
            })
        };
        for (one, other, same) in [
            ("a=50,b=50", "a=1,b=1", true),
            ("a=60,b=30,c=10", "a=6,b=3,c=1", true),
            ("a=60,b=30", "a=30,b=60", false),
            ("one: a=2; two: a=5,b=5", "one: a=1; two: a=1,b=1", true),
            ("one: a=1; two: b=1", "one: a=1; six: b=1", false),
            ("", "", true),
        ] {
            assert_eq!(of(one) == of(other), same, "{one} {other}");
        }
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let run = Run {
            profile: "flow_10vus".to_owned(),
            host: format!("http://127.0.0.1:1 {PRIVATE_STACK}"),
            vus_max: 10,
            ..Run::default()
        };
        let base = Recorded {
            run: run.clone(),
            catalogue: Catalogue::default(),
            verdict: Verdict::Pass,
            series: Series::default(),
            lack: None,
            unfit: false,
        };
        let same_elsewhere = Run {
            id: "other".to_owned(),
            host: format!("http://127.0.0.1:2 {PRIVATE_STACK}"),
            ..run.clone()
        };
        assert_eq!(misfits(&base, &same_elsewhere, None), Vec::<String>::new());
        let mut other = Run {
            profile: "flow_100vus".to_owned(),
            host: "http://shop".to_owned(),
            ..run
        };
        other.generator.cpus = 8;
        assert_eq!(
            misfits(&base, &other, Some(Verdict::Invalid)),
            [
                "profile: the baseline has flow_10vus, this run flow_100vus",
                "server: the baseline has a private stack, this run a server elsewhere, by http",
                "generator: the baseline has 0 × , , this run 8 × , ",
                "verdict: this run is invalid",
            ]
        );
    }
}
