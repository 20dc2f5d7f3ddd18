//! Seconds of samples, made up and encoded before the load, so that replaying costs next to nothing.

use std::time::Duration;

use harness::fleet::{Frame, Second};
use harness::health::Health;
use harness::metrics::{IterationTags, Method, Phase, Proto, Recorder, RequestTags, Snapshot};

use crate::suite::{PERSONAS, REQUESTS};

/// Requests in a second, of all series together.
const SAMPLES: u64 = 170;
const SERIES: u64 = (PERSONAS.len() * REQUESTS.len()) as u64;
/// So many different seconds there are; workers begin at different ones.
const DIFFERENT: u64 = 8;
const SCENARIO: &str = "default";

/// What workers send, second by second.
pub(crate) struct Replay {
    /// By the second, and by which of the different ones.
    encoded: Vec<Vec<Vec<u8>>>,
    /// The sum of all seconds for each beginning.
    wholes: Vec<Frame>,
}

impl Replay {
    pub(crate) fn new(seconds: u64) -> Self {
        let different: Vec<Snapshot> = (0..DIFFERENT).map(made_up).collect();
        let encoded = (0..seconds).map(|second| {
            let encode = |snapshot| {
                let frame = frame(second, snapshot);
                let health = Health {
                    cpu_percent: 20.0,
                    ..Health::default()
                };
                Second { frame, health }.encode()
            };
            different.iter().cloned().map(encode).collect()
        });
        let wholes = (0..DIFFERENT).map(|begin| {
            let mut whole = Snapshot::default();
            for second in 0..seconds {
                whole.merge(&different[((begin + second) % DIFFERENT) as usize]);
            }
            frame(seconds - 1, whole)
        });
        Self {
            encoded: encoded.collect(),
            wholes: wholes.collect(),
        }
    }

    pub(crate) fn seconds(&self) -> u64 {
        self.encoded.len() as u64
    }

    /// The bytes of a second of this worker.
    pub(crate) fn second(&self, worker: u32, second: u64) -> &[u8] {
        let which = (u64::from(worker) + second) % DIFFERENT;
        &self.encoded[second as usize][which as usize]
    }

    /// All samples of this worker.
    pub(crate) fn whole(&self, worker: u32) -> Frame {
        self.wholes[(u64::from(worker) % DIFFERENT) as usize].clone()
    }
}

fn frame(second: u64, snapshot: Snapshot) -> Frame {
    Frame {
        second,
        elapsed: Duration::from_secs(second + 1),
        snapshot,
    }
}

/// A second of 20 series of requests, as virtual users record it.
fn made_up(seed: u64) -> Snapshot {
    let mut chance = Chance(seed.wrapping_mul(0x9E37_79B9) + 1);
    let recorder = Recorder::default();
    // As evenly as whole numbers go.
    let mut shares = (0..SERIES).map(|at| SAMPLES * (at + 1) / SERIES - SAMPLES * at / SERIES);
    for persona in &PERSONAS {
        for request in &REQUESTS {
            let samples = shares.next().unwrap_or_default();
            let tags = RequestTags {
                scenario: SCENARIO,
                persona: persona.name,
                name: request.name,
                method: Method::Get,
                status: 200,
                stage: 0,
                expected: true,
                trend: None,
                proto: Proto::Http1,
            };
            for _ in 0..samples {
                let waiting = chance.around_5_ms();
                recorder.request(tags, |series| record(series, waiting));
            }
        }
        let tags = IterationTags {
            scenario: SCENARIO,
            persona: persona.name,
            stage: 0,
        };
        for _ in 0..SAMPLES / SERIES {
            let took = chance.around_5_ms() * 10;
            recorder.iterations(tags, |series| {
                series.duration.record(took);
                series.response_time.record(took);
                series.start_delay.record(Duration::ZERO);
            });
        }
    }
    let mut snapshot = Snapshot::default();
    recorder.drain(&mut snapshot);
    snapshot.duration = Duration::from_secs(1);
    snapshot.vus.set(1);
    snapshot.vus_max.set(1);
    snapshot
}

fn record(series: &mut harness::metrics::RequestSeries, waiting: Duration) {
    let (sending, receiving) = (Duration::from_micros(9), waiting / 50);
    series.record(Phase::Duration, sending + waiting + receiving);
    for unused in [Phase::Blocked, Phase::Connecting, Phase::TlsHandshaking] {
        series.record(unused, Duration::ZERO);
    }
    series.record(Phase::Sending, sending);
    series.record(Phase::Waiting, waiting);
    series.record(Phase::Receiving, receiving);
    series.bytes_sent += 200;
    series.bytes_received += 400;
}

/// Numbers that are the same in every run (SplitMix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) as f64 / u64::MAX as f64
    }

    /// Log-normal: half of them are below 5 ms.
    fn around_5_ms(&mut self) -> Duration {
        let normal = (0..12).map(|_| self.next()).sum::<f64>() - 6.0;
        Duration::from_micros((5_000.0 * (normal * 0.5).exp()) as u64)
    }
}
