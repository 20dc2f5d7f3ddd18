//! Another team's shop: what it lacks is found before anything is erased, and what it does wrong
//! is named by public reads alone.

use crate::program::{Ran, Run, stack};
use crate::theirs::{Manners, Theirs};

const RIGHT: Manners = Manners {
    right_price: true,
    locked: false,
    no_products: false,
    keeps: false,
    sold_out: false,
};
const HHPLUS: &str = "--profile hhplus --coupon-wait 20ms --sla none";
const TOTALS: &str = "order totals as predicted (from POST /orders)";
const BALANCES: &str = "users with the predicted balance (from GET /users/{user}/balance)";
const DISCOUNTED: &str = "users who paid less for a coupon (from GET /users/{user}/balance)";
const LIMIT: &str =
    "claims accepted ≤ --coupons (from POST /coupons?userId={user}&policyId={policy})";

async fn theirs(manners: Manners, args: &str) -> (Ran, Theirs) {
    let (theirs, host) = Theirs::start(manners).await;
    let ran = Run::against(&host, args).finish().await;
    (ran, theirs)
}

#[track_caller]
fn assert_broken(ran: &Ran, rules: &[&str]) {
    assert_eq!(ran.code, 98, "{}\n{}", ran.stdout, ran.stderr);
    assert_eq!(ran.broken(), rules, "{}", ran.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_right_price_their_server_passes_and_what_was_not_judged_is_said() {
    let (ran, theirs) = theirs(RIGHT, HHPLUS).await;
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
    assert_eq!(ran.actual(TOTALS), 10);
    assert_eq!(ran.actual(BALANCES), 10);
    assert_eq!(ran.actual(DISCOUNTED), 10);
    let stock = "stock taken = items ordered (from GET /products)";
    assert_eq!(ran.actual(stock), 50);
    let sold = "sold in the top list = items ordered (from GET /products/top/realtime)";
    assert_eq!(ran.actual(sold), 50);
    let coupons = "users with the predicted coupons (from GET /users/{user}/coupons)";
    assert_eq!(ran.actual(coupons), 10);
    // Seven of each user, and the set-up's.
    assert_eq!(ran.metric("http_reqs")["count"], 71);
    let warnings = ran.summary["warnings"].to_string();
    let said = "there is no ledger (the API has none), so these could not be judged: ";
    assert_eq!(warnings.matches(said).count(), 1, "{warnings}");
    for row in [
        "products  GET /products               5 products",
        "ledger    -                           no",
        "health    GET /actuator/health        well",
        "sent: a loopback address",
    ] {
        assert!(ran.stderr.contains(row), "{row}: {}", ran.stderr);
    }
    assert_eq!(theirs.asked("POST /init"), 1);
    assert_eq!(theirs.asked("GET /ledger"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_full_price_in_spite_of_a_coupon_is_named() {
    let (ran, _) = theirs(Manners::default(), HHPLUS).await;
    assert_broken(&ran, &[BALANCES, DISCOUNTED]);
    assert_eq!(ran.actual(DISCOUNTED), 0);
    let said = "the full price was taken, 2000 won too much, in spite of a coupon";
    assert!(ran.reasons().contains(said), "{}", ran.reasons());
}

#[tokio::test(flavor = "multi_thread")]
async fn where_totals_are_to_be_net_the_answer_alone_shows_it() {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    let hhplus = include_str!("../../profiles/hhplus.toml");
    let net = hhplus.replace("total_is = \"gross\"", "total_is = \"net\"");
    assert_ne!(net, hhplus);
    std::fs::write(file.path(), net).expect("it can be written");
    let args = format!(
        "--config {} --coupon-wait 20ms --sla none",
        file.path().display()
    );
    let (ran, _) = theirs(Manners::default(), &args).await;
    assert_broken(&ran, &[BALANCES, DISCOUNTED, TOTALS]);
    let said = "total 10000 for 10000 less 2000, the full price in spite of a coupon";
    assert!(ran.reasons().contains(said), "{}", ran.reasons());
}

#[tokio::test(flavor = "multi_thread")]
async fn coupons_beyond_what_was_asked_for_break_a_rule() {
    let (ran, _) = theirs(RIGHT, &format!("{HHPLUS} --coupons 4")).await;
    assert_broken(&ran, &[LIMIT]);
    assert_eq!(ran.actual(LIMIT), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_of_one_time_look_like_a_time_out() {
    let manners = Manners {
        locked: true,
        ..RIGHT
    };
    let (ran, _) = theirs(manners, &format!("{HHPLUS} --limit unknown=100%")).await;
    let said = "all 10 failures of 5_create_order took 3.0 s: that looks like a time-out";
    let warnings = ran.summary["warnings"].to_string();
    assert!(warnings.contains(said), "{warnings}");
    assert!(ran.stdout.contains(said), "{}", ran.stdout);
    // Every order failed, and so no iteration was complete: that breaks no rule of the books.
    assert_eq!(ran.code, 99, "{}", ran.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_can_not_be_tested_is_left_as_it_is() {
    let no_products = Manners {
        no_products: true,
        ..RIGHT
    };
    // (what it does, flags, what is said)
    let rows = [
        (RIGHT, "--vus 1 --iterations 1", "there is no 'productId'"),
        (no_products, HHPLUS, "GET /products was answered with 500"),
        (
            RIGHT,
            "--profile hhplus --policies 1,2 --allow-reset",
            "1,2 are policies that --allow-reset would erase",
        ),
    ];
    for (manners, args, expected) in rows {
        let (ran, theirs) = theirs(manners, args).await;
        assert_eq!(ran.code, 104, "{args}: {}", ran.stderr);
        assert!(ran.stderr.contains(expected), "{args}: {}", ran.stderr);
        assert_eq!(theirs.asked("POST"), 0, "{args}");
        assert_eq!(
            ran.summary["exit_code"], 104,
            "{args}: who waits for it has it"
        );
    }
}

/// Without a ledger, what the first user has tells that nothing was erased.
#[tokio::test(flavor = "multi_thread")]
async fn a_reset_that_erased_nothing_is_found_without_a_ledger() {
    // With the full price in spite of a coupon no money is left, and the used coupon is.
    let rows = [
        (
            true,
            "GET /users/{user}/balance still has 2000 won for user 1",
        ),
        (
            false,
            "GET /users/{user}/coupons still has 1 coupons for user 1",
        ),
    ];
    for (right_price, said) in rows {
        let keeps = Manners {
            keeps: true,
            right_price,
            ..Manners::default()
        };
        let (_theirs, host) = Theirs::start(keeps).await;
        let first = Run::against(&host, HHPLUS).finish().await;
        assert_ne!(first.code, 97, "{}\n{}", first.stdout, first.stderr);
        let ran = Run::against(&host, HHPLUS).finish().await;
        assert_eq!(ran.code, 97, "{}\n{}", ran.stdout, ran.stderr);
        let said = format!("POST /init did not do what it was asked for: {said}");
        assert!(ran.reasons().contains(&said), "{}", ran.reasons());
    }
}

/// Without a ledger, a claim may be refused only if as many as there are coupons came before.
#[tokio::test(flavor = "multi_thread")]
async fn claims_refused_with_coupons_to_spare_are_named_without_a_ledger() {
    let sold_out = Manners {
        sold_out: true,
        ..RIGHT
    };
    let (ran, _) = theirs(sold_out, HHPLUS).await;
    let source = "(from POST /coupons?userId={user}&policyId={policy})";
    assert_broken(
        &ran,
        &[&format!("claims refused ≤ claims − coupons {source}")],
    );
}

/// With policies named, what is there is used: users are new, and nothing is erased.
#[tokio::test(flavor = "multi_thread")]
async fn a_shop_that_is_kept_is_used_as_it_is() {
    let (theirs, host) = Theirs::start(RIGHT).await;
    // Twice each: in the second iteration the used coupon is still in the list.
    let args = format!("{HHPLUS} --policies 1,2,3 --vus 5 --iterations-per-vu 2");
    for _ in 0..2 {
        let ran = Run::against(&host, &args).finish().await;
        assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
        assert_eq!(ran.actual(BALANCES), 5);
        assert!(ran.stderr.contains("not sent"), "{}", ran.stderr);
    }
    assert_eq!(theirs.asked("POST /init"), 0);
    assert_eq!(theirs.asked("POST /orders"), 20);
    assert_eq!(theirs.asked("GET /users/id?name=u1-"), 4);
}

/// The same of our own server, ledger included.
#[tokio::test(flavor = "multi_thread")]
async fn our_own_shop_is_kept_with_all_its_books() {
    let stack = stack().await;
    let args = "--vus 3 --iterations-per-vu 2 --coupon-wait 50ms --sla none";
    let first = Run::against(stack.base_url(), args).finish().await;
    assert_eq!(first.code, 0, "{}\n{}", first.stdout, first.stderr);
    let url = stack.postgres().url();
    let ids = tokio::process::Command::new("psql")
        .args([
            url,
            "-qAtc",
            "SELECT string_agg(id::text, ',') FROM coupon_policies",
        ])
        .output()
        .await
        .expect("psql is there");
    let ids = String::from_utf8_lossy(&ids.stdout).trim().to_owned();
    let kept = format!("{args} --policies {ids},");
    let ran = Run::against(stack.base_url(), &kept).finish().await;
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
    assert_eq!(ran.actual("orders = acknowledged"), 6);
    assert_eq!(ran.actual("coupons issued = accepted claims"), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_keys_of_the_api_are_named_with_the_nearest() {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    let toml = "vus = 1\niterations = 1\n[api]\nproducts.ids = \"id\"\n";
    std::fs::write(file.path(), toml).expect("it can be written");
    let path = file.path().display();
    let ran = Run::bare(&format!("validate --config {path}")).await;
    assert_eq!(ran.code, 104, "{}", ran.stderr);
    let said = format!(
        "api.products.ids in {path}: there is no such key; did you mean id? known are id, path, price, stock"
    );
    assert!(ran.stderr.contains(&said), "{}", ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_capacity_search_is_refused_in_the_same_words() {
    let (theirs, host) = Theirs::start(RIGHT).await;
    let ran = Run::bare(&format!("capacity --host {host} --from 1 --to 2 --hold 2s")).await;
    assert_eq!(ran.code, 104, "{}\n{}", ran.stdout, ran.stderr);
    assert!(
        ran.stderr.contains("there is no 'productId'"),
        "{}",
        ran.stderr
    );
    assert_eq!(theirs.asked("POST"), 0);
}

/// The file in the manual is one that the program takes.
#[tokio::test]
async fn the_manuals_file_is_valid() {
    let page = include_str!("../../../docs/other-shops.md");
    let toml = page
        .split("```toml\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next());
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), toml.expect("a file")).expect("it can be written");
    let path = file.path().display();
    let ran = Run::bare(&format!("validate --config {path}")).await;
    assert_eq!(ran.code, 0, "{}", ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_elsewhere_is_erased_only_with_consent() {
    let (theirs, host) = Theirs::start(RIGHT).await;
    let port = host.rsplit(':').next().expect("a port");
    let elsewhere = format!("http://shop.invalid:{port}");
    let args = format!("{HHPLUS} --resolve shop.invalid:{port}:127.0.0.1");
    let refused = Run::against(&elsewhere, &args).finish().await;
    assert_eq!(refused.code, 104, "{}", refused.stderr);
    let said = format!(
        "error: {elsewhere} may hold data that somebody needs: it is erased (POST /init) only with \
         --allow-reset; to use what is there, name its coupon policies, as in --policies 1,2,3"
    );
    assert!(refused.stderr.contains(&said), "{}", refused.stderr);
    assert_eq!(theirs.asked("POST"), 0);
    let allowed = Run::against(&elsewhere, &format!("{args} --allow-reset"));
    let allowed = allowed.finish().await;
    assert_eq!(allowed.code, 0, "{}\n{}", allowed.stdout, allowed.stderr);
    assert!(
        allowed.stderr.contains("sent: --allow-reset"),
        "{}",
        allowed.stderr
    );
    assert_eq!(theirs.asked("POST /init"), 1);
}
