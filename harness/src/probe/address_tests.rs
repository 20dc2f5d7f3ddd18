use super::*;

fn parse(text: &str, variables: &[(&str, &str)]) -> Result<Address, String> {
    Address::parse(text, Passwords::Refused, &|name| {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    })
}

#[test]
fn a_probe_has_the_name_of_its_kind_or_its_own() {
    // (text, name, kind)
    let rows = [
        ("host", "host", Kind::Host),
        ("web=host", "web", Kind::Host),
        ("redis=redis://h:6379", "redis", Kind::Redis),
        ("cache=redis=redis+unix:///tmp/r?db=1", "cache", Kind::Redis),
        ("postgres=postgres://u@h/db?a=b", "postgres", Kind::Postgres),
        (
            "app=prometheus=http://h/m?match=a*",
            "app",
            Kind::Prometheus,
        ),
    ];
    for (text, name, kind) in rows {
        let address = parse(text, &[]).expect(text);
        assert_eq!((&*address.name, address.kind), (name, kind), "{text}");
    }
}

#[test]
fn a_password_comes_from_a_variable_and_is_never_shown() {
    let own = ("PROBE_PASSWORD_ORDERS_DB", "hunter-of-one");
    let all = ("PROBE_PASSWORD", "hunter-of-all");
    let text = "orders-db=postgres=postgres://me@h/db";
    // (text, variables, the password in the address, the token)
    let rows = [
        (text, &[own, all][..], Some("hunter-of-one"), None),
        (text, &[all], Some("hunter-of-all"), None),
        (text, &[], None, None),
        (
            "redis=redis+unix:///r.sock",
            &[all],
            Some("hunter-of-all"),
            None,
        ),
        (
            "prometheus=http://me@h/m",
            &[all],
            Some("hunter-of-all"),
            None,
        ),
        ("prometheus=http://h/m", &[all], None, Some("hunter-of-all")),
    ];
    for (text, variables, password, token) in rows {
        let address = parse(text, variables).expect(text);
        let url = address.url.as_ref().expect("an address");
        assert_eq!(given_password(url).as_deref(), password, "{text}");
        assert_eq!(address.token.as_deref(), token, "{text}");
        for shown in [address.to_string(), format!("{address:?}")] {
            assert!(!shown.contains("hunter"), "{shown}");
        }
    }
}

#[test]
fn a_password_that_others_can_read_is_refused_with_the_variable() {
    for text in [
        "postgres=postgres://me:hunter2@h/db",
        "postgres=postgres://me@h/db?password=hunter2",
        "postgres=redis://h",
        "redis=redis+unix:///r.sock?pass=hunter2",
        "nonsense=redis://:hunter2@h",
        "a b=redis=redis://h",
        "host=there",
    ] {
        let error = parse(text, &[]).expect_err(text);
        assert!(!error.contains("hunter2"), "{error}");
    }
    let error = parse("a.b=redis=redis://:hunter2@h", &[]).expect_err("a password");
    assert!(
        error.contains("set PROBE_PASSWORD_A_B, or LOADTEST_PROBE"),
        "{error}"
    );
    let taken = Address::parse("redis=redis://:hunter2@h", Passwords::Taken, &|_| None);
    assert_eq!(
        taken.expect("a variable's").to_string(),
        "redis=redis://***@h"
    );
}
