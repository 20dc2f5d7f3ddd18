//! The API that a run has to do with: our own contract, or what a file makes of it.

use std::sync::LazyLock;

use harness::metrics::{Method, intern};
use harness::{Flaw, Request, Section};
use toml::Table;

use super::body::{ChargeBody, OrderBody};
use super::keys::Keys;
use super::numbers::Numbers;
use super::path::Path;
use super::requests;

/// `[api]` of a profile or file.
pub static SECTION: Section = Section {
    key: "api",
    check: |table| Api::parse(Some(table), "").err().unwrap_or_default(),
};

/// A request of the load.
#[derive(Debug)]
pub struct Route {
    /// What it is called and expects.
    pub request: Request,
    /// Where it goes.
    pub path: Path,
    /// What the check of its status is called, such as `charge 201`.
    pub check: &'static str,
    done: Vec<u16>,
}

impl Route {
    /// Whether an answer of this status says that it was done.
    #[must_use]
    pub fn is_done(&self, status: u16) -> bool {
        self.done.contains(&status)
    }

    /// Method and path, for people.
    #[must_use]
    pub fn source(&self) -> String {
        format!("{} {}", self.request.method.as_str(), self.path.text())
    }
}

/// What an order's total is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TotalIs {
    /// What is paid: after the discount.
    Net,
    /// What the items cost: before the discount.
    Gross,
}

/// Everything that is known of the shop's API.
#[derive(Debug)]
pub struct Api {
    /// Asks for one's own id.
    pub users: Route,
    /// The id in its answer; a bare number without one.
    pub user_id: Option<Numbers<1>>,
    /// Puts money on the balance.
    pub charge: Route,
    charge_body: ChargeBody,
    /// The balance in its answer.
    pub charged: Numbers<1>,
    /// Reads the balance.
    pub balance: Route,
    /// The balance in its answer.
    pub held: Numbers<1>,
    /// Statuses that stand for a balance of 0.
    pub zero: Vec<u16>,
    /// Claims a coupon.
    pub claim: Route,
    /// Lists coupons.
    pub coupons: Route,
    /// Id and discount of each.
    pub coupon: Numbers<2>,
    /// Whether used ones are listed as well.
    pub lists_used: bool,
    /// Where products are.
    pub products: Path,
    /// Id and price of each.
    pub product: Numbers<2>,
    /// Id and stock of each, if there is one.
    pub stock: Option<Numbers<2>>,
    /// Lists the products sold most.
    pub top: Route,
    /// In its query, how many of them, if that can be asked for.
    pub top_limit: Option<String>,
    /// The id of each.
    pub top_id: Numbers<1>,
    /// Id and sold quantity of each, if there is one.
    pub sold: Option<Numbers<2>>,
    /// Orders.
    pub orders: Route,
    /// One of two orders at once.
    pub racing: Request,
    order_body: OrderBody,
    /// Id and total in its answer.
    pub receipt: Numbers<2>,
    /// What the total is.
    pub total_is: TotalIs,
    /// Erases and fills the shop.
    pub init: Route,
    /// The policies' ids in its answer.
    pub policies: String,
    /// Where the books are: the shop's, and a user's.
    pub ledger: Option<(Path, Path)>,
    /// Where the server says that it is well.
    pub health: Option<Path>,
}

static OWN: LazyLock<Api> = LazyLock::new(|| {
    Api::parse(None, "").expect("our own contract is well-formed: a test reads it")
});

impl Default for &'static Api {
    fn default() -> Self {
        &OWN
    }
}

impl Api {
    /// Reads `[api]`; users' names end with `suffix`.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(table: Option<&Table>, suffix: &str) -> Result<Self, Vec<Flaw>> {
        let mut keys = Keys::of(table, suffix);
        let api = Self::read(&mut keys);
        if keys.flaws.is_empty() {
            Ok(api)
        } else {
            Err(keys.flaws)
        }
    }

    /// The same for as long as the program runs: requests live so long. It is small, and made once
    /// for each set-up.
    #[must_use]
    pub fn forever(self) -> &'static Self {
        Box::leak(Box::new(self))
    }

    fn read(keys: &mut Keys) -> Self {
        let claim_refused = keys.statuses("claim", "refused");
        let orders = route(keys, "orders", "order", requests::ORDER, &[]);
        Self {
            users: route(keys, "users", "getUserId", requests::USER_ID, &[]),
            user_id: match keys.text("users", "id") {
                "" => None,
                name => Some(Numbers::named([name])),
            },
            charge: route(keys, "charge", "charge", requests::CHARGE, &[]),
            charge_body: ChargeBody::named(&keys.name("charge", "amount")),
            charged: numbers(keys, "charge", ["balance"]),
            balance: route(keys, "balance", "get balance", requests::BALANCE, &[]),
            held: numbers(keys, "balance", ["balance"]),
            zero: keys.statuses("balance", "zero"),
            claim: route(keys, "claim", "claim", requests::CLAIM, &claim_refused),
            coupons: route(keys, "coupons", "get coupons", requests::COUPONS, &[]),
            coupon: numbers(keys, "coupons", ["id", "discount"]),
            lists_used: keys.is_on("coupons", "lists_used"),
            products: keys.path("products", "path"),
            product: numbers(keys, "products", ["id", "price"]),
            stock: optional(keys, "products", "stock"),
            top: route(keys, "top", "top5", requests::TOP_PRODUCTS, &[]),
            top_limit: keys.optional("top", "limit"),
            top_id: numbers(keys, "top", ["id"]),
            sold: optional(keys, "top", "sold"),
            racing: racing(&orders),
            orders,
            order_body: order_body(keys),
            receipt: numbers(keys, "orders", ["id", "total"]),
            total_is: total_is(keys),
            init: route(keys, "init", "init", requests::INIT, &[]),
            policies: keys.name("init", "policies"),
            ledger: keys
                .optional_path("ledger", "path")
                .map(|path| (path, keys.path("ledger", "user"))),
            health: keys.optional_path("health", "path"),
        }
    }

    /// The checks of statuses: one of each route.
    #[must_use]
    pub fn checks(&self) -> Vec<&'static str> {
        self.routes().map(|route| route.check).to_vec()
    }

    /// The request that a check of a status is about.
    #[must_use]
    pub fn request_of_check(&self, check: &str) -> Option<&'static str> {
        let route = self.routes().into_iter().find(|one| one.check == check)?;
        Some(route.request.name)
    }

    /// The requests that this API has another method or other statuses of.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        let routes = self.routes().map(|route| route.request);
        routes.into_iter().chain([self.racing]).collect()
    }

    const fn routes(&self) -> [&Route; 8] {
        [
            &self.init,
            &self.users,
            &self.charge,
            &self.claim,
            &self.coupons,
            &self.top,
            &self.orders,
            &self.balance,
        ]
    }

    /// The body of an order of these products and quantities.
    #[must_use]
    pub fn order(
        &self,
        user: i64,
        coupon: Option<i64>,
        items: impl ExactSizeIterator<Item = (i64, i64)>,
    ) -> String {
        self.order_body.of(user, coupon, items)
    }

    /// The body of a charge.
    #[must_use]
    pub fn amount(&self, amount: i64) -> String {
        self.charge_body.of(amount)
    }
}

/// The route of a part; it expects the statuses of its key, and these.
fn route(keys: &mut Keys, part: &str, label: &str, named: Request, also: &[u16]) -> Route {
    let done = keys.statuses(part, "status");
    let request = of_method(named, keys.method(part));
    let expected: Vec<u16> = done.iter().chain(also).copied().collect();
    let first = done.first().copied().unwrap_or_default();
    Route {
        // A few bytes for each time that the contract is read.
        request: request.expects(expected.leak()),
        path: keys.path(part, "path"),
        check: intern(&format!("{label} {first}")),
        done,
    }
}

const fn of_method(mut request: Request, method: Method) -> Request {
    request.method = method;
    request
}

/// One of two orders at once: it is done as any order, or refused.
fn racing(orders: &Route) -> Request {
    let expected = [&orders.done[..], &[400, 409]].concat();
    let request = of_method(requests::RACING_ORDER, orders.request.method);
    request.expects(expected.leak())
}

fn numbers<const N: usize>(keys: &mut Keys, part: &str, names: [&str; N]) -> Numbers<N> {
    let names = names.map(|key| keys.name(part, key));
    Numbers::named(names.each_ref().map(String::as_str))
}

/// The id and what there may not be.
fn optional(keys: &mut Keys, part: &str, key: &str) -> Option<Numbers<2>> {
    let name = keys.optional(part, key)?;
    Some(Numbers::named([&keys.name(part, "id"), &name]))
}

fn order_body(keys: &mut Keys) -> OrderBody {
    let names = ["user", "coupon", "items", "product", "quantity"];
    let names = names.map(|key| keys.name("orders", key));
    OrderBody::named(names.each_ref().map(String::as_str))
}

fn total_is(keys: &mut Keys) -> TotalIs {
    match keys.text("orders", "total_is") {
        "net" => TotalIs::Net,
        "gross" => TotalIs::Gross,
        other => {
            let message = format!("'{other}' is neither net nor gross");
            keys.flaws.push(Flaw::new("orders.total_is", message));
            TotalIs::Net
        }
    }
}

#[cfg(test)]
#[path = "contract_tests.rs"]
mod tests;
