//! Properties of the parsers of stores' answers, for fuzzing.

use super::exposition::{look, sample};
use super::info;
use super::proc::{self, Texts};
use super::statement::normalised;

/// Whatever a store may say.
pub fn probe(data: &[u8]) {
    exposition(data);
    statement(data);
    texts(data);
}

/// An endpoint's text: what is read of it is bounded, and every line is read as it is alone.
fn exposition(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let any = text
        .lines()
        .map(str::trim)
        .any(|line| sample(line).is_some());
    let read = look(&text, |_| true);
    assert_eq!(read.is_some(), any, "a number is one wherever it stands");
    let most = super::look::MOST_SERIES;
    if let Some(read) = read {
        assert!(
            read.gauges.len() <= most && read.counters.len() <= most && read.sums.len() <= most
        );
    }
}

/// A statement: what is left has no line breaks, and nothing more to leave out.
fn statement(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let once = normalised(&text);
    assert!(!once.contains('\n') && once.trim_end() == once, "{once:?}");
}

/// The texts of Redis and of `/proc`.
fn texts(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for sum in info::look(&text).sums {
        assert!(!sum.of.is_empty() || text.contains("cmdstat_:"));
    }
    let texts = Texts {
        stat: &text,
        disks: &text,
        net: &text,
        pressure: &text,
    };
    proc::look(texts, 2.0);
}
