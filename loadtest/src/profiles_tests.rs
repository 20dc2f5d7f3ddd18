//! The built-in profiles are what the seed's script has.

use std::time::Duration;

use harness::Outline;
use harness::config::{Inputs, Layer, RunConfig, load};
use harness::executor::{Executor, Schedule};

use crate::{COUPONS, Shop};

const SECOND: Duration = Duration::from_secs(1);

fn config(profile: &str) -> RunConfig {
    let outline = Outline::of::<Shop>();
    let mut flags = Layer::default();
    let field = outline.fields.of_key("profile").expect("a field");
    flags.set_flag(field, vec![profile.to_owned()]);
    let inputs = Inputs {
        flags,
        variables: vec![],
    };
    load(&outline, inputs).unwrap_or_else(|problems| panic!("{profile}: {problems:?}"))
}

fn only(config: &RunConfig) -> Schedule {
    config.scenarios[0].schedule.clone()
}

fn schedule(profile: &str) -> Schedule {
    only(&config(profile))
}

#[test]
fn every_profile_is_valid_and_described() {
    for profile in super::PROFILES {
        assert_eq!(config(profile.name).profile, profile.name);
        assert!(!profile.description().is_empty(), "{}", profile.name);
    }
}

#[test]
fn the_seeds_profiles_are_the_seeds() {
    let ramp = |name: &str| match schedule(name).executor {
        Executor::RampingVus { start_vus, stages } => (
            start_vus,
            stages
                .iter()
                .map(|s| (s.duration.as_secs(), s.target))
                .collect::<Vec<_>>(),
        ),
        other => panic!("{name}: {other:?}"),
    };
    assert_eq!(ramp("flow_10vus"), (0, vec![(30, 10), (60, 10), (10, 0)]));
    assert_eq!(
        ramp("flow_100vus"),
        (0, vec![(30, 100), (60, 100), (10, 0)])
    );
    assert_eq!(
        ramp("flow_300vus"),
        (0, vec![(30, 300), (120, 300), (20, 0)])
    );
    assert_eq!(
        ramp("ramping"),
        (
            0,
            vec![(60, 100), (60, 200), (60, 300), (120, 300), (30, 0)]
        )
    );
    assert_eq!(schedule("ramping").start_time, 10 * SECOND);
    assert_eq!(schedule("flow_300vus").graceful_stop, 20 * SECOND);
    let herd = config("flow_iterations");
    let once = Executor::PerVuIterations {
        vus: 300,
        iterations: 1,
        max_duration: 60 * SECOND,
    };
    assert_eq!(
        (only(&herd).executor, herd.options.get(&COUPONS)),
        (once, Some("100"))
    );
}
