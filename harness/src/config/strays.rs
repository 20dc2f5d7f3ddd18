//! Variables named `LOADTEST_*` that are no settings.

use super::field::{Field, Fields, Form};
use super::parse::switch;
use super::problem::{Problem, Source};
use crate::format::did_you_mean;

/// What every setting's variable begins with.
pub(super) const PREFIX: &str = "LOADTEST_";

/// What is said of variables that are no setting: those that Kubernetes makes for a service, in one
/// line, and each of the others.
pub(super) fn strays(variables: &[(String, String)], fields: &Fields) -> Vec<Problem> {
    let names: Vec<String> = fields.iter().map(Field::variable).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (links, others): (Vec<_>, Vec<_>) = variables
        .iter()
        .partition(|(name, text)| is_service_link(name, text));
    let others = others.into_iter().map(|(name, _)| {
        let what = "is ignored, because there is no such setting".to_owned();
        let what = match did_you_mean(name, names.iter().copied()).trim_end() {
            "" => what,
            near => format!("{what}: {near}"),
        };
        Problem::new(Source::Variable(name.clone()), what)
    });
    let links: Vec<&str> = links.iter().map(|(name, _)| name.as_str()).collect();
    let links = (!links.is_empty()).then(|| {
        let what = "ignored: service links of Kubernetes, and no settings; set \
                    enableServiceLinks: false in the pod's spec";
        Problem::new(Source::Variable(links.join(", ")), what)
    });
    links.into_iter().chain(others).collect()
}

/// The variables but for those of fields that a command doesn't use, and what is said of these, in
/// one line. An empty variable and a switch that is off ask for nothing.
#[must_use]
pub fn without_unused(
    variables: Vec<(String, String)>,
    fields: &Fields,
    is_unused: impl Fn(&Field) -> bool,
    command: &str,
) -> (Vec<(String, String)>, Option<Problem>) {
    let unused = |name: &str| {
        let field = fields.iter().find(|field| field.variable() == name);
        field.filter(|field| is_unused(field))
    };
    let (without, used): (Vec<_>, Vec<_>) = variables
        .into_iter()
        .partition(|(name, _)| unused(name).is_some());
    let asks = |(name, text): &&(String, String)| {
        let is_switch = unused(name).is_some_and(|field| field.form == Form::Switch);
        let is_off = is_switch && switch(text) == Some(false);
        !text.is_empty() && !is_off
    };
    let names = without.iter().filter(asks).map(|(name, _)| name.as_str());
    let names: Vec<&str> = names.collect();
    let said = (!names.is_empty()).then(|| {
        let what = format!("ignored, for {command}");
        Problem::new(Source::Variable(names.join(", ")), what)
    });
    (used, said)
}

/// Whether Kubernetes made this variable for a service, such as `loadtest` or `loadtest-api`.
fn is_service_link(name: &str, text: &str) -> bool {
    let words: Vec<&str> = name.split('_').collect();
    let is_number = |word: &str| word.parse::<u16>().is_ok();
    let is_protocol = |word: &str| matches!(word, "TCP" | "UDP" | "SCTP");
    match words.as_slice() {
        [.., "SERVICE", "HOST" | "PORT"] => true,
        [.., "PORT", number, protocol]
        | [.., "PORT", number, protocol, "PROTO" | "PORT" | "ADDR"] => {
            is_number(number) && is_protocol(protocol)
        }
        [.., "PORT"] => text.contains("://"),
        words => words.windows(2).any(|pair| pair == ["SERVICE", "PORT"]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn service_links_are_told_apart_from_mistakes() {
        let rows = [
            ("LOADTEST_PORT", "tcp://10.0.0.1:80", true),
            ("LOADTEST_PORT", "8080", false),
            ("LOADTEST_SERVICE_HOST", "10.0.0.1", true),
            ("LOADTEST_SERVICE_PORT", "80", true),
            ("LOADTEST_SERVICE_PORT_HTTP", "80", true),
            ("LOADTEST_PORT_80_TCP", "tcp://10.0.0.1:80", true),
            ("LOADTEST_PORT_80_TCP_PROTO", "tcp", true),
            ("LOADTEST_API_PORT_53_UDP_ADDR", "10.0.0.1", true),
            ("LOADTEST_PORT_80_HTTP", "x", false),
            ("LOADTEST_DURATON", "5s", false),
        ];
        for (name, text, is_link) in rows {
            assert_eq!(is_service_link(name, text), is_link, "{name}={text}");
        }
    }

    #[test]
    fn what_a_command_has_no_use_for_is_left_out_and_said_once() {
        let variables = [
            ("LOADTEST_OUT", "csv=x"),
            ("LOADTEST_HOST", "http://127.0.0.1:9"),
            ("LOADTEST_NAME", "x"),
            ("LOADTEST_TUI", "1"),
            ("LOADTEST_QUIET", "0"),
            ("LOADTEST_TAGS", ""),
            ("LOADTEST_THINKTIME", "1s"),
        ];
        let variables = variables.map(|(name, text)| (name.to_owned(), text.to_owned()));
        let fields = Fields::with(&[]);
        let search = |field: &Field| !field.in_trials;
        let (used, said) = without_unused(variables.into(), &fields, search, "a search has none");
        let used: Vec<&str> = used.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(used, ["LOADTEST_HOST", "LOADTEST_THINKTIME"]);
        assert_eq!(
            said.map(|said| said.to_string()).as_deref(),
            Some("LOADTEST_OUT, LOADTEST_NAME, LOADTEST_TUI: ignored, for a search has none")
        );
    }

    #[test]
    fn each_stray_is_named_with_what_was_meant() {
        let variables = [
            ("LOADTEST_PORT", "tcp://10.0.0.1:80"),
            ("LOADTEST_DURATON", "5s"),
            ("LOADTEST_SERVICE_HOST", "10.0.0.1"),
            ("LOADTEST_QQQQQQQQQQQQQQQQQ", "1"),
        ];
        let variables = variables.map(|(name, text)| (name.to_owned(), text.to_owned()));
        let told = strays(&variables, &Fields::with(&[]));
        let told: Vec<String> = told.iter().map(Problem::to_string).collect();
        assert_eq!(
            told,
            [
                "LOADTEST_PORT, LOADTEST_SERVICE_HOST: ignored: service links of Kubernetes, and \
                 no settings; set enableServiceLinks: false in the pod's spec",
                "LOADTEST_DURATON: is ignored, because there is no such setting: did you mean \
                 LOADTEST_DURATION?",
                "LOADTEST_QQQQQQQQQQQQQQQQQ: is ignored, because there is no such setting",
            ]
        );
    }
}
