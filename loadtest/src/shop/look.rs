//! What a server has, found out before anything on it is changed: by `GET`s only.

use std::collections::HashMap;

use harness::{Admin, AdminError, Refused};
use serde_json::Value;

use super::books::{ledger, listed_coupons, prices};
use super::shelves::Shelves;
use crate::api::{Api, Ids};

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Look {
    pub(super) prices: HashMap<i64, i64>,
    /// Whether the products have a stock that can be read.
    pub(super) shows_stock: bool,
    /// Why there is no ledger, if there is none.
    pub(super) no_ledger: Option<String>,
    rows: Vec<Row>,
    /// Why the load can't run.
    fatal: Vec<String>,
}

/// A line of the table.
#[derive(Debug)]
struct Row {
    part: &'static str,
    request: String,
    found: String,
    checked: &'static str,
}

/// The user that is asked for. It need not exist.
const SOMEBODY: i64 = 1;
/// Whether there is nothing to read at this path, or nothing for us. A server that is busy, or that
/// answers with something else, may have it all the same.
fn is_not_there(error: &AdminError) -> bool {
    matches!(
        error,
        AdminError::Status {
            status: 401 | 403 | 404 | 405 | 410,
            ..
        }
    )
}

/// The longest answer that the table quotes.
const QUOTED: usize = 48;

impl Look {
    pub(super) async fn at(admin: &Admin, api: &Api, audited: bool) -> Self {
        let mut look = Self::default();
        let shelves = Shelves::read(admin, api).await.unwrap_or_default();
        look.products(admin, api, &shelves).await;
        look.top(admin, api, &shelves).await;
        if audited {
            look.ledger(admin, api).await;
        }
        look.balances(admin, api).await;
        look.coupons(admin, api).await;
        look.health(admin, api).await;
        look
    }

    async fn products(&mut self, admin: &Admin, api: &Api, shelves: &Shelves) {
        let path = api.products.of(Ids::default());
        let found = match prices(admin, api).await {
            Ok(prices) => {
                self.prices = prices;
                format!("{} products", self.prices.len())
            }
            Err(error) => self.unusable(&error),
        };
        self.shows_stock = shelves.stock.is_some();
        let checked = match self.shows_stock {
            true => "prices and stock",
            false => "prices; no stock",
        };
        self.row("products", format!("GET {path}"), found, checked);
    }

    async fn top(&mut self, admin: &Admin, api: &Api, shelves: &Shelves) {
        let path = api.top.path.of(Ids::default());
        let found = match admin.read(&path, |body| api.top_id.list(body)).await {
            Ok(top) => format!("{} products", top.len()),
            Err(error) => self.unusable(&error),
        };
        let checked = shelves.sold.as_ref().map_or("-", |_| "sold quantities");
        self.row("top list", format!("GET {path}"), found, checked);
    }

    async fn ledger(&mut self, admin: &Admin, api: &Api) {
        let found = ledger(admin, api).await;
        let path = api.ledger.as_ref().map(|(path, _)| path.text());
        let request = path.map_or("-".to_owned(), |path| format!("GET {path}"));
        let (found, checked) = match found {
            Ok(Some(_)) => ("yes".to_owned(), "all books"),
            Ok(None) => {
                self.no_ledger = Some("the API has none".to_owned());
                ("no".to_owned(), "only what public reads show")
            }
            Err(error) if is_not_there(&error) => {
                self.no_ledger = Some(error.to_string());
                (short(&error), "only what public reads show")
            }
            Err(error) => (self.unusable(&error), "-"),
        };
        self.row("ledger", request, found, checked);
    }

    async fn balances(&mut self, admin: &Admin, api: &Api) {
        let path = api.balance.path.of(of_somebody());
        let found = match admin.read(&path, |body| api.held.object(body)).await {
            Ok(_) => "yes".to_owned(),
            Err(error) => self.unusable_body(&error),
        };
        let source = api.balance.source();
        self.row("balances", source, found, "every user's balance");
    }

    async fn coupons(&mut self, admin: &Admin, api: &Api) {
        let found = match listed_coupons(admin, api, SOMEBODY).await {
            Ok(_) => "yes".to_owned(),
            Err(error) => self.unusable_body(&error),
        };
        let source = api.coupons.source();
        self.row("coupons", source, found, "every user's coupons");
    }

    async fn health(&mut self, admin: &Admin, api: &Api) {
        let Some(path) = &api.health else { return };
        let path = path.of(Ids::default());
        let found = match admin.read(&path, |_| Ok(Value::Null)).await {
            Ok(_) => "well".to_owned(),
            Err(error) => short(&error),
        };
        self.row("health", format!("GET {path}"), found, "-");
    }

    /// Adds a line.
    pub(super) fn row(
        &mut self,
        part: &'static str,
        request: String,
        found: String,
        checked: &'static str,
    ) {
        self.rows.push(Row {
            part,
            request,
            found,
            checked,
        });
    }

    /// Without this, no persona gets anywhere.
    fn unusable(&mut self, error: &AdminError) -> String {
        self.fatal.push(error.to_string());
        short(error)
    }

    /// A body of another form is of no use; another status may be only this user's.
    fn unusable_body(&mut self, error: &AdminError) -> String {
        match error {
            AdminError::Body { .. } => self.unusable(error),
            error => format!("{} for user 1", short(error)),
        }
    }

    /// The table, for people.
    pub(super) fn table(&self, host: &str) -> String {
        let head = Row {
            part: "",
            request: "asked".to_owned(),
            found: "found".to_owned(),
            checked: "checked after the load",
        };
        let rows = || [&head].into_iter().chain(&self.rows);
        let widest = |of: fn(&Row) -> &str| {
            let widths = rows().map(|row| of(row).chars().count());
            widths.max().unwrap_or_default()
        };
        let (request, found) = (widest(|row| &row.request), widest(|row| &row.found));
        let lines = rows().map(|row| {
            let line = format!(
                "  {:<8}  {:<request$}  {:<found$}  {}",
                row.part, row.request, row.found, row.checked
            );
            line.trim_end().to_owned()
        });
        let lines: Vec<String> = lines.collect();
        format!("what {host} has:\n{}", lines.join("\n"))
    }

    /// Whether the load can run at all.
    pub(super) fn usable(&self) -> Result<(), Refused> {
        if self.fatal.is_empty() {
            return Ok(());
        }
        Err(Refused(format!(
            "the load can't run, and nothing was erased: {}. If the server names things \
             differently, say so in [api] of a configuration file (docs/other-shops.md)",
            self.fatal.join("; ")
        )))
    }
}

fn of_somebody() -> Ids {
    Ids {
        user: SOMEBODY,
        ..Ids::default()
    }
}

/// An error in few words.
fn short(error: &AdminError) -> String {
    let text = match error {
        AdminError::NoAnswer { .. } => "no answer".to_owned(),
        AdminError::Redirect { status, .. } => format!("{status}, a redirect"),
        AdminError::Status { status, .. } => format!("answered with {status}"),
        AdminError::Body { source, .. } => source.to_string(),
    };
    text.chars().take(QUOTED).collect()
}
