//! Orders that are committed to disk, all wanting the same five rows.

use std::{process::Command, time::Duration};

use anyhow::{Context, ensure};
use reqwest::Client;
use serde_json::{Value, json};
use testbed::Stack;

use super::Row;
use crate::{
    bench::Bench,
    child::Child,
    parse, say,
    section::{Limit, Section},
    shell,
};

pub(super) const ROW: Row = Row {
    name: "orders",
    title: "Orders a second on five shared product rows",
    how: "Through the API: wrk keeps connections busy with orders alone, five products each. Beside it the row-lock \
          path, one transaction per order in plain SQL (bench/row_lock.sql), by pgbench at 50 clients on the same \
          tables of the same PostgreSQL. fsync and synchronous_commit are on for both; wrk, pgbench, server, \
          PostgreSQL and Redis share all cores.",
    measure,
};

const USERS: i64 = 300;
const CONNECTIONS: u32 = 300;
const CLIENTS: u32 = 50;
/// Won for every user: more than it can spend, and as much as an account can hold.
const CHARGE: i64 = 1_000_000_000_000;

fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let stack = bench.stack()?;
    let seconds = bench.pick(8, 20);
    let mut section = Section::default();
    bench.repeat(1, 5, |_| {
        let first_user = bench.wait(fill(stack.base_url()))?;
        let api = through_the_api(bench, &stack, first_user, seconds, &mut section)?;
        section.record("API: orders/s", api);
        let first_user = bench.wait(fill(stack.base_url()))?;
        let row_locks = with_row_locks(bench, &stack, first_user, seconds, &mut section)?;
        section.record("row locks: orders/s", row_locks);
        say(&format!("    API {api:.0}/s, row locks {row_locks:.0}/s"));
        Ok(())
    })?;
    section.ratio("API / row locks", "API: orders/s", "row locks: orders/s");
    section.goal("API: orders/s", Limit::AtLeast(12_000.0));
    section.goal("API / row locks", Limit::AtLeast(8.0));
    Ok(section)
}

fn through_the_api(
    bench: &Bench,
    stack: &Stack,
    first_user: i64,
    seconds: u64,
    section: &mut Section,
) -> anyhow::Result<f64> {
    let mut command = Command::new(&bench.tools.wrk);
    command.args(["-t1", &format!("-c{CONNECTIONS}"), &format!("-d{seconds}s")]);
    command
        .arg("-s")
        .arg(bench.root.join("bench/wrk/orders.lua"));
    command.arg(stack.base_url()).arg("--");
    command.args([first_user.to_string(), USERS.to_string()]);
    let output = run(bench, &command, "wrk", seconds)?;
    let counts = parse::wrk(&output)?;
    ensure!(
        counts.failed == 0,
        "{} orders failed: {output}",
        counts.failed
    );
    let placed = bench.wait(orders_in_the_books(stack.base_url()))?;
    // What was under way when wrk left may be there as well.
    let expected = counts.requests..=counts.requests + u64::from(CONNECTIONS);
    ensure!(
        expected.contains(&placed),
        "wrk counted {} orders, the books have {placed}",
        counts.requests
    );
    section.command(
        "API (the users are charged before)",
        &shell::line(&command, &bench.root),
    );
    Ok(counts.per_second)
}

fn with_row_locks(
    bench: &Bench,
    stack: &Stack,
    first_user: i64,
    seconds: u64,
    section: &mut Section,
) -> anyhow::Result<f64> {
    let mut command = Command::new(&bench.tools.pgbench);
    command.args(["--no-vacuum", "--protocol=prepared", "--jobs=1"]);
    command.args([format!("--client={CLIENTS}"), format!("--time={seconds}")]);
    command.arg(format!("--define=first_user={first_user}"));
    command.arg(format!("--define=last_user={}", first_user + USERS - 1));
    command
        .arg("--file")
        .arg(bench.root.join("bench/row_lock.sql"));
    command.arg(stack.postgres().url());
    let output = run(bench, &command, "pgbench", seconds)?;
    section.command("row locks", &shell::line(&command, &bench.root));
    parse::pgbench(&output).with_context(|| output.clone())
}

fn run(bench: &Bench, command: &Command, name: &str, seconds: u64) -> anyhow::Result<String> {
    let child = Child::start(command, &bench.work.join(name))?;
    let ended = child.finish(Duration::from_secs(seconds + 30))?;
    ensure!(
        ended.status.success(),
        "{name} ended with {}: {}",
        ended.status,
        ended.log_tail()
    );
    Ok(ended.stdout)
}

/// A fresh shop whose users can pay for every order; gives the first user's id, the others follow it.
async fn fill(base_url: &str) -> anyhow::Result<i64> {
    let client = Client::builder().no_proxy().build()?;
    let plan =
        json!({ "users": USERS, "coupons": { "policies": 5, "total": 0, "discount": 2_000 } });
    let init = client.post(format!("{base_url}/init")).json(&plan);
    init.send().await?.error_for_status()?;
    let first: i64 = get(&client, &format!("{base_url}/users/id?name=u1"))
        .await?
        .as_i64()
        .context("a user's id is no number")?;
    for user in first..first + USERS {
        let url = format!("{base_url}/users/{user}/balance");
        let charge = client.post(url).json(&json!({ "amount": CHARGE }));
        charge.send().await?.error_for_status()?;
    }
    Ok(first)
}

async fn orders_in_the_books(base_url: &str) -> anyhow::Result<u64> {
    let client = Client::builder().no_proxy().build()?;
    let ledger = get(&client, &format!("{base_url}/ledger")).await?;
    ledger["orders"]["count"]
        .as_u64()
        .context("the ledger has no count of orders")
}

async fn get(client: &Client, url: &str) -> anyhow::Result<Value> {
    let answer = client.get(url).send().await?.error_for_status()?;
    Ok(answer.json().await?)
}
