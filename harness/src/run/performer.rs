//! A suite's virtual user as the fleet runs it.

use std::time::Duration;

use futures::future::BoxFuture;

use crate::executor::{Actor, Iterated};
use crate::persona::{Persona, Stop, ThinkTime};
use crate::suite::User;

/// A user with its persona.
pub(super) struct Performer<U: 'static> {
    user: U,
    persona: &'static Persona<U>,
    scenario: &'static str,
    think: ThinkTime,
}

impl<U: User> Performer<U> {
    pub(super) const fn new(
        user: U,
        persona: &'static Persona<U>,
        scenario: &'static str,
        think: ThinkTime,
    ) -> Self {
        Self {
            user,
            persona,
            scenario,
            think,
        }
    }

    pub(super) fn into_user(self) -> U {
        self.user
    }
}

impl<U: User> Actor for Performer<U> {
    fn scenario(&self) -> &'static str {
        self.scenario
    }

    fn persona(&self) -> &'static str {
        self.persona.name
    }

    fn think(&mut self) -> Duration {
        self.think.draw(&mut self.user.vu().rng)
    }

    fn iterate(&mut self) -> BoxFuture<'_, Iterated> {
        Box::pin(async move {
            self.user.vu().begin_iteration();
            let stop = self.persona.iterate.begin(&mut self.user).await.err();
            self.user.vu().end_iteration();
            if stop.is_some() {
                self.user.ended_early();
            }
            match stop {
                Some(Stop::Unreachable) => Iterated::Unreachable,
                Some(Stop::Unusable) | None => Iterated::Answered,
            }
        })
    }

    fn cut(&mut self) {
        self.user.ended_early();
    }

    fn retire(&mut self) {
        self.user.vu().disconnect();
    }
}
