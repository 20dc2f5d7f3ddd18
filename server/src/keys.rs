//! The names of what is kept in Redis. All of it can be rebuilt from
//! PostgreSQL but for the claims in the queue.

/// The id of the world that Redis holds. Where it is missing, Redis has
/// forgotten everything, and nothing in it may be believed.
pub(crate) const WORLD: &str = "shop:world";

/// A hash: how many coupons each policy still admits.
pub(crate) const REMAINING: &str = "shop:remaining";

/// A hash: when each policy admits, `starts ends` in ms since 1970.
pub(crate) const PERIODS: &str = "shop:periods";

/// A stream: claims that were admitted and have no coupon yet, each with one
/// field `claim`: world, claim, user, policy.
pub(crate) const CLAIMS: &str = "shop:claims";

/// The consumer group of the claims.
pub(crate) const ISSUERS: &str = "issuers";

/// A sorted set: how often each product was sold on a UTC day, counted in
/// days since 1970.
pub(crate) fn ranking(day: i64) -> String {
    format!("shop:ranking:{day}")
}
