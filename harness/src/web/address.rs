//! Where the live page is served. Pure.

use std::net::SocketAddr;

/// Where it is served if the flag names no address: on this machine alone.
pub const DEFAULT: &str = "127.0.0.1:5665";

/// Reads an address with its port; `localhost` is 127.0.0.1.
///
/// # Errors
/// What would be right.
pub fn parse(text: &str) -> Result<SocketAddr, String> {
    let local = text.strip_prefix("localhost:");
    let numbers = local.map_or_else(|| text.to_owned(), |port| format!("127.0.0.1:{port}"));
    numbers.parse().map_err(|_| {
        format!(
            "'{text}' is not an address with a port; write it as {DEFAULT}, or with port 0 for any \
             free one"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_numbers_and_a_port() {
        let rows = [
            (DEFAULT, Some("127.0.0.1:5665")),
            ("localhost:0", Some("127.0.0.1:0")),
            ("[::1]:80", Some("[::1]:80")),
            ("0.0.0.0:5665", Some("0.0.0.0:5665")),
            ("5665", None),
            ("127.0.0.1", None),
            ("example.org:80", None),
            ("localhost:", None),
            ("", None),
        ];
        for (text, expected) in rows {
            let found = parse(text).ok().map(|address| address.to_string());
            assert_eq!(found.as_deref(), expected, "{text}");
        }
    }
}
