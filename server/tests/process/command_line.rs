//! Flags and environment.

use std::process::{Command, Output};

use crate::client::server;

fn run(configure: impl FnOnce(&mut Command)) -> (Output, String) {
    let mut command = server();
    command.env_clear();
    configure(&mut command);
    let output = command.output().unwrap();
    let said = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    (output, String::from_utf8(said).unwrap())
}

#[test]
fn what_is_missing_is_named() {
    let (output, said) = run(|_| {});
    assert_eq!(output.status.code(), Some(2));
    assert!(
        said.contains("--database-url") && said.contains("--redis-url"),
        "{said}"
    );
}

#[test]
fn help_names_the_environment_and_shows_no_password() {
    let (output, said) = run(|command| {
        command
            .arg("--help")
            .env("DATABASE_URL", "postgres://u:hunter2@h/d")
            .env("REDIS_URL", "redis://:hunter2@h/");
    });
    assert!(output.status.success());
    for name in [
        "DATABASE_URL",
        "REDIS_URL",
        "LISTEN",
        "ALLOW_INIT",
        "127.0.0.1:8080",
    ] {
        assert!(said.contains(name), "{name}: {said}");
    }
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn a_url_that_is_none_is_refused_without_repeating_it() {
    for (database, redis, reason) in [
        (
            "mysql//u:hunter2@h",
            "redis://h/",
            "DATABASE_URL is not a PostgreSQL URL",
        ),
        (
            "postgres://u:hunter2@h:notaport/d",
            "redis://h/",
            "DATABASE_URL is not a PostgreSQL URL",
        ),
    ] {
        let (output, said) = run(|command| {
            command
                .args(["--listen", "127.0.0.1:0"])
                .env("DATABASE_URL", database)
                .env("REDIS_URL", redis);
        });
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(reason), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[test]
fn a_url_in_the_wrong_place_is_refused_without_its_password() {
    let (output, said) = run(|command| {
        command.args(["postgres://u:hunter2@h/d", "\u{1b}[31m"]);
    });
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("postgres://***@h/d"), "{said}");
    assert!(
        !said.contains("hunter2") && !said.contains('\u{1b}'),
        "{said}"
    );
}

#[test]
fn an_address_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (output, said) = run(|command| {
        command
            .args(["--listen", &address])
            .env("DATABASE_URL", "postgres://h/d")
            .env("REDIS_URL", "redis://h/");
    });
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said.contains(&format!("could not listen on {address}")),
        "{said}"
    );
}

/// Without a store nothing starts; but the flag is read before.
#[test]
fn any_true_word_allows_init_and_others_are_refused() {
    for (word, read) in [
        ("1", true),
        ("yes", true),
        ("true", true),
        ("0", true),
        ("maybe", false),
    ] {
        let (output, said) = run(|command| {
            command
                .args(["--listen", "127.0.0.1:0"])
                .env("ALLOW_INIT", word)
                .env("DATABASE_URL", "mysql//h")
                .env("REDIS_URL", "redis://h/");
        });
        let code = if read { 1 } else { 2 };
        assert_eq!(output.status.code(), Some(code), "{word}: {said}");
    }
}
