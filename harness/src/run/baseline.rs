//! The baseline that a run is compared with: read and looked at before the load, compared after it.

use std::path::Path;

use super::prepare::Refusal;
use crate::compare::{Comparison, Rule, compare};
use crate::config::{Baseline as Wanted, RunConfig};
use crate::report::{
    Generator, Recorded, RunResult, SERIES_FILE, misfits, planned, read_series, summary,
};
use crate::tui::tell;

/// Looks at the baseline as the run does: read, and said what doesn't fit.
///
/// # Errors
/// Why it can't be read.
pub(crate) fn check(config: &RunConfig) -> Result<(), Refusal> {
    Baseline::open(config, &Generator::of_this_machine()).map(drop)
}

/// The baseline.
pub(super) struct Baseline {
    recorded: Recorded,
    wanted: Wanted,
}

impl Baseline {
    /// Reads the baseline, if one is given, and says what doesn't fit. The run goes on: another
    /// machine is no mistake of who asked for it.
    pub(super) fn open(config: &RunConfig, generator: &Generator) -> Result<Option<Self>, Refusal> {
        let Some(wanted) = config.baseline.clone() else {
            return Ok(None);
        };
        let recorded = Recorded::read(&wanted.path)?;
        for misfit in misfits(&recorded, &planned(config, generator), None) {
            tell(&format!("NOT COMPARABLE with the baseline: {misfit}"));
        }
        Ok(Some(Self { recorded, wanted }))
    }

    /// Compares the run that ended, and judges it by the outcome.
    pub(super) fn apply(&self, result: &mut RunResult, directory: &Path) {
        match self.compare(result, directory) {
            Ok(comparison) => {
                let refused = comparison.refused();
                let gate = self.wanted.fail_on_regression.filter(|_| refused.is_none());
                let said = |why| format!("baseline {}: {why}", comparison.base);
                result.warnings.extend(refused.map(said));
                if let Some(limit) = gate {
                    if let Some(disturbed) = &comparison.disturbed {
                        let reason = format!("the baseline can't judge this run: {disturbed}");
                        result.judgement.invalidate(reason);
                    }
                    result
                        .judgement
                        .add_regressions(comparison.regressions(limit));
                }
                result.comparison = Some(comparison);
            }
            Err(error) => {
                let reason = format!("the run could not be compared with its baseline: {error}");
                if self.wanted.fail_on_regression.is_some() {
                    result.judgement.invalidate(reason);
                } else {
                    tell(&reason);
                }
            }
        }
    }

    fn compare(&self, result: &RunResult, directory: &Path) -> Result<Comparison, String> {
        let summary = summary(result);
        let new = Recorded {
            series: read_series(&directory.join(SERIES_FILE)).map_err(|error| error.to_string())?,
            catalogue: summary.catalogue,
            run: summary.run,
            verdict: summary.verdict,
            lack: None,
            unfit: summary.unfit,
        };
        let subject = |recorded: &Recorded| recorded.subject().map_err(|error| error.to_string());
        let rule = Rule {
            noise: self.wanted.noise,
            ..Rule::default()
        };
        let mut misfits = misfits(&self.recorded, &new.run, Some(new.verdict));
        misfits.extend(new.misfit("this run"));
        Ok(compare(
            &subject(&self.recorded)?,
            &subject(&new)?,
            misfits,
            rule,
        ))
    }
}
