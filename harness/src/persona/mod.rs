//! Kinds of users: what each does in an iteration, and how virtual users are dealt out to them.

mod iterate;
mod mix;
mod think;

use thiserror::Error;

pub use self::iterate::{Iterate, Steps};
pub use self::mix::{Mix, MixError};
pub use self::think::{ThinkTime, ThinkTimes};

/// A kind of user. `U` is the suite's own type of a virtual user.
///
/// ```
/// use harness::{Persona, Request, Stop, VirtualUser};
///
/// static HOME: Request = Request::get("home");
///
/// static VISITOR: Persona<VirtualUser> = Persona {
///     key: 'v',
///     name: "visitor",
///     summary: "opens the home page",
///     requests: &[("home", 1, 1)],
///     iterate: &visit,
/// };
///
/// async fn visit(vu: &mut VirtualUser) -> Result<(), Stop> {
///     let answer = vu.send(HOME.at("/")).await;
///     vu.check("home 200", answer.status == 200);
///     Ok(())
/// }
/// ```
pub struct Persona<U: 'static> {
    /// The letter for `--mix`.
    pub key: char,
    /// Its name in metrics and reports, such as `impulse_buyer`.
    pub name: &'static str,
    /// What it does, in a line.
    pub summary: &'static str,
    /// What a complete iteration sends: the name of each request, and the fewest and the most times
    /// that it is sent. A load that differs can't pass. If empty, nothing is compared.
    pub requests: &'static [(&'static str, u32, u32)],
    /// What it does in an iteration: an `async fn(&mut U) -> Result<(), Stop>`.
    pub iterate: &'static dyn Iterate<U>,
}

impl<U> Persona<U> {
    /// Its description.
    #[must_use]
    pub const fn role(&self) -> Role {
        Role {
            key: self.key,
            name: self.name,
            summary: self.summary,
            requests: self.requests,
        }
    }
}

/// The description of a persona, without its code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Role {
    /// See [`Persona::key`].
    pub key: char,
    /// See [`Persona::name`].
    pub name: &'static str,
    /// See [`Persona::summary`].
    pub summary: &'static str,
    /// See [`Persona::requests`].
    pub requests: &'static [(&'static str, u32, u32)],
}

/// Finds a persona by its letter or name.
///
/// # Errors
/// [`MixError::UnknownPersona`].
pub(crate) fn find(persona: &str, roles: &[Role]) -> Result<Role, MixError> {
    let is =
        |known: &&Role| known.name == persona || known.key.to_string() == persona.to_lowercase();
    let known = |role: &Role| format!("{} ({})", role.key, role.name);
    roles
        .iter()
        .find(is)
        .copied()
        .ok_or_else(|| MixError::UnknownPersona {
            persona: persona.to_owned(),
            known: roles.iter().map(known).collect::<Vec<_>>().join(", "),
        })
}

/// Why a persona ends an iteration early. What led to it has been recorded already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Stop {
    /// The server didn't answer.
    #[error("the server did not answer")]
    Unreachable,
    /// The next step can't use its answer.
    #[error("the answer could not be used")]
    Unusable,
}
