//! The one provider of cryptography for TLS: ring, which needs no C++ and little time to build.

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};

pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// Names it for clients of ordinary libraries, which bring none.
pub(crate) fn provide() {
    // An error means that a provider has been set before, which is fine.
    let _ = ring::default_provider().install_default();
}
