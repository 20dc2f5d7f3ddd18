//! Before the load: a look at the server, a reset if it may be, and what personas must know.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use harness::{Error, Refused, SetUp};

use super::basket::Basket;
use super::books::{Books, ShopError, init, ledger, prices};
use super::coupons::Coupons;
use super::look::Look;
use super::opening::{Consent, Opening};
use super::plan::Plan;
use super::policies::Policies;
use super::shelves::Shelves;
use super::world::World;
use crate::api::{Api, SECTION};

/// What is asked for by flags.
#[derive(Debug, Clone)]
pub struct Asked {
    /// What a reset makes.
    pub plan: Plan,
    /// `--policies`.
    pub policies: Option<Policies>,
    /// `--allow-reset`.
    pub allow_reset: bool,
    /// `--top`.
    pub top: u32,
    /// `--coupon-wait`.
    pub coupon_wait: Duration,
}

/// Looks at the server, and sets it up.
///
/// # Errors
/// [`Refused`] before anything was changed; [`ShopError`] after that.
pub async fn set_up(given: &SetUp<'_>, asked: Asked) -> Result<World, Error> {
    let admin = given.admin;
    let opening = Opening::of(Consent {
        host: given.host,
        on_this_machine: given.is_on_this_machine(),
        allow_reset: asked.allow_reset,
        policies: asked.policies.as_ref(),
    });
    let api = api(given, &opening)?;
    let mut look = Look::at(admin, api, given.audited).await;
    if let Some(host) = given.host {
        look.row("reset", init_of(api), what_becomes(&opening), "-");
        given.say(&look.table(host));
    }
    look.usable()?;
    let (policies, prices) = match opening? {
        Opening::Reset(_) => {
            let policies = init(admin, api, &asked.plan).await?;
            let prices = prices(admin, api).await?;
            let kept = asked.plan.kept(policies.len(), &prices);
            kept.map_err(|text| ShopError::NotKept(init_of(api), text))?;
            (policies, prices)
        }
        Opening::Keep(ids) => {
            let prices = std::mem::take(&mut look.prices);
            // Found out while nothing has been changed.
            basket(asked.top, &prices).map_err(|error| Refused(error.to_string()))?;
            (ids, prices)
        }
    };
    if prices.is_empty() {
        let after = format!("GET {}", api.products.text());
        return Err(ShopError::Empty("products", after).into());
    }
    tracing::info!(
        policies = policies.len(),
        products = prices.len(),
        "the shop is set up"
    );
    let basket = basket(asked.top, &prices)?;
    let mut world = World::new(api, policies, prices);
    world.basket = basket;
    world.coupon_wait = asked.coupon_wait;
    world.coupons = match asked.plan.coupons {
        Coupons::Limited(coupons) => Some(coupons),
        Coupons::Unlimited => None,
    };
    if given.audited {
        world.before = Some(books(given, api, look.no_ledger).await?);
    }
    Ok(world)
}

/// What persona A buys, if there is enough of it.
fn basket(top: u32, prices: &HashMap<i64, i64>) -> Result<Basket, ShopError> {
    let has = prices.len();
    if has < top as usize {
        return Err(ShopError::TooFewProducts { has, top });
    }
    Ok(Basket::of(top, prices))
}

/// The API of the configuration. Users of a shop that is kept have names that nobody had before, so
/// that their balances begin at 0.
fn api(given: &SetUp<'_>, opening: &Result<Opening, Refused>) -> Result<&'static Api, Error> {
    let suffix = match opening {
        Ok(Opening::Keep(_)) => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            format!("-{:x}", now.unwrap_or_default().as_millis())
        }
        _ => String::new(),
    };
    let table = given.options.section(&SECTION);
    let api = Api::parse(table, &suffix).map_err(|flaws| {
        let flaws: Vec<String> = flaws
            .iter()
            .map(|flaw| format!("api.{}: {}", flaw.key, flaw.message))
            .collect();
        Refused(flaws.join("; "))
    })?;
    Ok(api.forever())
}

fn init_of(api: &Api) -> String {
    format!("{} {}", api.init_method.as_str(), api.init.text())
}

fn what_becomes(opening: &Result<Opening, Refused>) -> String {
    match opening {
        Ok(Opening::Reset(why)) => format!("sent: {why}"),
        Ok(Opening::Keep(_)) => "not sent".to_owned(),
        Err(_) => "not allowed".to_owned(),
    }
}

/// What the audit will compare with.
async fn books(given: &SetUp<'_>, api: &Api, no_ledger: Option<String>) -> Result<Books, Error> {
    Ok(match no_ledger {
        None => Books::Ledger(ledger(given.admin, api).await?.unwrap_or_default()),
        Some(no_ledger) => Books::Public {
            shelves: Shelves::read(given.admin, api).await?,
            no_ledger,
        },
    })
}
