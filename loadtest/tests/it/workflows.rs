//! The CI workflows do what `.ci/run` does, and name files that runs leave. Their syntax is actionlint's to check
//! (`make workflows`).

use std::path::Path;

fn file(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    std::fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn commands<'a>(workflow: &'a str, prefix: &str) -> Vec<&'a str> {
    let lines = workflow
        .lines()
        .map(|line| line.trim().trim_start_matches("- "));
    lines.filter_map(|line| line.strip_prefix(prefix)).collect()
}

#[test]
fn the_workflow_runs_what_ci_runs() {
    let script = file(".ci/run");
    let targets: Vec<&str> = script
        .lines()
        .filter(|line| line.starts_with("make "))
        .collect();
    assert!(targets.len() >= 2, "{script}");
    let workflow = file(".github/workflows/ci.yml");
    let runs = commands(&workflow, "run: ");
    for target in targets {
        assert!(
            runs.contains(&target),
            "{target} of .ci/run is not in ci.yml: {runs:?}"
        );
    }
}

#[test]
fn workflows_run_targets_that_exist_and_may_not_write() {
    let makefile = file("Makefile");
    for name in ["ci.yml", "fuzz.yml", "loadtest.yml"] {
        let workflow = file(&format!(".github/workflows/{name}"));
        for target in commands(&workflow, "run: make ") {
            assert!(
                makefile.contains(&format!("\n{target}:")),
                "{name}: make {target}"
            );
        }
        assert!(
            workflow.contains("permissions:\n  contents: read\n"),
            "{name}"
        );
        assert!(
            !workflow.contains("pull_request_target"),
            "{name}: it runs a stranger's code"
        );
        assert!(!workflow.contains(": write"), "{name}");
    }
}

/// The gate's files are the ones that a run leaves.
#[test]
fn the_gate_publishes_the_reports() {
    let workflow = file(".github/workflows/loadtest.yml");
    for part in [
        "ci-reports/latest/report.md",
        "ci-reports/latest/junit.xml",
        "path: ci-reports/latest/*",
        "GITHUB_STEP_SUMMARY",
    ] {
        assert!(workflow.contains(part), "no {part}");
    }
    let gitlab = file("docs/ci.md");
    for part in ["junit: ci-reports/2*/junit.xml", "paths: [ci-reports/]"] {
        assert!(gitlab.contains(part), "the GitLab example has no {part}");
    }
}

/// A release has what it says, and only the jobs that publish may write.
#[test]
fn releases_are_built_as_binstall_looks_for_them() {
    let workflow = file(".github/workflows/release.yml");
    let manifest = file("loadtest/Cargo.toml");
    assert!(file("Cargo.toml").contains("[profile.dist]"));
    assert!(workflow.contains("deploy/release \"$TARGET\""));
    assert!(file("deploy/release").contains("--profile dist"));
    assert!(workflow.contains("name=\"loadtest-$TAG-$TARGET\""));
    assert!(manifest.contains("/loadtest-v{ version }-{ target }.tar.gz"));
    assert!(workflow.contains("shasum -a 256"));
    let (before, _) = workflow
        .split_once("\n  release:")
        .expect("a job `release`");
    assert!(!before.contains(": write"), "{before}");
    let dockerfile = file("Dockerfile");
    assert!(dockerfile.contains("AS loadtest") && workflow.contains("target: loadtest"));
}
