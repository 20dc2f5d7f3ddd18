use tokio::net::TcpListener;

use super::*;

fn addresses(list: &[&str]) -> Vec<SocketAddr> {
    let parse = |text: &&str| text.parse().expect("an address");
    list.iter().map(parse).collect()
}

/// A socket that accepts nobody, filled until the kernel drops what asks for more; it is full as
/// long as the second value lives.
async fn black_hole(address: &str) -> (SocketAddr, impl Sized) {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket
        .bind(address.parse().expect("an address"))
        .expect("a free port");
    let listener = socket.listen(0).expect("it is bound");
    let address = listener.local_addr().expect("it is bound");
    let mut held = Vec::new();
    let soon = Duration::from_millis(100);
    while let Ok(Ok(stream)) = tokio::time::timeout(soon, TcpStream::connect(address)).await {
        held.push(stream);
        assert!(held.len() < 100, "it is never full");
    }
    (address, (listener, held))
}

async fn listener(address: &str) -> (SocketAddr, TcpListener) {
    let listener = TcpListener::bind(address).await.expect("a free port");
    (listener.local_addr().expect("it is bound"), listener)
}

fn routes(to: &[SocketAddr]) -> Vec<Route> {
    let route = |to: &SocketAddr| Route {
        from: None,
        to: *to,
    };
    to.iter().map(route).collect()
}

#[test]
fn every_address_begins_in_its_turn_and_the_families_take_turns() {
    let known = addresses(&["[::1]:1", "[::2]:1", "[::3]:1", "10.0.0.1:1", "10.0.0.2:1"]);
    let [a, b, c, x, y] = known[..] else {
        unreachable!("five of them")
    };
    let expected = [
        [a, x, b, y, c],
        [b, x, c, y, a],
        [c, x, a, y, b],
        [x, a, y, b, c],
        [y, a, x, b, c],
    ];
    for turn in 0..10 {
        assert_eq!(in_turn(&known, turn), expected[turn % 5], "{turn}");
    }
    assert_eq!(in_turn(&[], 3), []);
}

#[tokio::test]
async fn an_address_that_swallows_everything_costs_a_moment() {
    let (hole, _held) = black_hole("127.0.0.1:0").await;
    let (open, _listener) = listener("127.0.0.1:0").await;
    let began = Instant::now();
    let stream = dial(&routes(&[hole, open])).await.expect("one of them");
    let took = began.elapsed();
    assert_eq!(stream.peer_addr().expect("it is connected"), open);
    let expected = ATTEMPT_DELAY..ATTEMPT_DELAY + Duration::from_millis(200);
    assert!(expected.contains(&took), "{took:?}");
    assert!(stream.nodelay().expect("it is connected"));
}

#[tokio::test]
async fn an_address_that_refuses_costs_nothing() {
    let (closed, dropped) = listener("127.0.0.1:0").await;
    drop(dropped);
    let (open, _listener) = listener("127.0.0.1:0").await;
    let began = Instant::now();
    let stream = dial(&routes(&[closed, open])).await.expect("one of them");
    assert_eq!(stream.peer_addr().expect("it is connected"), open);
    assert!(began.elapsed() < ATTEMPT_DELAY / 2, "{:?}", began.elapsed());
}

#[tokio::test]
async fn what_went_wrong_is_said() {
    let (closed, dropped) = listener("127.0.0.1:0").await;
    drop(dropped);
    for count in 1..=3 {
        let error = dial(&routes(&vec![closed; count])).await;
        let kind = error.expect_err("nobody is there").kind();
        assert_eq!(kind, io::ErrorKind::ConnectionRefused, "{count}");
    }
    let error = dial(&[]).await.expect_err("nowhere to go").to_string();
    assert_eq!(error, "there is no address to connect to");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_connection_comes_from_where_it_should() {
    let (to, listener) = listener("127.0.0.1:0").await;
    for from in ["127.0.0.7", "127.0.0.8"] {
        let from = Some(from.parse().expect("an address"));
        let stream = dial(&[Route { from, to }]).await.expect("it listens");
        let (_accepted, peer) = listener.accept().await.expect("a connection");
        assert_eq!(Some(peer.ip()), from);
        assert_eq!(stream.local_addr().expect("it is connected"), peer);
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_port_is_chosen_late() {
    use nix::sys::socket::{getsockopt, sockopt::IpBindAddressNoPort};
    let (to, _listener) = listener("127.0.0.1:0").await;
    let from = Some("127.0.0.7".parse().expect("an address"));
    let stream = dial(&[Route { from, to }]).await.expect("it listens");
    assert_eq!(getsockopt(&stream, IpBindAddressNoPort), Ok(true));
}
