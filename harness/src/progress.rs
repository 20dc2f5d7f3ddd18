//! What people see while a run goes on: a live line on a terminal, or the full-screen view if they
//! ask for it; a line now and then elsewhere.

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::config::RunConfig;
use crate::executor::{Control, Plan};
use crate::format::{LONG, cut, ms_unit};
use crate::metrics::{Counter, TagFilter};
use crate::sampler::Tick;
use crate::threshold::Outcome;
use crate::tui::{self, Tui};

/// Columns of the bar before the live line, and of the space behind it.
const GAUGE: usize = 21;

/// Seconds between two lines where there is no terminal.
const PLAIN_EVERY: u64 = 5;

/// Shows how the run goes, on standard error.
#[derive(Debug)]
pub struct Progress {
    view: View,
    /// Where the load ends, in time or in iterations.
    goal: Goal,
}

#[derive(Debug)]
enum View {
    Hidden,
    Full(Tui),
    Live(ProgressBar),
    Plain { seconds: u64 },
}

#[derive(Debug, Clone, Copy)]
enum Goal {
    Time(Duration),
    Iterations(u64),
}

impl Progress {
    /// A view that fits standard error, or none.
    #[must_use]
    pub fn new(quiet: bool, plan: &Plan) -> Self {
        let view = if quiet {
            View::Hidden
        } else {
            View::in_lines()
        };
        Self::of(view, plan)
    }

    /// The full-screen view if it is asked for and standard error can have it, else one that fits.
    /// `control` is what its keys act on.
    #[must_use]
    pub fn asked_for(config: &RunConfig, control: &Arc<Control>) -> Self {
        let plan = config.plan();
        if !config.tui {
            return Self::new(config.quiet, &plan);
        }
        let model = tui::Model::new(tui::Load::of(config));
        match Tui::start(model, Arc::clone(control)) {
            Ok(tui) => Self::of(View::Full(tui), &plan),
            Err(refusal) => {
                tui::tell(&format!(
                    "--tui: {refusal}; progress is shown in lines instead"
                ));
                Self::new(config.quiet, &plan)
            }
        }
    }

    fn of(view: View, plan: &Plan) -> Self {
        let goal = match plan.planned_iterations() {
            Some(iterations) => Goal::Iterations(iterations),
            None => Goal::Time(plan.end()),
        };
        Self { view, goal }
    }

    /// Says what is being done, before and after the load.
    pub fn step(&self, what: &str) {
        match &self.view {
            View::Hidden => {}
            View::Full(tui) => tui.step(what),
            View::Live(bar) => {
                bar.set_style(spinner());
                bar.set_message(cut(what, LONG));
            }
            View::Plain { .. } => tui::tell(what),
        }
    }

    /// Says something that stays, before and after the load.
    pub(crate) fn say(&self, text: &str) {
        let tell = || tui::tell(text);
        match &self.view {
            View::Hidden => {}
            View::Live(bar) => bar.suspend(tell),
            View::Full(_) | View::Plain { .. } => tell(),
        }
    }

    /// Shows a second of the load, and where its thresholds stand.
    pub fn tick(&mut self, tick: &Tick<'_>, outcomes: &[Outcome]) {
        let (done, of) = match self.goal {
            Goal::Time(end) => (tick.elapsed.as_secs(), end.as_secs()),
            Goal::Iterations(all) => (iterations(tick), all),
        };
        match &mut self.view {
            View::Hidden => {}
            View::Full(tui) => tui.tick(tick, outcomes),
            View::Live(bar) => {
                bar.set_style(gauge());
                bar.set_length(of.max(1));
                bar.set_position(done.min(of));
                let room = match tui::columns(&std::io::stderr()) {
                    0 => usize::MAX,
                    columns => columns.saturating_sub(GAUGE),
                };
                bar.set_message(cut(&joined(&self.goal.parts(tick), room), LONG));
            }
            View::Plain { seconds } => {
                *seconds += 1;
                if seconds.is_multiple_of(PLAIN_EVERY) {
                    tui::tell(&joined(&self.goal.parts(tick), usize::MAX));
                }
            }
        }
    }

    /// Takes the live view away, for the summary to follow.
    pub fn finish(&self) {
        match &self.view {
            View::Full(tui) => tui.finish(),
            View::Live(bar) => bar.finish_and_clear(),
            View::Hidden | View::Plain { .. } => {}
        }
    }
}

impl View {
    fn in_lines() -> Self {
        if std::io::stderr().is_terminal() && tui::moves_cursor() {
            let bar = ProgressBar::new_spinner().with_style(spinner());
            bar.enable_steady_tick(Duration::from_millis(100));
            Self::Live(bar)
        } else {
            Self::Plain { seconds: 0 }
        }
    }
}

impl Goal {
    /// How the run goes, in parts. The smaller the weight, the longer a part stays when there is no
    /// room for all.
    fn parts(self, tick: &Tick<'_>) -> [(u8, String); 6] {
        let all = TagFilter::default();
        let seconds = tick.second.duration.as_secs_f64().max(0.001);
        let requests = tick.second.counter(Counter::Requests, &all) as f64 / seconds;
        let p95 = tick.second.durations(&all).percentile_ms(95.0);
        let failed = tick.total.failed(&all);
        let clock = match self {
            Self::Time(end) if tick.elapsed < end => {
                format!(
                    "{}s, {}s left",
                    tick.elapsed.as_secs(),
                    (end - tick.elapsed).as_secs()
                )
            }
            Self::Time(_) => format!("{}s, finishing", tick.elapsed.as_secs()),
            Self::Iterations(of) => {
                format!(
                    "{}s, {} of {of} iterations",
                    tick.elapsed.as_secs(),
                    iterations(tick)
                )
            }
        };
        [
            (1, clock),
            (5, tick.stage.to_owned()),
            (4, format!("VUs {}/{}", tick.second.vus.value, tick.target)),
            (3, format!("{requests:.0} req/s")),
            (2, format!("p95 {}", ms_unit(p95))),
            (0, format!("{failed} failed")),
        ]
    }
}

/// The parts that fit into so many characters, in their order.
fn joined(parts: &[(u8, String); 6], room: usize) -> String {
    let of = |most: u8| {
        let kept = parts.iter().filter(|(weight, _)| *weight <= most);
        kept.map(|(_, text)| text.as_str())
            .collect::<Vec<_>>()
            .join(" · ")
    };
    let fits = (1..=5).rev().map(of);
    let mut fits = fits.filter(|text| text.chars().count() <= room);
    fits.next().unwrap_or_else(|| of(0))
}

fn iterations(tick: &Tick<'_>) -> u64 {
    tick.total
        .counter(Counter::Iterations, &TagFilter::default())
}

fn spinner() -> ProgressStyle {
    ProgressStyle::with_template("{spinner} {wide_msg}").expect("the template is well-formed")
}

fn gauge() -> ProgressStyle {
    ProgressStyle::with_template("{bar:20} {wide_msg}")
        .expect("the template is well-formed")
        .progress_chars("━╸─")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_is_the_last_to_go() {
        let parts = || {
            let parts = [
                "2s",
                "hold",
                "VUs 5/5",
                "20 req/s",
                "p95 1.0 ms",
                "3 failed",
            ];
            let mut weights = [1, 5, 4, 3, 2, 0].into_iter();
            parts.map(|text| (weights.next().expect("six"), text.to_owned()))
        };
        for (room, expected) in [
            (54, "2s · hold · VUs 5/5 · 20 req/s · p95 1.0 ms · 3 failed"),
            (53, "2s · VUs 5/5 · 20 req/s · p95 1.0 ms · 3 failed"),
            (46, "2s · 20 req/s · p95 1.0 ms · 3 failed"),
            (30, "2s · p95 1.0 ms · 3 failed"),
            (20, "2s · 3 failed"),
            (9, "3 failed"),
            (2, "3 failed"),
        ] {
            assert_eq!(joined(&parts(), room), expected, "{room}");
        }
    }
}
