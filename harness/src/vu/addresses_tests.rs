use std::collections::BTreeMap;

use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn options(resolve: &[&str], local: &[&str]) -> ConnectOptions {
    let addresses: Vec<IpAddr> = resolve.iter().map(|text| ip(text)).collect();
    ConnectOptions {
        resolve: vec![super::super::options::Resolved {
            host: "shop.invalid".to_owned(),
            port: 80,
            addresses,
        }],
        local_addresses: local.iter().map(|text| ip(text)).collect(),
        ..ConnectOptions::default()
    }
}

async fn addresses(resolve: &[&str], local: &[&str]) -> Addresses {
    Addresses::of("shop.invalid", 80, &options(resolve, local))
        .await
        .expect("they are given")
}

fn route(from: Option<&str>, to: &str) -> Route {
    Route {
        from: from.map(ip),
        to: SocketAddr::new(ip(to), 80),
    }
}

fn at(text: &str) -> Vec<SocketAddr> {
    vec![SocketAddr::new(ip(text), 80)]
}

#[tokio::test]
async fn connections_are_spread_over_every_pair_of_addresses() {
    let addresses = addresses(&["10.0.0.1", "10.0.0.2"], &["10.1.0.1", "10.1.0.2"]).await;
    let mut first: BTreeMap<String, u32> = BTreeMap::new();
    for _ in 0..8 {
        let routes = addresses.routes().await;
        assert_eq!(routes.len(), 2);
        let Route { from, to } = routes[0];
        *first.entry(format!("{from:?} {to}")).or_default() += 1;
    }
    assert_eq!(first.len(), 4, "{first:?}");
    assert!(first.values().all(|count| *count == 2), "{first:?}");
}

#[tokio::test]
async fn a_local_address_serves_its_own_family_only() {
    let addresses = addresses(&["::1", "10.0.0.1"], &["10.1.0.1"]).await;
    let expected = [route(Some("10.1.0.1"), "10.0.0.1")];
    assert_eq!(addresses.routes().await, expected);
    assert_eq!(addresses.routes().await, expected);
}

#[tokio::test]
async fn without_local_addresses_the_system_chooses() {
    let addresses = addresses(&["::1", "10.0.0.1"], &[]).await;
    assert_eq!(
        addresses.routes().await,
        [route(None, "::1"), route(None, "10.0.0.1")]
    );
}

#[tokio::test]
async fn what_is_given_is_never_looked_up() {
    let addresses = addresses(&["10.0.0.1"], &[]).await;
    let later = Instant::now() + AGE * 2;
    let current = addresses.current(later, async || panic!("looked up")).await;
    assert_eq!(*current, *at("10.0.0.1"));
}

fn looked_up(since: Instant) -> Addresses {
    Addresses {
        host: "shop.invalid".to_owned(),
        port: 80,
        fixed: false,
        known: Mutex::new(Known {
            addresses: at("10.0.0.1").into(),
            since,
        }),
        looking: AtomicBool::new(false),
        local: Vec::new(),
        turn: AtomicUsize::new(0),
    }
}

#[tokio::test]
async fn a_name_is_looked_up_again_when_its_addresses_are_old() {
    let start = Instant::now();
    let addresses = looked_up(start);
    let young = start + AGE - Duration::from_millis(1);
    let current = addresses.current(young, async || panic!("looked up")).await;
    assert_eq!(*current, *at("10.0.0.1"));
    let current = addresses
        .current(start + AGE, async || Ok(at("10.0.0.2")))
        .await;
    assert_eq!(*current, *at("10.0.0.2"));
    let current = addresses
        .current(start + AGE, async || panic!("again"))
        .await;
    assert_eq!(*current, *at("10.0.0.2"));
}

#[tokio::test]
async fn old_addresses_are_kept_when_a_name_can_not_be_looked_up() {
    let start = Instant::now();
    let addresses = looked_up(start);
    let failing = async || Err(io::ErrorKind::TimedOut.into());
    let current = addresses.current(start + AGE, failing).await;
    assert_eq!(*current, *at("10.0.0.1"));
    let current = addresses
        .current(start + AGE * 2, async || Ok(Vec::new()))
        .await;
    assert_eq!(*current, *at("10.0.0.1"));
    let current = addresses
        .current(start + AGE * 3, async || Ok(at("10.0.0.2")))
        .await;
    assert_eq!(*current, *at("10.0.0.2"));
}

#[tokio::test]
async fn one_looks_up_while_the_others_go_on() {
    let start = Instant::now();
    let addresses = looked_up(start);
    let others = async || {
        let current = addresses
            .current(start + AGE, async || panic!("twice"))
            .await;
        assert_eq!(*current, *at("10.0.0.1"));
        Ok(at("10.0.0.2"))
    };
    let current = addresses.current(start + AGE, others).await;
    assert_eq!(*current, *at("10.0.0.2"));
}

#[tokio::test]
async fn a_connection_given_up_while_it_looks_leaves_that_to_the_next() {
    let start = Instant::now();
    let addresses = looked_up(start);
    let endless = addresses.current(start + AGE, async || std::future::pending().await);
    let given_up = tokio::time::timeout(Duration::from_millis(10), endless).await;
    assert!(given_up.is_err());
    let current = addresses
        .current(start + AGE, async || Ok(at("10.0.0.2")))
        .await;
    assert_eq!(*current, *at("10.0.0.2"));
}

#[tokio::test]
async fn a_name_has_each_address_once() {
    let found = look_up("localhost", 80).await.expect("it is in /etc/hosts");
    let mut unique = found.clone();
    unique.sort();
    unique.dedup();
    assert_eq!(unique.len(), found.len(), "{found:?}");
}

#[test]
fn an_address_of_another_machine_is_told_from_ours() {
    assert!(check_local(ip("127.0.0.1")).is_ok());
    let error = check_local(ip("192.0.2.1")).expect_err("it is for documentation");
    assert_eq!(error.kind(), io::ErrorKind::AddrNotAvailable);
}
