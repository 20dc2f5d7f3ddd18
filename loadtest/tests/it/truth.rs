//! What is measured against the truth: a target of known latencies that measures itself.
//!
//! What a busy machine can't upset is asserted in every run of the suite: counts, and that nothing
//! is measured shorter than it was. How close it comes, and how well a rate is kept, needs a quiet
//! machine:
//!
//! ```sh
//! cargo test --release -p loadtest --test it truth -- --ignored --nocapture --test-threads 1
//! ```

mod own_core;
mod stall;
mod target;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use harness::executor::{
    Account, Actor, Alarm, Control, Crew, Executor, Fleet, Iterated, Part, Plan, Portion, Rate,
    Schedule, Stage, Step,
};
use harness::metrics::{Counter, Names, Recorder, Snapshot, TagFilter, Trend, TrendOf};
use harness::vu::{ConnectOptions, Fields, Request, Surroundings, Target, VirtualUser};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use self::own_core::OwnCore;
use self::target::Truth;

static GET: Request = Request::get("get").expects(&[200]);

/// One request an iteration.
struct Getter(VirtualUser);

impl Actor for Getter {
    fn scenario(&self) -> &'static str {
        "truth"
    }

    fn persona(&self) -> &'static str {
        "truth"
    }

    fn iterate(&mut self) -> BoxFuture<'_, Iterated> {
        Box::pin(async move {
            let answer = self.0.send(GET.at("/")).await;
            assert_eq!(answer.status, 200, "{:?}", answer.error);
            Iterated::Answered
        })
    }

    fn think(&mut self) -> Duration {
        Duration::ZERO
    }

    fn cut(&mut self) {}

    fn retire(&mut self) {
        self.0.disconnect();
    }
}

/// How often what was measured is gathered, as in a run.
const GATHER_EVERY: Duration = Duration::from_secs(1);

/// Runs a schedule against a server; gives what was measured. `watch` looks on once a second.
async fn measured(
    host: &str,
    executor: Executor,
    mut watch: impl FnMut(&Snapshot),
) -> (Snapshot, Option<Account>) {
    let plan = Plan::new(vec![Part {
        name: None,
        schedule: Schedule {
            executor,
            start_time: Duration::ZERO,
            graceful_stop: Duration::from_secs(30),
            graceful_ramp_down: Duration::ZERO,
        },
    }]);
    let schedule = plan.parts()[0].schedule.clone();
    let clock = plan.clocks().remove(0);
    let recorder = Arc::new(Recorder::default());
    let target = Target::resolve(host, &ConnectOptions::default())
        .await
        .expect("an address");
    let surroundings = Arc::new(Surroundings {
        fields: Arc::new(Fields::new(&target, &[])),
        target: Arc::new(target),
        http_timeout: Duration::from_secs(60),
        cookies: false,
        redirects: 0,
        recorder: Arc::clone(&recorder),
        clock: Arc::clone(&clock),
        failures: Arc::default(),
        raw: None,
    });
    let getter = |number| {
        let around = Arc::clone(&surroundings);
        Getter(VirtualUser::new(number, "truth", "truth", 7, around))
    };
    let vus = schedule.vus_max();
    let crew = Crew {
        portion: Portion::whole(vus),
        actors: (1..=vus).map(getter).collect(),
        schedule,
        clock,
        pattern: vec!["truth"],
    };
    let alarm = Alarm::start().expect("a thread");
    let control = Arc::new(Control::default());
    let fleet = Fleet::new(vec![crew], control, Arc::clone(&recorder), alarm);
    let fleet = Arc::new(fleet);
    let tasks: Vec<_> = (0..vus as usize)
        .map(|index| {
            let fleet = Arc::clone(&fleet);
            tokio::spawn(async move { while fleet.step(index).await == Step::Continue {} })
        })
        .collect();
    let mut snapshot = Snapshot {
        names: Names {
            stages: plan.stage_names().into(),
            ..Names::default()
        },
        ..Snapshot::default()
    };
    let mut all = std::pin::pin!(futures::future::join_all(tasks));
    loop {
        tokio::select! {
            ended = &mut all => {
                ended.into_iter().for_each(|task| task.expect("no VU panics"));
                break;
            }
            () = tokio::time::sleep(GATHER_EVERY) => {
                recorder.drain(&mut snapshot);
                watch(&snapshot);
            }
        }
    }
    let account = fleet.settle().await.remove(0).arrivals;
    recorder.drain(&mut snapshot);
    (snapshot, account)
}

fn requests(snapshot: &Snapshot) -> Trend {
    snapshot.durations(&TagFilter::default())
}

fn delays(snapshot: &Snapshot) -> Trend {
    snapshot.trend(TrendOf::StartDelay, &TagFilter::default())
}

fn at_rate(per_second: f64, seconds: u64, max_vus: u32) -> Executor {
    Executor::ConstantArrivalRate {
        rate: Rate::new(per_second, Duration::from_secs(1)).expect("a rate"),
        duration: Duration::from_secs(seconds),
        max_vus,
        max_start_delay: Duration::from_secs(1),
    }
}

/// Latencies of a known distribution, from a fixed seed, up to a second.
fn latencies(distribution: &str, count: usize, slower: f64) -> Vec<Duration> {
    let mut rng = ChaCha8Rng::seed_from_u64(42);
    let mut draw = || match distribution {
        "constant" => 20.0,
        "bimodal" if rng.random::<f64>() < 0.9 => 5.0,
        "bimodal" => 300.0,
        // Log-normal by Box and Muller, with a median of 50 ms.
        _ => {
            let (u, v): (f64, f64) = (1.0 - rng.random::<f64>(), rng.random());
            let normal = (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos();
            50.0 * (0.8 * normal).exp()
        }
    };
    let millis = |ms: f64| Duration::from_secs_f64(ms / 1_000.0);
    (0..count)
        .map(|_| millis((draw() * slower).min(1_000.0)))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_is_counted_and_none_is_measured_shorter_than_it_was() {
    let (truth, host) = Truth::of(latencies("bimodal", 400, 1.0)).serve();
    let executor = Executor::PerVuIterations {
        vus: 40,
        iterations: 10,
        max_duration: Duration::from_secs(60),
    };
    let (snapshot, _) = measured(&host, executor, |_| {}).await;
    let trend = requests(&snapshot);
    assert_eq!((trend.count(), truth.measured()), (400, 400));
    for percent in [10.0, 50.0, 95.0, 99.0, 99.9] {
        let (seen, was) = (trend.percentile_ms(percent), truth.percentile(percent));
        // To the microsecond: the target stops its watch before it answers.
        assert!(seen >= was - 0.001, "p{percent}: {seen} of {was} ms");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_started_at_a_rate_is_what_the_target_serves() {
    let (truth, host) = Truth::of(latencies("constant", 1, 1.0)).serve();
    let (snapshot, account) = measured(&host, at_rate(1_000.0, 1, 10), |_| {}).await;
    let account = account.expect("an open model");
    assert_eq!(account.scheduled, 1_000);
    assert_eq!(account.started + account.dropped, 1_000);
    // Ten VUs at 20 ms make 50 a second each: at most 10 · (2,000 / 20 + 1) before all is too late.
    assert!((1..=1_010).contains(&account.started), "{account:?}");
    assert_eq!(truth.served(), account.started);
    assert_eq!(requests(&snapshot).count(), account.started);
    assert_eq!(delays(&snapshot).count(), account.started);
}

/// On a core that both share, either one's tail is the other's doing: the target is woken late,
/// and then its truth doesn't know of it, or keeps the generator from being woken. So each has its
/// own here, as on two machines. How long the target had to wait for its core, because something
/// else ran there, stands in the row: if that is long, the machine was not quiet.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a quiet machine with two cores"]
async fn percentiles_are_within_a_percent_or_half_a_millisecond_of_the_truth() {
    println!("distribution VUs load         count  waited/ms   p: seen / was ms …");
    harness::descriptors::prepare(4_096);
    let core = Arc::new(OwnCore::take());
    let mut off = Vec::new();
    for distribution in ["constant", "bimodal", "log-normal"] {
        for (vus, load) in [
            (1, "closed"),
            (1_000, "closed"),
            (1_000, "100/s"),
            (1_000, "1000/s"),
        ] {
            // A thousand VUs that never wait would saturate the machine, and then the truth is
            // the machine's: with ten times the latency they make some 5,000 requests/s.
            let slower = if (vus, load) == (1_000, "closed") {
                10.0
            } else {
                1.0
            };
            let drawn = latencies(distribution, 50_000, slower);
            let (truth, host) = Truth::of(drawn).serve_exactly(Arc::clone(&core));
            let executor = match load {
                "closed" if vus == 1 => Executor::ConstantVus {
                    vus,
                    duration: Duration::from_secs(10),
                },
                // Within the shortest latency: if all began at once and took as long, they would
                // all be answered at once, and a core reads one answer after the other.
                "closed" => Executor::RampingVus {
                    start_vus: 0,
                    stages: [(200, "up"), (4_000, "hold")]
                        .map(|(ms, name)| Stage {
                            name: name.to_owned(),
                            duration: Duration::from_millis(ms),
                            target: vus,
                        })
                        .to_vec(),
                },
                "100/s" => at_rate(100.0, 6, vus),
                _ => at_rate(1_000.0, 6, vus),
            };
            let (snapshot, _) = measured(&host, executor, |_| {}).await;
            let waited = truth.stop().as_secs_f64() * 1_000.0;
            let trend = requests(&snapshot);
            let mut row = format!(
                "{distribution:<12} {vus:>4} {load:<8} {:>8} {waited:>9.1}",
                trend.count()
            );
            for percent in [50.0, 95.0, 99.0, 99.9] {
                let (seen, was) = (trend.percentile_ms(percent), truth.percentile(percent));
                row += &format!("   {percent}: {seen:.2} / {was:.2}");
                if (seen - was).abs() > (was * 0.01).max(0.5) {
                    off.push(format!(
                        "{distribution} {vus} {load} p{percent}: {seen} of {was} \
                         (the target waited {waited:.1} ms for its core)"
                    ));
                }
            }
            println!("{row}");
        }
    }
    assert!(off.is_empty(), "{off:#?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a quiet machine"]
async fn rates_are_kept_to_the_unit_and_the_millisecond() {
    println!("rate     scheduled started dropped  start delay p50 / p99 / max ms");
    for per_second in [1_000.0, 5_000.0, 10_000.0] {
        let (truth, host) = Truth::of(vec![]).serve();
        let (snapshot, account) = measured(&host, at_rate(per_second, 10, 200), |_| {}).await;
        let account = account.expect("an open model");
        let delay = delays(&snapshot);
        println!(
            "{per_second:>7}/s {:>8} {:>7} {:>7}  {:.3} / {:.3} / {:.3}",
            account.scheduled,
            account.started,
            account.dropped,
            delay.percentile_ms(50.0),
            delay.percentile_ms(99.0),
            delay.max_ms()
        );
        assert_eq!(account.scheduled, per_second as u64 * 10);
        assert_eq!(account.started, account.scheduled - account.dropped);
        assert_eq!(truth.served(), account.started);
        assert!(delay.percentile_ms(50.0) <= 1.0);
    }
}

/// Resident memory of this process, generator and target, in MB.
fn resident_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kb = line.and_then(|line| line.split_whitespace().nth(1));
    kb.and_then(|kb| kb.parse::<u64>().ok()).expect("a number") / 1_024
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes"]
async fn ten_million_requests_are_counted_exactly_in_flat_memory() {
    const ALL: u64 = 10_000_000;
    let (truth, host) = Truth::of(vec![]).serve();
    let executor = Executor::SharedIterations {
        vus: 100,
        iterations: ALL,
        max_duration: Duration::from_secs(3_600),
    };
    let (began, mut looks) = (Instant::now(), Vec::new());
    let (snapshot, _) = measured(&host, executor, |snapshot| {
        let done = requests(snapshot).count();
        if done / 1_000_000 > looks.len() as u64 {
            looks.push(resident_mb());
            println!(
                "{done:>9} requests, {:>4.0} s, {} MB",
                began.elapsed().as_secs_f64(),
                resident_mb()
            );
        }
    })
    .await;
    assert_eq!(requests(&snapshot).count(), ALL);
    assert_eq!(truth.served(), ALL);
    let iterations = snapshot.counter(Counter::Iterations, &TagFilter::default());
    assert_eq!(iterations, ALL);
    let (first, last) = (looks[0], looks[looks.len() - 1]);
    assert!(
        last <= first + 8,
        "{first} MB after a million, {last} MB at the end"
    );
}
