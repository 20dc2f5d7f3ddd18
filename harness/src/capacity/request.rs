//! What a search is asked for, and the configuration of each of its trials.

use std::path::PathBuf;
use std::time::Duration;

use super::by::{By, vus_for};
use super::search::Search;
use super::stage::HOLD;
use crate::config::{self, Field, Inputs, Layer, Outline, Problem, RunConfig};
use crate::metrics::Kind;
use crate::threshold;
use crate::vu::Target;

/// A shorter hold has too few whole seconds to judge.
pub const SHORTEST_HOLD: Duration = Duration::from_secs(2);

/// Why a search ignores what it is not asked for by a flag.
const WITHOUT: &str = "a capacity search makes loads of its own, and its trials leave no reports";

/// Whether the trials have no use for a field. A profile or file may be what they begin with, and
/// quiet they are.
fn is_unused(field: &Field) -> bool {
    !field.in_trials && !matches!(field.key, "profile" | "config" | "quiet")
}

/// What the user asks for.
#[derive(Debug, Clone)]
pub struct Request {
    /// What a load is counted in.
    pub by: By,
    /// The search.
    pub search: Search,
    /// How long each trial holds its load.
    pub hold: Duration,
    /// Flags of every trial: server, shop, SLA.
    pub flags: Layer,
    /// Where the outcome goes as JSON.
    pub json: Option<PathBuf>,
}

impl Request {
    /// The configuration of the trial of one load. `variables` are the environment's.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn trial(
        &self,
        outline: &Outline,
        load: u32,
        variables: Vec<(String, String)>,
    ) -> Result<RunConfig, Vec<Problem>> {
        let (variables, unused) =
            config::without_unused(variables, &outline.fields, is_unused, WITHOUT);
        let mut config = match self.by {
            By::Vus => self.config(outline, load, load, None, variables),
            By::Rate => self.at_rate(outline, load, variables),
        }?;
        config
            .thresholds
            .push(threshold::parse("http_req_failed: rate==0", &[]).expect("the grammar has it"));
        for threshold in &mut config.thresholds {
            // While the load is brought up, the server warms up.
            let has_stages = threshold.filter.0.iter().any(|(key, _)| key == "stage");
            if threshold.metric.kind() == Kind::Trend && !has_stages {
                let stage = ("stage".to_owned(), HOLD.to_owned());
                threshold.filter.0.push(stage);
            }
        }
        let in_files = config.settings.iter().filter(|setting| {
            let field = outline.fields.of_key(&setting.key);
            setting.from_profile && field.is_some_and(is_unused)
        });
        let in_files: Vec<&str> = in_files.map(|setting| setting.source.as_str()).collect();
        let in_files = (!in_files.is_empty())
            .then(|| format!("{}: ignored, for {WITHOUT}", in_files.join(", ")));
        let unused = unused.map(|unused| unused.to_string());
        config.warnings.extend(unused.into_iter().chain(in_files));
        // Such a server takes part of this machine by itself. (If the address is a tunnel to
        // another machine, an overloaded generator makes VUs slow and starts late: what its trials
        // sent then is what they say of requests/s.)
        let is_here = config.host.as_deref().is_some_and(Target::is_loopback);
        config.shared_machine |= is_here;
        Ok(config)
    }

    /// Drafted first: how many VUs a rate needs depends on the waits of an iteration, and how long
    /// it rises on the VUs, wherever these are given.
    fn at_rate(
        &self,
        outline: &Outline,
        load: u32,
        variables: Vec<(String, String)>,
    ) -> Result<RunConfig, Vec<Problem>> {
        let max_vus = Field::of_key("max_vus").expect("it is one of the fields");
        let given = self.flags.get(max_vus.key).is_some()
            || variables
                .iter()
                .any(|(name, _)| *name == max_vus.variable());
        let default = |wait| (!given).then(|| vus_for(load, wait));
        let draft = self.config(outline, load, 1, default(Duration::ZERO), variables.clone())?;
        let vus = default((outline.pause)(&draft.options));
        let there_are = vus.unwrap_or_else(|| draft.plan().vus_max());
        self.config(outline, load, there_are, vus, variables)
    }

    /// A trial with `vus` VUs; `max_vus` is said where the user doesn't say it.
    fn config(
        &self,
        outline: &Outline,
        load: u32,
        vus: u32,
        max_vus: Option<u32>,
        variables: Vec<(String, String)>,
    ) -> Result<RunConfig, Vec<Problem>> {
        let mut flags = self.flags.clone();
        let mut set = |key: &str, texts: Vec<String>| {
            flags.set_flag(Field::of_key(key).expect("it is one of the fields"), texts);
        };
        set("stages", self.by.stages(load, vus, self.hold));
        set("quiet", vec![]);
        if let Some(max_vus) = max_vus {
            set("max_vus", vec![max_vus.to_string()]);
        }
        config::load_trial(outline, Inputs { flags, variables })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::Executor;
    use crate::fixture::outline;

    fn request(by: By, flags: &[(&str, &str)]) -> Request {
        let mut layer = Layer::default();
        for (key, text) in flags {
            let texts = if text.is_empty() {
                vec![]
            } else {
                vec![(*text).to_owned()]
            };
            layer.set_flag(outline().fields.of_key(key).expect(key), texts);
        }
        Request {
            by,
            search: Search {
                from: 100,
                to: 200,
                precision: 0.05,
                repeats: 1,
            },
            hold: Duration::from_secs(10),
            flags: layer,
            json: None,
        }
    }

    fn variables_of(name: &str, text: &str) -> Vec<(String, String)> {
        vec![(name.to_owned(), text.to_owned())]
    }

    /// VUs that there are, seconds of the rise and what is held.
    fn shape(config: &RunConfig) -> (u32, u64, String) {
        let schedule = &config.scenarios[0].schedule;
        let rise = schedule.segments()[0].end.as_secs();
        (schedule.vus_max(), rise, schedule.stage_loads()[1].clone())
    }

    #[test]
    fn a_rate_is_an_open_load_whose_vus_follow_from_an_iterations_waits() {
        let rows = [
            (vec![], vec![], (600, 12)),
            (vec![("pause", "2s")], vec![], (700, 14)),
            (vec![], variables_of("LOADTEST_PAUSE", "0s"), (500, 10)),
            (vec![("max_vus", "150")], vec![], (150, 3)),
            (vec![], variables_of("LOADTEST_MAX_VUS", "250"), (250, 5)),
            (vec![("mix", "a=99,c=1")], vec![], (600, 12)),
        ];
        for (flags, variables, (vus, rise)) in rows {
            let config = request(By::Rate, &flags)
                .trial(&outline(), 100, variables)
                .expect("good");
            assert_eq!(shape(&config), (vus, rise, "100/s".to_owned()), "{flags:?}");
            let executor = &config.scenarios[0].schedule.executor;
            assert!(
                matches!(executor, Executor::RampingArrivalRate { .. }),
                "{executor:?}"
            );
        }
        let vus = request(By::Vus, &[])
            .trial(&outline(), 100, vec![])
            .expect("good");
        assert_eq!(shape(&vus), (100, 2, "100".to_owned()));
    }

    #[test]
    fn what_the_load_has_no_use_for_is_refused() {
        let rows = [
            (
                By::Vus,
                ("max_vus", "5"),
                "--max-vus: does not apply to stages",
            ),
            (
                By::Rate,
                ("think_time", "1s"),
                "--think-time: does not apply to stages of a rate",
            ),
            (By::Rate, ("max_vus", "0"), "--max-vus: 0 VUs do nothing"),
        ];
        for (by, flag, expected) in rows {
            let problems = request(by, &[flag])
                .trial(&outline(), 100, vec![])
                .expect_err(expected);
            assert_eq!(problems.len(), 1, "{problems:?}");
            let said = problems[0].to_string();
            assert!(said.starts_with(expected), "{said}");
        }
    }

    #[test]
    fn variables_and_keys_that_a_search_has_no_use_for_are_said() {
        let variables = [
            ("LOADTEST_OUT", "csv=x.csv"),
            ("LOADTEST_STAGES", "1m:5"),
            ("LOADTEST_TUI", "1"),
            ("LOADTEST_BASELINE", "gone.json"),
            ("LOADTEST_PAUSE", "0s"),
        ];
        let variables = variables.map(|(name, text)| (name.to_owned(), text.to_owned()));
        let config = request(By::Vus, &[]).trial(&outline(), 100, variables.into());
        let config = config.expect("what is ignored can't be wrong");
        let said = format!(
            "LOADTEST_OUT, LOADTEST_STAGES, LOADTEST_TUI, LOADTEST_BASELINE: ignored, for {WITHOUT}"
        );
        assert_eq!(config.warnings, [said]);
        assert_eq!((config.outputs.len(), config.tui), (0, false));

        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        let text = "vus = 3\nduration = \"9s\"\nname = \"x\"\npause = \"0s\"\n";
        std::fs::write(file.path(), text).expect("written");
        let path = file.path().display().to_string();
        let variables = variables_of("LOADTEST_CONFIG", &path);
        let config = request(By::Vus, &[]).trial(&outline(), 100, variables);
        let said = format!("name in {path}: ignored, for {WITHOUT}");
        assert_eq!(config.expect("good").warnings, [said]);
    }

    #[test]
    fn times_are_judged_in_the_hold() {
        for by in [By::Vus, By::Rate] {
            let config = request(by, &[])
                .trial(&outline(), 100, vec![])
                .expect("good");
            let thresholds: Vec<String> =
                config.thresholds.iter().map(ToString::to_string).collect();
            assert_eq!(
                thresholds,
                [
                    "http_req_duration{stage:hold}: p(95)<200",
                    "checks: rate==1",
                    "http_req_failed: rate==0"
                ]
            );
        }
    }

    #[test]
    fn a_threshold_on_times_of_other_stages_is_judged_in_them() {
        let of_rise = "http_req_duration{stage:rise}: p(95)<900";
        let config = request(By::Vus, &[("thresholds", of_rise)]).trial(&outline(), 100, vec![]);
        let thresholds = config.expect("good").thresholds;
        assert_eq!(thresholds[1].to_string(), of_rise);
        let typo = [("thresholds", "http_req_duration{stage:ris}: p(95)<900")];
        let problems = request(By::Vus, &typo).trial(&outline(), 100, vec![]);
        let said = problems.expect_err("no such stage")[0].to_string();
        assert!(
            said.contains(
                "there is no stage 'ris'; did you mean rise? known are rise, hold, grace"
            ),
            "{said}"
        );
    }

    #[test]
    fn an_sla_of_each_request_is_judged_in_the_hold_too() {
        let flags = [("sla", "each max<1s"), ("mix", "c=1")];
        let config = request(By::Vus, &flags).trial(&outline(), 100, vec![]);
        let thresholds: Vec<String> = config
            .expect("good")
            .thresholds
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            thresholds[..2],
            [
                "http_req_duration{stage:hold}: max<1s",
                "http_req_duration{name:7_malicious_order,stage:hold}: max<1s"
            ]
        );
    }

    #[test]
    fn a_server_at_a_loopback_address_shares_the_machine() {
        let rows = [
            (vec![("host", "http://127.0.0.1:8080")], true),
            (vec![("host", "http://shop.example")], false),
            (
                vec![("host", "http://shop.example"), ("shared_machine", "")],
                true,
            ),
            (vec![], false),
        ];
        for (flags, shared) in rows {
            let config = request(By::Vus, &flags)
                .trial(&outline(), 100, vec![])
                .expect("good");
            assert_eq!(config.shared_machine, shared, "{flags:?}");
        }
    }
}
