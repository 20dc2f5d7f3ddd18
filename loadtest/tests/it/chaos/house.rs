//! All the parts of a case: stores behind relays, the server, the witness, InfluxDB.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use parking_lot::Mutex;
use sqlx::{Connection, PgConnection};
use testbed::{Influx, Postgres, Redis, Relay, Sut, Upstream};

use super::disk::Disk;
use super::fault::Fault;
use super::witness::Witness;
use crate::program::LOADTEST;
use crate::proxy::{Reply, proxy};

pub(super) struct House {
    pub(super) witness: Witness,
    /// Between the program and the witness.
    pub(super) front: Relay,
    pub(super) to_postgres: Relay,
    pub(super) to_redis: Relay,
    pub(super) to_influx: Relay,
    // In the order in which they are dropped: nothing loses what it stands on.
    server: Mutex<Option<Sut>>,
    upstream: Arc<Mutex<String>>,
    pub(super) influx: Influx,
    pub(super) redis: Redis,
    pub(super) postgres: Postgres,
    disk: Option<Disk>,
}

/// What a store with its log and tables needs, and not much more.
const DISK_MB: u32 = 256;

impl House {
    /// Everything that a case needs; none where this user may not mount the disk that it needs.
    pub(super) async fn open(fault: Fault) -> Option<Self> {
        let disk = if fault.fills_a_disk() {
            Some(Disk::mount(DISK_MB)?)
        } else {
            None
        };
        let place = disk
            .as_ref()
            .map_or_else(std::env::temp_dir, |disk| disk.path().to_owned());
        let parts = tokio::try_join!(
            Postgres::start_below(&place),
            Redis::start_below(&place),
            Influx::start(false)
        );
        let (postgres, redis, influx) = parts.expect("the stores start");
        if let Some(set_up) = fault.redis_set_up() {
            command(&redis, set_up).await;
        }
        let socket = postgres.url().split_once("host=").expect("a socket").1;
        let to_postgres = relay(Upstream::Socket(
            PathBuf::from(socket).join(".s.PGSQL.5432"),
        ))
        .await;
        let socket = redis.url().strip_prefix("redis+unix://").expect("a socket");
        let to_redis = relay(Upstream::Socket(socket.into())).await;
        let influx_address = influx.base_url();
        let influx_address = influx_address.strip_prefix("http://").expect("http");
        let to_influx = relay(Upstream::Address(influx_address.to_owned())).await;
        let upstream = Arc::new(Mutex::new(String::new()));
        let witness = Witness::default();
        let behind = serve(witness.clone(), Arc::clone(&upstream)).await;
        let behind = behind.strip_prefix("http://").expect("http");
        let front = relay(Upstream::Address(behind.to_owned())).await;
        let house = Self {
            witness,
            front,
            to_postgres,
            to_redis,
            to_influx,
            server: Mutex::new(None),
            upstream,
            influx,
            redis,
            postgres,
            disk,
        };
        house.start_server().await;
        Some(house)
    }

    pub(super) fn address(&self) -> String {
        format!("http://{}", self.front.address())
    }

    pub(super) fn influx_url(&self) -> String {
        format!("http://{}", self.to_influx.address())
    }

    pub(super) fn postgres_url(&self) -> &str {
        self.postgres.url()
    }

    pub(super) fn server_pid(&self) -> u32 {
        self.server.lock().as_ref().expect("it runs").pid()
    }

    /// Starts the server, or another after it.
    pub(super) async fn start_server(&self) {
        let mut command = Command::new(LOADTEST);
        command.arg(testbed::sut::SUBCOMMAND);
        let postgres = format!(
            "postgres://postgres@{}/postgres",
            self.to_postgres.address()
        );
        let redis = format!("redis://{}/", self.to_redis.address());
        let server = Sut::start(command, &postgres, &redis)
            .await
            .expect("the server starts");
        *self.upstream.lock() = server.base_url().to_owned();
        *self.server.lock() = Some(server);
    }

    /// Ends the server as a crash would.
    pub(super) fn kill_server(&self) {
        drop(self.server.lock().take());
    }

    /// Asks the server to end, and waits until it has.
    pub(super) async fn stop_server(&self) {
        let server = self.server.lock().take().expect("it runs");
        server.terminate();
        let ended = server.wait(Duration::from_secs(20)).await;
        assert!(
            ended.is_some_and(|status| status.success()),
            "{ended:?}\n{}",
            server.log_tail()
        );
    }

    /// Leaves no room on the stores' disk for a while.
    pub(super) async fn fill_disk(&self, time: Duration) {
        let disk = self.disk.as_ref().expect("a disk of its own");
        disk.fill();
        tokio::time::sleep(time).await;
        disk.clear();
    }

    /// Whether PostgreSQL does, within some seconds.
    pub(super) async fn answers(&self) -> bool {
        for _ in 0..20 {
            if PgConnection::connect(self.postgres_url()).await.is_ok() {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        false
    }

    /// Waits until nothing is on its way any more: what the program no longer waited for may be
    /// done late, and the witness hears of it.
    pub(super) async fn quiet(&self) {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let mut before = self.witness.counts();
        for _ in 0..60 {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let now = self.witness.counts();
            if now == before {
                return;
            }
            before = now;
        }
        panic!("operations are still being acknowledged");
    }
}

/// What Redis is told.
pub(super) async fn command(redis: &Redis, words: &str) {
    let socket = redis.url().strip_prefix("redis+unix://").expect("a socket");
    let mut program = tokio::process::Command::new("redis-cli");
    let output = program
        .args(["-s", socket])
        .args(words.split(' '))
        .output()
        .await;
    let output = output.expect("redis-cli is there");
    assert!(
        output.status.success(),
        "{words}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

async fn relay(upstream: Upstream) -> Relay {
    Relay::start(upstream).await.expect("a free port")
}

/// Serves the witness: everything goes on to the server that there is.
async fn serve(witness: Witness, upstream: Arc<Mutex<String>>) -> String {
    proxy("", move |call, client| {
        let there = client.at(upstream.lock().clone());
        let witness = witness.clone();
        // In a task of its own: a client that goes away takes no acknowledgement with it.
        let passing = tokio::spawn(async move {
            let answer = there.try_forward(&call).await.ok();
            let heard = answer
                .as_ref()
                .map(|reply| (reply.status, reply.body.as_ref()));
            witness.note(&call, heard);
            answer
        });
        async move {
            // What a gateway says of a server that doesn't answer.
            let away = Reply {
                status: 502,
                body: Bytes::new(),
            };
            passing.await.expect("no panic").unwrap_or(away)
        }
    })
    .await
}
