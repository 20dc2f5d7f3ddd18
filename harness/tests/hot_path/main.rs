//! What makes the generator cheap, counted instead of timed: a request that is sent, read,
//! checked and recorded allocates nothing.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use allocation_counter::measure;
use bytes::Bytes;
use harness::catalogue::{Catalogue, PartEntry};
use harness::executor::{Clock, Executor, Schedule};
use harness::metrics::{Counter, RateOf, Recorder, Snapshot, TagFilter, TrendOf};
use harness::vu::{ConnectOptions, Fields, Request, Surroundings, Target, VirtualUser};

static CHARGE: Request = Request::post("1_charge_balance")
    .expects(&[201])
    .trend("charge_balance_time");

const ANSWER: &[u8] = b"HTTP/1.1 201 Created\r\ncontent-type: application/json\r\n\
    server-timing: queue;dur=0.12, db;dur=1.5\r\ncontent-length: 24\r\n\r\n{\"userId\":1,\"balance\":1}";

/// A server on a thread of its own, so that what it allocates is not counted here.
fn server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().expect("the client connects");
        let mut reader = BufReader::new(socket.try_clone().expect("a second handle"));
        let mut body = [0; 16];
        loop {
            let mut length = 0;
            let mut line = String::new();
            while line != "\r\n" {
                line.clear();
                if reader.read_line(&mut line).unwrap_or(0) == 0 {
                    return;
                }
                if let Some(value) = line.strip_prefix("content-length: ") {
                    length = value.trim().parse().expect("a length");
                }
            }
            reader
                .read_exact(&mut body[..length])
                .expect("the body comes");
            socket.write_all(ANSWER).expect("the client listens");
        }
    });
    address
}

fn surroundings(target: Target) -> Arc<Surroundings> {
    let schedule = Schedule {
        executor: Executor::ConstantVus {
            vus: 1,
            duration: Duration::from_secs(60),
        },
        start_time: Duration::ZERO,
        graceful_stop: Duration::ZERO,
        graceful_ramp_down: Duration::ZERO,
    };
    let clock = Clock::new(&schedule);
    clock.start();
    Arc::new(Surroundings {
        fields: Arc::new(Fields::new(&target, &[])),
        target: Arc::new(target),
        http_timeout: Duration::from_secs(60),
        cookies: false,
        redirects: 0,
        recorder: Arc::new(Recorder::default()),
        clock: Arc::new(clock),
        failures: Arc::default(),
        raw: None,
    })
}

/// What [`ANSWER`] says of the server's time.
fn parts() -> Arc<Catalogue> {
    let part = |name: &str| PartEntry {
        name: name.to_owned(),
        ..PartEntry::default()
    };
    let server_parts = ["queue", "db"].map(part).into();
    let requests = Vec::new();
    Arc::new(Catalogue {
        requests,
        server_parts,
    })
}

#[test]
fn a_request_allocates_nothing() {
    const WARM_UP: u64 = 20;
    const REQUESTS: u64 = 2_000;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let options = ConnectOptions::default();
    let address = format!("http://{}", server());
    let target = runtime.block_on(Target::resolve(&address, &options));
    let target = target.expect("an address").with_parts(&parts());
    let surroundings = surroundings(target);
    let vu = VirtualUser::new(
        1,
        "impulse_buyer",
        "impulse_buyer",
        1,
        Arc::clone(&surroundings),
    );
    let body = Bytes::from_static(b"{\"amount\":10000}");
    let requests = async |count| {
        for _ in 0..count {
            let call = CHARGE.at("/users/1/balance");
            let answer = vu.send(call.body("application/json", body.clone())).await;
            vu.check(
                "charge 201",
                answer.status == 201
                    && answer.header("Content-Type") == Some("application/json")
                    && answer.body.len() == 24,
            );
        }
    };
    runtime.block_on(requests(WARM_UP));
    let counted = measure(|| runtime.block_on(requests(REQUESTS)));
    // A histogram grows when a duration is longer than all before it: rare, and not per request.
    let growth = 60;
    assert!(
        counted.count_total <= growth,
        "{} allocations in {REQUESTS} requests",
        counted.count_total
    );

    let mut snapshot = Snapshot::default();
    surroundings.recorder.drain(&mut snapshot);
    let all = TagFilter::default();
    assert_eq!(
        snapshot.counter(Counter::Requests, &all),
        WARM_UP + REQUESTS
    );
    let db = snapshot.trend(TrendOf::Part(1), &all);
    assert_eq!((db.count(), db.max_ms()), (WARM_UP + REQUESTS, 1.5));
    let checks = snapshot.rate(RateOf::Checks, &all);
    assert_eq!((checks.passes, checks.fails), (WARM_UP + REQUESTS, 0));
}
