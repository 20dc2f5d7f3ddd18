//! `merge`: what workers kept, and where its report goes.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::Invocation;
use crate::run::Merging;

pub(super) fn command(program: &str) -> Command {
    Command::new("merge")
        .about(
            "Make a report from the seconds that workers saved when the lead was lost; its verdict is invalid",
        )
        .arg(
            Arg::new("dir")
                .value_name("DIR")
                .required(true)
                .action(ArgAction::Append)
                .num_args(1..)
                .help("The directory of a worker, worker-1, or of a run with all of them in it"),
        )
        .arg(
            Arg::new("report-dir")
                .long("report-dir")
                .value_name("DIR")
                .default_value("reports")
                .help("Write the report to RUN-merged in this directory"),
        )
        .after_help(format!(
            "Examples:\n  \
             {program} merge reports/20261123-192424-custom-c91f\n  \
             {program} merge one/worker-1 two/worker-2 three/worker-3"
        ))
}

pub(super) fn merging(matches: &ArgMatches) -> Invocation {
    let directories = matches.get_many::<String>("dir").into_iter().flatten();
    let report_dir = matches.get_one::<String>("report-dir");
    Invocation::Merge(Merging {
        directories: directories.map(PathBuf::from).collect(),
        report_dir: report_dir.map(PathBuf::from).unwrap_or_default(),
    })
}
