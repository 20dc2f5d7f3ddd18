//! The live page of a run (`--web`): opened before the load, closed when the reports are written.

use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;

use super::attempt::Attempt;
use super::interim::Interim;
use super::prepare::Refusal;
use crate::config::RunConfig;
use crate::executor::{Closing, Control};
use crate::progress::Progress;
use crate::tui::tell;
use crate::web::{self, Web};

/// Takes the address of the live page, if there is to be one.
pub(super) fn listen(config: &RunConfig) -> Result<Option<TcpListener>, Refusal> {
    let bound = config.web.map(|address| {
        let refused = |source| Refusal::Web { address, source };
        web::bind(address).map_err(refused)
    });
    bound.transpose()
}

/// Serves the report of the run so far, and says where.
pub(super) fn show(
    listener: TcpListener,
    interim: &Arc<Interim>,
    (config, attempt): (&RunConfig, &Attempt),
    progress: &Progress,
) -> Result<Web, Refusal> {
    let web = Web::start(
        listener,
        Arc::clone(interim) as _,
        Arc::clone(&interim.audience),
        Arc::clone(&attempt.control),
        &attempt.telemetry,
    );
    let web = web.map_err(|source| Refusal::Web {
        address: config.web.expect("there is a listener"),
        source,
    })?;
    let say = |text: &str| match config.quiet {
        // Without its token, nobody finds the page.
        true => tell(text),
        false => progress.say(text),
    };
    say(&format!("live page: {}", web.url()));
    if web.is_public() {
        say("warning: --web: other machines can reach the live page; whoever does sees the report");
    }
    Ok(web)
}

/// Shows the report to whoever looks, for as long as the end of the run leaves time.
pub(super) async fn part(web: Web, directory: &Path, control: &Control) {
    let Ok(report) = std::fs::read(directory.join("report.html")) else {
        return;
    };
    tokio::select! {
        () = web.end(report) => {}
        () = control.cut_short(Closing::Outputs) => {}
    }
}
