//! Prometheus' text format, and OpenMetrics, as far as a probe needs it. Pure.
//!
//! ```text
//! # TYPE http_requests counter
//! http_requests_total{code="200",path="a\"b"} 1027 1395066363000
//! ```

use std::collections::BTreeMap;

use super::look::{Look, MOST_SERIES, Reading, Sum};

/// A line with a number.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sample<'a> {
    pub(super) name: &'a str,
    /// Labels as `key=value`, in the order of the text.
    pub(super) labels: Vec<(&'a str, String)>,
    pub(super) value: f64,
}

/// The kinds that make a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Counter,
    /// With a sum and a count: a histogram or a summary.
    Distribution,
    Other,
}

/// What an endpoint shows of the metrics that `keep` takes, by their names; nothing if there is no
/// line with a number in it.
pub(super) fn look(text: &str, keep: impl Fn(&str) -> bool) -> Option<Look> {
    let mut look = Look::default();
    let mut kinds = BTreeMap::<&str, Kind>::new();
    let mut halves = BTreeMap::<(String, String), Halves>::new();
    let mut any = false;
    for line in text.lines().map(str::trim) {
        if let Some(comment) = line.strip_prefix('#') {
            kinds.extend(kind(comment));
            continue;
        }
        let Some(sample) = sample(line) else { continue };
        any = true;
        let (base, part) = based(sample.name, &kinds);
        if !keep(sample.name) && !keep(base) {
            continue;
        }
        let of = labels(&sample.labels);
        match part {
            Part::Sum => halves.entry((base.to_owned(), of)).or_default().sum = Some(sample.value),
            Part::Count => {
                halves.entry((base.to_owned(), of)).or_default().count = Some(sample.value);
            }
            Part::Counter => add(&mut look.counters, sample.name, of, sample.value),
            Part::Gauge => add(&mut look.gauges, sample.name, of, sample.value),
            Part::Bucket => {}
        }
    }
    look.sums = halves
        .into_iter()
        .filter_map(whole)
        .take(MOST_SERIES)
        .collect();
    any.then_some(look)
}

/// Sum and count of a distribution, which stand on two lines.
#[derive(Default)]
struct Halves {
    sum: Option<f64>,
    count: Option<f64>,
}

fn whole(((base, of), halves): ((String, String), Halves)) -> Option<Sum> {
    Some(Sum {
        rate: Some(format!("{base}_count")),
        mean: format!("{base}_mean"),
        of,
        count: halves.count?,
        sum: halves.sum?,
        scale: 1.0,
        whole: true,
    })
}

fn add(to: &mut Vec<Reading>, name: &str, of: String, value: f64) {
    if to.len() < MOST_SERIES {
        to.push(Reading::new(name, of, value));
    }
}

/// `TYPE name counter`
fn kind(comment: &str) -> Option<(&str, Kind)> {
    let mut words = comment.split_whitespace();
    let (Some("TYPE"), Some(name), Some(kind)) = (words.next(), words.next(), words.next()) else {
        return None;
    };
    let kind = match kind {
        "counter" => Kind::Counter,
        "histogram" | "summary" => Kind::Distribution,
        _ => Kind::Other,
    };
    Some((name, kind))
}

/// What a line is of its metric.
enum Part {
    Sum,
    Count,
    Bucket,
    Counter,
    Gauge,
}

/// The metric that a line's name belongs to, and what it is of it.
fn based<'a>(name: &'a str, kinds: &BTreeMap<&str, Kind>) -> (&'a str, Part) {
    let of = |base: &str, kind| kinds.get(base) == Some(&kind);
    for (ending, part) in [
        ("_sum", Part::Sum),
        ("_count", Part::Count),
        ("_bucket", Part::Bucket),
    ] {
        if let Some(base) = name
            .strip_suffix(ending)
            .filter(|base| of(base, Kind::Distribution))
        {
            return (base, part);
        }
    }
    // A quantile over the whole life of a server says nothing of a second.
    if of(name, Kind::Distribution) {
        return (name, Part::Bucket);
    }
    let base = name.strip_suffix("_total").unwrap_or(name);
    let is_counter = of(name, Kind::Counter) || of(base, Kind::Counter);
    // Where nothing says what it is, its ending does.
    let untold = !kinds.contains_key(name) && !kinds.contains_key(base) && base.len() < name.len();
    if is_counter || untold {
        return (base, Part::Counter);
    }
    (name, Part::Gauge)
}

fn labels(labels: &[(&str, String)]) -> String {
    let pairs: Vec<String> = labels
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    pairs.join(",")
}

/// Reads `name{key="value",…} number [time]`; nothing of a line that is something else.
pub(super) fn sample(line: &str) -> Option<Sample<'_>> {
    let in_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let end = line.find(|c| !in_name(c))?;
    let (name, mut rest) = line.split_at(end);
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let mut labels = Vec::new();
    if let Some(inside) = rest.strip_prefix('{') {
        (labels, rest) = pairs(inside)?;
    }
    let value = rest.split_whitespace().next()?;
    let value = match value {
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        value => value.parse().ok()?,
    };
    Some(Sample {
        name,
        labels,
        value,
    })
}

/// Labels with their values, and what comes after them.
type Pairs<'a> = (Vec<(&'a str, String)>, &'a str);

/// Reads up to the closing brace.
fn pairs(mut rest: &str) -> Option<Pairs<'_>> {
    let mut pairs = Vec::new();
    loop {
        rest = rest.trim_start_matches([' ', ',']);
        if let Some(after) = rest.strip_prefix('}') {
            return Some((pairs, after));
        }
        let (key, value) = rest.split_once('=')?;
        let (value, after) = quoted(value.trim_start())?;
        pairs.push((key.trim(), value));
        rest = after;
    }
}

/// Reads a text in double quotes, where a backslash escapes itself, the quote and `n`.
fn quoted(text: &str) -> Option<(String, &str)> {
    let inside = text.strip_prefix('"')?;
    let mut value = String::new();
    let mut chars = inside.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &inside[at + 1..])),
            '\\' => match chars.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"# HELP hikaricp_connections_pending Pending threads
# TYPE hikaricp_connections_pending gauge
hikaricp_connections_pending{pool="main",} 212.0
# TYPE orders counter
orders_total{path="a\"b\\c"} 7 1395066363000
untold_total 8
untold_gauge 1.5e3
# TYPE wait summary
wait{quantile="0.5"} 3
wait_sum{pool="main"} 12
wait_count{pool="main"} 4
# TYPE size histogram
size_bucket{le="+Inf"} 9
size_sum 3
# TYPE row_count gauge
row_count 5
nonsense
{} 7
broken{a="b 7
# EOF
"#;

    #[test]
    fn gauges_counters_and_distributions_are_told_apart() {
        let look = look(TEXT, |_| true).expect("numbers");
        let told = |readings: &[Reading]| -> Vec<(String, f64)> {
            let name = |one: &Reading| match one.of.as_str() {
                "" => one.metric.clone(),
                of => format!("{} {of}", one.metric),
            };
            readings.iter().map(|one| (name(one), one.value)).collect()
        };
        let gauges = [
            ("hikaricp_connections_pending pool=main".to_owned(), 212.0),
            ("untold_gauge".to_owned(), 1_500.0),
            ("row_count".to_owned(), 5.0),
        ];
        assert_eq!(told(&look.gauges), gauges);
        let counters = [
            (r#"orders_total path=a"b\c"#.to_owned(), 7.0),
            ("untold_total".to_owned(), 8.0),
        ];
        assert_eq!(told(&look.counters), counters);
        assert_eq!(
            look.sums.len(),
            1,
            "of another there is no count: {:?}",
            look.sums
        );
        let sum = &look.sums[0];
        assert_eq!(
            (&*sum.mean, &*sum.of, sum.count, sum.sum),
            ("wait_mean", "pool=main", 4.0, 12.0)
        );
    }

    #[test]
    fn only_what_fits_is_kept_by_the_name_of_the_line_or_the_metric() {
        let kept = |wanted: &str| {
            let look = look(TEXT, |name| name == wanted).expect("numbers");
            look.gauges.len() + look.counters.len() + look.sums.len()
        };
        assert_eq!(
            [
                kept("orders"),
                kept("orders_total"),
                kept("wait"),
                kept("x")
            ],
            [1, 1, 1, 0]
        );
        assert_eq!(look("<html>\nno metrics</html>", |_| true), None);
    }
}
