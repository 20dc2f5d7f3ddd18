//! The report of every kind of run on a phone, a tablet and a desk, by day and by night.

use crate::browser::{Scheme, measure};
use crate::program::{Run, stack};

/// Two scenarios, of which one is a rate.
const SEVERAL: &str = "\
[[scenario]]
name = \"browse\"
vus = 3
duration = \"2s\"
[[scenario]]
name = \"rush\"
start_time = \"1s\"
stages = [\"up=1s:20/s\"]
max_vus = 10
";

/// Every kind of run: what it is called here, its flags, and its exit code.
const RUNS: [(&str, &str, i32); 7] = [
    ("pass", "--vus 5 --duration 2s --sla p(95)<5000", 0),
    (
        "fail",
        "--stage up=1s:5 --stage hold=1s:5 --mix a=60,b=20,c=20 --sla p(95)<0.01",
        99,
    ),
    ("invalid", "--rate 500/s --max-vus 1 --duration 1s", 97),
    ("several scenarios", "--sla p(95)<5000", 0),
    (
        "rate",
        "--rate 30/s --max-vus 30 --duration 2s --sla p(95)<5000",
        0,
    ),
    ("second", "--vus 2 --duration 1s --sla p(95)<5000", 0),
    ("half fail", "--vus 5 --duration 1s --http-timeout 2ms", 99),
];

/// The page that a run leaves.
async fn page(mut run: Run, (name, code): (&str, i32)) -> String {
    let child = run.command.spawn().expect("the program starts");
    let (ran, reports) = run.wait_keeping_reports(child).await;
    assert_eq!(ran.code, code, "{name}: {}\n{}", ran.stdout, ran.stderr);
    let page = reports.path().join("latest/report.html");
    std::fs::read_to_string(page).expect("a report")
}

async fn pages() -> Vec<(&'static str, String)> {
    let stack = stack().await;
    let folder = tempfile::tempdir().expect("a directory");
    let several = folder.path().join("several.toml");
    std::fs::write(&several, SEVERAL).expect("writable");
    let mut pages = Vec::new();
    for (name, args, code) in RUNS {
        let mut run = Run::against(stack.base_url(), args);
        run.command.args(["--coupon-wait", "50ms"]);
        if name == "several scenarios" {
            run.command.arg("--config").arg(&several);
        }
        pages.push((name, page(run, (name, code)).await));
    }
    let nobody = Run::new("--host http://127.0.0.1:9 --vus 1 --duration 1s");
    pages.push(("no requests", page(nobody, ("no requests", 104)).await));
    pages
}

#[tokio::test(flavor = "multi_thread")]
async fn every_report_fits_every_screen_by_day_and_by_night() {
    let pages = pages().await;
    let texts: Vec<&str> = pages.iter().map(|(_, page)| page.as_str()).collect();
    let widths = [390, 768, 1_440];
    for scheme in [Scheme::Light, Scheme::Dark] {
        let seen = measure(&texts, &widths, scheme);
        let seen = seen.as_array().expect("a list");
        assert_eq!(seen.len(), pages.len() * widths.len());
        for (index, page) in seen.iter().enumerate() {
            let (name, width) = (pages[index / widths.len()].0, &page["width"]);
            let of = format!("{name} at {width} px, {scheme:?}");
            assert_eq!(page["dark"], matches!(scheme, Scheme::Dark), "{of}");
            assert_eq!(page["overflow"], 0, "{of}: wider than its screen");
            for flaw in ["outside", "overlaps", "bare", "faint"] {
                assert_eq!(page[flaw], serde_json::json!([]), "{of}: {flaw}");
            }
        }
    }
}
