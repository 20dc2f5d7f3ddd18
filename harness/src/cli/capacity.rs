//! The command line of `loadtest capacity`.

use clap::{Arg, ArgMatches, Command};

use super::{arguments, flags};
use crate::capacity::{By, Request, SHORTEST_HOLD, Search};
use crate::config::{Outline, parse};

pub(super) fn command(outline: &Outline) -> Command {
    let program = outline.program.name;
    let host = super::host(outline);
    let option = |name: &'static str, value, default, help| {
        Arg::new(name)
            .long(name)
            .value_name(value)
            .default_value(default)
            .help(help)
    };
    let load = |name, default, help| {
        option(name, "N", default, help).value_parser(clap::value_parser!(u32).range(1..))
    };
    Command::new("capacity")
        .about("Find the largest load under which the SLA holds, with no failure")
        .long_about(
            "Finds the largest load under which the SLA holds, with no failure. It doubles the \
             load until a trial fails, halves the gap, and repeats the largest load that holds. Every \
             trial is a complete run, with its set-up (which may erase the server's data) and audit.\n\n\
             The load is a number of VUs, which send less to a slow server. With --by rate it is \
             iterations a second, which start even if the server is slow. A rate must also be kept: \
             a trial fails if more iterations are dropped or late than --limit dropped and \
             --limit late-starts allow. Without --max-vus, there are enough VUs for iterations that \
             take 5 s beyond their own pauses.\n\n\
             A server at a loopback address counts as --shared-machine.",
        )
        .after_help(format!(
            "Examples:\n  \
             {program} capacity --host http://127.0.0.1:8080\n  \
             {program} capacity --host http://127.0.0.1:8080 --sla 'p(99)<100' --from 500\n  \
             {program} capacity{host} --by rate --from 50 --to 2000    iterations a second\n  \
             {program} capacity{host} --json capacity.json"
        ))
        .arg(
            option("by", "vus|rate", "vus", "Unit of the load: VUs, or iterations a second")
                .value_parser(By::ALL.map(|(name, _)| name)),
        )
        .arg(load("from", "100", "The first load, in VUs, or in iterations/s with --by rate"))
        .arg(load("to", "10000", "The largest load, in the same unit"))
        .arg(
            option("hold", "TIME", "10s", "How long each trial holds its load"),
        )
        .arg(
            option("precision", "SHARE", "5%", "Largest gap between the answer and the next load that fails"),
        )
        .arg(
            option("repeats", "N", "3", "How many trials of the answer must hold")
                .value_parser(clap::value_parser!(u32).range(1..=20)),
        )
        .arg(
            Arg::new("json")
                .long("json")
                .value_name("FILE")
                .help("Write trials and outcome there"),
        )
        .args(arguments(outline, |field| field.in_trials))
}

pub(super) fn request(matches: &ArgMatches, outline: &Outline) -> Result<Request, clap::Error> {
    let wrong = |name: &str, error: &str| wrong(outline, name, error);
    let number = |name| matches.get_one::<u32>(name).copied().unwrap_or_default();
    let text = |name| matches.get_one::<String>(name).cloned().unwrap_or_default();
    let hold = parse::duration(&text("hold")).map_err(|error| wrong("hold", &error))?;
    if hold < SHORTEST_HOLD {
        return Err(wrong("hold", "must be at least 2s"));
    }
    let precision = parse::share(&text("precision")).map_err(|error| wrong("precision", &error))?;
    let name = text("by");
    let by = By::ALL.iter().find(|(known, _)| *known == name);
    let by = by.map_or_else(By::default, |(_, by)| *by);
    let (from, to) = (number("from"), number("to"));
    if from > to {
        return Err(wrong("from", &format!("{from} is larger than --to {to}")));
    }
    // Found out now, and not by the trial that gets there.
    match by {
        By::Vus => parse::vus(&to.to_string()).map(drop),
        By::Rate => parse::rate(&format!("{to}/s")).map(drop),
    }
    .map_err(|error| wrong("to", &error))?;
    Ok(Request {
        by,
        search: Search {
            from,
            to,
            precision,
            repeats: number("repeats"),
        },
        hold,
        flags: flags(matches, outline)?,
        json: matches.get_one::<String>("json").map(Into::into),
    })
}

fn wrong(outline: &Outline, name: &str, error: &str) -> clap::Error {
    super::command(outline).error(
        clap::error::ErrorKind::ValueValidation,
        format!("--{name}: {error}"),
    )
}

#[cfg(test)]
mod tests {
    use super::super::{Invocation, parse};
    use super::*;

    fn request(flags: &str) -> Result<Request, String> {
        let words = format!("loadtest capacity {flags}");
        match parse(
            words.split_whitespace().map(Into::into),
            &crate::fixture::outline(),
        ) {
            Ok(Invocation::Capacity(request)) => Ok(request),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn a_search_is_by_vus_unless_a_rate_is_asked_for() {
        let rows = [
            ("", By::Vus, 100, 10_000),
            ("--by vus --from 7", By::Vus, 7, 10_000),
            ("--by rate --from 50 --to 1000000", By::Rate, 50, 1_000_000),
        ];
        for (flags, by, from, to) in rows {
            let request = request(flags).expect(flags);
            assert_eq!(
                (request.by, request.search.from, request.search.to),
                (by, from, to)
            );
        }
        let given = request("--by rate --max-vus 250").expect("good").flags;
        assert_eq!(given.get("max_vus").expect("given").texts, ["250"]);
    }

    #[test]
    fn mistakes_are_named() {
        let rows = [
            ("--by users", "'users' for '--by <vus|rate>'"),
            ("--from 5 --to 4", "--from: 5 is larger than --to 4"),
            ("--to 100001", "--to: '100001' is not a number of VUs"),
            ("--by rate --to 1000001", "--to: '1000001/s' is not a rate"),
            ("--hold 1s", "--hold: must be at least 2s"),
            ("--rate 5/s", "unexpected argument '--rate'"),
            ("--rate-stages", "unexpected argument '--rate-stages'"),
        ];
        for (flags, expected) in rows {
            let error = request(flags).expect_err(expected);
            assert!(error.contains(expected), "{error}");
        }
    }
}
