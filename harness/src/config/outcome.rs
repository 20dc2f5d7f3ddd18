//! How a request may come out, as far as the tags of a threshold speak of it.

use super::occurring::Values;
use crate::catalogue::RequestEntry;

/// Pairs of a threshold's filter.
pub(super) type Pairs<'a> = Vec<&'a (String, String)>;

/// A status, and whether it was expected.
pub(super) type Outcome = (u16, bool);

/// What a request has that was cut: it is in no share.
pub(super) const CUT: Outcome = (0, true);

/// How a request may come out.
pub(super) fn outcomes<'a>(
    values: &'a Values<'_>,
    request: &'a RequestEntry,
) -> impl Iterator<Item = Outcome> + 'a {
    let redirected = |status: u16| values.occurring.redirects && (300..400).contains(&status);
    let may_be_expected = move |status: u16| {
        status == CUT.0 || request.expected.is_met_by(status) || redirected(status)
    };
    let statuses = || std::iter::once(0).chain(200..=999);
    // An answer that breaks off is none that was expected, whatever its status.
    let failures = statuses().map(|status| (status, false));
    let expected = statuses().filter(move |status| may_be_expected(*status));
    failures.chain(expected.map(|status| (status, true)))
}

/// Whether the pairs take what comes out so.
pub(super) fn wanted(pairs: &Pairs<'_>, (status, expected): Outcome) -> bool {
    pairs.iter().all(|(key, text)| {
        let (value, is) = match text.strip_prefix('!') {
            Some(value) => (value, false),
            None => (text.as_str(), true),
        };
        match key.as_str() {
            "status" => (value.parse() == Ok(status)) == is,
            "expected_response" => (value.parse() == Ok(expected)) == is,
            _ => true,
        }
    })
}
