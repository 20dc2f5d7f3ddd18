//! The shop's load test, with the persona that docs/own-persona.md adds.

// It is a library elsewhere.
#![allow(dead_code, unreachable_pub, unused_imports)]

include!(concat!(env!("OUT_DIR"), "/src/lib.rs"));

fn main() -> std::process::ExitCode {
    harness::main::<Shop>()
}
