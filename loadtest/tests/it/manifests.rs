//! `deploy/`: Kubernetes takes the manifests, and the program what stands in them.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::program::LOADTEST;

/// The oldest version that has all that the Job uses.
const KUBERNETES: &str = "1.34";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn manifest(name: &str) -> String {
    let path = root().join("deploy/kubernetes").join(name);
    std::fs::read_to_string(path).expect("there is one")
}

/// By Kubernetes' own schemas, strictly: what it doesn't know is refused.
fn validated(path: &Path) -> (bool, String) {
    let ran = Command::new(root().join("target/kubernetes/bin/kubernetes-validate"))
        .args(["--strict", "-k", KUBERNETES])
        .arg(path)
        .output()
        .expect("kubernetes-validate is there: make test installs it");
    let said = [ran.stdout, ran.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    (ran.status.success(), said.join(""))
}

#[test]
fn kubernetes_takes_the_manifests() {
    for (name, resources) in [("job.yaml", 1), ("store.yaml", 2)] {
        let (taken, said) = validated(&root().join("deploy/kubernetes").join(name));
        assert!(taken, "{name}: {said}");
        assert_eq!(said.matches("passed").count(), resources, "{name}: {said}");
        let listed = format!("  - {name}\n");
        assert!(manifest("kustomization.yaml").contains(&listed), "{name}");
    }
}

/// The check can fail: a key that there isn't, and one of another type.
#[test]
fn kubernetes_refuses_what_it_does_not_know() {
    let job = manifest("job.yaml");
    for (right, wrong) in [
        ("completionMode: Indexed", "completionModes: Indexed"),
        ("parallelism: 4", "parallelism: four"),
    ] {
        let file = tempfile::NamedTempFile::with_suffix(".yaml").expect("a temporary file");
        std::fs::write(file.path(), job.replace(right, wrong)).expect("it can be written");
        let (taken, said) = validated(file.path());
        assert!(!taken, "{wrong}: {said}");
    }
}

/// The value behind a key of the manifest.
fn value<'a>(text: &'a str, key: &str) -> &'a str {
    let mut lines = text.lines().map(str::trim_start);
    let found = lines.find_map(|line| line.strip_prefix(key)?.strip_prefix(": "));
    found.unwrap_or_else(|| panic!("no {key}"))
}

/// The lead's pod, as the program sees it before it looks for anybody.
#[test]
fn the_program_takes_the_flags_and_variables_of_the_job() {
    let job = manifest("job.yaml");
    let (_, args) = job.split_once("          args:\n").expect("args");
    let (args, env) = args.split_once("          env:\n").expect("variables");
    let args: Vec<&str> = args
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("- "))
        .map(|arg| arg.trim_matches('"'))
        .collect();
    let workers = args.iter().position(|arg| *arg == "--workers");
    let workers: u32 = args[workers.expect("--workers") + 1]
        .parse()
        .expect("a number");
    assert_eq!(value(&job, "completions"), (workers + 1).to_string());
    assert_eq!(value(&job, "parallelism"), (workers + 1).to_string());
    let env = env.split_once("          resources:").expect("resources").0;
    let names: Vec<&str> = env
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("- name: "))
        .collect();
    assert!(names.contains(&"LOADTEST_FLEET"), "{names:?}");
    let mut validate = Command::new(LOADTEST);
    validate
        .arg("validate")
        .args(args)
        .env("JOB_COMPLETION_INDEX", "0");
    for name in names {
        // A value that Kubernetes puts in is some text.
        let own = format!("- name: {name}\n              value: ");
        let own = env
            .split_once(&own)
            .and_then(|(_, rest)| rest.lines().next());
        validate.env(name, own.unwrap_or("some-text"));
    }
    let ran = validate.output().expect("the program starts");
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success() && said.is_empty(), "{said}");
    let plan = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(plan.contains("http://shop:8080"), "{plan}");
}
