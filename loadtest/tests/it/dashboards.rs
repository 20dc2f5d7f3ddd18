//! The dashboards and the compose file, held to their rules by reading them: what made panels of
//! other load-testing tools say "No data" after an upgrade of Grafana can't come in here. Whether
//! each query finds something is asked of a real InfluxDB, with [`queries`] and [`substituted`].

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use serde_json::Value;

/// The data source that everything names.
const UID: &str = "loadtest-influxdb";

/// Panels that come with Grafana 13.
const CORE_PANELS: [&str; 9] = [
    "stat",
    "timeseries",
    "trend",
    "table",
    "heatmap",
    "bargauge",
    "barchart",
    "text",
    "row",
];

/// What `output/rows.rs` writes.
const MEASUREMENTS: [&str; 18] = [
    "requests",
    "requests_total",
    "latency_buckets",
    "requests_run",
    "requests_run_total",
    "trends",
    "server_timing",
    "iterations",
    "iteration_response_time",
    "iteration_start_delay",
    "checks",
    "thresholds",
    "vus",
    "generator",
    "probe",
    "events",
    "invariants",
    "run",
];

/// What asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Panel,
    Variable,
    Annotation,
}

/// A query of a dashboard, as it is written there.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    /// The file, such as `run.json`.
    pub(crate) dashboard: String,
    /// The panel's title, the variable's or the annotation's name.
    pub(crate) title: String,
    pub(crate) text: String,
    pub(crate) kind: Kind,
}

/// Every query of every dashboard.
pub(crate) fn queries() -> Vec<Query> {
    let mut found = Vec::new();
    for (dashboard, board) in boards() {
        let mut add = |kind, title: &Value, text: &Value| {
            found.push(Query {
                dashboard: dashboard.clone(),
                title: text_of(title).to_owned(),
                text: text_of(text).to_owned(),
                kind,
            });
        };
        for panel in panels(&board) {
            for target in list(&panel["targets"]) {
                add(Kind::Panel, &panel["title"], &target["query"]);
            }
        }
        for variable in list(&board["templating"]["list"]) {
            add(Kind::Variable, &variable["name"], &variable["query"]);
        }
        for annotation in list(&board["annotations"]["list"]) {
            add(
                Kind::Annotation,
                &annotation["name"],
                &annotation["target"]["query"],
            );
        }
    }
    found
}

/// The query with what Grafana puts in. Values go in as they are: they are regular expressions,
/// as `${name:regex}` makes them, `.*` for "All".
#[track_caller]
pub(crate) fn substituted(
    query: &Query,
    values: &[(&str, &str)],
    from_ms: i64,
    to_ms: i64,
    interval_ms: u64,
) -> String {
    let interval = format!("{interval_ms}ms");
    let mut text = query
        .text
        .replace(
            "$timeFilter",
            &format!("time >= {from_ms}ms and time <= {to_ms}ms"),
        )
        .replace("$__interval_ms", &interval_ms.to_string())
        .replace("$__interval", &interval)
        .replace("$interval", &interval);
    for (name, value) in values {
        text = text.replace(&format!("${{{name}:regex}}"), value);
    }
    assert!(
        !has_macro(&text),
        "{}, {}: Grafana would leave a $ in: {text}",
        query.dashboard,
        query.title
    );
    text
}

/// Whether there is a `$` that begins a name; at the end of a regular expression it doesn't.
fn has_macro(text: &str) -> bool {
    text.split('$').skip(1).any(|rest| {
        rest.starts_with(|c: char| c == '{' || c == '_' || c == '[' || c.is_alphabetic())
    })
}

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(name)
}

#[track_caller]
fn read(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Every dashboard by its file's name.
fn boards() -> BTreeMap<String, Value> {
    fs::read_dir(path("grafana/dashboards"))
        .expect("there are dashboards")
        .map(|entry| {
            let entry = entry.expect("the directory can be read");
            let name = entry
                .file_name()
                .into_string()
                .expect("a name of letters, as all files here have");
            let text = read(&format!("grafana/dashboards/{name}"));
            let board =
                serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
            (name, board)
        })
        .collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[track_caller]
fn text_of(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

/// All panels, those in collapsed rows too.
fn panels(board: &Value) -> Vec<&Value> {
    list(&board["panels"])
        .iter()
        .flat_map(|panel| std::iter::once(panel).chain(list(&panel["panels"])))
        .collect()
}

/// Calls this for every key and value, however deep.
fn walk<'a>(value: &'a Value, visit: &mut impl FnMut(&'a str, &'a Value)) {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                visit(key, member);
                walk(member, visit);
            }
        }
        Value::Array(members) => members.iter().for_each(|member| walk(member, visit)),
        _ => {}
    }
}

/// The measurements that a query reads, in quotes after each FROM.
fn measurements(query: &str) -> Vec<&str> {
    query
        .split("FROM ")
        .skip(1)
        .filter(|rest| !rest.starts_with('('))
        .map(|rest| {
            rest.strip_prefix('"')
                .and_then(|rest| rest.split('"').next())
                .unwrap_or_else(|| panic!("FROM without a quoted measurement: {query}"))
        })
        .collect()
}

#[test]
fn dashboards_are_those_that_are_linked_to() {
    let uids: BTreeMap<String, String> = boards()
        .iter()
        .map(|(name, board)| (name.clone(), text_of(&board["uid"]).to_owned()))
        .collect();
    let expected = [
        ("business.json", "loadtest-business"),
        ("compare.json", "loadtest-compare"),
        ("run.json", "loadtest-run"),
    ];
    assert_eq!(
        uids,
        expected
            .map(|(name, uid)| (name.to_owned(), uid.to_owned()))
            .into()
    );
    for (name, board) in boards() {
        let version = board["schemaVersion"].as_u64().expect("a number");
        assert!((39..=42).contains(&version), "{name}: {version}");
    }
    assert_eq!(boards()["run.json"]["refresh"], "5s");
}

#[test]
fn panels_are_core_raw_influxql_and_explained() {
    for (name, board) in boards() {
        for panel in panels(&board) {
            let title = text_of(&panel["title"]);
            let kind = text_of(&panel["type"]);
            assert!(CORE_PANELS.contains(&kind), "{name}, {title}: {kind}");
            let description = text_of(&panel["description"]);
            assert!(description.ends_with('.'), "{name}, {title}: {description}");
            let targets = list(&panel["targets"]);
            if matches!(kind, "row" | "text") {
                assert!(targets.is_empty(), "{name}, {title}");
                continue;
            }
            assert!(!targets.is_empty(), "{name}, {title}: nothing is asked");
            assert_eq!(panel["datasource"]["uid"], UID, "{name}, {title}");
            let ids: BTreeSet<&str> = targets.iter().map(|t| text_of(&t["refId"])).collect();
            assert_eq!(ids.len(), targets.len(), "{name}, {title}: refIds repeat");
            targets
                .iter()
                .for_each(|target| assert_raw(&format!("{name}, {title}"), target));
        }
    }
}

#[track_caller]
fn assert_raw(place: &str, target: &Value) {
    assert_eq!(target["datasource"]["uid"], UID, "{place}");
    assert_eq!(target["datasource"]["type"], "influxdb", "{place}");
    assert_eq!(target["rawQuery"], true, "{place}");
    assert!(!text_of(&target["query"]).trim().is_empty(), "{place}");
    let format = text_of(&target["resultFormat"]);
    assert!(
        matches!(format, "time_series" | "table"),
        "{place}: {format}"
    );
    for builder in ["measurement", "select", "groupBy", "tags", "policy"] {
        assert!(
            target.get(builder).is_none(),
            "{place}: {builder} is for the query builder"
        );
    }
}

#[test]
fn nothing_needs_an_import_dialog_flux_or_another_data_source() {
    for (name, board) in boards() {
        let text = board.to_string();
        for foreign in ["${DS_", "__inputs", "__requires", "|>", "from(bucket"] {
            assert!(!text.contains(foreign), "{name} has {foreign}");
        }
        walk(&board, &mut |key, value| {
            if key == "datasource" {
                assert_eq!(value["uid"], UID, "{name}: {value}");
                assert_eq!(value["type"], "influxdb", "{name}: {value}");
            }
        });
    }
}

#[test]
fn panels_have_ids_and_places_of_their_own() {
    for (name, board) in boards() {
        let mut ids = BTreeSet::new();
        let mut cells = BTreeMap::new();
        for panel in panels(&board) {
            let title = text_of(&panel["title"]);
            assert!(ids.insert(panel["id"].as_u64()), "{name}, {title}: its id");
            let at = |key: &str| panel["gridPos"][key].as_u64().expect("a number");
            let (x, y, w, h) = (at("x"), at("y"), at("w"), at("h"));
            assert!(w > 0 && h > 0 && x + w <= 24, "{name}, {title}");
            for cell in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
                let other = cells.insert(cell, title);
                assert_eq!(other, None, "{name}: {title} lies over it at {cell:?}");
            }
        }
    }
}

#[test]
fn variables_are_queries_that_follow_the_time_range() {
    for (name, board) in boards() {
        let variables = list(&board["templating"]["list"]);
        assert!(!variables.is_empty(), "{name}");
        for variable in variables {
            let place = format!("{name}, {}", text_of(&variable["name"]));
            assert_eq!(variable["type"], "query", "{place}");
            assert_eq!(variable["refresh"], 2, "{place}");
            assert_eq!(variable["datasource"]["uid"], UID, "{place}");
            let query = text_of(&variable["query"]);
            assert!(query.starts_with("SHOW TAG VALUES FROM "), "{place}");
            // Grafana replaces the first one only, unlike in panels.
            assert_eq!(query.matches("$timeFilter").count(), 1, "{place}");
            assert_eq!(variable["multi"], variable["includeAll"], "{place}");
            if variable["multi"] == true {
                assert_eq!(variable["allValue"], ".*", "{place}");
            } else {
                assert!(variable.get("allValue").is_none(), "{place}");
            }
        }
    }
}

#[test]
fn annotations_ask_for_events() {
    for (name, board) in boards() {
        for annotation in list(&board["annotations"]["list"]) {
            let target = &annotation["target"];
            assert_raw(&name, target);
            assert_eq!(annotation["datasource"]["uid"], UID, "{name}");
            assert_eq!(target["fromAnnotations"], true, "{name}");
            let query = text_of(&target["query"]);
            for column in ["titleColumn", "textColumn", "tagsColumn"] {
                let quoted = format!("\"{}\"", text_of(&target[column]));
                assert!(query.contains(&quoted), "{name}: {query}");
            }
        }
    }
    let kinds: BTreeSet<String> = queries()
        .into_iter()
        .filter(|query| query.kind == Kind::Annotation)
        .map(|query| query.dashboard)
        .collect();
    assert!(kinds.contains("run.json"), "{kinds:?}");
}

#[test]
fn queries_are_what_every_influxdb_understands() {
    for query in queries() {
        let place = format!("{}, {}", query.dashboard, query.title);
        let text = &query.text;
        let read = measurements(text);
        assert!(!read.is_empty(), "{place}");
        for measurement in read {
            assert!(MEASUREMENTS.contains(&measurement), "{place}: {text}");
        }
        for missing_in_3 in ["SLIMIT", "SOFFSET", "SHOW SERIES", "SHOW FIELD KEY CARD"] {
            assert!(!text.contains(missing_in_3), "{place}: {text}");
        }
        assert!(text.contains("$timeFilter"), "{place}: {text}");
        if query.kind != Kind::Variable {
            assert!(text.contains("\"run_id\" =~ /^${run"), "{place}: {text}");
        }
    }
}

/// Only `${name:regex}` of the dashboard's own variables, inside `=~ /^…$/`, and Grafana's macros.
#[test]
fn queries_hold_only_variables_of_their_dashboard() {
    let boards = boards();
    for query in queries() {
        let values: Vec<(&str, &str)> = list(&boards[&query.dashboard]["templating"]["list"])
            .iter()
            .map(|variable| (text_of(&variable["name"]), ".*"))
            .collect();
        let text = substituted(&query, &values, 1_000, 2_000, 1_000);
        assert!(text.contains("time >= 1000ms and time <= 2000ms"), "{text}");
        let used = query.text.matches("${").count();
        assert_eq!(used, text.matches("=~ /^.*$/").count(), "{}", query.text);
    }
}

#[test]
fn percentiles_are_never_averaged_and_say_which_second() {
    for query in queries() {
        let (title, text) = (&query.title, &query.text);
        for percentile in ["p50", "p90", "p95", "p99", "p999"] {
            for wrong in ["mean", "sum", "median"] {
                let wrong = format!("{wrong}(\"{percentile}\")");
                assert!(!text.contains(&wrong), "{title}: {text}");
            }
            let picked = text.contains(&format!("(\"{percentile}\")"));
            if picked && text.contains("GROUP BY time(") {
                assert!(title.contains("(worst second)"), "{title}: {text}");
            }
        }
    }
}

#[test]
fn substituting_takes_the_longer_name_first_and_leaves_nothing() {
    let query = |text: &str| Query {
        dashboard: "d".to_owned(),
        title: "t".to_owned(),
        text: text.to_owned(),
        kind: Kind::Panel,
    };
    let text = "a / $__interval_ms =~ /^${run:regex}$/ AND $timeFilter GROUP BY time($__interval)";
    assert_eq!(
        substituted(&query(text), &[("run", "r1")], 5, 6, 1_000),
        "a / 1000 =~ /^r1$/ AND time >= 5ms and time <= 6ms GROUP BY time(1000ms)"
    );
    for left in ["${run}", "$run", "$__from", "${run:regex}", "[[$x]]"] {
        let result = std::panic::catch_unwind(|| substituted(&query(left), &[], 5, 6, 1_000));
        assert!(result.is_err(), "{left} was left in");
    }
}

/// A YAML file's lines that aren't comments.
fn yaml(name: &str) -> Vec<String> {
    read(name)
        .lines()
        .filter(|line| !line.trim_start().starts_with('#') && !line.trim().is_empty())
        .map(str::to_owned)
        .collect()
}

const PROVISIONING: [&str; 2] = [
    "grafana/provisioning/datasources/influxdb.yaml",
    "grafana/provisioning/dashboards/loadtest.yaml",
];

/// Services of the compose file with their lines. It is our own file, indented by two.
fn services() -> BTreeMap<String, Vec<String>> {
    let mut services: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut service = None;
    let lines = yaml("docker-compose.yml");
    let section = lines.iter().skip_while(|line| *line != "services:").skip(1);
    for line in section.take_while(|line| line.starts_with(' ')) {
        let name = line.strip_prefix("  ").and_then(|l| l.strip_suffix(':'));
        if let Some(name) = name.filter(|name| !name.starts_with(' ')) {
            service = Some(services.entry(name.to_owned()).or_default());
        } else if let Some(service) = &mut service {
            service.push(line.trim_end().to_owned());
        }
    }
    services
}

/// What stands under a key of a service.
fn under<'a>(service: &'a [String], key: &str) -> Vec<&'a str> {
    let head = format!("    {key}:");
    service
        .iter()
        .skip_while(|line| !line.starts_with(&head))
        .skip(1)
        .take_while(|line| line.starts_with("      "))
        .map(|line| line.trim())
        .collect()
}

#[test]
fn every_service_is_pinned_checked_and_closed_to_the_world() {
    let services = services();
    let names: Vec<&str> = services.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "grafana", "influxdb", "loadtest", "postgres", "redis", "server"
        ]
    );
    for (name, lines) in &services {
        let image = lines
            .iter()
            .find_map(|line| line.strip_prefix("    image: "));
        match image {
            Some(image) => {
                let tag = image.rsplit_once(':').map(|(_, tag)| tag);
                let tag = tag.unwrap_or_else(|| panic!("{name}: {image} has no tag"));
                assert!(
                    tag.starts_with(|c: char| c.is_ascii_digit()),
                    "{name}: {image}"
                );
            }
            None => assert!(
                under(lines, "build").contains(&format!("target: {name}").as_str()),
                "{name} has neither an image nor a target"
            ),
        }
        let health = under(lines, "healthcheck");
        assert!(
            health.iter().any(|line| line.starts_with("test: [\"CMD")),
            "{name} has no health check"
        );
        for port in under(lines, "ports") {
            assert!(port.starts_with("- \"127.0.0.1:${"), "{name}: {port}");
        }
        assert!(
            !lines.iter().any(|line| line.contains("network_mode")),
            "{name}"
        );
    }
    assert!(services["grafana"].contains(&"    image: grafana/grafana:13.2.3".to_owned()));
    assert!(services["influxdb"].contains(&"    image: influxdb:2.7".to_owned()));
    assert!(services["loadtest"].contains(&"    profiles: [\"load\"]".to_owned()));
}

/// Names after `$` and `${`.
fn variables(line: &str) -> Vec<&str> {
    line.split('$')
        .skip(1)
        .map(|rest| rest.strip_prefix('{').unwrap_or(rest))
        .map(|rest| {
            rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                .next()
                .unwrap_or_default()
        })
        .filter(|name| !name.is_empty())
        .collect()
}

/// Settings of the example, and what it has for them.
fn example() -> BTreeMap<String, String> {
    read(".env.example")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

#[test]
fn secrets_come_from_env_and_have_no_default() {
    let settings = example();
    let is_secret = |name: &str| name.ends_with("_PASSWORD") || name.ends_with("_TOKEN");
    let mut used = BTreeSet::new();
    for line in yaml("docker-compose.yml") {
        for name in variables(&line) {
            let value = settings.get(name).unwrap_or_else(|| panic!("{line}"));
            if is_secret(name) {
                assert_eq!(value, "", "{name} has a value that might be used");
                assert!(line.contains(&format!("${{{name}:?")), "{line}");
            } else {
                // What the example shows is what holds without it.
                assert!(line.contains(&format!("${{{name}:-{value}}}")), "{line}");
            }
            used.insert(name.to_owned());
        }
        assert_no_secret(&line);
    }
    for line in PROVISIONING.into_iter().flat_map(yaml) {
        used.extend(variables(&line).into_iter().map(str::to_owned));
        assert_no_secret(&line);
    }
    let known: BTreeSet<String> = settings.into_keys().collect();
    assert_eq!(used, known, "what is used, and what .env.example names");
}

#[test]
fn ports_can_be_moved_without_moving_those_within() {
    let services = services();
    let ports: Vec<(&str, Vec<&str>)> = services
        .iter()
        .map(|(name, lines)| (name.as_str(), under(lines, "ports")))
        .filter(|(_, ports)| !ports.is_empty())
        .collect();
    assert_eq!(
        ports,
        [
            (
                "grafana",
                vec!["- \"127.0.0.1:${GRAFANA_PORT:-3000}:3000\""]
            ),
            (
                "influxdb",
                vec!["- \"127.0.0.1:${INFLUX_PORT:-8086}:8086\""]
            ),
            ("server", vec!["- \"127.0.0.1:${SERVER_PORT:-8080}:8080\""]),
        ]
    );
}

/// Flags win over variables, so `--host` behind `docker compose run loadtest` does, too.
#[test]
fn the_load_goes_to_the_server_that_the_user_gives_also_outside_of_the_network() {
    let services = services();
    let loadtest = &services["loadtest"];
    let entrypoint = loadtest
        .iter()
        .find_map(|line| line.strip_prefix("    entrypoint: "))
        .expect("an entry point");
    assert!(!entrypoint.contains("--host"), "{entrypoint}");
    assert!(entrypoint.contains("\"--out\""), "{entrypoint}");
    let environment = under(loadtest, "environment");
    let host = "LOADTEST_HOST: http://server:8080";
    assert!(environment.contains(&host), "{environment:?}");
    // Consent to erase holds for the server of this file only: never for one that the user names.
    let consents = |line: &&String| {
        line.to_lowercase()
            .replace('_', "-")
            .contains("allow-reset")
    };
    let consent: Vec<&String> = loadtest.iter().filter(consents).collect();
    let command =
        r#"    command: ["--host", "http://server:8080", "--allow-reset", "--profile", "smoke"]"#;
    assert_eq!(consent, [command]);
    let variable = harness::Outline::of::<loadtest::Shop>()
        .fields
        .of_key("host")
        .map(harness::Field::variable);
    assert_eq!(variable.as_deref(), Some("LOADTEST_HOST"));
    assert_eq!(
        under(loadtest, "extra_hosts"),
        ["- \"host.docker.internal:host-gateway\""]
    );
}

/// A password, token or login stands there as a variable only.
#[track_caller]
fn assert_no_secret(line: &str) {
    let (key, value) = line.split_once(": ").unwrap_or(("", line));
    let named = ["PASSWORD", "TOKEN", "SECRET", "HEADERVALUE"];
    if named.iter().any(|name| key.to_uppercase().contains(name)) {
        assert!(value.contains('$'), "a secret in the open: {line}");
    }
    let login = value.split_once("://").and_then(|(_, rest)| {
        let (login, _) = rest.rsplit_once('@')?;
        login.split_once(':')
    });
    if let Some((_, password)) = login {
        assert!(password.starts_with("${"), "a secret in the open: {line}");
    }
}

#[test]
fn grafana_finds_its_data_source_and_dashboards() {
    let source = yaml(PROVISIONING[0]);
    let has = |wanted: &str| source.iter().any(|line| line.trim() == wanted);
    for wanted in [
        "uid: loadtest-influxdb",
        "type: influxdb",
        "- name: loadtest InfluxDB",
        "url: http://influxdb:8086",
        "dbName: loadtest",
        "httpMode: POST",
        "timeInterval: 1s",
        "httpHeaderName1: Authorization",
        "httpHeaderValue1: \"Token $INFLUX_TOKEN\"",
    ] {
        assert!(has(wanted), "no {wanted}");
    }
    // With a version it would be asked in another language.
    assert!(
        !source
            .iter()
            .any(|line| line.trim().starts_with("version:"))
    );

    let provider = yaml(PROVISIONING[1]);
    let directory = "/var/lib/grafana/dashboards";
    let line = format!("      path: {directory}");
    assert!(provider.contains(&line), "{provider:?}");
    let grafana = &services()["grafana"];
    let mounts = under(grafana, "volumes");
    let mounted = format!("- ./grafana/dashboards:{directory}:ro");
    assert!(mounts.contains(&mounted.as_str()), "{mounts:?}");
    assert!(mounts.contains(&"- ./grafana/provisioning:/etc/grafana/provisioning:ro"));
    let home = format!("GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH: {directory}/run.json");
    let environment = under(grafana, "environment");
    for wanted in [
        home.as_str(),
        "GF_AUTH_ANONYMOUS_ORG_ROLE: Viewer",
        "GF_DASHBOARDS_MIN_REFRESH_INTERVAL: 1s",
    ] {
        assert!(environment.contains(&wanted), "no {wanted}");
    }
}

#[test]
fn images_run_without_root_and_are_built_without_secrets() {
    let dockerfile = read("Dockerfile");
    for target in ["server", "loadtest"] {
        let head = format!("FROM base AS {target}\n");
        let stage = dockerfile.split(&head).nth(1).expect("the target is there");
        let stage = stage.split("\nFROM ").next().unwrap_or(stage);
        assert!(stage.contains("\nUSER 10001\n"), "{target} runs as root");
    }
    for base in dockerfile.lines().filter_map(|l| l.strip_prefix("FROM ")) {
        assert!(!base.contains("latest"), "{base}");
    }
    let ignored = read(".dockerignore");
    let rules: Vec<&str> = ignored.lines().filter(|l| !l.starts_with('#')).collect();
    assert_eq!(rules.first(), Some(&"*"), "everything is left out first");
    assert!(!rules.iter().any(|rule| rule.contains(".env")), "{rules:?}");
}
