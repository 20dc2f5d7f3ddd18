//! A statement of SQL without what its caller put into it. Pure.

use crate::secret::scrub;

/// Characters that are looked at: what is longer is a batch of data.
const LONGEST: usize = 2_000;

/// A statement on one line with `?` for every literal, without its comments.
pub(super) fn normalised(statement: &str) -> String {
    let chars: Vec<char> = statement.chars().take(LONGEST).collect();
    let mut text = String::new();
    let mut rest = &chars[..];
    while let Some(&c) = rest.first() {
        let (taken, written) = piece(rest, text.chars().next_back());
        match written {
            Written::Itself => text.extend(rest[..taken].iter().map(|c| spaced(*c))),
            Written::Literal => text.push('?'),
            Written::Space if !text.is_empty() && !text.ends_with(' ') => text.push(' '),
            Written::Space => {}
        }
        debug_assert!(taken > 0, "no progress at {c:?}");
        rest = &rest[taken..];
    }
    scrub(text.trim_end()).into_owned()
}

/// A quoted name may have line breaks in it.
fn spaced(c: char) -> char {
    if c.is_whitespace() { ' ' } else { c }
}

/// What is written for a piece of a statement.
enum Written {
    Itself,
    Literal,
    Space,
}

/// The piece that a text begins with: how long it is, and what is written for it. `before` is the
/// character that was written last.
fn piece(text: &[char], before: Option<char>) -> (usize, Written) {
    let in_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$');
    match (text[0], text.get(1)) {
        (c, _) if c.is_whitespace() => (1, Written::Space),
        ('-', Some('-')) => (until(text, &['\n']), Written::Space),
        ('/', Some('*')) => (until(text, &['*', '/']), Written::Space),
        ('\'', _) => (quoted(text), Written::Literal),
        ('"', _) => (1 + until(&text[1..], &['"']), Written::Itself),
        ('$', _) if !in_word => match dollar_quoted(text) {
            Some(length) => (length, Written::Literal),
            None => (word(text), Written::Itself),
        },
        (c, _) if c.is_ascii_digit() && !in_word => (word(text), Written::Literal),
        (c, _) if c.is_alphanumeric() || c == '_' => (word(text), Written::Itself),
        _ => (1, Written::Itself),
    }
}

/// The length up to and with `end`, or of all.
fn until(text: &[char], end: &[char]) -> usize {
    let at = text.windows(end.len()).position(|window| window == end);
    at.map_or(text.len(), |at| at + end.len())
}

/// The length of a text in single quotes; a doubled one doesn't end it, nor one after a backslash.
fn quoted(text: &[char]) -> usize {
    let mut at = 1;
    while at < text.len() {
        match (text[at], text.get(at + 1)) {
            ('\'', Some('\'')) | ('\\', Some(_)) => at += 2,
            ('\'', _) => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

/// The length of a text in `$$` or `$tag$`; nothing if it is a parameter such as `$1`.
fn dollar_quoted(text: &[char]) -> Option<usize> {
    let tag = 2 + text[1..].iter().position(|c| *c == '$')?;
    let plain = |c: &char| c.is_alphanumeric() || *c == '_';
    let named = text[1..tag - 1].iter().all(plain) && !text[1].is_ascii_digit();
    named.then(|| tag + until(&text[tag..], &text[..tag]))
}

/// The length of a word or number.
fn word(text: &[char]) -> usize {
    let inside = |c: &char| c.is_alphanumeric() || "_$.".contains(*c);
    1 + text[1..].iter().take_while(|c| inside(c)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_and_comments_are_left_out() {
        let rows = [
            ("LOCK TABLE orders", "LOCK TABLE orders"),
            ("SELECT 1", "SELECT ?"),
            (
                "select  a1,\n\t b from t2 -- secret\n",
                "select a1, b from t2",
            ),
            ("a = 'it''s' and b = 1.5e7", "a = ? and b = ?"),
            (r"a = E'x\'y' /* 'z' */ + 2", "a = E? + ?"),
            ("f($1, $2::int)", "f($1, $2::int)"),
            ("x = $$body's$$ or $a$ $$ $a$ = 1", "x = ? or ? = ?"),
            (r#"select "a'b" from "c""#, r#"select "a'b" from "c""#),
            ("a = 'unended", "a = ?"),
            ("", ""),
        ];
        for (statement, expected) in rows {
            assert_eq!(normalised(statement), expected);
        }
    }
}
