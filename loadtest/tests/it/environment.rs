//! Variables, users and terminals that a run may find itself with.

use crate::program::{LOADTEST, Ran, Run, stack};

const SHORT: &str = "--vus 2 --iterations-per-vu 1 --coupon-wait 0s --sla none";

async fn with(mut run: Run, variables: &[(&str, &str)]) -> Ran {
    run.command.envs(variables.iter().copied());
    run.finish().await
}

/// They are about another PostgreSQL; and what is empty is not set.
#[tokio::test(flavor = "multi_thread")]
async fn variables_of_others_do_not_reach_the_private_stack() {
    let variables = [
        ("PGHOST", "/nowhere"),
        ("PGHOSTADDR", "192.0.2.1"),
        ("PGPORT", "5999"),
        ("PGUSER", "nobody"),
        ("PGPASSWORD", "x"),
        ("PGDATABASE", "nowhere"),
        ("PGOPTIONS", "-c no_such_setting=1"),
        ("PGSSLMODE", "verify-full"),
        ("PGSSLROOTCERT", "/nowhere"),
        ("PGDATA", "/nowhere"),
        ("PGSERVICE", "nowhere"),
        ("LISTEN", ""),
        ("ALLOW_INIT", ""),
        ("DATABASE_CONNECTIONS", ""),
        ("TMPDIR", ""),
        ("RUST_LOG", ""),
        ("LOADTEST_HOST", ""),
        ("LOADTEST_MAX_VUS", ""),
    ];
    with(Run::new(SHORT), &variables).await.assert_passed();
}

#[tokio::test(flavor = "multi_thread")]
async fn variables_of_kubernetes_and_mistakes_are_warned_of() {
    let stack = stack().await;
    let variables = [
        ("LOADTEST_PORT", "tcp://10.0.0.1:80"),
        ("LOADTEST_SERVICE_HOST", "10.0.0.1"),
        ("LOADTEST_PORT_80_TCP_ADDR", "10.0.0.1"),
        ("LOADTEST_THINKTIME", "1s"),
    ];
    let ran = with(Run::against(stack.base_url(), SHORT), &variables).await;
    ran.assert_passed();
    let warnings: Vec<&str> = ran
        .stderr
        .lines()
        .filter_map(|line| line.strip_prefix("warning: "))
        .collect();
    let [links, other] = warnings[..] else {
        panic!("{warnings:?}")
    };
    for part in ["LOADTEST_SERVICE_HOST", "enableServiceLinks: false"] {
        assert!(links.contains(part), "{links}");
    }
    let expected = "LOADTEST_THINKTIME: is ignored, because there is no such setting: did you mean \
                    LOADTEST_THINK_TIME?";
    assert_eq!(other, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_for_temporary_files_that_is_unfit_is_named() {
    let parent = tempfile::tempdir().expect("a temporary directory");
    let long = parent.path().join("x".repeat(100));
    std::fs::create_dir(&long).expect("made");
    let long = long.display().to_string();
    for (directory, what) in [
        ("/nowhere", "can't be written to: "),
        (&long, "is too long for"),
    ] {
        let ran = with(Run::new(SHORT), &[("TMPDIR", directory)]).await;
        assert_eq!(ran.code, 97, "{}", ran.stderr);
        let expected = format!("TMPDIR: {directory} {what}");
        assert!(ran.stderr.contains(&expected), "{}", ran.stderr);
    }
}

/// As OpenShift starts containers: a user without a name or a home. It takes root to become one.
#[tokio::test(flavor = "multi_thread")]
async fn any_user_can_test_a_server_and_is_told_who_may_start_one() {
    let starter = "env -u HOME setpriv --reuid 4711 --regid 4711 --clear-groups";
    let can = std::process::Command::new("setpriv")
        .args(["--reuid", "4711", "--clear-groups", LOADTEST, "--version"])
        .output();
    if !can.is_ok_and(|output| output.status.success()) {
        return;
    }
    let stack = stack().await;
    let run = Run::against(stack.base_url(), SHORT);
    open(&run);
    run.started_by(starter).finish().await.assert_passed();
    let run = Run::new(SHORT);
    open(&run);
    let ran = run.started_by(starter).finish().await;
    assert_eq!(ran.code, 97, "{}", ran.stderr);
    let expected = "PostgreSQL can't be started by user 4711, who is not in /etc/passwd";
    assert!(ran.stderr.contains(expected), "{}", ran.stderr);
}

/// Lets everybody write its reports.
fn open(run: &Run) {
    use std::os::unix::fs::PermissionsExt as _;
    let everybody = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(run.reports(), everybody).expect("ours");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_authorities_plain_http_works_and_https_says_what_is_missing() {
    let stack = stack().await;
    let empty = tempfile::tempdir().expect("a temporary directory");
    let empty = empty.path().display().to_string();
    let nowhere = [("SSL_CERT_FILE", "/nowhere"), ("SSL_CERT_DIR", "/nowhere")];
    let nothing = [("SSL_CERT_FILE", "/nowhere"), ("SSL_CERT_DIR", &*empty)];
    for none in [&nowhere, &nothing] {
        let ran = with(Run::against(stack.base_url(), SHORT), none).await;
        ran.assert_passed();
        let host = stack.base_url().replace("http:", "https:");
        let ran = with(Run::against(&host, SHORT), none).await;
        assert_eq!(ran.code, 104, "{}", ran.stderr);
        assert!(ran.stderr.contains("SSL_CERT_FILE"), "{}", ran.stderr);
        assert!(ran.stderr.contains("--ca-file"), "{}", ran.stderr);
    }
}
