//! What a persona is given to act with: measured HTTP, checks, repeatable chance, and waiting.

mod connection;
mod http;
mod io;
mod request;
mod server_timing;
mod target;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

pub use self::http::{Client, TransportError};
pub use self::request::{Answer, Failures, Request};
pub use self::target::{Target, TargetError};
use crate::executor::Clock;
use crate::metrics::{CheckTags, Phase, Recorder, RequestTags};

/// What all virtual users share.
#[derive(Debug)]
pub struct Surroundings {
    /// The server that is tested.
    pub target: Arc<Target>,
    /// The longest that a request may take.
    pub http_timeout: Duration,
    /// Where samples go.
    pub recorder: Arc<Recorder>,
    /// The run's clock.
    pub clock: Arc<Clock>,
    /// Where samples of failed requests go.
    pub failures: Failures,
}

/// One virtual user: always the same persona, with connections and a random generator of its own.
pub struct VirtualUser {
    /// Its number, from 1.
    pub number: u32,
    /// Its chance: the same for the same seed and number, whatever the others do.
    pub rng: ChaCha8Rng,
    scenario: &'static str,
    client: Client,
    surroundings: Arc<Surroundings>,
}

impl VirtualUser {
    /// A virtual user without connections yet.
    #[must_use]
    pub fn new(
        number: u32,
        scenario: &'static str,
        seed: u64,
        surroundings: Arc<Surroundings>,
    ) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(u64::from(number));
        let client = Client::new(Arc::clone(&surroundings.target), surroundings.http_timeout);
        Self {
            number,
            rng,
            scenario,
            client,
            surroundings,
        }
    }

    /// Name of its persona.
    #[must_use]
    pub const fn scenario(&self) -> &'static str {
        self.scenario
    }

    /// Sends a request and records it. Several may be under way at the same time, each on a
    /// connection of its own.
    pub async fn send(&self, request: &'static Request, path: &str, body: Option<Bytes>) -> Answer {
        let stage = self.surroundings.clock.stage();
        let exchange = self.client.send(request.method, path, body).await;
        let answer = Answer::new(exchange.response);
        let expected = request.expects.contains(&answer.status);
        let tags = RequestTags {
            scenario: self.scenario,
            name: request.name,
            method: request.method,
            status: answer.status,
            stage,
            expected,
            trend: request.trend,
        };
        if !expected {
            self.surroundings.failures.note(request.name, &answer);
        }
        let times = exchange.times;
        self.surroundings.recorder.request(tags, |series| {
            series.record(
                Phase::Duration,
                times.sending + times.waiting + times.receiving,
            );
            series.record(Phase::Blocked, times.blocked);
            series.record(Phase::Connecting, times.connecting);
            series.record(Phase::TlsHandshaking, times.tls_handshaking);
            series.record(Phase::Sending, times.sending);
            series.record(Phase::Waiting, times.waiting);
            series.record(Phase::Receiving, times.receiving);
            for (phase, duration) in &exchange.server_timing {
                series.record(*phase, *duration);
            }
            series.bytes_sent += exchange.bytes_sent;
            series.bytes_received += exchange.bytes_received;
        });
        answer
    }

    /// Records whether something that must hold does, and gives it back.
    pub fn check(&self, check: &'static str, ok: bool) -> bool {
        let stage = self.surroundings.clock.stage();
        self.surroundings.recorder.check(
            CheckTags {
                scenario: self.scenario,
                check,
                stage,
            },
            ok,
        );
        ok
    }

    /// Waits, as a person does between two clicks.
    pub async fn wait(&self, duration: Duration) {
        if !duration.is_zero() {
            tokio::time::sleep(duration).await;
        }
    }

    /// Closes its idle connections.
    pub fn disconnect(&self) {
        self.client.disconnect();
    }
}
