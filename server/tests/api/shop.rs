//! A shop of its own for each test, and short ways to ask it.

use std::{
    sync::atomic::{AtomicU16, Ordering},
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::{Body, Bytes},
    http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header},
};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use server::{App, cli::Config};
use sqlx::{Connection, PgConnection};
use testbed::{Postgres, Redis};
use tokio::sync::OnceCell;
use tower::ServiceExt;

/// Ended by the testbed's watchdog, because statics are never dropped.
static STORES: OnceCell<(Postgres, Redis)> = OnceCell::const_new();

async fn stores() -> &'static (Postgres, Redis) {
    STORES
        .get_or_init(|| async { tokio::try_join!(Postgres::start(), Redis::start()).unwrap() })
        .await
}

/// A running API on fresh databases.
#[derive(Clone)]
pub(crate) struct Shop {
    router: Router,
    pub(crate) config: Config,
}

/// What the API answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// `Null` if the body is no JSON.
    pub(crate) json: Value,
}

impl Answer {
    /// The body, after checking the status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.json);
        self.json
    }

    /// The detail of the problem, after checking everything else about it.
    #[track_caller]
    pub(crate) fn problem(self, status: u16) -> String {
        assert_eq!(self.status, status, "{}", self.json);
        assert_eq!(
            self.headers[header::CONTENT_TYPE],
            "application/problem+json"
        );
        assert_eq!(self.json["status"], status);
        assert_eq!(self.json["title"], self.status.canonical_reason().unwrap());
        let retry = self.headers.get(header::RETRY_AFTER);
        assert_eq!(retry.is_some(), status == 503);
        self.json["detail"].as_str().unwrap().to_owned()
    }
}

impl Shop {
    /// A shop where nothing was ever set up.
    pub(crate) async fn empty() -> Self {
        let config = fresh_config().await;
        Self::on(config).await
    }

    /// A shop after `POST /init` with this body.
    pub(crate) async fn open(plan: Value) -> Self {
        let shop = Self::empty().await;
        shop.post("/init", &plan).await.expect(200);
        shop
    }

    /// Another server on the same databases, or the first.
    pub(crate) async fn on(config: Config) -> Self {
        let app = App::start(&config).await.unwrap();
        Self {
            router: server::app(app),
            config,
        }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        self.ask(request).await.0
    }

    /// The answer, and its body as text.
    pub(crate) async fn text(&self, path: &str) -> (Answer, String) {
        let (answer, body) = self
            .ask(Request::get(path).body(Body::empty()).unwrap())
            .await;
        (answer, String::from_utf8(body.to_vec()).unwrap())
    }

    async fn ask(&self, mut request: Request<Body>) -> (Answer, Bytes) {
        let headers = request.headers_mut();
        headers
            .entry(header::HOST)
            .or_insert(HeaderValue::from_static("shop"));
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let answer = Answer {
            status: parts.status,
            headers: parts.headers,
            json: serde_json::from_slice(&body).unwrap_or(Value::Null),
        };
        (answer, body)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap())
            .await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_text(path, body.to_string()).await
    }

    pub(crate) async fn post_text(&self, path: &str, body: impl Into<Body>) -> Answer {
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(header::CONTENT_TYPE, "application/json");
        self.send(request.body(body.into()).unwrap()).await
    }

    /// The id of a user, who is created if need be.
    pub(crate) async fn user(&self, name: &str) -> i64 {
        let answer = self.get(&format!("/users/id?name={name}")).await;
        answer.expect(200).as_i64().unwrap()
    }

    /// The id of one of the users that `/init` made.
    pub(crate) async fn user_named(&self, n: usize) -> i64 {
        self.user(&format!("u{n}")).await
    }

    pub(crate) async fn charge(&self, user: i64, amount: i64) -> Answer {
        self.post(
            &format!("/users/{user}/balance"),
            &json!({ "amount": amount }),
        )
        .await
    }

    pub(crate) async fn balance(&self, user: i64) -> i64 {
        let balance = self
            .get(&format!("/users/{user}/balance"))
            .await
            .expect(200);
        assert_eq!(balance["userId"], user);
        balance["balance"].as_i64().unwrap()
    }

    pub(crate) async fn claim(&self, user: i64, policy: i64) -> Answer {
        self.post_text(&format!("/coupons?userId={user}&policyId={policy}"), "")
            .await
    }

    /// Ids of a user's usable coupons.
    pub(crate) async fn coupons(&self, user: i64) -> Vec<i64> {
        let coupons = self
            .get(&format!("/users/{user}/coupons"))
            .await
            .expect(200);
        let id = |coupon: &Value| coupon["couponId"].as_i64().unwrap();
        coupons.as_array().unwrap().iter().map(id).collect()
    }

    /// Claims a coupon and waits until it is there.
    pub(crate) async fn coupon(&self, user: i64, policy: i64) -> i64 {
        let before = self.coupons(user).await.len();
        self.claim(user, policy).await.expect(201);
        let coupons = eventually(async || {
            let coupons = self.coupons(user).await;
            (coupons.len() > before).then_some(coupons)
        });
        *coupons.await.last().unwrap()
    }

    pub(crate) async fn order(
        &self,
        user: i64,
        coupon: Option<i64>,
        items: &[(i64, i64)],
    ) -> Answer {
        let items: Vec<Value> = items
            .iter()
            .map(|(product, quantity)| json!({ "productId": product, "quantity": quantity }))
            .collect();
        self.post(
            "/orders",
            &json!({ "userId": user, "couponId": coupon, "items": items }),
        )
        .await
    }

    pub(crate) async fn ledger(&self) -> Value {
        self.get("/ledger").await.expect(200)
    }

    /// The ids of all coupon policies.
    pub(crate) async fn policies(&self) -> Vec<i64> {
        let ledger = self.ledger().await;
        let id = |policy: &Value| policy["policyId"].as_i64().unwrap();
        ledger["coupons"]["policies"]
            .as_array()
            .unwrap()
            .iter()
            .map(id)
            .collect()
    }

    /// The books once no claim waits for its coupon.
    pub(crate) async fn settled(&self) -> Value {
        eventually(async || {
            let ledger = self.ledger().await;
            (ledger["coupons"]["queued"] == 0).then_some(ledger)
        })
        .await
    }

    /// The database behind the API, for what the API cannot do.
    pub(crate) async fn database(&self) -> PgConnection {
        PgConnection::connect(&self.config.database_url)
            .await
            .unwrap()
    }

    /// Runs SQL behind the API's back.
    pub(crate) async fn sql(&self, sql: &'static str) {
        sqlx::raw_sql(sql)
            .execute(&mut self.database().await)
            .await
            .unwrap();
    }

    /// The Redis behind the API.
    pub(crate) async fn redis(&self) -> redis::aio::MultiplexedConnection {
        let client = redis::Client::open(self.config.redis_url.as_str()).unwrap();
        client.get_multiplexed_async_connection().await.unwrap()
    }
}

/// The configuration of a server on databases that nobody used before.
pub(crate) async fn fresh_config() -> Config {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let (postgres, redis) = stores().await;
    Config {
        database_url: postgres
            .create_database(&format!("shop{number}"))
            .await
            .unwrap(),
        redis_url: redis.database_url(number),
        listen: "127.0.0.1:0".parse().unwrap(),
        allow_init: true,
        database_connections: 3,
    }
}

/// Asks until there is a value, for five seconds at most.
pub(crate) async fn eventually<T>(mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(value) = ask().await {
            return value;
        }
        assert!(started.elapsed() < Duration::from_secs(5), "it never came");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// How many answers had each of these statuses; every other one is a failure.
#[track_caller]
pub(crate) fn count<const N: usize>(answers: &[Answer], statuses: [u16; N]) -> [usize; N] {
    let counts = statuses.map(|status| {
        answers
            .iter()
            .filter(|answer| answer.status == status)
            .count()
    });
    let other = answers
        .iter()
        .find(|answer| !statuses.iter().any(|status| answer.status == *status));
    assert!(other.is_none(), "{other:?}");
    counts
}
