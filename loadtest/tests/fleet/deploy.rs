//! The batch script in `deploy/` makes one run of the tasks that a scheduler starts.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::team::{LOADTEST, Site};

fn deploy(file: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("../deploy").join(file)
}

/// An `srun` that starts three tasks and says what Slurm's own does, with its exit code: the highest
/// of its tasks'. So the script can be tried where there is no Slurm (`slurm.rs` has a real one).
const SRUN: &str = r#"#!/bin/bash
while [[ $1 == --* ]]; do shift; done
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
        // `latest` leads to one of them.
        let runs = runs
            .flatten()
            .filter(|run| run.file_type().is_ok_and(|kind| kind.is_dir()));
        assert_eq!(runs.count(), 1, "the report is the lead's");
    }
}
