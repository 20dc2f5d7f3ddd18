//! Every panel, variable and annotation of every dashboard finds data: two real runs are written
//! to a real InfluxDB, and every query is asked there as Grafana would ask it.

use harness::sampler::now_ms;
use serde_json::Value;
use testbed::Influx;

use crate::dashboards::{Kind, queries, substituted};
use crate::influx::query;
use crate::program::{Run, stack};

/// Both models, for some panels are about one of them.
const LOAD: &str = r#"
    coupons = 20
    coupon_wait = "100ms"

    [[scenario]]
    name = "visitors"
    stages = ["up=1s:12", "hold=4s:12"]
    mix = "a=2,b=1,c=1"

    [[scenario]]
    name = "arrivals"
    rate = "10/s"
    duration = "4s"
    max_vus = 10
    tags = { team = "checkout" }
"#;

/// Values that aren't null, but for the time's column, of all series.
fn values(series: &[Value]) -> usize {
    let rows = series
        .iter()
        .filter_map(|series| series["values"].as_array())
        .flatten();
    rows.filter_map(Value::as_array)
        .flat_map(|row| row.iter().skip(1))
        .filter(|value| !value.is_null())
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_panel_says_no_data() {
    let influx = Influx::start(false).await.expect("InfluxDB starts");
    let base = influx.base_url();
    let stack = stack().await;
    let from = now_ms() - 5_000;
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), LOAD).expect("it can be written");
    let mut runs = Vec::new();
    for _ in 0..2 {
        let args = format!(
            "--config {} --out influxdb={base}/loadtest --probe postgres={} --probe redis={} \
             --probe host --probe server=prometheus={}/metrics?match=database_pool*",
            file.path().display(),
            stack.postgres().url(),
            stack.redis().url(),
            stack.base_url()
        );
        let ran = Run::against(stack.base_url(), &args).finish().await;
        // A machine under test may be too slow for the SLA or the rate; the panels have data all
        // the same.
        assert!(
            [0, 97, 99].contains(&ran.code),
            "{}\n{}",
            ran.stdout,
            ran.stderr
        );
        runs.push(ran.summary["run"]["id"].as_str().expect("an id").to_owned());
    }
    let to = now_ms() + 5_000;
    let all = ".*";
    let chosen = [
        ("run", runs[1].as_str()),
        ("run_a", runs[0].as_str()),
        ("run_b", runs[1].as_str()),
        ("scenario", all),
        ("name", all),
    ];
    let (mut asked, mut empty) = (0, Vec::new());
    for one in queries() {
        for interval_ms in [1_000, 10_000] {
            let text = substituted(&one, &chosen, from, to, interval_ms);
            let series = query(&base, "loadtest", &text).await;
            asked += 1;
            if values(&series) == 0 {
                empty.push(format!(
                    "{:?} '{}' of {}: {text}",
                    one.kind, one.title, one.dashboard
                ));
            }
        }
    }
    assert!(
        empty.is_empty(),
        "{} of {asked} found nothing:\n{}",
        empty.len(),
        empty.join("\n")
    );
    assert!(
        queries().iter().any(|one| one.kind == Kind::Annotation),
        "annotations are asked too"
    );
}
