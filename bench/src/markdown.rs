//! Results as Markdown. Pure.

use std::fmt::{self, Write};

use serde::{Deserialize, Serialize};

use crate::{
    machine::Facts,
    section::{Figure, Section},
    stats,
};

/// The heading of the first section, which is no row.
pub(crate) const GOALS: &str = "Goals";

/// A row of the bench with what came of it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Chapter {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) how: String,
    /// When, by which command and on which commit it was measured.
    pub(crate) measured: String,
    /// Or why it could not be measured.
    pub(crate) outcome: Result<Section, String>,
}

/// The whole document.
pub(crate) fn render(facts: &Facts, chapters: &[Chapter]) -> String {
    let mut text = String::new();
    write(&mut text, facts, chapters).expect("a String takes everything");
    text
}

fn write(out: &mut String, facts: &Facts, chapters: &[Chapter]) -> fmt::Result {
    writeln!(out, "# Results\n")?;
    writeln!(
        out,
        "Written by the bench; [README.md](README.md) says how to read it.\n"
    )?;
    writeln!(out, "| | |\n| --- | --- |")?;
    for (name, value) in facts {
        writeln!(out, "| {name} | {value} |")?;
    }
    writeln!(out, "\n## {GOALS}\n")?;
    writeln!(out, "| row | median of | measured | goal | met |")?;
    writeln!(out, "| --- | --- | --- | --- | --- |")?;
    for chapter in chapters {
        match &chapter.outcome {
            Ok(section) => goals(out, &chapter.name, section)?,
            Err(_) => writeln!(
                out,
                "| [{0}](#{0}) | | not measured | | **no** |",
                chapter.name
            )?,
        }
    }
    for chapter in chapters {
        writeln!(
            out,
            "\n## {}\n\n{}. {} *Measured {}.*\n",
            chapter.name, chapter.title, chapter.how, chapter.measured
        )?;
        match &chapter.outcome {
            Ok(section) => details(out, section)?,
            Err(error) => writeln!(out, "Could not be measured:\n\n```\n{error}\n```")?,
        }
    }
    Ok(())
}

fn goals(out: &mut String, name: &str, section: &Section) -> fmt::Result {
    for goal in &section.goals {
        let measured = goal.median.map_or_else(
            || "not measured".to_owned(),
            |median| goal.kind.shown(median),
        );
        let met = if goal.is_met() { "yes" } else { "**no**" };
        let limit = goal.limit.shown(goal.kind);
        writeln!(
            out,
            "| [{name}](#{name}) | {} | {measured} | {limit} | {met} |",
            goal.label
        )?;
    }
    Ok(())
}

fn details(out: &mut String, section: &Section) -> fmt::Result {
    let most = section
        .figures
        .iter()
        .map(|figure| figure.values.len())
        .max();
    let most = most.unwrap_or(0);
    write!(out, "| | **median** | quartiles |")?;
    (1..=most).try_for_each(|n| write!(out, " {n} |"))?;
    write!(out, "\n| --- | --- | --- |")?;
    (1..=most).try_for_each(|_| write!(out, " --- |"))?;
    writeln!(out)?;
    for figure in &section.figures {
        values(out, figure, most)?;
    }
    for note in &section.notes {
        writeln!(out, "\n{note}")?;
    }
    if !section.commands.is_empty() {
        writeln!(out, "\n```sh")?;
        for (what, line) in &section.commands {
            writeln!(out, "# {what}\n{line}")?;
        }
        writeln!(out, "```")?;
    }
    Ok(())
}

fn values(out: &mut String, figure: &Figure, most: usize) -> fmt::Result {
    let shown = |value| figure.kind.shown(value);
    let median = stats::median(&figure.values).map_or_else(String::new, shown);
    let quartiles = stats::quartiles(&figure.values).map_or_else(String::new, |(low, high)| {
        format!("{} to {}", shown(low), shown(high))
    });
    write!(out, "| {} | **{median}** | {quartiles} |", figure.label)?;
    for n in 0..most {
        let value = figure.values.get(n).copied();
        write!(out, " {} |", value.map_or_else(String::new, shown))?;
    }
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::section::Limit;

    #[test]
    fn a_document() {
        let mut section = Section::default();
        for (ours, theirs) in [(10.0, 100.0), (12.0, 144.0), (11.0, 121.0), (11.0, 121.0)] {
            section.record("loadtest: CPU per request, µs", ours);
            section.record("k6: CPU per request, µs", theirs);
        }
        section.record("only once", 1_950.0);
        section.ratio(
            "loadtest / k6",
            "loadtest: CPU per request, µs",
            "k6: CPU per request, µs",
        );
        section.goal("loadtest / k6", Limit::AtMost(1.0 / 9.0));
        section.goal("only once", Limit::AtLeast(2_000.0));
        section.note("A remark.");
        section.command("loadtest", "loadtest --vus 3");
        let chapters = [
            Chapter {
                name: "saturated".to_owned(),
                title: "CPU per request".to_owned(),
                how: "How.".to_owned(),
                measured: "today by `make bench`".to_owned(),
                outcome: Ok(section),
            },
            Chapter {
                name: "herd".to_owned(),
                title: "The herd".to_owned(),
                how: "How.".to_owned(),
                measured: "yesterday".to_owned(),
                outcome: Err("no Redis".to_owned()),
            },
        ];
        let facts = vec![("cores", "2".to_owned())];
        let expected = "\
# Results

Written by the bench; [README.md](README.md) says how to read it.

| | |
| --- | --- |
| cores | 2 |

## Goals

| row | median of | measured | goal | met |
| --- | --- | --- | --- | --- |
| [saturated](#saturated) | loadtest / k6 | 1/11 | ≤ 1/9 | yes |
| [saturated](#saturated) | only once | 1,950 | ≥ 2,000 | **no** |
| [herd](#herd) | | not measured | | **no** |

## saturated

CPU per request. How. *Measured today by `make bench`.*

| | **median** | quartiles | 1 | 2 | 3 | 4 |
| --- | --- | --- | --- | --- | --- | --- |
| loadtest: CPU per request, µs | **11** | 10.5 to 11.5 | 10 | 12 | 11 | 11 |
| k6: CPU per request, µs | **121** | 110 to 132 | 100 | 144 | 121 | 121 |
| only once | **1,950** |  | 1,950 |  |  |  |
| loadtest / k6 | **1/11** | 1/11.5 to 1/10.5 | 1/10 | 1/12 | 1/11 | 1/11 |

A remark.

```sh
# loadtest
loadtest --vus 3
```

## herd

The herd. How. *Measured yesterday.*

Could not be measured:

```
no Redis
```
";
        assert_eq!(render(&facts, &chapters), expected);
    }
}
