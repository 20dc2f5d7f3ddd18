//! What may occur in a run: who may send what, and assert what.

use super::outline::Check;
use super::scenario::Scenario;
use crate::catalogue::RequestEntry;
use crate::metrics::{Names, Of, Proto, TrendOf};
use crate::persona::Role;
use crate::threshold::Threshold;

/// What there is to be in a run.
pub(super) struct Values<'a> {
    /// Nothing where they are not known, because of other mistakes.
    pub(super) scenarios: Option<&'a [Scenario]>,
    pub(super) occurring: &'a Occurring<'a>,
    /// The versions of HTTP that requests may be of.
    pub(super) protos: &'static [Proto],
    /// Whether the load is one of several that are tried: another may reach what this one can't.
    pub(super) is_trial: bool,
}

/// What may be sent and asserted, whatever the load is.
pub(super) struct Occurring<'a> {
    pub(super) names: &'a Names,
    /// Whether redirects are followed: they change methods, and are expected.
    pub(super) redirects: bool,
    /// What the suite asserts; empty where it doesn't say.
    pub(super) checks: Vec<Check>,
}

impl Values<'_> {
    /// Whether a request has samples of the threshold's metric.
    pub(super) fn feeds(&self, threshold: &Threshold, request: &RequestEntry) -> bool {
        match threshold.metric.of {
            Of::Trend(TrendOf::Custom(trend)) => request.trend.as_deref() == Some(trend),
            _ => true,
        }
    }
}

/// Whether a persona may send a request: one that it plans, or that none plans.
pub(super) fn may_send(role: &Role, request: &RequestEntry) -> bool {
    let mut planned = role.requests.iter();
    let plans = planned.any(|(name, ..)| *name == request.name);
    let unplanned = !request.planned && !request.set_up_only;
    plans || unplanned || role.requests.is_empty() && !request.set_up_only
}
