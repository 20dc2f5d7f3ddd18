//! A headless Chromium that opens a page and says what it sees.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// What became of a page.
pub(crate) struct Seen {
    /// What was complained about on the console.
    pub(crate) console: Vec<String>,
    /// Addresses that the page asked for.
    pub(crate) requests: Vec<String>,
    /// By width: its overflow, overlapping and cut texts, and charts without marks.
    pub(crate) pages: Value,
}

/// Opens a page as it is; then in frames of these widths, where it is measured.
pub(crate) fn look(html: &str, widths: &[u32]) -> Seen {
    let directory = tempfile::tempdir().expect("a directory");
    let page = directory.path().join("report.html");
    std::fs::write(&page, html).expect("writable");
    let log = directory.path().join("net.json");
    let (_, said) = chromium(
        directory.path(),
        &page,
        &[VIRTUAL_TIME, &format!("--log-net-log={}", log.display())],
    );
    let log = std::fs::read_to_string(&log).expect("a log of the network");
    assert!(log.contains("\"constants\""), "no log of the network");
    let console = said
        .lines()
        .filter(|line| line.contains(":CONSOLE"))
        .map(str::to_owned)
        .collect();
    // What has an initiator was asked for by a page; the browser's own errands have none.
    let events = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line.trim_end_matches(',')).ok());
    let asked = events.filter_map(|event| {
        let params = &event["params"];
        let initiator = params["initiator"]
            .as_str()
            .filter(|text| *text != "not an origin")?;
        Some(format!("{} by {initiator}", params["url"].as_str()?))
    });
    Seen {
        console,
        requests: asked.collect(),
        pages: measured(directory.path(), &[html], widths, Scheme::Light),
    }
}

/// What a reader prefers.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Scheme {
    Light,
    Dark,
}

/// Opens several pages in frames of these widths, and measures each.
pub(crate) fn measure(pages: &[&str], widths: &[u32], scheme: Scheme) -> Value {
    let directory = tempfile::tempdir().expect("a directory");
    measured(directory.path(), pages, widths, scheme)
}

/// A page around the page, which may look into it: its own policy allows no script. The frames'
/// widths are those of screens, which a window of Chromium's can't be as narrow as.
fn measured(directory: &Path, pages: &[&str], widths: &[u32], scheme: Scheme) -> Value {
    // `</` would end the script.
    let sources = serde_json::to_string(pages)
        .expect("texts")
        .replace("</", "<\\/");
    let wrapper = format!(
        "<!doctype html><meta charset=utf-8><body><script>const sources={sources};const widths={widths:?};{SCRIPT}</script>"
    );
    let path = directory.join("wrapper.html");
    std::fs::write(&path, wrapper).expect("writable");
    let scheme = match scheme {
        Scheme::Dark => "--blink-settings=preferredColorScheme=0",
        Scheme::Light => "--blink-settings=preferredColorScheme=1",
    };
    let (dom, said) = chromium(directory, &path, &[VIRTUAL_TIME, "--dump-dom", scheme]);
    let result = dom
        .split_once("RESULT:")
        .and_then(|(_, rest)| rest.split_once(":END"));
    let (result, _) = result.unwrap_or_else(|| panic!("the page was not measured: {said}"));
    let result = result
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&");
    serde_json::from_str(&result).expect("JSON")
}

const SCRIPT: &str = r#"
// Texts whose contrast to what is behind them is below that of WCAG's level AA.
const faint = page => {
  const view = page.defaultView;
  const rgba = text => { const n = (text.match(/[\d.]+/g) || []).map(Number); return n.length < 3 ? [0, 0, 0, 0] : [n[0], n[1], n[2], n[3] ?? 1]; };
  const light = ([r, g, b]) => { const f = c => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b); };
  const behind = node => { for (; node; node = node.parentElement) { const c = rgba(view.getComputedStyle(node).backgroundColor); if (c[3] === 1) return c; } return [255, 255, 255, 1]; };
  const found = new Set();
  for (const node of page.querySelectorAll('body *')) {
    const own = [...node.childNodes].filter(child => child.nodeType === 3).map(child => child.textContent.trim()).join('');
    if (!own || !node.getClientRects().length || node.closest('title, script, style')) continue;
    const style = view.getComputedStyle(node), [a, b] = [light(rgba(node.closest('svg') ? style.fill : style.color)), light(behind(node))].sort((x, y) => y - x);
    const least = parseFloat(style.fontSize) >= 24 || parseFloat(style.fontSize) >= 18.6 && style.fontWeight >= 700 ? 3 : 4.5;
    if ((a + 0.05) / (b + 0.05) < least) found.add(`${own.slice(0, 40)} (${((a + 0.05) / (b + 0.05)).toFixed(2)})`);
  }
  return [...found];
};
(async () => {
  const pages = [];
  for (const source of sources) for (const width of widths) {
    const frame = document.createElement('iframe');
    frame.style.cssText = `width:${width}px;height:900px;border:0`;
    const loaded = new Promise(done => frame.onload = done);
    frame.srcdoc = source;
    document.body.append(frame);
    await loaded;
    const page = frame.contentDocument, root = page.documentElement;
    const overflow = Math.max(0, root.scrollWidth - root.clientWidth);
    page.querySelectorAll('details').forEach(details => details.open = true);
    const box = node => node.getBoundingClientRect();
    const texts = [...page.querySelectorAll('svg text')].filter(text => box(text).width > 0);
    const outside = texts.filter(text => box(text).left < 0 || box(text).right > width).map(text => text.textContent);
    const overlaps = [];
    const by = new Map();
    for (const text of texts) by.set(text.closest('.frame, .strip'), [...(by.get(text.closest('.frame, .strip')) || []), text]);
    for (const group of by.values()) for (let i = 0; i < group.length; i++) for (let j = 0; j < i; j++) {
      const a = box(group[i]), b = box(group[j]);
      const x = Math.min(a.right, b.right) - Math.max(a.left, b.left), y = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (x > 0.5 && y > 3) overlaps.push([group[j].textContent, group[i].textContent]);
    }
    const cells = [...page.querySelectorAll('th, td, h1, h2, h3, p, li, b, span, pre, summary')];
    for (const cell of cells) if (box(cell).width > 0 && (box(cell).right > width + 0.5 || cell.scrollWidth > cell.clientWidth + 1 && getComputedStyle(cell).display !== 'inline')) outside.push(cell.textContent.slice(0, 60));
    const charts = [...page.querySelectorAll('svg[role=img]')];
    const marks = chart => [...chart.querySelectorAll('.mark:not(.sla)')].filter(mark => (mark.getAttribute('d') || '').length > 3);
    const bare = charts.filter(chart => marks(chart).length === 0 && !chart.querySelector('.lane')).map(chart => chart.getAttribute('aria-label'));
    const names = charts.map(chart => chart.getAttribute('aria-label'));
    const bands = charts[0] ? charts[0].querySelectorAll('.band').length : 0;
    const limits = page.querySelectorAll('.area > svg > .sla').length;
    const dark = frame.contentWindow.matchMedia('(prefers-color-scheme: dark)').matches;
    pages.push({width, overflow, charts: names, bands, limits, bare, overlaps, outside, dark, faint: faint(page)});
    frame.remove();
  }
  document.body.textContent = 'RESULT:' + JSON.stringify(pages) + ':END';
  document.title = 'done';
})();
"#;

/// How long Chromium takes to load and lay out a page, in its own time: the best of five, less what it
/// takes for an empty page.
pub(crate) fn opens_in(html: &str) -> Duration {
    let directory = tempfile::tempdir().expect("a directory");
    let best = |html: &str| {
        let page = directory.path().join("timed.html");
        std::fs::write(&page, html).expect("writable");
        let one = || {
            let began = Instant::now();
            // Without a budget of virtual time, under which the browser's clocks stand still.
            let (dom, said) = chromium(directory.path(), &page, &["--dump-dom"]);
            assert!(dom.contains("</html>"), "the page was not opened: {said}");
            began.elapsed()
        };
        (0..5).map(|_| one()).min().expect("five")
    };
    let empty = best("<!doctype html><html><body></body></html>");
    best(html).saturating_sub(empty)
}

const VIRTUAL_TIME: &str = "--virtual-time-budget=20000";

/// The browser of this machine.
pub(crate) fn program() -> &'static str {
    let program = [
        "chromium",
        "chromium-browser",
        "google-chrome",
        "/Applications/Chromium.app/Contents/MacOS/Chromium",
    ]
    .into_iter()
    .find(|program| {
        Command::new(program)
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    });
    program.expect("Chromium is there: make test installs it")
}

/// Without a window, and without errands of its own.
pub(crate) const QUIET: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
];

fn chromium(directory: &Path, page: &Path, flags: &[&str]) -> (String, String) {
    let profile = tempfile::tempdir_in(directory).expect("a directory");
    let output = Command::new(program())
        .args(QUIET)
        .args(["--enable-logging=stderr", "--timeout=60000"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(flags)
        .arg(format!("file://{}", page.display()))
        .stdin(Stdio::null())
        .output()
        .expect("it starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

/// The browser's eyes are open: what must not be in a report is seen where it is.
#[test]
fn a_page_that_asks_complains_and_overflows_is_caught() {
    let page = "<!doctype html><body style='margin:0'><div style='width:600px'>wide</div>\
        <img src='http://127.0.0.1:9/x'><script>console.error('no')</script>\
        <div class=frame><svg role=img aria-label=empty><text x=0 y=20>one</text><text x=2 y=20>two</text></svg></div>";
    let seen = look(page, &[390]);
    assert!(
        seen.console.iter().any(|line| line.contains("no")),
        "{:?}",
        seen.console
    );
    assert!(
        seen.requests
            .iter()
            .any(|url| url.starts_with("http://127.0.0.1:9/x")),
        "{:?}",
        seen.requests
    );
    let faint = "<!doctype html><body style='background:#fff;color:#999'><p>faint<p style='color:#333'>clear";
    let faint = measure(&[faint], &[390], Scheme::Dark);
    assert_eq!(faint[0]["faint"], serde_json::json!(["faint (2.85)"]));
    assert_eq!(faint[0]["dark"], true);
    let page = &seen.pages[0];
    assert_eq!(
        (&page["overflow"], &page["bare"]),
        (&210.into(), &serde_json::json!(["empty"]))
    );
    assert_eq!(page["overlaps"], serde_json::json!([["one", "two"]]));
}
