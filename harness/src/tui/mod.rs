//! The full-screen live view (`--tui`): a model that every tick brings up to date, a view that is a
//! pure function of it, and a thread of its own that shows it and reads keys.

mod model;
mod screen;
mod sections;
mod view;
mod vitals;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use parking_lot::Mutex;

pub use self::model::{Load, Model};
use self::screen::Screen;
pub use self::screen::{Log, Refusal, columns, moves_cursor, tell};
use crate::executor::Control;
use crate::sampler::Tick;
use crate::threshold::Outcome;

/// The live view while it is shown. A slow terminal holds up its thread and nothing else.
#[derive(Debug)]
pub struct Tui {
    model: Arc<Mutex<Model>>,
    ending: Arc<AtomicBool>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Tui {
    /// Takes the terminal over.
    ///
    /// # Errors
    /// Why it can't.
    pub fn start(model: Model, control: Arc<Control>) -> Result<Self, Refusal> {
        let screen = Screen::open()?;
        let model = Arc::new(Mutex::new(model));
        let ending = Arc::new(AtomicBool::new(false));
        let (shown, end) = (Arc::clone(&model), Arc::clone(&ending));
        let thread = std::thread::Builder::new()
            .name("tui".to_owned())
            .spawn(move || screen.show(&shown, &control, &end))?;
        Ok(Self {
            model,
            ending,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Says what is being done, before and after the load.
    pub fn step(&self, what: &str) {
        self.model.lock().step(what);
    }

    /// Takes a second of the load in, and where its thresholds stand.
    pub fn tick(&self, tick: &Tick<'_>, outcomes: &[Outcome]) {
        let news = screen::take_news();
        self.model.lock().tick(tick, outcomes, news);
    }

    /// Gives the terminal back.
    pub fn finish(&self) {
        self.ending.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.lock().take() {
            // A view that panicked has given the terminal back by its hook.
            let _ = thread.join();
        }
    }
}

impl Drop for Tui {
    fn drop(&mut self) {
        self.finish();
    }
}
