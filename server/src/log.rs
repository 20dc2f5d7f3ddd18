//! The log, on standard error. What came from outside is shown in it and does nothing there:
//! neither escape sequences nor characters that can't be seen are written as they are, and no login of an
//! address is. (The generator has the same in `harness/src/shown.rs`.)

use std::io::{self, Write};

/// Standard error. A write is of whole lines.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Log;

impl Write for Log {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let shown = shown(&String::from_utf8_lossy(text));
        io::stderr().write_all(shown.as_bytes())?;
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

fn shown(text: &str) -> String {
    without_logins(text)
        .chars()
        .map(|c| {
            if hides(c) {
                char::REPLACEMENT_CHARACTER
            } else {
                c
            }
        })
        .collect()
}

/// Controls, what turns the direction of text, and what has no width.
fn hides(c: char) -> bool {
    match c {
        '\n' | '\t' => false,
        '\u{ad}'
        | '\u{61c}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff0}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}' => true,
        c => c.is_control(),
    }
}

/// `postgres://user:password@host` without user and password, wherever it stands.
fn without_logins(text: &str) -> String {
    let mut bare = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        let ends = |c: char| c.is_whitespace() || "/?#\"<>".contains(c);
        let authority = &after[..after.find(ends).unwrap_or(after.len())];
        bare.extend([before, "://"]);
        rest = match authority.rfind('@') {
            Some(at) => {
                bare.push_str("***");
                &after[at..]
            }
            None => after,
        };
    }
    bare + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_logged_does_nothing_and_tells_no_password() {
        let rows = [
            ("plain äöü\n\tx", "plain äöü\n\tx"),
            (
                "\u{1b}[31m\u{9b}\r\u{202e}\u{200b}",
                "\u{fffd}[31m\u{fffd}\u{fffd}\u{fffd}\u{fffd}",
            ),
            (
                "'postgres://u:hunter2@h/db' and redis://:hunter2@h:1",
                "'postgres://***@h/db' and redis://***@h:1",
            ),
            ("http://h/a@b", "http://h/a@b"),
        ];
        for (text, expected) in rows {
            assert_eq!(shown(text), expected);
        }
    }
}
