//! Header fields: what may be one, and those that every request of a run has.

use std::fmt;

use bytes::{BufMut, BytesMut};

use super::error::HeaderError;
use super::target::Target;

/// A header of every request. Its value may be a secret and is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Header {
    name: String,
    value: String,
}

impl Header {
    /// A header.
    ///
    /// # Errors
    /// See [`HeaderError`].
    pub fn new(name: &str, value: &str) -> Result<Self, HeaderError> {
        check(name, value)?;
        Ok(Self {
            name: name.to_owned(),
            value: value.to_owned(),
        })
    }

    /// Its name, as it was written.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its value, in clear: for the wire, not for the eye.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, crate::secret::MASK)
    }
}

/// Whether it can be sent as a header.
pub(super) fn check(name: &str, value: &str) -> Result<(), HeaderError> {
    match flaw(name, value) {
        None => Ok(()),
        Some(Flaw::Name) => Err(HeaderError::Name(name.to_owned())),
        Some(Flaw::Value) => Err(HeaderError::Value(name.to_owned())),
        Some(Flaw::Framing) => Err(HeaderError::Framing(name.to_owned())),
    }
}

/// What is wrong with a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    Name,
    Value,
    Framing,
}

/// The same in a constant: for what a suite declares.
pub(super) const fn flaw(name: &str, value: &str) -> Option<Flaw> {
    let (name, value) = (name.as_bytes(), value.as_bytes());
    let mut at = 0;
    while at < name.len() {
        if !name[at].is_ascii_alphanumeric() && !is_sign(name[at]) {
            return Some(Flaw::Name);
        }
        at += 1;
    }
    if name.is_empty() {
        return Some(Flaw::Name);
    }
    if name.eq_ignore_ascii_case(b"content-length")
        || name.eq_ignore_ascii_case(b"transfer-encoding")
    {
        return Some(Flaw::Framing);
    }
    let mut at = 0;
    while at < value.len() {
        if value[at].is_ascii_control() && value[at] != b'\t' {
            return Some(Flaw::Value);
        }
        at += 1;
    }
    None
}

/// What a token may hold besides letters and digits (RFC 9110, 5.6.2).
const fn is_sign(byte: u8) -> bool {
    matches!(
        byte,
        b'!' | b'#'
            | b'$'
            | b'%'
            | b'&'
            | b'\''
            | b'*'
            | b'+'
            | b'-'
            | b'.'
            | b'^'
            | b'_'
            | b'`'
            | b'|'
            | b'~'
    )
}

pub(super) const CONTENT_TYPE: &str = "content-type";

/// The header fields of every request of a run as bytes, written once for all of them.
pub struct Fields {
    /// Each field with its line end.
    text: Vec<u8>,
    /// Whether one of them is `content-type`, which gives way to a body's own.
    typed: bool,
}

impl Fields {
    /// The fields that every request to the target has, each replaced by a header of its name.
    #[must_use]
    pub fn new(target: &Target, headers: &[Header]) -> Self {
        let mut text = BytesMut::new();
        let given = |name: &str| headers.iter().any(|h| h.name.eq_ignore_ascii_case(name));
        let defaults = Self {
            // What is not asked for isn't decoded.
            text: [target.fields(), b"accept-encoding: identity\r\n"].concat(),
            typed: false,
        };
        for (name, value) in defaults.each().filter(|(name, _)| !given(name)) {
            field(&mut text, name, value);
        }
        for Header { name, value } in headers {
            field(&mut text, name, value);
        }
        Self {
            text: text.to_vec(),
            typed: given(CONTENT_TYPE),
        }
    }

    /// Writes all of them.
    pub(super) fn write(&self, out: &mut BytesMut) {
        out.put_slice(&self.text);
    }

    /// Name and value of each.
    pub(super) fn each(&self) -> impl Iterator<Item = (&str, &str)> {
        let lines = self.text.split(|byte| *byte == b'\n');
        let lines = lines.filter_map(|line| std::str::from_utf8(line).ok()?.strip_suffix('\r'));
        lines.filter_map(|line| line.split_once(": "))
    }

    pub(super) const fn is_typed(&self) -> bool {
        self.typed
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fields").finish_non_exhaustive()
    }
}

/// Writes one field.
pub(super) fn field(out: &mut BytesMut, name: &str, value: &str) {
    out.put_slice(name.as_bytes());
    out.put_slice(b": ");
    out.put_slice(value.as_bytes());
    out.put_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::super::options::ConnectOptions;
    use super::*;

    #[test]
    fn only_what_stays_one_field_is_a_header() {
        for (name, value) in [
            ("accept", "text/html"),
            ("X-Empty", ""),
            ("x", "a\tb: c"),
            ("x-name", "쿠폰"),
        ] {
            assert_eq!(check(name, value), Ok(()), "{name}: {value}");
        }
        let rows = [
            ("", "x", HeaderError::Name(String::new())),
            ("a b", "x", HeaderError::Name("a b".into())),
            ("a:", "x", HeaderError::Name("a:".into())),
            ("쿠폰", "x", HeaderError::Name("쿠폰".into())),
            ("a", "x\r\nb: y", HeaderError::Value("a".into())),
            ("a", "x\0", HeaderError::Value("a".into())),
            (
                "Content-Length",
                "5",
                HeaderError::Framing("Content-Length".into()),
            ),
            (
                "transfer-encoding",
                "chunked",
                HeaderError::Framing("transfer-encoding".into()),
            ),
        ];
        for (name, value, expected) in rows {
            assert_eq!(check(name, value), Err(expected));
        }
    }

    #[test]
    fn a_value_is_not_shown() {
        let header = Header::new("authorization", "Bearer hunter2").expect("a header");
        assert_eq!(format!("{header:?}"), "authorization: ***");
        assert_eq!(
            HeaderError::Value("authorization".into()).to_string(),
            "the value of the header 'authorization' has a line break or another control character"
        );
    }

    #[tokio::test]
    async fn a_runs_headers_take_the_place_of_the_defaults() {
        let target = Target::resolve("http://127.0.0.1:9/api", &ConnectOptions::default())
            .await
            .expect("an address");
        let written = |headers: &[(&str, &str)]| {
            let headers: Vec<_> = headers
                .iter()
                .map(|(name, value)| Header::new(name, value).expect("a header"))
                .collect();
            let mut out = BytesMut::new();
            Fields::new(&target, &headers).write(&mut out);
            String::from_utf8(out.to_vec()).expect("text")
        };
        let agent = format!("user-agent: loadtest/{}\r\n", env!("CARGO_PKG_VERSION"));
        assert_eq!(
            written(&[]),
            format!(
                "host: 127.0.0.1:9\r\n{agent}accept: application/json\r\n\
                 accept-encoding: identity\r\n"
            )
        );
        assert_eq!(
            written(&[
                ("Accept", "text/html"),
                ("x-a", "1"),
                ("x-a", "2"),
                ("HOST", "shop")
            ]),
            format!(
                "{agent}accept-encoding: identity\r\nAccept: text/html\r\nx-a: 1\r\nx-a: 2\r\n\
                 HOST: shop\r\n"
            )
        );
    }
}
