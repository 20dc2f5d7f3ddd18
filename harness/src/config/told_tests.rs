//! Workers run what the lead was told, and the store sees no secret.

use super::super::load_told;
use super::*;
use crate::fixture::{inputs, outline, owned};

fn told(flags: &[(&str, &[&str])], variables: &[(&str, &str)]) -> Told {
    Told::of(&outline(), &inputs(flags, variables)).expect("nothing secret")
}

#[test]
fn workers_have_the_leads_load_and_not_its_outputs() {
    let told = told(
        &[
            ("host", &["http://server:8080"]),
            ("headers", &["authorization: Bearer $API_TOKEN"]),
            ("out", &["influxdb=http://me:hunter2@localhost:8086/k6"]),
            ("quiet", &[]),
            ("fleet", &["redis://store"]),
            ("workers", &["2"]),
            ("index", &["0"]),
        ],
        &[
            ("LOADTEST_VUS", "7"),
            ("LOADTEST_DURATION", "3s"),
            ("INFLUX_TOKEN", "hunter3"),
            ("API_TOKEN", "the lead's"),
        ],
    );
    let text = serde_json::to_string(&told).expect("plain");
    assert!(
        !text.contains("hunter") && !text.contains("lead's"),
        "{text}"
    );
    let told: Told = serde_json::from_str(&text).expect("its own");
    let own = owned(&[("API_TOKEN", "the worker's"), ("LOADTEST_VUS", "99")]);
    let config = load_told(&outline(), &told, 17, &own).expect("it is valid");
    assert_eq!(config.seed, 17);
    assert_eq!(config.plan().vus_max(), 7);
    assert_eq!(config.host.as_deref(), Some("http://server:8080"));
    assert!(config.outputs.is_empty() && config.fleet.is_none());
    let problems = load_told(&outline(), &told, 17, &[]).expect_err("no token");
    assert!(
        problems[0].to_string().contains("API_TOKEN"),
        "{problems:?}"
    );
}

#[test]
fn equal_configurations_have_equal_digests_wherever_they_run() {
    let of = |vus: &str, own: &[(&str, &[&str])], variables: &[(&str, &str)]| {
        let flags: Vec<(&str, &[&str])> = own.to_vec();
        let vus = [vus];
        let all = [&flags[..], &[("vus", &vus[..]), ("duration", &["3s"])]].concat();
        told(&all, variables).digest()
    };
    let lead = of("7", &[("index", &["0"]), ("report_dir", &["a"])], &[]);
    let worker = of("7", &[("index", &["1"])], &[("LOADTEST_WORKERS", "3")]);
    assert_eq!(lead, worker);
    assert_ne!(lead, of("8", &[], &[]));
    assert!(told(&[("index", &["1"]), ("quiet", &[])], &[("HOME", "/")]).is_empty());
}

#[test]
fn the_file_of_the_lead_goes_with_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("own.toml");
    let text = "vus = 3\nduration = \"2s\"\nquiet = true\nout = [\"json=/tmp/x\"]\n";
    std::fs::write(&path, text).expect("written");
    let path = path.to_str().expect("text");
    let told = told(&[("config", &[path]), ("host", &["http://a:1"])], &[]);
    drop(directory);
    let config = load_told(&outline(), &told, 1, &[]).expect("it is valid");
    assert_eq!(config.plan().vus_max(), 3);
    assert!(config.outputs.is_empty() && !config.quiet);
}

#[test]
fn a_run_that_is_over_is_read_without_its_secrets() {
    let header = ["authorization: Bearer $API_TOKEN"];
    let flags: [(&str, &[&str]); 3] =
        [("headers", &header), ("vus", &["3"]), ("duration", &["2s"])];
    let told = told(&flags, &[]);
    let problems = load_told(&outline(), &told, 1, &[]).expect_err("no token");
    assert!(
        problems[0].to_string().contains("API_TOKEN"),
        "{problems:?}"
    );
    let config = super::super::load_kept(&outline(), &told, 1, &[]).expect("it sends nothing");
    assert_eq!(config.plan().vus_max(), 3);
}

#[test]
fn a_secret_that_would_go_through_the_store_is_refused() {
    let refused = |flags: &[(&str, &[&str])], variables: &[(&str, &str)]| {
        let problems = Told::of(&outline(), &inputs(flags, variables)).expect_err("a secret");
        let text: Vec<String> = problems.iter().map(Problem::to_string).collect();
        assert!(!text.concat().contains("hunter2"), "{text:?}");
        text.concat()
    };
    let said = refused(&[("headers", &["x-key: hunter2"])], &[]);
    assert!(said.starts_with("--header: goes to the workers"), "{said}");
    let said = refused(&[], &[("LOADTEST_HOST", "http://me:hunter2@a:1")]);
    assert!(said.starts_with("LOADTEST_HOST: goes to"), "{said}");
}
