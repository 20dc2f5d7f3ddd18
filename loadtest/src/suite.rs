//! What the harness needs to know of the shop.

use std::collections::HashMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use harness::config::parse;
use harness::{
    Audit, Error, Field, Invariant, Options, Persona, PrivateServer, Profile, Program, Request,
    ServerPart, SetUp, Suite, VirtualUser,
};

use crate::audit::audit;
use crate::fields;
use crate::personas::BUYERS;
use crate::private::PrivateStack;
use crate::profiles::PROFILES;
use crate::shop::{Basket, Coupons, REQUESTS, ShopError, Shopper, World, init, ledger, prices};

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

/// What persona A buys, if there is enough of it.
fn basket(options: &Options, prices: &HashMap<i64, i64>) -> Result<Basket, ShopError> {
    let (top, has) = (fields::top(options), prices.len());
    if (top as usize) > has {
        return Err(ShopError::TooFewProducts { has, top });
    }
    Ok(Basket::of(top, prices))
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
        [&[&COUPONS, &COUPON_WAIT], &fields::SET_UP[..]].concat()
    }

    fn refuse(options: &Options) -> Vec<(&'static Field, String)> {
        fields::refuse(options)
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
        let SetUp { admin, options, .. } = set_up;
        let plan = fields::plan(options, set_up.vus, coupons(options));
        let policies = init(admin, &plan).await?;
        let prices = prices(admin).await?;
        plan.kept(policies.len(), &prices)
            .map_err(ShopError::NotKept)?;
        let basket = basket(options, &prices)?;
        tracing::info!(
            users = plan.users,
            policies = policies.len(),
            products = prices.len(),
            "the shop is set up"
        );
        let before = if set_up.audited {
            Some(ledger(admin).await?)
        } else {
            None
        };
        let mut world = World::new(policies, prices, coupon_wait(options), before);
        world.basket = basket;
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
