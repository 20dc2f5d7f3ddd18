//! Layers, precedence, and every mistake a user can make.

use super::*;
use crate::config::{FIELDS, Field, PROFILES};
use crate::executor::Executor;

const SECOND: Duration = Duration::from_secs(1);

/// Reads `--flag value` pairs, `--switch`es and `NAME=value` variables.
fn inputs(line: &str) -> Inputs {
    let mut inputs = Inputs::default();
    let mut lists: Vec<(&'static Field, Vec<String>)> = Vec::new();
    let mut words = line.split_whitespace();
    while let Some(word) = words.next() {
        let Some(flag) = word.strip_prefix("--") else {
            let (name, text) = word.split_once('=').expect("NAME=value");
            inputs.variables.push((name.to_owned(), text.to_owned()));
            continue;
        };
        let field = FIELDS.iter().find(|field| field.flag == flag).expect(flag);
        let value = (field.form != crate::config::Form::Switch)
            .then(|| words.next().expect(flag).to_owned());
        match lists.iter_mut().find(|(known, _)| known.key == field.key) {
            Some((_, texts)) => texts.extend(value),
            None => lists.push((field, value.into_iter().collect())),
        }
    }
    for (field, texts) in lists {
        inputs.flags.set_flag(field, texts);
    }
    inputs
}

fn config(line: &str) -> RunConfig {
    load(inputs(line)).unwrap_or_else(|problems| panic!("{line}: {problems:?}"))
}

fn problems(line: &str) -> Vec<String> {
    load(inputs(line))
        .expect_err(line)
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn every_profile_is_valid_and_described() {
    for profile in &PROFILES {
        let config = config(&format!("--profile {}", profile.name));
        assert_eq!(config.profile, profile.name);
        assert!(!profile.description().is_empty(), "{}", profile.name);
    }
}

#[test]
fn the_seeds_profiles_are_the_seeds() {
    let ramp = |name: &str| match config(&format!("--profile {name}")).schedule.executor {
        Executor::RampingVus { start_vus, stages } => (
            start_vus,
            stages
                .iter()
                .map(|s| (s.duration.as_secs(), s.target))
                .collect::<Vec<_>>(),
        ),
        other => panic!("{name}: {other:?}"),
    };
    assert_eq!(ramp("flow_10vus"), (0, vec![(30, 10), (60, 10), (10, 0)]));
    assert_eq!(
        ramp("flow_100vus"),
        (0, vec![(30, 100), (60, 100), (10, 0)])
    );
    assert_eq!(
        ramp("flow_300vus"),
        (0, vec![(30, 300), (120, 300), (20, 0)])
    );
    assert_eq!(
        ramp("ramping"),
        (
            0,
            vec![(60, 100), (60, 200), (60, 300), (120, 300), (30, 0)]
        )
    );
    assert_eq!(config("--profile ramping").schedule.start_time, 10 * SECOND);
    assert_eq!(
        config("--profile flow_300vus").schedule.graceful_stop,
        20 * SECOND
    );
    let herd = config("--profile flow_iterations");
    let once = Executor::PerVuIterations {
        vus: 300,
        iterations: 1,
        max_duration: 60 * SECOND,
    };
    assert_eq!(
        (herd.schedule.executor, herd.coupons),
        (once, Coupons::Limited(100))
    );
}

#[test]
fn without_any_load_it_is_the_smoke_profile() {
    let config = config("");
    assert_eq!(
        (config.profile.as_str(), config.schedule.vus_max()),
        ("smoke", 5)
    );
    let thresholds: Vec<_> = config.thresholds.iter().map(ToString::to_string).collect();
    assert_eq!(
        thresholds,
        ["http_req_duration: p(95)<200", "checks: rate==1"]
    );
}

#[test]
fn flags_win_over_variables_over_profiles() {
    let profile = "--profile flow_iterations";
    assert_eq!(config(profile).schedule.vus_max(), 300);
    assert_eq!(
        config(&format!("{profile} LOADTEST_VUS=20"))
            .schedule
            .vus_max(),
        20
    );
    assert_eq!(
        config(&format!("{profile} LOADTEST_VUS=20 --vus 7"))
            .schedule
            .vus_max(),
        7
    );
    assert_eq!(config("LOADTEST_PROFILE=mixed").profile, "mixed");
    assert_eq!(
        config("LOADTEST_PROFILE=mixed --profile smoke").profile,
        "smoke"
    );
}

#[test]
fn a_shape_given_above_replaces_the_profiles() {
    let ramp = config("--profile flow_iterations --stage 1m:10");
    assert!(matches!(
        ramp.schedule.executor,
        Executor::RampingVus { .. }
    ));
    assert_eq!(
        ramp.coupons,
        Coupons::Limited(100),
        "what isn't the load stays"
    );
    let constant = config("--profile flow_300vus --vus 3 --duration 5s");
    assert_eq!(
        constant.schedule.executor,
        Executor::ConstantVus {
            vus: 3,
            duration: 5 * SECOND
        }
    );
    let shared = config("LOADTEST_STAGES=1m:5;30s:0 --iterations 9 --vus 2");
    let expected = Executor::SharedIterations {
        vus: 2,
        iterations: 9,
        max_duration: 600 * SECOND,
    };
    assert_eq!(shared.schedule.executor, expected);
}

#[test]
fn thresholds_of_the_users_own() {
    let given = config(
        "--sla p(99)<50 --threshold checks:rate>0.9 --threshold order_time:max<1s --duration 1s",
    );
    let thresholds: Vec<_> = given.thresholds.iter().map(ToString::to_string).collect();
    assert_eq!(
        thresholds,
        [
            "http_req_duration: p(99)<50",
            "checks: rate>0.9",
            "order_time: max<1s"
        ]
    );
    assert_eq!(config("--sla none").thresholds.len(), 1);
}

#[test]
fn switches_can_be_given_anywhere() {
    assert!(!config("--no-audit").audit);
    assert!(!config("LOADTEST_NO_AUDIT=true").audit);
    assert!(config("LOADTEST_NO_AUDIT=0").audit);
}

#[test]
fn every_mistake_is_reported_at_once() {
    let all = problems(
        "--stage 1x:5 --mix d=1 --sla p95<200 --host nowhere LOADTEST_SEED=x --http-timeout 0s",
    );
    let expected = [
        "--stage: stage '1x:5': '1x' is not a duration; write 30s, 1m30s or 500ms",
        "--mix: there is no persona 'd'",
        "--host: 'nowhere' is not a server's address",
        "--http-timeout: '0s' is no time at all",
        "--sla: unknown aggregation 'p95'",
        "LOADTEST_SEED: 'x' is not a seed",
    ];
    assert_eq!(all.len(), expected.len(), "{all:#?}");
    for (problem, expected) in all.iter().zip(expected) {
        assert!(problem.starts_with(expected), "{problem}");
    }
}

#[test]
fn single_mistakes_name_their_place() {
    let rows = [
        (
            "--profile nope",
            "--profile: there is no profile 'nope'; known are smoke, flow_iterations",
        ),
        (
            "--config /nowhere.toml",
            "--config: /nowhere.toml can't be read",
        ),
        (
            "--config a.toml --profile smoke",
            "--config: contradicts --profile",
        ),
        ("LOADTEST_VUZ=3", "LOADTEST_VUZ: there is no such setting"),
        (
            "LOADTEST_QUIET=maybe",
            "LOADTEST_QUIET: 'maybe' is neither true nor false",
        ),
        (
            "--duration 5s --iterations 5",
            "--iterations: contradicts duration; give one of",
        ),
        ("--stage 1m:5 --vus 5", "--vus: does not apply to stages"),
        (
            "--vus 5 --profile flow_300vus",
            "--vus: does not apply to stages",
        ),
        (
            "--duration 5s --max-duration 5s",
            "--max-duration: does not apply to duration",
        ),
        (
            "--duration 5s --start-vus 5",
            "--start-vus: does not apply to duration",
        ),
        ("--stage 0s:5", "--stage: take no time"),
        ("--stage 1m:0", "--stage: never want a VU"),
        ("--vus 0 --duration 5s", "--vus: 0 VUs do nothing"),
        (
            "--threshold http_req_duration{stage:peak}:p(95)<1 --duration 1s",
            "--threshold: there is no stage 'peak'; known are main, grace",
        ),
        (
            "--summary-json= --duration 1s",
            "--summary-json: names no file",
        ),
    ];
    for (line, expected) in rows {
        let line = line.replace("--summary-json=", "LOADTEST_SUMMARY_JSON=");
        let expected = expected.replace("--summary-json", "LOADTEST_SUMMARY_JSON");
        let all = problems(&line);
        assert!(
            all.len() == 1 && all[0].starts_with(&expected),
            "{line}: {all:#?}"
        );
    }
}

#[test]
fn files_take_the_same_words() {
    let mut found = Vec::new();
    let toml = r#"
        description = "my shop"
        stages = ["hold=1m:5"]
        seed = 7
        no_audit = true
        vuz = 3
        mix = 5.5
        thresholds = "one"
        profile = "smoke"
    "#;
    let layer = Layer::from_toml(toml, "shop.toml", &mut found);
    assert_eq!(layer.get("stages").expect("given").texts, ["hold=1m:5"]);
    assert_eq!(layer.get("seed").expect("given").texts, ["7"]);
    assert!(layer.get("no_audit").is_some());
    let found: Vec<_> = found.iter().map(ToString::to_string).collect();
    let expected = [
        "mix in shop.toml: must be a text or a whole number",
        "profile in shop.toml: there is no such key",
        "thresholds in shop.toml: must be a list of texts",
        "vuz in shop.toml: there is no such key; known are host, stages,",
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for expected in expected {
        assert!(
            found.iter().any(|problem| problem.starts_with(expected)),
            "{expected}: {found:#?}"
        );
    }
}
