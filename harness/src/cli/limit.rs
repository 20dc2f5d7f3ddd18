//! `--limit NAME=VALUE`, one flag for all limits.

use clap::{Arg, ArgAction, ArgMatches};

use crate::config::Field;

const ID: &str = "limit";

pub(super) fn argument() -> Arg {
    Arg::new(ID)
        .long(ID)
        .value_name("NAME=VALUE")
        .hide_short_help(true)
        .help("Change a limit beyond which a run can't be trusted, e.g. cpu=80%; 'limits' lists them; repeat for more")
        .help_heading(Field::limits().map(|(_, field)| field.heading).next())
        .action(ArgAction::Append)
        .value_parser(parse)
}

/// What was given, in the order in which it was.
pub(super) fn given(matches: &ArgMatches) -> impl Iterator<Item = (&'static Field, String)> {
    let given = matches.get_many::<(&'static Field, String)>(ID);
    given.into_iter().flatten().cloned()
}

fn parse(text: &str) -> Result<(&'static Field, String), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or_else(|| format!("'{text}' has no value; write it as in cpu=80%"))?;
    Ok((Field::of_limit(name.trim())?, value.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_has_a_name_that_there_is_and_a_value() {
        let key = |text| parse(text).map(|(field, value)| (field.key, value));
        assert_eq!(
            key("machine-cpu=95%"),
            Ok(("limit_machine_cpu", "95%".to_owned()))
        );
        assert_eq!(
            key("late_starts = 2%"),
            Ok(("limit_late_starts", "2%".to_owned()))
        );
        let error = key("cpuu=3").expect_err("no such limit");
        assert!(
            error.starts_with("there is no limit 'cpuu'; did you mean cpu? known are"),
            "{error}"
        );
        assert_eq!(
            key("cpu"),
            Err("'cpu' has no value; write it as in cpu=80%".to_owned())
        );
    }
}
