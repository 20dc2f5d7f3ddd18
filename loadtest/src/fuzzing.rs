//! Properties of the parsers of a shop's answers and of `[api]`: one function for each fuzz target
//! of `fuzz/`. A test runs the seeds.

use serde_json::Value;

use crate::api::{Api, Ids, Numbers, Path};

/// `[api]` of a configuration file: it is read, or its flaws are told.
pub fn contract(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(path) = Path::parse(text, "-x") {
        filled_in(&path);
    }
    let Ok(table) = text.parse::<toml::Table>() else {
        return;
    };
    match Api::parse(Some(&table), "-x") {
        Ok(api) => {
            let order = api.order(1, Some(2), [(3, 4)].into_iter());
            assert!(serde_json::from_str::<Value>(&order).is_ok(), "{order}");
            let amount = api.amount(5);
            assert!(serde_json::from_str::<Value>(&amount).is_ok(), "{amount}");
        }
        Err(flaws) => assert!(!flaws.is_empty()),
    }
}

/// What is filled in leaves a path.
fn filled_in(path: &Path) {
    let ids = Ids {
        vu: u32::MAX,
        user: i64::MIN,
        policy: 0,
    };
    let text = path.of(ids);
    assert!(
        text.starts_with('/') && !text.contains(char::is_whitespace),
        "{text}"
    );
}

/// An answer's numbers are those that any reader of JSON finds; but what is skipped may be text that is
/// none, as half of a surrogate pair.
pub fn bodies(data: &[u8]) {
    const NAMES: [&str; 2] = ["id", "total"];
    let numbers = Numbers::named(NAMES);
    let Ok(json) = serde_json::from_slice::<Value>(data) else {
        return;
    };
    let of = |value: &Value| NAMES.map(|name| value[name].as_i64());
    if let Ok(found) = numbers.object(data) {
        assert_eq!(of(&json), found.map(Some));
    }
    if let Ok(rows) = numbers.list(data) {
        let all = json.as_array().expect("a list");
        let found: Vec<_> = rows.iter().map(|row| row.map(Some)).collect();
        assert_eq!(all.iter().map(of).collect::<Vec<_>>(), found);
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    type Target = (&'static str, fn(&[u8]));

    #[test]
    fn every_seed_passes_its_target() {
        // In the workspace, wherever in it this is (tests/own-persona is a copy).
        let mut above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
        let seeds = above.find_map(|folder| folder.join("fuzz/seeds").canonicalize().ok());
        let seeds = seeds.expect("fuzz/seeds");
        let targets: [Target; 2] = [("bodies", super::bodies), ("contract", super::contract)];
        for (target, run) in targets {
            let mut seeds_run = 0;
            for entry in std::fs::read_dir(seeds.join(target)).expect(target) {
                run(&std::fs::read(entry.expect(target).path()).expect(target));
                seeds_run += 1;
            }
            assert!(seeds_run > 1, "{target}");
        }
    }
}
