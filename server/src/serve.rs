//! Serving connections until it is time to stop.

use std::{future::Future, io, time::Duration};

use axum::{Router, extract::Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    pin,
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

use crate::{App, app};

/// How long the head of a request may take to come, and a connection may be
/// silent between two of them.
const SLOWEST_HEAD: Duration = Duration::from_secs(30);

/// How long running requests may take to finish after the signal to stop.
const FINISH: Duration = Duration::from_secs(10);

/// How long accepted work may take to be written after that.
const DRAIN: Duration = Duration::from_secs(10);

/// How long to wait when the system has no room for another connection.
const NO_ROOM: Duration = Duration::from_millis(100);

/// Serves `app` on `listener` until `shutdown`, then stops accepting, finishes
/// the requests that are running, and writes everything that was accepted.
pub async fn run(
    listener: TcpListener,
    state: App,
    shutdown: impl Future<Output = ()> + Send + 'static,
) {
    let tasks = state.tasks();
    let connections = TaskTracker::new();
    let stop = CancellationToken::new();
    let accept = accept(&listener, app(state), &connections, &stop);
    tokio::select! {
        () = accept => {}
        () = shutdown => {}
    }
    drop(listener);
    tracing::info!("stopping");
    stop.cancel();
    connections.close();
    if timeout(FINISH, connections.wait()).await.is_err() {
        tracing::warn!("some requests did not finish in time");
    }
    tasks.close();
    if timeout(DRAIN, tasks.wait()).await.is_err() {
        tracing::warn!("some accepted work was not written in time");
    }
    tracing::info!("stopped");
}

/// Gives each connection a task of its own, for ever.
async fn accept(
    listener: &TcpListener,
    app: Router,
    connections: &TaskTracker,
    stop: &CancellationToken,
) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                connections.spawn(serve(stream, app.clone(), stop.clone()));
            }
            // The client left before it was accepted.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                tracing::warn!(%error, "no connection could be accepted");
                sleep(NO_ROOM).await;
            }
        }
    }
}

/// Serves one connection until it ends; at `stop`, until its request is
/// answered.
async fn serve(stream: TcpStream, app: Router, stop: CancellationToken) {
    // Without it, answers may wait for acknowledgements of earlier ones.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY could not be set");
    }
    let service = service_fn(move |request: Request<Incoming>| app.clone().oneshot(request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // Answers are small: to copy one behind its head costs less than two buffers in one call.
        .writev(false)
        .header_read_timeout(SLOWEST_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended");
    }
}
