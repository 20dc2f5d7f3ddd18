//! TLS as the options ask for it: whom to trust, and what to show a server that asks.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WantsClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, ConfigBuilder, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_platform_verifier::Verifier;
use thiserror::Error;

use super::options::{ConnectOptions, Identity};
use crate::crypto::provider;

/// Why there is no TLS.
#[derive(Debug, Error)]
pub enum TlsError {
    /// No such file, or not ours to read.
    #[error("{flag}: {} can't be read: {source}", path.display())]
    Unreadable {
        /// Which flag names it.
        flag: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's word.
        source: std::io::Error,
    },
    /// A file, but not of the right kind.
    #[error("{flag}: {} {what}", path.display())]
    Unfit {
        /// Which flag names it.
        flag: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// There is no certificate authority to trust.
    #[error(
        "this machine has no certificate authorities that https could trust: install them \
         (ca-certificates), name a file of them with --ca-file or SSL_CERT_FILE, or trust any \
         certificate with --insecure"
    )]
    NoAuthorities,
    /// TLS can't be set up on this machine.
    #[error("TLS could not be set up: {0}")]
    System(#[from] rustls::Error),
}

const CA_FILE: &str = "--ca-file";
const CLIENT_CERT: &str = "--client-cert";
const CLIENT_KEY: &str = "--client-key";

/// The files that the options name, read and checked.
#[derive(Debug, Default)]
pub(super) struct Credentials {
    authorities: Vec<CertificateDer<'static>>,
    identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
}

impl Credentials {
    pub(super) fn read(options: &ConnectOptions) -> Result<Self, TlsError> {
        let authorities = match &options.ca_file {
            Some(path) => authorities(path)?,
            None => Vec::new(),
        };
        let identity = options.identity.as_ref().map(identity).transpose()?;
        Ok(Self {
            authorities,
            identity,
        })
    }

    /// A configuration that trusts the system's authorities and the given ones, or anybody.
    pub(super) fn config(self, insecure: bool) -> Result<ClientConfig, TlsError> {
        let provider = provider();
        let builder = builder(Arc::clone(&provider))?;
        let builder = if insecure {
            let anybody = Arc::new(Anybody(provider));
            builder
                .dangerous()
                .with_custom_certificate_verifier(anybody)
        } else {
            let alone = self.authorities.is_empty();
            let verifier = Verifier::new_with_extra_roots(self.authorities, provider);
            let verifier = verifier.map_err(|error| match error {
                // It has no kind of its own.
                rustls::Error::General(_) if alone => TlsError::NoAuthorities,
                error => TlsError::System(error),
            })?;
            builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(verifier))
        };
        with_identity(builder, self.identity)
    }
}

/// A configuration for clients that speak no TLS but want to have one: it trusts nobody, and so
/// needs no authorities of the system.
pub(super) fn unused() -> Result<ClientConfig, TlsError> {
    let nobody = RootCertStore::empty();
    let config = builder(provider())?.with_root_certificates(nobody);
    Ok(config.with_no_client_auth())
}

type Builder = ConfigBuilder<ClientConfig, rustls::WantsVerifier>;

fn builder(provider: Arc<CryptoProvider>) -> Result<Builder, TlsError> {
    Ok(ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?)
}

fn with_identity(
    builder: ConfigBuilder<ClientConfig, WantsClientCert>,
    identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
) -> Result<ClientConfig, TlsError> {
    Ok(match identity {
        Some((certificates, key)) => builder.with_client_auth_cert(certificates, key)?,
        None => builder.with_no_client_auth(),
    })
}

fn authorities(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found = certificates(CA_FILE, path)?;
    let mut store = RootCertStore::empty();
    for certificate in &found {
        store
            .add(certificate.clone())
            .map_err(|error| unfit(CA_FILE, path, format!("can't be trusted: {error}")))?;
    }
    Ok(found)
}

fn identity(
    identity: &Identity,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TlsError> {
    let certificates = certificates(CLIENT_CERT, &identity.certificate)?;
    let path = &identity.key;
    let text = contents(CLIENT_KEY, path)?;
    let key = PrivateKeyDer::from_pem_slice(&text).map_err(|error| match error {
        pem::Error::NoItemsFound => {
            let what = "holds no private key as PEM (an encrypted one can't be used)";
            unfit(CLIENT_KEY, path, what.to_owned())
        }
        other => unfit(CLIENT_KEY, path, format!("is not PEM: {other}")),
    })?;
    // Whether the two belong together is found out now, and not by the first handshake.
    let trial = builder(provider())?.with_root_certificates(RootCertStore::empty());
    trial
        .with_client_auth_cert(certificates.clone(), key.clone_key())
        .map_err(|error| {
            let what = format!("doesn't fit {CLIENT_CERT}: {error}");
            unfit(CLIENT_KEY, path, what)
        })?;
    Ok((certificates, key))
}

fn certificates(flag: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = contents(flag, path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match found {
        Ok(found) if found.is_empty() => {
            let what = "holds no certificate as PEM".to_owned();
            Err(unfit(flag, path, what))
        }
        Ok(found) => Ok(found),
        Err(error) => Err(unfit(flag, path, format!("is not PEM: {error}"))),
    }
}

fn contents(flag: &'static str, path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::Unreadable {
        flag,
        path: path.to_owned(),
        source,
    })
}

fn unfit(flag: &'static str, path: &Path, what: String) -> TlsError {
    TlsError::Unfit {
        flag,
        path: path.to_owned(),
        what,
    }
}

/// Takes any server for the right one: `--insecure`.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
#[path = "tls_tests.rs"]
mod tests;
