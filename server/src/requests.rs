//! How many requests of each route were answered how, and how long it took.
//!
//! The routes are known beforehand, and so are the statuses that this server
//! gives. So a request finds its two counters without a lock, and only the
//! first of its kind makes them.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
    time::Duration,
};

use axum::http::{Method, StatusCode};
use prometheus_client::metrics::counter::Counter;

use crate::metrics::{Answered, Metrics, Seconds};

const METHODS: [&str; 3] = ["GET", "POST", "other"];

const STATUSES: [&str; 12] = [
    "200", "201", "400", "403", "404", "405", "408", "409", "413", "500", "503", "other",
];

/// The counters of all requests.
pub(crate) struct Requests {
    metrics: Arc<Metrics>,
    routes: HashMap<String, Route>,
    /// Of whatever has no route.
    other: Route,
}

type Route = [[OnceLock<Counters>; STATUSES.len()]; METHODS.len()];

struct Counters {
    count: Counter,
    seconds: Seconds,
}

impl Requests {
    pub(crate) fn new(metrics: Arc<Metrics>, routes: impl IntoIterator<Item = String>) -> Self {
        let routes = routes
            .into_iter()
            .map(|route| (route, Route::default()))
            .collect();
        Self {
            metrics,
            routes,
            other: Route::default(),
        }
    }

    /// Counts an answer to a request with this route, if it has one.
    pub(crate) fn count(
        &self,
        route: Option<&str>,
        method: usize,
        status: StatusCode,
        time: Duration,
    ) {
        let known = route.and_then(|route| self.routes.get_key_value(route));
        let (name, cells) = known.map_or(("other", &self.other), |(name, cells)| (name, cells));
        let status = status_of(status);
        let counters = cells[method][status].get_or_init(|| {
            let answered = Answered {
                route: name.to_owned(),
                method: METHODS[method],
                status: STATUSES[status],
            };
            Counters {
                count: self.metrics.requests.get_or_create_owned(&answered),
                seconds: self.metrics.request_seconds.get_or_create_owned(&answered),
            }
        });
        counters.count.inc();
        counters.seconds.inc_by(time.as_secs_f64());
    }
}

/// Which of [`METHODS`] it is.
pub(crate) fn method_of(method: &Method) -> usize {
    match *method {
        Method::GET => 0,
        Method::POST => 1,
        _ => 2,
    }
}

fn status_of(status: StatusCode) -> usize {
    let known = STATUSES.iter().position(|known| *known == status.as_str());
    known.unwrap_or(STATUSES.len() - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_add_up_by_route_method_and_status_and_the_rest_is_other() {
        let metrics = Arc::new(Metrics::new());
        let requests = Requests::new(Arc::clone(&metrics), ["/orders".to_owned()]);
        for (route, method, status) in [
            (Some("/orders"), Method::POST, 201),
            (Some("/orders"), Method::POST, 201),
            (Some("/orders"), Method::DELETE, 405),
            (Some("/nowhere"), Method::GET, 418),
            (None, Method::GET, 404),
        ] {
            let status = StatusCode::from_u16(status).expect("a status");
            let time = Duration::from_millis(250);
            requests.count(route, method_of(&method), status, time);
        }
        let of = |route: &str, method, status| Answered {
            route: route.to_owned(),
            method,
            status,
        };
        for (answered, count) in [
            (of("/orders", "POST", "201"), 2),
            (of("/orders", "other", "405"), 1),
            (of("other", "GET", "other"), 1),
            (of("other", "GET", "404"), 1),
        ] {
            let counted = metrics
                .requests
                .get(&answered)
                .expect("it was counted")
                .get();
            assert_eq!(counted, count, "{answered:?}");
        }
        let seconds = metrics.request_seconds.get(&of("/orders", "POST", "201"));
        assert_eq!(
            seconds.expect("it was timed").get().to_bits(),
            0.5_f64.to_bits()
        );
    }
}
