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

/// Why a set-up doesn't begin: it has changed nothing on the server. The program ends with 104.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);

/// Why an audit can't say anything of the server: somebody else changed what the load used. The
/// run is invalid, whatever its thresholds say.
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

    /// Whether each virtual user keeps the cookies that it is given, without `--cookies` as well.
    const COOKIES: bool = false;

    /// Every request, in the order in which reports list them.
    fn requests() -> Vec<&'static Request>;

    /// Every persona. The first one is the mix where none is given.
    fn personas() -> Vec<&'static Persona<Self::User>>;

    /// Headers of every request, those of set-up and audit as well, such as a token: see
    /// [`from_env`](crate::secret::from_env). `--header` and a request's own take their place. What
    /// goes wrong here ends the program before anything is sent.
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

    /// Flags of its own. They are keys of files and `LOADTEST_*` variables as well.
    #[must_use]
    fn fields() -> Vec<&'static Field> {
        Vec::new()
    }

    /// Tables of profiles and files that it reads itself, such as `[api]`.
    #[must_use]
    fn sections() -> Vec<&'static Section> {
        Vec::new()
    }

    /// Configurations that come with the program. The first is used where no load is given.
    #[must_use]
    fn profiles() -> Vec<Profile> {
        Vec::new()
    }

    /// Every check of its personas and its set-up, by name. A threshold can be about these, and a
    /// typo in one is found before the load. A run with another check says so, and in a debug
    /// build, such as under `cargo test`, it is invalid. With none, any name is taken.
    #[must_use]
    fn checks(_options: &Options) -> Vec<&'static str> {
        Vec::new()
    }

    /// The requests whose answers a check looks at, by name. A persona that plans none of them
    /// doesn't make the check, and a threshold on its making it is refused. Empty: anybody may.
    #[must_use]
    fn requests_of_check(_options: &Options, _check: &str) -> Vec<&'static str> {
        Vec::new()
    }

    /// Those of [`Suite::requests`] that are others with these options: by their method or expected
    /// statuses, or because nobody sends them.
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

    /// How long an iteration waits by itself: at a rate, more VUs are needed for it.
    #[must_use]
    fn pause(_options: &Options) -> std::time::Duration {
        std::time::Duration::ZERO
    }

    /// How many connections a user of this persona has open at once: file descriptors that are
    /// found before the load, or missed then.
    #[must_use]
    fn connections(_persona: &str) -> u64 {
        1
    }

    /// Which options contradict each other, though each is right by itself: the one to change, and
    /// why. Nothing is sent then.
    #[must_use]
    fn refuse(_options: &Options) -> Vec<(&'static Field, String)> {
        Vec::new()
    }

    /// Prepares the server before the load. [`Refused`] says that there is no sense in it.
    fn set_up(_set_up: SetUp<'_>) -> impl Future<Output = Result<Self::World, Error>> + Send {
        async { Ok(Self::World::default()) }
    }

    /// What the workers of a run on several machines must know of the world, in bytes: the set-up
    /// is the lead's alone. None, as here of a world with anything in it: the suite can't run on
    /// several machines. No secret may be in it.
    #[must_use]
    fn pack_world(_world: &Self::World) -> Option<Vec<u8>> {
        (size_of::<Self::World>() == 0).then(Vec::new)
    }

    /// The world again, in a worker.
    ///
    /// # Errors
    /// The suite's, for bytes that it can't read.
    fn unpack_world(_bytes: &[u8], _worker: &WorkerOf<'_>) -> Result<Self::World, Error> {
        Ok(Self::World::default())
    }

    /// A user who has done nothing yet.
    fn user(vu: VirtualUser, world: &Arc<Self::World>) -> Self::User;

    /// What is worth knowing though it makes no verdict, such as rules that can't be checked.
    #[must_use]
    fn warnings(_world: &Self::World) -> Vec<String> {
        Vec::new()
    }

    /// Checks after the load what must hold on the server. [`Disturbed`] says that it was not the
    /// load alone that changed it.
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

    /// An iteration was cut, or ended before its persona was through with it.
    fn ended_early(&mut self) {}

    /// How many of its operations may or may not have happened.
    fn unknown_outcomes(&self) -> u64 {
        0
    }

    /// What an audit needs of it, in bytes: in a run on several machines the users are the workers',
    /// and the audit is the lead's. None, as here: nothing.
    #[must_use]
    fn pack(&self) -> Vec<u8> {
        Vec::new()
    }

    /// Takes in what it did in a worker. Called once, on a user who has done nothing.
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

    /// What of it is watched beside the load, as `--probe` has it. None, as here: nothing.
    fn probes(&self) -> Vec<String> {
        Vec::new()
    }
}

/// What a set-up has to go by.
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

    /// Says something on standard error, unless the run is to be quiet.
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

/// What an audit has to go by.
pub struct Audit<'a, S: Suite> {
    /// A client for the server.
    pub admin: &'a Admin,
    /// What the set-up learned.
    pub world: &'a S::World,
    /// Every user.
    pub users: Vec<S::User>,
    /// The suite's own options.
    pub options: &'a Options,
    /// How many iterations were to be made, where that is fixed and none was cut: what the schedule
    /// asked for, without those that its time did not suffice for.
    pub planned_iterations: Option<u64>,
}

impl Outline {
    /// The outline of a suite.
    ///
    /// # Panics
    /// If the suite has no persona, more parts than [`MOST_PARTS`], two of something with one name,
    /// or a persona that plans a request that there isn't: mistakes of its author.
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
