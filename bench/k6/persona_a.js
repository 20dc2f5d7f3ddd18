// Persona A for k6, from the shop's contract: the requests, bodies, checks and trends of our own
// generator, so that what it costs k6 can be compared with what it costs us.
//
// -e BASE_URL=…   the server
// -e WAIT=0       seconds between a claim and the look for its coupon (a profile's is 1)
//
// One load at one level, as the bench asks for it:
// -e VUS=300      virtual users
// -e RAMP=0       seconds in which they start; 0 starts them all at once
// -e HOLD=10      seconds that they shop then
//
// Or one of the profiles below, whose checks then decide the exit code:
// -e PROFILE=flow_300vus
import http from "k6/http";
import { check, sleep } from "k6";
import { Rate, Trend } from "k6/metrics";

const given = (name, otherwise) => (__ENV[name] ? __ENV[name] : otherwise);
const SERVER = given("BASE_URL", "http://127.0.0.1:8080");
const PROFILE = given("PROFILE", "");
const WAIT = Number(given("WAIT", PROFILE ? 1 : 0));

// ---- Loads

const stages = (text) =>
  text.split(" ").map((stage) => {
    const [duration, vus] = stage.split(":");
    return { duration, target: Number(vus) };
  });
const ramping = (text, more) => ({ executor: "ramping-vus", startVUs: 0, stages: stages(text), ...more });

const PROFILES = {
  flow_iterations: { executor: "per-vu-iterations", vus: 300, iterations: 1, maxDuration: "1m" },
  flow_10vus: ramping("30s:10 1m:10 10s:0", { gracefulStop: "10s" }),
  flow_100vus: ramping("30s:100 1m:100 10s:0", { gracefulStop: "10s" }),
  flow_300vus: ramping("30s:300 2m:300 20s:0", { gracefulStop: "20s" }),
  ramping: ramping("1m:100 1m:200 1m:300 2m:300 30s:0", { gracefulStop: "30s", startTime: "10s" }),
};

const atOneLevel = (vus, ramp, hold) =>
  ramp > 0
    ? ramping(`${ramp}s:${vus} ${hold}s:${vus}`, { gracefulStop: "30s" })
    : { executor: "constant-vus", vus, duration: `${hold}s`, gracefulStop: "30s" };

const chosen = () => {
  if (!PROFILE) {
    return atOneLevel(Number(given("VUS", 300)), Number(given("RAMP", 0)), Number(given("HOLD", 10)));
  }
  if (!PROFILES[PROFILE]) {
    throw new Error(`there is no profile '${PROFILE}'; known are ${Object.keys(PROFILES).join(", ")}`);
  }
  return PROFILES[PROFILE];
};
const LOAD = chosen();

const largest = ({ vus = 0, stages = [] }) => Math.max(vus, ...stages.map((stage) => stage.target));

export const options = {
  scenarios: { impulse_buyer: LOAD },
  thresholds: PROFILE ? { checks: ["rate==1"] } : {},
  summaryTrendStats: ["avg", "min", "med", "max", "p(90)", "p(95)", "p(99)", "count"],
};

// ---- The contract: a row for each request. A check is given the status and the parsed body of an
// answer, and what was predicted of it.

const answeredWith =
  (...statuses) =>
  ({ status }) =>
    statuses.includes(status);
const hasBalance = ({ body, predicted }) => body !== null && body.balance === predicted;

const CONTRACT = {
  userId: {
    name: "0_get_userId",
    path: (user) => `/users/id?name=${user.name}`,
    checks: { "getUserId 200": answeredWith(200) },
  },
  charge: {
    name: "1_charge_balance",
    method: "POST",
    path: (user) => `/users/${user.id}/balance`,
    expects: [201],
    trend: "charge_balance_time",
    checks: { "charge 201": answeredWith(201), "charged balance as predicted": hasBalance },
  },
  claim: {
    name: "2_claim_coupon",
    method: "POST",
    path: (user) => `/coupons?userId=${user.id}&policyId=${user.policy}`,
    expects: [201, 400, 409],
    trend: "coupon_issue_time",
    checks: { "coupon response valid": answeredWith(201, 400, 409) },
  },
  coupons: {
    name: "3_get_coupons",
    path: (user) => `/users/${user.id}/coupons`,
    trend: "coupon_check_time",
    checks: { "get coupons 200": answeredWith(200) },
  },
  top: {
    name: "4_get_top_products",
    path: () => "/products/top/realtime",
    trend: "get_top5_time",
    checks: {
      "top5 200": answeredWith(200),
      "top products complete": ({ body, predicted }) => body !== null && body.length >= predicted,
    },
  },
  order: {
    name: "5_create_order",
    method: "POST",
    path: () => "/orders",
    expects: [201],
    trend: "order_time",
    checks: {
      "order 201": answeredWith(201),
      "order total as predicted": ({ body, predicted }) => body !== null && body.totalAmount === predicted,
    },
  },
  balance: {
    name: "6_get_balance",
    path: (user) => `/users/${user.id}/balance`,
    checks: { "get balance 200": answeredWith(200), "balance as predicted": hasBalance },
  },
};

// What k6 needs of a row is made once, not in every request.
for (const row of Object.values(CONTRACT)) {
  const answers = { tags: { name: row.name }, responseCallback: http.expectedStatuses(...(row.expects || [200])) };
  row.bare = answers;
  row.withBody = { ...answers, headers: { "Content-Type": "application/json" } };
  row.time = row.trend ? new Trend(row.trend, true) : null;
}
const succeeded = PROFILE ? new Rate("http_req_success") : null;

const parsed = (answer) => {
  try {
    return answer.json();
  } catch (_) {
    return null;
  }
};

const send = (row, user, { body, predicted } = {}) => {
  const url = SERVER + row.path(user);
  const answer =
    body === undefined
      ? http.request(row.method || "GET", url, null, row.bare)
      : http.request(row.method, url, JSON.stringify(body), row.withBody);
  if (row.time) {
    row.time.add(answer.timings.duration);
  }
  if (succeeded) {
    succeeded.add(answer.status > 0 && answer.status < 400);
  }
  const seen = { status: answer.status, body: parsed(answer), predicted };
  check(seen, row.checks);
  return seen;
};

// ---- Set-up: the shop anew, and what it costs there

const SHOP = { policies: 5, discount: 2000, coupons: PROFILE === "flow_iterations" ? 100 : 100000000 };

export const setup = () => {
  const asked = {
    users: Math.max(largest(LOAD), 300),
    coupons: { policies: SHOP.policies, total: SHOP.coupons, discount: SHOP.discount },
  };
  const headers = { "Content-Type": "application/json" };
  const answer = http.post(`${SERVER}/init`, JSON.stringify(asked), { headers });
  check(answer, { "init 200": ({ status }) => status === 200 });
  const prices = {};
  for (const { productId, price } of http.get(`${SERVER}/products`).json()) {
    prices[productId] = price;
  }
  return { policies: answer.json().policyIds, prices };
};

// ---- The persona, step by step

const BASKET = 5;
const LOOKS = 20;
const LOOK_AGAIN_AFTER = 0.25;

// Every VU has a module of its own, and so a user of its own.
const user = { name: "", id: 0, policy: 0, balance: 0 };

const logIn = (policies) => {
  user.name = `u${__VU}`;
  user.policy = policies[__VU % policies.length];
  user.id = send(CONTRACT.userId, user).body;
};

const charge = (amount) => {
  user.balance += amount;
  send(CONTRACT.charge, user, { body: { amount }, predicted: user.balance });
};

const oldestCoupon = () => (send(CONTRACT.coupons, user).body || [])[0];

const claimCoupon = () => {
  if (send(CONTRACT.claim, user).status !== 201) {
    return undefined;
  }
  if (WAIT > 0) {
    sleep(WAIT);
  }
  let coupon = oldestCoupon();
  for (let look = 0; !coupon && look < LOOKS; look += 1) {
    sleep(LOOK_AGAIN_AFTER);
    coupon = oldestCoupon();
  }
  check(coupon, { "coupon visible after the claim": Boolean });
  return coupon;
};

const topProducts = () => (send(CONTRACT.top, user, { predicted: BASKET }).body || []).slice(0, BASKET);

const order = (products, coupon, prices) => {
  const price = products.reduce((sum, { productId }) => sum + prices[productId], 0);
  const paid = Math.max(price - (coupon ? coupon.discount : 0), 0);
  const body = {
    userId: user.id,
    couponId: coupon ? coupon.couponId : null,
    items: products.map(({ productId }) => ({ productId, quantity: 1 })),
  };
  if (send(CONTRACT.order, user, { body, predicted: paid }).status === 201) {
    user.balance -= paid;
  }
};

export default ({ policies, prices }) => {
  logIn(policies);
  charge(BASKET * Math.max(...Object.values(prices)));
  const coupon = claimCoupon();
  order(topProducts(), coupon, prices);
  send(CONTRACT.balance, user, { predicted: user.balance });
};
