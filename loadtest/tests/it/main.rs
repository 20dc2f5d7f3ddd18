//! The program as its users run it, against the real server on real PostgreSQL and Redis.

mod audit_fails;
mod bad_input;
mod dashboards;
mod docs;
mod faults;
mod harness;
mod honest;
mod https;
mod influx;
mod panels;
mod proxy;
mod runs;
mod truth;
