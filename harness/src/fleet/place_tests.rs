//! Flags, variables of schedulers, and what is wrong with them.

use super::*;

const STORE: Given<'static> = Given {
    fleet: Some("redis://store:6379/0"),
    workers: None,
    index: None,
    weight: None,
    fleet_run: None,
};

fn variables(variables: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
    variables.iter().map(owned).collect()
}

/// Index, number of workers and name of the run.
fn found(given: &Given<'_>, env: &[(&str, &str)]) -> (u32, Option<u32>, String) {
    let place = place(given, &variables(env));
    let place = place.expect("good").expect("a fleet");
    (place.index, place.workers, place.run)
}

/// The flags that are wrong, and why.
fn wrong(given: &Given<'_>, env: &[(&str, &str)]) -> String {
    let wrong = place(given, &variables(env)).expect_err("wrong");
    let line = |misplaced: &Misplaced| format!("--{}: {}", misplaced.flag, misplaced.message);
    wrong.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_scheduler_says_which_process_it_is() {
    type Row = (
        &'static [(&'static str, &'static str)],
        (u32, Option<u32>, &'static str),
    );
    let rows: [Row; 6] = [
        (&[("JOB_COMPLETION_INDEX", "3")], (3, None, "run")),
        (
            &[
                ("SLURM_PROCID", "0"),
                ("SLURM_NTASKS", "5"),
                ("SLURM_JOB_ID", "77"),
            ],
            (0, Some(4), "77"),
        ),
        (
            &[
                ("NOMAD_ALLOC_INDEX", "2"),
                ("NOMAD_JOB_ID", "load/periodic 1"),
            ],
            (2, None, "load-periodic-1"),
        ),
        (
            &[("OMPI_COMM_WORLD_RANK", "1"), ("OMPI_COMM_WORLD_SIZE", "3")],
            (1, Some(2), "run"),
        ),
        (
            &[("SWARM_TASK_SLOT", "1"), ("LOADTEST_X", "1")],
            (0, Some(2), "run"),
        ),
        // `mpirun` within a job of Slurm: every process has Slurm's 0.
        (
            &[
                ("SLURM_PROCID", "0"),
                ("SLURM_NTASKS", "1"),
                ("OMPI_COMM_WORLD_RANK", "2"),
                ("OMPI_COMM_WORLD_SIZE", "3"),
            ],
            (2, Some(2), "run"),
        ),
    ];
    for (env, (index, workers, run)) in rows {
        let swarm = env[0].0 == "SWARM_TASK_SLOT";
        let given = Given {
            workers: swarm.then_some("2"),
            ..STORE
        };
        assert_eq!(
            found(&given, env),
            (index, workers, run.to_owned()),
            "{env:?}"
        );
    }
}

#[test]
fn flags_weigh_more_than_schedulers() {
    let given = Given {
        workers: Some("4"),
        index: Some("0"),
        fleet_run: Some("nightly-7"),
        ..STORE
    };
    let slurm = [
        ("SLURM_PROCID", "2"),
        ("SLURM_NTASKS", "x"),
        ("SLURM_JOB_ID", "77"),
    ];
    assert_eq!(found(&given, &slurm), (0, Some(4), "nightly-7".to_owned()));
    let worker = Given {
        index: Some("2"),
        weight: Some("3"),
        ..STORE
    };
    let place = place(&worker, &[]).expect("good").expect("a fleet");
    assert_eq!((place.index, place.weight, place.is_lead()), (2, 3, false));
}

#[test]
fn one_process_is_no_fleet_whatever_started_it() {
    let slurm = variables(&[("SLURM_PROCID", "2"), ("SLURM_NTASKS", "3")]);
    assert_eq!(place(&Given::default(), &slurm), Ok(None));
    let given = Given {
        index: Some("1"),
        weight: Some("2"),
        ..Given::default()
    };
    let expected = "--index: needs --fleet, the Redis at which the processes meet\n\
                    --weight: needs --fleet, the Redis at which the processes meet";
    assert_eq!(wrong(&given, &[]), expected);
}

#[test]
fn mistakes_are_named_with_their_mend() {
    let with = |index, workers| Given {
        index,
        workers,
        ..STORE
    };
    let rows = [
        (
            with(None, Some("3")),
            "--index: say which process this is: 0 for the lead",
        ),
        (
            with(Some("0"), None),
            "--workers: the lead has to know how many workers",
        ),
        (
            with(Some("4"), Some("3")),
            "--index: there is no worker 4: 0 is the lead, the workers are 1 to 3",
        ),
        (
            with(Some("-1"), Some("3")),
            "--index: '-1' is not a number from 0 to 10000",
        ),
        (
            with(Some("1"), Some("0")),
            "--workers: '0' is not a number from 1 to 10000",
        ),
        (
            Given {
                weight: Some("0"),
                ..with(Some("1"), None)
            },
            "--weight: '0' is not a number from 1 to 100",
        ),
        (
            Given {
                weight: Some("2"),
                ..with(Some("0"), Some("3"))
            },
            "--weight: only workers have one",
        ),
        (
            Given {
                fleet_run: Some("a b"),
                ..with(Some("1"), None)
            },
            "--fleet-run: a name has 1 to 100 letters",
        ),
        (
            Given {
                fleet: Some("http://user:secret@x"),
                ..with(Some("1"), None)
            },
            "--fleet: this is no address of a Redis; write redis://host:6379/0",
        ),
    ];
    for (given, expected) in rows {
        let wrong = wrong(&given, &[]);
        assert!(
            wrong.starts_with(expected) && !wrong.contains('\n'),
            "{wrong}"
        );
        assert!(!wrong.contains("secret"), "{wrong}");
    }
    let alone = [("SLURM_PROCID", "0"), ("SLURM_NTASKS", "1")];
    assert!(wrong(&STORE, &alone).starts_with("--workers: Slurm has started one process"));
    let expected = "--index: SWARM_TASK_SLOT, which Swarm sets, is '0' and not a number from 1";
    assert_eq!(wrong(&STORE, &[("SWARM_TASK_SLOT", "0")]), expected);
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let given = Given {
        fleet: Some("store"),
        workers: Some("many"),
        index: Some("first"),
        ..STORE
    };
    assert_eq!(wrong(&given, &[]).lines().count(), 3);
}

#[test]
fn a_place_does_not_show_its_store() {
    let given = Given {
        fleet: Some("rediss://user:secret@store"),
        index: Some("1"),
        ..STORE
    };
    let place = place(&given, &[]).expect("good");
    assert_eq!(format!("{place:?}"), "Some(process 1 of run)");
}
