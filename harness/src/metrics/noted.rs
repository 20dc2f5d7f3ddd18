//! A request before the load that counts among its requests, as a set-up's does in k6.

use std::time::Duration;

use super::phase::Phase;
use super::raw::{Origin, RawSamples, SampleOf};
use super::recorder::Recorder;
use super::snapshot::Slowest;
use super::tags::{CheckTags, RequestTags};

/// Scenario and persona of what the set-up sends.
pub const SET_UP: &str = "setup";

/// A request with what was asserted of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    /// Its tags.
    pub tags: RequestTags,
    /// Its server.
    pub url: String,
    /// What is asserted of it: that its status is an expected one.
    pub check: &'static str,
    /// From the call to the whole answer.
    pub duration: Duration,
}

impl Noted {
    /// Records it as a virtual user records its own. Nothing is known of its phases: all of its
    /// time is waiting.
    pub fn record(self, recorder: &Recorder, raw: Option<&RawSamples>) {
        let check = CheckTags {
            scenario: self.tags.scenario,
            persona: self.tags.persona,
            check: self.check,
            stage: self.tags.stage,
        };
        let (tags, ok, duration) = (self.tags, self.tags.expected, self.duration);
        let phases = self.phases();
        recorder.check(check, ok);
        recorder.request(tags, |series| {
            for (phase, time) in phases {
                series.record(phase, time);
            }
            series.slowest = Some(Slowest {
                duration,
                vu: 0,
                at: Duration::ZERO,
                server: Default::default(),
            });
        });
        if let Some(raw) = raw {
            let nobody = Origin {
                vu: 0,
                iteration: 0,
            };
            let request = SampleOf::Request {
                tags,
                url: self.url,
                phases: phases.to_vec(),
                bytes: (0, 0),
            };
            raw.add(nobody, request);
            raw.add(nobody, SampleOf::Check { tags: check, ok });
        }
    }

    const fn phases(&self) -> [(Phase, Duration); 7] {
        [
            (Phase::Duration, self.duration),
            (Phase::Blocked, Duration::ZERO),
            (Phase::Connecting, Duration::ZERO),
            (Phase::TlsHandshaking, Duration::ZERO),
            (Phase::Sending, Duration::ZERO),
            (Phase::Waiting, self.duration),
            (Phase::Receiving, Duration::ZERO),
        ]
    }
}
