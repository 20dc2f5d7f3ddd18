//! What a worker does while its load runs: it starts, stops and cuts when the lead says so, and stops
//! by itself when the lead is silent.

use std::convert::Infallible;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use crate::executor::{Control, Gate};
use crate::fleet::{Phase, Pulse, SILENCE, Skew, Store};

/// How long after a signal here the lead may take to stop all.
const PATIENCE: Duration = Duration::from_secs(4);

/// What a worker says of a lead that is silent.
pub(super) fn lead_lost() -> String {
    let silence = SILENCE.as_secs();
    format!("the lead was lost: nothing was heard of it for {silence} s; the run is invalid")
}

/// A worker's ear while its load runs.
pub(super) struct Attend<'a> {
    pulse: &'a Pulse,
    store: &'a Store,
    skew: Skew,
    gate: &'a Gate,
    /// What signals act on; they stop the run by way of the lead.
    signals: &'a Control,
    control: Arc<Control>,
    started: Arc<OnceLock<i64>>,
    trouble: OnceLock<String>,
}

impl<'a> Attend<'a> {
    pub(super) fn new(
        pulse: &'a Pulse,
        store: &'a Store,
        skew: Skew,
        gate: &'a Gate,
        signals: &'a Control,
    ) -> Self {
        Self {
            pulse,
            store,
            skew,
            gate,
            signals,
            control: Arc::default(),
            started: Arc::default(),
            trouble: OnceLock::new(),
        }
    }

    /// What the lead's orders act on.
    pub(super) const fn control(&self) -> &Arc<Control> {
        &self.control
    }

    /// When the run started, in microseconds of the store's clock, when that is known.
    pub(super) const fn started(&self) -> &Arc<OnceLock<i64>> {
        &self.started
    }

    /// Why the load ended early, if it was not told to.
    pub(super) fn trouble(&self) -> Option<&str> {
        self.trouble.get().map(String::as_str)
    }

    /// Does what the lead says.
    pub(super) async fn listen(&self) -> Infallible {
        let (never, ..) = tokio::join!(
            self.stop(),
            self.start(),
            self.cut(),
            self.lost(),
            self.signalled()
        );
        never
    }

    async fn start(&self) {
        self.gate.everyone().await;
        self.pulse.say(|state| {
            state.phase = Phase::Ready;
            state.skew_us = self.skew.error.as_micros() as u64;
        });
        let start = self.pulse.until(|news| news.heard.start).await;
        let _ = self.started.set(start);
        self.gate.open_at(self.instant(start));
    }

    async fn stop(&self) -> Infallible {
        let stop = self.pulse.until(|news| news.heard.stop).await;
        sleep_until(self.instant(stop)).await;
        self.control
            .abort("the lead has stopped the run".to_owned());
        std::future::pending().await
    }

    async fn cut(&self) {
        self.pulse.until(|news| news.heard.cut.then_some(())).await;
        self.control.cut();
    }

    /// Waits until the lead is lost: the run would not be judged any more.
    async fn lost(&self) {
        let why = self.pulse.until(|news| {
            let heard = &news.heard;
            let over = heard.over.as_ref();
            let over = over.map(|over| format!("the run ended early: {}", over.reason));
            let silent = heard.lead_silent.is_some_and(|silent| silent > SILENCE);
            let lead = silent.then(lead_lost);
            news.lost.clone().or(over).or(lead)
        });
        let _ = self.trouble.set(why.await);
        self.control.cut();
    }

    /// A signal here stops the whole run.
    async fn signalled(&self) {
        self.signals.stopping().cancelled().await;
        self.pulse.say(|state| state.signalled = true);
        tokio::select! {
            () = sleep(PATIENCE) => {}
            () = self.signals.cutting().cancelled() => {}
        }
        self.control.cut();
    }

    fn instant(&self, store: i64) -> Instant {
        self.store.instant(&self.skew, store).into()
    }
}
