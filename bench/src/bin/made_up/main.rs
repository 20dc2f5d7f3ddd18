//! Half of a run on several machines that nobody could have on one: a real lead, and workers by the
//! thousand who replay seconds that were made up before.
//!
//! As the lead this is a load test as any other, of a suite whose users do nothing. As the workers it
//! has the real heartbeat, encoding and store of each, but no virtual users.

mod frames;
mod suite;
mod watch;
mod worker;

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use serde_json::json;

use crate::frames::Replay;
use crate::suite::MadeUp;
use crate::watch::{Lead, Store};
use crate::worker::Fleet;

/// The hidden first argument that makes this the workers.
const WORKERS: &str = "__workers";

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() != Some(WORKERS) {
        return harness::main::<MadeUp>();
    }
    match work() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to read it when standard error is closed.
            let _ = writeln!(io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// `__workers STORE RUN WORKERS SECONDS LEAD_PID REPORTS`: makes the load, and says how the lead
/// took it.
fn work() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().skip(2).collect();
    let [store, run, workers, seconds, lead, reports] = &args[..] else {
        anyhow::bail!("six arguments expected");
    };
    let (workers, seconds) = (workers.parse()?, seconds.parse()?);
    let lead = Lead::new(lead, reports);
    let replay = Replay::new(seconds);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("no runtime")?;
    let fleet = Fleet::new(store, run, workers, replay);
    let found = runtime.block_on(async {
        let start = fleet.start(runtime.handle()).await?;
        let watched = tokio::task::spawn_blocking({
            let (lead, store) = (lead, Store::new(store));
            move || lead.watch(&store, start, seconds)
        });
        let code = fleet.replay(start).await?;
        let (watched, taken) = watched.await??;
        anyhow::Ok(json!({
            "code": code,
            "frame_bytes": fleet.frame_bytes(),
            "samples": fleet.samples(),
            "behind_ms": watched.behind.iter().map(Duration::as_millis).collect::<Vec<_>>(),
            "cpu_share": watched.cpu_share,
            "store_in": taken.bytes_in,
            "store_out": taken.bytes_out,
            "store_memory": taken.memory,
            "store_cpu_share": taken.cpu_share,
        }))
    });
    Ok(writeln!(io::stdout(), "{}", found?)?)
}
