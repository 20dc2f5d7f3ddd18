//! Text from outside as it is shown: an answer, a file of others, an error of a library. Pure.
//!
//! What a terminal or a browser would act on, or not show at all, is replaced by something that can
//! be seen, and logins in addresses are masked. Every surface does this to the text that it is
//! about to write, in one place: [`Shown`] for a terminal, [`visible`] for reports, [`json`] for files.

use std::borrow::Cow;
use std::io::{self, Write};

use owo_colors::{OwoColorize, Style};
use serde::Serialize;

use crate::secret::without_logins;

/// The longest line of a terminal, in characters. What comes after them is left out.
const LONGEST: usize = 8_192;

/// The replacement of a character that must not be written as it is: of the first 32 their pictures
/// (`␛`), one sign for all others. Line ends and tabs are left to the surface.
fn replacement(c: char) -> Option<char> {
    match c {
        '\n' | '\t' | ' '..='~' => None,
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)),
        '\u{7f}' => Some('\u{2421}'),
        // Controls, what turns the direction of text, what has no width, and what is no character.
        '\u{80}'..='\u{9f}'
        | '\u{ad}'
        | '\u{34f}'
        | '\u{61c}'
        | '\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{fdd0}'..='\u{fdef}'
        | '\u{feff}'
        | '\u{fff0}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}' => Some(char::REPLACEMENT_CHARACTER),
        c if u32::from(c) & 0xfffe == 0xfffe => Some(char::REPLACEMENT_CHARACTER),
        _ => None,
    }
}

/// A character as it is shown.
#[must_use]
pub fn seen(c: char) -> char {
    replacement(c).unwrap_or(c)
}

/// The text with a sign for every character that can't be seen or does something, and without
/// logins. It is as long as before but for the logins.
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    let text = without_logins(text);
    if text.chars().all(|c| replacement(c).is_none()) {
        return text;
    }
    Cow::Owned(text.chars().map(seen).collect())
}

/// A value as JSON, in which nothing has to be replaced: it is escaped.
///
/// # Errors
/// A value that JSON can't have.
pub fn json(value: &impl Serialize) -> serde_json::Result<String> {
    serde_json::to_string(value).map(|text| escaped(&text))
}

/// The same, indented.
///
/// # Errors
/// A value that JSON can't have.
pub fn pretty_json(value: &impl Serialize) -> serde_json::Result<String> {
    serde_json::to_string_pretty(value).map(|text| escaped(&text))
}

/// JSON has such characters only within strings, where each may be written by its number.
fn escaped(json: &str) -> String {
    let mut text = String::new();
    let mut before = ' ';
    for c in without_logins(json).chars() {
        if replacement(c).is_some() || (c, before) == ('#', '#') {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                text.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            text.push(c);
        }
        before = c;
    }
    text
}

/// Lines as a terminal and the log of a CI job get them. The runners of GitHub and others take
/// `::error::…` at the start of a line, and `##[error]…` anywhere, for commands.
#[derive(Debug, Default)]
struct Lines {
    place: Place,
    /// Whether the last character was a `#`.
    hash: bool,
    /// Characters of this line.
    length: usize,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Nothing but space so far.
    #[default]
    Start,
    /// A colon after that.
    Colon,
    Within,
}

impl Lines {
    fn push(&mut self, text: &str, out: &mut String) {
        for c in visible(text).chars() {
            if c == '\n' {
                *self = Self::default();
                out.push(c);
                continue;
            }
            let command = match c {
                ':' => self.place == Place::Colon,
                '#' => self.hash,
                _ => false,
            };
            self.hash = c == '#';
            self.place = match (self.place, c) {
                (Place::Start, c) if c.is_whitespace() => Place::Start,
                (Place::Start, ':') => Place::Colon,
                _ => Place::Within,
            };
            self.length += 1;
            match self.length.cmp(&LONGEST) {
                std::cmp::Ordering::Less if command => out.extend([' ', c]),
                std::cmp::Ordering::Less => out.push(c),
                std::cmp::Ordering::Equal => out.push('…'),
                std::cmp::Ordering::Greater => {}
            }
        }
    }
}

/// Whole lines as a terminal gets them.
#[must_use]
pub fn lines(text: &str) -> String {
    let mut out = String::new();
    Lines::default().push(text, &mut out);
    out
}

/// A terminal, or a writer used like one. Only [`Shown::styled`] writes escape sequences to it.
#[derive(Debug)]
pub struct Shown<W> {
    out: W,
    lines: Lines,
}

impl<W: Write> Shown<W> {
    /// Shows on this.
    pub fn new(out: W) -> Self {
        Self {
            out,
            lines: Lines::default(),
        }
    }

    /// Writes a text in a style, which a writer that is no terminal must strip.
    ///
    /// # Errors
    /// The writer's.
    pub fn styled(&mut self, text: &str, style: Style) -> io::Result<()> {
        let mut shown = String::new();
        self.lines.push(text, &mut shown);
        write!(self.out, "{}", shown.style(style))
    }
}

impl<W: Write> Write for Shown<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut shown = String::new();
        self.lines.push(&String::from_utf8_lossy(bytes), &mut shown);
        self.out.write_all(shown.as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
#[path = "shown_tests.rs"]
mod tests;
