//! The signals that end a run, and one that must end nothing.

use std::io;
use std::sync::Arc;

use nix::libc::SIGXFSZ;
use tokio::runtime::{Builder, Handle};
use tokio::signal::unix::{SignalKind, signal};

use super::control::Control;

/// Has signals act on a run. They are received on `runtime`.
///
/// # Errors
/// When the system refuses.
pub fn listen(control: &Arc<Control>, runtime: &Handle) -> io::Result<()> {
    let interrupted = Arc::clone(control);
    // Before Goose would install its own, which ends the process at the second signal.
    ctrlc::set_handler(move || interrupted.signal()).map_err(io::Error::other)?;
    let _runtime = runtime.enter();
    for kind in [SignalKind::terminate(), SignalKind::hangup()] {
        let mut signals = signal(kind)?;
        let control = Arc::clone(control);
        runtime.spawn(async move {
            while signals.recv().await.is_some() {
                control.terminate();
            }
        });
    }
    Ok(())
}

/// Makes a write beyond `ulimit -f` fail instead of ending the process. It is enough to have
/// listened for the signal once.
///
/// # Errors
/// When the system refuses.
pub fn outlive_file_limit() -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let _runtime = runtime.enter();
    signal(SignalKind::from_raw(SIGXFSZ)).map(drop)
}
