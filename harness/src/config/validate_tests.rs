//! Layers, precedence, and every mistake a user can make.

use super::*;
use crate::config::Field;
use crate::executor::{Executor, Schedule};
use crate::fixture::{PAUSE, outline};
use crate::vu::Header;

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
        let fields = outline().fields;
        let field = fields.iter().find(|field| field.flag == flag).expect(flag);
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
    load(&outline(), inputs(line)).unwrap_or_else(|problems| panic!("{line}: {problems:?}"))
}

/// The schedule of the only scenario.
fn only(config: &RunConfig) -> Schedule {
    let [scenario] = &config.scenarios[..] else {
        panic!("{:?}", config.scenarios)
    };
    assert_eq!(scenario.name, None);
    scenario.schedule.clone()
}

fn schedule(line: &str) -> Schedule {
    only(&config(line))
}

fn problems(line: &str) -> Vec<String> {
    load(&outline(), inputs(line))
        .expect_err(line)
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn every_profile_is_valid_and_described() {
    for profile in outline().profiles {
        let config = config(&format!("--profile {}", profile.name));
        assert_eq!(config.profile, profile.name);
        assert!(!profile.description().is_empty(), "{}", profile.name);
    }
}

#[test]
fn without_any_load_it_is_the_smoke_profile() {
    let config = config("");
    assert_eq!(
        (config.profile.as_str(), config.plan().vus_max()),
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
    let profile = "--profile herd";
    assert_eq!(schedule(profile).vus_max(), 300);
    assert_eq!(
        schedule(&format!("{profile} LOADTEST_VUS=20")).vus_max(),
        20
    );
    assert_eq!(
        schedule(&format!("{profile} LOADTEST_VUS=20 --vus 7")).vus_max(),
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
    let ramp = config("--profile herd --stage 1m:10");
    assert!(matches!(only(&ramp).executor, Executor::RampingVus { .. }));
    assert_eq!(
        ramp.options.get(&PAUSE),
        Some("3s"),
        "what isn't the load stays"
    );
    let constant = config("--profile flow_10vus --vus 3 --duration 5s");
    assert_eq!(
        only(&constant).executor,
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
    assert_eq!(only(&shared).executor, expected);
    // k6's three together: the time is a limit.
    let limited = config("--vus 2 --duration 30s --iterations 9");
    let expected = Executor::SharedIterations {
        vus: 2,
        iterations: 9,
        max_duration: Duration::from_secs(30),
    };
    assert_eq!(only(&limited).executor, expected);
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
fn an_sla_of_each_request_has_those_that_the_mix_plans() {
    let of = |toml: &str| {
        let (path, _kept) = file(toml);
        let config = config(&format!("--config {path}"));
        let all = config.thresholds.iter();
        all.map(|one| (one.to_string(), one.optional))
            .collect::<Vec<_>>()
    };
    let row = |text: &str| (text.to_owned(), false);
    assert_eq!(
        of("sla = 'each p(95)<200'\nmix = 'c=1'\nduration = '1s'"),
        [
            row("http_req_duration: p(95)<200"),
            row("http_req_duration{name:7_malicious_order}: p(95)<200"),
            row("checks: rate==1"),
        ]
    );
    let impulse = of("sla = 'each max<1s'\nduration = '1s'");
    assert_eq!(impulse.len(), 1 + 7 + 1);
    let optional: Vec<_> = impulse.iter().filter(|(_, optional)| *optional).collect();
    let coupons = "http_req_duration{name:3_get_coupons}: max<1s".to_owned();
    assert_eq!(optional, [&(coupons, true)]);
}

#[test]
fn switches_can_be_given_anywhere() {
    assert!(!config("--no-audit").audit);
    assert!(!config("LOADTEST_NO_AUDIT=true").audit);
    assert!(config("LOADTEST_NO_AUDIT=0").audit);
}

/// Name and value of each header.
fn headers(config: &RunConfig) -> Vec<(&str, &str)> {
    config
        .headers
        .iter()
        .map(|header| (header.name(), header.value()))
        .collect()
}

#[test]
fn headers_are_given_as_any_list_is_and_take_variables() {
    assert_eq!(headers(&config("--vus 1 --duration 1s")), []);
    let flags = "API_TOKEN=token-of-a-test --header x-token:$API_TOKEN --header accept:text/html";
    assert_eq!(
        headers(&config(flags)),
        [("x-token", "token-of-a-test"), ("accept", "text/html")]
    );
    let variables = config("T=token-of-a-test LOADTEST_HEADERS=a:1;b:${T}");
    assert_eq!(headers(&variables), [("a", "1"), ("b", "token-of-a-test")]);
    let (path, _kept) = file("headers = ['X-Team: red', 'b: 2']\nduration = '1s'");
    let of_a_file = config(&format!("--config {path}"));
    assert_eq!(headers(&of_a_file), [("X-Team", "red"), ("b", "2")]);
    let above = config(&format!("--config {path} --header a:1"));
    assert_eq!(headers(&above), [("a", "1")], "a list is replaced whole");
}

#[test]
fn a_suites_headers_give_way_to_those_of_the_run() {
    let mut outline = outline();
    outline.headers = || {
        let of_the_suite = [("authorization", "Bearer a"), ("x-team", "red")];
        let header = |(name, value)| Header::new(name, value).map_err(|error| error.to_string());
        of_the_suite.into_iter().map(header).collect()
    };
    let line = "--vus 1 --duration 1s --header Authorization:b";
    let config = load(&outline, inputs(line)).expect("it is good");
    assert_eq!(
        headers(&config),
        [("x-team", "red"), ("Authorization", "b")]
    );
    let settings = format!("{:?}", config.settings);
    assert!(!settings.contains("x-team"), "{settings}");
}

#[test]
fn a_suite_that_lacks_something_says_so_beside_what_else_is_wrong() {
    let mut outline = outline();
    outline.headers = || Err("the token is not there".to_owned());
    let problems = load(&outline, inputs("--vus 0 --duration 1s")).expect_err("two problems");
    let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(
        problems.contains(&"loadtest: the token is not there".to_owned()),
        "{problems:?}"
    );
}

#[test]
fn what_a_header_says_is_in_no_output() {
    let line = "API_TOKEN=token-of-a-test --header x-token:$API_TOKEN --header x-key:hunter2";
    let config = config(line);
    let setting = config.settings.iter().find(|one| one.key == "headers");
    let shown = setting.map(|one| one.values.clone()).unwrap_or_default();
    assert_eq!(shown, ["x-token:$API_TOKEN", "x-key: ***"]);
    assert_eq!(
        crate::config::command("loadtest", &outline().fields, &config.settings, 7),
        "loadtest --header 'x-token:$API_TOKEN' --header 'x-key: ***' --seed 7"
    );
    let all = format!("{config:?}");
    assert!(
        !all.contains("token-of-a-test") && !all.contains("hunter2"),
        "{all}"
    );
    assert_eq!(
        crate::secret::scrub("got token-of-a-test"),
        "got ***",
        "a server's echo is masked too"
    );
}

#[test]
fn cookies_and_redirects_are_asked_for() {
    let default = config("--vus 1 --duration 1s");
    assert_eq!((default.cookies, default.redirects), (false, 0));
    let asked = config("--cookies --redirects 5");
    assert_eq!((asked.cookies, asked.redirects), (true, 5));
    let of_variables = config("LOADTEST_COOKIES=yes LOADTEST_REDIRECTS=1");
    assert_eq!((of_variables.cookies, of_variables.redirects), (true, 1));
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
        "--http-timeout: '0s' is zero",
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
        ("--pause 9m", "--pause: contradicts itself"),
        (
            "--profile nope",
            "--profile: there is no profile 'nope'; known are smoke, herd",
        ),
        (
            "--config /nowhere.toml",
            "--config: /nowhere.toml can't be read",
        ),
        (
            "--config a.toml --profile smoke",
            "--config: contradicts --profile",
        ),
        (
            "LOADTEST_QUIET=maybe",
            "LOADTEST_QUIET: 'maybe' is neither true nor false",
        ),
        (
            "--duration 5s --iterations 5 --max-duration 5s",
            "--max-duration: says the same as duration",
        ),
        (
            "--stage 5s:5 --iterations 5",
            "--iterations: contradicts stages; give one of",
        ),
        ("--stage 1m:5 --vus 5", "--vus: does not apply to stages"),
        (
            "--vus 5 --profile flow_10vus",
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
        (
            "--rate 5/s",
            "--rate: needs a duration as well, such as --duration 1m",
        ),
        (
            "--rate 5/s --duration 5s",
            "--max-vus: is missing: a rate needs VUs to keep it",
        ),
        (
            "--rate 5 --duration 5s --max-vus 3",
            "--rate: '5' is not a rate; write 500/s",
        ),
        (
            "--rate 5/s --duration 5s --max-vus 3 --think-time 1s",
            "--think-time: does not apply to a rate",
        ),
        (
            "--duration 5s --max-start-delay 1s",
            "--max-start-delay: does not apply to duration",
        ),
        (
            "--stage 5s:10/s --max-vus 5 --start-vus 3",
            "--start-vus: does not apply to stages of a rate",
        ),
        (
            "--stage 5s:0/s --max-vus 5",
            "--stage: never start anything",
        ),
        (
            "--duration 5s --think-time 3s..1s",
            "--think-time: '3s..1s' is not a think time",
        ),
        (
            "--duration 5s --think-time 1s --think-time 2s",
            "--think-time: names a persona twice",
        ),
        (
            "--vus 2 --duration 5s --mix a=60,b=30,c=10",
            "--mix: of 2 VUs none would be malicious_buyer",
        ),
        ("--stage 0s:5", "--stage: take no time"),
        ("--stage 1m:0", "--stage: never want a VU"),
        ("--vus 0 --duration 5s", "--vus: 0 VUs do nothing"),
        (
            "--threshold http_req_duration{stage:peak}:p(95)<1 --duration 1s",
            "--threshold: there is no stage 'peak'; known are main, grace",
        ),
        (
            "--redirects 21",
            "--redirects: '21' is not a number of redirects; write a whole number from 0 to 20",
        ),
        (
            "--header hunter2",
            "--header: is not a header; write 'Name: value'",
        ),
        (
            "LOADTEST_HEADERS=x:$NOT_THERE",
            "LOADTEST_HEADERS: the value of 'x' needs the environment variable NOT_THERE, which is not set",
        ),
    ];
    for (line, expected) in rows {
        let all = problems(line);
        assert!(
            all.len() == 1 && all[0].starts_with(expected),
            "{line}: {all:#?}"
        );
    }
}

/// The parser's own words would quote the line, in which there may be a secret.
#[test]
fn a_file_that_is_no_toml_is_told_without_its_text() {
    let rows = [
        (
            "vus = 1\nheaders = [\"authorization: Bearer hunter2pw]",
            ", line 2, column ",
        ),
        ("vus = hunter2pw", ", line 1, column 7: "),
        (
            "vus = 1\nvus = 2 # hunter2pw",
            ", line 2, column 1: duplicate key",
        ),
    ];
    for (text, place) in rows {
        let outline = outline();
        let read = |_: &str| Ok(text.to_owned());
        let told = super::load_with(&outline, inputs("--config x.toml"), false, read);
        let told = told.expect_err(text)[0].to_string();
        let expected = format!("--config: x.toml is not TOML{place}");
        assert!(told.starts_with(&expected), "{told}");
        assert!(!told.contains("hunter2"), "{told}");
    }
}

/// Of every field, and of the variables that outputs and headers read.
#[test]
fn an_empty_variable_is_none() {
    let fields = outline().fields;
    let empty: Vec<String> = fields
        .iter()
        .map(|field| format!("{}=", field.variable()))
        .collect();
    let config = config(&format!(
        "{} LOADTEST_NO_SUCH= --vus 3 --duration 5s",
        empty.join(" ")
    ));
    assert_eq!((config.plan().vus_max(), config.audit), (3, true));
    assert_eq!(config.summary_json, None);
    assert_eq!(config.warnings, Vec::<String>::new());
    let token = problems("--out influxdb2=http://h?org=o&bucket=b INFLUX_TOKEN=");
    assert!(
        token[0].contains("set the variable INFLUX_TOKEN"),
        "{token:?}"
    );
    let header = problems("--header x:$T T=");
    assert!(header[0].contains("T, which is empty"), "{header:?}");
}

#[test]
fn a_variable_of_no_setting_is_a_warning_and_told_with_what_is_wrong() {
    let told = config("LOADTEST_VUZ=3").warnings;
    assert_eq!(
        told,
        ["LOADTEST_VUZ: is ignored, because there is no such setting: did you mean LOADTEST_VUS?"]
    );
    let all = problems("LOADTEST_SEEED=5 --seed x");
    assert_eq!(all.len(), 2, "{all:?}");
    assert!(all[1].starts_with("LOADTEST_SEEED: is ignored"), "{all:?}");
}

#[test]
fn rates_make_the_open_model() {
    let rate = |text| parse::rate(text).expect(text);
    let constant = schedule("--rate 500/s --duration 1m --max-vus 50");
    let expected = Executor::ConstantArrivalRate {
        rate: rate("500/s"),
        duration: 60 * SECOND,
        max_vus: 50,
        max_start_delay: SECOND,
    };
    assert_eq!(constant.executor, expected);
    let switched = "--rate-stages --stage 30s:500 --stage 30s:0";
    let written = "--stage 30s:500/s --stage 30s:0";
    for stages in [switched, written] {
        let line = format!("{stages} --start-rate 60/m --max-vus 9 --max-start-delay 0s");
        let Executor::RampingArrivalRate {
            start_rate,
            stages,
            max_vus: 9,
            max_start_delay: Duration::ZERO,
        } = schedule(&line).executor
        else {
            panic!("{line}")
        };
        let rows: Vec<_> = stages
            .iter()
            .map(|stage| (stage.name.as_str(), stage.target))
            .collect();
        assert_eq!(start_rate, rate("1/s"));
        assert_eq!(
            rows,
            [("ramp_up", rate("500/s")), ("ramp_down", rate("0/s"))]
        );
    }
    let changed = schedule("LOADTEST_RATE=5/s LOADTEST_DURATION=1m LOADTEST_MAX_VUS=3 --rate 7/s");
    assert_eq!(
        changed.arrivals().map(|(all, _)| all.scheduled()),
        Some(420)
    );
    let closed = schedule("LOADTEST_RATE=5/s LOADTEST_DURATION=1m LOADTEST_MAX_VUS=3 --vus 7");
    assert!(matches!(
        closed.executor,
        Executor::ConstantVus { vus: 7, .. }
    ));
}

const SCENARIOS: &str = r#"
    description = "a steady load, and an attack on it"
    graceful_stop = "5s"
    thresholds = ["http_req_failed: rate==0"]

    [[scenario]]
    name = "steady"
    mix = "a=2,b=1"
    stages = ["ramp_up=30s:30", "hold=5m:30"]
    thresholds = ["http_req_duration{stage:hold}: p(95)<300"]
    think_time = ["1s..3s"]

    [[scenario]]
    name = "attack"
    persona = "c"
    executor = "constant-arrival-rate"
    start_time = "2m"
    rate = "50/s"
    duration = "1m"
    max_vus = 20
    graceful_stop = "1s"
    tags = { team = "red" }
    thresholds = ["checks: rate==1 abort_on_fail"]
"#;

/// The file's path and what keeps it.
fn file(toml: &str) -> (String, tempfile::NamedTempFile) {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), toml).expect("it can be written");
    (file.path().display().to_string(), file)
}

#[test]
fn a_file_may_have_several_scenarios() {
    let (path, _kept) = file(SCENARIOS);
    let config = config(&format!("--config {path}"));
    let all = ["impulse_buyer", "malicious_buyer", "rational_buyer"];
    assert_eq!(config.personas(), all);
    let [steady, attack] = &config.scenarios[..] else {
        panic!("{:?}", config.scenarios)
    };
    assert_eq!((steady.name, attack.name), (Some("steady"), Some("attack")));
    assert_eq!(steady.mix.to_string(), "a=2,b=1");
    assert_eq!(attack.mix.to_string(), "c=1");
    assert_eq!(steady.schedule.graceful_stop, 5 * SECOND, "the file's own");
    assert_eq!(attack.schedule.graceful_stop, SECOND);
    assert_eq!(attack.schedule.start_time, 120 * SECOND);
    assert_eq!(attack.tags, [("team".to_owned(), "red".to_owned())]);
    let think = steady.think.of("impulse_buyer");
    assert_eq!(think.to_string(), "1s..3s");
    assert_eq!(
        (config.plan().vus_max(), config.plan().end()),
        (50, 330 * SECOND)
    );
    let thresholds: Vec<_> = config.thresholds.iter().map(ToString::to_string).collect();
    let expected = [
        "http_req_duration: p(95)<200",
        "http_req_failed: rate==0",
        "http_req_duration{scenario:steady,stage:hold}: p(95)<300",
        "checks{scenario:attack}: rate==1 abort_on_fail",
    ];
    assert_eq!(thresholds, expected);
}

#[test]
fn a_load_of_flags_takes_the_place_of_all_scenarios() {
    let (path, _kept) = file(SCENARIOS);
    let config = config(&format!("--config {path} --vus 3 --duration 5s"));
    assert_eq!(
        only(&config).executor,
        Executor::ConstantVus {
            vus: 3,
            duration: 5 * SECOND
        }
    );
    assert_eq!(
        config.thresholds.len(),
        3,
        "those of scenarios go with them"
    );
}

#[test]
fn thresholds_know_scenarios_their_stages_and_their_tags() {
    let (path, _kept) = file(SCENARIOS);
    let with = |threshold: &str| format!("--config {path} --threshold {threshold}");
    config(&with("order_time{team:!red}:p(95)<9"));
    config(&with(
        "http_req_waiting{scenario:attack,stage:main}:p(95)<9",
    ));
    config(&with("order_time{stage:!ramp_up}:p(95)<9"));
    config(&with("http_reqs{team:!red}:count>9"));
    config(&with("http_reqs{scenario:setup,stage:ramp_up}:count==1"));
    let rows = [
        (
            "{scenario:nobody}",
            "there is no scenario 'nobody'; known are steady, attack",
        ),
        (
            "{scenario:attack,stage:hold}",
            "there is no stage 'hold'; known are main, grace",
        ),
        (
            "{stage:!peak}",
            "there is no stage 'peak'; known are ramp_up, hold, grace, main",
        ),
        ("{squad:red}", "order_time has no tag 'squad'"),
        (
            "{taem:red}",
            "order_time has no tag 'taem'; did you mean team? it has scenario, persona, name, \
             method, status, stage, expected_response, proto, team",
        ),
        (
            "{scenario:steady,team:red}",
            "there is no team (a tag of yours) 'red'; there are none",
        ),
        (
            "{scenario:attack,team:!red}",
            "there is no other team (a tag of yours) than 'red'",
        ),
        (
            "{scenario:steady,persona:malicious_buyer}",
            "there is no persona 'malicious_buyer'; did you mean rational_buyer? known are \
             impulse_buyer, rational_buyer, setup",
        ),
        (
            "{scenario:setup,stage:main}",
            "there is no stage 'main'; known are ramp_up",
        ),
        ("{team:red}", "nothing in order_time has team:red"),
        (
            "{scenario:attack}",
            "no request of this run feeds order_time",
        ),
    ];
    for (filter, expected) in rows {
        let all = problems(&with(&format!("order_time{filter}:p(95)<9")));
        assert!(all.len() == 1 && all[0].contains(expected), "{all:#?}");
    }
}

/// A threshold that could never have data passes (`count<10`) or fails for want of it.
#[test]
fn thresholds_on_what_can_not_occur_are_refused_with_the_nearest() {
    let with = |threshold: &str| {
        let mut given = inputs("--mix a=50,b=50,c=0 --vus 4 --duration 5s --tag team=red");
        let fields = outline().fields;
        let field = fields.iter().find(|field| field.flag == "threshold");
        let texts = vec![threshold.to_owned()];
        given.flags.set_flag(field.expect("a flag"), texts);
        load(&outline(), given)
    };
    let rows = [
        (
            "http_reqs{name:5_create_ordr}:count<10",
            "there is no request '5_create_ordr'; did you mean 5_create_order? known are 0_get_userId,",
        ),
        (
            "http_reqs{name:7_malicious_order}:count<10",
            "there is no request '7_malicious_order'; ",
        ),
        (
            "order_time{name:1_charge_balance}:max<10",
            "there is no request '1_charge_balance'; known are 5_create_order",
        ),
        (
            "http_reqs{persona:a}:count<10",
            "there is no persona 'a'; known are impulse_buyer, rational_buyer, setup",
        ),
        (
            "http_reqs{persona:malicious_buyer}:count<10",
            "there is no persona 'malicious_buyer'; ",
        ),
        (
            "http_reqs{status:2xx}:count<10",
            "there is no status '2xx'; write one such as 200",
        ),
        (
            "http_reqs{status:+200}:count<10",
            "there is no status '+200'",
        ),
        ("http_reqs{status:20}:count<10", "there is no status '20'"),
        (
            "http_reqs{method:post}:count<10",
            "there is no method 'post'; did you mean POST? known are GET,",
        ),
        (
            "checks{check:balance_as_predicted}:rate==1",
            "there is no check 'balance_as_predicted'; did you mean balance as predicted?",
        ),
        (
            "http_reqs{scenario:defalt}:count<10",
            "there is no scenario 'defalt'; did you mean default? known are default",
        ),
        ("http_reqs{stage:man}:count<10", "did you mean main?"),
        (
            "http_reqs{expected_response:yes}:count<10",
            "there is no expected_response 'yes'; known are true, false",
        ),
        (
            "http_reqs{proto:HTTP/2}:count<10",
            "there is no version of HTTP 'HTTP/2'; did you mean HTTP/1.1? known are HTTP/1.1",
        ),
        (
            "http_reqs{team:rde}:count<10",
            "there is no team (a tag of yours) 'rde'; did you mean red? known are red",
        ),
        (
            "http_reqs{group:x}:count<10",
            "http_reqs has no tag 'group'; ",
        ),
        ("http_reqs{naem:x}:count<10", "did you mean name? it has"),
        ("http_req:count<10", "did you mean http_reqs? known are"),
        (
            "http_reqs{stage:main,stage:grace}:count<10",
            "the tag 'stage' can't be 'grace' and 'main'",
        ),
        (
            "http_reqs{proto:!HTTP/1.1}:count<10",
            "there is no other version of HTTP than 'HTTP/1.1'",
        ),
        (
            "http_reqs{team:!red}:count<10",
            "there is no other team (a tag of yours) than 'red'",
        ),
        (
            "http_reqs{persona:rational_buyer,name:4_get_top_products}:count<10",
            "there is no request '4_get_top_products'; ",
        ),
        (
            "iterations{persona:setup}:count<10",
            "there is no persona 'setup'; known are impulse_buyer, rational_buyer",
        ),
        (
            "iteration_response_time:p(95)<200",
            "iteration_response_time is of iterations at a rate, and no scenario has one (--rate)",
        ),
        (
            "iteration_start_delay{scenario:default}:max<200",
            "iteration_start_delay is of iterations at a rate",
        ),
        (
            "dropped_iterations: count>0",
            "dropped_iterations is of iterations at a rate, and no scenario has one",
        ),
        (
            "http_reqs{status:101}:count<10",
            "no answer ends with status 101: ",
        ),
        (
            "checks: rate<5",
            "'checks: rate<5' always holds: a share is from 0 to 1",
        ),
        (
            "http_reqs: rate>5 over 5s",
            "the stages last 5s: to judge counts over 5s they must last a second longer than 5s",
        ),
        (
            "iterations{stage:grace}: count<5 over 1s",
            "the stages last 0s: to judge counts over 1s they must last a second longer than 1s",
        ),
    ];
    for (threshold, expected) in rows {
        let problems = with(threshold).expect_err(threshold);
        let found: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert!(
            found.len() == 1 && found[0].contains(expected),
            "{threshold}: {found:#?}"
        );
    }
    for good in [
        "http_reqs{name:5_create_order,persona:rational_buyer,method:POST}:count<10",
        "http_reqs{name:8_hostile_get}:count<10",
        "http_reqs{name:!5_create_order,status:0}:count<10",
        "http_reqs{persona:setup,status:503,stage:!grace}:count<10",
        "http_reqs{team:red,proto:HTTP/1.1,scenario:default}:count<10",
        "checks{check:5_create_order: answer can be read}:rate==1",
        "http_reqs{persona:setup,name:7_malicious_order}:count<10",
        "http_reconnects{scenario:setup,method:GET}:count<10",
        "http_reqs{status:599}:count<10",
        "dropped_iterations: count==0",
        "dropped_iterations: rate<1",
        "http_reqs: rate>5 over 4s",
        "http_req_duration{stage:grace}: max<1s over 30s",
    ] {
        with(good).unwrap_or_else(|problems| panic!("{good}: {problems:?}"));
    }
}

#[test]
fn more_iterations_than_are_planned_are_refused() {
    let with = |shape: &str, assertion: &str| {
        let line = format!("{shape} --threshold iterations:{assertion}");
        load(&outline(), inputs(&line))
            .err()
            .map(|all| all[0].to_string())
    };
    let (shared, each) = ("--vus 4 --iterations 50", "--vus 5 --iterations-per-vu 10");
    let rows = [
        (shared, "count>50", true),
        (each, "count>=51", true),
        (each, "count==51", true),
        (shared, "count>49", false),
        (each, "count>=50", false),
        (each, "count==50", false),
        (shared, "count<60", false),
        ("--vus 4 --duration 5s", "count>1000000", false),
    ];
    for (load, assertion, refused) in rows {
        let said = with(load, assertion);
        assert_eq!(said.is_some(), refused, "{load} {assertion}: {said:?}");
        let expected = "never holds: 50 iterations are planned";
        assert!(
            said.is_none_or(|said| said.ends_with(expected)),
            "{assertion}"
        );
    }
}

/// Each row: what is given, and whether the persona of a think time is there.
#[test]
fn a_think_time_of_nobody_is_refused() {
    let said = "names rational_buyer, which is not in the mix; leave it out, or add it to --mix";
    let rows = [
        ("--vus 4 --duration 5s --think-time b=1s", true),
        (
            "--mix a=1 --vus 4 --duration 5s LOADTEST_THINK_TIME=b=1s",
            false,
        ),
        (
            "--mix a=1,b=1 --vus 4 --duration 5s --think-time b=1s",
            false,
        ),
        ("--vus 4 --duration 5s --think-time 1s", false),
        ("--vus 4 --duration 5s LOADTEST_THINK_TIME=1s;b=2s", true),
    ];
    for (line, refused) in rows {
        let found = load(&outline(), inputs(line)).err().unwrap_or_default();
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), usize::from(refused), "{line}: {found:?}");
        assert!(found.iter().all(|found| found.ends_with(said)), "{found:?}");
    }
    let scenarios = |top: &str, first: &str| {
        let (path, _kept) = file(&format!(
            "{top}\n[[scenario]]\nname = \"one\"\nduration = \"5s\"\n{first}\n\
             [[scenario]]\nname = \"two\"\nduration = \"5s\"\npersona = \"c\"\n"
        ));
        let found = load(&outline(), inputs(&format!("--config {path}")));
        let found = found.err().unwrap_or_default();
        found.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let none: Vec<String> = Vec::new();
    assert_eq!(scenarios("think_time = [\"a=1s\", \"c=2s\"]", ""), none);
    for (top, first) in [
        ("think_time = [\"a=1s\", \"b=2s\"]", ""),
        ("", "think_time = [\"b=2s\"]"),
    ] {
        let found = scenarios(top, first);
        let right = found.len() == 1 && found[0].ends_with(said);
        assert!(right && found[0].starts_with("think_time in "), "{found:?}");
    }
}

/// So is a suite's field about a request that no persona of the mix sends.
#[test]
fn a_field_about_what_nobody_sends_is_refused() {
    static LOOKS: Field =
        Field::one("looks", "looks", "N", "Suite", "Look so often").about(&["4_get_top_products"]);
    let mut outline = outline();
    outline.fields = crate::config::Fields::with(&[&PAUSE, &LOOKS]);
    let found = |line: &str, is_flag: bool| {
        let mut inputs = inputs(line);
        match is_flag {
            true => inputs.flags.set_flag(&LOOKS, vec!["3".to_owned()]),
            false => inputs.variables.push((LOOKS.variable(), "3".to_owned())),
        }
        let found = load(&outline, inputs).err().unwrap_or_default();
        found.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let said =
        "--looks: no persona of the mix sends 4_get_top_products; leave it out, or change --mix";
    let rows = [
        ("--mix b=1 --vus 4 --duration 5s", true, true),
        ("--mix a=1,b=1 --vus 4 --duration 5s", true, false),
        ("--vus 4 --duration 5s", true, false),
        ("--mix b=1 --vus 4 --duration 5s", false, false),
    ];
    for (line, is_flag, refused) in rows {
        let expected: Vec<&str> = refused.then_some(said).into_iter().collect();
        assert_eq!(found(line, is_flag), expected, "{line}");
    }
}

#[test]
fn a_dash_is_no_file_but_where_it_is_said() {
    let rows = [
        (
            "--out csv=-",
            "--out: output csv=-: - isn't standard output here; write /dev/stdout",
        ),
        (
            "--out json=-",
            "--out: output json=-: - isn't standard output here",
        ),
        (
            "--baseline -",
            "--baseline: - isn't standard input here; name a run's summary.json",
        ),
        (
            "--report-dir -",
            "--report-dir: - is no directory; write ./-",
        ),
    ];
    for (line, expected) in rows {
        let found = problems(&format!("--vus 1 --duration 1s {line}"));
        let right = found.len() == 1 && found[0].starts_with(expected);
        assert!(right, "{line}: {found:?}");
    }
    config("--vus 1 --duration 1s --summary-json - --out csv=./-");
}

/// A closed scenario beside one with a rate is named, and so is the other.
#[test]
fn a_metric_of_rates_says_which_scenario_has_one() {
    let (path, _kept) = file(
        "[[scenario]]\nname = \"steady\"\nduration = \"5s\"\nvus = 2\n[[scenario]]\n\
         name = \"burst\"\nduration = \"5s\"\nrate = \"5/s\"\nmax_vus = 3\npersona = \"b\"\n",
    );
    let with = |threshold: &str| format!("--config {path} --threshold {threshold}");
    for good in [
        "iteration_start_delay:max<1s",
        "iteration_start_delay{scenario:burst}:max<1s",
        "dropped_iterations{scenario:!steady}:count>3",
    ] {
        config(&with(good));
    }
    for tags in [
        "{scenario:steady}",
        "{scenario:!burst}",
        "{persona:impulse_buyer}",
    ] {
        let found = problems(&with(&format!("iteration_start_delay{tags}:max<1s")));
        let expected = format!(
            "--threshold: iteration_start_delay is of iterations at a rate, and none with {tags} is; \
             those with a rate: burst"
        );
        assert_eq!(found, [expected]);
    }
}

/// Nobody can tell a typo from a check of such a suite; without data the threshold fails.
#[test]
fn a_suite_that_declares_no_checks_has_thresholds_on_any() {
    let mut outline = outline();
    let line = "--vus 1 --duration 5s --threshold checks{check:whatever}:rate==1";
    let found = load(&outline, inputs(line)).expect_err("a suite that declares its checks");
    assert!(
        found[0]
            .to_string()
            .contains("there is no check 'whatever'"),
        "{found:?}"
    );
    outline.checks = |_| Vec::new();
    load(&outline, inputs(line)).expect("a suite that declares none");
}

#[test]
fn mistakes_in_scenarios_are_all_named_with_their_scenario() {
    let (path, _kept) = file(
        r#"
        [[scenario]]
        name = "a b"
        duration = "5s"
        [[scenario]]
        name = "twice"
        iterations = 0
        host = "http://x"
        [[scenario]]
        name = "twice"
        executor = "ramping-vus"
        duration = "5s"
        persona = "z"
        tags = { stage = "x", "a b" = "y" }
        thresholds = ["vus: value>1"]
        [[scenario]]
        name = "idle"
        mix = "a=1"
        persona = "b"
        "#,
    );
    let all = problems(&format!("--config {path} --vus 5"));
    let of = |name: &str| format!("in scenario '{name}' of {path}");
    let expected = [
        format!("name {}: must be a text of letters", of("1")),
        format!("host {}: there is no such key", of("twice")),
        format!("tags {}: 'a b' must be a text", of("twice")),
        format!(
            "tags {}: 'stage' is a tag that there is already",
            of("twice")
        ),
        format!("persona {}: contradicts mix", of("idle")),
        format!("name {}: is another scenario's too", of("twice")),
        "--vus: does not apply to several scenarios".to_owned(),
        format!(
            "iterations {}: '0' is not a number of iterations",
            of("twice")
        ),
        "executor in scenario 'twice': 'ramping-vus' contradicts".to_owned(),
        format!("persona {}: there is no persona 'z'", of("twice")),
        "executor in scenario 'idle': no load is given".to_owned(),
        format!("thresholds {}: vus has no tag 'scenario'", of("twice")),
    ];
    for expected in &expected {
        assert!(
            all.iter().any(|problem| problem.starts_with(expected)),
            "{expected}: {all:#?}"
        );
    }
    assert_eq!(all.len(), expected.len(), "{all:#?}");
}

#[test]
fn a_key_above_scenarios_must_fit_one_of_them() {
    let at_vus = "[[scenario]]\nname = 'x'\nvus = 2\nduration = '3s'\n";
    let at_a_rate = "[[scenario]]\nname = 'y'\nrate = '5/s'\nmax_vus = 9\nduration = '3s'\n";
    // (above them, scenarios, what fits none)
    let rows = [
        ("rate = '50/s'", at_vus.to_owned(), Some("rate")),
        (
            "max_duration = '1m'",
            at_vus.to_owned(),
            Some("max_duration"),
        ),
        (
            "think_time = '1s'",
            at_a_rate.to_owned(),
            Some("think_time"),
        ),
        ("think_time = '1s'", format!("{at_vus}{at_a_rate}"), None),
        (
            "max_start_delay = '1s'",
            format!("{at_vus}{at_a_rate}"),
            None,
        ),
        ("graceful_stop = '1s'", at_vus.to_owned(), None),
    ];
    for (above, scenarios, unused) in rows {
        let (path, _kept) = file(&format!("{above}\n{scenarios}"));
        let loaded = load(&outline(), inputs(&format!("--config {path}")));
        let found = loaded.err().unwrap_or_default();
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        let expected = unused
            .map(|key| format!("{key} in {path}: fits no [[scenario]] of this file; leave it out"));
        assert_eq!(found, Vec::from_iter(expected), "{above}\n{scenarios}");
    }
}

#[test]
fn a_load_beside_scenarios_is_a_contradiction() {
    let (path, _kept) = file("duration = '5s'\n[[scenario]]\nname = 'x'\niterations = 3");
    let all = problems(&format!("--config {path}"));
    assert_eq!(
        all,
        [format!(
            "duration in {path}: contradicts [[scenario]]; move it into one"
        )]
    );
    let (path, _kept) = file("scenario = 5");
    let all = problems(&format!("--config {path}"));
    assert!(
        all[0].starts_with(&format!("scenario in {path}: must be tables")),
        "{all:?}"
    );
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
        thresholds = 1
        scenarios = 2
        profile = "smoke"
    "#;
    let layer = Layer::from_toml(toml, "shop.toml", &outline().fields, &mut found);
    assert_eq!(layer.get("stages").expect("given").texts, ["hold=1m:5"]);
    assert_eq!(layer.get("seed").expect("given").texts, ["7"]);
    assert!(layer.get("no_audit").is_some());
    let found: Vec<_> = found.iter().map(ToString::to_string).collect();
    let expected = [
        "mix in shop.toml: must be a text or a whole number",
        "profile in shop.toml: there is no such key",
        "scenarios in shop.toml: there is no such key; did you mean scenario?",
        "thresholds in shop.toml: must be a text, or a list of texts",
        "vuz in shop.toml: there is no such key; did you mean vus?",
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for expected in expected {
        assert!(
            found.iter().any(|problem| problem.starts_with(expected)),
            "{expected}: {found:#?}"
        );
    }
}
