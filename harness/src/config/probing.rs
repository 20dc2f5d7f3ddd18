//! What is watched beside the load: `--probe`.

use super::problem::Source;
use super::reader::Reader;
use crate::probe::{Address, Passwords};

/// The value for no probe at all.
const NONE: &str = "none";

/// The probes that were asked for, if any were spoken of.
pub(super) fn probes(reader: &mut Reader, variables: &[(String, String)]) -> Option<Vec<Address>> {
    let value = reader.value("probe")?;
    let passwords = match value.source {
        Source::Variable(_) => Passwords::Taken,
        _ => Passwords::Refused,
    };
    if value.texts == [NONE] {
        return Some(Vec::new());
    }
    let variable = |name: &str| {
        let found = variables.iter().find(|(known, _)| known == name);
        let text = found.map(|(_, text)| text.clone());
        text.filter(|text| !text.is_empty())
    };
    let parse = |text: &str| match text {
        NONE => Err("none leaves no other probe; give it alone".to_owned()),
        text => Address::parse(text, passwords, &variable),
    };
    let probes = reader.parse_all("probe", parse)?;
    for (at, probe) in probes.iter().enumerate() {
        if probes[..at].iter().any(|other| other.name == probe.name) {
            let name = &probe.name;
            let message = format!("two probes are called {name}; write NAME={probe}");
            reader.problem("probe", message);
        }
    }
    Some(probes)
}

#[cfg(test)]
mod tests {
    use super::super::{Inputs, Problem, RunConfig, load};
    use crate::fixture::{inputs, outline};

    fn told(given: Inputs) -> Result<Vec<String>, Vec<String>> {
        let named = |config: RunConfig| {
            let probes = config.probes.unwrap_or_default();
            probes.iter().map(ToString::to_string).collect()
        };
        let words = |problems: Vec<Problem>| problems.iter().map(ToString::to_string).collect();
        load(&outline(), given).map(named).map_err(words)
    }

    #[test]
    fn probes_come_from_flags_variables_and_files() {
        let given = inputs(&[("probe", &["host", "db=postgres=postgres://h/d"])], &[]);
        assert_eq!(
            told(given).expect("good ones"),
            ["host", "db=postgres=postgres://h/d"]
        );
        let variable = [("LOADTEST_PROBE", "host; redis=redis://:hunter2@h")];
        let given = told(inputs(&[], &variable));
        assert_eq!(given.expect("good ones"), ["host", "redis=redis://***@h"]);
        let file = tempfile::NamedTempFile::new().expect("a file");
        let toml = "duration = \"1s\"\n[[probe]]\nkind = \"host\"\n[[probe]]\nname = \"app\"\n\
            kind = \"prometheus\"\nurl = \"http://h/m\"\nmatch = [\"a_*\", \"b\"]\n";
        std::fs::write(file.path(), toml).expect("written");
        let path = file.path().to_str().expect("a plain path");
        let given = told(inputs(&[("config", &[path])], &[]));
        assert_eq!(
            given.expect("good ones"),
            ["host", "app=prometheus=http://h/m"]
        );
        let none = load(&outline(), inputs(&[("probe", &["none"])], &[]));
        assert_eq!(none.expect("a good one").probes, Some(Vec::new()));
    }

    #[test]
    fn wrong_probes_are_named_with_their_place() {
        let rows: [(&[&str], &str); 4] = [
            (
                &["mysql=x"],
                "--probe: 'mysql=x' is no probe; write one of postgres=",
            ),
            (
                &["redis=redis://:hunter2@h"],
                "set PROBE_PASSWORD_REDIS, or LOADTEST_PROBE",
            ),
            (
                &["host", "host"],
                "two probes are called host; write NAME=host",
            ),
            (&["none", "host"], "none leaves no other probe"),
        ];
        for (probes, expected) in rows {
            let problems = told(inputs(&[("probe", probes)], &[])).expect_err(expected);
            let text = problems.join("\n");
            assert!(
                text.contains(expected) && !text.contains("hunter2"),
                "{text}"
            );
        }
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(
            file.path(),
            "duration = \"1s\"\n[[probe]]\nkin = \"host\"\n",
        )
        .expect("written");
        let path = file.path().to_str().expect("a plain path");
        let problems = told(inputs(&[("config", &[path])], &[])).expect_err("a wrong key");
        assert!(
            problems[0].contains("with kind, url, name and match"),
            "{problems:?}"
        );
    }
}
