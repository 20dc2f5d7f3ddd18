//! Our own contract, and what a file changes of it.

use super::*;
use crate::api::Ids;

const IDS: Ids = Ids {
    vu: 7,
    user: 42,
    policy: 3,
};

fn parsed(toml: &str) -> Result<Api, Vec<String>> {
    let table: Table = toml.parse().expect("TOML");
    Api::parse(Some(&table), "").map_err(|flaws| {
        let said = flaws
            .iter()
            .map(|flaw| format!("{}: {}", flaw.key, flaw.message));
        said.collect()
    })
}

/// Method, path, statuses that are no failure, and the check's name.
fn told(route: &Route) -> (String, Vec<u16>, &'static str) {
    let expected = (100..600).filter(|status| route.request.is_expected(*status));
    let path = route.path.of(IDS);
    let method = route.request.method.as_str();
    (format!("{method} {path}"), expected.collect(), route.check)
}

#[test]
fn without_a_file_it_is_our_own_contract() {
    let api: &Api = Default::default();
    let rows = [
        (
            &api.users,
            "GET /users/id?name=u7",
            vec![200],
            "getUserId 200",
        ),
        (
            &api.charge,
            "POST /users/42/balance",
            vec![201],
            "charge 201",
        ),
        (
            &api.balance,
            "GET /users/42/balance",
            vec![200],
            "get balance 200",
        ),
        (
            &api.claim,
            "POST /coupons?userId=42&policyId=3",
            vec![201, 400, 409],
            "claim 201",
        ),
        (
            &api.coupons,
            "GET /users/42/coupons",
            vec![200],
            "get coupons 200",
        ),
        (
            &api.top,
            "GET /products/top/realtime",
            vec![200],
            "top5 200",
        ),
        (&api.orders, "POST /orders", vec![201], "order 201"),
    ];
    for (route, path, statuses, check) in rows {
        assert_eq!(told(route), (path.to_owned(), statuses, check));
    }
    assert!(api.claim.is_done(201) && !api.claim.is_done(409));
    assert_eq!(api.amount(10_000), r#"{"amount":10000}"#);
    assert_eq!(
        api.order(42, None, [(1, 1), (2, 1)].into_iter()),
        r#"{"userId":42,"couponId":null,"items":[{"productId":1,"quantity":1},{"productId":2,"quantity":1}]}"#
    );
    assert_eq!((api.total_is, api.lists_used), (TotalIs::Net, false));
    let (ledger, of_user) = api.ledger.as_ref().expect("it has a ledger");
    assert_eq!(ledger.of(IDS), "/ledger");
    assert_eq!(of_user.of(IDS), "/ledger?userId=42");
}

#[test]
fn a_file_says_what_is_different() {
    let api = parsed(
        r#"
        products.id = "id"
        coupons.lists_used = true
        orders.total_is = "gross"
        orders.path = "/v2/orders"
        orders.method = "PUT"
        orders.status = 200
        claim.path = "/coupons/async?userId={user}&policyId={policy}"
        claim.status = [202]
        balance.zero = [404, 500]
        top.sold = "none"
        ledger.path = "none"
        "#,
    )
    .expect("well-formed");
    let orders = ("PUT /v2/orders".to_owned(), vec![200], "order 200");
    assert_eq!(told(&api.orders), orders);
    let claim = "POST /coupons/async?userId=42&policyId=3".to_owned();
    assert_eq!(told(&api.claim), (claim, vec![202, 400, 409], "claim 202"));
    let product = br#"{"id":4,"name":"x","price":2000,"stock":9}"#;
    assert_eq!(api.product.of(product), Some([4, 2_000]));
    assert_eq!(api.stock.expect("unchanged").of(product), Some([4, 9]));
    assert!(api.lists_used && api.sold.is_none() && api.ledger.is_none());
    assert_eq!(api.zero, [404, 500]);
    assert_eq!(api.total_is, TotalIs::Gross);
}

#[test]
fn mistakes_are_named_with_their_key_and_the_nearest() {
    let rows = [
        (
            "product.id = \"id\"",
            "product: there is no such key; did you mean products? known are",
        ),
        (
            "products.ids = \"id\"",
            "products.ids: there is no such key; did you mean id? known are id, path, price, stock",
        ),
        ("products = \"id\"", "products: must have keys of its own"),
        ("products.id = 7", "products.id: must be a text"),
        (
            "products.id = \"\"",
            "products.id: must be the name of a field",
        ),
        (
            "coupons.lists_used = 1",
            "coupons.lists_used: must be true or false",
        ),
        (
            "orders.status = []",
            "orders.status: must be statuses from 100 to 599",
        ),
        (
            "orders.status = [99]",
            "orders.status: must be statuses from 100 to 599",
        ),
        (
            "orders.status = \"201\"",
            "orders.status: must be a status or a list",
        ),
        (
            "orders.method = \"post\"",
            "orders.method: 'post' is none of GET, POST",
        ),
        (
            "orders.path = \"orders\"",
            "orders.path: 'orders' is not a path",
        ),
        (
            "orders.total_is = \"half\"",
            "orders.total_is: 'half' is neither net nor gross",
        ),
    ];
    for (toml, expected) in rows {
        let flaws = parsed(toml).expect_err(toml);
        assert!(flaws[0].starts_with(expected), "{toml}: {flaws:?}");
    }
    let two = parsed("orders.total_is = \"half\"\nledger.paht = \"none\"").expect_err("two");
    assert_eq!(two.len(), 2, "{two:?}");
}
