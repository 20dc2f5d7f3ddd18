//! Where a response's time went, told by its `Server-Timing` header (W3C).
//!
//! The numbers are collected in a task-local slot: handlers and stores don't
//! pass them around, and nothing is allocated for a request that only reads
//! memory.

use std::{
    cell::Cell,
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderName, HeaderValue, Version, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use percent_encoding::percent_decode_str;
use tokio::task_local;

use crate::{
    error::Error,
    requests::{Requests, method_of},
};

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

task_local! {
    static TIMING: Cell<Timing>;
}

/// The parts of one response's time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Timing {
    queue: Duration,
    db: Duration,
    redis: Duration,
}

/// What time can be spent on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Waiting for the batch before.
    Queue,
    /// PostgreSQL.
    Db,
    /// Redis.
    Redis,
}

/// Adds time to the response that the current task is making, if it is making
/// one.
pub(crate) fn add(part: Part, time: Duration) {
    // Outside of a request there is nobody to tell.
    let _ = TIMING.try_with(|slot| {
        let mut timing = slot.get();
        match part {
            Part::Queue => timing.queue += time,
            Part::Db => timing.db += time,
            Part::Redis => timing.redis += time,
        }
        slot.set(timing);
    });
}

/// Adds the time that a future takes.
pub(crate) async fn measure<T>(part: Part, work: impl Future<Output = T>) -> T {
    let started = Instant::now();
    let value = work.await;
    add(part, started.elapsed());
    value
}

/// Middleware that puts the header on every response, and counts it. What is
/// no request is refused here, before anything looks at it.
pub(crate) async fn report(
    State(requests): State<Arc<Requests>>,
    request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let method = method_of(request.method());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let respond = async {
        let mut response = match check(&request) {
            Ok(()) => next.run(request).await,
            Err(error) => error.into_response(),
        };
        let timing = TIMING.with(Cell::get);
        response
            .headers_mut()
            .insert(SERVER_TIMING, text_of(timing));
        response
    };
    let response = TIMING.scope(Cell::default(), respond).await;
    let route = route.as_ref().map(MatchedPath::as_str);
    requests.count(route, method, response.status(), started.elapsed());
    response
}

/// Whether it is a request as HTTP has it: one host, and text behind the
/// percent signs.
fn check(request: &Request) -> Result<(), Error> {
    if request.version() == Version::HTTP_11
        && request.headers().get_all(header::HOST).iter().count() != 1
    {
        return Err(Error::bad_request("a request names one host"));
    }
    for part in [Some(request.uri().path()), request.uri().query()] {
        let part = percent_decode_str(part.unwrap_or_default());
        if part.decode_utf8().is_err() {
            return Err(Error::bad_request("the address is no UTF-8"));
        }
    }
    Ok(())
}

/// Durations in milliseconds with three decimals, as the standard has it. By hand: through `fmt` it
/// takes a percent of a request's time.
fn text_of(timing: Timing) -> HeaderValue {
    let mut text = Vec::with_capacity(64);
    for (name, part) in [
        ("queue;dur=", timing.queue),
        (", db;dur=", timing.db),
        (", redis;dur=", timing.redis),
    ] {
        text.extend_from_slice(name.as_bytes());
        // Half a million years fit; and 128 bits are slow to print.
        let micros = part.as_micros() as u64;
        push(&mut text, micros / 1000, 1);
        text.push(b'.');
        push(&mut text, micros % 1000, 3);
    }
    HeaderValue::from_bytes(&text).expect("digits and punctuation make a header")
}

/// Adds a number with so many digits at least.
fn push(text: &mut Vec<u8>, mut number: u64, least: usize) {
    let begin = text.len();
    while number > 0 || text.len() - begin < least {
        text.push(b'0' + (number % 10) as u8);
        number /= 10;
    }
    text[begin..].reverse();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_milliseconds_with_three_decimals() {
        let timing = Timing {
            queue: Duration::from_micros(7),
            db: Duration::from_micros(12_034),
            redis: Duration::ZERO,
        };
        assert_eq!(
            text_of(timing),
            "queue;dur=0.007, db;dur=12.034, redis;dur=0.000"
        );
        let long = Timing {
            queue: Duration::MAX,
            db: Duration::from_micros(10_100),
            redis: Duration::from_secs(1_000_000),
        };
        let text = text_of(long);
        let text = text.to_str().expect("text");
        assert!(
            text.ends_with(", db;dur=10.100, redis;dur=1000000000.000"),
            "{text}"
        );
    }

    #[tokio::test]
    async fn parts_add_up() {
        let timing = TIMING
            .scope(Cell::default(), async {
                add(Part::Db, Duration::from_millis(1));
                add(Part::Db, Duration::from_millis(2));
                add(Part::Queue, Duration::from_millis(4));
                TIMING.with(Cell::get)
            })
            .await;
        let expected = Timing {
            queue: Duration::from_millis(4),
            db: Duration::from_millis(3),
            redis: Duration::ZERO,
        };
        assert_eq!(timing, expected);
    }

    #[test]
    fn outside_of_a_request_nothing_is_told() {
        add(Part::Queue, Duration::from_secs(1));
    }
}
