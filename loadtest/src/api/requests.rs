//! Every request that the personas send, named as in the seed's script, as our own contract has it.

use harness::Request;

/// What the set-up sends.
pub(crate) static INIT: Request = Request::post("init").expects(&[200]).in_set_up();
pub(crate) static USER_ID: Request = Request::get("0_get_userId").expects(&[200]);
pub(crate) static CHARGE: Request = Request::post("1_charge_balance")
    .expects(&[201])
    .trend("charge_balance_time");
/// A claim that comes too late is answered with 409, one for a policy that is over with 400, and
/// that is as it should be.
pub(crate) static CLAIM: Request = Request::post("2_claim_coupon")
    .expects(&[201, 400, 409])
    .trend("coupon_issue_time");
pub(crate) static COUPONS: Request = Request::get("3_get_coupons")
    .expects(&[200])
    .trend("coupon_check_time");
pub(crate) static TOP_PRODUCTS: Request = Request::get("4_get_top_products")
    .expects(&[200])
    .trend("get_top5_time");
pub(crate) static ORDER: Request = Request::post("5_create_order")
    .expects(&[201])
    .trend("order_time");
pub(crate) static BALANCE: Request = Request::get("6_get_balance").expects(&[200]);
/// A well-formed order that must not succeed.
pub(crate) static MALICIOUS_ORDER: Request = Request::post("7_malicious_order").expects(REFUSALS);
/// A request that no server should take.
pub(crate) static HOSTILE_GET: Request = Request::get("8_hostile_get").expects(REFUSALS);
/// A request that no server should take.
pub(crate) static HOSTILE_POST: Request = Request::post("9_hostile_post").expects(REFUSALS);
/// One of two orders at once, of which one must be refused.
pub(crate) static RACING_ORDER: Request =
    Request::post("10_racing_order").expects(&[201, 400, 409]);

/// What a server may answer to a request that it must refuse.
const REFUSALS: &[u16] = &[400, 401, 403, 404, 405, 409, 413, 415, 422, 429];

/// All of them, in the order in which reports list them.
pub static REQUESTS: &[&Request] = &[
    &INIT,
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
    &RACING_ORDER,
];

/// What rules on orders are about.
pub static ABOUT_ORDERS: &[&Request] = &[&ORDER, &MALICIOUS_ORDER, &RACING_ORDER];
/// What rules on coupons are about.
pub static ABOUT_COUPONS: &[&Request] =
    &[&CLAIM, &COUPONS, &ORDER, &MALICIOUS_ORDER, &RACING_ORDER];
/// What rules on money are about.
pub static ABOUT_MONEY: &[&Request] = &[&CHARGE, &ORDER, &BALANCE, &MALICIOUS_ORDER, &RACING_ORDER];
/// What rules on two operations at once are about.
pub static ABOUT_RACES: &[&Request] = &[&RACING_ORDER, &CHARGE];
