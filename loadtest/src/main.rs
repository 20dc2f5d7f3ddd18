//! The shop's load test.

/// The private stack's server is this program as well (see `server/src/main.rs`).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    harness::main::<loadtest::Shop>()
}
