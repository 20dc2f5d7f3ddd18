// The seed's script for persona A, as its team ran it: `k6 run bench/k6/test.js`.
//
// BASE_URL   the server, http://127.0.0.1:8080 unless said otherwise
// SCENARIO   iterations (default: 300 VUs once each), flow_10vus, flow_100vus, flow_300vus, ramping
import http from "k6/http";
import { check, sleep } from "k6";
import { Counter, Rate, Trend } from "k6/metrics";

const BASE_URL = __ENV.BASE_URL || "http://127.0.0.1:8080";

const ramping = (stages, gracefulStop, startTime = "0s") => ({
  executor: "ramping-vus",
  startVUs: 0,
  stages,
  gracefulStop,
  startTime,
});

const SCENARIOS = {
  iterations: { executor: "per-vu-iterations", vus: 300, iterations: 1, maxDuration: "1m" },
  flow_10vus: ramping(
    [
      { duration: "30s", target: 10 },
      { duration: "1m", target: 10 },
      { duration: "10s", target: 0 },
    ],
    "10s",
  ),
  flow_100vus: ramping(
    [
      { duration: "30s", target: 100 },
      { duration: "1m", target: 100 },
      { duration: "10s", target: 0 },
    ],
    "10s",
  ),
  flow_300vus: ramping(
    [
      { duration: "30s", target: 300 },
      { duration: "2m", target: 300 },
      { duration: "20s", target: 0 },
    ],
    "20s",
  ),
  ramping: ramping(
    [
      { duration: "1m", target: 100 },
      { duration: "1m", target: 200 },
      { duration: "1m", target: 300 },
      { duration: "2m", target: 300 },
      { duration: "30s", target: 0 },
    ],
    "30s",
    "10s",
  ),
};

export const options = {
  scenarios: { e_commerce_flow: SCENARIOS[__ENV.SCENARIO || "iterations"] },
  // The seed only looked at its checks; here they decide the exit code.
  thresholds: { checks: ["rate==1"] },
};

const httpFailures = new Rate("http_req_failed");
const httpSuccess = new Rate("http_req_success");
const requests = new Counter("http_reqs");

const chargeTime = new Trend("charge_balance_time");
const couponTime = new Trend("coupon_issue_time");
const couponCheckTime = new Trend("coupon_check_time");
const top5Time = new Trend("get_top5_time");
const orderTime = new Trend("order_time");

const trackMetrics = (res, trendMetric) => {
  if (trendMetric) {
    trendMetric.add(res.timings.duration);
  }
  httpFailures.add(res.status >= 400);
  httpSuccess.add(res.status < 400);
  requests.add(1);
};

export const setup = () => {
  const url = `${BASE_URL}/init`;
  const res = http.post(url, null, { headers: { "Content-Type": "application/json" } });
  check(res, { "init 200": (r) => r.status === 200 });
  const body = res.json();
  console.log("System initialized:", JSON.stringify(body));
  return { policyIds: body.policyIds };
};

// 0. The user's id by its name
const getUserIdByName = (vuName) => {
  const url = `${BASE_URL}/users/id?name=${vuName}`;
  const res = http.get(url, { tags: { name: "0_get_userId" } });
  trackMetrics(res);
  check(res, { "getUserId 200": (r) => r.status === 200 });
  return res.json();
};

// 1. Charge the balance
const chargeBalance = (userId) => {
  const url = `${BASE_URL}/users/${userId}/balance`;
  const payload = JSON.stringify({ amount: 10000 });
  const res = http.post(url, payload, {
    headers: { "Content-Type": "application/json" },
    tags: { name: "1_charge_balance" },
  });
  trackMetrics(res, chargeTime);
  check(res, { "charge 201": (r) => r.status === 201 });
  return res.json();
};

// 2. Claim a coupon
const claimCoupon = (userId, policyId) => {
  const url = `${BASE_URL}/coupons?userId=${userId}&policyId=${policyId}`;
  const res = http.post(url, null, { tags: { name: "2_claim_coupon" } });
  trackMetrics(res, couponTime);
  check(res, {
    "coupon response valid": (r) => {
      if (![201, 400, 409].includes(r.status)) {
        console.error(`Unexpected coupon status: ${r.status}, body=${r.body}`);
      }
      return [201, 400, 409].includes(r.status);
    },
  });
  return res.status === 201;
};

// 3. The user's coupons, after a short wait
const getUserCoupons = (userId) => {
  sleep(1);
  const url = `${BASE_URL}/users/${userId}/coupons`;
  const res = http.get(url, { tags: { name: "3_get_coupons" } });
  trackMetrics(res, couponCheckTime);
  check(res, { "get coupons 200": (r) => r.status === 200 });
  return res.json() || [];
};

// 4. The products sold most
const getTopProducts = () => {
  const url = `${BASE_URL}/products/top/realtime`;
  const res = http.get(url, { tags: { name: "4_get_top_products" } });
  trackMetrics(res, top5Time);
  check(res, { "top5 200": (r) => r.status === 200 });
  return res.json() || [];
};

// 5. Order them, with the coupon if there is one
const createOrder = (userId, products, coupon) => {
  const url = `${BASE_URL}/orders`;
  const payload = JSON.stringify({
    userId,
    couponId: coupon ? coupon.couponId : null,
    items: products.map((p) => ({ productId: p.productId, quantity: 1 })),
  });
  const res = http.post(url, payload, {
    headers: { "Content-Type": "application/json" },
    tags: { name: "5_create_order" },
  });
  trackMetrics(res, orderTime);
  check(res, { "order 201": (r) => r.status === 201 });
  return res.json();
};

const test = (data) => {
  const { policyIds } = data;
  const vuName = `u${__VU}`;
  const userId = getUserIdByName(vuName);

  chargeBalance(userId);

  const policyId = policyIds[__VU % policyIds.length];
  const issued = claimCoupon(userId, policyId);
  const coupons = issued ? getUserCoupons(userId) : [];

  const top5 = getTopProducts().slice(0, 5);
  if (top5.length > 0) {
    createOrder(userId, top5, coupons?.[0]);
  }
};

export default test;
