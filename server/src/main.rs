//! The server as a program of its own. Everything is in the library, because
//! the harness embeds it.

use std::process::ExitCode;

/// A request makes and frees some dozens of small things: with glibc's allocator that was a fifth of
/// its cost.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    server::cli::main_from(std::env::args_os())
}
