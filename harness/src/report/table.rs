//! A table for a terminal. Where the terminal is too narrow for it, the columns that weigh least are
//! left out, and what is still too wide is cut in parts.

use std::io::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering};

use owo_colors::Style;
use tabled::builder::Builder;
use tabled::settings::object::Columns;
use tabled::settings::{Alignment, Modify};

use crate::format::{fitted, keeping_units, listed};
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

/// Widths of columns, each with its frame, that are `most` together: the widest gives way.
fn narrowed(widths: &[usize], most: usize) -> Vec<usize> {
    let mut widths = widths.to_vec();
    let mut too_wide = (widths.iter().sum::<usize>() + 3 * widths.len()).saturating_sub(most);
    while too_wide > 0 {
        match widths.iter_mut().max() {
            Some(widest) if *widest > NARROWEST => *widest -= 1,
            _ => break,
        }
        too_wide -= 1;
    }
    widths
}

/// A text in lines of so many characters, broken at spaces where there are some, but not between a
/// number and its unit.
fn wrapped(text: &str, width: usize) -> String {
    keeping_units(text, |text| at_spaces(text, width))
}

/// By hand, because tabled's own wrapping leaves the spaces at the beginning of lines.
fn at_spaces(text: &str, width: usize) -> String {
    let mut lines = Vec::new();
    for line in text.lines() {
        let mut rest: Vec<char> = line.chars().collect();
        while rest.len() > width.max(1) {
            let head = &rest[..width.max(1) + 1];
            let indent = head.iter().take_while(|c| **c == ' ').count();
            let space = head.iter().rposition(|c| *c == ' ');
            let space = space.filter(|at| *at > indent);
            let behind = rest.split_off(space.unwrap_or(width.max(1)));
            lines.push(rest.iter().collect());
            rest = behind
                .into_iter()
                .skip(usize::from(space.is_some()))
                .collect();
        }
        lines.push(rest.iter().collect::<String>());
    }
    lines.join("\n")
}

/// Rows of a table, the first one its head.
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
    /// Columns from this one on are numbers, and stand right.
    numbers_from: usize,
    /// Heads of columns that may be left out, the least important first.
    light: &'static [&'static str],
}

impl Table {
    pub(crate) fn new<'a>(head: impl IntoIterator<Item = &'a str>, numbers_from: usize) -> Self {
        Self {
            rows: vec![head.into_iter().map(str::to_owned).collect()],
            numbers_from,
            light: &[],
        }
    }

    /// Has these columns left out, the first of them first, where there is no room for all.
    pub(crate) fn without_if_narrow(self, light: &'static [&'static str]) -> Self {
        Self { light, ..self }
    }

    /// How wide it is: each column has two spaces and a line, and there is one more line.
    fn is_wider_than(&self, most: usize) -> bool {
        let widths = (0..self.rows[0].len()).map(|column| self.width(column) + 3);
        most > 0 && widths.sum::<usize>() + 1 > most
    }

    /// Leaves columns out until the rest fits, if it may; gives the heads of those.
    fn lightened(&mut self, most: usize) -> Vec<&'static str> {
        let mut left_out = Vec::new();
        for name in self.light {
            if !self.is_wider_than(most) {
                break;
            }
            if let Some(column) = self.rows[0].iter().position(|head| head == name) {
                for row in &mut self.rows {
                    row.remove(column);
                }
                left_out.push(*name);
            }
        }
        left_out
    }

    fn rendered(self) -> String {
        let mut rendered = Builder::from_iter(self.rows).build();
        rendered.with(tabled::settings::Style::rounded());
        rendered.with(Modify::new(Columns::new(self.numbers_from..)).with(Alignment::right()));
        rendered.to_string()
    }

    /// The table in parts that are no wider than `most`, where that can be: each has the texts of
    /// all rows, in more lines if need be, and some of the numbers.
    fn fitted(self, most: usize) -> Vec<Self> {
        let widths: Vec<usize> = (0..self.rows[0].len())
            .map(|column| self.width(column))
            .collect();
        let wide = |widths: &[usize]| widths.iter().map(|width| width + 3).sum::<usize>() + 1;
        if !self.is_wider_than(most) {
            return vec![self];
        }
        let (texts, numbers) = widths.split_at(self.numbers_from.min(widths.len()));
        let widest_number = numbers.iter().max().map_or(0, |width| width + 3);
        let texts = narrowed(texts, most.saturating_sub(widest_number + 1));
        let mut parts: Vec<Vec<usize>> = vec![Vec::new()];
        let mut left = most.saturating_sub(wide(&texts));
        for (column, width) in (self.numbers_from..).zip(numbers) {
            if width + 3 > left && parts.last().is_some_and(|part| !part.is_empty()) {
                parts.push(Vec::new());
                left = most.saturating_sub(wide(&texts));
            }
            parts.last_mut().expect("there is one").push(column);
            left = left.saturating_sub(width + 3);
        }
        parts.iter().map(|part| self.part(&texts, part)).collect()
    }

    /// The widest line of a column.
    fn width(&self, column: usize) -> usize {
        let lines = self.rows.iter().flat_map(|row| row[column].lines());
        lines.map(|line| line.chars().count()).max().unwrap_or(0)
    }

    /// The texts, wrapped at these widths, and these columns.
    fn part(&self, texts: &[usize], numbers: &[usize]) -> Self {
        let row = |row: &Vec<String>| {
            let texts = row
                .iter()
                .zip(texts)
                .map(|(text, width)| wrapped(text, *width));
            let numbers = numbers.iter().map(|column| row[*column].clone());
            texts.chain(numbers).collect()
        };
        Self {
            rows: self.rows.iter().map(row).collect(),
            numbers_from: self.numbers_from,
            light: self.light,
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
pub(crate) fn section(
    title: &str,
    mut table: Table,
    out: &mut Shown<impl Write>,
) -> io::Result<()> {
    if table.rows.len() < 2 {
        return Ok(());
    }
    writeln!(out)?;
    out.styled(title, Style::new().bold())?;
    writeln!(out)?;
    let width = WIDTH.load(Ordering::Relaxed);
    let left_out = table.lightened(width);
    for part in table.fitted(width) {
        write_marked(&part.rendered(), out)?;
        writeln!(out)?;
    }
    if !left_out.is_empty() {
        let told = format!("no room for {}: see the report", listed(left_out, "and"));
        out.styled(&told, Style::new().dimmed())?;
        writeln!(out)?;
    }
    Ok(())
}

/// Writes a text behind an indent, in lines of the terminal's width.
pub(crate) fn paragraph(indent: usize, text: &str, out: &mut Shown<impl Write>) -> io::Result<()> {
    let space = " ".repeat(indent);
    let wrapped = wrapped(text, columns().saturating_sub(indent));
    let mut lines = wrapped.lines();
    lines.try_for_each(|line| writeln!(out, "{space}{line}"))
}

/// Writes the rest of a line of which so many characters are written, and goes on below it.
pub(crate) fn rest(written: usize, text: &str, out: &mut Shown<impl Write>) -> io::Result<()> {
    let space = " ".repeat(written);
    let whole = wrapped(&format!("{space}{text}"), columns());
    writeln!(out, "{}", &whole[written..])
}

/// The columns that texts may take.
fn columns() -> usize {
    match WIDTH.load(Ordering::Relaxed) {
        0 => usize::MAX - 1,
        columns => columns.max(NARROWEST),
    }
}

/// How many columns tables may take from now on; 0 is any number.
pub fn fit_tables(columns: usize) {
    WIDTH.store(columns, Ordering::Relaxed);
}

/// There is one terminal.
static WIDTH: AtomicUsize = AtomicUsize::new(0);

/// Texts are not made narrower than this.
const NARROWEST: usize = 8;

/// The mark of something that holds or doesn't.
pub(crate) fn mark(ok: bool) -> String {
    if ok { "✓" } else { "✗" }.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(["", "name of a request", "count", "avg", "p95"], 2);
        table.push(["✓", "a name that is long", "1234567", "1.5", "22.75"].map(str::to_owned));
        table.push(["✗", "short\n  detail", "1", "2.5", "3.5"].map(str::to_owned));
        table
    }

    fn shown(most: usize) -> String {
        let parts = table().fitted(most).into_iter().map(Table::rendered);
        parts.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn what_fits_is_one_table() {
        for most in [0, 52, 200] {
            assert_eq!(table().fitted(most).len(), 1, "{most}");
        }
    }

    #[test]
    fn a_narrow_terminal_gets_the_table_in_parts_of_its_width() {
        let expected = "\
╭───┬─────────────────────┬─────────╮
│   │ name of a request   │   count │
├───┼─────────────────────┼─────────┤
│ ✓ │ a name that is long │ 1234567 │
│ ✗ │ short               │       1 │
│   │   detail            │         │
╰───┴─────────────────────┴─────────╯
╭───┬─────────────────────┬─────┬───────╮
│   │ name of a request   │ avg │   p95 │
├───┼─────────────────────┼─────┼───────┤
│ ✓ │ a name that is long │ 1.5 │ 22.75 │
│ ✗ │ short               │ 2.5 │   3.5 │
│   │   detail            │     │       │
╰───┴─────────────────────┴─────┴───────╯";
        assert_eq!(shown(42), expected);
    }

    #[test]
    fn what_weighs_least_is_left_out_first() {
        let light = |most: usize| {
            let mut table = table().without_if_narrow(&["avg", "count", "nothing"]);
            let left_out = table.lightened(most);
            (
                left_out,
                table.rows[0][2..].join(" "),
                table.fitted(most).len(),
            )
        };
        assert_eq!(light(0), (vec![], "count avg p95".to_owned(), 1));
        assert_eq!(light(52), (vec![], "count avg p95".to_owned(), 1));
        assert_eq!(light(46), (vec!["avg"], "count p95".to_owned(), 1));
        assert_eq!(light(36), (vec!["avg", "count"], "p95".to_owned(), 1));
    }

    #[test]
    fn a_unit_stays_with_its_number() {
        for (width, expected) in [
            (14, "(was 21.8 ms),\nat 0s"),
            (12, "(was\n21.8 ms), at\n0s"),
        ] {
            assert_eq!(wrapped("(was 21.8 ms), at 0s", width), expected, "{width}");
        }
    }

    #[test]
    fn texts_are_wrapped_where_no_number_would_fit_beside_them() {
        let expected = "\
╭───┬───────────┬─────────╮
│   │ name of a │   count │
│   │ request   │         │
├───┼───────────┼─────────┤
│ ✓ │ a name    │ 1234567 │
│   │ that is   │         │
│   │ long      │         │
│ ✗ │ short     │       1 │
│   │   detail  │         │
╰───┴───────────┴─────────╯";
        let shown = shown(27);
        assert!(shown.starts_with(expected), "{shown}");
        let widest = shown.lines().map(|line| line.chars().count()).max();
        assert_eq!(widest, Some(27));
        assert_eq!(wrapped("abcdefgh ij", 4), "abcd\nefgh\nij");
        assert_eq!(wrapped("  abcdef", 4), "  ab\ncdef");
    }
}
