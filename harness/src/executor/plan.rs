//! The schedules of a run's scenarios, which run at once from the same zero. Pure.

use std::sync::Arc;
use std::time::Duration;

use super::clock::Clock;
use super::schedule::Schedule;

/// A scenario's name and schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its name; nothing for the only scenario of a run that names none.
    pub name: Option<&'static str>,
    /// Who iterates when.
    pub schedule: Schedule,
}

/// Where a stage lies in the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span<'a> {
    /// Number of its scenario.
    pub part: usize,
    /// Its name.
    pub name: &'a str,
    /// When it starts.
    pub start: Duration,
    /// When it ends; nothing for the grace, which is open.
    pub end: Option<Duration>,
}

/// All schedules of a run. Stages are numbered through, scenario by scenario, each with its grace
/// at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    parts: Vec<Part>,
    stages: Vec<String>,
    first_stages: Vec<u16>,
}

impl Plan {
    /// The plan of these scenarios.
    #[must_use]
    pub fn new(parts: Vec<Part>) -> Self {
        let (mut stages, mut first_stages) = (Vec::new(), Vec::new());
        for part in &parts {
            first_stages.push(stages.len() as u16);
            stages.extend(part.schedule.stage_names());
        }
        Self {
            parts,
            stages,
            first_stages,
        }
    }

    /// The scenarios.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// VUs that must exist.
    #[must_use]
    pub fn vus_max(&self) -> u32 {
        self.parts.iter().map(|part| part.schedule.vus_max()).sum()
    }

    /// When the last scenario ends, its grace not counted.
    #[must_use]
    pub fn end(&self) -> Duration {
        let ends = self.parts.iter().map(|part| part.schedule.end());
        ends.max().unwrap_or_default()
    }

    /// The longest that a scenario lets its iterations finish.
    #[must_use]
    pub fn graceful_stop(&self) -> Duration {
        let graces = self.parts.iter().map(|part| part.schedule.graceful_stop);
        graces.max().unwrap_or_default()
    }

    /// VUs wanted at `t`.
    #[must_use]
    pub fn target(&self, t: Duration) -> u32 {
        self.parts.iter().map(|part| part.schedule.target(t)).sum()
    }

    /// How many iterations all scenarios make together, where that is fixed.
    #[must_use]
    pub fn planned_iterations(&self) -> Option<u64> {
        self.parts
            .iter()
            .map(|part| part.schedule.planned_iterations())
            .sum()
    }

    /// The stages' names by number.
    #[must_use]
    pub fn stage_names(&self) -> &[String] {
        &self.stages
    }

    /// Where each stage lies, by number.
    #[must_use]
    pub fn spans(&self) -> Vec<Span<'_>> {
        let mut spans = Vec::new();
        for (number, part) in self.parts.iter().enumerate() {
            let ends: Vec<_> = part.schedule.segments().iter().map(|s| s.end).collect();
            let mut start = part.schedule.start_time;
            for end in ends.into_iter().map(Some).chain([None]) {
                spans.push(Span {
                    part: number,
                    name: &self.stages[spans.len()],
                    start,
                    end,
                });
                start = end.unwrap_or(start);
            }
        }
        spans
    }

    /// What goes on at `t`, for people: the stage, or of several scenarios those that run.
    #[must_use]
    pub fn describe(&self, t: Duration) -> String {
        if let [part] = &self.parts[..] {
            let ends: Vec<_> = part.schedule.segments().iter().map(|s| s.end).collect();
            return self.stages[usize::from(super::schedule::stage_at(&ends, t))].clone();
        }
        let running: Vec<String> = self
            .spans()
            .iter()
            .filter(|span| span.start <= t && span.end.is_some_and(|end| t < end))
            .map(|span| {
                let scenario = self.parts[span.part].name.unwrap_or_default();
                format!("{scenario}/{}", span.name)
            })
            .collect();
        if running.is_empty() {
            super::schedule::GRACE_STAGE.to_owned()
        } else {
            running.join(" + ")
        }
    }

    /// A clock for each scenario, all with the same zero.
    #[must_use]
    pub fn clocks(&self) -> Vec<Arc<Clock>> {
        let zero = Arc::default();
        self.parts
            .iter()
            .zip(&self.first_stages)
            .map(|(part, first)| {
                Arc::new(Clock::sharing(Arc::clone(&zero), &part.schedule, *first))
            })
            .collect()
    }

    /// Whether any scenario, or every one, follows the open model.
    #[must_use]
    pub fn is_open(&self) -> (bool, bool) {
        let open = |part: &Part| part.schedule.executor.is_open();
        (self.parts.iter().any(open), self.parts.iter().all(open))
    }
}

#[cfg(test)]
mod tests {
    use super::super::schedule::Executor;
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn part(name: &'static str, start: u32, vus: u32) -> Part {
        Part {
            name: Some(name),
            schedule: Schedule {
                executor: Executor::ConstantVus {
                    vus,
                    duration: 10 * SECOND,
                },
                start_time: start * SECOND,
                graceful_stop: start * SECOND,
                graceful_ramp_down: Duration::ZERO,
            },
        }
    }

    #[test]
    fn scenarios_add_up_and_keep_their_own_stages() {
        let plan = Plan::new(vec![part("steady", 0, 5), part("attack", 4, 2)]);
        assert_eq!((plan.vus_max(), plan.end()), (7, 14 * SECOND));
        assert_eq!(plan.graceful_stop(), 4 * SECOND);
        assert_eq!(
            [1, 5, 12, 15].map(|t| plan.target(t * SECOND)),
            [5, 7, 2, 0]
        );
        assert_eq!(plan.stage_names(), ["main", "grace", "main", "grace"]);
        let [steady, attack] = &plan.clocks()[..] else {
            panic!("two clocks")
        };
        assert_eq!(steady.stage_at(11 * SECOND), 1);
        assert_eq!(attack.stage_at(11 * SECOND), 2);
        attack.start();
        assert!(steady.is_started(), "they have one zero");
    }

    #[test]
    fn what_goes_on_names_every_scenario_that_runs() {
        let plan = Plan::new(vec![part("steady", 0, 5), part("attack", 4, 2)]);
        let at = |t: u32| plan.describe(t * SECOND);
        assert_eq!(at(1), "steady/main");
        assert_eq!(at(5), "steady/main + attack/main");
        assert_eq!(at(20), "grace");
        let alone = Plan::new(vec![part("steady", 2, 5)]);
        assert_eq!(alone.describe(SECOND), "main");
        assert_eq!(alone.spans()[1].end, None);
    }
}
