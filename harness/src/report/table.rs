//! A table for a terminal.

use std::io::{self, Write};

use owo_colors::OwoColorize;
use tabled::builder::Builder;
use tabled::settings::object::Columns;
use tabled::settings::{Alignment, Modify};

/// Colours the marks of a finished table: by then, escape sequences can't upset its widths.
fn with_coloured_marks(table: &str) -> String {
    table
        .replace('✓', &"✓".green().to_string())
        .replace('✗', &"✗".red().bold().to_string())
}

/// Rows of a table, the first one its head.
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
    /// Columns from this one on are numbers, and stand right.
    numbers_from: usize,
}

impl Table {
    pub(crate) fn new<'a>(head: impl IntoIterator<Item = &'a str>, numbers_from: usize) -> Self {
        Self {
            rows: vec![head.into_iter().map(str::to_owned).collect()],
            numbers_from,
        }
    }

    pub(crate) fn push(&mut self, row: impl Into<Vec<String>>) {
        self.rows.push(row.into());
    }
}

/// Writes a table under its title; nothing when it has no rows.
pub(crate) fn section(title: &str, table: Table, out: &mut impl Write) -> io::Result<()> {
    if table.rows.len() < 2 {
        return Ok(());
    }
    let numbers_from = table.numbers_from;
    let mut rendered = Builder::from_iter(table.rows).build();
    rendered.with(tabled::settings::Style::rounded());
    rendered.with(Modify::new(Columns::new(numbers_from..)).with(Alignment::right()));
    writeln!(out, "\n{}", title.bold())?;
    writeln!(out, "{}", with_coloured_marks(&rendered.to_string()))
}

/// The mark of something that holds or doesn't.
pub(crate) fn mark(ok: bool) -> String {
    if ok { "✓" } else { "✗" }.to_owned()
}
