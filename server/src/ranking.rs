//! What sold best in the last three days: sorted sets in Redis, one for each
//! UTC day, that repeat `product_sales` of PostgreSQL.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use redis::{Script, aio::ConnectionManager};
use serde::Serialize;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    batch::Batch,
    error::{Error, Problem},
    keys,
    rebuild::Rebuilder,
    state::Shared,
    timing::Part,
    world::{CurrentWorld, RANKING_DAYS, World, today},
};

/// How many products are shown.
const TOP: usize = 5;

/// How many batches' sales may wait to be written.
const LONGEST_QUEUE: usize = 1024;

pub(crate) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(top_products))
}

/// A product and how often it was sold.
#[derive(Debug, Serialize, ToSchema, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
struct TopProduct<'a> {
    product_id: i64,
    #[schema(value_type = String)]
    name: &'a str,
    /// Pieces sold in the last three days.
    sold_qty: i64,
}

/// The best-selling products of the last three days, at most five.
#[utoipa::path(
    get, path = "/products/top/realtime", tag = "products",
    responses(
        (status = 200, body = Vec<TopProduct>),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    ),
)]
async fn top_products(State(app): State<Shared>) -> Result<Response, Error> {
    let body = app.top.call(()).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
}

/// Answers everyone who asks at the same time by one look.
pub(crate) struct Top {
    pub(crate) redis: ConnectionManager,
    pub(crate) world: Arc<CurrentWorld>,
    pub(crate) rebuilder: Arc<Rebuilder>,
}

impl Batch for Top {
    type Request = ();
    type Answer = Bytes;
    const PART: Part = Part::Redis;

    async fn run(&mut self, requests: Vec<()>) -> Result<Vec<Bytes>, Error> {
        let mut answer = self.read().await?;
        if answer.is_none() {
            self.rebuilder.mend().await?;
            answer = self.read().await?;
        }
        let answer = answer.ok_or_else(|| Error::unavailable("Redis is being rebuilt"))?;
        Ok(vec![answer; requests.len()])
    }
}

impl Top {
    /// Nothing if Redis does not hold this world.
    async fn read(&mut self) -> Result<Option<Bytes>, Error> {
        let world = self.world.get();
        let today = today();
        let mut union = redis::cmd("ZUNION");
        union.arg(RANKING_DAYS);
        for day in today - RANKING_DAYS + 1..=today {
            union.arg(keys::ranking(day));
        }
        union.arg("WITHSCORES");
        let (found, scores): (Option<String>, Vec<(i64, f64)>) = redis::pipe()
            .get(keys::WORLD)
            .add_command(union)
            .query_async(&mut self.redis)
            .await?;
        if found.as_deref() != Some(world.id.to_string().as_str()) {
            return Ok(None);
        }
        Ok(Some(render(&world, scores)))
    }
}

/// The best five as JSON; of equals, the one with the smaller id first.
fn render(world: &World, mut scores: Vec<(i64, f64)>) -> Bytes {
    scores.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let top: Vec<TopProduct> = scores
        .iter()
        .filter_map(|&(product_id, score)| {
            let name = world.product_names.get(&product_id)?;
            // Scores are sums of whole numbers far below 2^53.
            Some(TopProduct {
                product_id,
                name,
                sold_qty: score as i64,
            })
        })
        .take(TOP)
        .collect();
    serde_json::to_vec(&top)
        .expect("plain numbers and strings")
        .into()
}

/// What a batch of orders sold: the day's totals of the products in it.
#[derive(Debug, Clone)]
pub(crate) struct Sales {
    pub(crate) world: Uuid,
    pub(crate) day: i64,
    /// Product and total.
    pub(crate) totals: Vec<(i64, i64)>,
}

/// Writes sales into the rankings, if Redis holds their world.
pub(crate) async fn write(redis: &ConnectionManager, sales: &Sales) -> Result<bool, Error> {
    static SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("record.lua")));
    if sales.totals.is_empty() {
        return Ok(true);
    }
    let mut call = SCRIPT.prepare_invoke();
    call.key(keys::WORLD)
        .key(keys::ranking(sales.day))
        .arg(sales.world.to_string());
    for &(product, total) in &sales.totals {
        call.arg(total).arg(product);
    }
    let done: i64 = call.invoke_async(&mut redis.clone()).await?;
    Ok(done == 1)
}

/// Takes sales to the rankings behind the orders' backs: an order is done
/// when PostgreSQL has it, whatever Redis does.
#[derive(Clone)]
pub(crate) struct Recorder {
    queue: mpsc::Sender<Sales>,
    rebuilder: Arc<Rebuilder>,
}

impl Recorder {
    /// Starts the writer on `tasks`. It ends, with everything written, when
    /// all clones are gone.
    pub(crate) fn start(
        redis: ConnectionManager,
        rebuilder: Arc<Rebuilder>,
        tasks: &TaskTracker,
    ) -> Self {
        let (queue, sales) = mpsc::channel(LONGEST_QUEUE);
        tasks.spawn(record(redis, Arc::clone(&rebuilder), sales));
        Self { queue, rebuilder }
    }

    /// Has sales written soon.
    pub(crate) fn record(&self, sales: Sales) {
        if self.queue.try_send(sales).is_err() {
            self.rebuilder.doubt_ranking();
        }
    }
}

async fn record(
    redis: ConnectionManager,
    rebuilder: Arc<Rebuilder>,
    mut queue: mpsc::Receiver<Sales>,
) {
    let mut gathered = Vec::new();
    while queue.recv_many(&mut gathered, LONGEST_QUEUE).await > 0 {
        for sales in merge(&mut gathered) {
            // Failures were logged where they were made into this answer.
            if !write(&redis, &sales).await.unwrap_or(false) {
                rebuilder.doubt_ranking();
            }
        }
    }
}

/// The latest totals of what was gathered; leaves it empty.
fn merge(gathered: &mut Vec<Sales>) -> impl Iterator<Item = Sales> {
    let mut latest: HashMap<(Uuid, i64), HashMap<i64, i64>> = HashMap::new();
    for Sales { world, day, totals } in gathered.drain(..) {
        let of_day = latest.entry((world, day)).or_default();
        for (product, total) in totals {
            let known = of_day.entry(product).or_insert(total);
            *known = total.max(*known);
        }
    }
    latest.into_iter().map(|((world, day), totals)| Sales {
        world,
        day,
        totals: totals.into_iter().collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_five_are_shown_and_equals_by_id() {
        let names = (1..=7).map(|id| (id, format!("p{id}"))).collect();
        let world = World::with_products(names);
        let scores = vec![
            (3, 5.0),
            (9, 99.0),
            (1, 5.0),
            (2, 7.0),
            (7, 1.0),
            (4, 0.0),
            (5, 6.0),
            (6, 1.0),
        ];
        let json: serde_json::Value = serde_json::from_slice(&render(&world, scores)).unwrap();
        let shown: Vec<_> = json
            .as_array()
            .unwrap()
            .iter()
            .map(|product| {
                (
                    product["productId"].as_i64().unwrap(),
                    product["soldQty"].as_i64().unwrap(),
                )
            })
            .collect();
        // Product 9 has no name: it is of no use to a customer.
        assert_eq!(shown, [(2, 7), (5, 6), (1, 5), (3, 5), (6, 1)]);
        assert_eq!(json[0]["name"], "p2");
    }

    #[test]
    fn of_several_totals_of_a_product_the_greatest_is_the_latest() {
        let world = Uuid::nil();
        let mut gathered = vec![
            Sales {
                world,
                day: 1,
                totals: vec![(1, 10), (2, 5)],
            },
            Sales {
                world,
                day: 2,
                totals: vec![(1, 1)],
            },
            Sales {
                world,
                day: 1,
                totals: vec![(1, 9), (3, 2)],
            },
        ];
        let mut merged: Vec<_> = merge(&mut gathered)
            .map(|mut sales| {
                sales.totals.sort_unstable();
                (sales.day, sales.totals)
            })
            .collect();
        merged.sort_unstable();
        assert_eq!(
            merged,
            [(1, vec![(1, 10), (2, 5), (3, 2)]), (2, vec![(1, 1)])]
        );
        assert!(gathered.is_empty());
    }
}
