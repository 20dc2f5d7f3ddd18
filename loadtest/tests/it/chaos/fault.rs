//! What goes wrong in the middle of a run, and how it is made good.

use std::time::Duration;

use testbed::Memory;

use super::house::{House, command};
use crate::program::psql;

/// A fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    PostgresKilled,
    PostgresStopped,
    PostgresSessionsEnded,
    PostgresConnectionsCut,
    PostgresConnectionsSilent,
    PostgresDiskFull,
    RedisKilledEmpty,
    RedisKilledOlder,
    RedisKilledWithLog,
    RedisStopped,
    RedisConnectionsCut,
    RedisConnectionsSilent,
    RedisFlushed,
    RedisDiskFull,
    InfluxKilled,
    InfluxStopped,
    InfluxConnectionsCut,
    InfluxConnectionsSilent,
    ServerKilled,
    ServerRestarted,
    ServerStopped,
    ServerConnectionsCut,
    ServerConnectionsSilent,
    ProgramKilled,
    ProgramStopped,
}

/// How long something is away or stopped.
const AWAY: Duration = Duration::from_secs(1);
const STOPPED: Duration = Duration::from_secs(2);

impl Fault {
    pub(super) const ALL: [Self; 25] = [
        Self::PostgresKilled,
        Self::PostgresStopped,
        Self::PostgresSessionsEnded,
        Self::PostgresConnectionsCut,
        Self::PostgresConnectionsSilent,
        Self::PostgresDiskFull,
        Self::RedisKilledEmpty,
        Self::RedisKilledOlder,
        Self::RedisKilledWithLog,
        Self::RedisStopped,
        Self::RedisConnectionsCut,
        Self::RedisConnectionsSilent,
        Self::RedisFlushed,
        Self::RedisDiskFull,
        Self::InfluxKilled,
        Self::InfluxStopped,
        Self::InfluxConnectionsCut,
        Self::InfluxConnectionsSilent,
        Self::ServerKilled,
        Self::ServerRestarted,
        Self::ServerStopped,
        Self::ServerConnectionsCut,
        Self::ServerConnectionsSilent,
        Self::ProgramKilled,
        Self::ProgramStopped,
    ];

    /// Whether a store needs a disk of its own, to be filled.
    pub(super) const fn fills_a_disk(self) -> bool {
        matches!(self, Self::PostgresDiskFull | Self::RedisDiskFull)
    }

    /// What Redis is told before the run.
    pub(super) const fn redis_set_up(self) -> Option<&'static str> {
        match self {
            Self::RedisKilledWithLog | Self::RedisDiskFull => {
                Some("CONFIG SET appendonly yes appendfsync always")
            }
            _ => None,
        }
    }

    /// Happens, and is made good. `program` is the process that makes the load.
    pub(super) async fn strike(self, house: &House, program: u32) {
        match self {
            Self::PostgresKilled => {
                house.postgres.kill();
                tokio::time::sleep(AWAY).await;
                house.postgres.restart().await.expect("PostgreSQL recovers");
            }
            Self::PostgresStopped => stopped(group(house.postgres.pid())).await,
            Self::PostgresSessionsEnded => {
                let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                           WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
                psql(house.postgres_url(), end).await;
            }
            Self::PostgresConnectionsCut => house.to_postgres.cut(),
            Self::PostgresConnectionsSilent => house.to_postgres.silence(),
            Self::PostgresDiskFull => {
                house.fill_disk(STOPPED).await;
                // Whoever frees the disk starts it again, if it has given up.
                if !house.answers().await {
                    house.postgres.restart().await.expect("PostgreSQL recovers");
                }
            }
            Self::RedisKilledEmpty => redis_killed(house, Memory::Empty).await,
            Self::RedisKilledOlder => {
                command(&house.redis, "SAVE").await;
                tokio::time::sleep(AWAY).await;
                redis_killed(house, Memory::Snapshot).await;
            }
            Self::RedisKilledWithLog => redis_killed(house, Memory::Log).await,
            Self::RedisStopped => stopped(group(house.redis.pid())).await,
            Self::RedisConnectionsCut => house.to_redis.cut(),
            Self::RedisConnectionsSilent => house.to_redis.silence(),
            Self::RedisFlushed => command(&house.redis, "FLUSHALL").await,
            // Redis ends when it can't write its log; whoever frees the disk starts it again.
            Self::RedisDiskFull => {
                house.fill_disk(STOPPED).await;
                redis_killed(house, Memory::Log).await;
            }
            Self::InfluxKilled => {
                house.influx.kill();
                tokio::time::sleep(AWAY).await;
                house.influx.restart().await.expect("InfluxDB recovers");
            }
            Self::InfluxStopped => stopped(group(house.influx.pid())).await,
            Self::InfluxConnectionsCut => house.to_influx.cut(),
            Self::InfluxConnectionsSilent => house.to_influx.silence(),
            Self::ServerKilled => {
                house.kill_server();
                tokio::time::sleep(AWAY).await;
                house.start_server().await;
            }
            Self::ServerRestarted => {
                house.stop_server().await;
                house.start_server().await;
            }
            Self::ServerStopped => stopped(group(Some(house.server_pid()))).await,
            Self::ServerConnectionsCut => house.front.cut(),
            Self::ServerConnectionsSilent => house.front.silence(),
            Self::ProgramKilled => signal("KILL", &program.to_string()).await,
            Self::ProgramStopped => stopped(program.to_string()).await,
        }
    }
}

async fn redis_killed(house: &House, memory: Memory) {
    house.redis.kill();
    tokio::time::sleep(AWAY).await;
    house
        .redis
        .restart_with(memory)
        .await
        .expect("Redis starts");
}

/// A child with all of its own: it leads a group.
fn group(pid: Option<u32>) -> String {
    format!("-{}", pid.expect("it runs"))
}

async fn stopped(target: String) {
    signal("STOP", &target).await;
    tokio::time::sleep(STOPPED).await;
    signal("CONT", &target).await;
}

async fn signal(name: &str, target: &str) {
    let sent = tokio::process::Command::new("kill")
        .args(["-s", name, "--", target])
        .status()
        .await;
    assert!(
        sent.expect("kill is there").success(),
        "kill -s {name} -- {target}"
    );
}
