//! The names of what is kept in Redis. All of it repeats what PostgreSQL has,
//! and is written again from there every half second (`rebuild`).

/// The id of the world that Redis holds. Where it is missing or another one,
/// nothing in Redis may be believed.
pub(crate) const WORLD: &str = "shop:world";

/// A hash: how many coupons each policy still admits.
pub(crate) const REMAINING: &str = "shop:remaining";

/// A sorted set: how often each product was sold on a UTC day, counted in
/// days since 1970.
pub(crate) fn ranking(day: i64) -> String {
    format!("shop:ranking:{day}")
}
