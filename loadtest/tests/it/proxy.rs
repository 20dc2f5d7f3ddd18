//! A reverse proxy that tampers: what a broken server would do, on top of a sound one.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::future::BoxFuture;

/// A request on its way.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// An answer on its way back.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
}

impl Call {
    pub(crate) fn is(&self, method: &Method, path: &str) -> bool {
        self.method == *method && self.path == path
    }
}

impl Reply {
    pub(crate) fn json(status: u16, body: &serde_json::Value) -> Self {
        Self {
            status,
            body: body.to_string().into(),
        }
    }
}

/// The sound server behind.
#[derive(Debug, Clone)]
pub(crate) struct Upstream {
    client: reqwest::Client,
    base: String,
}

impl Upstream {
    /// The same way to another server.
    pub(crate) fn at(&self, base: String) -> Self {
        Self {
            client: self.client.clone(),
            base,
        }
    }

    pub(crate) async fn forward(&self, call: &Call) -> Reply {
        let answer = self.try_forward(call).await;
        answer.expect("the server behind the proxy answers")
    }

    /// The same where the server may be away.
    pub(crate) async fn try_forward(&self, call: &Call) -> Result<Reply, reqwest::Error> {
        let url = format!("{}{}", self.base, call.path);
        let request = self
            .client
            .request(call.method.clone(), url)
            .body(call.body.clone());
        let answer = request
            .header(header::CONTENT_TYPE, "application/json")
            .send()
            .await?;
        Ok(Reply {
            status: answer.status().as_u16(),
            body: answer.bytes().await?,
        })
    }
}

/// What the proxy does with a request.
pub(crate) type Tamper = Arc<dyn Fn(Call, Upstream) -> BoxFuture<'static, Reply> + Send + Sync>;

/// Starts a proxy in front of `base`; gives its address. It ends with the test's runtime.
pub(crate) async fn proxy<F>(
    base: &str,
    tamper: impl Fn(Call, Upstream) -> F + Send + Sync + 'static,
) -> String
where
    F: Future<Output = Reply> + Send + 'static,
{
    let upstream = Upstream {
        client: crate::program::client(),
        base: base.to_owned(),
    };
    let tamper: Tamper = Arc::new(move |call, upstream| Box::pin(tamper(call, upstream)));
    let app = Router::new().fallback(pass).with_state((tamper, upstream));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a free port");
    let address: SocketAddr = listener.local_addr().expect("it is bound");
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}")
}

async fn pass(State((tamper, upstream)): State<(Tamper, Upstream)>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let path = head
        .uri
        .path_and_query()
        .map_or("/", |path| path.as_str())
        .to_owned();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let reply = tamper(
        Call {
            method: head.method,
            path,
            headers: head.headers,
            body,
        },
        upstream,
    )
    .await;
    let status = StatusCode::from_u16(reply.status).expect("a status");
    (
        status,
        [(header::CONTENT_TYPE, "application/json")],
        reply.body,
    )
        .into_response()
}
