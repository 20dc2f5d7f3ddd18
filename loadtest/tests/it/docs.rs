//! What the README promises is what there is.

use harness::Outline;
use harness::metrics;
use harness::threshold::ExitCode;
use loadtest::Shop;

const README: &str = include_str!("../../../README.md");

#[track_caller]
fn assert_named(what: &str) {
    assert!(README.contains(what), "README.md doesn't name {what}");
}

#[test]
fn the_readme_names_everything_a_user_can_choose_or_meet() {
    let outline = Outline::of::<Shop>();
    outline
        .fields
        .iter()
        .for_each(|field| assert_named(&format!("--{}", field.flag)));
    outline
        .profiles
        .iter()
        .for_each(|profile| assert_named(&format!("`{}`", profile.name)));
    outline
        .roles
        .iter()
        .for_each(|persona| assert_named(persona.name));
    ExitCode::TABLE
        .iter()
        .for_each(|(exit, _)| assert_named(&format!("| {} |", exit.code())));
    for metric in metrics::all(&outline.catalogue) {
        // Families are written once: `http_req_blocked`, `_connecting`, …
        let short = ["http_req", "server_timing"]
            .iter()
            .find_map(|family| metric.name.strip_prefix(family));
        assert_named(short.unwrap_or(metric.name));
    }
}

/// The example files in the README are such as the program takes.
#[test]
fn the_readmes_config_files_are_valid() {
    let examples: Vec<&str> = README
        .split("```toml")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    assert!(examples.len() >= 2, "{examples:?}");
    for toml in examples {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(file.path(), toml).expect("it can be written");
        let checked = std::process::Command::new(crate::program::LOADTEST)
            .args(["validate", "--config"])
            .arg(file.path())
            .output()
            .expect("the program starts");
        let said = String::from_utf8_lossy(&checked.stderr);
        assert!(checked.status.success(), "{toml}\n{said}");
    }
}
