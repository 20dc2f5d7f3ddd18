//! The shop's load test.

fn main() -> std::process::ExitCode {
    harness::main::<loadtest::Shop>()
}
