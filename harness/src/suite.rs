//! What a team writes: its API, its kinds of users, and what must hold afterwards.

use std::sync::Arc;

use crate::admin::Admin;
use crate::catalogue::{Catalogue, MOST_PARTS, PartEntry, RequestEntry, ServerPart};
use crate::config::{Field, Fields, Options, Outline, Profile, Program, Section};
use crate::invariant::Invariant;
use crate::persona::{Persona, Role};
use crate::progress::Progress;
use crate::vu::{Header, Request, Target, VirtualUser};

/// Whatever went wrong in a suite; `?` makes it of any error.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// Why a set-up refuses to begin. It has changed nothing on the server. The program ends with 104.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);

/// Why an audit can't judge the server: something other than the load changed its data. The run is
/// invalid, whatever its thresholds say.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Disturbed(pub String);

/// A load test of one API.
///
/// Only `requests`, `personas` and `user` are needed. Set-up, options, invariants and a server of
/// its own can each be added alone.
pub trait Suite: Sized + Send + Sync + 'static {
    /// What the set-up learned, such as ids and prices. All virtual users share it.
    type World: Default + Send + Sync + 'static;
    /// A virtual user with what it remembers; [`VirtualUser`] itself if it remembers nothing.
    type User: User;

    /// Name, purpose and version of the program.
    const PROGRAM: Program;

    /// Whether virtual users store and send cookies even without `--cookies`.
    const COOKIES: bool = false;

    /// Every request, in the order in which reports list them.
    fn requests() -> Vec<&'static Request>;

    /// Every persona. Without `--mix`, every virtual user is the first one.
    fn personas() -> Vec<&'static Persona<Self::User>>;

    /// Headers of every request, also in set-up and audit, such as a token: see
    /// [`from_env`](crate::secret::from_env). `--header` and a request's own headers override them.
    /// An error here ends the program before anything is sent.
    ///
    /// # Errors
    /// The suite's, such as a variable that is not set.
    fn headers() -> Result<Vec<Header>, Error> {
        Ok(Vec::new())
    }

    /// The parts of its time that the server names in `Server-Timing`.
    #[must_use]
    fn server_parts() -> Vec<ServerPart> {
        Vec::new()
    }

    /// The suite's own flags. They are keys of files and `LOADTEST_*` variables as well.
    #[must_use]
    fn fields() -> Vec<&'static Field> {
        Vec::new()
    }

    /// Tables of profiles and files that the suite reads itself, such as `[api]`.
    #[must_use]
    fn sections() -> Vec<&'static Section> {
        Vec::new()
    }

    /// Configurations that come with the program. The first is used where no load is given.
    #[must_use]
    fn profiles() -> Vec<Profile> {
        Vec::new()
    }

    /// The names of all checks of the personas and the set-up. Thresholds can be about these, and a
    /// typo in one is found before the load. If a run has a check that isn't listed, it says so,
    /// and in a debug build, such as under `cargo test`, it is invalid. If the list is empty,
    /// thresholds may name any check.
    #[must_use]
    fn checks(_options: &Options) -> Vec<&'static str> {
        Vec::new()
    }

    /// The names of the requests whose answers a check looks at. A threshold on this check and a
    /// persona that plans none of these requests is refused. If empty, any persona may make the
    /// check.
    #[must_use]
    fn requests_of_check(_options: &Options, _check: &str) -> Vec<&'static str> {
        Vec::new()
    }

    /// Those of [`Suite::requests`] that these options change: their method, their expected
    /// statuses, or that they are not sent at all.
    #[must_use]
    fn requests_as_asked(_options: &Options) -> Vec<Request> {
        Vec::new()
    }

    /// Starts a server for one run, where no `--host` is given. None: `--host` is required.
    fn private() -> impl Future<Output = Result<Option<Box<dyn PrivateServer>>, Error>> {
        async { Ok(None) }
    }

    /// What the private server is, for people, such as `a private PostgreSQL and server`.
    const PRIVATE: Option<&'static str> = None;

    /// Whether this process was started as something else, such as the private server; gives its
    /// exit code then. Called first of all.
    #[must_use]
    fn started_as_another_program() -> Option<std::process::ExitCode> {
        None
    }

    /// How long an iteration pauses: a rate needs more VUs because of it.
    #[must_use]
    fn pause(_options: &Options) -> std::time::Duration {
        std::time::Duration::ZERO
    }

    /// How many connections a user of this persona has open at once. Whether there are enough file
    /// descriptors for them is checked before the load.
    #[must_use]
    fn connections(_persona: &str) -> u64 {
        1
    }

    /// Options that contradict each other although each is valid alone: which one to change, and
    /// why. If there are any, nothing is sent.
    #[must_use]
    fn refuse(_options: &Options) -> Vec<(&'static Field, String)> {
        Vec::new()
    }

    /// Prepares the server before the load. The error [`Refused`] says that it could not begin.
    fn set_up(_set_up: SetUp<'_>) -> impl Future<Output = Result<Self::World, Error>> + Send {
        async { Ok(Self::World::default()) }
    }

    /// In a run on several machines only the lead does the set-up. This encodes what the workers
    /// must know of its world. It must not contain secrets. With `None`, the suite can't run on
    /// several machines; that is the default unless the world is empty.
    #[must_use]
    fn pack_world(_world: &Self::World) -> Option<Vec<u8>> {
        (size_of::<Self::World>() == 0).then(Vec::new)
    }

    /// Decodes the world in a worker.
    ///
    /// # Errors
    /// The suite's, for bytes that it can't read.
    fn unpack_world(_bytes: &[u8], _worker: &WorkerOf<'_>) -> Result<Self::World, Error> {
        Ok(Self::World::default())
    }

    /// A user who has done nothing yet.
    fn user(vu: VirtualUser, world: &Arc<Self::World>) -> Self::User;

    /// Warnings that don't affect the verdict, such as rules that can't be checked.
    #[must_use]
    fn warnings(_world: &Self::World) -> Vec<String> {
        Vec::new()
    }

    /// Checks after the load what must hold on the server. The error [`Disturbed`] says that
    /// something other than the load changed it.
    fn audit(
        _audit: Audit<'_, Self>,
    ) -> impl Future<Output = Result<Vec<Invariant>, Error>> + Send {
        async { Ok(Vec::new()) }
    }
}

/// A virtual user of a suite.
pub trait User: Send + 'static {
    /// Its measured HTTP, checks, chance and waiting.
    fn vu(&mut self) -> &mut VirtualUser;

    /// Called when an iteration was cut, or ended early.
    fn ended_early(&mut self) {}

    /// How many of its operations have an unknown outcome.
    fn unknown_outcomes(&self) -> u64 {
        0
    }

    /// Encodes what the audit needs of it: in a run on several machines the workers have the users,
    /// and the lead does the audit. By default, it needs nothing.
    #[must_use]
    fn pack(&self) -> Vec<u8> {
        Vec::new()
    }

    /// Decodes what it did in a worker. Called once, on a new user.
    ///
    /// # Errors
    /// The suite's, for bytes that it can't read.
    fn unpack(&mut self, _bytes: &[u8]) -> Result<(), Error> {
        Ok(())
    }
}

impl User for VirtualUser {
    fn vu(&mut self) -> &mut VirtualUser {
        self
    }
}

/// A server that was started for one run. It ends when this is dropped.
pub trait PrivateServer: Send + Sync {
    /// Its address.
    fn base_url(&self) -> &str;

    /// The probes that watch it during the load, in the form of `--probe`. By default, none.
    fn probes(&self) -> Vec<String> {
        Vec::new()
    }
}

/// What a set-up is given.
#[derive(Debug, Clone, Copy)]
pub struct SetUp<'a> {
    /// A client for the server.
    pub admin: &'a Admin,
    /// The largest number of virtual users: they are numbered from 1.
    pub vus: u32,
    /// Names of the personas in the mixes of this run.
    pub personas: &'a [&'static str],
    /// The suite's own options.
    pub options: &'a Options,
    /// Whether there will be an audit.
    pub audited: bool,
    /// The server's address as it was given; none for the private server.
    pub host: Option<&'a str>,
    pub(crate) progress: &'a Progress,
}

impl SetUp<'_> {
    /// Whether the server is the private one, or at a loopback address.
    #[must_use]
    pub fn is_on_this_machine(&self) -> bool {
        self.host.is_none_or(Target::is_loopback)
    }

    /// Prints a line on standard error, unless `--quiet` is given.
    pub fn say(&self, text: &str) {
        self.progress.say(text);
    }
}

/// One of the workers of a run on several machines.
#[derive(Debug, Clone, Copy)]
pub struct WorkerOf<'a> {
    /// Its number, from 0.
    pub number: u32,
    /// How many workers there are.
    pub workers: u32,
    /// The suite's own options.
    pub options: &'a Options,
}

/// What an audit is given.
pub struct Audit<'a, S: Suite> {
    /// A client for the server.
    pub admin: &'a Admin,
    /// What the set-up learned.
    pub world: &'a S::World,
    /// Every user.
    pub users: Vec<S::User>,
    /// The suite's own options.
    pub options: &'a Options,
    /// How many iterations the schedule asked for, without those for which there was no time. Only
    /// if that number is fixed and no iteration was cut.
    pub planned_iterations: Option<u64>,
}

impl Outline {
    /// The outline of a suite.
    ///
    /// # Panics
    /// If the suite has no persona, more parts than [`MOST_PARTS`], two of something with one name,
    /// or a persona that plans an unknown request.
    #[must_use]
    pub fn of<S: Suite>() -> Self {
        let parts = S::server_parts();
        assert!(
            parts.len() <= MOST_PARTS,
            "at most {MOST_PARTS} server parts"
        );
        let roles: Vec<Role> = S::personas().iter().map(|persona| persona.role()).collect();
        assert!(!roles.is_empty(), "a suite has at least one persona");
        let requests = S::requests();
        assert_fit(&roles, &requests);
        Self {
            program: S::PROGRAM,
            catalogue: Arc::new(catalogue(&requests, &parts, &roles)),
            roles,
            fields: Fields::with(&S::fields()).and_sections(S::sections()),
            profiles: S::profiles(),
            private: S::PRIVATE,
            headers: || S::headers().map_err(|error| error.to_string()),
            pause: S::pause,
            requests: S::requests_as_asked,
            checks: S::checks,
            about: S::requests_of_check,
            refuse: S::refuse,
        }
    }
}

/// Finds what a suite's author would otherwise find in a report, or not at all.
fn assert_fit(roles: &[Role], requests: &[&'static Request]) {
    for (at, request) in requests.iter().enumerate() {
        let name = request.name;
        let again = requests[..at].iter().any(|other| other.name == name);
        assert!(!again, "two requests of the suite are called '{name}'");
    }
    for (at, role) in roles.iter().enumerate() {
        let (key, name) = (role.key, role.name);
        let others = || roles[..at].iter();
        assert!(
            !others().any(|other| other.key == key),
            "two personas have the key '{key}'"
        );
        assert!(
            !others().any(|other| other.name == name),
            "two personas are called '{name}'"
        );
        for (planned, least, most) in role.requests {
            let known = requests.iter().any(|request| request.name == *planned);
            assert!(
                known,
                "persona '{name}' plans '{planned}', which is no request of the suite"
            );
            assert!(
                least <= most,
                "persona '{name}' plans {least} to {most} of '{planned}'"
            );
        }
    }
}

/// The catalogue of these requests and parts.
fn catalogue(requests: &[&'static Request], parts: &[ServerPart], roles: &[Role]) -> Catalogue {
    let planned = roles.iter().flat_map(|role| role.requests);
    let request = |request: &&'static Request| RequestEntry {
        name: request.name.to_owned(),
        method: request.method.as_str().to_owned(),
        trend: request.trend.map(str::to_owned),
        planned: planned.clone().any(|(name, ..)| *name == request.name),
        readable: request.readable().to_owned(),
        expected: request.expected,
        set_up_only: request.set_up_only,
        unsent: request.unsent,
    };
    let part = |part: &ServerPart| PartEntry {
        name: part.name.to_owned(),
        label: part.label.to_owned(),
        is_queue: part.is_queue,
    };
    Catalogue {
        requests: requests.iter().map(request).collect(),
        server_parts: parts.iter().map(part).collect(),
    }
}

#[cfg(test)]
#[path = "suite_tests.rs"]
mod tests;
