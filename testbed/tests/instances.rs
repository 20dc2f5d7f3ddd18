//! Each private instance by itself, on the real programs.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{fs, path::PathBuf};

use sqlx::{Connection, PgConnection};
use testbed::{Postgres, Redis};

fn process_exists(pid: u32) -> bool {
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid.try_into().unwrap()), None).is_ok()
}

/// The directory that a Unix-socket URL points into.
fn directory_of(url: &str) -> PathBuf {
    let start = url
        .rfind("/tmp")
        .or_else(|| url.rfind("host=/").map(|at| at + 5))
        .unwrap();
    PathBuf::from(url[start..].trim_end_matches("/redis.sock"))
}

#[tokio::test]
async fn postgres_keeps_what_it_committed_and_ends_on_drop() {
    let postgres = Postgres::start().await.unwrap();
    let mut connection = PgConnection::connect(postgres.url()).await.unwrap();
    for setting in ["fsync", "synchronous_commit"] {
        let value: String = sqlx::query_scalar("SELECT current_setting($1)")
            .bind(setting)
            .fetch_one(&mut connection)
            .await
            .unwrap();
        assert_eq!(value, "on", "{setting}");
    }
    sqlx::raw_sql("CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)")
        .execute(&mut connection)
        .await
        .unwrap();

    postgres.kill();
    assert_eq!(postgres.pid(), None);
    assert!(PgConnection::connect(postgres.url()).await.is_err());

    postgres.restart().await.unwrap();
    let mut connection = PgConnection::connect(postgres.url()).await.unwrap();
    let kept: i32 = sqlx::query_scalar("SELECT n FROM kept")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(kept, 7);

    let pid = postgres.pid().unwrap();
    let dir = directory_of(postgres.url());
    assert!(dir.is_dir(), "{}", dir.display());
    postgres.stop();
    assert!(!process_exists(pid));
    assert!(!dir.exists(), "{} is left", dir.display());
}

#[tokio::test]
async fn databases_of_one_postgres_are_separate() {
    let postgres = Postgres::start().await.unwrap();
    let names = ["plain", r#"od"d name"#];
    for name in names {
        let url = postgres.create_database(name).await;
        if name == "plain" {
            let mut connection = PgConnection::connect(&url.unwrap()).await.unwrap();
            sqlx::raw_sql("CREATE TABLE here (n int)")
                .execute(&mut connection)
                .await
                .unwrap();
        }
    }
    let mut connection = PgConnection::connect(postgres.url()).await.unwrap();
    let databases: Vec<String> =
        sqlx::query_scalar("SELECT datname FROM pg_database WHERE datname = ANY($1) ORDER BY 1")
            .bind(names.map(str::to_owned).to_vec())
            .fetch_all(&mut connection)
            .await
            .unwrap();
    assert_eq!(databases, [names[1], names[0]]);
    let elsewhere: Option<String> = sqlx::query_scalar("SELECT to_regclass('here')::text")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(elsewhere, None);
    let twice = postgres.create_database("plain").await.unwrap_err();
    assert_eq!(
        twice.to_string(),
        r#"PostgreSQL refused to create the database "plain""#
    );
}

#[tokio::test]
async fn redis_comes_back_empty_and_ends_on_drop() {
    let server = Redis::start().await.unwrap();
    let client = redis::Client::open(server.url()).unwrap();
    let other = redis::Client::open(server.database_url(1023)).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let _: () = redis::cmd("SET")
        .arg("key")
        .arg(1)
        .query_async(&mut connection)
        .await
        .unwrap();
    let mut connection = other.get_multiplexed_async_connection().await.unwrap();
    let value: Option<i64> = redis::cmd("GET")
        .arg("key")
        .query_async(&mut connection)
        .await
        .unwrap();
    assert_eq!(value, None, "databases are separate");

    server.kill();
    assert!(client.get_multiplexed_async_connection().await.is_err());
    server.restart().await.unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let value: Option<i64> = redis::cmd("GET")
        .arg("key")
        .query_async(&mut connection)
        .await
        .unwrap();
    assert_eq!(value, None);

    let pid = server.pid().unwrap();
    let dir = directory_of(server.url());
    assert!(fs::exists(dir.join("redis.sock")).unwrap());
    server.stop();
    assert!(!process_exists(pid));
    assert!(!dir.exists());
}
