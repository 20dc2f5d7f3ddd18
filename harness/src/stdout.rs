//! Whether there is a standard output. If it was closed (`>&-`), Rust's start-up opens `/dev/null`
//! in its place, so that no file gets its number by accident. Writing there loses the output
//! without an error. So the check runs before Rust's start-up.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};

/// Whether it was closed when the program began.
static CLOSED: AtomicBool = AtomicBool::new(false);

/// Run by the system before `main`, and before what Rust does ahead of that.
#[cfg(any(target_os = "linux", target_os = "macos"))]
#[allow(
    unsafe_code,
    reason = "a function in this section is what runs early enough; it can't panic"
)]
#[cfg_attr(target_os = "linux", unsafe(link_section = ".init_array"))]
#[cfg_attr(target_os = "macos", unsafe(link_section = "__DATA,__mod_init_func"))]
#[used]
static LOOK: extern "C" fn() = look;

extern "C" fn look() {
    let closed = fcntl(io::stdout(), FcntlArg::F_GETFD) == Err(Errno::EBADF);
    CLOSED.store(closed, Ordering::Relaxed);
}

/// Finds out whether what is written there can arrive.
///
/// # Errors
/// That it was closed when the program began.
pub(crate) fn check() -> io::Result<()> {
    match CLOSED.load(Ordering::Relaxed) {
        true => Err(io::Error::other("it was closed when the program began")),
        false => Ok(()),
    }
}
