//! What was asked for, as reports show it: without secrets, and as a command that repeats it.

use serde::{Deserialize, Serialize};

use super::field::{Field, Fields, Form};
use super::headers;
use super::problem::Source;
use super::reader::Reader;
use crate::secret::without_logins;

/// A value that was given, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// Its key in a file.
    pub key: String,
    /// The texts, without secrets; none for a switch that is on.
    pub values: Vec<String>,
    /// Where it was given, as a user knows the place.
    pub source: String,
    /// Whether a profile or file says so, which the command needn't repeat.
    pub from_profile: bool,
    /// Whether runs with different values of it can't be compared.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub compared: bool,
}

/// Every value that counts, in the order of the fields.
pub(super) fn settings(reader: &Reader) -> Vec<Setting> {
    let given = |field: &'static Field| {
        let value = reader.value(field.key)?;
        Some(Setting {
            key: field.key.to_owned(),
            values: value.texts.iter().map(|text| shown(field, text)).collect(),
            source: value.source.to_string(),
            from_profile: matches!(value.source, Source::Key { .. }),
            // The default, said in so many words, is what there is without it.
            compared: field.compared && !is_default(field, &value.texts),
        })
    };
    let counts = |field: &&'static Field| !reader.overridden.contains(&field.key);
    reader
        .fields
        .iter()
        .filter(counts)
        .filter_map(given)
        .collect()
}

fn is_default(field: &Field, texts: &[String]) -> bool {
    let texts = texts.iter().map(|text| plain(text));
    field.form != Form::Switch && texts.eq([plain(field.default)])
}

/// A value's text as it is compared: the same for the same duration or number, `60s` as `1m`.
fn plain(text: &str) -> String {
    let text = text.trim();
    match (humantime::parse_duration(text), text.parse::<u64>()) {
        (_, Ok(number)) => number.to_string(),
        (Ok(duration), _) => humantime::format_duration(duration).to_string(),
        _ => text.to_owned(),
    }
}

/// The text of a value as it is compared, of the field with this key.
pub(crate) fn comparable(key: &str, text: &str) -> String {
    match key {
        "headers" => headers::plain(text),
        _ => plain(text),
    }
}

/// The command of `program` that repeats a run: flags for what flags and variables gave, and the
/// seed. Without any, `profile` was the default one.
#[must_use]
pub fn command(program: &str, fields: &Fields, settings: &[Setting], seed: u64) -> String {
    let mut words = vec![program.to_owned()];
    for field in fields.iter() {
        let given = settings.iter().find(|setting| setting.key == field.key);
        let Some(setting) = given.filter(|setting| !setting.from_profile && field.key != "seed")
        else {
            continue;
        };
        match field.form {
            Form::Switch => words.push(format!("--{}", field.flag)),
            Form::One(_) | Form::Maybe(..) | Form::Many(_) => {
                let equals = if field.limit().is_some() { '=' } else { ' ' };
                for value in &setting.values {
                    words.push(format!("--{}{equals}{}", field.flag, quoted(value)));
                }
            }
        }
    }
    words.push(format!("--seed {seed}"));
    words.join(" ")
}

/// The text of a field without secrets.
fn shown(field: &Field, text: &str) -> String {
    match field.key {
        "headers" => headers::shown(text),
        _ => without_logins(text).into_owned(),
    }
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,%+@".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Inputs, Layer, load};
    use super::*;

    #[test]
    fn the_command_has_what_was_given_and_no_secret() {
        let mut flags = Layer::default();
        for (key, text) in [
            ("profile", "flow_10vus"),
            ("sla", "p(95)<300"),
            ("out", "influxdb=http://me:hunter2@localhost:8086/k6"),
        ] {
            flags.set_flag(Field::of_key(key).expect(key), vec![text.to_owned()]);
        }
        flags.set_flag(Field::of_key("quiet").expect("a field"), vec![]);
        let outline = crate::fixture::outline();
        let inputs = Inputs {
            flags,
            variables: vec![("LOADTEST_SEED".to_owned(), "7".to_owned())],
        };
        let config = load(&outline, inputs).expect("a good configuration");
        assert_eq!(
            command("loadtest", &outline.fields, &config.settings, config.seed),
            "loadtest --sla 'p(95)<300' --out 'influxdb=http://***@localhost:8086/k6' --quiet \
             --profile flow_10vus --seed 7"
        );
        let stages = config
            .settings
            .iter()
            .find(|s| s.key == "stages")
            .expect("the profile's");
        assert_eq!(stages.source, "stages in profile flow_10vus");
    }

    /// What a flag takes the place of would contradict it, if both were flags.
    #[test]
    fn the_command_leaves_out_what_no_longer_counts() {
        // (variables, flags, command)
        type Given = &'static [(&'static str, &'static str)];
        let rows: [(Given, Given, &str); 4] = [
            (
                &[("LOADTEST_STAGES", "1m:5"), ("LOADTEST_START_VUS", "2")],
                &[("duration", "10s")],
                "--duration 10s",
            ),
            (
                &[
                    ("LOADTEST_RATE", "5/s"),
                    ("LOADTEST_MAX_VUS", "9"),
                    ("LOADTEST_DURATION", "10s"),
                ],
                &[("vus", "3")],
                "--vus 3 --duration 10s",
            ),
            (
                &[("LOADTEST_CONFIG", "gone.toml")],
                &[("profile", "mixed")],
                "--profile mixed",
            ),
            (
                &[("LOADTEST_PROFILE", "mixed")],
                &[("iterations", "7")],
                "--iterations 7 --profile mixed",
            ),
        ];
        let outline = crate::fixture::outline();
        for (variables, flags, expected) in rows {
            let mut inputs = Inputs::default();
            for (name, text) in variables {
                let variable = ((*name).to_owned(), (*text).to_owned());
                inputs.variables.push(variable);
            }
            for (key, text) in flags {
                let field = Field::of_key(key).expect(key);
                inputs.flags.set_flag(field, vec![(*text).to_owned()]);
            }
            let config = load(&outline, inputs).expect(expected);
            let command = command("loadtest", &outline.fields, &config.settings, 1);
            assert_eq!(command, format!("loadtest {expected} --seed 1"));
        }
    }

    #[test]
    fn a_default_in_so_many_words_tells_no_run_from_another() {
        let outline = crate::fixture::outline();
        let rows = [
            ("pause", "1s", false),
            ("pause", "1000ms", false),
            ("pause", "2s", true),
            ("http_timeout", "60s", false),
            ("http_timeout", "1m", false),
            ("http_timeout", "61s", true),
            ("redirects", "0", false),
            ("redirects", "00", false),
            ("redirects", "1", true),
            ("think_time", "0s", false),
            ("think_time", "1s", true),
            ("connection_age", "1s", true),
            ("max_body", "64MiB", false),
            ("max_body", "1MiB", false),
        ];
        for (key, text, expected) in rows {
            let mut flags = Layer::default();
            let field = outline.fields.of_key(key).expect(key);
            flags.set_flag(field, vec![text.to_owned()]);
            let variables = vec![];
            let config = load(&outline, Inputs { flags, variables }).expect(text);
            let setting = config.settings.iter().find(|one| one.key == key);
            let compared = setting.expect("it was given").compared;
            assert_eq!(compared, expected, "{key} {text}");
        }
    }

    /// What the program does without a field is what the help says.
    #[test]
    fn the_defaults_that_are_told_are_those_that_hold() {
        let outline = crate::fixture::outline();
        let loaded = |given: &[&'static Field]| {
            let mut flags = Layer::default();
            for (key, text) in [("stages", "1s:5/s"), ("max_vus", "2"), ("seed", "1")] {
                let field = Field::of_key(key).expect(key);
                flags.set_flag(field, vec![text.to_owned()]);
            }
            for field in given {
                flags.set_flag(field, vec![field.default.to_owned()]);
            }
            let variables = vec![];
            let config = load(&outline, Inputs { flags, variables }).expect("a good one");
            (config.http_timeout, config.redirects, config.scenarios)
        };
        let told = ["http_timeout", "redirects", "max_start_delay"];
        let given = told.map(|key| Field::of_key(key).expect(key));
        assert_eq!(loaded(&given), loaded(&[]));
    }

    #[test]
    fn a_duration_is_the_same_however_it_is_written() {
        for (one, other, same) in [
            ("60s", "1m", true),
            ("1500ms", "1s 500ms", true),
            ("60s", "61s", false),
            ("a 1m", "a 60s", false),
            ("5", " 05", true),
        ] {
            assert_eq!(plain(one) == plain(other), same, "{one} {other}");
        }
    }

    #[test]
    fn a_quote_is_no_way_out_of_the_quotes() {
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
