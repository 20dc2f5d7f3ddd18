use super::super::series::Tags;
use super::*;

fn row(metric: &str, of: &str, value: f64) -> Row<f64> {
    let mut tags = Tags::from([("probe".to_owned(), "db".to_owned())]);
    if !of.is_empty() {
        tags.insert("of".to_owned(), of.to_owned());
    }
    Row {
        metric: metric.to_owned(),
        tags,
        value,
    }
}

/// Whole seconds with these rows.
fn seconds(rows: &[&[(&str, &str, f64)]]) -> Vec<Second> {
    let second = |(at, rows): (u64, &&[(&str, &str, f64)])| Second {
        elapsed_ms: (at + 1) * 1_000,
        length_ms: 1_000,
        probes: rows
            .iter()
            .map(|(metric, of, value)| row(metric, of, *value))
            .collect(),
        ..Second::default()
    };
    (0..).zip(rows).map(second).collect()
}

const SLOW: [Span; 1] = [Span {
    from: 4_300.0,
    to: 6_100.0,
}];

#[test]
fn a_second_is_bad_if_a_slow_request_took_half_of_it_or_half_of_itself() {
    let seconds = seconds(&[&[][..]; 8]);
    let marks = |spans: &[Span]| -> String {
        let letter = |second| match mark(second, spans) {
            Mark::Good => 'g',
            Mark::Bad => 'b',
            Mark::Neither => 'n',
        };
        seconds.iter().map(letter).collect()
    };
    assert_eq!(marks(&SLOW), "ggggbbng");
    let short = Span {
        from: 2_900.0,
        to: 3_300.0,
    };
    assert_eq!(marks(&[short]), "ggnbgggg");
    assert_eq!(marks(&[]), "gggggggg");
    assert_eq!(bad(&seconds, &SLOW), [(4_000, 6_000)]);
    assert_eq!(bad(&seconds, &[SLOW[0], short]), [(3_000, 6_000)]);
    let early = Span {
        from: 100.0,
        to: 900.0,
    };
    assert_eq!(
        bad(&seconds, &[SLOW[0], early]),
        [(0, 1_000), (4_000, 6_000)]
    );
    assert_eq!(bad(&seconds, &[]), []);
}

/// A steady series, and what is known to make requests wait.
#[test]
fn what_is_known_comes_before_what_only_changed() {
    let calm: &[(&str, &str, f64)] = &[
        ("made_up", "", 10.0),
        ("hikaricp_connections_pending", "pool=main", 0.0),
        ("steady", "", 3.0),
    ];
    let slow: &[(&str, &str, f64)] = &[
        ("made_up", "", 900.0),
        ("hikaricp_connections_pending", "pool=main", 212.0),
        ("steady", "", 3.0),
        ("postgres_waits", "IO:DataFileRead", 7.0),
    ];
    let seconds = seconds(&[calm, calm, calm, calm, slow, slow, calm, calm]);
    let stores = stores(&seconds, &SLOW, false).expect("something changed");
    assert_eq!(stores.seconds, (2, 5));
    let told: Vec<_> = stores.suspects.iter().map(Suspect::words).collect();
    assert_eq!(
        told,
        [
            "threads that wait for a connection of the pool pool=main 0 → 212 (db)",
            "made_up 10 → 900 (db)",
            "sessions that wait for IO:DataFileRead 0 → 7 (db)",
        ]
    );
    let cause = stores.first_cause().expect("a pool");
    assert!(
        cause.starts_with("a full connection pool: threads"),
        "{cause}"
    );
    let sentences = stores.sentences();
    assert!(
        sentences[0]
            .starts_with("Known to make requests wait, in 2 bad seconds against 5 good ones")
    );
    assert!(sentences[1].contains("by chance: made_up"), "{sentences:?}");
    assert!(sentences[2].starts_with("What now: look for what keeps a connection long"));
}

#[test]
fn what_is_always_so_is_blamed_only_where_it_makes_requests_wait_by_itself() {
    let always: &[(&str, &str, f64)] = &[
        ("host_cpu_busy_percent", "", 100.0),
        ("hikaricp_connections_pending", "pool=main", 9.0),
    ];
    let seconds = seconds(&[always; 4]);
    let all = [Span {
        from: 0.0,
        to: 4_000.0,
    }];
    let told = stores(&seconds, &all, false).expect("a full pool");
    assert_eq!(told.suspects.len(), 1);
    assert_eq!(told.suspects[0].trouble, Some(Trouble::Pool));
    // With good seconds in which it was the same, it is no reason.
    assert_eq!(
        stores(
            &seconds,
            &[Span {
                from: 0.0,
                to: 900.0
            }],
            false
        ),
        None
    );
}

#[test]
fn noise_blames_nobody() {
    let noise = |n: u64| ((n * 7_919) % 101) as f64;
    let rows: Vec<Vec<(&str, &str, f64)>> = (0..30)
        .map(|n| {
            vec![
                ("postgres_lock_waits", "", f64::from(n % 3 == 0)),
                ("postgres_commits", "", 100.0 + noise(n)),
                ("made_up", "", noise(n)),
                ("redis_command_us", "GET", 40.0 + noise(n + 3)),
                ("host_cpu_busy_percent", "", 60.0 + noise(n) / 4.0),
            ]
        })
        .collect();
    let rows: Vec<&[_]> = rows.iter().map(Vec::as_slice).collect();
    let mut seconds = seconds(&rows);
    for second in &mut seconds {
        second.probe_words = vec![row("postgres_blocked_by", "somebody", 0.02)];
    }
    for begin in 0..28 {
        let from = f64::from(begin) * 1_000.0;
        let told = stores(
            &seconds,
            &[Span {
                from,
                to: from + 2_000.0,
            }],
            false,
        );
        let cause = told.as_ref().and_then(Stores::first_cause);
        assert_eq!(cause, None, "{told:?}");
    }
}

#[test]
fn who_holds_a_lock_is_told_and_who_holds_it_for_long_is_the_cause() {
    let calm: &[(&str, &str, f64)] = &[("postgres_lock_waits", "", 0.0)];
    let slow: &[(&str, &str, f64)] = &[("postgres_lock_waits", "", 41.0)];
    let mut seconds = seconds(&[calm, calm, calm, calm, slow, slow, calm, calm]);
    for (held, expected) in [
        (0.1, None),
        (
            2.5,
            Some("a lock: sessions that wait for a lock 0 → 41 (db); held by `LOCK TABLE orders`"),
        ),
    ] {
        seconds[5].probe_words = vec![row("postgres_blocked_by", "`LOCK TABLE orders`", held)];
        let stores = stores(&seconds, &SLOW, false).expect("something changed");
        assert_eq!(stores.first_cause().as_deref(), expected);
    }
    // A generator that stood still saw what it saw too late.
    let stores = stores(&seconds, &SLOW, true).expect("something changed");
    assert_eq!(stores.first_cause(), None);
}

#[test]
fn a_slow_command_is_told_of_when_it_is_over() {
    let calm: &[(&str, &str, f64)] = &[("redis_clients", "", 5.0)];
    let mut seconds = seconds(&[calm; 8]);
    seconds[6].probe_words = vec![row("redis_slow_command_ms", "`DEBUG SLEEP`", 1_500.0)];
    let stores = stores(&seconds, &SLOW, false).expect("a slow command");
    let cause = stores.first_cause().expect("a slow command");
    assert_eq!(
        cause,
        "a slow command: slow command `DEBUG SLEEP` 1,500 ms (db)"
    );
}

#[test]
fn quantiles_are_values_that_there_were() {
    let of = |share| quantile(vec![4.0, 1.0, 3.0, 2.0], share);
    assert_eq!(
        [of(0.0), of(0.5), of(0.75), of(1.0)],
        [1.0, 2.0, 3.0, 4.0].map(Some)
    );
    assert_eq!(quantile(vec![], 0.5), None);
}
