//! `GET /metrics`: what the server is doing, for Prometheus.
//!
//! What is counted for every request is counted in atomics (`requests`); what
//! takes a lock happens once a batch or once a call of Redis. What can be
//! looked at is looked at when it is asked for.

use std::{
    fmt,
    sync::{Arc, atomic::AtomicU64},
};

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use parking_lot::Mutex;
use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Metric, Registry},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{db::Pool, error::Error, load::Load, state::Shared};

const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(crate) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(metrics))
}

/// What the server is doing, as Prometheus and OpenMetrics have it: requests,
/// batches and their queues, the pool of PostgreSQL, calls of Redis.
#[utoipa::path(
    get, path = "/metrics", tag = "health",
    responses((status = 200, body = String, content_type = "application/openmetrics-text")),
)]
async fn metrics(State(app): State<Shared>) -> Result<Response, Error> {
    match app.metrics.render(&app.pool) {
        Ok(text) => Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response()),
        Err(error) => {
            tracing::error!(%error, "the metrics could not be written");
            Err(Error::Internal)
        }
    }
}

/// What is counted, and where it is asked for.
pub(crate) struct Metrics {
    registry: Registry,
    pub(crate) requests: Family<Answered, Counter>,
    pub(crate) request_seconds: Family<Answered, Seconds>,
    batch_size: Histograms<Kind>,
    batch_seconds: Histograms<Kind>,
    redis_seconds: Histograms<Call>,
    queue_length: Family<Kind, Gauge>,
    queue_age: Family<Kind, Gauge<f64, AtomicU64>>,
    pool: Family<Connections, Gauge>,
    pool_size: Gauge,
    queues: Mutex<Vec<(Kind, Arc<Load>)>>,
}

/// Requests of a route with a certain answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Answered {
    pub(crate) route: String,
    pub(crate) method: &'static str,
    pub(crate) status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    batch: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Call {
    call: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Connections {
    state: &'static str,
}

pub(crate) type Seconds = Counter<f64, AtomicU64>;

type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

/// What one kind of batch notes of each of them.
pub(crate) struct Batches {
    pub(crate) size: Histogram,
    pub(crate) seconds: Histogram,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::default();
        let to = &mut registry;
        let sizes: Histograms<Kind> = Family::new_with_constructor(sizes);
        let calls: Histograms<Kind> = Family::new_with_constructor(times);
        let redis: Histograms<Call> = Family::new_with_constructor(times);
        Self {
            requests: added(to, "http_requests", "Requests answered", Family::default()),
            request_seconds: added(
                to,
                "http_request_seconds",
                "Time until they were answered",
                Family::default(),
            ),
            batch_size: added(to, "batch_size", "Requests that shared one call", sizes),
            batch_seconds: added(to, "batch_seconds", "Time that the call took", calls),
            redis_seconds: added(to, "redis_call_seconds", "Round trips to Redis", redis),
            queue_length: added(
                to,
                "batch_queue_length",
                "Requests that are queued or in the batch",
                Family::default(),
            ),
            queue_age: added(
                to,
                "batch_queue_oldest_seconds",
                "How long the oldest of them waits",
                Family::default(),
            ),
            pool: added(
                to,
                "database_pool",
                "Connections in use and idle, and calls that wait for one",
                Family::default(),
            ),
            pool_size: added(
                to,
                "database_pool_size",
                "The most connections of the pool",
                Gauge::default(),
            ),
            queues: Mutex::default(),
            registry,
        }
    }

    /// Has a kind of batch counted, and its queue looked at.
    pub(crate) fn batches(&self, batch: &'static str, load: Arc<Load>) -> Batches {
        let kind = Kind { batch };
        let batches = Batches {
            size: self.batch_size.get_or_create_owned(&kind),
            seconds: self.batch_seconds.get_or_create_owned(&kind),
        };
        self.queues.lock().push((kind, load));
        batches
    }

    /// The times of a kind of calls of Redis, in seconds.
    pub(crate) fn redis(&self, call: &'static str) -> Histogram {
        self.redis_seconds.get_or_create_owned(&Call { call })
    }

    fn render(&self, pool: &Pool) -> Result<String, fmt::Error> {
        for (kind, load) in &*self.queues.lock() {
            let length = i64::try_from(load.waiting()).unwrap_or(i64::MAX);
            self.queue_length.get_or_create(kind).set(length);
            let age = load.age().as_secs_f64();
            self.queue_age.get_or_create(kind).set(age);
        }
        let [in_use, idle, waiting] = pool.states();
        for (state, count) in [("in_use", in_use), ("idle", idle), ("waiting", waiting)] {
            self.pool.get_or_create(&Connections { state }).set(count);
        }
        self.pool_size.set(pool.size());
        let mut text = String::with_capacity(16 * 1024);
        text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// Registers a metric and gives it back.
fn added<M: Metric + Clone>(registry: &mut Registry, name: &str, help: &str, metric: M) -> M {
    registry.register(name, help, metric.clone());
    metric
}

/// 1, 2, 4 … 256 requests.
fn sizes() -> Histogram {
    Histogram::new(exponential_buckets(1.0, 2.0, 9))
}

/// 0.1 ms, 0.2 ms … 6.6 s.
fn times() -> Histogram {
    Histogram::new(exponential_buckets(0.0001, 2.0, 17))
}
