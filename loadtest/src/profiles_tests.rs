//! The built-in profiles are what the seed's script has.

use std::time::Duration;

use harness::Outline;
use harness::config::{Inputs, Layer, RunConfig, load};
use harness::executor::{Executor, Schedule};

use crate::fields::{self, BUYS, POLICIES, PRODUCTS};
use crate::shop::{Coupons, Products};
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
    let [scenario] = &config.scenarios[..] else {
        panic!("{:?}", config.scenarios);
    };
    scenario.schedule.clone()
}

fn schedule(profile: &str) -> Schedule {
    only(&config(profile))
}

/// VUs at the start, and seconds and VUs of each stage.
fn ramp(schedule: &Schedule) -> (u32, Vec<(u64, u32)>) {
    let Executor::RampingVus { start_vus, stages } = &schedule.executor else {
        panic!("{schedule:?}");
    };
    let stages = stages.iter().map(|s| (s.duration.as_secs(), s.target));
    (*start_vus, stages.collect())
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
    let ramp = |name: &str| ramp(&schedule(name));
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

#[test]
fn the_chain_is_the_seeds_three_loads_with_its_start_times() {
    let chain = config("flow_chain");
    let told: Vec<_> = chain
        .scenarios
        .iter()
        .map(|scenario| {
            let schedule = &scenario.schedule;
            let times = (schedule.start_time, schedule.graceful_stop);
            (scenario.label(), times, ramp(schedule))
        })
        .collect();
    let seconds = |start: u32, stop: u32| (start * SECOND, stop * SECOND);
    assert_eq!(
        told,
        [
            (
                "flow_10vus",
                seconds(0, 10),
                (0, vec![(30, 10), (60, 10), (10, 0)])
            ),
            (
                "flow_100vus",
                seconds(120, 10),
                (0, vec![(30, 100), (60, 100), (10, 0)])
            ),
            (
                "flow_300vus",
                seconds(240, 20),
                (0, vec![(30, 300), (120, 300), (20, 0)])
            ),
        ]
    );
    // Each has VUs of its own, and each VU a user.
    assert_eq!(chain.plan().vus_max(), 410);
}

#[test]
fn the_seeds_last_section_is_its_main_load_in_other_shops() {
    let main = schedule("flow_300vus");
    let single = config("flow_single_policy");
    let many = config("flow_many_products");
    assert_eq!((only(&single), only(&many)), (main.clone(), main));
    assert_eq!(single.options.get(&POLICIES), Some("1"));
    assert_eq!(single.options.get(&PRODUCTS), None);
    assert_eq!(many.options.get(&BUYS), Some("10"));
    let plan = |config: &RunConfig| fields::plan(&config.options, 300, Coupons::Unlimited, false);
    assert_eq!(plan(&single).policies, Some(1));
    let products = Products {
        count: 100,
        price: 2_000,
        stock: 2_000_000,
    };
    assert_eq!(plan(&many).products, Some(products));
}

/// A total hides slow orders behind quick reads.
#[test]
fn every_profile_has_an_sla_for_the_total_and_for_each_request_that_it_plans() {
    for profile in super::PROFILES {
        let config = config(profile.name);
        let thresholds: Vec<String> = config.thresholds.iter().map(ToString::to_string).collect();
        assert_eq!(thresholds[0], "http_req_duration: p(95)<200");
        let order = "http_req_duration{name:5_create_order}: p(95)<200".to_owned();
        assert!(
            thresholds.contains(&order),
            "{}: {thresholds:?}",
            profile.name
        );
        let hostile = "http_req_duration{name:8_hostile_get}: p(95)<200".to_owned();
        let is_mixed = profile.name == "mixed";
        assert_eq!(thresholds.contains(&hostile), is_mixed, "{}", profile.name);
    }
    let needless: Vec<String> = config("flow_iterations")
        .thresholds
        .iter()
        .filter(|threshold| threshold.optional)
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        needless,
        ["http_req_duration{name:3_get_coupons}: p(95)<200"]
    );
}
