//! Serving connections until it is time to stop.

use std::{future::Future, time::Duration};

use axum::serve::ListenerExt;
use tokio::{net::TcpListener, time::timeout};

use crate::{App, app};

/// How long running requests may take to finish after the signal to stop.
const FINISH: Duration = Duration::from_secs(10);

/// How long accepted work may take to be written after that.
const DRAIN: Duration = Duration::from_secs(10);

/// Serves `app` on `listener` until `shutdown`, then stops accepting, finishes
/// the requests that are running, and writes everything that was accepted.
pub async fn run(
    listener: TcpListener,
    state: App,
    shutdown: impl Future<Output = ()> + Send + 'static,
) {
    let tasks = state.tasks();
    let (stop, stopping) = tokio::sync::oneshot::channel::<()>();
    let listener = listener.tap_io(|stream| {
        // Without it, answers may wait for acknowledgements of earlier ones.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY could not be set");
        }
    });
    let serve = axum::serve(listener, app(state)).with_graceful_shutdown(async move {
        shutdown.await;
        tracing::info!("stopping");
        drop(stop);
    });
    let mut serving = tokio::spawn(serve.into_future());
    // Ends when the signal came, for nothing is ever sent.
    let _ = stopping.await;
    if timeout(FINISH, &mut serving).await.is_err() {
        tracing::warn!("some requests did not finish in time");
        serving.abort();
    }
    tasks.close();
    if timeout(DRAIN, tasks.wait()).await.is_err() {
        tracing::warn!("some accepted work was not written in time");
    }
    tracing::info!("stopped");
}
