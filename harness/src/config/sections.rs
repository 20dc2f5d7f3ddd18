//! Reads the tables of a profile or file that belong to the suite.

use std::collections::BTreeMap;

use super::problem::{Problem, Source};
use super::section::Section;

/// The sections that a file has, by key.
pub(super) type Sections = BTreeMap<&'static str, toml::Table>;

/// Reads the sections of a file that is known to be TOML.
pub(super) fn read(
    text: &str,
    file: &str,
    known: &[&'static Section],
    problems: &mut Vec<Problem>,
) -> Sections {
    let mut whole: toml::Table = text.parse().unwrap_or_default();
    let mut sections = Sections::new();
    for section in known {
        let source = |key: &str| {
            let key = match key {
                "" => section.key.to_owned(),
                key => format!("{}.{key}", section.key),
            };
            let file = file.to_owned();
            Source::Key { key, file }
        };
        match whole.remove(section.key) {
            None => {}
            Some(toml::Value::Table(table)) => {
                let flaws = (section.check)(&table).into_iter();
                problems.extend(flaws.map(|flaw| Problem::new(source(&flaw.key), flaw.message)));
                sections.insert(section.key, table);
            }
            Some(_) => {
                let message = format!("must be a table; begin it with [{}]", section.key);
                problems.push(Problem::new(source(""), message));
            }
        }
    }
    sections
}

#[cfg(test)]
mod tests {
    use super::super::nearest::no_such_key;
    use super::super::section::Flaw;
    use super::*;

    static BOX: Section = Section {
        key: "box",
        check: |table| {
            let keys = table.keys().filter(|key| *key != "lid");
            keys.map(|key| Flaw::new(key, no_such_key(key, &["lid"])))
                .collect()
        },
    };

    fn said(text: &str) -> (Sections, Vec<String>) {
        let mut problems = Vec::new();
        let sections = read(text, "shop.toml", &[&BOX], &mut problems);
        (sections, problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_section_is_checked_by_its_suite_and_problems_name_key_and_file() {
        let (sections, problems) = said("vus = 5\n[box]\nlid = 1");
        assert_eq!(problems, [""; 0]);
        assert_eq!(sections["box"]["lid"].as_integer(), Some(1));
        assert_eq!(said("vus = 5").0, Sections::new());
        let rows = [
            (
                "[box]\nldi = 1",
                "box.ldi in shop.toml: there is no such key; did you mean lid? known are lid",
            ),
            (
                "box = 7",
                "box in shop.toml: must be a table; begin it with [box]",
            ),
        ];
        for (text, expected) in rows {
            assert_eq!(said(text).1, [expected], "{text}");
        }
    }
}
