//! Which virtual users of a run this process has.

use crate::config::Scenario;
use crate::executor::{Cast, Portion, Share};
use crate::persona::Role;

/// What this process has of a scenario.
pub(super) struct Seats {
    /// The role of each virtual user of the scenario, by index.
    pub(super) roles: Vec<Role>,
    /// Which persona each arrival of the open model is for; it repeats.
    pub(super) pattern: Vec<&'static str>,
    /// What this process does of it.
    pub(super) portion: Portion,
    /// How many virtual users the scenarios before it have.
    pub(super) before: usize,
}

impl Seats {
    /// The role and number of each virtual user that this process has. They are counted over the
    /// whole run, whoever has them.
    pub(super) fn users(&self) -> impl Iterator<Item = (Role, u32)> {
        let seats = self.portion.seats().iter();
        seats.map(|k| (self.roles[*k as usize], self.before as u32 + k + 1))
    }
}

/// This process's seats in every scenario.
pub(super) fn seats(scenarios: &[Scenario], share: &Share) -> Vec<Seats> {
    let mut before = 0;
    let of_scenario = |scenario: &Scenario| {
        let roles: Vec<Role> = scenario.mix.deal(scenario.schedule.vus_max());
        let pattern = scenario.mix.pattern();
        let cast = Cast {
            personas: &roles.iter().map(|role| role.name).collect::<Vec<_>>(),
            pattern: &pattern,
            before,
        };
        let seats = Seats {
            portion: Portion::of(&cast, share),
            pattern,
            before,
            roles,
        };
        before += seats.roles.len();
        seats
    };
    scenarios.iter().map(of_scenario).collect()
}

/// The role of every virtual user that this process has.
pub(super) fn users(scenarios: &[Scenario], share: &Share) -> Vec<Role> {
    let seats = seats(scenarios, share);
    let users = seats.iter().flat_map(Seats::users);
    users.map(|(role, _)| role).collect()
}
