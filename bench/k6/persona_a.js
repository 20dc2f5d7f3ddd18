// Persona A as the harness plays it: the same requests with the same bodies, every answer parsed,
// the same checks, the same custom trends. What it costs k6 is compared with what it costs us.
//
// -e BASE_URL=…   the server
// -e VUS=300      virtual users
// -e RAMP=0       seconds in which they start; 0 starts them all at once
// -e HOLD=10      seconds that they shop then
// -e WAIT=1       seconds between a claim and the look for its coupon; 0 doesn't wait
import http from "k6/http";
import { check, sleep } from "k6";
import { Trend } from "k6/metrics";

const BASE_URL = __ENV.BASE_URL || "http://127.0.0.1:8080";
const VUS = Number(__ENV.VUS || 300);
const RAMP = Number(__ENV.RAMP || 0);
const HOLD = Number(__ENV.HOLD || 10);
const WAIT = Number(__ENV.WAIT || 0);

const CHARGE = 10000;
const LOOKS = 20;
const LOOK_AGAIN_AFTER = 0.25;

const ramping = {
  executor: "ramping-vus",
  startVUs: 0,
  stages: [
    { duration: `${RAMP}s`, target: VUS },
    { duration: `${HOLD}s`, target: VUS },
  ],
  gracefulStop: "30s",
};
const constant = { executor: "constant-vus", vus: VUS, duration: `${HOLD}s`, gracefulStop: "30s" };

export const options = {
  scenarios: { impulse_buyer: RAMP > 0 ? ramping : constant },
  summaryTrendStats: ["avg", "min", "med", "max", "p(90)", "p(95)", "p(99)", "count"],
};

const chargeTime = new Trend("charge_balance_time", true);
const couponTime = new Trend("coupon_issue_time", true);
const couponCheckTime = new Trend("coupon_check_time", true);
const top5Time = new Trend("get_top5_time", true);
const orderTime = new Trend("order_time", true);

export const setup = () => {
  const headers = { "Content-Type": "application/json" };
  const shop = { users: Math.max(VUS, 300), coupons: { policies: 5, total: 100000000, discount: 2000 } };
  const { policyIds } = http.post(`${BASE_URL}/init`, JSON.stringify(shop), { headers }).json();
  const products = http.get(`${BASE_URL}/products`).json();
  return { policyIds, prices: Object.fromEntries(products.map((p) => [p.productId, p.price])) };
};

// Every VU has a module of its own, and so a balance of its own.
let balance = 0;

const get = (name, path) => http.get(`${BASE_URL}${path}`, { tags: { name } });
const post = (name, path, body) =>
  http.post(`${BASE_URL}${path}`, body === null ? null : JSON.stringify(body), {
    headers: body === null ? {} : { "Content-Type": "application/json" },
    tags: { name },
  });

const logIn = () => {
  const res = get("0_get_userId", `/users/id?name=u${__VU}`);
  check(res, { "getUserId 200": (r) => r.status === 200 });
  return res.json();
};

const charge = (user) => {
  const res = post("1_charge_balance", `/users/${user}/balance`, { amount: CHARGE });
  chargeTime.add(res.timings.duration);
  balance += CHARGE;
  const charged = res.json();
  check(res, {
    "charge 201": (r) => r.status === 201,
    "charged balance as predicted": () => charged.balance === balance,
  });
};

const claim = (user, policy) => {
  const res = post("2_claim_coupon", `/coupons?userId=${user}&policyId=${policy}`, null);
  couponTime.add(res.timings.duration);
  check(res, { "coupon response valid": (r) => [201, 400, 409].includes(r.status) });
  return res.status === 201;
};

const firstCoupon = (user) => {
  const res = get("3_get_coupons", `/users/${user}/coupons`);
  couponCheckTime.add(res.timings.duration);
  check(res, { "get coupons 200": (r) => r.status === 200 });
  return res.json()[0];
};

const issuedCoupon = (user) => {
  if (WAIT > 0) {
    sleep(WAIT);
  }
  let coupon = firstCoupon(user);
  for (let looks = 0; coupon === undefined && looks < LOOKS; looks++) {
    sleep(LOOK_AGAIN_AFTER);
    coupon = firstCoupon(user);
  }
  check(coupon, { "coupon visible after the claim": (c) => c !== undefined });
  return coupon;
};

const topProducts = () => {
  const res = get("4_get_top_products", "/products/top/realtime");
  top5Time.add(res.timings.duration);
  const top = res.json().slice(0, 5);
  check(res, {
    "top5 200": (r) => r.status === 200,
    "top5 has 5 products": () => top.length === 5,
  });
  return top;
};

const order = (user, products, coupon, prices) => {
  const items = products.map((p) => ({ productId: p.productId, quantity: 1 }));
  const gross = items.reduce((sum, item) => sum + prices[item.productId], 0);
  const paid = Math.max(gross - (coupon ? coupon.discount : 0), 0);
  const res = post("5_create_order", "/orders", {
    userId: user,
    couponId: coupon ? coupon.couponId : null,
    items,
  });
  orderTime.add(res.timings.duration);
  balance -= paid;
  const ordered = res.json();
  check(res, {
    "order 201": (r) => r.status === 201,
    "order total as predicted": () => ordered.totalAmount === paid,
  });
};

const lookAtBalance = (user) => {
  const res = get("6_get_balance", `/users/${user}/balance`);
  const seen = res.json();
  check(res, {
    "get balance 200": (r) => r.status === 200,
    "balance as predicted": () => seen.balance === balance,
  });
};

export default ({ policyIds, prices }) => {
  const user = logIn();
  charge(user);
  const coupon = claim(user, policyIds[__VU % policyIds.length]) ? issuedCoupon(user) : undefined;
  order(user, topProducts(), coupon, prices);
  lookAtBalance(user);
};
