//! The forms in which a secret may appear in a text: each program that sends, quotes or logs it may
//! encode it differently. Pure.
//!
//! ```text
//! as it is        a/b"c
//! percent         a%2Fb%22c   a/b%22C   a%252Fb%2522c   every octet or some, a + for a space
//! JSON, escapes   a\/b\"c     a\u002fb\u0022c           also within JSON that is within JSON
//! HTML            a/b&quot;c  a&#47;b&#x22;c
//! Base64          YS9iImM=    also in the middle of another value, such as user:password
//! hexadecimal     612f622263  of either case
//! UTF-16, UTF-32  a␀/␀b␀"␀c␀  what is ASCII, read as UTF-8; each NUL in any of the forms above
//! ```
//!
//! Programs differ in which characters they encode, and in the case of hexadecimal digits. So a
//! text is read character by character, and each character may have any of these forms.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// A value that is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Form {
    characters: Vec<char>,
    coding: Coding,
}

/// What was made of the value before it was put into a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    /// Nothing, or another character set.
    Plain,
    /// The middle of a value in Base64, all of which is the secret's.
    Base64,
    /// Two digits an octet.
    Hexadecimal,
}

impl Form {
    /// A value, its octets as digits, and what of it stands in Base64 wherever it begins.
    pub(super) fn all(value: &str) -> impl Iterator<Item = Self> {
        let plain = Self {
            characters: value.chars().collect(),
            coding: Coding::Plain,
        };
        let digits: String = value.bytes().map(|octet| format!("{octet:02x}")).collect();
        let hexadecimal = Self {
            characters: digits.chars().collect(),
            coding: Coding::Hexadecimal,
        };
        let coded = (0..3).map(|offset| Self {
            characters: middle(value.as_bytes(), offset).chars().collect(),
            coding: Coding::Base64,
        });
        [plain, hexadecimal].into_iter().chain(coded)
    }

    pub(super) fn length(&self) -> usize {
        self.characters.len()
    }

    /// The text with `mask` for each place where it stands; nothing if it stands nowhere.
    pub(super) fn masked(&self, text: &str, mask: &str) -> Option<String> {
        let mut masked = None;
        let mut kept = 0;
        let mut at = 0;
        while at < text.len() {
            let Some(end) = self.end_at(text, at) else {
                at += text[at..].chars().next().map_or(1, char::len_utf8);
                continue;
            };
            let (start, end) = match self.coding {
                Coding::Base64 => around(text, kept, at, end),
                Coding::Plain | Coding::Hexadecimal => (at, end),
            };
            let masked = masked.get_or_insert_with(String::new);
            masked.push_str(&text[kept..start]);
            masked.push_str(mask);
            (kept, at) = (end, end);
        }
        masked.map(|masked| masked + &text[kept..])
    }

    /// Where it ends if it begins here: the furthest, when that can be read in two ways.
    fn end_at(&self, text: &str, at: usize) -> Option<usize> {
        let first = *self.characters.first()?;
        let begun = text[at..].chars().next()?;
        if !begun.eq_ignore_ascii_case(&first) && !"%\\&+-_".contains(begun) {
            return None;
        }
        let mut ends = vec![at];
        for c in &self.characters {
            let mut next = Vec::new();
            for end in ends {
                let found = &mut |length| next.push(end + length);
                after(&text[end..], *c, self.coding, found);
            }
            if self.coding == Coding::Plain {
                add_behind_nuls(text, &mut next);
            }
            next.sort_unstable();
            next.dedup();
            ends = next;
            if ends.is_empty() {
                return None;
            }
        }
        ends.last().copied()
    }
}

/// What of the Base64 of a value depends on that value alone, if it stands so many octets behind a
/// multiple of three.
///
/// ```text
/// octets      o o s s s s o o        offset 2: of the third character on two bits are others'
/// characters  c c . c c c c .
/// ```
fn middle(value: &[u8], offset: usize) -> String {
    let mut padded = vec![0; offset];
    padded.extend_from_slice(value);
    let coded = STANDARD_NO_PAD.encode(&padded);
    let first = (offset * 8).div_ceil(6);
    let end = padded.len() * 8 / 6;
    coded[first..end].to_owned()
}

/// The whole of the value in Base64 that this is the middle of, from `least` on. A `/` may be a part
/// of it or of an address, so it ends there.
fn around(text: &str, least: usize, start: usize, end: usize) -> (usize, usize) {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "+-_=".contains(c);
    let before = &text[least..start];
    let start = least + before.trim_end_matches(is_part).len();
    let behind = &text[end..];
    let end = text.len() - behind.trim_start_matches(is_part).len();
    (start, end)
}

/// As many NULs as stand between two characters of UTF-32.
const MOST_NULS: usize = 3;

/// Adds to where a character may end where the NULs behind it do.
fn add_behind_nuls(text: &str, ends: &mut Vec<usize>) {
    let mut last = ends.clone();
    for _ in 0..MOST_NULS {
        let mut next = Vec::new();
        for end in last {
            after(&text[end..], '\0', Coding::Plain, &mut |length| {
                next.push(end + length);
            });
        }
        ends.extend(&next);
        last = next;
    }
}

/// Tells the length of each form of a character that the text begins with.
fn after(text: &str, c: char, coding: Coding, found: &mut impl FnMut(usize)) {
    if text.starts_with(c) {
        found(c.len_utf8());
    }
    match (coding, c) {
        (Coding::Base64, '+') if text.starts_with('-') => found(1),
        (Coding::Base64, '/') if text.starts_with('_') => found(1),
        (Coding::Plain, ' ') if text.starts_with('+') => found(1),
        (Coding::Hexadecimal, 'a'..='f') if text.starts_with(c.to_ascii_uppercase()) => found(1),
        _ => {}
    }
    match text.as_bytes().first() {
        Some(b'%') => {
            let mut octets = [0; 4];
            percent(text, c.encode_utf8(&mut octets).as_bytes(), 0, found);
        }
        Some(b'\\') => escaped(text, c, found),
        Some(b'&') => entity(text, c, found),
        _ => {}
    }
}

/// `%2F`, `%2f`, and encoded again `%252F`; of what isn't ASCII each octet. `at` are read.
fn percent(text: &str, octets: &[u8], at: usize, found: &mut impl FnMut(usize)) {
    let Some((octet, others)) = octets.split_first() else {
        return found(at);
    };
    let mut rest = text[at..].strip_prefix('%');
    while let Some(digits) = rest {
        if hexadecimal(digits, 2) == Some(u32::from(*octet)) {
            percent(text, others, text.len() - digits.len() + 2, found);
        }
        rest = digits.strip_prefix("25");
    }
}

/// As many `\` as stand before a character that was escaped and then escaped again.
const MOST_SLASHES: usize = 4;

/// `\"`, `\/`, `\n`, `\u0022`, and `\\` for a `\`; the same with each `\` escaped once more.
fn escaped(text: &str, c: char, found: &mut impl FnMut(usize)) {
    let slashes = text.len() - text.trim_start_matches('\\').len();
    let short = match c {
        '\n' => Some('n'),
        '\r' => Some('r'),
        '\t' => Some('t'),
        c => (!c.is_alphanumeric()).then_some(c),
    };
    for slashes in 1..=slashes.min(MOST_SLASHES) {
        let rest = &text[slashes..];
        match short {
            Some(short) if rest.starts_with(short) => found(slashes + short.len_utf8()),
            _ => {}
        }
        if let Some(length) = by_number(rest, c) {
            found(slashes + length);
        }
    }
}

/// `u0022`, and for what needs two such units `ud83d\ude00`.
fn by_number(text: &str, c: char) -> Option<usize> {
    let mut units = [0; 2];
    let mut rest = text;
    for unit in c.encode_utf16(&mut units) {
        rest = rest.trim_start_matches('\\').strip_prefix('u')?;
        if hexadecimal(rest, 4) != Some(u32::from(*unit)) {
            return None;
        }
        rest = &rest[4..];
    }
    Some(text.len() - rest.len())
}

/// `&quot;`, `&#34;`, `&#x22;`.
fn entity(text: &str, c: char, found: &mut impl FnMut(usize)) {
    const LONGEST: usize = 10;
    let end = text.bytes().take(LONGEST).position(|byte| byte == b';');
    let Some(end) = end else { return };
    let stands_for = match &text[1..end] {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        name => name.strip_prefix('#').and_then(numbered),
    };
    if stands_for == Some(c) {
        found(end + 1);
    }
}

/// `34` or `x22`.
fn numbered(number: &str) -> Option<char> {
    let code = match number.strip_prefix(['x', 'X']) {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => number.parse(),
    };
    char::from_u32(code.ok()?)
}

/// The number that so many hexadecimal digits are.
fn hexadecimal(text: &str, digits: usize) -> Option<u32> {
    let text = text.get(..digits)?;
    let all = text.bytes().all(|digit| digit.is_ascii_hexdigit());
    u32::from_str_radix(text, 16).ok().filter(|_| all)
}
