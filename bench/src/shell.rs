//! Command lines as a reader could type them.

use std::{path::Path, process::Command};

/// A command as a line for a shell, paths relative to `root`.
pub(crate) fn line(command: &Command, root: &Path) -> String {
    let prefix = format!("{}/", root.display());
    let program = command.get_program();
    std::iter::once(program)
        .chain(command.get_args())
        .map(|word| quoted(&word.to_string_lossy().replace(&prefix, "")))
        .collect::<Vec<_>>()
        .join(" ")
}

fn quoted(word: &str) -> String {
    let harmless = |c: char| c.is_ascii_alphanumeric() || "-_./:=@,%+".contains(c);
    if !word.is_empty() && word.chars().all(harmless) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_can_be_typed() {
        let mut command = Command::new("/work/target/release/loadtest");
        command.args(["--threshold", "http_reqs{stage:hold}: count>0", "--x", ""]);
        command.args(["it's", "--report-dir", "/work/target/bench"]);
        assert_eq!(
            line(&command, Path::new("/work")),
            r"target/release/loadtest --threshold 'http_reqs{stage:hold}: count>0' --x '' 'it'\''s' --report-dir target/bench"
        );
    }
}
