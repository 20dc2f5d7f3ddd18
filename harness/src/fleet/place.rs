//! Which process of a run this is: from flags, from `LOADTEST_*`, or from what the scheduler that
//! started it has put into its environment. Pure.

use std::fmt;

/// As many workers as one lead was ever tried with, and some more.
const MOST_WORKERS: u32 = 10_000;
const HEAVIEST: u32 = 100;
const LONGEST_NAME: usize = 100;
/// What a run is called where neither a flag nor a scheduler names it.
const DEFAULT_RUN: &str = "run";

/// What was given, as text: flags weigh more than `LOADTEST_*`, as for every other field.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Given<'a> {
    /// `--fleet`
    pub fleet: Option<&'a str>,
    /// `--workers`
    pub workers: Option<&'a str>,
    /// `--index`
    pub index: Option<&'a str>,
    /// `--weight`
    pub weight: Option<&'a str>,
    /// `--fleet-run`
    pub fleet_run: Option<&'a str>,
}

/// One process among those of a run.
#[derive(Clone, PartialEq, Eq)]
pub struct Place {
    /// Where the processes meet. It may have a password.
    pub store: String,
    /// The name that keeps runs on the same store apart.
    pub run: String,
    /// 0 is the lead, the workers count from 1.
    pub index: u32,
    /// How many workers there are. Only the lead has to know it.
    pub workers: Option<u32>,
    /// How much of the load it takes, against the other workers.
    pub weight: u32,
}

impl Place {
    /// Whether this is the lead, which has no virtual users but the verdict.
    #[must_use]
    pub const fn is_lead(&self) -> bool {
        self.index == 0
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { run, index, .. } = self;
        write!(f, "process {index} of {run}")
    }
}

/// What is wrong, and the flag that would fix it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misplaced {
    /// The flag, without the dashes.
    pub flag: &'static str,
    /// What is wrong with it, and what would be right.
    pub message: String,
}

/// How a scheduler tells its processes which they are.
struct Scheduler {
    name: &'static str,
    index: &'static str,
    /// What its first process has there.
    first: u32,
    /// How many processes there are, the lead among them.
    count: Option<&'static str>,
    job: Option<&'static str>,
}

/// The innermost first: `mpirun` in a job of Slurm is the one that knows.
const SCHEDULERS: [Scheduler; 5] = [
    Scheduler {
        name: "Open MPI",
        index: "OMPI_COMM_WORLD_RANK",
        first: 0,
        count: Some("OMPI_COMM_WORLD_SIZE"),
        job: Some("PMIX_NAMESPACE"),
    },
    Scheduler {
        name: "Slurm",
        index: "SLURM_PROCID",
        first: 0,
        count: Some("SLURM_NTASKS"),
        job: Some("SLURM_JOB_ID"),
    },
    Scheduler {
        name: "Kubernetes",
        index: "JOB_COMPLETION_INDEX",
        first: 0,
        count: None,
        job: None,
    },
    Scheduler {
        name: "Nomad",
        index: "NOMAD_ALLOC_INDEX",
        first: 0,
        count: None,
        job: Some("NOMAD_JOB_ID"),
    },
    // Swarm says it only in templates: `--env SWARM_TASK_SLOT={{.Task.Slot}}`.
    Scheduler {
        name: "Swarm",
        index: "SWARM_TASK_SLOT",
        first: 1,
        count: None,
        job: None,
    },
];

/// The place of this process; nothing if it is alone, whatever scheduler started it.
///
/// # Errors
/// Everything that is wrong, not only the first.
pub fn place(
    given: &Given<'_>,
    variables: &[(String, String)],
) -> Result<Option<Place>, Vec<Misplaced>> {
    let Some(store) = given.fleet else {
        return alone(given);
    };
    let mut reading = Reading::new(variables);
    reading.store(store);
    let index = reading.index(given.index);
    let workers = reading.workers(given.workers);
    let weight = reading.number("weight", given.weight, 1, HEAVIEST);
    let run = reading.run(given.fleet_run);
    match (index, workers) {
        (None, _) if reading.wrong.is_empty() => reading.add(
            "index",
            "say which process this is: 0 for the lead, 1, 2, … for the workers. (Open MPI, Slurm, \
             Kubernetes and Nomad say it themselves, Swarm by SWARM_TASK_SLOT)",
        ),
        (Some(0), None) if reading.wrong.is_empty() => {
            reading.add("workers", "the lead has to know how many workers there are");
        }
        (Some(index), Some(workers)) if index > workers => reading.add(
            "index",
            format!("there is no worker {index}: 0 is the lead, the workers are 1 to {workers}"),
        ),
        _ => {}
    }
    if index == Some(0) && given.weight.is_some() {
        reading.add(
            "weight",
            "only workers have one: the lead has no virtual users",
        );
    }
    match index {
        Some(index) if reading.wrong.is_empty() => Ok(Some(Place {
            store: store.to_owned(),
            run,
            index,
            workers,
            weight: weight.unwrap_or(1),
        })),
        _ => Err(reading.wrong),
    }
}

fn alone(given: &Given<'_>) -> Result<Option<Place>, Vec<Misplaced>> {
    let needless = [
        ("workers", given.workers),
        ("index", given.index),
        ("weight", given.weight),
        ("fleet-run", given.fleet_run),
    ];
    let needless = needless.into_iter().filter(|(_, text)| text.is_some());
    let wrong: Vec<Misplaced> = needless
        .map(|(flag, _)| Misplaced {
            flag,
            message: "needs --fleet, the Redis at which the processes meet".to_owned(),
        })
        .collect();
    if wrong.is_empty() {
        Ok(None)
    } else {
        Err(wrong)
    }
}

/// Reads what was given and what the scheduler says.
struct Reading<'a> {
    variables: &'a [(String, String)],
    scheduler: Option<&'static Scheduler>,
    wrong: Vec<Misplaced>,
}

impl<'a> Reading<'a> {
    fn new(variables: &'a [(String, String)]) -> Self {
        let set = |name: &str| variables.iter().any(|(known, _)| known == name);
        Self {
            variables,
            scheduler: SCHEDULERS.iter().find(|scheduler| set(scheduler.index)),
            wrong: Vec::new(),
        }
    }

    fn variable(&self, name: &str) -> Option<&'a str> {
        let variable = self.variables.iter().find(|(known, _)| known == name);
        variable.map(|(_, text)| text.as_str())
    }

    fn add(&mut self, flag: &'static str, message: impl Into<String>) {
        let message = message.into();
        self.wrong.push(Misplaced { flag, message });
    }

    fn store(&mut self, store: &str) {
        let scheme = store.split_once("://").map(|(scheme, _)| scheme);
        let known = ["redis", "rediss", "redis+unix", "unix"];
        if !scheme.is_some_and(|scheme| known.contains(&scheme)) {
            // Not the text itself: it may have a password.
            self.add(
                "fleet",
                "this is no address of a Redis; write redis://host:6379/0, or rediss:// for TLS",
            );
        }
    }

    fn number(
        &mut self,
        flag: &'static str,
        text: Option<&str>,
        least: u32,
        most: u32,
    ) -> Option<u32> {
        let text = text?.trim();
        let number = text.parse().ok();
        let number = number.filter(|number| (least..=most).contains(number));
        if number.is_none() {
            self.add(
                flag,
                format!("'{text}' is not a number from {least} to {most}"),
            );
        }
        number
    }

    /// A number of the scheduler's, for which `flag` could be given instead.
    fn said(&mut self, flag: &'static str, variable: &str, least: u32) -> Option<u32> {
        let text = self.variable(variable)?;
        let number: Option<u32> = text.trim().parse().ok();
        let number = number.and_then(|number| number.checked_sub(least));
        let number = number.filter(|number| *number <= MOST_WORKERS);
        if number.is_none() {
            let scheduler = self
                .scheduler
                .map_or("the scheduler", |scheduler| scheduler.name);
            self.add(
                flag,
                format!(
                    "{variable}, which {scheduler} sets, is '{text}' and not a number from {least}"
                ),
            );
        }
        number
    }

    fn index(&mut self, given: Option<&str>) -> Option<u32> {
        if given.is_some() {
            return self.number("index", given, 0, MOST_WORKERS);
        }
        let scheduler = self.scheduler?;
        self.said("index", scheduler.index, scheduler.first)
    }

    fn workers(&mut self, given: Option<&str>) -> Option<u32> {
        if given.is_some() {
            return self.number("workers", given, 1, MOST_WORKERS);
        }
        let scheduler = self.scheduler?;
        let workers = self.said("workers", scheduler.count?, 1)?;
        if workers == 0 {
            let name = scheduler.name;
            self.add(
                "workers",
                format!(
                    "{name} has started one process; a lead needs at least one worker beside it"
                ),
            );
        }
        Some(workers)
    }

    fn run(&mut self, given: Option<&str>) -> String {
        let job = self.scheduler.and_then(|scheduler| scheduler.job);
        let name = given.or_else(|| self.variable(job?));
        let name = name.unwrap_or(DEFAULT_RUN);
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if given.is_none() {
            // Schedulers have their own ideas of names.
            let plain = name.chars().map(|c| if plain(c) { c } else { '-' });
            return plain.take(LONGEST_NAME).collect();
        }
        if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(plain) {
            self.add(
                "fleet-run",
                format!("a name has 1 to {LONGEST_NAME} letters, digits, '-', '_' and '.'"),
            );
        }
        name.to_owned()
    }
}

#[cfg(test)]
#[path = "place_tests.rs"]
mod tests;
