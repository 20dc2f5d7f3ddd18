//! What the fleet runs: a virtual user as far as schedules are concerned.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;

use super::clock::Clock;
use super::portion::Portion;
use super::schedule::Schedule;

/// What a virtual user does; the fleet says when.
pub trait Actor: Send + 'static {
    /// Name of its scenario.
    fn scenario(&self) -> &'static str;
    /// Name of its persona.
    fn persona(&self) -> &'static str;
    /// Makes one iteration. Dropped half-way when it is cut.
    fn iterate(&mut self) -> BoxFuture<'_, Iterated>;
    /// How long it thinks before its next iteration (closed model).
    fn think(&mut self) -> Duration;
    /// Settles what a cut iteration left open.
    fn cut(&mut self);
    /// Gives back what only iterations need, such as connections.
    fn retire(&mut self);
}

/// How an iteration ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Iterated {
    /// The server answered, whatever it said.
    Answered,
    /// The server could not be reached.
    Unreachable,
}

/// The virtual users that one process has of a scenario.
#[derive(Debug)]
pub struct Crew<A> {
    /// What this process does of the scenario.
    pub portion: Portion,
    /// Each of the portion's virtual users, in the order of their index.
    pub actors: Vec<A>,
    /// What they follow.
    pub schedule: Schedule,
    /// Their scenario's clock.
    pub clock: Arc<Clock>,
    /// Which persona each arrival of the open model is for; it repeats.
    pub pattern: Vec<&'static str>,
}
