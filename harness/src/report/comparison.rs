//! A comparison in a table, for a person.

use std::io::{self, Write};

use owo_colors::Style;

use super::table::{Table, section};
use crate::compare::{Change, Comparison, Row};
use crate::format::{LONG, cut};
use crate::shown::Shown;

/// Writes a comparison.
///
/// # Errors
/// The writer's.
pub fn write_comparison(comparison: &Comparison, out: &mut Shown<impl Write>) -> io::Result<()> {
    let title = format!("Compared with {}", comparison.base);
    let mut table = Table::new(["", "metric", "base", "new", "change", "interval", ""], 2);
    for row in &comparison.rows {
        let [base, new, change, interval] = row.texts();
        let word = row.judgement.words().to_owned();
        table.push([
            mark(row),
            row.metric.clone(),
            base,
            new,
            change,
            interval,
            word,
        ]);
    }
    section(&title, table, out)?;
    let mut stores = Table::new(
        [
            "probe",
            "in the stores (medians, not judged)",
            "base",
            "new",
        ],
        2,
    );
    for change in &comparison.stores {
        let [title, base, new] = change.texts();
        stores.push([change.probe.clone(), title, base, new]);
    }
    section("What changed in the stores", stores, out)?;
    if let Some(doubt) = &comparison.disturbed {
        out.styled("!", Style::new().yellow().bold())?;
        writeln!(out, " {}", cut(doubt, LONG))?;
    }
    notes(comparison, out)?;
    answer(comparison, out)
}

/// The answer in a word, and what it goes by.
fn answer(comparison: &Comparison, out: &mut Shown<impl Write>) -> io::Result<()> {
    if let Some(refused) = comparison.refused() {
        out.styled(&cut(&refused, LONG), Style::new().yellow().bold())?;
        return writeln!(out, "\nNo change between them is judged.");
    }
    let (change, style) = match comparison.change {
        Change::Worse => ("WORSE", Style::new().red().bold()),
        Change::Better => ("BETTER", Style::new().green().bold()),
        Change::Same => ("SAME", Style::new().green().bold()),
        Change::CantTell | Change::NotComparable => ("CAN'T TELL", Style::new().yellow().bold()),
    };
    let counts = [
        Change::Worse,
        Change::Better,
        Change::Same,
        Change::CantTell,
    ]
    .map(|change| (comparison.count(change), change.words()))
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, words)| format!("{count} {words}"));
    let counts: Vec<String> = counts.collect();
    out.styled(change, style)?;
    writeln!(out, "  {}", counts.join(", "))?;
    if comparison.change == Change::Same && comparison.count(Change::CantTell) > 0 {
        writeln!(
            out,
            "All requests together are the same. To judge the rest, measure for longer, or on a quieter machine."
        )?;
    }
    writeln!(
        out,
        "All intervals hold together at {:.0} % confidence. Worse or better: the whole interval is beyond ±{:.0} % (for durations also ±{} ms).",
        comparison.rule.confidence * 100.0,
        comparison.rule.noise * 100.0,
        comparison.rule.floor_ms,
    )
}

fn mark(row: &Row) -> String {
    match row.judgement {
        Change::Worse => "✗",
        Change::Better => "✓",
        Change::Same => "=",
        Change::CantTell | Change::NotComparable => "?",
    }
    .to_owned()
}

/// Why something can't be told, each reason once.
fn notes(comparison: &Comparison, out: &mut Shown<impl Write>) -> io::Result<()> {
    let mut told: Vec<&str> = Vec::new();
    for row in &comparison.rows {
        if let Some(note) = row.note.as_deref().filter(|note| !told.contains(note)) {
            writeln!(out, "? {}: {}", cut(&row.metric, LONG), cut(note, LONG))?;
            told.push(note);
        }
    }
    Ok(())
}
