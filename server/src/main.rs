//! The server as a program of its own. Everything is in the library, because
//! the harness embeds it.

use std::process::ExitCode;

fn main() -> ExitCode {
    server::cli::main_from(std::env::args_os())
}
