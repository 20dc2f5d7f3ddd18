//! The API against its own description: the description is valid, and the server does what it says
//! with requests that are made from it, good ones and bad ones. `make schema` makes many more.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use serde_json::{Value, json};
use tokio::process::Command;

use crate::client::{Client, stack};

/// Requests of a round for each operation, and how long one round may take.
const FEW: u64 = 5;
const MANY: u64 = 1_000;
const ROUND_WITHIN: Duration = Duration::from_secs(1_800);

/// A program of the environment that `make openapi` makes.
fn tool(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("a workspace");
    let program = root.join("target/openapi/bin").join(name);
    assert!(
        program.exists(),
        "there is no {program:?}: run make openapi"
    );
    program
}

/// Runs it to its end, which must be a success.
async fn run(command: &mut Command) {
    let ended = command.stdin(Stdio::null()).kill_on_drop(true).output();
    let output = tokio::time::timeout(ROUND_WITHIN, ended).await;
    let output = output.expect("it ends").expect("it starts");
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{complained}");
}

/// One round of schemathesis; how many requests it made.
async fn round(base_url: &str, examples: u64, seed: u64, operations: usize) -> u64 {
    let report = Path::new(env!("CARGO_TARGET_TMPDIR")).join("schemathesis.json");
    let mut command = Command::new(tool("st"));
    command
        .args(["run", &format!("{base_url}/openapi.json"), "--no-color"])
        .args(["--max-examples", &examples.to_string()])
        .args(["--seed", &seed.to_string()])
        // An id that nobody has is a good one by the description, and refused.
        .args(["--exclude-checks", "positive_data_acceptance"])
        .args(["--generation-database", "none", "--report", "json"])
        .arg("--report-json-path")
        .arg(&report)
        .current_dir(env!("CARGO_TARGET_TMPDIR"))
        .env("NO_PROXY", "*");
    run(&mut command).await;
    let report = std::fs::read(report).unwrap();
    let report: Value = serde_json::from_slice(&report).unwrap();
    assert_eq!(report["complete"], true);
    assert_eq!(report["operations"]["tested"], operations);
    assert_eq!(report["test_cases"]["with_failures"], 0);
    assert_eq!(report["test_cases"]["errored"], 0);
    for phase in ["examples", "coverage", "fuzzing", "stateful"] {
        assert_eq!(report["phases"][phase]["status"], "success", "{phase}");
    }
    report["test_cases"]["generated"].as_u64().unwrap()
}

#[tokio::test]
async fn the_description_is_valid() {
    let stack = stack(json!({ "users": 1 })).await;
    let mut client = Client::connect(stack.base_url()).await;
    let (_, description) = client.get("/openapi.json").await.unwrap();
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("openapi.json");
    std::fs::write(&file, description.to_string()).unwrap();
    run(Command::new(tool("openapi-spec-validator")).arg(&file)).await;
}

#[tokio::test]
async fn the_server_does_what_its_description_says() {
    let wanted = std::env::var("SCHEMA_CASES").ok();
    let wanted: u64 = wanted.map_or(300, |cases| cases.parse().expect("a number of cases"));
    let stack = stack(json!({ "users": 100 })).await;
    let mut client = Client::connect(stack.base_url()).await;
    let (_, description) = client.get("/openapi.json").await.unwrap();
    let paths = description["paths"].as_object().unwrap().values();
    let operations = paths.map(|path| path.as_object().unwrap().len()).sum();
    let examples = if wanted > MANY { MANY } else { FEW };
    let (mut cases, mut seed) = (0, 1);
    while cases < wanted {
        let made = round(stack.base_url(), examples, seed, operations).await;
        assert!(made > 100, "{made} cases in a round");
        (cases, seed) = (cases + made, seed + 1);
        println!("{cases} of {wanted} cases");
    }
    assert_eq!(client.get("/health/ready").await.unwrap().0, 200);
}
