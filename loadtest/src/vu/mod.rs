//! What a persona is given to act with: measured HTTP, checks, repeatable chance, and waiting.

mod addresses;
mod arrival;
mod companion;
mod connection;
mod dial;
mod frames;
mod http;
mod http2;
mod io;
mod options;
mod request;
mod server_timing;
mod session;
mod sessions;
mod target;
mod tls;
mod wire;

#[cfg(test)]
mod connect_tests;
#[cfg(test)]
mod peer;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

pub use self::http::{Client, TransportError};
pub use self::http2::Http2Error;
pub use self::options::{ConnectOptions, Identity, Resolved};
pub use self::request::{Answer, Failures, Request};
pub use self::target::{Target, TargetError};
pub use self::tls::TlsError;
pub use self::wire::{PathError, ProtocolError};
use crate::executor::Clock;
use crate::metrics::{
    CheckTags, IterationTags, Origin, Phase, RawSamples, Recorder, RequestTags, SampleOf, Slowest,
};

/// What all virtual users of a scenario share.
#[derive(Debug)]
pub struct Surroundings {
    /// The server that is tested.
    pub target: Arc<Target>,
    /// The longest that a request may take.
    pub http_timeout: Duration,
    /// Where samples go.
    pub recorder: Arc<Recorder>,
    /// The clock of their scenario.
    pub clock: Arc<Clock>,
    /// Where samples of failed requests go.
    pub failures: Arc<Failures>,
    /// Where every single sample goes, if an output wants them.
    pub raw: Option<Arc<RawSamples>>,
}

/// One virtual user: always the same persona, with connections and a random generator of its own.
pub struct VirtualUser {
    /// Its number, from 1.
    pub number: u32,
    /// Its chance: the same for the same seed and number, whatever the others do.
    pub rng: ChaCha8Rng,
    scenario: &'static str,
    persona: &'static str,
    client: Client,
    surroundings: Arc<Surroundings>,
    /// Number of its current iteration, from 1.
    iteration: u64,
    iteration_tags: IterationTags,
    iteration_began: Duration,
}

impl VirtualUser {
    /// A virtual user without connections yet.
    #[must_use]
    pub fn new(
        number: u32,
        scenario: &'static str,
        persona: &'static str,
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
            persona,
            client,
            surroundings,
            iteration: 0,
            iteration_tags: IterationTags {
                scenario,
                persona,
                stage: 0,
            },
            iteration_began: Duration::ZERO,
        }
    }

    /// Name of its scenario.
    #[must_use]
    pub const fn scenario(&self) -> &'static str {
        self.scenario
    }

    /// Sends a request and records it. Several may be under way at the same time, each on a
    /// connection of its own.
    pub async fn send(&self, request: &'static Request, path: &str, body: Option<Bytes>) -> Answer {
        let stage = self.surroundings.clock.stage();
        let exchange = self
            .client
            .send(request.method, path, body.as_deref())
            .await;
        let answer = Answer::new(exchange.response);
        let expected = request.expects.contains(&answer.status);
        let tags = RequestTags {
            scenario: self.scenario,
            persona: self.persona,
            name: request.name,
            method: request.method,
            status: answer.status,
            stage,
            expected,
            trend: request.trend,
            proto: exchange.proto,
        };
        if !expected {
            self.surroundings.failures.note(request.name, &answer);
        }
        let times = exchange.times;
        let phases = [
            (
                Phase::Duration,
                times.sending + times.waiting + times.receiving,
            ),
            (Phase::Blocked, times.blocked),
            (Phase::Connecting, times.connecting),
            (Phase::TlsHandshaking, times.tls_handshaking),
            (Phase::Sending, times.sending),
            (Phase::Waiting, times.waiting),
            (Phase::Receiving, times.receiving),
        ];
        self.surroundings.recorder.request(tags, |series| {
            for (phase, duration) in phases.into_iter().chain(exchange.server_timing.iter()) {
                series.record(phase, duration);
            }
            let duration = phases[0].1;
            if series.is_slowest(duration) {
                series.slowest = Some(Slowest {
                    duration,
                    vu: self.number,
                    at: self.surroundings.clock.elapsed(),
                    server: exchange.server_timing.parts(),
                });
            }
            series.bytes_sent += exchange.bytes_sent;
            series.bytes_received += exchange.bytes_received;
        });
        self.keep(|| SampleOf::Request {
            tags,
            url: format!(
                "{}{path}",
                self.surroundings
                    .target
                    .base()
                    .as_str()
                    .trim_end_matches('/')
            ),
            phases: phases.to_vec(),
            bytes: (exchange.bytes_sent, exchange.bytes_received),
        });
        answer
    }

    /// Notes that an iteration begins.
    pub fn begin_iteration(&mut self) {
        self.iteration += 1;
        self.iteration_began = self.surroundings.clock.elapsed();
        self.iteration_tags.stage = self.surroundings.clock.stage();
    }

    /// Notes that it is complete. (The fleet records it; this is for outputs of single samples.)
    pub fn end_iteration(&self) {
        self.keep(|| SampleOf::Iteration {
            tags: self.iteration_tags,
            duration: self.surroundings.clock.elapsed() - self.iteration_began,
        });
    }

    fn keep(&self, sample: impl FnOnce() -> SampleOf) {
        if let Some(raw) = &self.surroundings.raw {
            let origin = Origin {
                vu: self.number,
                iteration: self.iteration.saturating_sub(1),
            };
            raw.add(origin, sample());
        }
    }

    /// Records whether something that must hold does, and gives it back.
    pub fn check(&self, check: &'static str, ok: bool) -> bool {
        let stage = self.surroundings.clock.stage();
        let tags = CheckTags {
            scenario: self.scenario,
            persona: self.persona,
            check,
            stage,
        };
        self.surroundings.recorder.check(tags, ok);
        self.keep(|| SampleOf::Check { tags, ok });
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
