//! Before the load: a look at the server, a reset if it may be, and what personas must know.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use harness::{Admin, Error, Options, Refused, SetUp};

use super::basket::Basket;
use super::books::{Books, ShopError, balance, first_user, init, ledger, listed_coupons, prices};
use super::coupons::Coupons;
use super::emptied::not_new;
use super::last_pieces::LastPieces;
use super::look::Look;
use super::opening::{Consent, Opening};
use super::plan::{Plan, Scarce};
use super::policies::Policies;
use super::shelves::Shelves;
use super::world::World;
use crate::api::{Api, Path, SECTION};

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
    let suffix = suffix(&opening);
    let api = api(given.options, &suffix)?;
    let mut look = Look::at(admin, api, given.audited).await;
    if let Some(host) = given.host {
        look.row("reset", api.init.source(), what_becomes(&opening), "-");
        given.say(&look.table(host));
    }
    look.usable()?;
    let opening = opening?;
    let Goods {
        policies,
        prices,
        last_pieces,
    } = match &opening {
        Opening::Reset(_) => made(admin, api, &asked.plan, look.shows_stock).await?,
        Opening::Keep(policies) => found(
            policies.clone(),
            std::mem::take(&mut look.prices),
            asked.top,
        )?,
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
    world.is_new = matches!(opening, Opening::Reset(_));
    world.basket = basket;
    world.suffix = suffix;
    world.lacks_last_pieces = asked.plan.scarce.count > 0 && last_pieces.is_empty();
    world.last_pieces = LastPieces::new(last_pieces);
    world.coupon_wait = asked.coupon_wait;
    world.coupons = match asked.plan.coupons {
        Coupons::Limited(coupons) => Some(coupons),
        Coupons::Unlimited => None,
    };
    if given.audited {
        let before = books(given, api, look.no_ledger).await?;
        if world.is_new {
            is_new(admin, &world, &before).await?;
        }
        world.before = Some(before);
    }
    Ok(world)
}

/// What the shop has.
struct Goods {
    policies: Vec<i64>,
    /// Of what anybody may buy, by product.
    prices: HashMap<i64, i64>,
    /// Of the scarce products that the set-up made.
    last_pieces: HashMap<i64, i64>,
}

/// What was there, without a change.
fn found(policies: Vec<i64>, prices: HashMap<i64, i64>, top: u32) -> Result<Goods, Refused> {
    // Found out while nothing has been changed.
    basket(top, &prices).map_err(|error| Refused(error.to_string()))?;
    Ok(Goods {
        policies,
        prices,
        last_pieces: HashMap::new(),
    })
}

/// Empties the shop and fills it anew, as planned.
async fn made(admin: &Admin, api: &Api, plan: &Plan, shows_stock: bool) -> Result<Goods, Error> {
    let scarce = match shows_stock {
        true => plan.scarce,
        false => unseen(api, plan.scarce)?,
    };
    let plan = &Plan {
        scarce,
        ..plan.clone()
    };
    let policies = init(admin, api, plan).await?;
    let mut prices = prices(admin, api).await?;
    let scarce = match plan.scarce.count {
        0 => Vec::new(),
        _ => plan.scarce_of(&Shelves::stock(admin, api).await?.unwrap_or_default()),
    };
    let last_pieces: HashMap<i64, i64> = scarce
        .iter()
        .filter_map(|id| prices.remove_entry(id))
        .collect();
    let kept = plan.kept(policies.len(), &prices, last_pieces.len());
    kept.map_err(|text| ShopError::NotKept(api.init.source(), text))?;
    Ok(Goods {
        policies,
        prices,
        last_pieces,
    })
}

/// Where no stock can be read, scarce products would be taken for others. So there are none.
fn unseen(api: &Api, scarce: Scarce) -> Result<Scarce, Refused> {
    let Scarce { count, by_flag } = scarce;
    if by_flag && count > 0 {
        return Err(Refused(format!(
            "--scarce {count}: GET {} shows no stock, so it is unknown which products have one piece; leave --scarce out",
            api.products.text()
        )));
    }
    Ok(Scarce::default())
}

/// What persona A buys, if there is enough of it.
fn basket(top: u32, prices: &HashMap<i64, i64>) -> Result<Basket, ShopError> {
    let has = prices.len();
    if has < top as usize {
        return Err(ShopError::TooFewProducts { has, top });
    }
    Ok(Basket::of(top, prices))
}

/// Users of a shop that is kept have names that nobody had before, so that their balances begin at 0.
fn suffix(opening: &Result<Opening, Refused>) -> String {
    match opening {
        Ok(Opening::Keep(_)) => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            format!("-{:x}", now.unwrap_or_default().as_millis())
        }
        _ => String::new(),
    }
}

/// The API of the configuration, with names of users that end like this.
pub(super) fn api(options: &Options, suffix: &str) -> Result<&'static Api, Error> {
    let table = options.section(&SECTION);
    let api = Api::parse(table, suffix).map_err(|flaws| {
        let flaws: Vec<String> = flaws
            .iter()
            .map(|flaw| format!("api.{}: {}", flaw.key, flaw.message))
            .collect();
        Refused(flaws.join("; "))
    })?;
    Ok(api.forever())
}

fn what_becomes(opening: &Result<Opening, Refused>) -> String {
    match opening {
        Ok(Opening::Reset(why)) => format!("sent: {why}"),
        Ok(Opening::Keep(_)) => "not sent".to_owned(),
        Err(_) => "not allowed".to_owned(),
    }
}

/// Whether the set-up's request erased what there was, as far as can be seen.
async fn is_new(admin: &Admin, world: &World, before: &Books) -> Result<(), ShopError> {
    let left = match before {
        Books::Ledger(ledger) => not_new(ledger, &world.policy_ids),
        Books::Public { .. } => things_left(admin, world.api).await,
    };
    match left {
        Some(left) => Err(ShopError::NotKept(world.api.init.source(), left)),
        None => Ok(()),
    }
}

/// What the first user has, who must have nothing in a new shop. A shop that can't say so is for
/// the load to judge.
async fn things_left(admin: &Admin, api: &Api) -> Option<String> {
    let user = first_user(admin, api).await.ok()?;
    let told = |path: &Path, count: i64, what: &str| {
        let path = path.text();
        (count != 0).then(|| format!("GET {path} still has {count} {what} for user {user}"))
    };
    let held = balance(admin, api, user).await.ok()?;
    let coupons = listed_coupons(admin, api, user).await.ok()?;
    told(&api.balance.path, held, "won").or_else(|| told(&api.coupons.path, coupons, "coupons"))
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
