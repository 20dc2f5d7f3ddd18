//! Flags of the set-up: what the shop has before the load, and how much of it persona A buys.

use harness::{Field, Options};

use crate::shop::{Coupons, PRICE, Plan, Policies, Products, Scarce, TOP};

/// Users that the set-up creates.
pub static USERS: Field = number(
    "users",
    "Users u1, u2, … that the set-up creates; never fewer than there are VUs",
)
.default("300")
.checked(|text| whole(text, "a number of users", 1, 100_000).map(drop));

/// Coupon policies of the run.
pub static POLICIES: Field = Field::one(
    "policies",
    "policies",
    "N|ID,ID,...",
    "Shop",
    "Coupon policies that the set-up creates, or the ids of existing ones to use",
)
.compared()
.default("5")
.checked(|text| Policies::parse(text).map(drop));

/// What a coupon takes off.
pub static DISCOUNT: Field = won("discount", "What a coupon takes off an order")
    .default("2000")
    .checked(|text| whole(text, "a discount in won", 1, MOST_WON).map(drop));

/// Products that the set-up creates.
pub static PRODUCTS: Field = number("products", "Products that the set-up creates")
    .default("5")
    .checked(|text| whole(text, "a number of products", 1, 1_000).map(drop));

/// What a product costs.
pub static PRICE_OF_EACH: Field = won("price", "What each product costs")
    .default("2000")
    .checked(|text| whole(text, "a price in won", 1, MOST_WON).map(drop));

/// Pieces of each product.
pub static STOCK: Field = number("stock", "Pieces that there are of each product")
    .default("2000000")
    .checked(|text| whole(text, "a stock", 0, 1_000_000_000_000).map(drop));

/// Products of one piece each.
pub static SCARCE: Field = number(
    "scarce",
    "More products, with one piece each, that the set-up creates for persona D to race for",
)
.default("100")
.checked(|text| whole(text, "a number of products", 0, 1_000).map(drop));

/// Products that persona A buys.
pub static BUYS: Field = number(
    "top",
    "Persona A buys one of each of the N products that sold most, and charges N times the highest price",
)
.default("5")
.about(&["4_get_top_products"])
.checked(|text| whole(text, "a number of products to buy", 1, 100).map(drop));

/// All of them, in the order of the help text.
pub static SET_UP: [&Field; 8] = [
    &USERS,
    &POLICIES,
    &DISCOUNT,
    &PRODUCTS,
    &PRICE_OF_EACH,
    &STOCK,
    &SCARCE,
    &BUYS,
];

const MOST_WON: i64 = 1_000_000_000;
/// The seed's, as all defaults.
const DEFAULT_USERS: i64 = 300;
const DEFAULT_DISCOUNT: i64 = 2_000;
const DEFAULT_PRODUCTS: i64 = 5;
const DEFAULT_STOCK: i64 = 2_000_000;
/// Nine users who race without a pause use half of them up in ten seconds.
const DEFAULT_SCARCE: u32 = 100;

const fn number(name: &'static str, help: &'static str) -> Field {
    Field::one(name, name, "N", "Shop", help).compared()
}

const fn won(name: &'static str, help: &'static str) -> Field {
    Field::one(name, name, "WON", "Shop", help).compared()
}

fn whole(text: &str, what: &str, least: i64, most: i64) -> Result<i64, String> {
    let parsed = text.trim().parse().ok();
    parsed
        .filter(|n| (least..=most).contains(n))
        .ok_or_else(|| {
            format!("'{text}' is not {what}; write a whole number from {least} to {most}")
        })
}

fn given(options: &Options, field: &Field) -> Option<i64> {
    options.get(field)?.trim().parse().ok()
}

/// A number that its field has checked, so that it fits.
fn small(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// The coupon policies, if they were asked for.
pub fn policies(options: &Options) -> Option<Policies> {
    Policies::parse(options.get(&POLICIES)?).ok()
}

/// Whether the shop is used as it is: nothing is created.
pub fn is_used_as_it_is(options: &Options) -> bool {
    matches!(policies(options), Some(Policies::Ids(_)))
}

/// The shop that these options ask for, for so many VUs; `races` says whether some of them race
/// for last pieces.
pub fn plan(options: &Options, vus: u32, coupons: Coupons, races: bool) -> Plan {
    let users = given(options, &USERS).unwrap_or(DEFAULT_USERS);
    Plan {
        users: small(users).max(vus),
        policies: match policies(options) {
            Some(Policies::Count(count)) => Some(count),
            _ => None,
        },
        coupons,
        discount: given(options, &DISCOUNT).unwrap_or(DEFAULT_DISCOUNT),
        products: products(options),
        scarce: scarce(options, races),
    }
}

/// As many as the flag says; without it, the default number if persona D is in the mix.
fn scarce(options: &Options, races: bool) -> Scarce {
    let asked = given(options, &SCARCE);
    let count = match asked {
        Some(count) => small(count),
        None if races => DEFAULT_SCARCE,
        None => 0,
    };
    Scarce {
        count,
        by_flag: asked.is_some(),
    }
}

/// The products, if one of their flags is given.
fn products(options: &Options) -> Option<Products> {
    let own = [&PRODUCTS, &PRICE_OF_EACH, &STOCK];
    let [count, price, stock] = own.map(|field| given(options, field));
    (count.is_some() || price.is_some() || stock.is_some()).then(|| Products {
        count: small(count.unwrap_or(DEFAULT_PRODUCTS)),
        price: price.unwrap_or(PRICE),
        stock: stock.unwrap_or(DEFAULT_STOCK),
    })
}

/// How many products persona A buys.
pub fn top(options: &Options) -> u32 {
    given(options, &BUYS).map_or(TOP, small)
}

/// What the flags contradict each other in.
pub fn refuse(options: &Options) -> Vec<(&'static Field, String)> {
    match policies(options) {
        Some(Policies::Ids(_)) => of_a_kept_shop(options),
        _ => too_many(options).into_iter().collect(),
    }
}

/// Where ids of policies are given, nothing is created.
fn of_a_kept_shop(options: &Options) -> Vec<(&'static Field, String)> {
    let makes = [
        &USERS,
        &DISCOUNT,
        &PRODUCTS,
        &PRICE_OF_EACH,
        &STOCK,
        &SCARCE,
    ];
    let given = makes
        .into_iter()
        .filter(|field| options.get(field).is_some());
    let message = "is for a shop that the set-up creates, but --policies names ids of one that is \
                   used as it is; leave out one of them";
    given.map(|field| (field, message.to_owned())).collect()
}

/// Nobody can buy more products than the set-up creates.
fn too_many(options: &Options) -> Option<(&'static Field, String)> {
    let top = top(options);
    let short = products(options).filter(|products| products.count < top);
    let Products { count, .. } = short?;
    let buys = if options.get(&BUYS).is_some() {
        &BUYS
    } else {
        &PRODUCTS
    };
    let message = format!(
        "persona A would buy the top {top} of {count} products; give --products {top} or more, or --top {count}"
    );
    Some((buys, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(given: &[(&'static Field, &str)]) -> Options {
        let mut options = Options::default();
        for (field, text) in given {
            options.set(field, text);
        }
        options
    }

    #[test]
    fn without_flags_the_shop_is_the_seeds() {
        let none = options(&[]);
        let seed = Plan {
            users: 300,
            policies: None,
            coupons: Coupons::Limited(100),
            discount: 2_000,
            products: None,
            scarce: Scarce::default(),
        };
        assert_eq!(plan(&none, 10, Coupons::Limited(100), false), seed);
        assert_eq!(top(&none), 5);
        assert_eq!(plan(&none, 301, Coupons::Unlimited, false).users, 301);
    }

    #[test]
    fn flags_make_the_plan_and_one_of_the_products_brings_the_seeds_others() {
        let all = options(&[
            (&USERS, "20"),
            (&POLICIES, "1"),
            (&DISCOUNT, "500"),
            (&STOCK, "7"),
            (&BUYS, "3"),
        ]);
        let expected = Plan {
            users: 20,
            policies: Some(1),
            coupons: Coupons::Unlimited,
            discount: 500,
            products: Some(Products {
                count: 5,
                price: 2_000,
                stock: 7,
            }),
            scarce: Scarce::default(),
        };
        assert_eq!(plan(&all, 4, Coupons::Unlimited, false), expected);
        assert_eq!(top(&all), 3);
        assert_eq!(plan(&all, 21, Coupons::Unlimited, false).users, 21);
        let dear = options(&[(&PRICE_OF_EACH, "9")]);
        let products = products(&dear).map(|all| (all.count, all.price, all.stock));
        assert_eq!(products, Some((5, 9, 2_000_000)));
    }

    #[test]
    fn scarce_products_are_for_who_races_for_them_or_as_the_flag_says() {
        let scarce = |given: &[(&'static Field, &str)], races| {
            let Scarce { count, by_flag } = scarce(&options(given), races);
            (count, by_flag)
        };
        assert_eq!(scarce(&[], false), (0, false));
        assert_eq!(scarce(&[], true), (100, false));
        assert_eq!(SCARCE.default, DEFAULT_SCARCE.to_string());
        for races in [false, true] {
            assert_eq!(scarce(&[(&SCARCE, "7")], races), (7, true));
            assert_eq!(scarce(&[(&SCARCE, "0")], races), (0, true));
        }
    }

    #[test]
    fn bad_values_are_refused_with_what_would_be_right() {
        let rows = [
            (
                &USERS,
                "0",
                "'0' is not a number of users; write a whole number from 1 to 100000",
            ),
            (&POLICIES, "x", "'x' is not a number of coupon policies"),
            (&POLICIES, "1,x", "'x' is not a policy's id"),
            (&DISCOUNT, "-5", "'-5' is not a discount in won"),
            (&PRODUCTS, "1001", "'1001' is not a number of products"),
            (&PRICE_OF_EACH, "1.5", "'1.5' is not a price in won"),
            (&STOCK, "-1", "'-1' is not a stock"),
            (&SCARCE, "1001", "write a whole number from 0 to 1000"),
            (&BUYS, "101", "write a whole number from 1 to 100"),
        ];
        for (field, text, expected) in rows {
            let error = (field.check)(text).expect_err(text);
            assert!(error.contains(expected), "{error}");
        }
        for field in SET_UP {
            assert!(field.compared, "{}", field.flag);
            assert_eq!((field.check)(field.default), Ok(()), "{}", field.flag);
        }
    }

    #[test]
    fn nobody_buys_more_products_than_there_are_to_be() {
        let refused = |given: &[(&'static Field, &str)]| {
            let found = refuse(&options(given)).into_iter().next();
            found.map(|(field, message)| (field.flag, message))
        };
        assert_eq!(refused(&[]), None);
        assert_eq!(refused(&[(&PRODUCTS, "10"), (&BUYS, "10")]), None);
        // The server's own products are looked at when it has been set up.
        assert_eq!(refused(&[(&BUYS, "10")]), None);
        let message = |top, count| {
            format!(
                "persona A would buy the top {top} of {count} products; \
                 give --products {top} or more, or --top {count}"
            )
        };
        let few = refused(&[(&PRODUCTS, "3")]);
        assert_eq!(few, Some(("products", message(5, 3))));
        let many = refused(&[(&STOCK, "9"), (&BUYS, "6")]);
        assert_eq!(many, Some(("top", message(6, 5))));
    }

    #[test]
    fn a_shop_that_is_kept_is_not_made() {
        let ids = (&POLICIES, "1,2");
        let flags = |given: &[(&'static Field, &str)]| {
            let found = refuse(&options(given)).into_iter();
            found.map(|(field, _)| field.flag).collect::<Vec<_>>()
        };
        assert_eq!(flags(&[ids, (&BUYS, "10")]), Vec::<&str>::new());
        let both = flags(&[
            ids,
            (&STOCK, "9"),
            (&USERS, "7"),
            (&BUYS, "10"),
            (&SCARCE, "3"),
        ]);
        assert_eq!(both, ["users", "stock", "scarce"]);
        assert_eq!(
            flags(&[(&POLICIES, "3"), (&USERS, "7")]),
            Vec::<&str>::new()
        );
    }
}
