//! What a browser lets the page do: nothing but its own style and its own script. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// The page's Content-Security-Policy. Only a page with a script asks anything, and only its own
/// server.
pub(super) fn policy(style: &str, script: Option<&str>) -> String {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text));
    let style = hash(style);
    let base = format!(
        "default-src 'none'; style-src 'sha256-{style}'; img-src data:; base-uri 'none'; form-action 'none'"
    );
    match script {
        Some(script) => format!(
            "{base}; script-src 'sha256-{}'; connect-src 'self'",
            hash(script)
        ),
        None => base,
    }
}
