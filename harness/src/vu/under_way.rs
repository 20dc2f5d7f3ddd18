//! A request while it is under way. It is recorded when it ends; if it is cut, with its time so
//! far.

use std::time::Duration;

use super::VirtualUser;
use super::answer::Answer;
use super::call::Call;
use super::exchange::Exchange;

/// A request that was begun. Dropped before its end, it records itself as interrupted: a server
/// that never answers must not be one that was never asked.
pub(super) struct UnderWay<'a> {
    user: &'a VirtualUser,
    call: &'a Call<'a>,
    began: Duration,
    pub(super) stage: u16,
    has_ended: bool,
    pub(super) exchange: Exchange,
}

impl<'a> UnderWay<'a> {
    pub(super) fn begin(user: &'a VirtualUser, call: &'a Call<'a>) -> Self {
        let clock = &user.surroundings.clock;
        let began = clock.elapsed();
        Self {
            user,
            call,
            began,
            stage: clock.stage_at(began),
            has_ended: false,
            exchange: Exchange::new(),
        }
    }

    /// Records its answer; a redirect that is `followed` is no failure.
    pub(super) fn end(mut self, answer: &Answer, followed: bool) {
        self.has_ended = true;
        self.user
            .record(self.call, &self.exchange, answer, followed, self.stage);
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if self.has_ended {
            return;
        }
        let so_far = self.user.surroundings.clock.elapsed() - self.began;
        self.exchange.cut(so_far);
        self.user.record_cut(self.call, &self.exchange, self.stage);
    }
}
