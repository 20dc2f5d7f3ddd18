//! What people who know k6 type: its short flags, and an answer for what is called otherwise here.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, Error};

/// The short form of a flag, by its key; k6's.
pub(super) fn short(key: &str) -> Option<char> {
    Some(match key {
        "vus" => 'u',
        "duration" => 'd',
        "iterations" => 'i',
        "stages" => 's',
        "out" => 'o',
        "quiet" => 'q',
        _ => return None,
    })
}

/// k6's words that clap doesn't know here, and what to do instead.
const ANSWERS: &[(&str, &str)] = &[
    (
        "run",
        "leave `run` and the script out; scripts aren't run here, a persona is written in Rust",
    ),
    (
        "inspect",
        "`validate` checks a configuration and shows the plan",
    ),
    (
        "new",
        "there are no scripts here: examples/ has a load test to begin with",
    ),
    ("cloud", "there is no cloud here"),
    ("login", "there is no cloud here"),
    (
        "archive",
        "there are no scripts here to put into an archive",
    ),
    (
        "pause",
        "a run can't be paused; --tui and --web show it and stop it",
    ),
    (
        "resume",
        "a run can't be paused; --tui and --web show it and stop it",
    ),
    (
        "scale",
        "a run's VUs follow its stages; --tui and --web show it and stop it",
    ),
    ("stats", "--tui and --web show the run while it goes on"),
    ("status", "--tui and --web show the run while it goes on"),
    ("version", "--version"),
    ("-c", "--config FILE"),
    ("-v", "RUST_LOG=debug in front of the command"),
    ("--verbose", "RUST_LOG=debug in front of the command"),
    ("--rps", "--rate N/s starts so many iterations a second"),
    ("--max-redirects", "--redirects N"),
    ("--insecure-skip-tls-verify", "--insecure"),
    ("--local-ips", "--local-address ADDRESS, repeated"),
    ("--user-agent", "--header 'user-agent: NAME'"),
    (
        "--no-connection-reuse",
        "--connection-age TIME renews connections",
    ),
    (
        "--no-vu-connection-reuse",
        "--connection-age TIME renews connections",
    ),
    ("--summary-export", "--summary-json FILE"),
    (
        "--summary-trend-stats",
        "the summary always has avg, min, med, max, p90, p95, p99 and p999",
    ),
    ("--summary-mode", "the summary has one form"),
    ("--summary-time-unit", "the summary is in milliseconds"),
    (
        "--no-summary",
        "--quiet leaves progress out; the summary is always shown",
    ),
    (
        "--no-thresholds",
        "--sla none --threshold 'checks: rate>=0'; without the latter, all checks must hold",
    ),
    ("--system-tags", "requests always have all of their tags"),
    (
        "--no-setup",
        "a suite's set-up can't be left out; look for a flag of its own in --help",
    ),
    (
        "--no-teardown",
        "--no-audit leaves out what comes after the load",
    ),
    (
        "--http-debug",
        "every report has samples of unexpected answers",
    ),
    (
        "--discard-response-bodies",
        "an answer's body is kept only if a check reads it",
    ),
    (
        "--batch",
        "a persona's code decides how many requests it sends at once",
    ),
    (
        "--batch-per-host",
        "a persona's code decides how many requests it sends at once",
    ),
    ("--blacklist-ip", "load goes only to --host"),
    ("--block-hostnames", "load goes only to --host"),
    (
        "--dns",
        "a name is looked up again every 30 s; --resolve says where it is",
    ),
    (
        "--min-iteration-duration",
        "--think-time TIME pauses between iterations; --rate keeps a rate",
    ),
    (
        "--execution-segment",
        "--fleet URL divides a run over several processes",
    ),
    (
        "--execution-segment-sequence",
        "--fleet URL divides a run over several processes",
    ),
    (
        "--throw",
        "a failed request never ends a run; a threshold with abort_on_fail does",
    ),
    ("--no-color", "NO_COLOR=1 in front of the command"),
    ("--no-usage-report", "no usage data is sent"),
    ("--log-output", "logs go to standard error"),
    ("--console-output", "logs go to standard error"),
    (
        "--address",
        "--web ADDRESS:PORT serves a page that shows the run and stops it",
    ),
    ("--paused", "--start-time TIME waits before the load"),
    ("--linger", "the program always exits at the end of its run"),
];

/// The error, or instead of it what k6's word is called here.
pub(super) fn answered(error: Error, command: &mut Command) -> Error {
    let kind = match error.kind() {
        ErrorKind::UnknownArgument => ContextKind::InvalidArg,
        ErrorKind::InvalidSubcommand => ContextKind::InvalidSubcommand,
        _ => return error,
    };
    let Some(ContextValue::String(word)) = error.get(kind) else {
        return error;
    };
    match ANSWERS.iter().find(|(theirs, _)| theirs == word) {
        Some((theirs, answer)) => {
            command.error(error.kind(), format!("`{theirs}` is k6's. Here: {answer}"))
        }
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Invocation, parse};
    use crate::fixture::outline;

    fn parsed(line: &str) -> Result<Invocation, Error> {
        parse(line.split(' ').map(Into::into), &outline())
    }

    #[test]
    fn k6s_short_flags_are_ours() {
        let layer = match parsed("loadtest -u 3 -d 30s -o csv=x.csv -q") {
            Ok(Invocation::Run(layer)) => layer,
            other => panic!("{other:?}"),
        };
        for (key, text) in [("vus", "3"), ("duration", "30s"), ("out", "csv=x.csv")] {
            assert_eq!(layer.get(key).expect("given").texts, [text], "{key}");
        }
        assert!(layer.get("quiet").is_some());
        assert!(parsed("loadtest -u 3 -i 9").is_ok());
        assert!(parsed("loadtest -s 30s:10 -s 1m:0").is_ok());
    }

    #[test]
    fn k6s_other_words_are_answered() {
        for (line, answer) in [
            ("loadtest run script.js", "scripts aren't run here"),
            ("loadtest --rps 5", "`--rps` is k6's. Here: --rate N/s"),
            ("loadtest --no-thresholds", "--sla none"),
            ("loadtest inspect x.js", "`validate`"),
        ] {
            let said = parsed(line).expect_err(line).to_string();
            assert!(said.contains(answer), "{line}: {said}");
        }
    }

    /// An answer to a word that is ours would never be seen.
    #[test]
    fn no_answer_stands_for_what_there_is() {
        for (word, _) in ANSWERS {
            let error = parsed(&format!("loadtest {word}")).expect_err(word);
            assert!(error.to_string().contains("k6's"), "{word}: {error}");
        }
    }
}
