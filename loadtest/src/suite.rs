//! What the harness needs to know of the shop.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use harness::config::parse;
use harness::{
    Audit, Error, Field, Invariant, Options, Persona, PrivateServer, Profile, Program, Request,
    ServerPart, SetUp, Suite, VirtualUser,
};

use crate::audit::audit;
use crate::personas::BUYERS;
use crate::private::PrivateStack;
use crate::profiles::PROFILES;
use crate::shop::{Coupons, Hostile, REQUESTS, Shopper, World, init, ledger, prices};

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
    "Wait so long between claiming a coupon and looking for it",
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
.compared();

/// The seed's number of users; more VUs get theirs as well.
const USERS: u32 = 300;

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
        vec![&COUPONS, &COUPON_WAIT, &HOSTILE]
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

    async fn set_up(set_up: SetUp<'_>) -> Result<World, Error> {
        let admin = set_up.admin;
        let users = set_up.vus.max(USERS);
        let policies = init(admin, users, coupons(set_up.options)).await?;
        let prices = prices(admin).await?;
        tracing::info!(
            users,
            policies = policies.len(),
            products = prices.len(),
            "the shop is set up"
        );
        let before = if set_up.audited {
            Some(ledger(admin).await?)
        } else {
            None
        };
        let wait = coupon_wait(set_up.options);
        let mut world = World::new(policies, prices, wait, before);
        world.hostile = hostile(set_up.options);
        Ok(world)
    }

    fn user(vu: VirtualUser, world: &Arc<World>) -> Shopper {
        Shopper::new(vu, Arc::clone(world))
    }

    async fn audit(given: Audit<'_, Self>) -> Result<Vec<Invariant>, Error> {
        let Some(before) = &given.world.before else {
            return Ok(Vec::new());
        };
        Ok(audit(given.admin, before, given.users, given.planned_iterations).await?)
    }
}
