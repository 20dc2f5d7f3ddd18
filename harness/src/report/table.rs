//! A table for a terminal.

use std::io::{self, Write};

use owo_colors::Style;
use tabled::builder::Builder;
use tabled::settings::object::Columns;
use tabled::settings::{Alignment, Modify};

use crate::format::fitted;
use crate::shown::Shown;

/// The longest cell, in characters.
const LONGEST: usize = 1_000;

/// The marks of a finished table in colour: by then, escape sequences can't upset its widths.
fn write_marked(table: &str, out: &mut Shown<impl Write>) -> io::Result<()> {
    for piece in table.split_inclusive(['✓', '✗']) {
        let (text, style) = match (piece.strip_suffix('✓'), piece.strip_suffix('✗')) {
            (Some(text), _) => (text, Style::new().green()),
            (_, Some(text)) => (text, Style::new().red().bold()),
            _ => (piece, Style::new()),
        };
        out.write_all(text.as_bytes())?;
        if text.len() < piece.len() {
            out.styled(&piece[text.len()..], style)?;
        }
    }
    Ok(())
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

    /// Adds a row, as it is shown: what it is replaced by must count for the widths.
    pub(crate) fn push(&mut self, row: impl Into<Vec<String>>) {
        let cells = row.into().into_iter();
        self.rows
            .push(cells.map(|cell| fitted(&cell, LONGEST)).collect());
    }
}

/// Writes a table under its title; nothing when it has no rows.
pub(crate) fn section(title: &str, table: Table, out: &mut Shown<impl Write>) -> io::Result<()> {
    if table.rows.len() < 2 {
        return Ok(());
    }
    let numbers_from = table.numbers_from;
    let mut rendered = Builder::from_iter(table.rows).build();
    rendered.with(tabled::settings::Style::rounded());
    rendered.with(Modify::new(Columns::new(numbers_from..)).with(Alignment::right()));
    writeln!(out)?;
    out.styled(title, Style::new().bold())?;
    writeln!(out)?;
    write_marked(&rendered.to_string(), out)?;
    writeln!(out)
}

/// The mark of something that holds or doesn't.
pub(crate) fn mark(ok: bool) -> String {
    if ok { "✓" } else { "✗" }.to_owned()
}
