//! Properties of the parsers, for any bytes: one function for each fuzz target of `fuzz/`, beside
//! its parser. A test runs the seeds.

pub use crate::config::fuzzing::{addresses, config, values};
pub use crate::fleet::fuzzing::seconds;
pub use crate::output::fuzzing::{line_protocol, spool};
pub use crate::probe::fuzzing::probe;
pub use crate::report::fuzzing::{report, series};
pub use crate::threshold::fuzzing::threshold;
pub use crate::vu::fuzzing::{answer, coding, cookies, http2, redirect, server_timing};

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    type Target = (&'static str, fn(&[u8]));

    /// Every target, by the name that its seeds lie under.
    const TARGETS: [Target; 16] = [
        ("addresses", super::addresses),
        ("answer", super::answer),
        ("coding", super::coding),
        ("config", super::config),
        ("cookies", super::cookies),
        ("http2", super::http2),
        ("line_protocol", super::line_protocol),
        ("probe", super::probe),
        ("redirect", super::redirect),
        ("report", super::report),
        ("seconds", super::seconds),
        ("series", super::series),
        ("server_timing", super::server_timing),
        ("spool", super::spool),
        ("threshold", super::threshold),
        ("values", super::values),
    ];

    fn names(folder: &Path) -> BTreeSet<String> {
        let entries = std::fs::read_dir(folder).expect("a folder of fuzz/");
        let paths = entries.map(|entry| entry.expect("an entry").path());
        let stem = |path: std::path::PathBuf| Some(path.file_stem()?.to_str()?.to_owned());
        paths.filter_map(stem).collect()
    }

    #[test]
    fn every_seed_passes_its_target() {
        let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
        for (target, run) in TARGETS {
            let seeds = fuzz.join("seeds").join(target);
            for entry in std::fs::read_dir(&seeds).expect(target) {
                run(&std::fs::read(entry.expect(target).path()).expect(target));
            }
        }
    }

    #[test]
    fn every_target_is_built_and_has_seeds() {
        let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
        // Those of the shop's load test: its own test runs them.
        let others = ["bodies", "contract"].map(str::to_owned);
        let known = TARGETS.map(|(name, _)| name.to_owned());
        let known: BTreeSet<String> = known.into_iter().chain(others).collect();
        assert_eq!(names(&fuzz.join("targets")), known);
        assert_eq!(names(&fuzz.join("seeds")), known);
        let manifest = std::fs::read_to_string(fuzz.join("Cargo.toml")).expect("text");
        for name in &known {
            let seeds = names(&fuzz.join("seeds").join(name));
            assert!(seeds.len() > 1, "{name}: {seeds:?}");
            assert!(
                manifest.contains(&format!("\nname = \"{name}\"\n")),
                "{name}"
            );
        }
    }
}
