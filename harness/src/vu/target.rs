//! The server that is tested, and how to connect to it.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use thiserror::Error;
use tokio_rustls::TlsConnector;
use url::{Host, Position, Url};

use super::addresses::{Addresses, check_local};
use super::arrival;
use super::dial::dial;
use super::error::TransportError;
use super::io::{Metered, Stream};
use super::options::{ConnectOptions, MOST_BODY};
use super::session::Session;
use super::tls::{self, Credentials, TlsError};
use crate::catalogue::{Catalogue, PartEntry};
use crate::secret::mistyped_address;

/// Why a host can't be tested.
#[derive(Debug, Error)]
pub enum TargetError {
    /// Not an `http` or `https` URL.
    #[error(
        "'{}' is not a server's address; write http://host:port or https://host:port",
        mistyped_address(.0)
    )]
    NotAnAddress(String),
    /// It has a login, which no request would send.
    #[error(
        "has a user or password in it, which isn't sent; write http://host:port, and give a login \
         as a header: --header 'Authorization: Basic $LOGIN'"
    )]
    Login,
    /// The name has no address.
    #[error("the name {name} could not be looked up: {source}")]
    Unknown {
        /// Host and port.
        name: String,
        /// The system's word.
        source: std::io::Error,
    },
    /// There is no TLS as it was asked for.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Connections can't come from there.
    #[error("{address} is not an address of this machine: {source}")]
    NotLocal {
        /// The address.
        address: IpAddr,
        /// The system's word.
        source: std::io::Error,
    },
    /// No pair of addresses fits.
    #[error("none of the addresses is of the same family, IPv4 or IPv6, as one of {0}")]
    OtherFamily(String),
    /// It accepts connections, but not for HTTP/2.
    #[error("{address} doesn't speak HTTP/2 ({source}); leave --http2 out")]
    NotHttp2 {
        /// The base address.
        address: String,
        /// What went wrong.
        source: TransportError,
    },
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
    addresses: Addresses,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    /// What other clients need for TLS.
    config: ClientConfig,
    options: ConnectOptions,
    /// What the server names in `Server-Timing` stands in it.
    catalogue: Arc<Catalogue>,
}

/// How long the parts of connecting took.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Opening {
    pub(super) connecting: Duration,
    pub(super) tls_handshaking: Duration,
}

impl Target {
    /// Whether the text is the address of a server: `http` or `https`, a host, no login, no query.
    ///
    /// # Errors
    /// [`TargetError::NotAnAddress`] or [`TargetError::Login`].
    pub fn parse(address: &str) -> Result<Url, TargetError> {
        let url = Url::parse(address).ok().filter(|url| {
            matches!(url.scheme(), "http" | "https")
                && url.has_host()
                && url.query().is_none()
                && url.fragment().is_none()
        });
        let url = url.ok_or_else(|| TargetError::NotAnAddress(address.to_owned()))?;
        if url.username().is_empty() && url.password().is_none() {
            Ok(url)
        } else {
            Err(TargetError::Login)
        }
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
    pub async fn resolve(address: &str, options: &ConnectOptions) -> Result<Self, TargetError> {
        let base = Self::parse(address)?;
        let credentials = Credentials::read(options)?;
        for address in options.local_addresses.iter().copied() {
            check_local(address).map_err(|source| TargetError::NotLocal { address, source })?;
        }
        let host = base.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let port = base.port_or_known_default().unwrap_or_default();
        let name = format!("{host}:{port}");
        let addresses = match Addresses::of(host, port, options).await {
            Ok(addresses) => addresses,
            Err(source) => return Err(TargetError::Unknown { name, source }),
        };
        if addresses.routes().await.is_empty() {
            return Err(TargetError::OtherFamily(name));
        }
        let encrypted = base.scheme() == "https";
        // Without TLS, it doesn't matter whether the system trusts anybody.
        let config = if encrypted {
            credentials.config(options.insecure)?
        } else {
            tls::unused()?
        };
        let tls = encrypted
            .then(|| connector(config.clone(), host, options))
            .transpose()
            .map_err(|_| TargetError::NotAnAddress(address.to_owned()))?;
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
            config,
            options: options.clone(),
            catalogue: Arc::default(),
        })
    }

    /// The same, with the parts of its time that this catalogue names.
    #[must_use]
    pub fn with_parts(self, catalogue: &Arc<Catalogue>) -> Self {
        Self {
            catalogue: Arc::clone(catalogue),
            ..self
        }
    }

    /// The parts of its time that are read.
    pub(super) fn parts(&self) -> &[PartEntry] {
        &self.catalogue.server_parts
    }

    /// Whether its certificates are taken without a look at them.
    #[must_use]
    pub const fn is_insecure(&self) -> bool {
        self.options.insecure && self.tls.is_some()
    }

    /// The address as given, for the set-up's and audit's own client.
    #[must_use]
    pub const fn base(&self) -> &Url {
        &self.base
    }

    /// Opens a connection and closes it again.
    ///
    /// # Errors
    /// [`TargetError::Unreachable`], and [`TargetError::NotHttp2`].
    pub async fn probe(&self, timeout: Duration) -> Result<(), TargetError> {
        let deadline = tokio::time::Instant::now() + timeout;
        let opened = self.open(&mut Opening::default(), deadline).await;
        let unreachable = |source| TargetError::Unreachable {
            address: self.base.to_string(),
            source,
        };
        let stream = opened.map_err(unreachable)?;
        if !self.agreed_on_http2(&stream) {
            return Ok(());
        }
        let greeted = async { Session::over(stream).await?.greeted().await };
        let greeted = tokio::time::timeout(timeout, greeted).await;
        greeted
            .unwrap_or(Err(TransportError::Timeout))
            .map_err(|source| TargetError::NotHttp2 {
                address: self.base.to_string(),
                source,
            })
    }

    pub(super) fn fields(&self) -> &[u8] {
        self.fields.as_bytes()
    }

    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// TLS for clients that choose their protocol themselves.
    pub(super) fn tls_config(&self) -> ClientConfig {
        let mut config = self.config.clone();
        if let Some((connector, _)) = &self.tls {
            config
                .alpn_protocols
                .clone_from(&connector.config().alpn_protocols);
        }
        config
    }

    /// The pairs of addresses that connections may have: from here, if that is given, to there.
    pub(crate) fn pairs(&self) -> Vec<(Option<IpAddr>, SocketAddr)> {
        let from = &self.options.local_addresses;
        let pairs_of = |to: &SocketAddr| -> Vec<_> {
            let fits = |from: &&IpAddr| from.is_ipv6() == to.is_ipv6();
            match from.is_empty() {
                true => vec![(None, *to)],
                false => from
                    .iter()
                    .filter(fits)
                    .map(|from| (Some(*from), *to))
                    .collect(),
            }
        };
        self.addresses.all().iter().flat_map(pairs_of).collect()
    }

    /// A local address from which a connection leads to the server, if any is given.
    pub(super) fn local_address(&self) -> Option<IpAddr> {
        let addresses = self.addresses.all();
        let fits = |local: &&IpAddr| {
            let same_family = |to: &SocketAddr| to.is_ipv6() == local.is_ipv6();
            addresses.iter().any(same_family)
        };
        self.options.local_addresses.iter().find(fits).copied()
    }

    /// The name and its addresses, if the options give them.
    pub(super) fn given_addresses(&self) -> Option<(&str, Vec<SocketAddr>)> {
        let host = self.base.domain()?;
        let port = self.base.port_or_known_default()?;
        let given = self.options.addresses_of(host, port);
        let with_port = |address| SocketAddr::new(address, port);
        let addresses: Vec<SocketAddr> = given.into_iter().map(with_port).collect();
        (!addresses.is_empty()).then_some((host, addresses))
    }

    /// Whether HTTP/2 may be spoken with it.
    pub(crate) const fn speaks_http2(&self) -> bool {
        self.options.http2
    }

    /// Whether a connection to it is one of HTTP/2: as agreed on with TLS, at once without.
    pub(super) fn agreed_on_http2(&self, stream: &Stream) -> bool {
        self.options.http2 && (self.tls.is_none() || stream.agreed() == Some(b"h2"))
    }

    /// The longest body of an answer that is read.
    pub(super) fn most_body(&self) -> usize {
        self.options.most_body.unwrap_or(MOST_BODY)
    }

    /// How old a connection may become.
    pub(super) const fn connection_age(&self) -> Option<Duration> {
        self.options.connection_age
    }

    /// Opens a connection. What it took stands in `opening` also when it failed: until the deadline,
    /// or whatever came before.
    pub(super) async fn open(
        &self,
        opening: &mut Opening,
        deadline: tokio::time::Instant,
    ) -> Result<Stream, TransportError> {
        let late = || io::Error::new(io::ErrorKind::TimedOut, "timed out");
        let started = Instant::now();
        let dialled = async { dial(&self.addresses.routes().await).await };
        let dialled = tokio::time::timeout_at(deadline, dialled).await;
        opening.connecting = started.elapsed();
        let socket = dialled
            .unwrap_or_else(|_| Err(late()))
            .map_err(TransportError::Connect)?;
        arrival::note(&socket);
        let metered = Metered::new(socket);
        let Some((connector, name)) = &self.tls else {
            return Ok(Stream::Plain(metered));
        };
        let handshake = Instant::now();
        let greeted = connector.connect(name.clone(), metered);
        let greeted = tokio::time::timeout_at(deadline, greeted).await;
        opening.tls_handshaking = handshake.elapsed();
        let stream = greeted
            .unwrap_or_else(|_| Err(late()))
            .map_err(TransportError::Tls)?;
        Ok(Stream::Tls(Box::new(stream)))
    }
}

fn connector(
    mut config: ClientConfig,
    host: &str,
    options: &ConnectOptions,
) -> Result<(TlsConnector, ServerName<'static>), rustls::pki_types::InvalidDnsNameError> {
    let http2 = options.http2.then(|| b"h2".to_vec());
    config.alpn_protocols = http2.into_iter().chain([b"http/1.1".to_vec()]).collect();
    let name = ServerName::try_from(host.to_owned())?;
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
            "user:hunter2@shop",
            "http://user:hun/ter2@shop",
            "http://shop?token=hunter2",
            "shop",
        ] {
            let error = Target::parse(bad).expect_err(bad);
            assert!(matches!(error, TargetError::NotAnAddress(_)), "{bad}");
            assert!(!error.to_string().contains("ter2"), "{error}");
        }
    }

    #[test]
    fn a_login_is_refused_and_not_repeated() {
        for bad in [
            "http://user:hunter2@shop",
            "http://:hunter2@shop",
            "http://hunter2@shop",
            "http://a:b@hunter2@shop",
            "http:user:hunter2@shop",
            "https://hunter2:@shop/api",
        ] {
            let error = Target::parse(bad).expect_err(bad);
            assert!(matches!(error, TargetError::Login), "{bad}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
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
