//! The server that is tested: its address, looked up once, and how to connect to it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use rustls_platform_verifier::ConfigVerifierExt;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::{Host, Position, Url};

use super::arrival;
use super::http::TransportError;
use super::io::{Metered, Stream};

/// Why a host can't be tested.
#[derive(Debug, Error)]
pub enum TargetError {
    /// Not an `http` or `https` URL.
    #[error("'{0}' is not a server's address; write http://host:port or https://host:port")]
    NotAnAddress(String),
    /// The name has no address.
    #[error("the name {name} could not be looked up: {source}")]
    Unknown {
        /// Host and port.
        name: String,
        /// The system's word.
        source: std::io::Error,
    },
    /// TLS can't be set up on this machine.
    #[error("TLS could not be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// It doesn't accept connections.
    #[error("nothing answers at {address}: {source}; is the server running?")]
    Unreachable {
        /// The base address.
        address: String,
        /// What went wrong.
        source: TransportError,
    },
}

/// A server, ready to be connected to.
pub struct Target {
    base: Url,
    /// Path that every request's path is put behind, without a slash at its end.
    prefix: String,
    /// The header fields of every request, each with its line end.
    fields: String,
    addresses: Vec<SocketAddr>,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

/// How long the parts of connecting took.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Opening {
    pub(super) connecting: Duration,
    pub(super) tls_handshaking: Duration,
}

impl Target {
    /// Whether the text is the address of a server: `http` or `https`, a host, no query.
    ///
    /// # Errors
    /// [`TargetError::NotAnAddress`].
    pub fn parse(address: &str) -> Result<Url, TargetError> {
        let url = Url::parse(address).ok().filter(|url| {
            matches!(url.scheme(), "http" | "https")
                && url.has_host()
                && url.query().is_none()
                && url.fragment().is_none()
                && url.username().is_empty()
        });
        url.ok_or_else(|| TargetError::NotAnAddress(address.to_owned()))
    }

    /// Whether the address names this machine itself: in 127.0.0.0/8, `::1`, or `localhost`.
    #[must_use]
    pub fn is_loopback(address: &str) -> bool {
        Self::parse(address).is_ok_and(|url| match url.host() {
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.to_canonical().is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        })
    }

    /// Looks the name up and prepares TLS. Sends nothing to the server.
    ///
    /// # Errors
    /// See [`TargetError`].
    pub async fn resolve(address: &str) -> Result<Self, TargetError> {
        let base = Self::parse(address)?;
        let host = base.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let port = base.port_or_known_default().unwrap_or_default();
        let addresses: Vec<SocketAddr> = tokio::net::lookup_host((host, port))
            .await
            .map_err(|source| TargetError::Unknown {
                name: format!("{host}:{port}"),
                source,
            })?
            .collect();
        let tls = (base.scheme() == "https")
            .then(|| connector(host, address))
            .transpose()?;
        let authority = &base[Position::BeforeHost..Position::AfterPort];
        let fields = format!(
            "host: {authority}\r\nuser-agent: loadtest/{}\r\naccept: application/json\r\n",
            env!("CARGO_PKG_VERSION")
        );
        let prefix = base.path().trim_end_matches('/').to_owned();
        Ok(Self {
            base,
            prefix,
            fields,
            addresses,
            tls,
        })
    }

    /// The address as given, for the set-up's and audit's own client.
    #[must_use]
    pub const fn base(&self) -> &Url {
        &self.base
    }

    /// Opens a connection and closes it again.
    ///
    /// # Errors
    /// [`TargetError::Unreachable`].
    pub async fn probe(&self, timeout: Duration) -> Result<(), TargetError> {
        let opened = tokio::time::timeout(timeout, self.open()).await;
        let unreachable = |source| TargetError::Unreachable {
            address: self.base.to_string(),
            source,
        };
        opened
            .unwrap_or(Err(TransportError::Timeout))
            .map(|_| ())
            .map_err(unreachable)
    }

    pub(super) fn fields(&self) -> &[u8] {
        self.fields.as_bytes()
    }

    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    pub(super) async fn open(&self) -> Result<(Stream, Opening), TransportError> {
        let started = Instant::now();
        let socket = TcpStream::connect(&*self.addresses)
            .await
            .map_err(TransportError::Connect)?;
        socket.set_nodelay(true).map_err(TransportError::Connect)?;
        arrival::note(&socket);
        let connecting = started.elapsed();
        let metered = Metered::new(socket);
        let Some((connector, name)) = &self.tls else {
            return Ok((
                Stream::Plain(metered),
                Opening {
                    connecting,
                    ..Opening::default()
                },
            ));
        };
        let handshake = Instant::now();
        let stream = connector
            .connect(name.clone(), metered)
            .await
            .map_err(TransportError::Tls)?;
        let opening = Opening {
            connecting,
            tls_handshaking: handshake.elapsed(),
        };
        Ok((Stream::Tls(Box::new(stream)), opening))
    }
}

fn connector(
    host: &str,
    address: &str,
) -> Result<(TlsConnector, ServerName<'static>), TargetError> {
    // The process's default: several crates of the tree bring a provider, so one must be named.
    // An error only says that it is set already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut config = ClientConfig::with_platform_verifier()?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| TargetError::NotAnAddress(address.to_owned()))?;
    Ok((TlsConnector::from(Arc::new(config)), name))
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target")
            .field("base", &self.base.as_str())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_servers_are_taken() {
        for good in [
            "http://localhost:8080",
            "https://shop.example",
            "http://127.0.0.1:8080/api/",
            "http://[::1]:80",
        ] {
            assert!(Target::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "localhost:8080",
            "ftp://shop",
            "http://",
            "http://shop?x=1",
            "http://user:pass@shop",
            "shop",
        ] {
            assert!(Target::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn addresses_of_this_machine_are_told_from_others() {
        for here in [
            "http://127.0.0.1:8080",
            "http://127.9.8.7",
            "https://[::1]:80/api/",
            "http://[::ffff:127.0.0.1]",
            "http://LocalHost:8080",
        ] {
            assert!(Target::is_loopback(here), "{here}");
        }
        for elsewhere in [
            "http://128.0.0.1",
            "http://[::2]",
            "http://localhost.example",
            "http://127.0.0.1.example",
            "localhost",
        ] {
            assert!(!Target::is_loopback(elsewhere), "{elsewhere}");
        }
    }
}
