//! What rows found, kept as files between runs of the bench: a row that is measured again takes
//! the place of its older results, and the others stay, each with its own date and commit.

use std::{
    fs::{self, File},
    io::BufReader,
    path::{Path, PathBuf},
};

use anyhow::Context;

use crate::markdown::{Chapter, GOALS};

/// Writes a row's results in place of older ones.
pub(crate) fn keep(dir: &Path, chapter: &Chapter) -> anyhow::Result<()> {
    fs::create_dir_all(dir).with_context(|| format!("can't make {}", dir.display()))?;
    let path = file(dir, &chapter.name);
    let text = serde_json::to_vec(chapter)?;
    fs::write(&path, text).with_context(|| format!("can't write {}", path.display()))
}

/// The results that there are of these rows, in their order.
pub(crate) fn kept<'a>(
    dir: &Path,
    names: impl Iterator<Item = &'a str>,
) -> anyhow::Result<Vec<Chapter>> {
    names
        .map(|name| file(dir, name))
        .filter(|path| path.exists())
        .map(|path| {
            let file =
                File::open(&path).with_context(|| format!("can't read {}", path.display()))?;
            serde_json::from_reader(BufReader::new(file))
                .with_context(|| format!("{} is not a row's results", path.display()))
        })
        .collect()
}

/// The rows of these published results that writing them anew would drop: neither measured now nor
/// kept here, as in a fresh clone.
pub(crate) fn dropped<'a>(dir: &Path, published: &'a str, measured: &[&str]) -> Vec<&'a str> {
    let rows = published
        .lines()
        .filter_map(|line| line.strip_prefix("## "));
    rows.filter(|row| *row != GOALS && !measured.contains(row) && !file(dir, row).exists())
        .collect()
}

fn file(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("{name}.json"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::section::{Limit, Section};

    fn chapter(name: &str, value: f64) -> Chapter {
        let mut section = Section::default();
        section.record("figure", value);
        section.goal("figure", Limit::AtMost(2.0));
        Chapter {
            name: name.to_owned(),
            title: String::new(),
            how: String::new(),
            measured: String::new(),
            outcome: Ok(section),
        }
    }

    #[test]
    fn a_row_measured_again_takes_its_own_place_only() {
        let dir = tempfile::tempdir().unwrap();
        let names = ["a", "b", "never"];
        for (name, value) in [("b", 1.0), ("a", 2.0), ("b", 3.0)] {
            keep(dir.path(), &chapter(name, value)).unwrap();
        }
        let found: Vec<(String, Vec<f64>, bool)> = kept(dir.path(), names.into_iter())
            .unwrap()
            .into_iter()
            .map(|chapter| {
                let section = chapter.outcome.unwrap();
                let met = section.goals[0].is_met();
                (chapter.name, section.values("figure").to_vec(), met)
            })
            .collect();
        assert_eq!(
            found,
            [
                ("a".to_owned(), vec![2.0], true),
                ("b".to_owned(), vec![3.0], false)
            ]
        );
    }

    #[test]
    fn results_of_another_machine_are_not_dropped() {
        let dir = tempfile::tempdir().unwrap();
        keep(dir.path(), &chapter("b", 1.0)).unwrap();
        let published = "# Results\n\n## Goals\n\n## a\n\n## b\n\n## c\n";
        assert_eq!(dropped(dir.path(), published, &["a"]), ["c"]);
        assert!(dropped(dir.path(), published, &["a", "c"]).is_empty());
        assert!(dropped(dir.path(), "", &["a"]).is_empty());
    }
}
