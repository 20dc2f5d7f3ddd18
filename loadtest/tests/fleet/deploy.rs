//! What is in `deploy/` fits the program: its flags and variables are ones that there are, and the
//! batch script makes a run of the tasks that an engine starts.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use harness::Outline;
use loadtest::Shop;

use crate::team::{LOADTEST, Site};

fn deploy(file: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("../deploy").join(file)
}

/// The words of a text that begin like this, without the sign.
fn words<'a>(text: &'a str, sign: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(sign).skip(1).map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_');
        &rest[..end.unwrap_or(rest.len())]
    })
}

#[test]
fn manifests_have_flags_and_variables_that_there_are() {
    let outline = Outline::of::<Shop>();
    let job = std::fs::read_to_string(deploy("kubernetes/job.yaml")).expect("there is one");
    let mut checked = 0;
    for flag in words(&job, "- --") {
        let known = outline.fields.iter().any(|field| field.flag == flag);
        assert!(known, "--{flag}");
        checked += 1;
    }
    let script = std::fs::read_to_string(deploy("slurm/loadtest.sbatch")).expect("there is one");
    for text in [&job, &script] {
        for variable in words(text, "LOADTEST_") {
            let variable = format!("LOADTEST_{variable}");
            // In a comment on all of them.
            if variable == "LOADTEST_" {
                continue;
            }
            let known = outline
                .fields
                .iter()
                .any(|field| field.variable() == variable);
            assert!(known, "{variable}");
            checked += 1;
        }
    }
    assert!(checked >= 8, "{checked}");
    let workers = job
        .split("- --workers\n")
        .nth(1)
        .expect("a number of workers");
    let workers: u32 = workers
        .split('"')
        .nth(1)
        .expect("in quotes")
        .parse()
        .expect("a number");
    for count in ["completions", "parallelism"] {
        let line = format!("  {count}: {}\n", workers + 1);
        assert!(job.contains(&line), "{count} is the workers and the lead");
    }
}

/// Kubernetes' own schemas, strictly: a key that is misspelt is found. (`make manifests`)
#[test]
fn manifests_are_of_kubernetes_schemas() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = root.join("../target/kubernetes/bin/kubernetes-validate");
    for file in ["kubernetes/job.yaml", "kubernetes/store.yaml"] {
        for version in ["1.34", "1.37"] {
            let ran = std::process::Command::new(&program)
                .args(["--strict", "-k", version])
                .arg(deploy(file))
                .output()
                .expect("kubernetes-validate is there: make manifests");
            assert!(ran.status.success(), "{file}: {ran:?}");
        }
    }
}

/// An `srun` that starts three tasks and says what Slurm's own does, with its exit code: the highest
/// of its tasks'. A real one is not needed to find out whether the script is right.
const SRUN: &str = r#"#!/bin/bash
shift
for task in 0 1 2; do
    SLURM_PROCID=$task SLURM_NTASKS=3 "$@" &
    tasks+=($!)
done
highest=0
for task in "${tasks[@]}"; do
    wait "$task"
    code=$?
    [ $code -gt $highest ] && highest=$code
done
exit $highest
"#;

#[tokio::test]
async fn the_batch_script_makes_one_run_of_its_tasks() {
    let site = Site::start().await;
    for (load, code) in [
        ("--vus 4 --iterations-per-vu 1 --sla none", 0),
        ("--vus 4 --iterations-per-vu 1 --sla p(95)<0.001", 99),
    ] {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let srun = folder.path().join("srun");
        std::fs::write(&srun, SRUN).expect("written");
        std::fs::set_permissions(&srun, PermissionsExt::from_mode(0o755)).expect("allowed");
        let job = std::process::id().to_string();
        let path = std::env::var("PATH").expect("a PATH");
        let ran = tokio::process::Command::new("bash")
            .arg(deploy("slurm/loadtest.sbatch"))
            .args(["--host", site.stack.base_url(), "--shared-machine"])
            .args(load.split_whitespace())
            .env("PATH", format!("{}:{path}", folder.path().display()))
            .env("LOADTEST", LOADTEST)
            .env("SLURM_JOB_ID", &job)
            .env("SLURMD_NODENAME", "127.0.0.1")
            .current_dir(folder.path())
            .kill_on_drop(true)
            .output()
            .await
            .expect("bash is there");
        let told = String::from_utf8_lossy(&ran.stderr);
        assert_eq!(ran.status.code(), Some(code), "{told}");
        let ended = format!("the lead ended the run with exit code {code}");
        assert_eq!(told.matches(&ended).count(), 2, "both workers: {told}");
        let reports = folder.path().join("reports").join(&job);
        let runs = std::fs::read_dir(reports).expect("reports");
        assert_eq!(runs.count(), 1, "the report is the lead's");
    }
}
