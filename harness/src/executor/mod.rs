//! Who iterates when: pure schedules, the fleet that follows them, and Goose that runs it.

mod actor;
mod alarm;
mod arrivals;
mod clock;
mod control;
mod fleet;
mod gate;
mod goose;
mod plan;
mod portion;
mod schedule;
mod share;
mod signals;
mod stage;
mod windows;
mod work;

pub use actor::{Actor, Crew, Iterated};
pub use alarm::Alarm;
pub use arrivals::{Arrivals, Lane, Rate, RateStage};
pub use clock::Clock;
pub use control::{Closing, Control};
pub use fleet::{Fleet, Step};
pub use gate::Gate;
pub use goose::{RuntimeError, run};
pub use plan::{Part, Plan, Span};
pub use portion::{Cast, Portion};
pub use schedule::{Executor, GRACE_STAGE, Iterations, MAIN_STAGE, Schedule, Window, stage_at};
pub use share::{Share, deal};
pub use signals::{listen, outlive_file_limit};
pub use stage::{Segment, Stage, default_names, segments};
pub use windows::windows;
pub use work::{Account, Roll, Settled};
