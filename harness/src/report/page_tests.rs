//! What a page says of made-up runs.

use super::series::{Row, Second, Series, Slow, Tags};
use super::summary::{ScenarioRow, Summary};
use super::tests::result;
use super::*;
use crate::metrics::{Encoded, Trend};

/// The page and the Markdown of a summary and its seconds.
fn written(of: Summary, seconds: Vec<Second>) -> [String; 2] {
    let mut series = Series::default();
    series.head.run_id.clone_from(&of.run.id);
    series.seconds = seconds;
    let document = Document::new(of, series).expect("they fit");
    let mut texts = [const { Vec::new() }; 2];
    let [page, markdown] = &mut texts;
    write_html(&document, page).expect("memory");
    write_markdown(&document, markdown).expect("memory");
    texts.map(|text| String::from_utf8(text).expect("text"))
}

/// A row of requests with this status that took `ms` each.
fn requests(name: &str, status: &str, count: u32, ms: u64) -> Row<Encoded> {
    let mut trend = Trend::default();
    (0..count).for_each(|_| trend.record(Duration::from_millis(ms)));
    let failed = !status.starts_with('2');
    let tags = [
        ("scenario", "default"),
        ("persona", "impulse_buyer"),
        ("name", name),
        ("method", "POST"),
        ("status", status),
        ("stage", "hold"),
        ("expected_response", if failed { "false" } else { "true" }),
    ];
    Row {
        metric: "http_req_duration".to_owned(),
        tags: tags
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect(),
        value: Encoded::whole(&trend),
    }
}

/// The second from `n` to `n + 1`.
fn second(n: u64, trends: Vec<Row<Encoded>>) -> Second {
    let gauge = |metric: &str, value| Row {
        metric: metric.to_owned(),
        tags: Tags::new(),
        value,
    };
    Second {
        elapsed_ms: (n + 1) * 1_000,
        length_ms: 1_000,
        stage: "hold".to_owned(),
        trends,
        gauges: vec![gauge("vus", 3.0), gauge("vus_target", 40.0)],
        ..Second::default()
    }
}

#[test]
fn a_run_is_titled_by_its_name_and_never_by_what_it_has_instead_of_one() {
    let mut summary = summary(&result());
    assert_eq!(summary.run.profile, "custom");
    let titled = |summary: &Summary| written(summary.clone(), Vec::new());
    let [page, markdown] = titled(&summary);
    assert!(page.contains("</span> 5 VUs for 10s</h1>"), "{page}");
    assert!(markdown.contains("FAIL · 5 VUs for 10s\n"), "{markdown}");
    summary.run.name = Some("evening".to_owned());
    let [page, markdown] = titled(&summary);
    assert!(page.contains("</span> evening</h1>") && page.contains("<title>FAIL · evening · "));
    assert!(markdown.contains("FAIL · evening\n"));
}

#[test]
fn what_was_not_measured_or_checked_is_no_zero() {
    let mut summary = summary(&result());
    summary.invariants.clear();
    summary.checks.clear();
    let [page, markdown] = written(summary, Vec::new());
    let tile = "<span class=\"label\">p95</span><b>no requests</b>";
    assert!(
        page.contains(tile) && !page.contains("<b>0.00 ms"),
        "{page}"
    );
    for said in [
        "| no requests | no requests |",
        "**Invariants**: none was checked.",
        "**Checks**: none was checked.",
    ] {
        assert!(markdown.contains(said), "{said} in {markdown}");
    }
    assert!(!markdown.contains("0 of 0"), "{markdown}");
}

#[test]
fn a_rate_wants_iterations_and_no_number_of_vus() {
    let mut summary = summary(&result());
    summary.run.vus_max = 40;
    let seconds = || vec![second(0, vec![requests("5_create_order", "201", 9, 5)])];
    let [closed, _] = written(summary.clone(), seconds());
    assert!(closed.contains("3 active\n40 wanted") && closed.contains("</i>target</li>"));
    summary.run.model = "open".to_owned();
    let [open, _] = written(summary, seconds());
    assert!(
        open.contains("<p>active, of 40 that there are</p>"),
        "{open}"
    );
    assert!(!open.contains("40 wanted") && !open.contains("</i>target</li>"));
}

#[test]
fn every_unexpected_answer_is_shown() {
    let mut summary = summary(&result());
    let rows = (500..530).map(|status| FailureRow {
        name: "5_create_order".to_owned(),
        status,
        sample: format!("body of {status}"),
    });
    summary.failures = rows.collect();
    let failing = vec![requests("5_create_order", "500", 9, 5)];
    summary.thresholds[0].expression = "http_req_failed: rate<0.01".to_owned();
    let [page, markdown] = written(summary, vec![second(0, failing)]);
    let shown = (500..530).filter(|status| page.contains(&format!("body of {status}")));
    assert_eq!(shown.count(), 30);
    let shown = (500..530).filter(|status| markdown.contains(&format!("body of {status}")));
    assert_eq!(shown.count(), 20);
    assert!(markdown.contains("_and 10 more requests and statuses, in report.html_"));
}

/// A chart of a page by its title, up to the next one.
fn chart<'a>(page: &'a str, title: &str) -> &'a str {
    let (_, after) = page.split_once(&format!("<h3>{title}</h3>")).expect(title);
    after.split("</figure>").next().expect("a part")
}

#[test]
fn failures_are_counted_by_request_and_status_and_lie_on_the_time_axis() {
    let seconds = vec![
        second(0, vec![requests("5_create_order", "201", 6, 5)]),
        second(
            1,
            vec![
                requests("5_create_order", "500", 3, 5),
                requests("0_get_userId", "0", 1, 5),
            ],
        ),
        second(2, vec![requests("5_create_order", "500", 1, 5)]),
        second(3, vec![requests("0_get_userId", "200", 9, 5)]),
    ];
    let [page, _] = written(summary(&result()), seconds);
    let (_, table) = page.split_once("<h2>Failures</h2>").expect("a section");
    let (table, _) = table.split_once("</table>").expect("a table");
    let order = table.find("5_create_order").expect("a row");
    let user = table.find("0_get_userId").expect("a row");
    assert!(order < user, "the most frequent first");
    for said in [
        "<td class=\"n failed-cell\" data-l=\"count\">4</td>",
        "<td class=\"n\" data-l=\"of its requests\">40.0 %</td>",
        "<td class=\"n\" data-l=\"of all failures\">80.0 %</td>",
        "<td data-l=\"status\">no answer</td>",
        "<title>4 from 1s to 3s, at most 3 in a second</title>",
        "M250.0 0.0h225.0v28.0h-225.0zM500.0 18.7h225.0v9.3h-225.0z",
        "Internal\u{241b}[31m Server Error",
    ] {
        assert!(table.contains(said), "{said} in {table}");
    }
    let [none, _] = written(summary(&result()), Vec::new());
    assert!(
        none.contains("<h2>Failures</h2>"),
        "an unexpected answer is known"
    );
}

/// Two seconds at a rate of 10: what ends in the first one, what is under way, what is dropped.
#[test]
fn what_started_at_a_rate_is_what_ended_and_what_is_under_way() {
    let mut summary = summary(&result());
    summary.run.model = "open".to_owned();
    summary.run.stages[0].load = "10/s".to_owned();
    summary.run.dropped_iterations = 2;
    let mut seconds = vec![second(0, vec![]), second(1, vec![])];
    let mut delay = requests("x", "201", 4, 20);
    delay.metric = "iteration_start_delay".to_owned();
    seconds[0].trends = vec![delay.clone(), requests("5_create_order", "201", 4, 5)];
    seconds[1].trends = vec![delay];
    seconds[1].gauges[0].value = 7.0;
    seconds[1].counters = vec![Row {
        metric: "dropped_iterations".to_owned(),
        tags: Tags::new(),
        value: 2,
    }];
    let [page, _] = written(summary, seconds);
    let rate = chart(&page, "Iterations of the rate");
    assert!(
        rate.contains("120 scheduled = 100 started + 20 dropped"),
        "{rate}"
    );
    assert!(
        rate.contains("10 scheduled/s\n7 started/s\n0 dropped/s"),
        "{rate}"
    );
    assert!(
        rate.contains("10 scheduled/s\n8 started/s\n2 dropped/s"),
        "{rate}"
    );
    let delay = chart(&page, "Start delay");
    assert!(delay.contains("p50 20.0 ms\np95 20.0 ms"), "{delay}");
}

#[test]
fn each_request_has_its_p95_over_time_with_its_own_threshold() {
    let order = |ms| requests("5_create_order", "201", 6, ms);
    let user = || requests("0_get_userId", "200", 6, 3);
    let seconds = vec![
        second(0, vec![order(15), user(), requests("init", "200", 1, 900)]),
        second(1, vec![order(25)]),
        second(2, vec![order(25), user()]),
    ];
    let [page, _] = written(summary(&result()), seconds);
    let order = chart(&page, "5_create_order");
    assert!(
        order.contains("p95 15.0 ms") && order.contains("p95 25.0 ms"),
        "{order}"
    );
    assert!(
        order.contains("class=\"limit\"") && order.contains("p(95)&#60;20</text>"),
        "{order}"
    );
    let user = chart(&page, "0_get_userId");
    assert!(
        user.contains("p95 3.00 ms") && !user.contains("class=\"limit\""),
        "{user}"
    );
    assert!(user.contains("no requests"), "{user}");
    assert!(
        !page.contains("<h3>init</h3>"),
        "what was sent once has no course"
    );
}

/// The red is where the threshold was crossed, over the time of all charts.
#[test]
fn bad_seconds_lie_behind_the_charts() {
    let slow = |at_ms| {
        let row = requests("5_create_order", "201", 1, 900);
        Slow {
            tags: row.tags,
            duration: 900.0,
            at_ms,
            vu: 1,
            server: std::collections::BTreeMap::new(),
        }
    };
    let order = |n, ms| second(n, vec![requests("5_create_order", "201", 6, ms)]);
    let seconds = |slowest| {
        let bad = Second {
            slowest,
            ..order(1, 900)
        };
        vec![order(0, 5), bad, order(2, 5), order(3, 5)]
    };
    let mut summary = summary(&result());
    let rows = summary.thresholds.iter_mut();
    for row in rows.filter(|row| row.expression.contains("5_create_order")) {
        (row.ok, row.actual) = (false, Some(900.0));
    }
    let [page, _] = written(summary.clone(), seconds(vec![slow(2_000)]));
    let behind = "<path class=\"mark bad-seconds\" d=\"M250.0 0.0h250.0v220.0h-250.0z\"/>";
    let response = chart(&page, "Response time");
    assert!(response.contains(behind), "{response}");
    assert!(response.contains("bad seconds</li>"), "{response}");
    let vus = chart(&page, "Virtual users");
    assert!(vus.contains("M250.0 0.0h250.0v150.0h-250.0z"), "{vus}");
    let [page, _] = written(summary, seconds(vec![]));
    let response = chart(&page, "Response time");
    assert!(!response.contains("bad-seconds"), "{response}");
}

#[test]
fn several_scenarios_have_their_own_rows_and_stages() {
    let mut summary = summary(&result());
    let row = |name: &str| ScenarioRow {
        name: name.to_owned(),
        executor: "constant-vus".to_owned(),
        ..ScenarioRow::default()
    };
    summary.run.scenarios = vec![row("browse"), row("buy")];
    let stage = |scenario: &str, start_ms, load: &str| StageRow {
        name: "hold".to_owned(),
        start_ms,
        end_ms: 2_000,
        load: load.to_owned(),
        scenario: Some(scenario.to_owned()),
        ..StageRow::default()
    };
    summary.run.stages = vec![stage("browse", 0, "10"), stage("buy", 1_000, "5/s")];
    summary.run.duration_ms = 2_000;
    let of = |scenario: &str, status: &str, ms| {
        let mut row = requests("5_create_order", status, 4, ms);
        row.tags.insert("scenario".to_owned(), scenario.to_owned());
        row
    };
    let mut iterations = of("buy", "201", 90);
    iterations.metric = "iteration_duration".to_owned();
    let trends = vec![of("browse", "201", 5), of("buy", "500", 70), iterations];
    let [page, _] = written(summary, vec![second(0, vec![]), second(1, trends)]);
    let (_, table) = page.split_once("<h3>By scenario</h3>").expect("a table");
    let (table, after) = table.split_once("</table>").expect("a table");
    let (_, buy) = table.split_once("<th>buy</th>").expect("a row");
    for (label, value) in [("requests", "4"), ("p95", "70.0"), ("iterations", "4")] {
        let cell = format!("data-l=\"{label}\">{value}</td>");
        assert!(buy.contains(&cell), "{cell} in {buy}");
    }
    assert!(buy.contains(">4 (100 %)</td>"), "{buy}");
    assert!(after.contains("<th>browse: hold</th>") && after.contains("<th>buy: hold</th>"));
    assert!(
        page.contains("<title>hold: 10 VUs, from 0s to 2s</title>"),
        "{page}"
    );
    assert!(page.contains("<title>hold: 5/s, from 1s to 2s</title>"));
}

#[test]
fn phases_are_recorded_and_drawn() {
    let tick = |snapshot: &Snapshot| {
        let tick = crate::sampler::Tick {
            elapsed: Duration::from_secs(1),
            time_ms: 0,
            stage: "hold",
            stages: &[0],
            target: 1,
            second: snapshot,
            total: snapshot,
        };
        Second::of(&tick, &crate::health::Health::default())
    };
    let mut snapshot = result().snapshot;
    let (_, series) = snapshot.requests.iter_mut().next().expect("a series");
    let count = series.count();
    for _ in 0..count {
        series.record(crate::metrics::Phase::Blocked, Duration::from_millis(9));
        series.record(crate::metrics::Phase::Connecting, Duration::from_millis(4));
    }
    let second = tick(&snapshot);
    let of = |metric: &str| {
        let rows = second.trends.iter().filter(|row| row.metric == metric);
        rows.map(|row| row.value.sum).sum::<f64>()
    };
    assert_eq!(of("http_req_blocked"), 9.0 * count as f64);
    assert_eq!(of("http_req_receiving"), 0.0);
    let all = 90.0 * 10.0 + 10.0 * 250.0;
    assert_eq!(of("http_req_waiting"), all);
    let [page, _] = written(summary(&result()), vec![second]);
    let phases = chart(&page, "Phases over time");
    let mean = |sum: f64| crate::format::ms_unit(sum / 100.0);
    let blocked = format!("blocked {}", mean(5.0 * count as f64));
    assert!(phases.contains(&blocked), "{blocked} in {phases}");
    assert!(
        phases.contains(&format!("waiting {}", mean(all))),
        "{phases}"
    );
}

#[test]
fn a_failed_page_says_what_to_look_at_first() {
    let mut summary = summary(&result());
    summary.run.started_at = "2026-11-28T18:49:38Z".to_owned();
    let seconds = || {
        vec![
            second(0, vec![requests("5_create_order", "201", 6, 5)]),
            second(1, vec![requests("5_create_order", "500", 3, 5)]),
        ]
    };
    let [page, _] = written(summary.clone(), seconds());
    let now = |page: &str| {
        let (_, now) = page.split_once("<b>What now</b> ").expect("it is said");
        now.split("</p>").next().expect("a part").to_owned()
    };
    let broken = now(&page);
    assert!(
        broken.ends_with("<a href=\"#invariants\">Invariants</a>"),
        "{broken}"
    );
    summary.invariants.clear();
    let [page, markdown] = written(summary.clone(), seconds());
    let log = "Look in the server&#39;s log for 5_create_order from 18:49:39 to 18:49:40 UTC: 3 of 9 were answered 500.";
    assert_eq!(
        now(&page),
        format!("{log} <a href=\"#failures\">Failures</a>")
    );
    assert!(page.contains("<section id=\"failures\">"));
    assert!(markdown.contains("**What now**: Look in the server's log for 5\\_create\\_order"));
    summary.verdict = crate::threshold::Verdict::Pass;
    let [page, _] = written(summary, seconds());
    assert!(!page.contains("What now"));
}

#[test]
fn a_page_has_the_file_that_its_command_needs() {
    let mut result = result();
    let file = "name = \"evening\"\nvus = 20\n".to_owned();
    result.config.file = Some(file.clone());
    let summary = summary(&result);
    assert_eq!(summary.run.file.as_ref(), Some(&file));
    let [page, _] = written(summary, Vec::new());
    assert!(
        page.contains("<pre>name = &#34;evening&#34;\nvus = 20\n</pre>"),
        "{page}"
    );
}

#[test]
fn a_reason_keeps_its_numbers_and_units_on_one_line() {
    let mut summary = summary(&result());
    summary.reasons = vec!["1 of 9 was odd, more than 5 %: look\r\n  at it".to_owned()];
    let [page, _] = written(summary, Vec::new());
    assert!(
        page.contains("more than 5\u{a0}%: look at it</li>"),
        "{page}"
    );
}

/// How bright a colour such as `#2a5fb4` is, as WCAG 2.1 has it.
fn luminance(colour: &str) -> f64 {
    let digits: Vec<u32> = colour
        .chars()
        .filter_map(|digit| digit.to_digit(16))
        .collect();
    let channels: Vec<u32> = match digits.len() {
        3 => digits.iter().map(|digit| digit * 17).collect(),
        _ => digits
            .chunks(2)
            .map(|pair| pair[0] * 16 + pair[1])
            .collect(),
    };
    let linear = channels.iter().map(|channel| {
        let share = f64::from(*channel) / 255.0;
        match share <= 0.040_45 {
            true => share / 12.92,
            false => ((share + 0.055) / 1.055).powf(2.4),
        }
    });
    linear
        .zip([0.2126, 0.7152, 0.0722])
        .map(|(light, weight)| light * weight)
        .sum()
}

/// WCAG 2.1 wants 3:1 of what a chart is drawn with.
#[test]
fn colours_of_charts_stand_out_in_every_theme() {
    let style = include_str!("../../templates/report.css");
    let themes: Vec<&str> = style
        .split(":root{")
        .skip(1)
        .filter_map(|theme| theme.split('}').next())
        .collect();
    assert_eq!(themes.len(), 3, "light, dark and on paper");
    for theme in themes {
        let colours: std::collections::BTreeMap<&str, f64> = theme
            .split([';', '\n'])
            .filter_map(|line| line.trim().strip_prefix("--")?.split_once(':'))
            .filter(|(_, colour)| colour.starts_with('#'))
            .map(|(name, colour)| (name, luminance(colour)))
            .collect();
        let drawn = colours.iter().filter(|(name, _)| {
            let of_charts = ["p50", "p95", "p99", "sla", "bad", "rate", "rest"];
            name.starts_with("part") || of_charts.contains(name)
        });
        let drawn: Vec<_> = drawn.collect();
        assert_eq!(drawn.len(), 15, "{colours:?}");
        for (name, colour) in drawn {
            for behind in ["card", "odd"] {
                let (dark, light) = (colour.min(colours[behind]), colour.max(colours[behind]));
                let contrast = (light + 0.05) / (dark + 0.05);
                assert!(contrast >= 3.0, "{name} on {behind}: {contrast:.2}");
            }
        }
    }
}
