//! The scenarios of a run: the `[[scenario]]`s of a file, or the one that the flags describe.

use std::collections::BTreeSet;
use std::time::Duration;

use super::field::{Field, Fields, Scope};
use super::layer::{Layer, Value};
use super::parse;
use super::problem::{Problem, Source};
use super::reader::Reader;
use super::{shape, tags};
use crate::executor::{Part, Plan, Schedule};
use crate::metrics::{DEFAULT_SCENARIO, intern};
use crate::persona::{Mix, Role, ThinkTimes};

/// Virtual users with a schedule of their own. Scenarios of a run go on at once.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// Its name; nothing for the one that flags describe.
    pub name: Option<&'static str>,
    /// Who iterates when.
    pub schedule: Schedule,
    /// The personas' shares.
    pub mix: Mix,
    /// How long its personas think between iterations.
    pub think: ThinkTimes,
    /// The user's own tags, keys and values.
    pub tags: Vec<(String, String)>,
}

impl Scenario {
    /// Its name in tags and reports: `default`, as in k6, where it has none of its own.
    #[must_use]
    pub fn label(&self) -> &'static str {
        self.name.unwrap_or(DEFAULT_SCENARIO)
    }
}

/// The schedules of these scenarios.
#[must_use]
pub(super) fn plan(scenarios: &[Scenario]) -> Plan {
    let part = |scenario: &Scenario| Part {
        name: scenario.name,
        schedule: scenario.schedule.clone(),
    };
    Plan::new(scenarios.iter().map(part).collect())
}

const DEFAULT_GRACE: Duration = Duration::from_secs(30);

/// A `[[scenario]]` of a file.
#[derive(Debug)]
pub(super) struct Table {
    name: String,
    layer: Layer,
    executor: Option<String>,
    tags: Vec<(String, String)>,
}

/// Reads the `[[scenario]]`s of a file that is known to be TOML.
pub(super) fn tables(
    text: &str,
    file: &str,
    fields: &Fields,
    problems: &mut Vec<Problem>,
) -> Vec<Table> {
    let whole: toml::Table = text.parse().unwrap_or_default();
    let Some(list) = whole.get("scenario") else {
        return Vec::new();
    };
    let tables: Option<Vec<&toml::Table>> = list
        .as_array()
        .and_then(|list| list.iter().map(toml::Value::as_table).collect());
    let Some(tables) = tables.filter(|tables| !tables.is_empty()) else {
        let source = key("scenario", file);
        problems.push(Problem::new(
            source,
            "must be tables; begin each with [[scenario]]",
        ));
        return Vec::new();
    };
    let tables: Vec<Table> = (1..)
        .zip(tables)
        .map(|(number, table)| read(number, table, file, fields, problems))
        .collect();
    for (at, table) in tables.iter().enumerate() {
        if tables[..at].iter().any(|other| other.name == table.name) {
            problems.push(Problem::new(
                key("name", &place(&table.name, file)),
                "is another scenario's too; give each its own",
            ));
        }
    }
    tables
}

fn key(key: &str, file: &str) -> Source {
    Source::Key {
        key: key.to_owned(),
        file: file.to_owned(),
    }
}

fn place(name: &str, file: &str) -> String {
    format!("scenario '{name}' of {file}")
}

fn read(
    number: usize,
    table: &toml::Table,
    file: &str,
    fields: &Fields,
    problems: &mut Vec<Problem>,
) -> Table {
    let text = |name: &str| table.get(name).and_then(toml::Value::as_str);
    let name = text("name").unwrap_or_default().to_owned();
    if name.is_empty() || !parse::is_name(&name) {
        problems.push(Problem::new(
            key("name", &place(&number.to_string(), file)),
            "must be a text of letters, digits, _ - and .",
        ));
    }
    let place = place(&name, file);
    let own = ["name", "persona", "executor", "tags"];
    let mut layer = Layer::from_table(table, &place, &own, (fields, Field::in_scenarios), problems);
    for key_of_text in ["persona", "executor"] {
        if table.contains_key(key_of_text) && text(key_of_text).is_none() {
            problems.push(Problem::new(key(key_of_text, &place), "must be a text"));
        }
    }
    if let (Some(persona), Some(mix)) = (text("persona"), Field::of_key("mix")) {
        if layer.get("mix").is_some() {
            problems.push(Problem::new(
                key("persona", &place),
                "contradicts mix; give one of them",
            ));
        }
        layer.set_key(mix, format!("{persona}=1"), key("persona", &place));
    }
    Table {
        tags: own_tags(table, &place, problems),
        executor: text("executor").map(str::to_owned),
        name,
        layer,
    }
}

fn own_tags(
    table: &toml::Table,
    place: &str,
    problems: &mut Vec<Problem>,
) -> Vec<(String, String)> {
    let Some(value) = table.get("tags") else {
        return Vec::new();
    };
    let mut wrong = |message: String| problems.push(Problem::new(key("tags", place), message));
    let Some(table) = value.as_table() else {
        wrong("must be a table of texts, such as { team = \"checkout\" }".to_owned());
        return Vec::new();
    };
    let mut read = Vec::new();
    for (key, value) in table {
        let value = value.as_str().unwrap_or_default();
        match tags::check(key, value) {
            Ok(()) => read.push((key.clone(), value.to_owned())),
            Err(message) => wrong(message),
        }
    }
    read
}

/// The thresholds that stand in scenarios, with the scenario that each is about.
pub(super) fn scoped_thresholds(tables: &[Table]) -> Vec<(String, Value)> {
    let of = |table: &Table| Some((table.name.clone(), table.layer.get("thresholds")?.clone()));
    tables.iter().filter_map(of).collect()
}

/// The scenarios; nothing when they can't be made out.
pub(super) fn assemble(
    reader: &mut Reader,
    tables: Vec<Table>,
    roles: &[Role],
) -> Option<Vec<Scenario>> {
    let above = 1..reader.layers.len();
    let replaced = shape::shapes().any(|key| {
        reader
            .level(key)
            .is_some_and(|level| above.contains(&level))
    });
    if tables.is_empty() || replaced {
        return Some(vec![single(reader, roles)?]);
    }
    refuse_flags_beside(reader);
    let read = tables
        .into_iter()
        .map(|table| of_table(reader, table, roles));
    let (scenarios, unused): (Vec<_>, Vec<_>) = read.unzip();
    let scenarios: Option<Vec<Scenario>> = scenarios.into_iter().collect();
    if scenarios.is_some() {
        refuse_unused(reader, &unused);
    }
    for name in named_thinkers(reader, roles) {
        let mut all = scenarios.iter().flatten();
        // Keys at the top of the file are for whichever scenario they fit.
        if scenarios.is_some() && all.all(|one| one.mix.share_of(name) == 0.0) {
            reader.problem("think_time", absent_thinker(name));
        }
    }
    scenarios
}

/// The file describes the load in scenarios: there is no single one whose VUs a flag could change.
fn refuse_flags_beside(reader: &mut Reader) {
    let fields = reader.fields.clone();
    for field in fields.iter().filter(|f| f.scope == Scope::Scenario) {
        let level = reader.level(field.key);
        if level.is_some_and(|level| level > 0) {
            reader.problem(
                field.key,
                "does not apply to several scenarios; change the file, or give another load",
            );
        } else if level == Some(0) && field.is_shape {
            reader.problem(field.key, "contradicts [[scenario]]; move it into one");
        }
    }
}

/// A key at the top of the file is for whichever scenarios it fits; one that fits none is a mistake.
/// `unused` has those that each scenario has no use for.
fn refuse_unused(reader: &mut Reader, unused: &[Vec<&'static str>]) {
    let Some((first, others)) = unused.split_first() else {
        return;
    };
    let keys: BTreeSet<&str> = first.iter().copied().collect();
    // Loads above scenarios are told as such.
    let is_load = |key: &str| shape::shapes().any(|shape| shape == key);
    let fits_none = |key: &&str| others.iter().all(|other| other.contains(key));
    for key in keys.into_iter().filter(fits_none) {
        if !is_load(key) {
            reader.problem(key, "fits no [[scenario]] of this file; leave it out");
        }
    }
}

fn single(reader: &mut Reader, roles: &[Role]) -> Option<Scenario> {
    let executor = shape::executor(reader);
    // Beside another problem this is mostly its consequence, such as an unknown profile's.
    if executor.is_none() && reader.problems.is_empty() {
        reader.problem(
            "stages",
            "no load is given; add --stage, --duration, --iterations or --iterations-per-vu",
        );
    }
    let scenario = Scenario {
        name: None,
        mix: mix(reader, roles),
        think: think(reader, roles),
        tags: Vec::new(),
        schedule: schedule(reader, executor)?,
    };
    refuse_idle_personas(reader, &scenario);
    refuse_absent_thinkers(reader, &scenario, 0);
    Some(scenario)
}

/// A scenario, nothing when it can't be made out, and the keys at the top of the file that it has no
/// use for.
fn of_table(
    reader: &mut Reader,
    table: Table,
    roles: &[Role],
) -> (Option<Scenario>, Vec<&'static str>) {
    // Keys at the top of the file are the scenarios' defaults.
    let mut own = Reader {
        fields: reader.fields.clone(),
        layers: vec![reader.layers[0].clone(), table.layer],
        problems: Vec::new(),
        overridden: Vec::new(),
        is_trial: reader.is_trial,
    };
    let executor = shape::executor(&mut own);
    let named = Source::Key {
        key: "executor".to_owned(),
        file: format!("scenario '{}'", table.name),
    };
    match (&executor, &table.executor) {
        (Some(meant), Some(said)) if meant.name() != said => own.problems.push(Problem::new(
            named,
            format!(
                "'{said}' contradicts the other keys, which make it {}",
                meant.name()
            ),
        )),
        (None, _) if own.problems.is_empty() => own.problems.push(Problem::new(
            named,
            "no load is given; add stages, duration, iterations or iterations_per_vu",
        )),
        _ => {}
    }
    let mix = mix(&mut own, roles);
    let think = think(&mut own, roles);
    let schedule = schedule(&mut own, executor);
    let scenario = schedule.map(|schedule| Scenario {
        name: Some(intern(&table.name)),
        schedule,
        mix,
        think,
        tags: table.tags,
    });
    if let Some(scenario) = &scenario {
        refuse_idle_personas(&mut own, scenario);
        refuse_absent_thinkers(&mut own, scenario, 1);
    }
    reader.problems.append(&mut own.problems);
    (scenario, own.overridden)
}

fn schedule(reader: &mut Reader, executor: Option<crate::executor::Executor>) -> Option<Schedule> {
    let mut time = |key, default| {
        let parsed = reader.parse(key, parse::duration);
        parsed.unwrap_or(default)
    };
    let start_time = time("start_time", Duration::ZERO);
    let graceful_stop = time("graceful_stop", DEFAULT_GRACE);
    let graceful_ramp_down = time("graceful_ramp_down", DEFAULT_GRACE);
    Some(Schedule {
        executor: executor?,
        start_time,
        graceful_stop,
        graceful_ramp_down,
    })
}

fn mix(reader: &mut Reader, roles: &[Role]) -> Mix {
    let parsed = reader.parse("mix", |text| {
        Mix::parse(text, roles).map_err(|error| error.to_string())
    });
    parsed.unwrap_or_else(|| Mix::only(roles[0]))
}

fn think(reader: &mut Reader, roles: &[Role]) -> ThinkTimes {
    let parsed = reader.parse_all("think_time", |text| ThinkTimes::parse_one(text, roles));
    let mut think = ThinkTimes::default();
    for (persona, time) in parsed.unwrap_or_default() {
        if !think.set(persona, time) {
            reader.problem("think_time", "names a persona twice; give each one time");
        }
    }
    think
}

/// A think time for a persona that isn't in the mix is a mistake. If a lower layer than the mix or
/// than the scenario's own keys gives it, it may be for other scenarios.
fn refuse_absent_thinkers(reader: &mut Reader, scenario: &Scenario, own: usize) {
    let given = reader.level("think_time");
    if given < reader.level("mix") || given < Some(own) {
        return;
    }
    let is_absent = |name: &&str| scenario.mix.share_of(name) == 0.0;
    let absent: Vec<&str> = scenario.think.personas().filter(is_absent).collect();
    for name in absent {
        reader.problem("think_time", absent_thinker(name));
    }
}

/// The personas that the file's own think times name.
fn named_thinkers(reader: &Reader, roles: &[Role]) -> Vec<&'static str> {
    let value = reader.value("think_time");
    let texts = value.iter().flat_map(|value| &value.texts);
    let read = texts.filter_map(|text| ThinkTimes::parse_one(text, roles).ok());
    read.filter_map(|(persona, _)| persona).collect()
}

fn absent_thinker(name: &str) -> String {
    format!("names {name}, which is not in the mix; leave it out, or add it to --mix")
}

/// A persona without a VU would make the mix another one than was asked for.
fn refuse_idle_personas(reader: &mut Reader, scenario: &Scenario) {
    let vus = scenario.schedule.vus_max();
    let dealt = scenario.mix.deal(vus);
    for (persona, _) in scenario.mix.shares() {
        if !dealt.iter().any(|dealt| dealt.key == persona.key) {
            reader.problem(
                "mix",
                format!(
                    "of {vus} VUs none would be {}; give it a larger share, or more VUs",
                    persona.name
                ),
            );
        }
    }
}
