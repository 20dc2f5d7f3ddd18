//! A report from the seconds that workers kept when their lead was lost. They are added up in the
//! same way as the lead does. The verdict is always invalid.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use tokio::runtime::Handle;

use super::attempt::Attempt;
use super::drive::Watch;
use super::judged::{Course, judged};
use super::kept::{Head, Kept, Next, Unfit, check, files, name_of};
use super::load::Load;
use super::outlets::Outlets;
use super::prepare::{Refusal, check_writable};
use super::publish::publish;
use super::recording::Recording;
use super::union::Union;
use crate::config::{Outline, RunConfig, load_kept};
use crate::executor::Control;
use crate::fleet::{Decoder, Second, Totals, Worker};
use crate::health::Lag;
use crate::metrics::{Counter, Snapshot, TagFilter};
use crate::report::RunResult;
use crate::threshold::ExitCode;
use crate::tui::tell;

/// What is merged, and where to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merging {
    /// Directories of workers.
    pub directories: Vec<PathBuf>,
    /// Where the report gets a directory of its own.
    pub report_dir: PathBuf,
}

/// Makes the report.
pub async fn merge(
    outline: &Outline,
    merging: &Merging,
    variables: &[(String, String)],
    telemetry: Handle,
) -> ExitCode {
    let merged = match Merge::open(outline, merging, variables, telemetry).await {
        Ok(merge) => merge.run().map_err(|unfit| unfit.to_string()),
        Err(error) => Err(error),
    };
    match merged {
        Ok((result, directory)) => publish(&result, &directory),
        Err(error) => {
            tell(&format!("error: {error}"));
            ExitCode::BadConfiguration
        }
    }
}

/// A worker of the run, as far as its file goes.
struct Part {
    kept: Kept,
    ended: bool,
    totals: Option<Totals>,
    seen: Seen,
}

/// What its seconds say of a worker that has left no totals.
#[derive(Default)]
struct Seen {
    worker: Worker,
    lasted: Duration,
}

struct Merge {
    config: RunConfig,
    attempt: Attempt,
    directory: PathBuf,
    head: Head,
    parts: Vec<Part>,
    union: Union,
}

impl Merge {
    async fn open(
        outline: &Outline,
        merging: &Merging,
        variables: &[(String, String)],
        telemetry: Handle,
    ) -> Result<Self, String> {
        let parts = open(&merging.directories, &name_of(&outline.program))
            .map_err(|unfit| unfit.to_string())?;
        let head = parts.first().map(|part| part.kept.head.clone());
        let head = head.ok_or("there is nothing to merge")?;
        let briefing = &head.briefing;
        let config = load_kept(outline, &briefing.told, briefing.seed, variables);
        let config = config.map_err(|problems| {
            let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
            problems.join("; ")
        })?;
        let start = Duration::from_micros(u64::try_from(head.start_us).unwrap_or_default());
        let attempt = Attempt {
            id: briefing.id.clone(),
            started_at: UNIX_EPOCH + start,
            control: Arc::<Control>::default(),
            telemetry,
            lead: None,
        };
        // What the lead has left under the run's own name stays.
        let directory = merging.report_dir.join(format!("{}-merged", attempt.id));
        let told = |refusal: Refusal| refusal.to_string();
        check_writable(&directory, &config).map_err(told)?;
        let series = Recording::of_run(&directory, &attempt.id, &config).map_err(told)?;
        let outlets = Outlets {
            series: Some(series.patient()),
            ..Outlets::none(&config, &attempt).await
        };
        let lag = Arc::new(Lag::default());
        let watch = Watch::new(&config, &lag, &attempt.control, outlets);
        let of = (head.workers(), head.start_us);
        let mut union = Union::new(&config, of, Snapshot::default(), watch);
        for missing in missing(&parts, &head) {
            union.gather.end(missing);
        }
        Ok(Self {
            config,
            attempt,
            directory,
            head,
            parts,
            union,
        })
    }

    /// Second by second, so that no more of a long run is in memory than of the run itself.
    fn run(mut self) -> Result<(RunResult, PathBuf), Unfit> {
        let mut decoder = Decoder::default();
        while self.parts.iter().any(|part| !part.ended) {
            for part in self.parts.iter_mut().filter(|part| !part.ended) {
                part.read(&mut decoder, &mut self.union)?;
            }
            self.union.flow();
        }
        let missing = missing(&self.parts, &self.head);
        let mut error = reason(&self.parts, &missing);
        let mut lost: Vec<Worker> = missing.iter().map(|index| self.lost(*index)).collect();
        let killed = self.parts.iter().filter(|part| part.totals.is_none());
        lost.extend(killed.map(Part::killed));
        let totals = self.parts.into_iter().filter_map(|part| part.totals);
        let totals: Vec<Totals> = totals.collect();
        if lost.is_empty()
            && let Some(apart) = self.union.disagreement(&totals)
        {
            error = format!("{error}; {apart}");
        }
        let (driven, watch) = self.union.finish(&totals, lost, Some(error));
        let course = Course {
            id: self.attempt.id,
            started_at: self.attempt.started_at,
            timeline: watch.timeline,
            health: watch.health,
            signalled: false,
            aborted: None,
        };
        let load = Load {
            driven,
            ..Load::default()
        };
        let mut result = judged(self.config, course, None, load);
        watch.outlets.progress.finish();
        if let Some(Err(error)) = watch.outlets.series.map(Recording::finish) {
            let torn = format!("the series is not whole: {error}");
            result.judgement = result.judgement.doubted(vec![torn]);
        }
        Ok((result, self.directory))
    }

    /// The row of a worker of which there is no file.
    fn lost(&self, index: u32) -> Worker {
        let weights = &self.head.briefing.weights;
        Worker {
            index,
            weight: weights.get(index as usize - 1).copied().unwrap_or(1),
            host: "an unknown machine".to_owned(),
            findings: vec!["its seconds are missing".to_owned()],
            lost: true,
            ..Worker::default()
        }
    }
}

fn open(directories: &[PathBuf], own: &str) -> Result<Vec<Part>, Unfit> {
    let mut all = Vec::new();
    for directory in directories {
        for file in files(directory)? {
            all.push(Kept::open(file)?);
        }
    }
    let heads: Vec<_> = all.iter().map(|kept| (&*kept.path, &kept.head)).collect();
    check(&heads, own)?;
    all.sort_by_key(|kept| kept.head.worker);
    Ok(all.into_iter().map(Part::new).collect())
}

fn missing(parts: &[Part], head: &Head) -> Vec<u32> {
    let is_there = |index: &u32| parts.iter().any(|part| part.kept.head.worker == *index);
    (1..=head.workers())
        .filter(|index| !is_there(index))
        .collect()
}

impl Part {
    fn new(kept: Kept) -> Self {
        let head = &kept.head;
        let weight = head.briefing.weights.get(head.worker as usize - 1);
        let worker = Worker {
            index: head.worker,
            host: head.host.clone(),
            weight: weight.copied().unwrap_or(1),
            ..Worker::default()
        };
        Self {
            seen: Seen {
                worker,
                ..Seen::default()
            },
            kept,
            ended: false,
            totals: None,
        }
    }

    /// Reads its next record.
    fn read(&mut self, decoder: &mut Decoder, union: &mut Union) -> Result<(), Unfit> {
        let index = self.kept.head.worker;
        match self.kept.next(decoder)? {
            Next::Second(second) => {
                self.seen.note(&second);
                union.take(index, *second);
            }
            Next::Totals(totals) => {
                self.totals = Some(*totals);
                self.end(union);
            }
            Next::End => self.end(union),
        }
        Ok(())
    }

    fn end(&mut self, union: &mut Union) {
        self.ended = true;
        union.gather.end(self.kept.head.worker);
    }

    /// The row of a worker that was killed, by its seconds.
    fn killed(&self) -> Worker {
        let mut worker = self.seen.worker.clone();
        worker.cpu_percent /= self.kept.head.cores;
        let lasted = self.seen.lasted.as_secs_f64();
        worker
            .findings
            .push(format!("it was killed; what it kept ends at {lasted:.0} s"));
        worker
    }
}

impl Seen {
    fn note(&mut self, second: &Second) {
        let all = TagFilter::default();
        let snapshot = &second.frame.snapshot;
        let (worker, health) = (&mut self.worker, &second.health);
        worker.vus = worker.vus.max(snapshot.vus_max.value);
        worker.requests += snapshot.counter(Counter::Requests, &all);
        worker.iterations += snapshot.counter(Counter::Iterations, &all);
        worker.dropped += snapshot.counter(Counter::Dropped, &all);
        worker.cpu_percent = worker.cpu_percent.max(health.cpu_percent);
        worker.lag_ms = worker.lag_ms.max(health.lag_ms);
        self.lasted = second.frame.elapsed;
    }
}

/// Why there is no verdict: `the lead was lost: …; made from what 2 of 3 workers kept`.
fn reason(parts: &[Part], missing: &[u32]) -> String {
    let totals = || parts.iter().filter_map(|part| part.totals.as_ref());
    let why = totals().find_map(|totals| totals.error.clone());
    let why = why.unwrap_or_else(|| match totals().next() {
        Some(_) => "the lead was lost before its verdict".to_owned(),
        None => "the lead and the workers were killed".to_owned(),
    });
    let (kept, all) = (parts.len(), parts.len() + missing.len());
    let killed = parts.iter().filter(|part| part.totals.is_none());
    let killed: Vec<String> = killed
        .map(|part| part.kept.head.worker.to_string())
        .collect();
    let mut reason = format!("{why}; made from what {kept} of {all} workers kept");
    let missing: Vec<String> = missing.iter().map(u32::to_string).collect();
    for (workers, what) in [(missing, "missing"), (killed, "killed before its end")] {
        if !workers.is_empty() {
            reason += &format!("; {what}: worker {}", workers.join(", "));
        }
    }
    reason
}
