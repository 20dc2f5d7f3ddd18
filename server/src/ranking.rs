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
use redis::Script;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    batch::Batch,
    cache::Cache,
    error::{Error, Problem},
    extract::Query,
    keys,
    rebuild::Rebuilder,
    state::Shared,
    timing::Part,
    world::{RANKING_DAYS, World, today},
};

/// How many products are shown if nobody says so, and at most.
const TOP: i64 = 5;
const MOST_TOP: i64 = 100;

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

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct TopQuery {
    /// How many products at most.
    #[serde(default = "default_limit")]
    #[param(minimum = 1, maximum = 100, default = 5)]
    limit: i64,
}

fn default_limit() -> i64 {
    TOP
}

/// The best-selling products of the last three days.
#[utoipa::path(
    get, path = "/products/top/realtime", tag = "products", params(TopQuery),
    responses(
        (status = 200, body = Vec<TopProduct>),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    ),
)]
async fn top_products(
    State(app): State<Shared>,
    Query(TopQuery { limit }): Query<TopQuery>,
) -> Result<Response, Error> {
    if !(1..=MOST_TOP).contains(&limit) {
        return Err(Error::bad_request(format!(
            "limit is {limit}, but must be 1 to {MOST_TOP}"
        )));
    }
    let limit = usize::try_from(limit).expect("it is small");
    let body = app.top.call(limit).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
}

/// Answers everyone who asks at the same time by one look.
pub(crate) struct Top {
    pub(crate) redis: Cache,
    pub(crate) rebuilder: Arc<Rebuilder>,
}

impl Batch for Top {
    /// How many products.
    type Request = usize;
    type Answer = Bytes;
    const NAME: &'static str = "top_products";
    const PART: Part = Part::Redis;

    async fn run(&mut self, limits: Vec<usize>) -> Result<Vec<Bytes>, Error> {
        let redis = &self.redis;
        let (world, scores) = self.rebuilder.ask(|world| read(redis, world)).await?;
        let mut rendered: HashMap<usize, Bytes> = HashMap::new();
        let mut render = |limit| {
            let top = rendered.entry(limit);
            top.or_insert_with(|| render(&world, &scores, limit))
                .clone()
        };
        Ok(limits.into_iter().map(&mut render).collect())
    }
}

/// Products and how often they were sold, the best first.
type Scores = Vec<(i64, f64)>;

/// Nothing if Redis does not hold this world.
async fn read(redis: &Cache, world: Arc<World>) -> Result<Option<(Arc<World>, Scores)>, Error> {
    let today = today();
    let mut union = redis::cmd("ZUNION");
    union.arg(RANKING_DAYS);
    for day in today - RANKING_DAYS + 1..=today {
        union.arg(keys::ranking(day));
    }
    union.arg("WITHSCORES");
    let mut look = redis::pipe();
    look.get(keys::WORLD).add_command(union);
    let (found, scores): (Option<String>, Scores) = redis
        .call(async |connection| look.query_async(connection).await)
        .await?;
    if found.as_deref() != Some(world.id.to_string().as_str()) {
        return Ok(None);
    }
    Ok(Some((world, sorted(scores))))
}

/// Of equals, the one with the smaller id first.
fn sorted(mut scores: Scores) -> Scores {
    scores.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    scores
}

/// The best `limit` as JSON.
fn render(world: &World, scores: &[(i64, f64)], limit: usize) -> Bytes {
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
        .take(limit)
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
async fn write(redis: &Cache, sales: &Sales) -> Result<(), Error> {
    static SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("record.lua")));
    let mut call = SCRIPT.prepare_invoke();
    call.key(keys::WORLD)
        .key(keys::ranking(sales.day))
        .arg(sales.world.to_string());
    for &(product, total) in &sales.totals {
        call.arg(total).arg(product);
    }
    redis
        .call(async |connection| call.invoke_async(connection).await)
        .await
}

/// Takes sales to the rankings behind the orders' backs: an order is done
/// when PostgreSQL has it, whatever Redis does. What is lost on the way is
/// written by the next rebuild.
pub(crate) struct Recorder(mpsc::Sender<Sales>);

impl Recorder {
    /// Starts the writer on `tasks`. It ends, with everything written, when
    /// the recorder is gone.
    pub(crate) fn start(redis: Cache, tasks: &TaskTracker) -> Self {
        let (queue, sales) = mpsc::channel(LONGEST_QUEUE);
        tasks.spawn(record(redis, sales));
        Self(queue)
    }

    /// Has sales written soon.
    pub(crate) fn record(&self, sales: Sales) {
        if self.0.try_send(sales).is_err() {
            tracing::debug!("the ranking lags; it is left to the next rebuild");
        }
    }
}

async fn record(redis: Cache, mut queue: mpsc::Receiver<Sales>) {
    let mut gathered = Vec::new();
    while queue.recv_many(&mut gathered, LONGEST_QUEUE).await > 0 {
        for sales in merge(&mut gathered) {
            // Logged where the failure was made into this error.
            let _ = write(&redis, &sales).await;
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
        let json: serde_json::Value =
            serde_json::from_slice(&render(&world, &sorted(scores), 5)).unwrap();
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
