//! A generator that is starved: pinned to one core, as nice as can be, beside hogs.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::program::{Run, allowed_cores, stack};
use crate::proxy::proxy;

/// Hogs beside the generator. Each weighs as much as 68 of it, so they leave it a fifth of a
/// percent of the core, and its turn comes only after many of theirs.
const HOGS: usize = 8;

/// A child that does nothing but use a core; ended on drop.
struct Hog(Child);

impl Hog {
    /// Where the tests themselves run nicely the hog doesn't, or it would be the generator's
    /// equal. (That takes root.)
    fn on(core: &str) -> Self {
        // The limit of its CPU time ends it when nobody is left to drop it.
        let child = Command::new("taskset")
            .args(["-c", core, "nice", "-n", &(-niceness()).to_string()])
            .args(["sh", "-c", "ulimit -t 5; while :; do :; done"])
            .spawn();
        Self(child.expect("taskset is there"))
    }
}

impl Drop for Hog {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// This process's niceness.
fn niceness() -> i32 {
    let said = Command::new("nice").output().expect("nice is there").stdout;
    let said = String::from_utf8_lossy(&said);
    said.trim().parse().expect("a number")
}

/// The hogs come when the first user does and stay a second longer than the load: what comes
/// before and after is not what is tested, and may take its time.
#[tokio::test(flavor = "multi_thread")]
async fn a_starved_generator_says_nothing_of_the_server() {
    let stack = stack().await;
    let began = CancellationToken::new();
    let begins = began.clone();
    let host = proxy(stack.base_url(), move |call, upstream| {
        if call.path.starts_with("/users/id") {
            begins.cancel();
        }
        async move { upstream.forward(&call).await }
    })
    .await;
    let core = allowed_cores().last().expect("a core").to_string();
    let args = "--vus 4 --duration 4s --coupon-wait 0s --sla none";
    let mut run =
        Run::not_sharing(&host, args).started_by(&format!("taskset -c {core} nice -n 19"));
    let child = run.command.spawn().expect("taskset is there");
    let load = tokio::time::timeout(Duration::from_secs(60), began.cancelled());
    load.await.expect("the load begins");
    let hogs: Vec<Hog> = (0..HOGS).map(|_| Hog::on(&core)).collect();
    tokio::time::sleep(Duration::from_secs(5)).await;
    drop(hogs);
    let ran = run.wait(child).await;
    let told = format!("{}\n{}", ran.stdout, ran.stderr);
    assert_eq!(
        (ran.code, &ran.summary["verdict"]),
        (97, &"invalid".into()),
        "{told}"
    );
    let lag = "generator saturated: the scheduling lag was beyond 100 ms in ";
    assert!(ran.reasons().contains(lag), "{told}");
    assert!(ran.stdout.contains(lag), "{told}");
}

/// A cgroup with a quota of a twentieth of a core; gone when this is dropped.
struct Quota(PathBuf);

impl Quota {
    /// Of version 1 or 2, whichever this machine has. That takes root; without it, nothing, and why
    /// is said.
    fn new() -> Option<Self> {
        let name = format!("loadtest-test-{}", std::process::id());
        let root = Path::new("/sys/fs/cgroup");
        let groups = [
            (root.join("cpu"), "cpu.cfs_quota_us", "5000"),
            (root.to_owned(), "cpu.max", "5000 100000"),
        ];
        for (top, file, quota) in groups {
            let group = Self(top.join(&name));
            let made = std::fs::create_dir(&group.0);
            if made
                .and_then(|()| std::fs::write(group.0.join(file), quota))
                .is_ok()
            {
                return Some(group);
            }
        }
        let why = "skipped: no cgroup of its own, which takes root and a cgroup file system";
        let _ = writeln!(std::io::stderr(), "{why}");
        None
    }
}

impl Drop for Quota {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir(&self.0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_throttled_generator_says_nothing_of_the_server() {
    let Some(quota) = Quota::new() else {
        return;
    };
    let stack = stack().await;
    let script = tempfile::NamedTempFile::new().expect("a file");
    let procs = quota.0.join("cgroup.procs");
    let line = format!("echo $$ > {} && exec \"$@\"\n", procs.display());
    std::fs::write(script.path(), line).expect("it can be written");
    let args = "--vus 8 --duration 4s --coupon-wait 0s --sla none";
    let run = Run::not_sharing(stack.base_url(), args);
    let starter = format!("sh {}", script.path().display());
    let ran = run.started_by(&starter).finish().await;
    let told = format!("{}\n{}", ran.stdout, ran.stderr);
    assert_eq!(ran.code, 97, "{told}");
    assert_eq!(ran.summary["health"]["resources"]["cores"], 0.05, "{told}");
    let said = "generator saturated: the share of throttled periods was beyond 10 %";
    assert!(ran.reasons().contains(said), "{told}");
}
