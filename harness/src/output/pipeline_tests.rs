use std::collections::BTreeSet;

use parking_lot::Mutex;

use super::super::destination::Writing;
use super::*;

/// A database that says no to some numbers, and to more rows than it takes at once.
#[derive(Debug, Clone, Default)]
struct Picky {
    bad: BTreeSet<i64>,
    most: usize,
    taken: Arc<Mutex<BTreeSet<i64>>>,
    writes: Arc<Mutex<u32>>,
}

impl Output for Picky {
    fn write<'a>(&'a mut self, points: &'a [Point]) -> Writing<'a> {
        Box::pin(async move {
            *self.writes.lock() += 1;
            if points.len() > self.most {
                return Err(WriteError::TooMuch("413".to_owned()));
            }
            if let Some(bad) = points
                .iter()
                .find(|point| self.bad.contains(&point.time_ns))
            {
                return Err(WriteError::Split(format!(
                    "field of {} is bad",
                    bad.time_ns
                )));
            }
            self.taken
                .lock()
                .extend(points.iter().map(|point| point.time_ns));
            Ok(())
        })
    }
}

/// A database that never answers.
struct Silent;

impl Output for Silent {
    fn write<'a>(&'a mut self, _points: &'a [Point]) -> Writing<'a> {
        Box::pin(std::future::pending())
    }
}

fn batch(numbers: Range<i64>) -> Batch {
    let point = |number| {
        Point::new("m", number)
            .tag("t", "x".repeat(100))
            .int("n", 1)
    };
    Arc::new(numbers.map(point).collect())
}

fn spool(dir: &tempfile::TempDir) -> Spool {
    Spool::new(dir.path().join("spool.lp"))
}

fn never() -> CancellationToken {
    CancellationToken::new()
}

/// The time that an output has at the end, and that it has none when somebody is in a hurry.
#[tokio::test(start_paused = true)]
async fn what_is_not_taken_in_time_is_put_by() {
    for (in_a_hurry, seconds) in [(false, 10), (true, 0)] {
        let dir = tempfile::tempdir().expect("a directory");
        let hurry = never();
        let output = Box::new(Silent);
        let mut pipe = Pipe::start("o".to_owned(), output, spool(&dir), 0, hurry.clone());
        pipe.send(&batch(0..100));
        if in_a_hurry {
            hurry.cancel();
        }
        let start = Instant::now();
        let account = pipe.close().await;
        assert_eq!(start.elapsed(), Duration::from_secs(seconds));
        assert_eq!((account.spooled, account.lost), (100, 0), "{account:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn only_bad_rows_are_lost_and_too_many_are_sent_in_parts() {
    let dir = tempfile::tempdir().expect("a directory");
    let output = Picky {
        bad: [7, 90].into(),
        most: 30,
        ..Picky::default()
    };
    let mut pipe = Pipe::start(
        "o".to_owned(),
        Box::new(output.clone()),
        spool(&dir),
        0,
        never(),
    );
    pipe.send(&batch(0..100));
    pipe.send(&batch(100..120));
    let account = pipe.close().await;
    let rows = (
        account.produced,
        account.delivered,
        account.spooled,
        account.lost,
    );
    assert_eq!(rows, (120, 118, 0, 2), "{account:?}");
    assert_eq!(account.error.as_deref(), Some("field of 90 is bad"));
    let expected: BTreeSet<i64> = (0..120).filter(|n| ![7, 90].contains(n)).collect();
    assert_eq!(*output.taken.lock(), expected);
    assert!(*output.writes.lock() < 40, "halves, not single rows");
}

/// Whatever stands before the database takes not even one row: none is lost, and each is put by once.
#[tokio::test(start_paused = true)]
async fn a_row_that_is_too_much_alone_is_put_by() {
    let dir = tempfile::tempdir().expect("a directory");
    let output = Box::new(Picky::default());
    let mut pipe = Pipe::start("o".to_owned(), output, spool(&dir), 0, never());
    pipe.send(&batch(0..9));
    let account = pipe.close().await;
    let rows = (account.delivered, account.spooled, account.lost);
    assert_eq!(rows, (0, 9, 0), "{account:?}");
    assert_eq!(account.error.as_deref(), Some("413"));
    let path = account.spool.expect("a file");
    let kept = super::super::spool::lines(path.as_ref()).expect("a file");
    assert_eq!((kept.whole.len(), kept.torn), (9, 0));
}

/// What waits is bounded by what it weighs, however few batches it is.
#[tokio::test(start_paused = true)]
async fn what_waits_is_bounded_by_bytes() {
    let dir = tempfile::tempdir().expect("a directory");
    let weight = Piece::whole(batch(0..100)).weight();
    assert!(weight > 100 * 100, "at least the tags' texts: {weight}");
    let mut pump = Pump::new("o".to_owned(), Box::new(Silent), spool(&dir), never());
    pump.most_pending = 3 * weight;
    let (sender, receiver) = mpsc::channel(CHANNEL);
    for number in 0..10 {
        sender
            .try_send(batch(number * 100..number * 100 + 100))
            .expect("room");
    }
    let lines = || {
        let text = std::fs::read_to_string(dir.path().join("spool.lp")).unwrap_or_default();
        text.lines().count()
    };
    let pump = tokio::spawn(pump.run(receiver));
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(lines(), 700, "three batches wait, and seven are put by");
    drop(sender);
    let account = pump.await.expect("it ends");
    assert_eq!(
        (account.spooled, account.lost, lines()),
        (1_000, 0, 1_000),
        "{account:?}"
    );
}
