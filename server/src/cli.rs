//! The command line of the server, and its `main`.

use std::{
    env,
    ffi::OsString,
    io::{self, Write},
    net::{SocketAddr, TcpListener as StdListener},
    process::ExitCode,
};

use anyhow::Context;
use clap::{
    CommandFactory, FromArgMatches, Parser,
    builder::{BoolishValueParser, Resettable},
};
use socket2::{Domain, Socket, Type};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tracing_subscriber::EnvFilter;

use crate::{App, files, log::Log, run};

/// How many connections may wait to be accepted: a load test opens thousands
/// at once.
const BACKLOG: i32 = 8192;

/// How many open files, including connections, the kernel's table has room for
/// from the start; for more it grows in steps.
const FILES: u64 = 16_384;

/// The e-commerce API under test.
#[derive(Debug, Clone, Parser)]
#[command(name = "server", version)]
pub struct Config {
    /// PostgreSQL: postgres://user:password@host:port/database
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: String,

    /// Redis: redis://host:port/database, rediss:// for TLS, or redis+unix:///path
    #[arg(long, env = "REDIS_URL", hide_env_values = true)]
    pub redis_url: String,

    /// Where to listen; port 0 lets the system choose
    #[arg(long, env = "LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,

    /// Allow POST /init, which erases all data
    #[arg(long, env = "ALLOW_INIT", value_parser = BoolishValueParser::new())]
    pub allow_init: bool,

    /// Connections to PostgreSQL for what is not gathered into batches; the
    /// batches have six of their own, and one listens for a new world
    #[arg(long, env = "DATABASE_CONNECTIONS", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub database_connections: u32,
}

/// Runs the server with these arguments, the program's name first, until
/// SIGINT or SIGTERM. Prints `listening on http://ADDRESS` on standard output
/// once connections are accepted, and nothing else; the log goes to standard
/// error, filtered by `RUST_LOG` (default `info`).
#[must_use]
pub fn main_from(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let config = match parsed(args) {
        Ok(config) => config,
        Err(error) => {
            // If the terminal is gone, the exit code still tells.
            let _ = match error.use_stderr() {
                true => Log.write_all(error.to_string().as_bytes()),
                false => error.print(),
            };
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match serve(&config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = Log.write_all(format!("error: {error:#}\n").as_bytes());
            ExitCode::FAILURE
        }
    }
}

fn parsed(args: impl IntoIterator<Item = OsString>) -> Result<Config, clap::Error> {
    // A variable that is empty is not set.
    let command = Config::command().mut_args(|arg| match arg.get_env().and_then(env::var_os) {
        Some(text) if text.is_empty() => arg.env(Resettable::Reset),
        _ => arg,
    });
    Config::from_arg_matches(&command.try_get_matches_from(args)?)
}

#[tokio::main]
async fn serve(config: &Config) -> anyhow::Result<()> {
    let asked = env::var("RUST_LOG").ok().filter(|text| !text.is_empty());
    let filter = asked.and_then(|text| EnvFilter::try_new(text).ok());
    tracing_subscriber::fmt()
        .with_env_filter(filter.unwrap_or_else(|| EnvFilter::new("info")))
        // No escape sequence gets through, and so no colour.
        .with_ansi(false)
        .with_writer(|| Log)
        .init();
    files::prepare(FILES);
    // From here on a signal is a wish to stop, not the end.
    let mut interrupt = signal(SignalKind::interrupt()).context("could not handle SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).context("could not handle SIGTERM")?;
    let shutdown = async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    let listener =
        listen(config.listen).with_context(|| format!("could not listen on {}", config.listen))?;
    let address = listener
        .local_addr()
        .context("the listener has no address")?;
    let app = App::start(config).await.context("could not start")?;
    announce(address).context("could not write to standard output")?;
    run(listener, app, shutdown).await;
    Ok(())
}

/// A listener with a long backlog, which the standard library doesn't offer.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(StdListener::from(socket))
}

fn announce(address: SocketAddr) -> io::Result<()> {
    let mut stdout = io::stdout();
    writeln!(stdout, "listening on http://{address}")?;
    stdout.flush()
}
