//! The command line of the bench.

use clap::{Parser, builder::PossibleValuesParser};

use crate::rows::ROWS;

/// Measures every row of the table side by side, and writes bench/RESULTS.md
#[derive(Debug, Parser)]
#[command(
    name = "bench",
    after_help = "\
Examples:
  make bench                                        everything, about 90 minutes; writes bench/RESULTS.md
  make bench-quick                                  everything, short; writes target/bench/RESULTS.md
  cargo run --release -p bench -- --list            the rows
  cargo run --release -p bench -- --row saturated   one row in full
  cargo run --release -p bench -- --quick --row herd --row orders
  cargo run --release -p bench -- --row pace --against f150b0e
                                                    in turns with that commit, built in target/against"
)]
pub(crate) struct Cli {
    /// Shorter loads and fewer repetitions: a first look, no figure to quote
    #[arg(long)]
    pub(crate) quick: bool,

    /// Only this row; repeat it for more
    #[arg(long = "row", value_name = "NAME", value_parser = PossibleValuesParser::new(ROWS.iter().map(|row| row.name)))]
    pub(crate) rows: Vec<String>,

    /// Write bench/RESULTS.md although it is not the whole bench in full
    #[arg(long)]
    pub(crate) write: bool,

    /// A commit whose generator and server are measured in turns with today's, in the rows that can
    #[arg(long, value_name = "COMMIT")]
    pub(crate) against: Option<String>,

    /// List the rows, and measure nothing
    #[arg(long)]
    pub(crate) list: bool,
}

impl Cli {
    /// Whether `bench/RESULTS.md` is to be written: by the whole bench in full, or when asked for.
    pub(crate) fn publishes(&self) -> bool {
        self.write || !self.quick && self.rows.is_empty()
    }

    /// How it was called, for the results.
    pub(crate) fn mode(&self) -> String {
        let plain = self.rows.is_empty() && self.against.is_none();
        if plain {
            let make = ["make bench", "make bench-quick"][usize::from(self.quick)];
            return make.to_owned();
        }
        let mut mode = "cargo run --release -p bench --".to_owned();
        if self.quick {
            mode.push_str(" --quick");
        }
        for row in &self.rows {
            mode.push_str(&format!(" --row {row}"));
        }
        if let Some(commit) = &self.against {
            mode.push_str(&format!(" --against {commit}"));
        }
        mode
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_bench_is_published_unasked() {
        // (arguments, published, called)
        let rows = [
            ("", true, "make bench"),
            ("--quick", false, "make bench-quick"),
            ("--quick --write", true, "make bench-quick"),
            (
                "--row herd --row orders",
                false,
                "cargo run --release -p bench -- --row herd --row orders",
            ),
            (
                "--quick --row herd --write",
                true,
                "cargo run --release -p bench -- --quick --row herd",
            ),
            (
                "--against f150b0e",
                true,
                "cargo run --release -p bench -- --against f150b0e",
            ),
        ];
        for (args, published, called) in rows {
            let cli = Cli::parse_from(std::iter::once("bench").chain(args.split_whitespace()));
            assert_eq!(
                (cli.publishes(), cli.mode().as_str()),
                (published, called),
                "{args}"
            );
        }
        assert!(Cli::try_parse_from(["bench", "--row", "no such row"]).is_err());
    }
}
