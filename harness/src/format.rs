//! How numbers, times and texts are written for people. Pure.

use std::time::Duration;

use crate::shown::visible;

/// Milliseconds with about three significant digits and their thousands apart, without the unit.
pub(crate) fn ms(value: f64) -> String {
    match value {
        value if value < 9.995 => format!("{value:.2}"),
        value if value < 99.95 => format!("{value:.1}"),
        value => grouped(value.round() as u64),
    }
}

/// Milliseconds with their unit.
pub(crate) fn ms_unit(value: f64) -> String {
    format!("{} ms", ms(value))
}

/// A number with about three significant digits.
pub(crate) fn number(value: f64) -> String {
    match value {
        value if value >= 99.95 => grouped(value.round() as u64),
        value if value.fract() == 0.0 => format!("{value}"),
        value if value >= 9.995 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}

/// A count with its thousands apart.
pub(crate) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The same of what may be less than nothing.
pub(crate) fn grouped_signed(amount: i64) -> String {
    let sign = if amount < 0 { "-" } else { "" };
    format!("{sign}{}", grouped(amount.unsigned_abs()))
}

/// A share, 0 to 1, in percent; never `0 %` or `100 %` where it isn't exactly that.
pub(crate) fn percent(share: f64) -> String {
    match share * 100.0 {
        0.0 => "0 %".to_owned(),
        100.0 => "100 %".to_owned(),
        value if value < 0.01 => "< 0.01 %".to_owned(),
        value if value > 99.99 => "> 99.99 %".to_owned(),
        value if !(1.0..=99.0).contains(&value) => format!("{value:.2} %"),
        value => format!("{value:.1} %"),
    }
}

/// A share that somebody gave, in percent with the digits that they gave.
pub(crate) fn given_percent(share: f64) -> String {
    format!("{} %", (share * 1e8).round() / 1e6)
}

/// A share, 0 to 1, in percent with so many decimals, for columns.
pub(crate) fn percent_to(share: f64, decimals: usize) -> String {
    format!("{:.decimals$} %", share * 100.0)
}

/// A number beside the limit that it is compared with: `short`, or as many digits more as it takes
/// to see on which side of the limit it is.
pub(crate) fn beside(limit: f64, value: f64, short: String, unit: &str) -> String {
    // 0.29 times 100 is a little less than 29.
    let [limit, value] = [limit, value].map(|number| (number * 1e9).round() / 1e9);
    let is_told = |text: &String| {
        let digits = text.chars().filter(|c| c.is_ascii_digit() || *c == '.');
        let told = digits.collect::<String>().parse::<f64>();
        told.is_ok_and(|told| {
            let is_nothing = (told == 0.0) == (value == 0.0);
            is_nothing && told.partial_cmp(&limit) == value.partial_cmp(&limit)
        })
    };
    let longer = (1..=9).map(|digits| with_digits(value, digits) + unit);
    let mut texts = std::iter::once(short.clone()).chain(longer);
    texts.find(is_told).unwrap_or(short)
}

/// A number with so many digits behind the point, and its thousands apart.
fn with_digits(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    let parts = text.split_once('.');
    let parts = parts.and_then(|(whole, rest)| Some((whole.parse().ok()?, rest)));
    parts.map_or_else(
        || text.clone(),
        |(whole, rest)| format!("{}.{rest}", grouped(whole)),
    )
}

/// A time of the run: `42s`, `1m30s`, `2h05m`.
pub(crate) fn clock(ms: u64) -> String {
    let seconds = ms / 1_000;
    match (seconds / 3_600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s}s"),
        (0, m, 0) => format!("{m}m"),
        (0, m, s) => format!("{m}m{s:02}s"),
        (h, 0, _) => format!("{h}h"),
        (h, m, _) => format!("{h}h{m:02}m"),
    }
}

/// A time as a clock shows it: `1:05`, `1:02:03`.
pub(crate) fn stopwatch(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

/// The noun for a count.
pub(crate) fn plural(count: u64, one: &str, many: &str) -> String {
    let noun = if count == 1 { one } else { many };
    format!("{} {noun}", grouped(count))
}

/// Words as people enumerate them: `a, b and c`.
pub(crate) fn listed(words: impl IntoIterator<Item = impl Into<String>>, and: &str) -> String {
    let mut words: Vec<String> = words.into_iter().map(Into::into).collect();
    let last = words.pop().unwrap_or_default();
    if words.is_empty() {
        return last;
    }
    format!("{} {and} {last}", words.join(", "))
}

/// A text in lines of at most so many characters, 0 for any number. Lines are broken at spaces alone,
/// so that addresses and paths can be copied (a table breaks long words, because its cells must fit),
/// and go on two characters further to the right.
pub(crate) fn folded(text: &str, width: usize) -> String {
    let fold = |line: &str| {
        let indent = line.chars().take_while(|c| *c == ' ').count();
        let (mut folded, mut length) = (" ".repeat(indent), indent);
        for (index, word) in line[indent..].split(' ').enumerate() {
            let long = word.chars().count();
            if index > 0 && length + 1 + long > width {
                folded.push_str(&format!("\n{}", " ".repeat(indent + 2)));
                length = indent + 2;
            } else if index > 0 {
                folded.push(' ');
                length += 1;
            }
            folded.push_str(word);
            length += long;
        }
        folded
    };
    match width {
        0 => text.to_owned(),
        _ => keeping_units(text, |text| {
            text.split('\n').map(fold).collect::<Vec<_>>().join("\n")
        }),
    }
}

/// A space at which no line is broken.
const NO_BREAK: char = '\u{a0}';

/// A text in the lines that `wrap` makes of it, which don't break between a number and its unit.
pub(crate) fn keeping_units(text: &str, wrap: impl FnOnce(&str) -> String) -> String {
    wrap(&with_units(text)).replace(NO_BREAK, " ")
}

/// The same text, with spaces before units at which no line is broken.
pub(crate) fn with_units(text: &str) -> String {
    text.replace(" %", &format!("{NO_BREAK}%"))
        .replace(" ms", &format!("{NO_BREAK}ms"))
}

/// Characters of a sentence from elsewhere that a terminal gets.
pub(crate) const LONG: usize = 2_000;

/// The beginning of a text in one line, as it is shown.
pub(crate) fn cut(text: &str, most: usize) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    let text = visible(&line);
    let mut chars = text.chars();
    let mut cut: String = chars.by_ref().take(most).collect();
    if chars.next().is_some() {
        cut.push('…');
    }
    cut
}

/// At most so many characters, as they are shown; what was cut off is told by an ellipsis, which
/// counts as one.
pub(crate) fn fitted(text: &str, width: usize) -> String {
    let text = visible(text);
    if text.chars().count() <= width {
        return text.into_owned();
    }
    let mut short: String = text.chars().take(width.saturating_sub(1)).collect();
    if width > 0 {
        short.push('…');
    }
    short
}

/// `did you mean …? ` with what is nearest to a word; nothing where nothing is near.
#[must_use]
pub(crate) fn did_you_mean<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> String {
    let lower = word.to_lowercase();
    let distances = known.map(|other| {
        let distance = strsim::osa_distance(&lower, &other.to_lowercase());
        (distance, other)
    });
    let nearest = distances.min_by_key(|(distance, _)| *distance);
    // What shares less than half of its letters is no typo of it.
    let near = nearest.filter(|(distance, near)| 2 * distance <= near.len().max(word.len()));
    near.map_or_else(String::new, |(_, near)| format!("did you mean {near}? "))
}

/// A number of bytes, such as `64 MiB`.
#[must_use]
pub(crate) fn size(bytes: usize) -> String {
    match bytes.is_multiple_of(1 << 20) {
        true => format!("{} MiB", bytes >> 20),
        false => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_folded_between_words() {
        let rows = [
            (20, "a line that is short", "a line that is short"),
            (12, "error: one two three\n", "error: one\n  two three\n"),
            (
                14,
                "  --flag: is wrong here",
                "  --flag: is\n    wrong here",
            ),
            (
                10,
                "report: /a/path/longer/than/that",
                "report:\n  /a/path/longer/than/that",
            ),
            (12, "it was 9.41 ms long", "it was\n  9.41 ms\n  long"),
            (0, "any number of columns", "any number of columns"),
        ];
        for (width, text, expected) in rows {
            assert_eq!(folded(text, width), expected, "{width}");
        }
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(
            [0, 999, 1_000, 1_234_567].map(grouped),
            ["0", "999", "1,000", "1,234,567"]
        );
        assert_eq!(
            [65, 3_723].map(|s| stopwatch(Duration::from_secs(s))),
            ["1:05", "1:02:03"]
        );
        assert_eq!(
            [percent_to(0.12345, 1), percent_to(1.0, 2)],
            ["12.3 %", "100.00 %"]
        );
    }

    #[test]
    fn cuts_are_told() {
        assert_eq!(fitted("a long name", 6), "a lon…");
        assert_eq!(fitted("short", 5), "short");
        assert_eq!(fitted("\u{1b}[1m\u{202e}", 9), "␛[1m\u{fffd}");
        assert_eq!(fitted("äöü", 0), "");
    }

    #[test]
    fn numbers_are_short_and_not_rounded_to_something_else() {
        assert_eq!(
            [1.234, 9.996, 12.34, 99.96, 1_234.4].map(ms),
            ["1.23", "10.0", "12.3", "100", "1,234"]
        );
        assert_eq!(
            [grouped(0), grouped(999), grouped(1_234_567)],
            ["0", "999", "1,234,567"]
        );
        assert_eq!(
            [0.05, 0.001_25, 1.0, 0.07].map(given_percent),
            ["5 %", "0.125 %", "100 %", "7 %"]
        );
        let shares = [0.0, 0.00001, 0.004, 0.5, 0.9999999, 1.0].map(percent);
        assert_eq!(
            shares,
            ["0 %", "< 0.01 %", "0.40 %", "50.0 %", "> 99.99 %", "100 %"]
        );
        let times = [0, 42_000, 90_000, 120_000, 7_500_000].map(clock);
        assert_eq!(times, ["0s", "42s", "1m30s", "2m", "2h05m"]);
        assert_eq!(cut("a\u{1b}[31mbc", 4), "a␛[3…");
        assert_eq!(cut("two\r\n  lines\tof", 20), "two lines of");
    }
}
