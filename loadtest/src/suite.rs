//! What the harness needs to know of the shop.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use harness::config::parse;
use harness::{
    Audit, Error, Field, Invariant, Options, Persona, PrivateServer, Profile, Program, Request,
    Section, ServerPart, SetUp, Suite, VirtualUser, WorkerOf,
};

use crate::api::{Api, SECTION};
use crate::audit::{audit, unjudged};
use crate::fields;
use crate::personas::{ABOUT, BUYERS, Buyer, CHECKS, RACER};
use crate::private::PrivateStack;
use crate::profiles::PROFILES;
use crate::race::Race;
use crate::shop::{
    Asked, Coupons, Hostile, REQUESTS, Shopper, World, pack_world, set_up, unpack_world,
};

/// The shop.
pub struct Shop;

/// How many coupons the set-up creates.
pub static COUPONS: Field = Field::one(
    "coupons",
    "coupons",
    "N|unlimited",
    "Shop",
    "Coupons that the set-up creates over all policies",
)
.default("unlimited")
.checked(|text| Coupons::parse(text).map(drop))
.compared();

/// How long a persona waits for its coupon.
pub static COUPON_WAIT: Field = Field::one(
    "coupon_wait",
    "coupon-wait",
    "TIME",
    "Shop",
    "Pause between claiming a coupon and looking for it",
)
.default("1s")
.checked(|text| parse::duration(text).map(drop))
.compared();

/// What hostile input persona C sends.
pub static HOSTILE: Field = Field::one(
    "hostile",
    "hostile",
    "GROUP,...|none",
    "Shop",
    "Hostile input that persona C draws from: money, types, json, ids, text",
)
.default("all of them")
.checked(|text| Hostile::parse(text).map(drop))
.about(&["7_malicious_order", "8_hostile_get", "9_hostile_post"])
.compared();

/// Whether the set-up may erase the data of a server elsewhere.
static ALLOW_RESET: Field = Field::switch(
    "allow_reset",
    "allow-reset",
    "Shop",
    "Let the set-up erase the server's data (POST /init) though it is not at a loopback address",
);

fn coupons(options: &Options) -> Coupons {
    let given = options
        .get(&COUPONS)
        .and_then(|text| Coupons::parse(text).ok());
    given.unwrap_or(Coupons::Unlimited)
}

fn coupon_wait(options: &Options) -> Duration {
    let given = options
        .get(&COUPON_WAIT)
        .and_then(|text| parse::duration(text).ok());
    given.unwrap_or(Duration::from_secs(1))
}

fn hostile(options: &Options) -> Hostile {
    let given = options
        .get(&HOSTILE)
        .and_then(|text| Hostile::parse(text).ok());
    given.unwrap_or_default()
}

fn asked(given: &SetUp<'_>) -> Asked {
    let options = given.options;
    let races = given.personas.contains(&RACER);
    Asked {
        plan: fields::plan(options, given.vus, coupons(options), races),
        policies: fields::policies(options),
        allow_reset: options.is_on(&ALLOW_RESET),
        top: fields::top(options),
        coupon_wait: coupon_wait(options),
    }
}

fn no_last_pieces() -> String {
    format!(
        "the shop has no products of one piece that this run's set-up made, so this could not be \
         judged: {}",
        Race::LastPiece.rule()
    )
}

impl Suite for Shop {
    type World = World;
    type User = Shopper;

    const PROGRAM: Program = Program {
        name: "loadtest",
        about: "Load-tests an e-commerce API with personas, judges the SLA, and audits the books",
        version: env!("CARGO_PKG_VERSION"),
    };
    const PRIVATE: Option<&'static str> = Some("a private PostgreSQL, Redis and server");

    fn requests() -> Vec<&'static Request> {
        REQUESTS.to_vec()
    }

    fn personas() -> Vec<&'static Persona<Shopper>> {
        BUYERS.iter().map(|buyer| &buyer.persona).collect()
    }

    fn checks(options: &Options) -> Vec<&'static str> {
        let api = Api::parse(options.section(&SECTION), "");
        let statuses = api.map(|api| api.checks()).unwrap_or_default();
        [&statuses[..], CHECKS].concat()
    }

    fn requests_as_asked(options: &Options) -> Vec<Request> {
        let Ok(mut api) = Api::parse(options.section(&SECTION), "") else {
            return Vec::new();
        };
        if fields::is_used_as_it_is(options) {
            api.init.request = api.init.request.unsent();
        }
        let mut requests = api.requests();
        requests.extend(hostile(options).unsent());
        requests
    }

    fn requests_of_check(options: &Options, check: &str) -> Vec<&'static str> {
        if let Some((_, requests)) = ABOUT.iter().find(|(known, _)| *known == check) {
            return requests.to_vec();
        }
        let api = Api::parse(options.section(&SECTION), "");
        let route = api.ok().and_then(|api| api.request_of_check(check));
        route.into_iter().collect()
    }

    fn server_parts() -> Vec<ServerPart> {
        let part = |name, label| ServerPart {
            name,
            label,
            is_queue: name == "queue",
        };
        vec![
            part("queue", "the server's queue"),
            part("db", "the database"),
            part("redis", "Redis"),
        ]
    }

    fn fields() -> Vec<&'static Field> {
        let others = [&COUPONS, &COUPON_WAIT, &HOSTILE, &ALLOW_RESET];
        [&others[..], &fields::SET_UP].concat()
    }

    fn connections(persona: &str) -> u64 {
        if Buyer::of_name(persona).sends_at_once {
            2
        } else {
            1
        }
    }

    fn refuse(options: &Options) -> Vec<(&'static Field, String)> {
        fields::refuse(options)
    }

    fn sections() -> Vec<&'static Section> {
        vec![&SECTION]
    }

    fn profiles() -> Vec<Profile> {
        PROFILES.to_vec()
    }

    async fn private() -> Result<Option<Box<dyn PrivateServer>>, Error> {
        Ok(Some(Box::new(PrivateStack::start().await?)))
    }

    /// The private stack's server is this program, started anew.
    fn started_as_another_program() -> Option<ExitCode> {
        testbed::sut::main_if_requested()
    }

    fn pause(options: &Options) -> Duration {
        coupon_wait(options)
    }

    async fn set_up(given: SetUp<'_>) -> Result<World, Error> {
        let mut world = set_up(&given, asked(&given)).await?;
        world.hostile = hostile(given.options);
        Ok(world)
    }

    fn warnings(world: &World) -> Vec<String> {
        let unjudged = unjudged(world);
        let lacking = world.lacks_last_pieces.then(no_last_pieces);
        unjudged.into_iter().chain(lacking).collect()
    }

    fn pack_world(world: &World) -> Option<Vec<u8>> {
        Some(pack_world(world))
    }

    fn unpack_world(bytes: &[u8], worker: &WorkerOf<'_>) -> Result<World, Error> {
        let mut world = unpack_world(bytes, worker)?;
        world.hostile = hostile(worker.options);
        Ok(world)
    }

    fn user(vu: VirtualUser, world: &Arc<World>) -> Shopper {
        Shopper::new(vu, Arc::clone(world))
    }

    async fn audit(given: Audit<'_, Self>) -> Result<Vec<Invariant>, Error> {
        audit(
            given.admin,
            given.world,
            given.users,
            given.planned_iterations,
        )
        .await
    }
}
