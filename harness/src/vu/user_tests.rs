//! A whole virtual user against servers that do exactly what a test wants.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::executor::{Executor, Schedule};
use crate::failing::Faults;
use crate::metrics::{Counter, RateOf, Snapshot, TagFilter};
use crate::vu::ConnectOptions;

static GET: Request = Request::get("get");
static POST: Request = Request::post("post").expects(&[200]);

/// Head and body of one request as text; nothing at the end of the connection.
async fn request(socket: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        bytes.push(socket.read_u8().await.ok()?);
    }
    let head = String::from_utf8(bytes).expect("text");
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().expect("a number"))];
    socket.read_exact(&mut body).await.ok()?;
    Some(head + std::str::from_utf8(&body).expect("text"))
}

/// A server that gives each request, told by what comes after the method, its answer; its address,
/// and what it was sent.
async fn server(answer: fn(&str) -> Vec<u8>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = format!("http://{}", listener.local_addr().expect("it is bound"));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let log = Arc::clone(&log);
            tokio::spawn(async move {
                while let Some(text) = request(&mut socket).await {
                    let path = text.split(' ').nth(1).unwrap_or_default().to_owned();
                    log.lock().push(text);
                    let _ = socket.write_all(&answer(&path)).await;
                }
            });
        }
    });
    (address, seen)
}

fn ok(fields: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\n{fields}content-length: {length}\r\n\r\n{body}").into_bytes()
}

fn moved(status: u16, location: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status} X\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n").into_bytes()
}

/// How a test's user differs from the default.
#[derive(Default)]
struct Ways<'a> {
    headers: &'a [(&'a str, &'a str)],
    cookies: bool,
    redirects: u32,
    most_body: Option<usize>,
}

async fn user(address: &str, ways: Ways<'_>) -> VirtualUser {
    let options = ConnectOptions {
        most_body: ways.most_body,
        ..ConnectOptions::default()
    };
    let target = Target::resolve(address, &options).await;
    let target = Arc::new(target.expect("an address"));
    let headers: Vec<Header> = ways
        .headers
        .iter()
        .map(|(name, value)| Header::new(name, value).expect("a header"))
        .collect();
    let clock = Clock::new(&Schedule {
        executor: Executor::ConstantVus {
            vus: 1,
            duration: Duration::from_secs(60),
        },
        start_time: Duration::ZERO,
        graceful_stop: Duration::ZERO,
        graceful_ramp_down: Duration::ZERO,
    });
    clock.start();
    let surroundings = Surroundings {
        fields: Arc::new(Fields::new(&target, &headers)),
        target,
        http_timeout: Duration::from_secs(5),
        cookies: ways.cookies,
        redirects: ways.redirects,
        recorder: Arc::default(),
        clock: Arc::new(clock),
        failures: Arc::default(),
        raw: Some(Arc::default()),
    };
    VirtualUser::new(1, "user", "user", 1, Arc::new(surroundings))
}

fn error(answer: &Answer) -> String {
    answer
        .error
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default()
}

/// Method and status of every request that was recorded, and how many of them failed.
fn recorded(vu: &VirtualUser) -> (Vec<(&'static str, &'static str, u16)>, u64) {
    rows_of(&drained(vu))
}

fn drained(vu: &VirtualUser) -> Snapshot {
    let mut snapshot = Snapshot::default();
    vu.surroundings.recorder.drain(&mut snapshot);
    snapshot
}

fn rows_of(snapshot: &Snapshot) -> (Vec<(&'static str, &'static str, u16)>, u64) {
    let failed = snapshot.failed(&TagFilter::default());
    let mut rows: Vec<_> = snapshot
        .requests
        .iter()
        .flat_map(|(tags, series)| {
            let row = (tags.name, tags.method.as_str(), tags.status);
            std::iter::repeat_n(row, usize::try_from(series.count()).expect("few"))
        })
        .collect();
    rows.sort_unstable();
    (rows, failed)
}

/// The addresses of the samples.
fn urls(vu: &VirtualUser) -> Vec<String> {
    let samples = vu.surroundings.raw.as_ref().map(|raw| raw.take());
    let url = |what| match what {
        SampleOf::Request { url, .. } => Some(url),
        _ => None,
    };
    samples
        .into_iter()
        .flatten()
        .filter_map(|sample| url(sample.what))
        .collect()
}

#[tokio::test]
async fn headers_of_the_run_reach_the_server_and_those_of_the_answer_the_user() {
    let (address, seen) = server(|_| ok("x-trace: 4711\r\n", "{\"a\":1}")).await;
    let headers = [("authorization", "Bearer abc"), ("accept", "text/html")];
    let ways = Ways {
        headers: &headers,
        ..Ways::default()
    };
    let vu = user(&address, ways).await;
    let answer = vu.send(GET.at("/a").header("x-own", "1")).await;
    assert_eq!(
        (answer.status, answer.header("X-Trace")),
        (200, Some("4711"))
    );
    assert_eq!(
        answer.json::<serde_json::Value>(),
        Some(serde_json::json!({"a": 1}))
    );
    let seen = seen.lock().concat();
    assert!(seen.contains("\r\nauthorization: Bearer abc\r\naccept: text/html\r\nx-own: 1\r\n"));
    assert!(!seen.contains("application/json"), "{seen}");
}

#[tokio::test]
async fn a_head_has_no_body_and_its_connection_goes_on() {
    static HEAD: Request = Request::head("head");
    let (address, seen) = server(|path| match path {
        "/head" => b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n".to_vec(),
        _ => ok("", "body"),
    })
    .await;
    let vu = user(&address, Ways::default()).await;
    let answer = vu.send(HEAD.at("/head")).await;
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    assert_eq!(answer.header("content-length"), Some("99"));
    assert_eq!(&*vu.send(GET.at("/get")).await.body, b"body");
    assert_eq!(seen.lock().len(), 2);
    assert_eq!(
        recorded(&vu),
        (vec![("get", "GET", 200), ("head", "HEAD", 200)], 0)
    );
}

#[tokio::test]
async fn what_cannot_be_sent_is_an_error_and_nothing_is_sent() {
    let (address, seen) = server(|_| ok("", "")).await;
    let vu = user(&address, Ways::default()).await;
    for (call, expected) in [
        (GET.at("no path"), "'no path' is not a path"),
        (
            GET.at("/").header("a b", "x"),
            "'a b' is not a header's name",
        ),
        (
            GET.at("/").header("a", "x\r\ny: z"),
            "the value of the header 'a'",
        ),
    ] {
        let answer = vu.send(call).await;
        assert_eq!(answer.status, 0);
        assert!(error(&answer).starts_with(expected), "{}", error(&answer));
    }
    assert_eq!(recorded(&vu), (vec![("get", "GET", 0); 3], 3));
    assert_eq!(*seen.lock(), Vec::<String>::new());
}

/// 10,000 bytes, which come as some 40.
fn gzipped(_: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&[b'a'; 10_000]).expect("into memory");
    let body = encoder.finish().expect("into memory");
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.into_bytes(), body].concat()
}

/// `--max-body` is about what comes and about what it is decoded to.
#[tokio::test]
async fn a_small_body_that_is_decoded_to_a_long_one_is_a_failure_that_says_which_limit() {
    let (address, _) = server(gzipped).await;
    for (most, fits) in [(10_000, true), (9_999, false), (1_000, false)] {
        let ways = Ways {
            most_body: Some(most),
            ..Ways::default()
        };
        let vu = user(&address, ways).await;
        let answer = vu.send(GET.at("/")).await;
        assert_eq!((answer.status, answer.is_expected()), (200, fits));
        if !fits {
            let expected = format!(
                "the answer's body, coded as gzip, is longer than {most} bytes when it is decoded \
                 (--max-body)"
            );
            assert_eq!(error(&answer), expected);
        }
    }
}

#[tokio::test]
async fn compressed_bodies_are_decoded_and_counted_as_they_came() {
    let (address, _) = server(gzipped).await;
    let vu = user(&address, Ways::default()).await;
    let answer = vu.send(GET.at("/")).await;
    assert_eq!(&*answer.body, [b'a'; 10_000]);
    let mut snapshot = Snapshot::default();
    vu.surroundings.recorder.drain(&mut snapshot);
    assert_eq!(
        snapshot.counter(Counter::Received, &TagFilter::default()),
        gzipped("").len() as u64
    );
}

#[tokio::test]
async fn a_body_that_cannot_be_decoded_is_a_failure_that_keeps_its_status() {
    let (address, _) = server(|_| ok("content-encoding: br\r\n", "no brotli")).await;
    let vu = user(&address, Ways::default()).await;
    let answer = vu.send(GET.at("/")).await;
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    assert!(error(&answer).starts_with("the answer's body is not well-formed br"));
    let snapshot = drained(&vu);
    assert_eq!(rows_of(&snapshot), (vec![("get", "GET", 200)], 1));
    let checks: Vec<_> = snapshot
        .checks
        .iter()
        .map(|(tags, counts)| (tags.check, counts.fails))
        .collect();
    assert_eq!(checks, [("get: answer can be read", 1)]);
    let [(name, status, sample)] = &vu.surroundings.failures.samples()[..] else {
        panic!("one sample")
    };
    assert_eq!((*name, *status), ("get", 200));
    assert!(sample.contains("br"), "{sample}");
}

#[tokio::test]
async fn cookies_are_kept_by_each_user_if_they_are_wanted() {
    let (address, seen) = server(|_| ok("set-cookie: session=7; Path=/\r\n", "")).await;
    let with = || Ways {
        cookies: true,
        ..Ways::default()
    };
    let (first, second) = (user(&address, with()).await, user(&address, with()).await);
    let without = user(&address, Ways::default()).await;
    for vu in [&first, &first, &second, &without, &without] {
        assert_eq!(vu.send(GET.at("/a")).await.status, 200);
    }
    let sent: Vec<bool> = seen
        .lock()
        .iter()
        .map(|request| request.contains("\r\ncookie: session=7\r\n"))
        .collect();
    assert_eq!(sent, [false, true, false, false, false]);
}

fn redirecting(path: &str) -> Vec<u8> {
    match path {
        "/api/303" => moved(303, "/page?x=1"),
        "/api/307" => moved(307, "there"),
        "/loop" => moved(302, "/loop"),
        "/api/elsewhere" => moved(302, "http://elsewhere.example/x"),
        "/api/nowhere" => moved(302, "http://["),
        _ => ok("", "there"),
    }
}

async fn redirected(redirects: u32) -> (VirtualUser, Arc<Mutex<Vec<String>>>) {
    let (address, seen) = server(redirecting).await;
    let ways = Ways {
        redirects,
        ..Ways::default()
    };
    (user(&format!("{address}/api"), ways).await, seen)
}

/// First lines and bodies.
fn lines(seen: &Mutex<Vec<String>>) -> Vec<String> {
    let ends = |text: &String| {
        let line = text
            .lines()
            .next()
            .unwrap_or_default()
            .trim_end_matches(" HTTP/1.1");
        let body = text.split("\r\n\r\n").nth(1).unwrap_or_default();
        format!("{line} {body}").trim_end().to_owned()
    };
    seen.lock().iter().map(ends).collect()
}

#[tokio::test]
async fn a_redirect_is_an_answer_like_any_other_unless_they_are_followed() {
    let (vu, seen) = redirected(0).await;
    let answer = vu.send(GET.at("/303")).await;
    assert_eq!((answer.status, error(&answer)), (303, String::new()));
    assert_eq!(answer.header("location"), Some("/page?x=1"));
    assert_eq!(lines(&seen), ["GET /api/303"]);
    assert_eq!(recorded(&vu), (vec![("get", "GET", 303)], 0));
    vu.send(POST.at("/303")).await;
    assert_eq!(recorded(&vu), (vec![("post", "POST", 303)], 1));
}

#[tokio::test]
async fn every_hop_is_a_request_of_its_own() {
    let (vu, seen) = redirected(3).await;
    let answer = vu.send(POST.at("/303").json(&1)).await;
    assert_eq!((answer.status, &*answer.body), (200, &b"there"[..]));
    assert_eq!(lines(&seen), ["POST /api/303 1", "GET /page?x=1"]);
    // A status that isn't expected of the request, but was followed.
    assert_eq!(
        recorded(&vu),
        (vec![("post", "GET", 200), ("post", "POST", 303)], 0)
    );
    let origin = vu.surroundings.target.base().origin().ascii_serialization();
    assert_eq!(
        urls(&vu),
        [format!("{origin}/api/303"), format!("{origin}/page?x=1")]
    );
    seen.lock().clear();
    assert_eq!(vu.send(POST.at("/307").json(&1)).await.status, 200);
    assert_eq!(lines(&seen), ["POST /api/307 1", "POST /api/there 1"]);
}

#[tokio::test]
async fn redirects_that_are_not_followed_say_why() {
    let (vu, seen) = redirected(2).await;
    let answer = vu.send(GET.at("/elsewhere")).await;
    assert_eq!(answer.status, 302);
    assert_eq!(
        error(&answer),
        "redirected to another origin, http://elsewhere.example/x, which is not followed; \
         test that address instead"
    );
    assert_eq!(recorded(&vu), (vec![("get", "GET", 302)], 1));
    assert_eq!(error(&vu.send(GET.at("/nowhere")).await), "");
    assert_eq!(lines(&seen).len(), 2);
    recorded(&vu);

    static LOOP: Request = Request::get("loop");
    let (address, seen) = server(redirecting).await;
    let ways = Ways {
        redirects: 2,
        ..Ways::default()
    };
    let vu = user(&address, ways).await;
    let answer = vu.send(LOOP.at("/loop")).await;
    assert_eq!(
        error(&answer),
        format!("redirected more than 2 times, last to {address}/loop")
    );
    assert_eq!(lines(&seen), ["GET /loop"; 3]);
    assert_eq!(recorded(&vu), (vec![("loop", "GET", 302); 3], 1));
}

#[tokio::test]
async fn secrets_are_in_no_sample() {
    crate::secret::keep("user-tests-secret");
    let (address, _) = server(|path| match path {
        "/ok?t=user-tests-secret" => ok("", ""),
        _ => b"HTTP/1.1 401 X\r\ncontent-length: 25\r\n\r\nwrong: user-tests-secret!".to_vec(),
    })
    .await;
    let vu = user(&address, Ways::default()).await;
    assert_eq!(vu.send(GET.at("/ok?t=user-tests-secret")).await.status, 200);
    let answer = vu.send(GET.at("/")).await;
    assert_eq!(
        &*answer.body, b"wrong: user-tests-secret!",
        "the suite may see it"
    );
    vu.send(GET.at("user-tests-secret")).await;
    assert_eq!(urls(&vu)[0], format!("{address}/ok?t=***"));
    assert_eq!(
        vu.surroundings.failures.samples(),
        [
            (
                "get",
                0,
                "'***' is not a path: it must begin with '/' and hold only visible ASCII"
                    .to_owned()
            ),
            ("get", 401, "wrong: ***!".to_owned())
        ]
    );
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_a_failed_check_and_ends_the_iteration() {
    let (address, _) = server(|path| match path {
        "/number" => ok("", "7"),
        "/words" => ok("", "seven"),
        _ => b"HTTP/1.1 404 X\r\ncontent-length: 1\r\n\r\n7".to_vec(),
    })
    .await;
    let vu = user(&address, Ways::default()).await;
    let mut read = Vec::new();
    for path in ["/number", "/words", "/nowhere"] {
        let mut answer = vu.send(GET.at(path)).await;
        // As if it had been sent in another stage than the present one.
        answer.stage = 3;
        read.push((answer.is_expected(), vu.json::<u32>(&answer)));
    }
    let expected = [
        (true, Ok(7)),
        (true, Err(Stop::Unusable)),
        (false, Err(Stop::Unusable)),
    ];
    assert_eq!(read, expected);
    let nobody = user("http://127.0.0.1:1", Ways::default()).await;
    let answer = nobody.send(GET.at("/")).await;
    assert_eq!(nobody.json::<u32>(&answer), Err(Stop::Unreachable));
    // A failed request is no failed check: it has been counted already.
    let mut snapshot = Snapshot::default();
    vu.surroundings.recorder.drain(&mut snapshot);
    nobody.surroundings.recorder.drain(&mut snapshot);
    let checks: Vec<_> = snapshot
        .checks
        .iter()
        .map(|(tags, sum)| (tags.check, tags.stage, sum.passes, sum.fails))
        .collect();
    assert_eq!(checks, [("get: answer can be read", 3, 1, 1)]);
    assert_eq!(
        snapshot.rate(RateOf::Checks, &TagFilter::default()).share(),
        Some(0.5)
    );
    let samples = vu.surroundings.failures.samples();
    let expected = [("get", 200, "can't be read: seven".to_owned())];
    assert_eq!(samples[..1], expected);
    let faults = Faults::of(&snapshot);
    assert_eq!(
        faults.unreadable.as_deref(),
        Some("1 answer could not be read: 1 × get")
    );
    assert_eq!(faults.inexcusable().count(), 1);
    // The one that found no connection is a request without a duration.
    let all = TagFilter::default();
    assert_eq!(snapshot.counter(Counter::Requests, &all), 4);
    assert_eq!(snapshot.durations(&all).count(), 3);
}

/// A request that is cut is counted by name, with the time so far, and is no failure; one that
/// found no connection has no duration.
#[tokio::test]
async fn what_is_cut_is_recorded_as_far_as_it_came() {
    const MS: Duration = Duration::from_millis(1);
    let (address, _) = server(|path| match path {
        "/never" => Vec::new(),
        _ => ok("", "{}"),
    })
    .await;
    let user = user(&address, Ways::default()).await;
    assert_eq!(user.send(GET.at("/")).await.status, 200);
    let never = tokio::time::timeout(300 * MS, user.send(POST.at("/never")));
    assert!(never.await.is_err());
    let both = async {
        tokio::join!(user.send(POST.at("/never")), user.send(POST.at("/never")));
    };
    assert!(tokio::time::timeout(100 * MS, both).await.is_err());
    let mut snapshot = Snapshot::default();
    user.surroundings.recorder.drain(&mut snapshot);
    let of = |name: &str| TagFilter(vec![("name".to_owned(), name.to_owned())]);
    let count = |counter, name| snapshot.counter(counter, &of(name));
    let counts = ["get", "post"].map(|name| {
        (
            count(Counter::Requests, name),
            count(Counter::RequestsInterrupted, name),
        )
    });
    assert_eq!(counts, [(1, 0), (3, 3)]);
    let trend = snapshot.durations(&of("post"));
    assert_eq!(trend.count(), 3);
    assert!((95.0..300.0).contains(&trend.min_ms()), "{trend:?}");
    assert!((295.0..600.0).contains(&trend.max_ms()), "{trend:?}");
    let all = TagFilter::default();
    let (failed, success) = (
        snapshot.rate(RateOf::Failed, &all),
        snapshot.rate(RateOf::Success, &all),
    );
    assert_eq!((failed.passes, failed.fails), (0, 1));
    assert_eq!((success.passes, success.fails), (1, 0));
    assert!(user.surroundings.failures.samples().is_empty());
}
