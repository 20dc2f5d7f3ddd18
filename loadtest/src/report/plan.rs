//! What `loadtest validate` shows: the plan that a configuration means.

use std::io::{self, Write};

use crate::config::RunConfig;
use crate::executor::Iterations;
use crate::personas::REGISTRY;
use crate::shop::Coupons;

/// Writes the plan.
///
/// # Errors
/// The writer's.
pub fn write_plan(config: &RunConfig, mut out: impl Write) -> io::Result<()> {
    let schedule = &config.schedule;
    let host = config.host.as_deref().unwrap_or("a private stack");
    writeln!(
        out,
        "{}: {} against {host}",
        config.profile,
        schedule.executor.name()
    )?;
    let times = [
        ("start", schedule.start_time),
        ("graceful stop", schedule.graceful_stop),
        ("graceful ramp-down", schedule.graceful_ramp_down),
        ("coupon wait", config.coupon_wait),
        ("http time-out", config.http_timeout),
    ];
    for (name, time) in times {
        writeln!(out, "  {name:<20} {}", humantime::format_duration(time))?;
    }
    let coupons = match config.coupons {
        Coupons::Limited(quantity) => quantity.to_string(),
        Coupons::Unlimited => "unlimited".to_owned(),
    };
    writeln!(out, "  {:<20} {coupons}", "coupons")?;
    stages(config, &mut out)?;
    personas(config, &mut out)?;
    writeln!(out, "\nThresholds")?;
    config
        .thresholds
        .iter()
        .try_for_each(|threshold| writeln!(out, "  {threshold}"))
}

fn stages(config: &RunConfig, out: &mut impl Write) -> io::Result<()> {
    let schedule = &config.schedule;
    writeln!(out, "\nStages")?;
    for (name, segment) in schedule.stage_names().iter().zip(schedule.segments()) {
        let from = humantime::format_duration(segment.start);
        let to = humantime::format_duration(segment.end);
        writeln!(
            out,
            "  {name:<20} {from} to {to}: {} to {} VUs",
            segment.from, segment.to
        )?;
    }
    match schedule.iterations() {
        Iterations::Unlimited => Ok(()),
        Iterations::PerVu(each) => {
            writeln!(out, "  {each} iterations by each VU, or until the end")
        }
        Iterations::Shared(all) => writeln!(out, "  {all} iterations by all VUs, or until the end"),
    }
}

fn personas(config: &RunConfig, out: &mut impl Write) -> io::Result<()> {
    let dealt = config.mix.deal(config.schedule.vus_max());
    writeln!(out, "\nVirtual users, {} at most", dealt.len())?;
    for persona in &REGISTRY {
        let vus = dealt
            .iter()
            .filter(|dealt| dealt.key == persona.key)
            .count();
        if vus > 0 {
            writeln!(out, "  {vus:>6} {}: {}", persona.name, persona.summary)?;
        }
    }
    Ok(())
}
