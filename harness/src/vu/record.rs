//! What is kept of a request that was sent: its series, its sample, and the first failures.

use std::time::Duration;

use super::VirtualUser;
use super::answer::Answer;
use super::call::Call;
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
        let request = call.request;
        let expected = followed || answer.is_expected();
        let tags = RequestTags {
            scenario: self.scenario,
            persona: self.persona,
            name: request.name,
            method: call.method,
            status: answer.status,
            stage,
            expected,
            trend: request.trend,
            proto: exchange.proto,
        };
        if !expected {
            self.surroundings.failures.note(request.name, answer);
        }
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
            for (phase, duration) in phases {
                series.record(*phase, *duration);
            }
            for (index, duration) in server.iter() {
                series.record_part(index, duration);
            }
            let duration = exchange.times.duration();
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
