//! What a persona uses: measured HTTP, checks, repeatable random numbers, and waiting.

mod addresses;
mod answer;
mod arrival;
mod call;
mod coding;
mod companion;
mod connection;
mod cookies;
mod dial;
mod error;
mod exchange;
mod failures;
mod frames;
mod header;
mod http;
mod http2;
mod io;
mod options;
mod record;
mod redirect;
mod request;
mod server_timing;
mod session;
mod sessions;
mod target;
mod tls;
mod under_way;
mod wire;

#[cfg(test)]
mod connect_tests;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
#[cfg(test)]
mod peer;

use std::sync::Arc;
use std::time::Duration;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::de::DeserializeOwned;

pub use self::answer::Answer;
pub use self::call::Call;
pub use self::coding::CodingError;
pub use self::error::{CallError, HeaderError, Http2Error, TransportError};
pub use self::failures::{Failures, Lack};
pub use self::header::{Fields, Header};
pub use self::http::Client;
pub use self::options::{ConnectOptions, Identity, Resolved};
use self::redirect::Hop;
pub use self::redirect::{RedirectError, location_of};
pub(crate) use self::request::READABLE;
pub use self::request::Request;
pub use self::target::{Target, TargetError};
pub use self::tls::TlsError;
use self::under_way::UnderWay;
pub use self::wire::{PathError, ProtocolError};
use crate::executor::Clock;
pub use crate::expected::Expected;
use crate::metrics::{CheckTags, IterationTags, Origin, RawSamples, Recorder, SampleOf};
use crate::persona::Stop;

/// What all virtual users of a scenario share.
#[derive(Debug)]
pub struct Surroundings {
    /// The server that is tested.
    pub target: Arc<Target>,
    /// The longest that a request may take.
    pub http_timeout: Duration,
    /// The header fields of every request.
    pub fields: Arc<Fields>,
    /// Whether each user stores cookies and sends them back, for the whole run.
    pub cookies: bool,
    /// How many redirects of a request are followed.
    pub redirects: u32,
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
    /// Its random numbers: the same for the same seed and number, whatever other users do.
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
        let client = Client::new(
            Arc::clone(&surroundings.target),
            surroundings.http_timeout,
            Arc::clone(&surroundings.fields),
            surroundings.cookies,
        );
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

    /// Name of its persona.
    #[must_use]
    pub const fn persona(&self) -> &'static str {
        self.persona
    }

    /// Name of its scenario.
    #[must_use]
    pub const fn scenario(&self) -> &'static str {
        self.scenario
    }

    /// Sends a call and records it. Several may be under way at the same time, each on a
    /// connection of its own. Redirects are followed as far as the run says.
    pub async fn send(&self, call: Call<'_>) -> Answer {
        match self.once(&call, self.surroundings.redirects).await {
            (answer, None) => answer,
            // Boxed: rare, and every request would have to keep room for it.
            (_, Some(hop)) => Box::pin(self.follow(call, hop)).await,
        }
    }

    /// Follows redirects; gives the last answer.
    async fn follow(&self, mut call: Call<'_>, mut hop: Hop) -> Answer {
        let mut left = self.surroundings.redirects;
        loop {
            left = left.saturating_sub(1);
            call = call.moved(hop.method, hop.path, hop.keeps_body);
            match self.once(&call, left).await {
                (answer, None) => return answer,
                (_, Some(next)) => hop = next,
            }
        }
    }

    /// Sends one request and records it; with what follows a redirect, of which `left` are.
    async fn once(&self, call: &Call<'_>, left: u32) -> (Answer, Option<Hop>) {
        let mut under_way = UnderWay::begin(self, call);
        self.client.send(call, &mut under_way.exchange).await;
        let response = under_way.exchange.take_response();
        let mut answer = Answer::new(
            call.request,
            under_way.stage,
            response,
            self.client.most_body(),
        );
        let hop = match self.surroundings.redirects {
            0 => None,
            most => self.hop(call, &mut answer, left, most),
        };
        under_way.end(&answer, hop.is_some());
        (answer, hop)
    }

    /// What follows the answer if it redirects; one that isn't followed becomes its error.
    fn hop(&self, call: &Call<'_>, answer: &mut Answer, left: u32, most: u32) -> Option<Hop> {
        if !(300..400).contains(&answer.status) {
            return None;
        }
        let from = self.client.url(call)?;
        let to = location_of(answer.status, answer.header("location"), &from)?;
        match redirect::next(answer.status, call.method, &from, &to, left, most) {
            Ok(hop) => Some(hop),
            Err(error) => {
                answer.error = Some(error.into());
                None
            }
        }
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

    /// Records whether a check holds, and returns `ok`.
    pub fn check(&self, check: &'static str, ok: bool) -> bool {
        self.check_in(self.surroundings.clock.stage(), check, ok)
    }

    fn check_in(&self, stage: u16, check: &'static str, ok: bool) -> bool {
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

    /// Reads the body of an answer as JSON. Whether it can be read is a check, called
    /// `NAME: answer can be read` after the request.
    ///
    /// # Errors
    /// What ends the iteration: a failed request, or a body that is something else.
    pub fn json<T: DeserializeOwned>(&self, answer: &Answer) -> Result<T, Stop> {
        self.read(answer, |body| serde_json::from_slice(body).ok())
    }

    /// The same with your own reader, which returns `None` if it can't read the body.
    ///
    /// # Errors
    /// As [`VirtualUser::json`].
    pub fn read<T>(
        &self,
        answer: &Answer,
        read: impl FnOnce(&[u8]) -> Option<T>,
    ) -> Result<T, Stop> {
        let read = read(&answer.usable()?.body);
        // Only here is it known which answers somebody reads: a share of the check needs them all.
        // The stage is the request's, so that the clock needn't be read once more for each.
        if !self.check_in(answer.stage, answer.request.readable(), read.is_some()) {
            self.surroundings.failures.note_unreadable(answer);
        }
        read.ok_or(Stop::Unusable)
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

#[cfg(test)]
#[path = "user_tests.rs"]
mod tests;
