//! Processes of one run meet at a real Redis.

use std::time::{Duration, Instant};

use harness::fleet::{Message, Newcomer, Over, Phase, Sent, State, Store, StoreError};
use testbed::Redis;

fn newcomer(index: u32) -> Newcomer {
    Newcomer {
        index,
        token: format!("token-{index}"),
        version: "1.0.0".to_owned(),
        digest: None,
        weight: 1,
        host: format!("host-{index}"),
        workers: (index == 0).then_some(2),
    }
}

async fn join(redis: &Redis, newcomer: &Newcomer) -> Result<Store, StoreError> {
    Store::join(redis.url(), "test", newcomer).await
}

async fn refused(redis: &Redis, newcomer: &Newcomer) -> String {
    match join(redis, newcomer).await {
        Ok(_) => panic!("{newcomer:?} was let in"),
        Err(error) => error.to_string(),
    }
}

/// A lead and two workers.
async fn everyone(redis: &Redis) -> [Store; 3] {
    [
        join(redis, &newcomer(0)).await.expect("the lead"),
        join(redis, &newcomer(1)).await.expect("worker 1"),
        join(redis, &newcomer(2)).await.expect("worker 2"),
    ]
}

#[tokio::test]
async fn whoever_does_not_belong_is_refused_in_its_own_words() {
    let redis = Redis::start().await.expect("a Redis");
    let lead = Newcomer {
        digest: Some("d1".to_owned()),
        ..newcomer(0)
    };
    let mut lead = join(&redis, &lead).await.expect("the lead");
    join(&redis, &newcomer(1)).await.expect("worker 1");
    // Its answer may have been lost.
    join(&redis, &newcomer(1)).await.expect("worker 1 again");
    let token = "another".to_owned();
    let same = |other: Newcomer| Newcomer {
        token: token.clone(),
        ..other
    };
    let rows = [
        (same(newcomer(1)), "index 1 is taken by a process on host-1"),
        (newcomer(3), "index 3 is beyond the 2 workers"),
        (
            Newcomer {
                version: "1.1.0".to_owned(),
                ..newcomer(2)
            },
            "this is version 1.1.0, and the run is of version 1.0.0",
        ),
        (
            Newcomer {
                digest: Some("d2".to_owned()),
                ..newcomer(2)
            },
            "this process was given another configuration",
        ),
    ];
    for (newcomer, expected) in rows {
        let error = refused(&redis, &newcomer).await;
        assert!(error.starts_with(expected), "{error}");
    }
    let ahead = Duration::from_secs(2);
    assert_eq!(lead.start(ahead).await.expect("an answer"), [2]);
    let heard = lead.beat(&State::default()).await.expect("an answer");
    assert_eq!((heard.start, heard.stop), (None, None));
    join(&redis, &newcomer(2)).await.expect("worker 2");
    assert_eq!(lead.start(ahead).await.expect("an answer"), [0; 0]);
    // A third second later it would be another start.
    assert_eq!(lead.start(4 * ahead).await.expect("an answer"), [0; 0]);
    let error = refused(&redis, &same(newcomer(2))).await;
    assert!(error.starts_with("index 2 is taken"), "{error}");
}

#[tokio::test]
async fn all_start_at_one_whole_second() {
    let redis = Redis::start().await.expect("a Redis");
    let [mut lead, mut one, mut two] = everyone(&redis).await;
    let ahead = Duration::from_secs(2);
    assert_eq!(lead.start(ahead).await.expect("an answer"), [0; 0]);
    let now = Instant::now();
    let mut starts = Vec::new();
    for store in [&mut lead, &mut one, &mut two] {
        let start = store
            .beat(&State::default())
            .await
            .expect("an answer")
            .start
            .expect("a start");
        assert_eq!(start % 1_000_000, 0);
        let skew = store.skew().await.expect("an answer");
        assert!(skew.error < Duration::from_millis(50), "{:?}", skew.error);
        starts.push(store.instant(&skew, start));
    }
    let spread = *starts.iter().max().expect("three") - *starts.iter().min().expect("three");
    assert!(spread < Duration::from_millis(100), "{spread:?}");
    let wait = starts[0] - now;
    assert!(
        wait > ahead / 2 && wait <= ahead + Duration::from_secs(1),
        "{wait:?}"
    );
}

#[tokio::test]
async fn the_lead_tells_what_all_must_know() {
    let redis = Redis::start().await.expect("a Redis");
    let [mut lead, mut worker, mut other] = everyone(&redis).await;
    for (message, bytes) in [
        (Message::Briefing, b"{\"vus\":3}".to_vec()),
        (Message::Opening, vec![0, 255, 10, 13]),
    ] {
        assert_eq!(worker.published(message).await.expect("an answer"), None);
        lead.publish(message, &bytes).await.expect("an answer");
        let heard = worker.published(message).await.expect("an answer");
        assert_eq!(heard, Some(bytes));
    }
    lead.stop(17_000_000).await.expect("an answer");
    lead.stop(99_000_000).await.expect("an answer");
    lead.cut().await.expect("an answer");
    let over = Over {
        code: 99,
        reason: "p(95)<200 crossed".to_owned(),
    };
    lead.over(&over).await.expect("an answer");
    for store in [&mut worker, &mut other] {
        let heard = store.beat(&State::default()).await.expect("an answer");
        assert_eq!((heard.stop, heard.cut), (Some(17_000_000), true));
        assert_eq!(heard.over.as_ref(), Some(&over));
        assert!(heard.lead_silent.expect("it came") < Duration::from_secs(3));
    }
}

#[tokio::test]
async fn the_lead_sees_how_far_each_is_and_what_it_leaves() {
    let redis = Redis::start().await.expect("a Redis");
    let [mut lead, mut one, mut two] = everyone(&redis).await;
    let state = State {
        phase: Phase::Done,
        reason: Some("because".to_owned()),
        signalled: true,
        ..State::default()
    };
    two.beat(&state).await.expect("an answer");
    let roll = lead.roll().await.expect("an answer");
    let told: Vec<_> = roll
        .iter()
        .map(|one| (one.index, one.state.phase))
        .collect();
    assert_eq!(
        told,
        [(0, Phase::Joined), (1, Phase::Joined), (2, Phase::Done)]
    );
    assert_eq!((&roll[2].state, &*roll[2].host), (&state, "host-2"));
    assert!(roll[1].silent < Duration::from_secs(3));
    assert_eq!(lead.totals_of(2).await.expect("an answer"), None);
    two.leave_totals(&[1, 0, 255]).await.expect("an answer");
    let totals = lead.totals_of(2).await.expect("an answer");
    assert_eq!(totals, Some(vec![1, 0, 255]));
    // The next run of this name begins when the last one has left this one.
    let over = Over {
        code: 0,
        reason: String::new(),
    };
    lead.over(&over).await.expect("an answer");
    let next = Newcomer {
        token: "next".to_owned(),
        ..newcomer(1)
    };
    let (joined, left) = tokio::join!(join(&redis, &next), async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(one.leave().await.expect("an answer"), 2);
        assert_eq!(two.leave().await.expect("an answer"), 1);
        assert_eq!(lead.leave().await.expect("an answer"), 0);
    });
    let ((), mut next) = (left, joined.expect("it has a place in the next run"));
    assert_eq!(next.beat(&state).await.expect("an answer").over, None);
}

#[tokio::test]
async fn seconds_arrive_once_and_in_turn() {
    let redis = Redis::start().await.expect("a Redis");
    let [mut lead, mut one, mut two] = everyone(&redis).await;
    for (store, name) in [(&mut one, "one"), (&mut two, "two")] {
        for second in [0, 1, 1, 3] {
            let frame = format!("{name} {second} \u{0}");
            store.send(second, frame.as_bytes()).await.expect("sent");
        }
    }
    let error = one.send(2, b"late").await.expect_err("too late");
    assert_eq!(error.to_string(), "second 2 was sent after second 3");
    let sent = |worker, second, name| Sent {
        worker,
        second,
        bytes: format!("{name} {second} \u{0}").into_bytes(),
    };
    let all = lead
        .receive(&[(1, None), (2, Some(1))])
        .await
        .expect("seconds");
    let expected = [
        sent(1, 0, "one"),
        sent(1, 1, "one"),
        sent(1, 3, "one"),
        sent(2, 3, "two"),
    ];
    assert_eq!(all, expected);
    let none = lead.receive(&[(1, Some(3)), (2, Some(3))]).await;
    assert_eq!(none.expect("an answer"), []);
}

async fn ask<T: redis::FromRedisValue>(redis: &Redis, words: &[&str]) -> T {
    let client = redis::Client::open(redis.url()).expect("a URL");
    let connection = client.get_multiplexed_async_connection().await;
    let mut call = redis::cmd(words[0]);
    call.arg(&words[1..]);
    call.query_async(&mut connection.expect("connected"))
        .await
        .expect("an answer")
}

#[tokio::test]
async fn every_key_expires() {
    let redis = Redis::start().await.expect("a Redis");
    let [mut lead, mut worker, _] = everyone(&redis).await;
    worker.send(0, b"frame").await.expect("sent");
    worker.leave_totals(b"totals").await.expect("sent");
    worker.beat(&State::default()).await.expect("an answer");
    lead.stop(1).await.expect("an answer");
    let keys: Vec<String> = ask(&redis, &["KEYS", "*"]).await;
    assert_eq!(keys.len(), 6, "{keys:?}");
    for key in keys {
        let left: i64 = ask(&redis, &["PTTL", &key]).await;
        assert!((3_000_000..=3_600_000).contains(&left), "{key}: {left}");
    }
}

/// A crashed process may be replaced before the start and not after it; a run of which nobody is
/// left makes room for the next one of its name.
#[tokio::test]
async fn the_silent_are_replaced_before_the_start_only() {
    let redis = Redis::start().await.expect("a Redis");
    let [mut lead, mut one, _lost] = everyone(&redis).await;
    one.send(0, b"old").await.expect("sent");
    for _ in 0..6 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        lead.beat(&State::default()).await.expect("an answer");
        one.beat(&State::default()).await.expect("an answer");
    }
    let ahead = Duration::from_secs(1);
    assert_eq!(lead.start(ahead).await.expect("an answer"), [2]);
    let second = |index| Newcomer {
        token: format!("second-{index}"),
        ..newcomer(index)
    };
    let mut replacement = join(&redis, &second(2)).await.expect("a replacement");
    assert_eq!(lead.start(ahead).await.expect("an answer"), [0; 0]);
    for _ in 0..6 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        replacement
            .beat(&State::default())
            .await
            .expect("an answer");
    }
    let error = refused(&redis, &second(1)).await;
    assert!(error.starts_with("the run has begun"), "{error}");
    assert!(
        replacement
            .beat(&State::default())
            .await
            .expect("an answer")
            .lead_silent
            > Some(ahead * 5)
    );
    tokio::time::sleep(Duration::from_secs(6)).await;
    let mut next = join(&redis, &second(0)).await.expect("the next run's lead");
    assert_eq!(
        next.beat(&State::default()).await.expect("an answer").start,
        None
    );
    assert_eq!(next.receive(&[(1, None)]).await.expect("an answer"), []);
    let error = one
        .beat(&State::default())
        .await
        .expect_err("it is another run");
    assert!(
        error.to_string().starts_with("the store has forgotten"),
        "{error}"
    );
}

/// The commands and keys that the manual lets the store's user have.
pub(crate) fn user_of_the_manual() -> Vec<String> {
    let manual = include_str!("../../../docs/distributed.md");
    let line = manual
        .lines()
        .find(|line| line.starts_with("ACL SETUSER loadtest "));
    let words = line.expect("the manual has an ACL").split_whitespace();
    words
        .map(|word| word.trim_matches('\'').to_owned())
        .collect()
}

#[tokio::test]
async fn the_user_of_the_manual_may_do_all_that_a_run_needs_and_no_more() {
    let redis = Redis::start().await.expect("a Redis");
    let words = user_of_the_manual();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let _: String = ask(&redis, &words).await;
    let path = redis.url().trim_start_matches("redis+unix://");
    let url = format!("redis+unix://{path}?user=loadtest&pass=SECRET");
    let as_user = async |newcomer: Newcomer| {
        let joined = Store::join(&url, "test", &newcomer).await;
        joined.expect("it has a place")
    };
    let mut lead = as_user(newcomer(0)).await;
    let mut one = as_user(newcomer(1)).await;
    let mut two = as_user(newcomer(2)).await;
    let state = State::default();
    lead.publish(Message::Briefing, b"b")
        .await
        .expect("allowed");
    one.published(Message::Briefing).await.expect("allowed");
    one.skew().await.expect("allowed");
    lead.start(Duration::from_secs(1)).await.expect("allowed");
    for store in [&mut lead, &mut one, &mut two] {
        store.beat(&state).await.expect("allowed");
    }
    lead.roll().await.expect("allowed");
    one.send(3, b"second").await.expect("allowed");
    one.send(3, b"second").await.expect("allowed");
    lead.receive(&[(1, None)]).await.expect("allowed");
    lead.stop(1).await.expect("allowed");
    lead.cut().await.expect("allowed");
    one.leave_totals(b"totals").await.expect("allowed");
    lead.totals_of(1).await.expect("allowed");
    let over = Over {
        code: 0,
        reason: String::new(),
    };
    lead.over(&over).await.expect("allowed");
    one.leave().await.expect("allowed");
    let client = redis::Client::open(&*url).expect("a URL");
    let connection = client.get_multiplexed_async_connection().await;
    let mut connection = connection.expect("connected");
    for words in [&["KEYS", "*"][..], &["GET", "other"], &["FLUSHALL"]] {
        let mut call = redis::cmd(words[0]);
        call.arg(&words[1..]);
        let refused: Result<redis::Value, _> = call.query_async(&mut connection).await;
        let refused = refused.expect_err("not allowed").to_string();
        assert!(
            refused.contains("NOPERM") || refused.contains("permissions"),
            "{refused}"
        );
    }
}
