//! How the server is connected to: whom to trust, which addresses to use, what to speak.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

/// The longest body of an answer that is read.
pub(super) const MOST_BODY: usize = 64 * 1024 * 1024;

/// How the server is connected to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConnectOptions {
    /// Certificates that are trusted beside the system's, as PEM.
    pub ca_file: Option<PathBuf>,
    /// Whether any certificate is taken.
    pub insecure: bool,
    /// What a server that asks for it is shown.
    pub identity: Option<Identity>,
    /// Names that are not looked up.
    pub resolve: Vec<Resolved>,
    /// Addresses of this machine that connections come from, in turns; the system chooses if
    /// there are none.
    pub local_addresses: Vec<IpAddr>,
    /// How old a connection may become.
    pub connection_age: Option<Duration>,
    /// The longest body of an answer, as it comes and when it is decoded, in bytes; 64 MiB if
    /// nothing is said.
    pub most_body: Option<usize>,
    /// Whether HTTP/2 is spoken: by agreement on https, at once on http.
    pub http2: bool,
}

/// A certificate and its key, as PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The certificate, and those between it and its authority.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Where a name and port are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The name, in small letters.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
}

impl ConnectOptions {
    /// The addresses given for a name and port; none if it is to be looked up.
    #[must_use]
    pub fn addresses_of(&self, host: &str, port: u16) -> Vec<IpAddr> {
        let named = |given: &&Resolved| given.host.eq_ignore_ascii_case(host) && given.port == port;
        let given = self.resolve.iter().filter(named);
        given.flat_map(|given| given.addresses.clone()).collect()
    }
}
