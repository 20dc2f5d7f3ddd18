//! Where a process stands, and with whom.

use super::*;
use crate::fixture::{inputs, outline};

#[test]
fn the_place_comes_from_flags_variables_and_schedulers() {
    let of = |flags: &[(&str, &[&str])], variables: &[(&str, &str)]| {
        place(&outline(), &inputs(flags, variables))
    };
    assert_eq!(of(&[], &[("SLURM_PROCID", "1")]), Ok(None));
    let fleet = of(
        &[
            ("fleet", &["redis://me@store:6379/0"]),
            ("fleet_wait", &["20s"]),
        ],
        &[
            ("SLURM_PROCID", "2"),
            ("SLURM_NTASKS", "4"),
            ("FLEET_PASSWORD", "pass/word"),
        ],
    );
    let fleet = fleet.expect("a place").expect("it is in a fleet");
    assert_eq!(fleet.place.store, "redis://me:pass%2Fword@store:6379/0");
    assert_eq!((fleet.place.index, fleet.place.workers), (2, Some(3)));
    assert_eq!(fleet.wait, Duration::from_secs(20));
    let problems = of(
        &[("fleet", &["redis://me:hunter2@store"]), ("index", &["1"])],
        &[],
    );
    let said = problems.expect_err("a password in argv")[0].to_string();
    assert!(
        said.starts_with("--fleet: everybody on this machine"),
        "{said}"
    );
    let problems = of(&[("workers", &["3"])], &[]).expect_err("no store");
    assert!(
        problems[0]
            .to_string()
            .starts_with("--workers: needs --fleet"),
        "{problems:?}"
    );
}

#[test]
fn a_lead_needs_a_server_that_all_can_reach() {
    let flags: &[(&str, &[&str])] = &[
        ("fleet", &["redis://store"]),
        ("index", &["0"]),
        ("workers", &["2"]),
    ];
    let problems = super::super::load(&outline(), inputs(flags, &[])).expect_err("no host");
    let said: Vec<String> = problems.iter().map(Problem::to_string).collect();
    assert!(
        said.iter().any(|one| one.starts_with("--host: is missing")),
        "{said:?}"
    );
}
