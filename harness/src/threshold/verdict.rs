//! The verdict and its exit code. Pure: everything that was seen goes in, the judgement comes out.

use serde::{Deserialize, Serialize};

use super::evaluate::Outcome;
use super::limits::Limits;
use crate::failing::Faults;
use crate::format::{given_percent, grouped};

/// What the run says about the system under test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Every threshold and invariant holds.
    Pass,
    /// A threshold is crossed or an invariant broken.
    Fail,
    /// The run says nothing about the system.
    Invalid,
}

/// The exit codes of `loadtest`. 0, 99, 104 and 105 are k6's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitCode {
    /// Verdict pass.
    Pass,
    /// Verdict invalid.
    Invalid,
    /// Something is worse than in the baseline.
    Regressed,
    /// An invariant is broken.
    InvariantBroken,
    /// A threshold is crossed.
    ThresholdCrossed,
    /// Flags or configuration are wrong, or there is no server; no load was sent.
    BadConfiguration,
    /// Stopped by a signal.
    Interrupted,
}

impl ExitCode {
    /// Every code with what it means, for `--help` and the README.
    pub const TABLE: [(Self, &'static str); 7] = [
        (
            Self::Pass,
            "pass: every threshold, check and invariant holds",
        ),
        (
            Self::ThresholdCrossed,
            "fail: a threshold is crossed (checks count as one), requests never ended, or answers \
             could not be read",
        ),
        (
            Self::InvariantBroken,
            "fail: a business invariant is broken",
        ),
        (
            Self::Regressed,
            "fail: worse than the baseline by more than --fail-on-regression",
        ),
        (
            Self::Invalid,
            "invalid: no data, no set-up, no audit, a limit is crossed, or a report was not written",
        ),
        (
            Self::BadConfiguration,
            "bad flags or configuration, or no server: no load was sent",
        ),
        (
            Self::Interrupted,
            "interrupted by a signal; summary and reports are still written",
        ),
    ];

    /// The code of this number; an unknown number counts as invalid.
    #[must_use]
    pub fn of_code(code: u8) -> Self {
        let known = Self::TABLE.iter().map(|(known, _)| *known);
        known
            .into_iter()
            .find(|known| known.code() == code)
            .unwrap_or(Self::Invalid)
    }

    /// The number that the process ends with.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Regressed => 96,
            Self::Invalid => 97,
            Self::InvariantBroken => 98,
            Self::ThresholdCrossed => 99,
            Self::BadConfiguration => 104,
            Self::Interrupted => 105,
        }
    }
}

/// Everything that the verdict depends on.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// The thresholds' outcomes.
    pub thresholds: &'a [Outcome],
    /// The broken invariants, in words.
    pub broken_invariants: &'a [String],
    /// Why set-up or load could not be carried through, if it couldn't.
    pub error: Option<&'a str>,
    /// Why the load could not be audited, if it couldn't.
    pub unaudited: Option<&'a str>,
    /// What the server did wrong, whatever the thresholds say of it.
    pub faults: &'a Faults,
    /// Why the load was not begun, if the suite refused to.
    pub refused: Option<&'a str>,
    /// Complete iterations.
    pub iterations: u64,
    /// Iterations cut before they were complete.
    pub interrupted: u64,
    /// What may be and what may not.
    pub limits: &'a Limits,
    /// Requests sent.
    pub requests: u64,
    /// Whether a signal ended the run.
    pub signalled: bool,
    /// Why the run ended itself, if it did.
    pub aborted: Option<&'a str>,
    /// Why the generator may be what was measured.
    pub saturated: &'a [String],
    /// Whether a threshold is crossed by what no generator can have caused.
    pub stands: bool,
    /// Scenarios and personas with nothing to show.
    pub idle: &'a [String],
    /// What keeps a run from passing but doesn't excuse the server: the load was not quite the
    /// one that was asked for.
    pub doubts: &'a [String],
    /// In what the mix was not the planned one: more doubts.
    pub mix: &'a [String],
}

/// The judgement and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// The exit code.
    pub exit: ExitCode,
    /// Why, in words, the weightiest first; empty for a pass.
    pub reasons: Vec<String>,
}

impl Judgement {
    /// Adds what is worse than in the baseline, as the least of the reasons.
    pub fn add_regressions(&mut self, regressions: Vec<String>) {
        if self.exit == ExitCode::Pass && !regressions.is_empty() {
            self.verdict = Verdict::Fail;
            self.exit = ExitCode::Regressed;
        }
        self.reasons.extend(regressions);
    }

    /// Adds a reason why the run doesn't say what it was asked. Only a signal weighs more.
    pub fn invalidate(&mut self, reason: String) {
        self.verdict = Verdict::Invalid;
        if self.exit != ExitCode::Interrupted {
            self.exit = ExitCode::Invalid;
        }
        self.reasons.insert(0, reason);
    }
}

/// Judges the run. Every reason is listed. The exit code is that of the most important one: a
/// signal, then what makes the run invalid, then broken invariants, then crossed thresholds.
///
/// An overloaded generator makes a run invalid, unless something failed that it can't have caused:
/// books that don't add up, answers that could not be read, and thresholds that are crossed by
/// answers ([`any_stands`](super::any_stands)). Such a run fails, and its last reason says that its
/// times can't be trusted. Consequences of the server's failures (a different mix, an audit that
/// can't be read) don't make a failed run invalid. They are listed after the failures, in one line.
#[must_use]
pub fn judge(evidence: &Evidence<'_>) -> Judgement {
    if let Some(refused) = evidence.refused {
        return Judgement {
            verdict: Verdict::Invalid,
            exit: ExitCode::BadConfiguration,
            reasons: vec![refused.to_owned()],
        };
    }
    let wrong = Wrong::of(evidence);
    let (invalid, after) = unmet(evidence, &wrong);
    let failed = wrong.is_fail();
    let verdict = match () {
        () if !invalid.is_empty() || evidence.signalled => Verdict::Invalid,
        () if failed => Verdict::Fail,
        () => Verdict::Pass,
    };
    let exit = match () {
        () if evidence.signalled => ExitCode::Interrupted,
        () if !invalid.is_empty() => ExitCode::Invalid,
        () if !wrong.invariants.is_empty() => ExitCode::InvariantBroken,
        () if failed => ExitCode::ThresholdCrossed,
        () => ExitCode::Pass,
    };
    let signal = evidence
        .signalled
        .then(|| "interrupted by a signal before its end".to_owned());
    let headline = evidence.faults.failed.clone();
    let headline = headline.filter(|_| verdict != Verdict::Pass);
    let reasons = signal
        .into_iter()
        .chain(invalid)
        .chain(headline)
        .chain(wrong.inexcusable)
        .chain(wrong.invariants)
        .chain(wrong.aborted)
        .chain(wrong.thresholds)
        .chain(after)
        .collect();
    Judgement {
        verdict,
        exit,
        reasons,
    }
}

/// What the server did wrong, in words.
struct Wrong {
    inexcusable: Vec<String>,
    invariants: Vec<String>,
    aborted: Option<String>,
    thresholds: Vec<String>,
    /// Whether any of it is so however the generator was.
    stands: bool,
}

impl Wrong {
    fn of(evidence: &Evidence<'_>) -> Self {
        let broken = evidence.broken_invariants.iter();
        // Where nothing was sent, that no threshold holds is no news.
        let was_sent = evidence.requests > 0;
        let outcomes = evidence.thresholds.iter();
        let outcomes = outcomes.filter(|outcome| was_sent && !outcome.ok);
        Self {
            inexcusable: evidence.faults.inexcusable().cloned().collect(),
            invariants: broken
                .map(|name| format!("invariant broken: {name}"))
                .collect(),
            aborted: evidence
                .aborted
                .map(|reason| format!("aborted {reason}: the rest of the plan was not run")),
            thresholds: outcomes.map(crossed).collect(),
            stands: evidence.stands
                || !evidence.broken_invariants.is_empty()
                || evidence.faults.unreadable.is_some(),
        }
    }

    /// A server that failed has failed, even if the load was not quite the planned one.
    const fn is_fail(&self) -> bool {
        !self.inexcusable.is_empty()
            || !self.invariants.is_empty()
            || !self.thresholds.is_empty()
            || self.aborted.is_some()
    }
}

/// In what the run was not the one that was asked for: what makes it invalid, and what is only
/// said after what the server did wrong, because it follows from that or excuses nothing.
fn unmet(evidence: &Evidence<'_>, wrong: &Wrong) -> (Vec<String>, Vec<String>) {
    let (mut invalid, unfit) = match wrong.stands {
        true => (Vec::new(), unfit(evidence.saturated)),
        false => (evidence.saturated.to_vec(), None),
    };
    invalid.extend(evidence.error.map(str::to_owned));
    let (invalid, after) = unplanned(evidence, wrong, invalid);
    (invalid, after.into_iter().chain(unfit).collect())
}

/// What is said of an unfit generator after what it can't have caused.
fn unfit(saturated: &[String]) -> Option<String> {
    let why = saturated.join("; ");
    (!saturated.is_empty()).then(|| format!("times and rates of this run can't be trusted: {why}"))
}

/// The same of the load that was sent.
fn unplanned(
    evidence: &Evidence<'_>,
    wrong: &Wrong,
    mut invalid: Vec<String>,
) -> (Vec<String>, Vec<String>) {
    let unfinished = unfinished(evidence);
    let unaudited = evidence.unaudited.map(str::to_owned);
    let doubts = || evidence.doubts.iter().cloned();
    if !wrong.is_fail() {
        let mix = evidence.mix.iter().cloned();
        invalid.splice(0..0, unfinished);
        invalid.extend(unaudited.into_iter().chain(doubts()).chain(mix));
        return (invalid, Vec::new());
    }
    if evidence.faults.is_empty() {
        invalid.splice(0..0, unfinished);
        let mix = evidence.mix.iter().cloned();
        return (invalid, doubts().chain(mix).chain(unaudited).collect());
    }
    let mix = match evidence.mix {
        [] => None,
        [only] => Some(only.clone()),
        [first, others @ ..] => Some(format!("{first}, and {} more like it", others.len())),
    };
    let follows: Vec<String> = unfinished
        .into_iter()
        .chain(doubts())
        .chain(mix)
        .chain(unaudited)
        .collect();
    let after =
        (!follows.is_empty()).then(|| format!("what follows from that: {}", follows.join("; ")));
    (invalid, after.into_iter().collect())
}

impl Judgement {
    /// The same judgement with doubts that came up after it: nothing that is doubted passes.
    #[must_use]
    pub fn doubted(mut self, doubts: Vec<String>) -> Self {
        if !doubts.is_empty() && self.verdict == Verdict::Pass {
            (self.verdict, self.exit) = (Verdict::Invalid, ExitCode::Invalid);
        }
        self.reasons.extend(doubts);
        self
    }
}

/// What was not carried through of the load.
fn unfinished(evidence: &Evidence<'_>) -> Vec<String> {
    let mut reasons = Vec::new();
    let started = evidence.iterations + evidence.interrupted;
    if evidence.requests == 0 && evidence.error.is_none() && !evidence.signalled {
        reasons.push("no request was sent: there is nothing to judge".to_owned());
    } else if evidence.requests > 0 && evidence.iterations == 0 {
        reasons.push("no iteration was completed: there is nothing to judge".to_owned());
    }
    let share = evidence.interrupted as f64 / started.max(1) as f64;
    if share > evidence.limits.interrupted {
        reasons.push(format!(
            "{} of {} iterations were cut at the end of their grace time, more than {} (--limit interrupted)",
            grouped(evidence.interrupted),
            grouped(started),
            given_percent(evidence.limits.interrupted)
        ));
    }
    // What was ended early may not have come to everything; what failed first may end it all.
    let ended_early = evidence.signalled || evidence.aborted.is_some() || evidence.error.is_some();
    if !ended_early && evidence.iterations > 0 {
        reasons.extend_from_slice(evidence.idle);
    }
    reasons
}

fn crossed(outcome: &Outcome) -> String {
    let threshold = &outcome.threshold;
    let Some(actual) = outcome.actual else {
        return format!("threshold without data: {threshold}");
    };
    let was = threshold.measured(actual);
    let worst = if threshold.window.is_some() {
        " in its worst window"
    } else {
        ""
    };
    match &outcome.crossing {
        None => format!("threshold crossed: {threshold} (was {was}{worst})"),
        Some(crossing) => format!("threshold crossed: {threshold} (was {was}{worst}), {crossing}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse::parse;
    use super::*;

    const GOOD: Evidence<'_> = Evidence {
        thresholds: &[],
        broken_invariants: &[],
        error: None,
        unaudited: None,
        faults: &Faults::NONE,
        refused: None,
        iterations: 300,
        interrupted: 0,
        limits: &Limits::DEFAULT,
        requests: 1_900,
        signalled: false,
        aborted: None,
        saturated: &[],
        stands: false,
        idle: &[],
        doubts: &[],
        mix: &[],
    };

    fn outcome(ok: bool, actual: Option<f64>) -> Outcome {
        let threshold = parse("http_req_duration: p(95)<200", &[]).expect("a good threshold");
        Outcome {
            threshold,
            actual,
            ok,
            crossing: None,
            open: false,
        }
    }

    #[test]
    fn a_good_run_passes_without_reasons() {
        let judgement = judge(&Evidence {
            thresholds: &[outcome(true, Some(20.0))],
            ..GOOD
        });
        assert_eq!(
            judgement,
            Judgement {
                verdict: Verdict::Pass,
                exit: ExitCode::Pass,
                reasons: vec![]
            }
        );
    }

    #[test]
    fn a_load_that_was_refused_is_no_run() {
        let judgement = judge(&Evidence {
            refused: Some("there is nothing to buy"),
            requests: 0,
            iterations: 0,
            ..GOOD
        });
        assert_eq!(
            judgement,
            Judgement {
                verdict: Verdict::Invalid,
                exit: ExitCode::BadConfiguration,
                reasons: vec!["there is nothing to buy".to_owned()]
            }
        );
    }

    #[test]
    fn the_weightiest_reason_sets_the_code_and_all_are_listed() {
        let broken = ["orders".to_owned()];
        let crossed = [outcome(false, Some(728.04))];
        let both = Evidence {
            thresholds: &crossed,
            broken_invariants: &broken,
            ..GOOD
        };
        // (evidence, verdict, code, number of reasons)
        let rows = [
            (
                Evidence {
                    thresholds: &crossed,
                    ..GOOD
                },
                Verdict::Fail,
                99,
                1,
            ),
            (both, Verdict::Fail, 98, 2),
            (
                Evidence {
                    unaudited: Some("the books could not be audited"),
                    ..both
                },
                Verdict::Fail,
                98,
                3,
            ),
            (
                Evidence {
                    unaudited: Some("the books could not be audited"),
                    ..GOOD
                },
                Verdict::Invalid,
                97,
                1,
            ),
            (
                Evidence {
                    error: Some("set-up failed"),
                    ..both
                },
                Verdict::Invalid,
                97,
                3,
            ),
            (
                Evidence {
                    signalled: true,
                    ..both
                },
                Verdict::Invalid,
                105,
                3,
            ),
            (
                Evidence {
                    requests: 0,
                    iterations: 0,
                    ..GOOD
                },
                Verdict::Invalid,
                97,
                1,
            ),
            (
                Evidence {
                    iterations: 0,
                    ..GOOD
                },
                Verdict::Invalid,
                97,
                1,
            ),
            (
                Evidence {
                    iterations: 95,
                    interrupted: 5,
                    ..GOOD
                },
                Verdict::Pass,
                0,
                0,
            ),
            (
                Evidence {
                    iterations: 94,
                    interrupted: 6,
                    ..GOOD
                },
                Verdict::Invalid,
                97,
                1,
            ),
        ];
        for (evidence, verdict, code, reasons) in rows {
            let judgement = judge(&evidence);
            assert_eq!(
                (
                    judgement.verdict,
                    judgement.exit.code(),
                    judgement.reasons.len()
                ),
                (verdict, code, reasons),
                "{judgement:?}"
            );
        }
    }

    #[test]
    fn what_follows_from_failures_is_said_after_them_and_once() {
        let faults = Faults {
            failed: Some("330 of 659 requests failed, all 503".to_owned()),
            ..Faults::NONE
        };
        let crossed = [outcome(false, Some(728.04))];
        let mix = ["x was sent 0.5 times", "y 0.4", "z 0.3"].map(str::to_owned);
        let evidence = Evidence {
            thresholds: &crossed,
            faults: &faults,
            idle: &["z completed no iteration".to_owned()],
            doubts: &["12 operations are unknown".to_owned()],
            mix: &mix,
            unaudited: Some("the load could not be audited: 503"),
            ..GOOD
        };
        let judgement = judge(&evidence);
        assert_eq!(
            (judgement.verdict, judgement.exit.code()),
            (Verdict::Fail, 99)
        );
        let expected = [
            "330 of 659 requests failed, all 503",
            "threshold crossed: http_req_duration: p(95)<200 (was 728 ms)",
            "what follows from that: z completed no iteration; 12 operations are unknown; \
             x was sent 0.5 times, and 2 more like it; the load could not be audited: 503",
        ];
        assert_eq!(judgement.reasons, expected);
        // Failures that every threshold allows excuse nothing.
        let allowed = judge(&Evidence {
            thresholds: &[],
            ..evidence
        });
        assert_eq!((allowed.exit.code(), allowed.reasons.len()), (97, 7));
        // A generator that could not do its work is no server's doing, but for what was answered.
        let saturated = judge(&Evidence {
            saturated: &["generator saturated".to_owned()],
            ..evidence
        });
        assert_eq!((saturated.exit.code(), saturated.reasons.len()), (97, 4));
    }

    #[test]
    fn what_no_generator_can_have_caused_fails_and_that_it_was_unfit_is_said_after_it() {
        let faults = Faults {
            failed: Some("330 of 659 requests failed, all 503".to_owned()),
            ..Faults::NONE
        };
        let unreadable = Faults {
            unreadable: Some("3 answers could not be read".to_owned()),
            ..Faults::NONE
        };
        let (broken, crossed) = (["orders".to_owned()], [outcome(false, Some(728.04))]);
        let unfit = Evidence {
            thresholds: &crossed,
            saturated: &["timers were late".to_owned(), "no CPU".to_owned()],
            ..GOOD
        };
        let last = "times and rates of this run can't be trusted: timers were late; no CPU";
        let rows = [
            (
                Evidence {
                    stands: true,
                    faults: &faults,
                    ..unfit
                },
                99,
            ),
            (
                Evidence {
                    broken_invariants: &broken,
                    ..unfit
                },
                98,
            ),
            (
                Evidence {
                    faults: &unreadable,
                    ..unfit
                },
                99,
            ),
        ];
        for (evidence, code) in rows {
            let judgement = judge(&evidence);
            let of = (judgement.verdict, judgement.exit.code());
            assert_eq!(of, (Verdict::Fail, code), "{judgement:?}");
            assert_eq!(judgement.reasons.last().map(String::as_str), Some(last));
            // What is no matter of speed stays invalid: another one's reset, a signal.
            let disturbed = judge(&Evidence {
                error: Some("reset"),
                ..evidence
            });
            assert_eq!(disturbed.exit.code(), 97, "{disturbed:?}");
            let stopped = judge(&Evidence {
                signalled: true,
                ..evidence
            });
            assert_eq!(stopped.exit.code(), 105, "{stopped:?}");
        }
        // A time that is too long, and a request that never ended, may be the generator's.
        let hanging = Faults {
            hanging: Some("30 requests were never answered".to_owned()),
            ..Faults::NONE
        };
        for evidence in [
            unfit,
            Evidence {
                faults: &hanging,
                ..unfit
            },
        ] {
            let judgement = judge(&evidence);
            assert_eq!(judgement.exit.code(), 97, "{judgement:?}");
            assert_eq!(judgement.reasons[0], "timers were late");
        }
    }

    #[test]
    fn requests_that_never_ended_fail_whatever_the_thresholds_say() {
        let faults = Faults {
            hanging: Some("30 requests were never answered".to_owned()),
            ..Faults::NONE
        };
        let judgement = judge(&Evidence {
            thresholds: &[outcome(true, Some(20.0))],
            faults: &faults,
            iterations: 0,
            interrupted: 30,
            ..GOOD
        });
        assert_eq!(
            (judgement.verdict, judgement.exit.code()),
            (Verdict::Fail, 99)
        );
        assert_eq!(judgement.reasons[0], "30 requests were never answered");
        assert_eq!(judgement.reasons.len(), 2, "{:?}", judgement.reasons);
    }

    #[test]
    fn what_is_doubted_never_passes_but_excuses_no_failure() {
        let (doubts, crossed) = (["rows lost".to_owned()], [outcome(false, Some(728.04))]);
        let of = |judgement: &Judgement| (judgement.exit.code(), judgement.reasons.len());
        let doubted = Evidence {
            doubts: &doubts,
            ..GOOD
        };
        assert_eq!(of(&judge(&doubted)), (97, 1));
        let failed = judge(&Evidence {
            thresholds: &crossed,
            ..doubted
        });
        assert_eq!(of(&failed), (99, 2));
        assert_eq!(of(&failed.doubted(doubts.to_vec())), (99, 3));
        assert_eq!(of(&judge(&GOOD).doubted(doubts.to_vec())), (97, 1));
        assert_eq!(of(&judge(&GOOD).doubted(vec![])), (0, 0));
    }

    #[test]
    fn a_saturated_generator_or_an_idle_scenario_is_invalid_whatever_else() {
        let (reason, crossed) = (["reason".to_owned()], [outcome(false, Some(728.04))]);
        let code = |evidence: Evidence<'_>| judge(&evidence).exit.code();
        let failed = Evidence {
            thresholds: &crossed,
            ..GOOD
        };
        let saturated = Evidence {
            saturated: &reason,
            ..failed
        };
        let idle = Evidence {
            idle: &reason,
            ..failed
        };
        assert_eq!((code(failed), code(saturated), code(idle)), (99, 97, 97));
        let aborted = Evidence {
            aborted: Some("at 5s"),
            ..idle
        };
        assert_eq!(code(aborted), 99, "it had no time to get there");
        let mended = Evidence {
            aborted: Some("at 5s"),
            ..GOOD
        };
        assert_eq!(code(mended), 99, "what ended the run is not forgotten");
    }

    #[test]
    fn a_regression_fails_only_what_would_pass() {
        let regression = || vec!["regression: http_reqs: rate".to_owned()];
        let mut passed = judge(&GOOD);
        passed.add_regressions(vec![]);
        assert_eq!(passed.exit, ExitCode::Pass);
        passed.add_regressions(regression());
        assert_eq!((passed.verdict, passed.exit.code()), (Verdict::Fail, 96));
        let mut crossed = judge(&Evidence {
            thresholds: &[outcome(false, Some(728.04))],
            ..GOOD
        });
        crossed.add_regressions(regression());
        assert_eq!((crossed.exit.code(), crossed.reasons.len()), (99, 2));
        let mut stopped = judge(&Evidence {
            signalled: true,
            ..GOOD
        });
        stopped.invalidate("not compared".to_owned());
        assert_eq!(
            (stopped.exit.code(), stopped.reasons[0].as_str()),
            (105, "not compared")
        );
        passed.invalidate("not compared".to_owned());
        assert_eq!((passed.verdict, passed.exit.code()), (Verdict::Invalid, 97));
    }

    #[test]
    fn a_reason_says_what_was_measured() {
        let crossed = judge(&Evidence {
            thresholds: &[outcome(false, Some(728.04))],
            ..GOOD
        });
        assert_eq!(
            crossed.reasons,
            ["threshold crossed: http_req_duration: p(95)<200 (was 728 ms)"]
        );
        let no_data = judge(&Evidence {
            thresholds: &[outcome(false, None)],
            ..GOOD
        });
        assert_eq!(
            no_data.reasons,
            ["threshold without data: http_req_duration: p(95)<200"]
        );
    }
}
