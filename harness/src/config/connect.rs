//! Reads how connections are made: whom to trust, which addresses to use, how long to keep them.

use std::net::IpAddr;
use std::path::PathBuf;

use super::parse;
use super::reader::Reader;
use crate::secret::mistyped_address;
use crate::vu::{ConnectOptions, Identity, Resolved};

/// Everything about connections.
pub(super) fn connect(reader: &mut Reader) -> ConnectOptions {
    ConnectOptions {
        ca_file: reader.parse("ca_file", file),
        insecure: reader.is_on("insecure"),
        identity: identity(reader),
        resolve: reader.parse_all("resolve", resolved).unwrap_or_default(),
        local_addresses: reader
            .parse_all("local_address", local_address)
            .unwrap_or_default(),
        connection_age: reader.parse("connection_age", parse::positive_duration),
        most_body: reader.parse("max_body", size),
        http2: reader.is_on("http2"),
    }
}

fn identity(reader: &mut Reader) -> Option<Identity> {
    let certificate = reader.parse("client_cert", file);
    let key = reader.parse("client_key", file);
    let mut alone = |key, other: &str| {
        reader.problem(key, format!("needs {other} FILE as well"));
    };
    match (&certificate, &key) {
        (Some(_), None) => alone("client_cert", "--client-key"),
        (None, Some(_)) => alone("client_key", "--client-cert"),
        _ => {}
    }
    Some(Identity {
        certificate: certificate?,
        key: key?,
    })
}

/// A number of bytes, as in `64MiB`.
pub(super) fn size(text: &str) -> Result<usize, String> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let shift = match unit.trim() {
        "" | "B" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        _ => usize::BITS,
    };
    let number = number.parse::<usize>().ok();
    let bytes = number.and_then(|number| number.checked_mul(1_usize.checked_shl(shift)?));
    bytes.ok_or_else(|| format!("'{text}' is no size; write 64MiB, 512KiB or a number of bytes"))
}

fn file(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() {
        Err("names no file".to_owned())
    } else {
        Ok(PathBuf::from(text))
    }
}

/// `HOST:PORT:ADDRESS`, several addresses with commas between them.
pub(super) fn resolved(text: &str) -> Result<Resolved, String> {
    let wrong = || {
        format!(
            "'{}' is not a name's address; write HOST:PORT:ADDRESS as in \
             api.example:443:127.0.0.1, IPv6 as [::1]",
            mistyped_address(text)
        )
    };
    let mut parts = text.trim().splitn(3, ':');
    let mut part = || parts.next().filter(|part| !part.is_empty());
    let (host, port, addresses) = part()
        .and_then(|host| Some((host, part()?, part()?)))
        .ok_or_else(wrong)?;
    let port = port.parse().ok().filter(|port| *port > 0);
    let addresses: Option<Vec<IpAddr>> = addresses.split(',').map(address).collect();
    Ok(Resolved {
        host: host.to_lowercase(),
        port: port.ok_or_else(wrong)?,
        addresses: addresses.ok_or_else(wrong)?,
    })
}

pub(super) fn local_address(text: &str) -> Result<IpAddr, String> {
    address(text)
        .filter(|address| !address.is_unspecified())
        .ok_or_else(|| {
            format!(
                "'{text}' is not an address of this machine; write one as in 192.0.2.7 or [::1]"
            )
        })
}

/// An IP address, IPv6 with or without brackets.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    match bare {
        Some(bare) => bare.parse().ok().filter(IpAddr::is_ipv6),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
#[path = "connect_tests.rs"]
mod tests;
