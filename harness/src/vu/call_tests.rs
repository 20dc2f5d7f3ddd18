use serde_json::json;

use super::*;
use crate::vu::ConnectOptions;
use crate::vu::{Header, Target};

static PLAIN: Request = Request::get("plain");
static ORDER: Request = Request::post("order");
static PAGE: Request = Request::get("page")
    .header("accept", "text/html")
    .header("x-own", "1");

async fn fields(headers: &[(&str, &str)]) -> Fields {
    let target = Target::resolve("http://127.0.0.1:9/api", &ConnectOptions::default())
        .await
        .expect("an address");
    let headers: Vec<Header> = headers
        .iter()
        .map(|(name, value)| Header::new(name, value).expect("a header"))
        .collect();
    Fields::new(&target, &headers)
}

/// The call as it is written, without the line of the `user-agent`.
fn written(call: &Call<'_>, fields: &Fields, cookie: Option<&str>) -> String {
    call.check().expect("it can be sent");
    let mut out = BytesMut::new();
    call.write_head(&mut out, "/api", fields, cookie);
    call.write_content(&mut out);
    let text = String::from_utf8(out.to_vec()).expect("text");
    text.replace(
        &format!("user-agent: loadtest/{}\r\n", env!("CARGO_PKG_VERSION")),
        "",
    )
}

const COMMON: &str =
    "host: 127.0.0.1:9\r\naccept: application/json\r\naccept-encoding: identity\r\n";

#[tokio::test]
async fn bodies_of_every_kind_say_what_they_are() {
    let fields = fields(&[]).await;
    let with = |call: Call<'_>| written(&call, &fields, None);
    assert_eq!(
        with(PLAIN.at("/a")),
        format!("GET /api/a HTTP/1.1\r\n{COMMON}\r\n")
    );
    let post = |kind: &str, body: &str| {
        let length = body.len();
        format!(
            "POST /api/a HTTP/1.1\r\n{COMMON}content-type: {kind}\r\ncontent-length: {length}\r\n\
             \r\n{body}"
        )
    };
    assert_eq!(
        with(ORDER.at("/a").json(&json!({"a": 1}))),
        post("application/json", "{\"a\":1}")
    );
    assert_eq!(
        with(ORDER.at("/a").body("text/plain", "hello")),
        post("text/plain", "hello")
    );
    assert_eq!(
        with(ORDER.at("/a").form(&[("name", "u 1&2"), ("쿠폰", "")])),
        post(
            "application/x-www-form-urlencoded",
            "name=u+1%262&%EC%BF%A0%ED%8F%B0="
        )
    );
    assert_eq!(
        with(ORDER.at("/a")),
        format!("POST /api/a HTTP/1.1\r\n{COMMON}content-length: 0\r\n\r\n")
    );
}

#[tokio::test]
async fn the_nearer_header_takes_the_place_of_the_farther() {
    let fields = fields(&[
        ("x-own", "run"),
        ("x-run", "run"),
        ("Content-Type", "run/run"),
    ])
    .await;
    let base = "host: 127.0.0.1:9\r\naccept-encoding: identity\r\n";
    let page = PAGE.at("/a");
    assert_eq!(
        written(&page, &fields, None),
        format!(
            "GET /api/a HTTP/1.1\r\n{base}x-run: run\r\nContent-Type: run/run\r\n\
             accept: text/html\r\nx-own: 1\r\n\r\n"
        )
    );
    let call = page
        .header("X-Own", "2")
        .header("X-RUN", "3")
        .header("accept-Encoding", "br");
    assert_eq!(
        written(&call, &fields, None),
        "GET /api/a HTTP/1.1\r\nhost: 127.0.0.1:9\r\nContent-Type: run/run\r\n\
         accept: text/html\r\nX-Own: 2\r\nX-RUN: 3\r\naccept-Encoding: br\r\n\r\n"
    );
    let lines = |call: Call<'_>| {
        let text = written(&call, &fields, None);
        let types = text
            .lines()
            .filter(|line| line.to_lowercase().starts_with("content-type"));
        types.map(str::to_owned).collect::<Vec<_>>()
    };
    let order = || ORDER.at("/a").json(&1);
    assert_eq!(lines(order()), ["content-type: application/json"]);
    let typed = order().header("Content-Type", "application/merge-patch+json");
    assert_eq!(lines(typed), ["Content-Type: application/merge-patch+json"]);
}

#[tokio::test]
async fn what_is_not_replaced_stays_as_it_is() {
    let fields = fields(&[("x-empty", ""), ("x-odd", "a: b:c "), ("x-empty", "")]).await;
    let call = PLAIN.at("/a").header("x-own", "");
    assert_eq!(
        written(&call, &fields, None),
        format!(
            "GET /api/a HTTP/1.1\r\n{COMMON}x-empty: \r\nx-odd: a: b:c \r\nx-empty: \r\n\
             x-own: \r\n\r\n"
        )
    );
}

#[tokio::test]
async fn a_cookie_of_the_jar_gives_way_to_one_that_is_written() {
    let fields = fields(&[("cookie", "run=1")]).await;
    let with = |call: Call<'_>| {
        let text = written(&call, &fields, Some("jar=1"));
        text.lines()
            .filter(|line| line.starts_with("cookie"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(with(PLAIN.at("/a")), ["cookie: jar=1"]);
    assert_eq!(
        with(PLAIN.at("/a").header("cookie", "own=1")),
        ["cookie: own=1"]
    );
}

#[test]
fn the_first_mistake_in_a_call_is_what_it_says() {
    let fails = |call: Call<'_>| call.check().expect_err("a mistake").to_string();
    assert_eq!(
        fails(PLAIN.at("/a").header("a b", "x").header("x", "\n")),
        "'a b' is not a header's name: it may hold letters, digits and !#$%&'*+-.^_`|~ only"
    );
    assert_eq!(
        fails(PLAIN.at("/a").header("token", "hunter2\r\n")),
        "the value of the header 'token' has a line break or another control character"
    );
    assert_eq!(
        fails(PLAIN.at("a")),
        "'a' is not a path: it must begin with '/' and hold only visible ASCII"
    );
    assert_eq!(
        fails(ORDER.at("/a").body("text/plain\n", "x")),
        "the value of the header 'content-type' has a line break or another control character"
    );
    let no_json = std::collections::BTreeMap::from([((1, 2), 3)]);
    assert_eq!(
        fails(ORDER.at("/a").json(&no_json)),
        "the body can't be written as JSON: key must be a string"
    );
}

#[tokio::test]
async fn a_redirect_moves_a_call_and_may_take_its_body_away() {
    let fields = fields(&[]).await;
    let call = || ORDER.at("/a").json(&1).header("x-own", "1");
    assert_eq!(
        written(
            &call().moved(Method::Post, "/b".to_owned(), true),
            &fields,
            None
        ),
        format!(
            "POST /b HTTP/1.1\r\n{COMMON}x-own: 1\r\ncontent-type: application/json\r\n\
             content-length: 1\r\n\r\n1"
        )
    );
    assert_eq!(
        written(
            &call().moved(Method::Get, "/b".to_owned(), false),
            &fields,
            None
        ),
        format!("GET /b HTTP/1.1\r\n{COMMON}x-own: 1\r\n\r\n")
    );
}
