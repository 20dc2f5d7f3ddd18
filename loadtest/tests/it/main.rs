//! The program as its users run it, against the real server on real PostgreSQL and Redis.

mod audit_fails;
mod bad_input;
mod browser;
mod capacity;
mod chaos;
mod compare;
mod dashboards;
mod deliveries;
mod devtools;
mod docs;
mod environment;
mod explain;
mod faults;
mod headers;
mod honest;
mod http2;
mod https;
mod influx;
mod live_page;
mod live_view;
mod manifests;
mod names;
mod other_shops;
mod outside;
mod panels;
mod personas;
#[cfg(target_os = "linux")]
mod ports;
mod probes;
mod program;
mod proxy;
mod reports;
mod runs;
mod screens;
mod series;
mod set_up;
mod signals;
mod sla;
#[cfg(target_os = "linux")]
mod starved;
mod stores;
mod theirs;
mod truth;
mod verdicts;
mod workflows;
mod written;
