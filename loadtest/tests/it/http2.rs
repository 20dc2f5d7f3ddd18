//! HTTP/2: the same run through a proxy that speaks nothing else.

use std::convert::Infallible;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::program::{Run, stack};

/// Gives its own address.
async fn proxy(base: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let client = crate::program::client();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let (client, base) = (client.clone(), base.clone());
            let service = service_fn(move |request| {
                let (client, base) = (client.clone(), base.clone());
                async move { Ok::<_, Infallible>(forward(&client, &base, request).await) }
            });
            let serving = http2::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(socket), service);
            tokio::spawn(serving);
        }
    });
    format!("http://{address}")
}

async fn forward(
    client: &reqwest::Client,
    base: &str,
    request: Request<Incoming>,
) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let body = body.collect().await.expect("the body comes").to_bytes();
    let sent = client
        .request(head.method, format!("{base}{path}"))
        .headers(head.headers)
        .body(body)
        .send()
        .await;
    let mut response = Response::default();
    let Ok(answer) = sent else {
        *response.status_mut() = StatusCode::BAD_GATEWAY;
        return response;
    };
    *response.status_mut() = answer.status();
    if let Some(timing) = answer.headers().get("server-timing") {
        let headers = response.headers_mut();
        headers.insert("server-timing", timing.clone());
    }
    *response.body_mut() = Full::new(answer.bytes().await.unwrap_or_default());
    response
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_over_http2() {
    let stack = stack().await;
    let host = proxy(stack.base_url().to_owned()).await;
    let args = "--vus 3 --iterations-per-vu 2 --coupon-wait 50ms --sla none \
                --mix a=1,b=1,c=1 --threshold http_req_failed{proto:HTTP/2.0}:rate==0 --http2";
    let mut run = Run::against(&host, args);
    let child = run.command.spawn().expect("the program starts");
    let (ran, reports) = run.wait_keeping_reports(child).await;
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
    for metric in ["http_req_waiting", "server_timing_db", "order_time"] {
        let trend = ran.metric(metric);
        assert!(trend["max"].as_f64() > Some(0.1), "{metric}: {trend}");
    }
    assert!(ran.metric("data_sent")["count"].as_u64() > Some(0));
    let directory = std::fs::read_dir(reports.path())
        .expect("the reports are there")
        .next();
    let directory = directory.expect("a run's").expect("readable").path();
    let series = std::fs::read_to_string(directory.join("series.jsonl")).expect("it is there");
    assert!(series.contains(r#""proto":"HTTP/2.0""#));
    assert!(!series.contains(r#""proto":"HTTP/1.1""#));
}

#[tokio::test]
async fn a_server_of_http1_alone_is_found_out_before_the_load() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let host = format!("http://{}", listener.local_addr().expect("it is bound"));
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let refusal = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n";
            let _ = socket.write_all(refusal).await;
        }
    });
    let ran = Run::against(&host, "--http2").finish().await;
    assert_eq!(ran.code, 104, "{}", ran.stdout);
    let expected = format!("error: --host: {host}/ doesn't speak HTTP/2 (");
    assert!(ran.stderr.contains(&expected), "{}", ran.stderr);
}
