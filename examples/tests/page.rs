//! What docs/own-api.md shows is what is compiled, tested and run.

use std::process::Command;

const PAGE: &str = include_str!("../../docs/own-api.md");

/// The page's blocks of a language.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    let blocks: Vec<&str> = PAGE.split(&*fence).collect();
    let block = |rest: &&'static str| rest.split("\n```").next();
    blocks[1..].iter().filter_map(block).collect()
}

#[test]
fn the_pages_code_is_the_examples_file() {
    let file = include_str!("../src/main.rs");
    assert_eq!(blocks("rust").join("\n\n") + "\n", file);
    assert!(file.lines().count() <= 110, "it is one page");
}

#[test]
fn the_pages_dependencies_are_the_examples() {
    let manifest = include_str!("../Cargo.toml");
    let [dependencies] = blocks("toml")[..] else {
        panic!("one block");
    };
    assert!(
        manifest.contains(&format!("{dependencies}\n\n")),
        "{manifest}"
    );
}

#[test]
fn the_pages_commands_are_such_as_the_program_takes() {
    let [commands] = blocks("sh")[..] else {
        panic!("one block");
    };
    let given: Vec<&str> = commands
        .lines()
        .filter_map(|line| line.strip_prefix("cargo run --release -p bookshelf -- "))
        .collect();
    assert_eq!(given.len(), 4);
    for args in given {
        let args = args.strip_prefix("validate ").unwrap_or(args);
        let output = Command::new(env!("CARGO_BIN_EXE_bookshelf"))
            .arg("validate")
            .args(args.split_whitespace())
            .env("BOOKSHELF_TOKEN", "tok-4711")
            .output()
            .expect("the program starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args}\n{said}");
    }
}

/// What the engine says of a suite without a private server, books and profiles is true of it.
#[test]
fn nothing_of_the_shop_is_in_the_engines_words() {
    let said = |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_bookshelf"))
            .args(args)
            .output();
        let output = output.expect("the program starts");
        let said = [output.stdout, output.stderr].concat();
        String::from_utf8_lossy(&said).into_owned()
    };
    let commands: [&[&str]; 7] = [
        &["--help"],
        &["capacity", "--help"],
        &["validate", "--help"],
        &["report", "--help"],
        &["compare", "--help"],
        &["validate"],
        &["profiles"],
    ];
    for command in commands {
        let said = said(command).to_lowercase();
        assert!(!said.is_empty(), "{command:?}");
        for word in [
            "coupon",
            "orders",
            "shop",
            "private s",
            "flow_",
            "loadtest ",
            "the books",
        ] {
            assert!(!said.contains(word), "{command:?} says '{word}': {said}");
        }
    }
    assert_eq!(
        said(&["profiles"]),
        "bookshelf comes without profiles; --config takes a file of your own\n"
    );
}
