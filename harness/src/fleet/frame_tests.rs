//! Frames come back as they were, and many of them are what one process would have measured.

use proptest::prelude::*;

use super::*;
use crate::metrics::{
    CheckTags, Counter, IterationTags, Method, Phase, Proto, Recorder, RequestTags, TagFilter,
    TrendOf,
};

/// One request as a virtual user records it.
#[derive(Debug, Clone)]
struct Sample {
    worker: usize,
    kind: usize,
    us: u64,
}

const NAMES: [&str; 3] = ["list", "buy", "café ☕"];

fn tags(kind: usize) -> RequestTags {
    RequestTags {
        scenario: "default",
        persona: ["visitor", "buyer"][kind % 2],
        name: NAMES[kind % 3],
        method: [Method::Get, Method::Post][kind % 2],
        status: [200, 409, 0][kind % 3],
        stage: kind as u16 / 4,
        expected: kind % 3 != 2,
        trend: (kind % 2 == 1).then_some("buy_time"),
        proto: Proto::ALL[kind / 6 % 2],
    }
}

fn record(recorder: &Recorder, vu: u32, sample: &Sample) {
    let (tags, time) = (tags(sample.kind), Duration::from_micros(sample.us));
    recorder.request(tags, |series| {
        if series.is_slowest(time) {
            let mut server = [None; MOST_PARTS];
            server[sample.kind % MOST_PARTS] = Some(time / 2);
            let at = Duration::from_micros(sample.us * 3);
            series.slowest = Some(Slowest {
                duration: time,
                vu,
                at,
                // Whole microseconds, as servers say them.
                server: server.map(|part| part.map(|part| Duration::from_micros(us(part)))),
            });
        }
        series.record(Phase::Duration, time);
        series.record(Phase::Waiting, time / 2);
        series.record(Phase::TlsHandshaking, Duration::ZERO);
        series.record_part(sample.kind % MOST_PARTS, time / 2);
        series.unsent += sample.us % 2;
        series.reconnects += sample.us % 3;
        series.bytes_sent += sample.us % 700;
        series.bytes_received += sample.us;
    });
    let (scenario, persona, stage) = (tags.scenario, tags.persona, tags.stage);
    let of = IterationTags {
        scenario,
        persona,
        stage,
    };
    recorder.iterations(of, |series| {
        series.duration.record(time * 4);
        series.start_delay.record(time / 9);
        series.response_time.record(time * 5);
        series.dropped += u64::from(sample.us.is_multiple_of(5));
        series.interrupted += u64::from(sample.us.is_multiple_of(7));
    });
    let check = CheckTags {
        scenario,
        persona,
        check: "200",
        stage,
    };
    recorder.check(check, tags.expected);
}

fn frame(samples: &[&Sample]) -> Frame {
    let recorder = Recorder::default();
    for sample in samples {
        record(&recorder, sample.worker as u32, sample);
    }
    let mut snapshot = Snapshot {
        duration: Duration::from_micros(1_000_017),
        ..Snapshot::default()
    };
    recorder.drain(&mut snapshot);
    snapshot.vus.set(samples.len() as u64);
    snapshot.vus_max.set(40);
    Frame {
        second: 12,
        elapsed: Duration::from_micros(12_345_678),
        snapshot,
    }
}

fn samples() -> impl Strategy<Value = Vec<Sample>> {
    let sample = (
        0_usize..7,
        0_usize..12,
        prop_oneof![0_u64..20, 0_u64..9_000_000],
    );
    let sample = sample.prop_map(|(worker, kind, us)| Sample { worker, kind, us });
    prop::collection::vec(sample, 0..60)
}

fn decoded(bytes: &[u8]) -> Result<Frame, Broken> {
    Decoder::default().decode(bytes)
}

/// All that one can ask of a snapshot.
fn assert_same(one: &Snapshot, other: &Snapshot) {
    let all = TagFilter::default();
    let filters = NAMES.map(|name| TagFilter::of("name", name));
    for filter in filters.iter().chain([&all]) {
        for counter in [
            Counter::Requests,
            Counter::Sent,
            Counter::Received,
            Counter::Iterations,
            Counter::Interrupted,
            Counter::Dropped,
        ] {
            assert_eq!(one.counter(counter, filter), other.counter(counter, filter));
        }
        for of in [
            TrendOf::Phase(Phase::Duration),
            TrendOf::Phase(Phase::Waiting),
            TrendOf::Phase(Phase::TlsHandshaking),
            TrendOf::Part(2),
            TrendOf::Custom("buy_time"),
            TrendOf::IterationDuration,
            TrendOf::StartDelay,
            TrendOf::ResponseTime,
        ] {
            let (one, other) = (one.trend(of, filter), other.trend(of, filter));
            let percents = [0.1, 50.0, 90.0, 95.0, 99.0, 99.9, 100.0];
            assert_eq!(one.percentiles_ms(percents), other.percentiles_ms(percents));
            let exact = |trend: &Trend| (trend.count(), trend.sum_ms(), trend.min_ms());
            assert_eq!(exact(&one), exact(&other));
            assert!(one.recorded().eq(other.recorded()));
        }
    }
    assert_eq!(one.checks, other.checks);
    assert_eq!(one.requests.len(), other.requests.len());
    for (tags, series) in &one.requests {
        let slowest = other.requests[tags].slowest;
        assert_eq!(
            series.slowest.map(|slowest| slowest.duration),
            slowest.map(|slowest| slowest.duration)
        );
    }
}

proptest! {
    // A case takes a tenth of a second: it makes and compares many histograms.
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn a_frame_comes_back_as_it_was(samples in samples()) {
        let before = frame(&samples.iter().collect::<Vec<_>>());
        let bytes = before.encode();
        let after = decoded(&bytes).expect("its own bytes");
        prop_assert_eq!((after.second, after.elapsed), (before.second, before.elapsed));
        prop_assert_eq!(after.snapshot.duration, before.snapshot.duration);
        prop_assert_eq!(after.snapshot.vus, before.snapshot.vus);
        prop_assert_eq!(after.snapshot.vus_max, before.snapshot.vus_max);
        assert_same(&after.snapshot, &before.snapshot);
        for (tags, series) in &before.snapshot.requests {
            prop_assert_eq!(after.snapshot.requests[tags].slowest, series.slowest);
        }
        let again = decoded(&after.encode()).expect("its own bytes");
        assert_same(&again.snapshot, &before.snapshot);
    }

    #[test]
    fn workers_together_measured_what_one_would_have(samples in samples(), workers in 1_usize..8) {
        let alone = frame(&samples.iter().collect::<Vec<_>>());
        let mut decoder = Decoder::default();
        let frames: Vec<Frame> = (0..workers)
            .map(|worker| samples.iter().filter(|s| s.worker % workers == worker).collect::<Vec<_>>())
            .map(|own| decoder.decode(&frame(&own).encode()).expect("its own bytes"))
            .collect();
        // As in a run, it has another second's samples in it.
        let mut second = alone.snapshot.clone();
        merge(&frames, &mut second);
        assert_same(&second, &alone.snapshot);
        prop_assert_eq!(second.duration, alone.snapshot.duration);
        prop_assert_eq!(second.vus.value, alone.snapshot.vus.value);
        prop_assert_eq!(second.vus_max.value, 40 * workers as u64);
    }

    #[test]
    fn a_changed_byte_never_panics(
        samples in samples(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = frame(&samples.iter().collect::<Vec<_>>()).encode();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(frame) = decoded(&bytes) {
            let mut total = Snapshot::default();
            merge([&frame, &frame], &mut total);
            let all = TagFilter::default();
            let _ = total.durations(&all).percentile_ms(95.0);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = decoded(&bytes);
        let _ = decoded(&[vec![VERSION as u8], bytes].concat());
    }
}

#[test]
fn a_cut_frame_and_one_with_more_are_refused() {
    let samples: Vec<Sample> = (0..12)
        .map(|kind| Sample {
            worker: 0,
            kind,
            us: 900 * kind as u64,
        })
        .collect();
    let good = frame(&samples.iter().collect::<Vec<_>>()).encode();
    for length in 0..good.len() {
        assert!(decoded(&good[..length]).is_err(), "{length} bytes");
    }
    let more = [good.clone(), vec![0]].concat();
    assert_eq!(decoded(&more).err(), Some(Malformed::Long(1).into()));
    let mut other = good;
    other[0] = 2;
    assert_eq!(decoded(&other).err(), Some(Broken::Version(2)));
}

/// A second with nothing in it but this many names, none of them said before.
fn with_names(names: &[String]) -> Vec<u8> {
    let mut packer = Packer::default();
    for number in [VERSION, 0, 0, 0, 0, 0] {
        packer.number(number);
    }
    packer.number(names.len() as u64);
    names.iter().for_each(|name| packer.bytes(name.as_bytes()));
    for _ in ["requests", "iterations", "checks"] {
        packer.number(0);
    }
    packer.0
}

#[test]
fn names_of_a_run_are_bounded() {
    let names = |from: u32, count: u32| -> Vec<String> {
        (from..from + count)
            .map(|n| format!("hostile {n}"))
            .collect()
    };
    let mut decoder = Decoder::default();
    assert!(decoder.decode(&with_names(&names(0, 9_000))).is_ok());
    assert!(
        decoder.decode(&with_names(&names(0, 9_000))).is_ok(),
        "the same ones"
    );
    let error = decoder.decode(&with_names(&names(9_000, 2_000))).err();
    assert_eq!(error, Some(Malformed::Wrong("name").into()));
    let long = decoded(&with_names(&["x".repeat(1_001)])).err();
    assert_eq!(long, Some(Malformed::Wrong("name").into()));
}

/// What DESIGN and the bench go by: twenty series of some 8 requests a second.
#[test]
fn a_usual_second_is_some_kilobytes() {
    let samples: Vec<Sample> = (0..170_u64)
        .map(|n| Sample {
            worker: 0,
            kind: n as usize % 12,
            us: 3_000 + n * n % 4_001,
        })
        .collect();
    let bytes = frame(&samples.iter().collect::<Vec<_>>()).encode();
    assert!((2_000..16_000).contains(&bytes.len()), "{}", bytes.len());
}
