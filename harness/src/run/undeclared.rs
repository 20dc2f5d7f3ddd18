//! Checks that the suite has not declared: no threshold could be about them.

use std::collections::BTreeSet;

use crate::config::RunConfig;
use crate::metrics::Snapshot;
use crate::report::RunResult;

/// Says of each such check that it isn't declared. That is a mistake of the suite's author, not of
/// who runs it: only a debug build, as tests are, takes it for more than a warning.
pub(super) fn note(result: &mut RunResult) {
    for check in undeclared(&result.config, &result.snapshot) {
        let said = format!("the check '{check}' is not one of Suite::checks; add it there");
        if cfg!(debug_assertions) {
            result.judgement.invalidate(said);
        } else {
            result.warnings.push(said);
        }
    }
}

/// A suite that declares none has thresholds on any.
fn undeclared(config: &RunConfig, snapshot: &Snapshot) -> BTreeSet<&'static str> {
    if config.checks.is_empty() {
        return BTreeSet::new();
    }
    let requests = &config.catalogue.requests;
    let is_declared = |check: &str| {
        config.checks.contains(&check) || requests.iter().any(|one| one.readable == check)
    };
    let all = snapshot.checks.keys().map(|tags| tags.check);
    all.filter(|check| !is_declared(check)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Inputs, load};
    use crate::fixture::outline;
    use crate::metrics::{CheckCounts, CheckTags};

    #[test]
    fn what_the_suite_names_and_that_answers_can_be_read_is_declared() {
        let mut config = load(&outline(), Inputs::default()).expect("the default profile");
        let mut snapshot = Snapshot::default();
        for check in ["page 200", "5_create_order: answer can be read", "paeg 200"] {
            let tags = CheckTags {
                scenario: "default",
                persona: "impulse_buyer",
                check,
                stage: 0,
            };
            snapshot.checks.insert(tags, CheckCounts::default());
        }
        let found: Vec<_> = undeclared(&config, &snapshot).into_iter().collect();
        assert_eq!(found, ["paeg 200"]);
        config.checks.clear();
        assert_eq!(undeclared(&config, &snapshot), BTreeSet::new());
    }
}
