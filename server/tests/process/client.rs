//! A plain HTTP client, one connection each, that sees when a connection ends.

use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::{Request, body::Bytes, client::conn::http1::SendRequest};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use testbed::{Postgres, Redis, Stack, Sut};
use tokio::net::TcpStream;

/// The server that Cargo built for this test.
pub(crate) fn server() -> std::process::Command {
    std::process::Command::new(env!("CARGO_BIN_EXE_server"))
}

/// A stack of its own, set up as the plan says.
pub(crate) async fn stack(plan: Value) -> Stack {
    let stack = Stack::start(server()).await.unwrap();
    let mut client = Client::connect(stack.base_url()).await;
    assert_eq!(client.post("/init", &plan).await.unwrap().0, 200);
    stack
}

pub(crate) struct Client(SendRequest<Full<Bytes>>);

impl Client {
    pub(crate) async fn connect(base_url: &str) -> Self {
        let address = base_url.strip_prefix("http://").unwrap();
        let stream = TcpStream::connect(address).await.unwrap();
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .unwrap();
        // How it ended is seen by the request that it ended under.
        tokio::spawn(async { connection.await.ok() });
        Self(sender)
    }

    /// Status and body, or an error if the connection ended first.
    pub(crate) async fn send(
        &mut self,
        method: &str,
        path: &str,
        body: String,
    ) -> hyper::Result<(u16, Value)> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "shop")
            .body(Full::from(body))
            .unwrap();
        self.0.ready().await?;
        let response = self.0.send_request(request).await?;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await?.to_bytes();
        Ok((status, serde_json::from_slice(&body).unwrap_or(Value::Null)))
    }

    pub(crate) async fn get(&mut self, path: &str) -> hyper::Result<(u16, Value)> {
        self.send("GET", path, String::new()).await
    }

    pub(crate) async fn post(&mut self, path: &str, body: &Value) -> hyper::Result<(u16, Value)> {
        self.send("POST", path, body.to_string()).await
    }

    /// The id of a user who has plenty of money.
    pub(crate) async fn rich_user(&mut self, name: &str) -> i64 {
        let (_, user) = self.get(&format!("/users/id?name={name}")).await.unwrap();
        let charge = self
            .post(
                &format!("/users/{user}/balance"),
                &json!({ "amount": 1_000_000_000 }),
            )
            .await;
        assert_eq!(charge.unwrap().0, 201);
        user.as_i64().unwrap()
    }

    pub(crate) async fn order(&mut self, user: i64) -> hyper::Result<(u16, Value)> {
        let items = json!([{ "productId": 1, "quantity": 1 }, { "productId": 2, "quantity": 1 }]);
        self.post("/orders", &json!({ "userId": user, "items": items }))
            .await
    }

    pub(crate) async fn claim(&mut self, user: i64, policy: i64) -> hyper::Result<(u16, Value)> {
        self.send(
            "POST",
            &format!("/coupons?userId={user}&policyId={policy}"),
            String::new(),
        )
        .await
    }
}

/// Keeps ordering over `connections` until each of them ends. Gives the ids of
/// the orders that were acknowledged.
pub(crate) async fn order_until_the_end(base_url: &str, connections: usize) -> Vec<i64> {
    let shoppers: Vec<_> = (0..connections)
        .map(|n| {
            let base_url = base_url.to_owned();
            tokio::spawn(async move {
                let mut client = Client::connect(&base_url).await;
                let user = client.rich_user(&format!("shopper{n}")).await;
                let mut acknowledged = Vec::new();
                while let Ok((status, body)) = client.order(user).await {
                    assert_eq!(status, 201, "{body}");
                    acknowledged.push(body["orderId"].as_i64().unwrap());
                }
                acknowledged
            })
        })
        .collect();
    let mut acknowledged = Vec::new();
    for shopper in shoppers {
        acknowledged.extend(shopper.await.unwrap());
    }
    acknowledged.sort_unstable();
    acknowledged
}

/// The ids of the orders in the database.
pub(crate) async fn orders_in(postgres: &Postgres) -> Vec<i64> {
    use sqlx::Connection;
    let mut connection = sqlx::PgConnection::connect(postgres.url()).await.unwrap();
    sqlx::query_scalar("SELECT id FROM orders ORDER BY id")
        .fetch_all(&mut connection)
        .await
        .unwrap()
}

/// Starts another server on the same stores.
pub(crate) async fn another(postgres: &Postgres, redis: &Redis) -> Sut {
    Sut::start(server(), postgres.url(), redis.url())
        .await
        .unwrap()
}

/// Asks until the answer is yes, for twenty seconds at most.
pub(crate) async fn eventually(mut ask: impl AsyncFnMut() -> bool) {
    let asking = async {
        while !ask().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), asking)
        .await
        .expect("it never came");
}
