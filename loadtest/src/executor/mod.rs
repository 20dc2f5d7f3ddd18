//! Who iterates when: pure schedules, the fleet that follows them, and Goose that runs it.

mod clock;
mod control;
mod fleet;
mod goose;
mod schedule;
mod stage;
mod windows;

pub use clock::Clock;
pub use control::Control;
pub use fleet::{Actor, Fleet, Iterated, Step};
pub use goose::run;
pub use schedule::{Executor, GRACE_STAGE, Iterations, MAIN_STAGE, Schedule, Window, stage_at};
pub use stage::{Segment, Stage, default_names, segments};
pub use windows::windows;
