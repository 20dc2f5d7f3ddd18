//! A stand-in for the seed team's own server, written from what is known of it: a Spring Boot
//! application that calls products' ids `id`, lists used coupons, has no ledger, answers unknown
//! routes with 500 and in chunks, closes connections at times, and takes the full price in spite of
//! a coupon.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::Response;
use parking_lot::Mutex;
use serde_json::{Value, json};

/// What it does.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Manners {
    /// Whether a coupon makes an order cheaper.
    pub(crate) right_price: bool,
    /// Whether every order waits for the lock until its time-out.
    pub(crate) locked: bool,
    /// Whether products can't be read.
    pub(crate) no_products: bool,
    /// Whether `POST /init` erases nothing once there are users.
    pub(crate) keeps: bool,
    /// Whether every claim is refused.
    pub(crate) sold_out: bool,
}

/// The lock's time-out.
const LOCK_WAIT: Duration = Duration::from_secs(3);
/// Whatever is asked for.
const COUPONS: i64 = 1_000_000;
const DISCOUNT: i64 = 2_000;
const PRICE: i64 = 2_000;
/// One answer in so many closes its connection.
const CLOSES: usize = 7;

/// The server, while its test runs.
#[derive(Clone)]
pub(crate) struct Theirs {
    manners: Manners,
    shop: Arc<Mutex<Shop>>,
    /// Method and path of every request.
    asked: Arc<Mutex<Vec<String>>>,
}

#[derive(Default)]
struct Shop {
    users: Vec<String>,
    balances: BTreeMap<i64, i64>,
    policies: BTreeMap<i64, i64>,
    last_policy: i64,
    coupons: Vec<Coupon>,
    stock: BTreeMap<i64, i64>,
    sold: BTreeMap<i64, i64>,
    orders: i64,
}

#[derive(Clone, Copy)]
struct Coupon {
    user: i64,
    used: bool,
}

/// Status and body.
type Answer = (u16, Value);

fn failed(status: u16, message: &str) -> Answer {
    (status, json!({ "message": message }))
}

impl Theirs {
    /// Starts it; gives its address. It ends with the test's runtime.
    pub(crate) async fn start(manners: Manners) -> (Self, String) {
        let theirs = Self {
            manners,
            shop: Arc::default(),
            asked: Arc::default(),
        };
        theirs.shop.lock().init(false);
        let app = axum::Router::new()
            .fallback(answer)
            .with_state(theirs.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        tokio::spawn(async move { axum::serve(listener, app).await });
        (theirs, format!("http://{address}"))
    }

    /// How many requests began so, such as `POST /init`.
    pub(crate) fn asked(&self, beginning: &str) -> usize {
        let asked = self.asked.lock();
        asked
            .iter()
            .filter(|one| one.starts_with(beginning))
            .count()
    }

    async fn serve(&self, method: &Method, path: &str, query: &str, body: &Bytes) -> Answer {
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        if self.manners.no_products && parts[0] == "products" {
            return failed(500, "Internal Server Error");
        }
        if *method == Method::POST && parts == ["orders"] && self.manners.locked {
            tokio::time::sleep(LOCK_WAIT).await;
            return failed(500, "lock wait timed out");
        }
        let body: Option<Value> = serde_json::from_slice(body).ok();
        let mut shop = self.shop.lock();
        let done = match (method.as_str(), &parts[..]) {
            ("POST", ["init"]) => Some(shop.init(self.manners.keeps)),
            ("GET", ["users", "id"]) => parameter(query, "name").map(|name| shop.user(name)),
            ("GET", ["users", user, "balance"]) => number(user).map(|user| shop.balance(user)),
            ("POST", ["users", user, "balance"]) => shop.charge(user, body),
            ("GET", ["users", user, "coupons"]) => number(user).map(|user| shop.listed(user)),
            ("POST", ["coupons"]) if self.manners.sold_out => Some(failed(409, "sold out")),
            ("POST", ["coupons"]) => shop.claim(query),
            ("GET", ["products"]) => Some(shop.products()),
            ("GET", ["products", "top", "realtime"]) => Some(shop.top()),
            ("POST", ["orders"]) => shop.order(body, self.manners.right_price),
            ("GET", ["actuator", "health"]) => Some((200, json!({ "status": "UP" }))),
            _ => None,
        };
        // Unknown routes, missing parameters and wrong types alike.
        done.unwrap_or_else(|| failed(500, "Internal Server Error"))
    }
}

fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

fn number(text: &str) -> Option<i64> {
    text.parse().ok()
}

impl Shop {
    fn init(&mut self, keeps: bool) -> Answer {
        if keeps && !self.users.is_empty() {
            let ids: Vec<i64> = self.policies.keys().copied().collect();
            return (200, json!({ "message": "initialised", "policyIds": ids }));
        }
        let ids: Vec<i64> = (self.last_policy + 1..=self.last_policy + 5).collect();
        *self = Self {
            last_policy: self.last_policy + 5,
            policies: ids.iter().map(|id| (*id, COUPONS / 5)).collect(),
            stock: (1..=5).map(|id| (id, 2_000_000)).collect(),
            sold: (1..=5).map(|id| (id, 600 - 100 * id)).collect(),
            ..Self::default()
        };
        (200, json!({ "message": "initialised", "policyIds": ids }))
    }

    fn user(&mut self, name: &str) -> Answer {
        let known = self.users.iter().position(|known| known == name);
        let at = known.unwrap_or_else(|| {
            self.users.push(name.to_owned());
            self.users.len() - 1
        });
        (200, json!(at + 1))
    }

    fn knows(&self, user: i64) -> bool {
        usize::try_from(user).is_ok_and(|user| (1..=self.users.len()).contains(&user))
    }

    fn balance(&self, user: i64) -> Answer {
        match self.balances.get(&user) {
            _ if !self.knows(user) => failed(404, "no such user"),
            None => failed(500, "never charged"),
            Some(balance) => (200, json!({ "userId": user, "balance": balance })),
        }
    }

    fn charge(&mut self, user: &str, body: Option<Value>) -> Option<Answer> {
        let user = number(user)?;
        let amount = body?["amount"].clone();
        let amount = amount.as_i64().or_else(|| number(amount.as_str()?))?;
        if !self.knows(user) {
            return Some(failed(404, "no such user"));
        }
        if amount < 1 {
            return Some(failed(400, "too little"));
        }
        let balance = self.balances.entry(user).or_default();
        *balance += amount;
        Some((201, json!({ "userId": user, "balance": balance })))
    }

    fn claim(&mut self, query: &str) -> Option<Answer> {
        let user = number(parameter(query, "userId")?)?;
        let policy = number(parameter(query, "policyId")?)?;
        if !self.knows(user) {
            return None;
        }
        let Some(left) = self.policies.get_mut(&policy) else {
            return Some(failed(400, "no such policy"));
        };
        if *left == 0 {
            return Some(failed(409, "sold out"));
        }
        *left -= 1;
        self.coupons.push(Coupon { user, used: false });
        Some((201, coupon(self.coupons.len())))
    }

    fn listed(&self, user: i64) -> Answer {
        let coupons = self.coupons.iter().zip(1..);
        let own = coupons.filter(|(coupon, _)| coupon.user == user);
        (200, own.map(|(_, id)| coupon(id)).collect())
    }

    fn products(&self) -> Answer {
        let product = |(id, stock): (&i64, &i64)| json!({ "id": id, "name": "x", "price": PRICE, "stock": stock });
        (200, self.stock.iter().map(product).collect())
    }

    fn top(&self) -> Answer {
        let product =
            |(id, sold): (&i64, &i64)| json!({ "productId": id, "name": "x", "soldQty": sold });
        (200, self.sold.iter().map(product).collect())
    }

    fn order(&mut self, body: Option<Value>, right_price: bool) -> Option<Answer> {
        let body = body?;
        let user = body["userId"].as_i64()?;
        if !self.knows(user) {
            return Some(failed(404, "no such user"));
        }
        let item = |item: &Value| Some((item["productId"].as_i64()?, item["quantity"].as_i64()?));
        let items: Option<Vec<_>> = body["items"].as_array()?.iter().map(item).collect();
        let items = items?;
        let total: i64 = items.iter().map(|(_, quantity)| PRICE * quantity).sum();
        let mut paid = total;
        if let Some(id) = body["couponId"].as_u64() {
            let at = usize::try_from(id).ok()?.checked_sub(1)?;
            let coupon = self.coupons.get_mut(at);
            let Some(coupon) = coupon.filter(|coupon| coupon.user == user && !coupon.used) else {
                return Some(failed(400, "used, or another's"));
            };
            coupon.used = true;
            if right_price {
                paid = (total - DISCOUNT).max(0);
            }
        }
        let balance = self.balances.entry(user).or_default();
        if *balance < paid {
            return Some(failed(400, "too little money"));
        }
        *balance -= paid;
        for (product, quantity) in items {
            *self.stock.get_mut(&product)? -= quantity;
            *self.sold.entry(product).or_default() += quantity;
        }
        self.orders += 1;
        let order = json!({ "orderId": self.orders, "totalAmount": total });
        Some((201, order))
    }
}

fn coupon(id: usize) -> Value {
    json!({ "couponId": id, "discount": DISCOUNT })
}

async fn answer(State(theirs): State<Theirs>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let asked = {
        let mut asked = theirs.asked.lock();
        asked.push(format!("{} {}", head.method, head.uri));
        asked.len()
    };
    let query = head.uri.query().unwrap_or_default();
    let (status, said) = theirs
        .serve(&head.method, head.uri.path(), query, &body)
        .await;
    // In two pieces of unknown length: chunked.
    let said = said.to_string();
    let (first, rest) = said.split_at(said.len() / 2);
    let pieces = [first.to_owned(), rest.to_owned()].map(Ok::<_, std::convert::Infallible>);
    let mut response = Response::builder()
        .status(StatusCode::from_u16(status).expect("a status"))
        .header(header::CONTENT_TYPE, "application/json");
    if asked.is_multiple_of(CLOSES) {
        response = response.header(header::CONNECTION, "close");
    }
    let body = Body::from_stream(futures::stream::iter(pieces));
    response.body(body).expect("a response")
}
