//! Every request that the personas send, named as in the seed's script.

use harness::Request;
use harness::metrics::Method;

pub(super) static USER_ID: Request = Request {
    name: "0_get_userId",
    method: Method::Get,
    expects: &[200],
    trend: None,
};
pub(super) static CHARGE: Request = Request {
    name: "1_charge_balance",
    method: Method::Post,
    expects: &[201],
    trend: Some("charge_balance_time"),
};
/// A claim that comes too late is answered with 409, and that is as it should be.
pub(super) static CLAIM: Request = Request {
    name: "2_claim_coupon",
    method: Method::Post,
    expects: &[201, 409],
    trend: Some("coupon_issue_time"),
};
pub(super) static COUPONS: Request = Request {
    name: "3_get_coupons",
    method: Method::Get,
    expects: &[200],
    trend: Some("coupon_check_time"),
};
pub(super) static TOP_PRODUCTS: Request = Request {
    name: "4_get_top_products",
    method: Method::Get,
    expects: &[200],
    trend: Some("get_top5_time"),
};
pub(super) static ORDER: Request = Request {
    name: "5_create_order",
    method: Method::Post,
    expects: &[201],
    trend: Some("order_time"),
};
pub(super) static BALANCE: Request = Request {
    name: "6_get_balance",
    method: Method::Get,
    expects: &[200],
    trend: None,
};
/// A well-formed order that must not succeed.
pub(super) static MALICIOUS_ORDER: Request = Request {
    name: "7_malicious_order",
    method: Method::Post,
    expects: REFUSALS,
    trend: None,
};
/// A request that no server should take.
pub(super) static HOSTILE_GET: Request = Request {
    name: "8_hostile_get",
    method: Method::Get,
    expects: REFUSALS,
    trend: None,
};
/// A request that no server should take.
pub(super) static HOSTILE_POST: Request = Request {
    name: "9_hostile_post",
    method: Method::Post,
    expects: REFUSALS,
    trend: None,
};

/// What a server may answer to a request that it must refuse.
const REFUSALS: &[u16] = &[400, 401, 403, 404, 405, 409, 413, 415, 422, 429];

/// All of them, in the order in which reports list them.
pub static REQUESTS: &[&Request] = &[
    &USER_ID,
    &CHARGE,
    &CLAIM,
    &COUPONS,
    &TOP_PRODUCTS,
    &ORDER,
    &BALANCE,
    &MALICIOUS_ORDER,
    &HOSTILE_GET,
    &HOSTILE_POST,
];
