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
use crate::web::{self, Render, Web};

/// Takes the address of the live page, if there is to be one.
pub(super) fn listen(config: &RunConfig) -> Result<Option<TcpListener>, Refusal> {
    let bound = config.web.map(|address| {
        let refused = |source| Refusal::Web { address, source };
        web::bind(address).map_err(refused)
    });
    bound.transpose()
}

/// Serves the report of the run so far, if it is asked for, and says where.
pub(super) fn show(
    listener: Option<TcpListener>,
    (config, attempt): (&RunConfig, &Attempt),
    (host, directory): (&str, &Path),
    progress: &Progress,
) -> Result<Option<(Arc<Interim>, Web)>, Refusal> {
    let Some((address, listener)) = config.web.zip(listener) else {
        return Ok(None);
    };
    let interim = Arc::new(Interim::new(config, attempt, host, directory));
    let audience = Arc::clone(&interim.audience);
    let control = Arc::clone(&attempt.control);
    let render = Arc::clone(&interim) as Arc<dyn Render>;
    let web = Web::start(listener, render, audience, control, &attempt.telemetry)
        .map_err(|source| Refusal::Web { address, source })?;
    let say = |text: &str| match config.quiet {
        // The address with the token is the only way to the page.
        true => tell(text),
        false => progress.say(text),
    };
    say(&format!("live page: {}", web.url()));
    if web.is_public() {
        say("warning: --web: other machines can open the live page and read the report");
    }
    Ok(Some((interim, web)))
}

/// Shows the report to readers of the page, for as long as the end of the run leaves time.
pub(super) async fn part(web: Web, directory: &Path, control: &Control) {
    let Ok(report) = std::fs::read(directory.join("report.html")) else {
        return;
    };
    tokio::select! {
        () = web.end(report) => {}
        () = control.cut_short(Closing::Outputs) => {}
    }
}
