//! The grammar of single values. Every error says what would be right.

use std::time::Duration;

use crate::decimal::shifted;
use crate::executor::{GRACE_STAGE, Rate};

/// More VUs than this is a typo.
const MOST_VUS: u32 = 100_000;
/// A longer time than this is a typo.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3_600);

/// A duration such as `1m30s`, at most 7 days.
///
/// # Errors
/// What would be right.
pub fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("'{text}' is not a duration; write 30s, 1m30s or 500ms");
    // humantime takes a bare 0 only.
    let duration = humantime::parse_duration(text.trim()).map_err(|_| wrong())?;
    if duration > LONGEST {
        Err(format!("'{text}' is more than 7 days"))
    } else {
        Ok(duration)
    }
}

pub(super) fn positive_duration(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err(format!("'{text}' is zero; write 30s, 1m30s or 500ms")),
        duration => Ok(duration),
    }
}

pub(crate) fn vus(text: &str) -> Result<u32, String> {
    let wrong =
        || format!("'{text}' is not a number of VUs; write a whole number from 0 to {MOST_VUS}");
    text.trim()
        .parse()
        .ok()
        .filter(|vus| *vus <= MOST_VUS)
        .ok_or_else(wrong)
}

pub(super) fn some_vus(text: &str) -> Result<u32, String> {
    match vus(text)? {
        0 => Err("0 VUs do nothing; write at least 1".to_owned()),
        vus => Ok(vus),
    }
}

pub(super) fn iterations(text: &str) -> Result<u64, String> {
    const MOST: u64 = 1_000_000_000;
    let wrong =
        || format!("'{text}' is not a number of iterations; write a whole number from 1 to {MOST}");
    text.trim()
        .parse()
        .ok()
        .filter(|n| (1..=MOST).contains(n))
        .ok_or_else(wrong)
}

pub(super) fn seed(text: &str) -> Result<u64, String> {
    text.trim().parse().map_err(|_| {
        format!(
            "'{text}' is not a seed; write a whole number from 0 to {}",
            u64::MAX
        )
    })
}

/// How many redirects are followed.
pub(super) fn redirects(text: &str) -> Result<u32, String> {
    const MOST: u32 = 20;
    let wrong =
        || format!("'{text}' is not a number of redirects; write a whole number from 0 to {MOST}");
    text.trim()
        .parse()
        .ok()
        .filter(|n| *n <= MOST)
        .ok_or_else(wrong)
}

/// A row of the stage table as it is written; without a name it stays empty.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct StageText {
    pub(super) name: String,
    pub(super) duration: Duration,
    pub(super) target: Target,
}

/// What a stage goes to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Target {
    /// A number of VUs, or of iterations per second where the stages are rates.
    Number(u32),
    /// Certainly a rate.
    Rate(Rate),
}

/// `[name=]duration:target`.
pub(super) fn stage(text: &str) -> Result<StageText, String> {
    let wrong = || {
        format!(
            "'{text}' is not a stage; write time:vus as in 1m:100, or name=time:vus as in hold=2m:300"
        )
    };
    let (name, rest) = text.split_once('=').unwrap_or(("", text));
    let (time, target) = rest.split_once(':').ok_or_else(wrong)?;
    let name = name.trim();
    if !is_name(name) || (name.is_empty() && text.contains('=')) {
        return Err(format!(
            "'{name}' is not a stage's name; use letters, digits, _ - and ."
        ));
    }
    if name == GRACE_STAGE {
        return Err(format!(
            "'{name}' is reserved for the time after the last stage; give the stage another name"
        ));
    }
    let in_stage = |error: String| format!("stage '{text}': {error}");
    Ok(StageText {
        name: name.to_owned(),
        duration: duration(time).map_err(in_stage)?,
        target: if target.contains('/') {
            Target::Rate(rate(target).map_err(in_stage)?)
        } else {
            Target::Number(vus(target).map_err(in_stage)?)
        },
    })
}

/// Whether thresholds can name it, be it a stage, a scenario or a tag.
pub(super) fn is_name(name: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    name.chars().all(is_word)
}

/// `500/s`, `30/m`, `0.5/s`, `100/h`, `7/10s`.
pub(crate) fn rate(text: &str) -> Result<Rate, String> {
    let wrong = || {
        format!("'{text}' is not a rate; write 500/s, 30/m or 0.5/s, at most a million a second")
    };
    let (count, per) = text.trim().split_once('/').ok_or_else(wrong)?;
    let per = match per.trim() {
        "s" | "m" | "h" => format!("1{}", per.trim()),
        per => per.to_owned(),
    };
    let count: f64 = count.trim().parse().map_err(|_| wrong())?;
    let per = positive_duration(&per).map_err(|_| wrong())?;
    Rate::new(count, per).ok_or_else(wrong)
}

pub(super) fn some_rate(text: &str) -> Result<Rate, String> {
    let rate = rate(text)?;
    if rate.is_zero() {
        return Err(format!("'{text}' starts nothing; write a rate above 0"));
    }
    Ok(rate)
}

/// `5%` or `0.05`, from 0 to 1.
pub(crate) fn share(text: &str) -> Result<f64, String> {
    let wrong = || format!("'{text}' is not a share; write 5% or 0.05");
    let (number, exponent) = match text.trim().strip_suffix('%') {
        Some(number) => (number, -2),
        None => (text.trim(), 0),
    };
    let share = shifted(number, exponent).ok_or_else(wrong)?;
    (0.0..=1.0)
        .contains(&share)
        .then_some(share)
        .ok_or_else(wrong)
}

/// Whether a text means on or off; nothing if neither.
pub(super) fn switch(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Some(true),
        "0" | "false" | "no" | "off" => Some(false),
        _ => None,
    }
}

/// A share above 0: without any noise, everything would be a change.
pub(crate) fn noise(text: &str) -> Result<f64, String> {
    match share(text)? {
        0.0 => Err(format!("'{text}' is zero; write 5% or 0.05")),
        noise => Ok(noise),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_values_are_read() {
        assert_eq!(duration("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("0s"), Ok(Duration::ZERO));
        assert_eq!(share("5%"), Ok(0.05));
        assert_eq!(share("0.5"), Ok(0.5));
        assert_eq!(share("95%"), Ok(0.95), "not 0.9500000000000001");
        let expected = StageText {
            name: "hold".to_owned(),
            duration: Duration::from_secs(120),
            target: Target::Number(300),
        };
        assert_eq!(stage("hold=2m:300"), Ok(expected.clone()));
        assert_eq!(
            stage("2m:300"),
            Ok(StageText {
                name: String::new(),
                ..expected
            })
        );
        for (text, per_second) in [
            ("500/s", 500.0),
            ("30/m", 0.5),
            ("36/h", 0.01),
            ("7/10s", 0.7),
        ] {
            assert_eq!(rate(text).map(Rate::per_second), Ok(per_second), "{text}");
        }
        let quick = stage("1m:500/s").expect("a stage").target;
        assert_eq!(quick, Target::Rate(rate("500/s").expect("a rate")));
    }

    #[test]
    fn bad_values_are_refused_with_a_mend() {
        let rows = [
            (duration("1x").err(), "'1x' is not a duration; write 30s"),
            (duration("30").err(), "'30' is not a duration"),
            (duration("-5s").err(), "is not a duration"),
            (duration("400 days").err(), "more than 7 days"),
            (positive_duration("0s").err(), "'0s' is zero"),
            (some_vus("0").err(), "0 VUs do nothing"),
            (vus("100001").err(), "from 0 to 100000"),
            (vus("3.5").err(), "'3.5' is not a number of VUs"),
            (iterations("0").err(), "from 1 to"),
            (seed("x").err(), "'x' is not a seed"),
            (stage("1m").err(), "'1m' is not a stage; write time:vus"),
            (stage("1m:many").err(), "'many' is not a number of VUs"),
            (stage("soon:5").err(), "'soon' is not a duration"),
            (stage("=1m:5").err(), "'' is not a stage's name"),
            (
                stage("grace=1m:5").err(),
                "'grace' is reserved for the time after",
            ),
            (stage("a b=1m:5").err(), "'a b' is not a stage's name"),
            (rate("500").err(), "'500' is not a rate; write 500/s"),
            (rate("x/s").err(), "'x/s' is not a rate"),
            (rate("-5/s").err(), "'-5/s' is not a rate"),
            (rate("5/week").err(), "'5/week' is not a rate"),
            (rate("1e9/s").err(), "at most a million a second"),
            (some_rate("0/s").err(), "'0/s' starts nothing"),
            (stage("1m:fast/s").err(), "'fast/s' is not a rate"),
            (share("150%").err(), "is not a share"),
        ];
        for (error, expected) in rows {
            let error = error.expect(expected);
            assert!(error.contains(expected), "{error}");
        }
    }
}
