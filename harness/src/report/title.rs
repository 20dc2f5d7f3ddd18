//! What a run is called at the top of its reports: its name, or its profile, or its load in words.
//! Pure.

use std::path::Path;

use super::json::planned;
use super::summary::{Generator, Run, StageRow};
use crate::config::RunConfig;
use crate::format::{clock, listed, number, plural};

/// What `Run::profile` says of a load that was made of flags alone.
const BY_FLAGS: &str = "custom";

/// The name that the user gave it; without one the profile's, or that of its file; else its load.
pub(super) fn title(run: &Run) -> String {
    if let Some(name) = &run.name {
        return name.clone();
    }
    if run.profile != BY_FLAGS {
        let file = Path::new(&run.profile).file_name();
        return file.map_or_else(
            || run.profile.clone(),
            |file| file.to_string_lossy().into_owned(),
        );
    }
    load(run)
}

/// The same of a run before it begins.
pub(crate) fn title_of(config: &RunConfig) -> String {
    title(&planned(config, &Generator::default()))
}

/// `20 VUs for 15s`, `up to 50/s for 1m`.
fn load(run: &Run) -> String {
    if run.scenarios.len() > 1 {
        return listed(run.scenarios.iter().map(|one| one.name.as_str()), "and");
    }
    let length = clock(
        run.stages
            .iter()
            .map(|stage| stage.end_ms)
            .max()
            .unwrap_or(0),
    );
    let vus = plural(u64::from(run.vus_max), "VU", "VUs");
    if run.executor.ends_with("-iterations") {
        let given = run
            .settings
            .iter()
            .find(|one| one.key.starts_with("iterations"));
        let count = given.and_then(|one| one.values.first());
        let each = match run.executor.starts_with("per-vu") {
            true => " each",
            false => "",
        };
        return count.map_or_else(
            || vus.clone(),
            |count| format!("{vus}, {count} iterations{each}"),
        );
    }
    let constant = run.stages.len() == 1 && !run.stages[0].load.contains(RISE);
    let up_to = if constant { "" } else { "up to " };
    if run.model != "open" {
        return format!("{up_to}{vus} for {length}");
    }
    let rates = run.stages.iter().flat_map(rates);
    let rate = match rates.fold(0.0, f64::max) {
        // Two decimals would show nothing of it.
        rare if rare < 0.01 => format!("{}/h", number((rare * 360_000.0).round() / 100.0)),
        rate => format!("{}/s", number(rate)),
    };
    format!("{up_to}{rate} for {length}")
}

/// What stands between the load at a stage's beginning and the one at its end.
const RISE: char = '→';

/// The rates at a stage's beginning and end, of `10/s→50/s`.
fn rates(stage: &StageRow) -> impl Iterator<Item = f64> {
    let ends = stage.load.split(RISE);
    ends.filter_map(|rate| rate.trim_end_matches("/s").parse().ok())
}

#[cfg(test)]
mod tests {
    use super::super::summary::ScenarioRow;
    use super::*;
    use crate::config::Setting;

    fn stage(end: u64, load: &str) -> StageRow {
        StageRow {
            end_ms: end * 1_000,
            load: load.to_owned(),
            ..StageRow::default()
        }
    }

    fn run(executor: &str, model: &str, stages: Vec<StageRow>) -> Run {
        Run {
            profile: BY_FLAGS.to_owned(),
            executor: executor.to_owned(),
            model: model.to_owned(),
            vus_max: 20,
            stages,
            ..Run::default()
        }
    }

    #[test]
    fn a_name_comes_before_a_file_and_a_file_before_the_load() {
        let mut run = run("constant-vus", "closed", vec![stage(15, "20")]);
        assert_eq!(title(&run), "20 VUs for 15s");
        run.profile = "/ci/load/evening.toml".to_owned();
        assert_eq!(title(&run), "evening.toml");
        run.name = Some("browse-and-buy".to_owned());
        assert_eq!(title(&run), "browse-and-buy");
    }

    #[test]
    fn a_load_is_told_in_words() {
        for (executor, model, stages, expected) in [
            (
                "ramping-vus",
                "closed",
                vec![stage(5, "0→20"), stage(90, "20")],
                "up to 20 VUs for 1m30s",
            ),
            (
                "constant-arrival-rate",
                "open",
                vec![stage(15, "50/s")],
                "50/s for 15s",
            ),
            (
                "constant-arrival-rate",
                "open",
                vec![stage(15, "0.000278/s")],
                "1/h for 15s",
            ),
            (
                "ramping-arrival-rate",
                "open",
                vec![stage(5, "1/s→80/s"), stage(9, "80/s→10/s")],
                "up to 80/s for 9s",
            ),
            (
                "shared-iterations",
                "closed",
                vec![stage(600, "20")],
                "20 VUs, 100 iterations",
            ),
            (
                "per-vu-iterations",
                "closed",
                vec![stage(600, "20")],
                "20 VUs, 100 iterations each",
            ),
        ] {
            let mut run = run(executor, model, stages);
            run.settings = vec![Setting {
                key: match executor {
                    "per-vu-iterations" => "iterations_per_vu".to_owned(),
                    _ => "iterations".to_owned(),
                },
                values: vec!["100".to_owned()],
                source: String::new(),
                from_profile: false,
                compared: true,
            }];
            assert_eq!(title(&run), expected);
        }
        let mut several = run(
            "constant-vus",
            "mixed",
            vec![stage(5, "1"), stage(5, "2/s")],
        );
        several.scenarios = ["browse", "buy"]
            .map(|name| ScenarioRow {
                name: name.to_owned(),
                ..ScenarioRow::default()
            })
            .into();
        assert_eq!(title(&several), "browse and buy");
    }
}
