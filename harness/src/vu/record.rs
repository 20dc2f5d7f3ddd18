//! What is recorded of a request that was sent: its series, its sample, and the first failures.

use std::time::Duration;

use super::VirtualUser;
use super::answer::Answer;
use super::call::Call;
use super::error::TransportError;
use super::exchange::Exchange;
use crate::metrics::{Phase, RequestTags, SampleOf, Slowest};
use crate::secret::scrub;

impl VirtualUser {
    /// Records a request and its answer; a redirect that is `followed` is no failure.
    pub(super) fn record(
        &self,
        call: &Call<'_>,
        exchange: &Exchange,
        answer: &Answer,
        followed: bool,
        stage: u16,
    ) {
        let expected = followed || answer.is_expected();
        if !expected {
            self.surroundings.failures.note(call.request.name, answer);
        }
        if let Some(TransportError::Coding(_)) = answer.error {
            self.check(call.request.readable(), false);
        }
        let tags = RequestTags {
            status: answer.status,
            expected,
            ..self.cut_tags(call, exchange, stage)
        };
        self.record_as(tags, call, exchange);
    }

    /// Records a request that was cut before its answer was there.
    pub(super) fn record_cut(&self, call: &Call<'_>, exchange: &Exchange, stage: u16) {
        self.record_as(self.cut_tags(call, exchange, stage), call, exchange);
    }

    /// The tags of a request as long as it has no answer.
    fn cut_tags(&self, call: &Call<'_>, exchange: &Exchange, stage: u16) -> RequestTags {
        let request = call.request;
        RequestTags {
            scenario: self.scenario,
            persona: self.persona,
            name: request.name,
            method: call.method,
            status: 0,
            stage,
            expected: true,
            trend: request.trend,
            proto: exchange.proto,
        }
    }

    fn record_as(&self, tags: RequestTags, call: &Call<'_>, exchange: &Exchange) {
        let phases = exchange.times.phases();
        self.record_series(tags, exchange, &phases);
        self.keep(|| SampleOf::Request {
            tags,
            url: scrub(&self.client.address(call)).into_owned(),
            phases: phases.to_vec(),
            bytes: (exchange.bytes_sent, exchange.bytes_received),
        });
    }

    fn record_series(&self, tags: RequestTags, exchange: &Exchange, phases: &[(Phase, Duration)]) {
        let server = &exchange.server_timing;
        self.surroundings.recorder.request(tags, |series| {
            series.reconnects += u64::from(exchange.reconnected);
            series.unsent += u64::from(!exchange.connected);
            let had = |phase: &Phase| exchange.connected || phase.is_before_sending();
            for (phase, duration) in phases.iter().filter(|(phase, _)| had(phase)) {
                series.record(*phase, *duration);
            }
            for (index, duration) in server.iter() {
                series.record_part(index, duration);
            }
            let duration = match exchange.connected {
                true => exchange.times.duration(),
                false => exchange.times.blocked,
            };
            if series.is_slowest(duration) {
                series.slowest = Some(Slowest {
                    duration,
                    vu: self.number,
                    at: self.surroundings.clock.elapsed(),
                    server: server.parts(),
                });
            }
            series.bytes_sent += exchange.bytes_sent;
            series.bytes_received += exchange.bytes_received;
        });
    }
}
