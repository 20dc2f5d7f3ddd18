//! What an executor asks of each virtual user: windows of time and a number of iterations. Pure.

use std::time::Duration;

use super::arrivals::{Arrivals, Rate, RateStage};
use super::stage::{Segment, Stage, segments};
use super::windows::windows;

/// The stage that is named after the last one has ended: its requests are late finishers.
pub const GRACE_STAGE: &str = "grace";
/// The only stage of an executor without a stage table.
pub const MAIN_STAGE: &str = "main";

/// k6's executors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Executor {
    /// VUs follow a stage table.
    RampingVus {
        /// VUs at the start.
        start_vus: u32,
        /// The table.
        stages: Vec<Stage>,
    },
    /// A fixed number of VUs for a fixed time.
    ConstantVus {
        /// VUs.
        vus: u32,
        /// How long.
        duration: Duration,
    },
    /// Every VU makes the same number of iterations.
    PerVuIterations {
        /// VUs.
        vus: u32,
        /// Iterations of each.
        iterations: u64,
        /// No iteration starts later than this.
        max_duration: Duration,
    },
    /// VUs share a number of iterations, whoever is free taking the next.
    SharedIterations {
        /// VUs.
        vus: u32,
        /// Iterations of all.
        iterations: u64,
        /// No iteration starts later than this.
        max_duration: Duration,
    },
    /// Iterations start at a fixed rate, whoever is free making them (the open model).
    ConstantArrivalRate {
        /// The rate.
        rate: Rate,
        /// How long.
        duration: Duration,
        /// VUs that there are to make them.
        max_vus: u32,
        /// An iteration that can't start within this of its time is dropped.
        max_start_delay: Duration,
    },
    /// Iterations start at a rate that follows a stage table (the open model).
    RampingArrivalRate {
        /// Rate at the start.
        start_rate: Rate,
        /// The table.
        stages: Vec<RateStage>,
        /// VUs that there are to make them.
        max_vus: u32,
        /// An iteration that can't start within this of its time is dropped.
        max_start_delay: Duration,
    },
}

impl Executor {
    /// k6's name of it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::RampingVus { .. } => "ramping-vus",
            Self::ConstantVus { .. } => "constant-vus",
            Self::PerVuIterations { .. } => "per-vu-iterations",
            Self::SharedIterations { .. } => "shared-iterations",
            Self::ConstantArrivalRate { .. } => "constant-arrival-rate",
            Self::RampingArrivalRate { .. } => "ramping-arrival-rate",
        }
    }

    /// Whether iterations start whether or not earlier ones have ended.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(
            self,
            Self::ConstantArrivalRate { .. } | Self::RampingArrivalRate { .. }
        )
    }
}

/// How many iterations a VU may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Iterations {
    /// As many as fit into its windows.
    Unlimited,
    /// So many each.
    PerVu(u64),
    /// So many together.
    Shared(u64),
}

/// An interval in which a VU is active.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Iterations start from here on.
    pub open: Duration,
    /// None starts from here on.
    pub close: Duration,
    /// One that still runs here is cut.
    pub cut: Duration,
}

/// An executor with its grace times. All times count from the start of the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// What is executed.
    pub executor: Executor,
    /// When it begins.
    pub start_time: Duration,
    /// How long an iteration may run on after the end.
    pub graceful_stop: Duration,
    /// How long an iteration of a VU that ramps down may run on.
    pub graceful_ramp_down: Duration,
}

impl Schedule {
    /// The largest number of VUs at any time: so many must exist.
    #[must_use]
    pub fn vus_max(&self) -> u32 {
        match &self.executor {
            Executor::RampingVus { start_vus, stages } => stages
                .iter()
                .map(|stage| stage.target)
                .fold(*start_vus, u32::max),
            Executor::ConstantVus { vus, .. }
            | Executor::PerVuIterations { vus, .. }
            | Executor::SharedIterations { vus, .. } => *vus,
            Executor::ConstantArrivalRate { max_vus, .. }
            | Executor::RampingArrivalRate { max_vus, .. } => *max_vus,
        }
    }

    /// When each iteration is due, from `start_time` on, and how late it may start: of the open
    /// model only.
    #[must_use]
    pub fn arrivals(&self) -> Option<(Arrivals, Duration)> {
        match &self.executor {
            Executor::ConstantArrivalRate {
                rate,
                duration,
                max_start_delay,
                ..
            } => Some((Arrivals::constant(*rate, *duration), *max_start_delay)),
            Executor::RampingArrivalRate {
                start_rate,
                stages,
                max_start_delay,
                ..
            } => Some((Arrivals::ramping(*start_rate, stages), *max_start_delay)),
            _ => None,
        }
    }

    /// When the last window closes at the latest.
    #[must_use]
    pub fn end(&self) -> Duration {
        self.segments()
            .last()
            .map_or(self.start_time, |segment| segment.end)
    }

    /// When it ends, where it was asked for by its time; nothing where a number of iterations ends
    /// it.
    #[must_use]
    pub fn lasts_until(&self) -> Option<Duration> {
        matches!(self.iterations(), Iterations::Unlimited).then(|| self.end())
    }

    /// How many iterations may start.
    #[must_use]
    pub const fn iterations(&self) -> Iterations {
        match self.executor {
            Executor::PerVuIterations { iterations, .. } => Iterations::PerVu(iterations),
            Executor::SharedIterations { iterations, .. } => Iterations::Shared(iterations),
            _ => Iterations::Unlimited,
        }
    }

    /// How many iterations all VUs make together, where that is fixed. (An arrival rate's may be
    /// dropped.)
    #[must_use]
    pub fn planned_iterations(&self) -> Option<u64> {
        match self.iterations() {
            Iterations::Unlimited => None,
            Iterations::PerVu(each) => Some(each * u64::from(self.vus_max())),
            Iterations::Shared(all) => Some(all),
        }
    }

    /// The windows of VU `k`, counted from 0.
    #[must_use]
    pub fn windows(&self, k: u32) -> Vec<Window> {
        let end = self.end();
        windows(&self.segments(), k)
            .into_iter()
            .map(|window| {
                let stop = end + self.graceful_stop;
                let cut = if window.end == end {
                    stop
                } else {
                    stop.min(window.end + self.graceful_ramp_down)
                };
                Window {
                    open: window.start,
                    close: window.end,
                    cut,
                }
            })
            .collect()
    }

    /// VUs wanted at `t`.
    #[must_use]
    pub fn target(&self, t: Duration) -> u32 {
        self.segments()
            .iter()
            .find(|s| s.start <= t && t < s.end)
            .map_or(0, |s| s.target(t))
    }

    /// The stages' names by index, the grace after the last one included.
    #[must_use]
    pub fn stage_names(&self) -> Vec<String> {
        let mut names = match &self.executor {
            Executor::RampingVus { stages, .. } => {
                stages.iter().map(|stage| stage.name.clone()).collect()
            }
            Executor::RampingArrivalRate { stages, .. } => {
                stages.iter().map(|stage| stage.name.clone()).collect()
            }
            _ => vec![MAIN_STAGE.to_owned()],
        };
        names.push(GRACE_STAGE.to_owned());
        names
    }

    /// What each stage asks for, for people: `0→300` VUs, or `500/s`.
    #[must_use]
    pub fn stage_loads(&self) -> Vec<String> {
        let change = |from: &dyn std::fmt::Display, to: &dyn std::fmt::Display, same: bool| {
            if same {
                to.to_string()
            } else {
                format!("{from}→{to}")
            }
        };
        match &self.executor {
            Executor::ConstantArrivalRate { rate, .. } => vec![rate.to_string()],
            Executor::RampingArrivalRate {
                start_rate, stages, ..
            } => {
                let targets = stages.iter().map(|stage| stage.target);
                std::iter::once(*start_rate)
                    .chain(targets.clone())
                    .zip(targets)
                    .map(|(from, to)| change(&from, &to, from == to))
                    .collect()
            }
            _ => self
                .segments()
                .iter()
                .map(|segment| change(&segment.from, &segment.to, segment.from == segment.to))
                .collect(),
        }
    }

    /// Where in time each stage lies, with the VUs that there are, without the grace after the
    /// last one. In the open model, every VU stands by in every stage.
    #[must_use]
    pub fn segments(&self) -> Vec<Segment> {
        let mut segments = match &self.executor {
            Executor::RampingVus { start_vus, stages } => segments(*start_vus, stages),
            Executor::RampingArrivalRate {
                stages, max_vus, ..
            } => {
                let stand_by = |stage: &RateStage| Stage {
                    name: String::new(),
                    duration: stage.duration,
                    target: *max_vus,
                };
                let stages: Vec<_> = stages.iter().map(stand_by).collect();
                segments(*max_vus, &stages)
            }
            Executor::ConstantVus {
                vus,
                duration: length,
            }
            | Executor::ConstantArrivalRate {
                max_vus: vus,
                duration: length,
                ..
            }
            | Executor::PerVuIterations {
                vus,
                max_duration: length,
                ..
            }
            | Executor::SharedIterations {
                vus,
                max_duration: length,
                ..
            } => {
                vec![Segment {
                    start: Duration::ZERO,
                    end: *length,
                    from: *vus,
                    to: *vus,
                }]
            }
        };
        for segment in &mut segments {
            segment.start += self.start_time;
            segment.end += self.start_time;
        }
        segments
    }
}

/// Index of the stage at `t`: the first whose end lies after it, else the grace.
#[must_use]
pub fn stage_at(ends: &[Duration], t: Duration) -> u16 {
    ends.partition_point(|end| *end <= t) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn ramp() -> Schedule {
        let stage = |name: &str, seconds, target| Stage {
            name: name.to_owned(),
            duration: seconds * SECOND,
            target,
        };
        Schedule {
            executor: Executor::RampingVus {
                start_vus: 0,
                stages: vec![
                    stage("ramp_up", 10, 10),
                    stage("hold", 10, 10),
                    stage("ramp_down", 10, 5),
                ],
            },
            start_time: 5 * SECOND,
            graceful_stop: 3 * SECOND,
            graceful_ramp_down: 2 * SECOND,
        }
    }

    #[test]
    fn start_time_shifts_everything() {
        let schedule = ramp();
        assert_eq!(schedule.end(), 35 * SECOND);
        assert_eq!(schedule.vus_max(), 10);
        assert_eq!(schedule.target(4 * SECOND), 0);
        assert_eq!(schedule.target(10 * SECOND), 5);
        assert_eq!(schedule.target(20 * SECOND), 10);
    }

    #[test]
    fn grace_depends_on_why_a_window_closes() {
        let schedule = ramp();
        let last = |k| *schedule.windows(k).last().expect("a window");
        let still_wanted = last(0);
        assert_eq!(
            (still_wanted.close, still_wanted.cut),
            (35 * SECOND, 38 * SECOND)
        );
        let ramped_down = last(7);
        assert_eq!(
            (ramped_down.close, ramped_down.cut),
            (31 * SECOND, 33 * SECOND)
        );
    }

    #[test]
    fn the_ramp_downs_grace_ends_with_the_executors() {
        let schedule = Schedule {
            graceful_ramp_down: 60 * SECOND,
            ..ramp()
        };
        assert_eq!(schedule.windows(7)[0].cut, 38 * SECOND);
    }

    #[test]
    fn stages_are_found_by_time() {
        let schedule = ramp();
        let ends: Vec<_> = schedule
            .segments()
            .iter()
            .map(|segment| segment.end)
            .collect();
        let name = |seconds: u32| {
            schedule.stage_names()[usize::from(stage_at(&ends, seconds * SECOND))].clone()
        };
        assert_eq!(name(5), "ramp_up");
        assert_eq!(name(15), "hold");
        assert_eq!(name(34), "ramp_down");
        assert_eq!(name(36), GRACE_STAGE);
    }

    #[test]
    fn planned_iterations_are_known_where_fixed() {
        let executor = |executor| Schedule { executor, ..ramp() }.planned_iterations();
        let max_duration = SECOND;
        assert_eq!(
            executor(Executor::PerVuIterations {
                vus: 300,
                iterations: 2,
                max_duration
            }),
            Some(600)
        );
        assert_eq!(
            executor(Executor::SharedIterations {
                vus: 300,
                iterations: 7,
                max_duration
            }),
            Some(7)
        );
        assert_eq!(ramp().planned_iterations(), None);
    }
}
