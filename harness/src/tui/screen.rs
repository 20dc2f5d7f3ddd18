//! The terminal: taken over, drawn on, listened to, and given back whatever happens.

use std::io::{self, IsTerminal, Stderr, Write};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode, size,
};
use ratatui::crossterm::{cursor, execute};
use ratatui::style::Color;
use thiserror::Error;

use super::model::{Ending, Model};
use super::view;
use crate::executor::Control;
use crate::format::folded;
use crate::shown;

/// How soon a key or the end is noticed.
const ATTENTION: Duration = Duration::from_millis(100);

/// Bytes of log that wait for the terminal; what comes after them is dropped.
const MOST_LINES: usize = 1 << 20;

/// There is one terminal: whether it is ours now, and the lines that wait for it.
static OPEN: AtomicBool = AtomicBool::new(false);
static LINES: Mutex<Lines> = Mutex::new(Lines {
    kept: Vec::new(),
    told: 0,
});

struct Lines {
    kept: Vec<u8>,
    /// Bytes of it that the view knows.
    told: usize,
}

/// Why there is no live view.
#[derive(Debug, Error)]
pub enum Refusal {
    /// Standard error goes elsewhere.
    #[error("standard error is not a terminal")]
    NoTerminal,
    /// It can only write line after line.
    #[error("a terminal can't move its cursor where TERM is dumb or not set")]
    Dumb,
    /// The system refused.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// How many columns a terminal has; 0 for what is none.
pub fn columns(stream: &impl IsTerminal) -> usize {
    let size = || size().map_or(0, |(columns, _)| usize::from(columns));
    if stream.is_terminal() { size() } else { 0 }
}

/// Whether a terminal can write elsewhere than behind its last character.
pub fn moves_cursor() -> bool {
    std::env::var_os("TERM").is_some_and(|term| !term.is_empty() && term != "dumb")
}

/// The terminal, taken over; given back when dropped.
pub(super) struct Screen {
    terminal: Terminal<CrosstermBackend<Stderr>>,
}

impl Screen {
    pub(super) fn open() -> Result<Self, Refusal> {
        static HOOK: Once = Once::new();
        if !io::stderr().is_terminal() {
            return Err(Refusal::NoTerminal);
        }
        if !moves_cursor() {
            return Err(Refusal::Dumb);
        }
        // A panic anywhere must be readable, and leave a terminal that can be used.
        HOOK.call_once(|| {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                close();
                before(panic);
            }));
        });
        enable_raw_mode()?;
        OPEN.store(true, Ordering::SeqCst);
        // From here on dropping gives back what was taken.
        let entered = execute!(io::stderr(), EnterAlternateScreen, cursor::Hide)
            .and_then(|()| Terminal::new(CrosstermBackend::new(io::stderr())));
        match entered {
            Ok(terminal) => Ok(Self { terminal }),
            Err(error) => {
                close();
                Err(error.into())
            }
        }
    }

    /// Shows the model until told to end, or until the terminal is gone.
    pub(super) fn show(mut self, model: &Mutex<Model>, control: &Control, end: &AtomicBool) {
        let mut help = false;
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        // OPEN is taken back when something panics: what is written after that must stay readable.
        while !end.load(Ordering::Relaxed) && OPEN.load(Ordering::SeqCst) {
            // A copy, so that a slow terminal doesn't keep the next tick waiting.
            let mut now = model.lock().clone();
            now.help = help;
            now.ending = Ending::of(control);
            let drawn = self.terminal.draw(|frame| {
                view::draw(&now, frame);
                if plain {
                    let cells = &mut frame.buffer_mut().content;
                    cells.iter_mut().for_each(|cell| cell.fg = Color::Reset);
                }
            });
            if drawn.is_err() {
                break;
            }
            match next_event() {
                Ok(Some(Event::Key(key))) if key.kind != KeyEventKind::Release => {
                    help = pressed(key, control, help);
                }
                Ok(_) => {}
                Err(_) => break,
            }
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        close();
    }
}

fn next_event() -> io::Result<Option<Event>> {
    if event::poll(ATTENTION)? {
        event::read().map(Some)
    } else {
        Ok(None)
    }
}

/// Acts on a key; gives whether help is shown from now on.
fn pressed(key: KeyEvent, control: &Control, help: bool) -> bool {
    match key.code {
        // Raw mode makes a key of it: it does what its signal would.
        KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => control.signal(),
        KeyCode::Char('s') if !control.signalled() => control.signal(),
        KeyCode::Char('q') => {
            if !control.signalled() {
                control.signal();
            }
            control.signal();
        }
        KeyCode::Char('?' | 'h') => return !help,
        KeyCode::Esc => return false,
        _ => {}
    }
    help
}

/// Gives the terminal back and writes what waited for it. Once is enough; more do no harm.
fn close() {
    if OPEN.swap(false, Ordering::SeqCst) {
        // A terminal that is gone needs nothing back.
        let _ = execute!(io::stderr(), LeaveAlternateScreen, cursor::Show);
        let _ = disable_raw_mode();
        let mut lines = LINES.lock();
        let kept = String::from_utf8_lossy(&lines.kept);
        let _ = io::stderr().write_all(for_terminal(&kept).as_bytes());
        lines.kept.clear();
        lines.told = 0;
    }
}

/// What was logged since it was last asked for, line by line.
pub(super) fn take_news() -> Vec<String> {
    let mut lines = LINES.lock();
    let news = String::from_utf8_lossy(&lines.kept[lines.told..]).into_owned();
    lines.told = lines.kept.len();
    news.lines().map(str::to_owned).collect()
}

/// A line for people, where the log goes. If it can't be written, the run goes on.
pub fn tell(line: &str) {
    let _ = Log.write_all(format!("{line}\n").as_bytes());
}

/// A terminal gets lines that are broken between words.
fn for_terminal(text: &str) -> String {
    folded(text, columns(&io::stderr()))
}

/// Where the program's log goes: standard error, but not into the live view's picture. A write is
/// of whole lines.
#[derive(Debug, Clone, Copy, Default)]
pub struct Log;

impl Write for Log {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let shown = shown::lines(&String::from_utf8_lossy(text));
        let mut lines = LINES.lock();
        if OPEN.load(Ordering::SeqCst) {
            if lines.kept.len() < MOST_LINES {
                lines.kept.extend_from_slice(shown.as_bytes());
            }
        } else {
            drop(lines);
            io::stderr().write_all(for_terminal(&shown).as_bytes())?;
        }
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(keys: &[KeyEvent]) -> (Control, bool) {
        let control = Control::default();
        let help = keys
            .iter()
            .fold(false, |help, key| pressed(*key, &control, help));
        (control, help)
    }

    #[test]
    fn keys_do_what_signals_do() {
        let key = |c| KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE);
        let ctrl_c = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        // (keys, how the run ends)
        let rows: [(&[KeyEvent], Ending); 6] = [
            (&[key('x'), key('c')], Ending::No),
            (&[key('s')], Ending::Graceful),
            (&[key('s'), key('s')], Ending::Graceful),
            (&[key('q')], Ending::Now),
            (&[ctrl_c], Ending::Graceful),
            (&[key('s'), ctrl_c], Ending::Now),
        ];
        for (keys, ending) in rows {
            let (control, _) = press(keys);
            assert_eq!(Ending::of(&control), ending, "{keys:?}");
            assert_eq!(control.signalled(), ending != Ending::No, "{keys:?}");
        }
        assert!(press(&[key('?')]).1);
        assert!(!press(&[key('?'), key('?')]).1);
        let escape = KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE);
        assert!(!press(&[key('?'), escape]).1);
    }
}
