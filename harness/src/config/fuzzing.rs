//! Properties that hold for any text that a user may write, for fuzzing.

use std::time::Duration;

use url::Url;

use super::field::{Field, Form};
use super::inputs::Inputs;
use super::layer::Layer;
use super::outline::Outline;
use super::problem::Problem;
use super::setting::Setting;
use super::validate::load_with;
use super::{RunConfig, connect, headers, parse};
use crate::decimal::shifted;
use crate::output::Address;
use crate::vu::Target;

/// One value, read as each kind that there is.
pub fn values(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(time) = parse::duration(text) {
        assert!(time <= Duration::from_secs(7 * 24 * 3_600));
        let shown = humantime::format_duration(time).to_string();
        assert_eq!(parse::duration(&shown), Ok(time));
    }
    if let Ok(share) = parse::share(text) {
        assert!((0.0..=1.0).contains(&share));
    }
    if let Ok(stage) = parse::stage(text) {
        assert!(parse::is_name(&stage.name));
    }
    if let Ok(rate) = parse::rate(text) {
        assert!((0.0..=1e6).contains(&rate.per_second()), "{rate:?}");
    }
    let _ = (
        parse::vus(text),
        parse::iterations(text),
        parse::noise(text),
    );
    let _ = (
        connect::size(text),
        parse::redirects(text),
        parse::seed(text),
    );
    if let (Some(number), false) = (shifted(text, 2), text.contains(['e', 'E'])) {
        assert!(number.is_finite());
        assert_eq!(shifted(&format!("{}e2", text.trim()), 0), Some(number));
    }
}

/// Flags (`--vus 5`) and variables (`LOADTEST_VUS=5`) on lines of their own, and a file behind a
/// line `---`. What can be run can be run again by the settings that its report names.
pub fn config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let outline = crate::fixture::outline();
    let (lines, file) = text.split_once("\n---\n").unwrap_or((text, ""));
    let inputs = inputs(lines, &outline);
    let variables = inputs.variables.clone();
    let Ok(config) = loaded(&outline, inputs, file) else {
        return;
    };
    assert!(config.plan().vus_max() > 0);
    assert!(
        config
            .thresholds
            .iter()
            .all(|threshold| threshold.limit.is_finite())
    );
    let shown = |setting: &Setting| setting.values.iter().any(|text| text.contains("***"));
    if config.settings.iter().any(shown) {
        return;
    }
    let repeated = Inputs {
        flags: repeated(&config),
        variables: variables
            .into_iter()
            .filter(|(name, _)| !name.starts_with("LOADTEST_"))
            .collect(),
    };
    match loaded(&outline, repeated, file) {
        Ok(again) => {
            assert_eq!(
                format!("{:?}", again.scenarios),
                format!("{:?}", config.scenarios)
            );
            assert_eq!(again.thresholds, config.thresholds);
            assert_eq!(again.connect, config.connect);
        }
        Err(problems) => panic!("{}: {problems:?}", config.command()),
    }
}

fn inputs(lines: &str, outline: &Outline) -> Inputs {
    let mut inputs = Inputs::default();
    let mut lists: Vec<(&'static Field, Vec<String>)> = Vec::new();
    for line in lines.lines() {
        let Some(flag) = line.strip_prefix("--") else {
            let variable = line.split_once('=').filter(|(name, _)| !name.is_empty());
            let variable = variable.map(|(name, text)| (name.to_owned(), text.to_owned()));
            inputs.variables.extend(variable);
            continue;
        };
        let (flag, text) = flag.split_once(' ').unwrap_or((flag, ""));
        let Some(field) = outline.fields.iter().find(|field| field.flag == flag) else {
            continue;
        };
        let text = (field.form != Form::Switch).then(|| text.to_owned());
        match lists.iter_mut().find(|(known, _)| known.key == field.key) {
            Some((_, texts)) if matches!(field.form, Form::Many(_)) => texts.extend(text),
            Some((_, texts)) => *texts = text.into_iter().collect(),
            None => lists.push((field, text.into_iter().collect())),
        }
    }
    for (field, texts) in lists {
        inputs.flags.set_flag(field, texts);
    }
    inputs
}

/// The flags of `RunConfig::command`, without a shell in between.
fn repeated(config: &RunConfig) -> Layer {
    let mut flags = Layer::default();
    let given = config
        .settings
        .iter()
        .filter(|setting| !setting.from_profile);
    for setting in given {
        if let Some(field) = config.fields.of_key(&setting.key) {
            flags.set_flag(field, setting.values.clone());
        }
    }
    flags
}

/// The file is what `--config` names, whatever its name.
fn loaded(outline: &Outline, inputs: Inputs, file: &str) -> Result<RunConfig, Vec<Problem>> {
    load_with(outline, inputs, false, |_| Ok(file.to_owned()))
}

/// An address, read as each kind that there is. None of them shows a secret.
pub fn addresses(data: &[u8]) {
    const SECRET: &str = "hunter2hunter2";
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let variable = |name: &str| (name == "INFLUX_TOKEN").then(|| SECRET.to_owned());
    if let Ok(address) = Address::parse(text, &variable) {
        let shown = format!("{address} {address:?}");
        assert!(text.contains(SECRET) || !shown.contains(SECRET), "{shown}");
        let place = text.split_once('=').map_or("", |(_, place)| place.trim());
        let url = Url::parse(place).ok();
        let password = url.as_ref().and_then(Url::password);
        if password == Some(SECRET) && place.matches(SECRET).count() == 1 {
            assert!(!shown.contains(SECRET), "{shown}");
        }
    }
    if let Ok(url) = Target::parse(text) {
        assert!(url.has_host());
        assert!(
            url.username().is_empty() && url.password().is_none(),
            "{url}"
        );
    }
    if let Ok(resolved) = connect::resolved(text) {
        let addresses: Vec<_> = resolved.addresses.iter().map(ToString::to_string).collect();
        let shown = format!(
            "{}:{}:{}",
            resolved.host,
            resolved.port,
            addresses.join(",")
        );
        assert_eq!(connect::resolved(&shown), Ok(resolved));
    }
    if let Ok(address) = connect::local_address(text) {
        assert_eq!(connect::local_address(&address.to_string()), Ok(address));
    }
    let variables = [("TOKEN".to_owned(), SECRET.to_owned())];
    if let Ok(header) = headers::header(text, &variables) {
        assert!(!header.value().contains(['\n', '\r', '\0']));
        assert!(text.contains(SECRET) || !headers::shown(text).contains(SECRET));
    }
}
