//! Ephemeral ports: how many connections this machine can still open to an address. Linux only;
//! elsewhere nothing is known.

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;

/// The ports for connections from one address to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ports {
    /// Those that the system gives out.
    pub(crate) all: u64,
    /// Those of them that a connection between the two has, or had until a minute ago.
    pub(crate) taken: u64,
}

/// The ports from `from`, or from wherever the system chooses, to `to`.
pub(crate) fn between(from: Option<IpAddr>, to: SocketAddr) -> Option<Ports> {
    let read = |path: &str| fs::read_to_string(path).ok();
    let range = range(&read("/proc/sys/net/ipv4/ip_local_port_range")?)?;
    let reuse = read("/proc/sys/net/ipv4/tcp_tw_reuse").unwrap_or_default();
    // 2 is for connections within the machine, and Linux's default.
    let waits = match reuse.trim() {
        "1" => false,
        "2" => !to.ip().to_canonical().is_loopback(),
        _ => true,
    };
    // A socket for IPv6 may lead to an IPv4 address, so both tables count.
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| read(path).unwrap_or_default());
    let connections = tables.iter().flat_map(|table| table.lines());
    let connections = connections.filter_map(connection);
    Some(count(&range, connections, from, to, waits))
}

/// A line of `/proc/net/tcp`.
#[derive(Debug, PartialEq, Eq)]
struct Connection {
    from: SocketAddr,
    to: SocketAddr,
    /// It is over, and its ports are kept for a minute (TIME_WAIT).
    waits: bool,
}

fn count(
    range: &RangeInclusive<u16>,
    connections: impl Iterator<Item = Connection>,
    from: Option<IpAddr>,
    to: SocketAddr,
    waits: bool,
) -> Ports {
    let ours = connections.filter(|connection| {
        connection.to.ip() == to.ip().to_canonical()
            && connection.to.port() == to.port()
            && from.is_none_or(|from| connection.from.ip() == from.to_canonical())
            && (waits || !connection.waits)
    });
    let ports = ours.map(|connection| connection.from.port());
    let taken: BTreeSet<u16> = ports.filter(|port| range.contains(port)).collect();
    Ports {
        all: range.len() as u64,
        taken: taken.len() as u64,
    }
}

/// `32768 60999`, with a tab between them.
fn range(text: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = text.trim().split_once(char::is_whitespace)?;
    Some(first.parse().ok()?..=last.trim().parse().ok()?)
}

/// ```text
///   sl  local_address rem_address   st tx_queue …
///    0: 0100007F:4E20 0100007F:1F90 06 00000000:00000000 …
/// ```
fn connection(line: &str) -> Option<Connection> {
    let mut words = line.split_whitespace().skip(1);
    let (from, to, state) = (words.next()?, words.next()?, words.next()?);
    Some(Connection {
        from: address(from)?,
        to: address(to)?,
        waits: state == "06",
    })
}

/// An address as words of 32 bits, each as the machine keeps it, and a port: all hexadecimal.
fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| {
        let word = u32::from_str_radix(ip.get(at..at + 8)?, 16).ok()?;
        Some(word.to_ne_bytes())
    };
    let ip = match ip.len() {
        8 => IpAddr::from(Ipv4Addr::from(word(0)?)),
        32 => {
            let words = [word(0)?, word(8)?, word(16)?, word(24)?].concat();
            IpAddr::from(Ipv6Addr::from(<[u8; 16]>::try_from(words).ok()?))
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip.to_canonical(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two connections to 127.0.0.1:8080, one of them over; one from another address; a listener;
    /// one from a port beyond the range; and one of IPv6 to the same IPv4 address.
    const TABLE: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:4E20 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 1 1
   1: 0100007F:4E21 0100007F:1F90 06 00000000:00000000 03:00000A8C 00000000     0        0 0 3
   2: 0200007F:4E22 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 1 1
   3: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1
   4: 0100007F:0001 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 1 1
   5: 0000000000000000FFFF00000100007F:4E23 0000000000000000FFFF00000100007F:1F90 01 0:0 00:0 0 0";

    #[test]
    #[cfg(target_endian = "little")]
    fn ports_are_counted_by_where_connections_lead_and_come_from() {
        let range = range("20000\t20049\n").expect("a range");
        let to: SocketAddr = "127.0.0.1:8080".parse().expect("an address");
        let count = |from: Option<&str>, to, waits| {
            let from = from.map(|from| from.parse().expect("an address"));
            let connections = TABLE.lines().filter_map(connection);
            let ports = count(&range, connections, from, to, waits);
            assert_eq!(ports.all, 50);
            ports.taken
        };
        assert_eq!(count(None, to, true), 4);
        assert_eq!(count(None, to, false), 3, "TIME_WAIT is used again");
        assert_eq!(count(Some("127.0.0.1"), to, true), 3);
        assert_eq!(count(Some("127.0.0.2"), to, true), 1);
        let elsewhere = "127.0.0.1:8081".parse().expect("an address");
        assert_eq!(count(None, elsewhere, true), 0);
    }

    #[test]
    fn what_is_no_connection_is_none() {
        for line in [
            "",
            "sl local",
            "0: 01:1 02:2 01",
            "0: XX00007F:1 0100007F:2 01",
        ] {
            assert_eq!(connection(line), None, "{line}");
        }
        assert_eq!(range("1 2 3"), None);
        assert_eq!(range(""), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_machine_says_how_many_it_has() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let to = listener.local_addr().expect("bound");
        let before = between(None, to).expect("Linux");
        assert!(before.all > 0);
        assert_eq!(before.taken, 0);
        let _open: Vec<_> = (0..3)
            .map(|_| std::net::TcpStream::connect(to).expect("connected"))
            .collect();
        assert_eq!(between(None, to).expect("Linux").taken, 3);
    }
}
