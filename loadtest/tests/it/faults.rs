//! Servers that die or refuse.

use std::time::{Duration, Instant};

use crate::program::{Run, stack};
use crate::proxy::{Reply, proxy};

#[tokio::test(flavor = "multi_thread")]
async fn init_refused_says_how_to_allow_it() {
    let stack = stack().await;
    let host = proxy(stack.base_url(), |call, upstream| async move {
        if call.path == "/init" {
            Reply {
                status: 403,
                body: "{}".into(),
            }
        } else {
            upstream.forward(&call).await
        }
    })
    .await;
    let ran = Run::against(&host, "--profile smoke").finish().await;
    assert_eq!(ran.code, 97);
    assert_eq!(ran.summary["verdict"], "invalid");
    assert!(
        ran.reasons().contains("start the server with --allow-init"),
        "{}",
        ran.reasons()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_half_way() {
    let stack = stack().await;
    let args = "--vus 10 --duration 4s --graceful-stop 2s --coupon-wait 100ms";
    let mut run = Run::against(stack.base_url(), args);
    let child = run.command.spawn().expect("the program starts");
    let started = Instant::now();
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    stack.sut().kill();
    let ran = run.wait(child).await;
    assert!(
        started.elapsed() < Duration::from_secs(10),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(ran.code, 99, "{}\n{}", ran.stdout, ran.stderr);
    assert!(
        ran.reasons().contains("the load could not be audited"),
        "{}",
        ran.reasons()
    );
    assert!(
        ran.reasons().contains("threshold crossed: checks: rate==1"),
        "{}",
        ran.reasons()
    );
    let failed = &ran.metric("http_req_failed")["passes"];
    assert!(
        failed
            .as_u64()
            .is_some_and(|failed| (10..1_000).contains(&failed)),
        "{failed} hammered on"
    );
    // Of all of them: the first that is shown of a name may be one that was cut.
    assert!(
        ran.reasons().contains(" without a connection"),
        "{}",
        ran.reasons()
    );
}
