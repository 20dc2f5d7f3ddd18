//! The fixed description of a request.

use super::header::{Flaw, flaw};
use crate::expected::Expected;
use crate::metrics::Method;

/// A longer name fits into no table.
const LONGEST_NAME: usize = 80;
/// What follows a request's name in the check of its answers.
/// What the check of a body that can't be read is called, after its request.
pub(crate) const READABLE: &str = ": answer can be read";
const LONGEST_CHECK: usize = LONGEST_NAME + READABLE.len();

/// More headers than this belong to the call or to the run.
const MOST_HEADERS: usize = 8;

/// What all requests with one name have in common. Names are fixed, so URLs never become series.
///
/// ```
/// use harness::Request;
///
/// static ORDER: Request = Request::post("5_create_order").expects(&[201]).trend("order_time");
///
/// assert!(ORDER.is_expected(201) && !ORDER.is_expected(200));
/// let call = ORDER.at("/orders").header("x-trace", "7").json(&[1, 2]);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Request {
    /// Its name in metrics and reports, such as `5_create_order`.
    pub name: &'static str,
    /// Its method.
    pub method: Method,
    /// The custom trend that its duration feeds.
    pub trend: Option<&'static str>,
    pub(crate) expected: Expected,
    pub(crate) set_up_only: bool,
    pub(crate) unsent: bool,
    /// The name of the check, whose length is the name's and that of [`READABLE`].
    readable: [u8; LONGEST_CHECK],
    headers: [(&'static str, &'static str); MOST_HEADERS],
    header_count: usize,
}

impl Request {
    /// A request that expects success.
    ///
    /// # Panics
    /// In a `static`, at compile time: when its name is longer than 80 bytes.
    #[must_use]
    pub const fn new(method: Method, name: &'static str) -> Self {
        Self {
            name,
            method,
            trend: None,
            expected: Expected::Success,
            set_up_only: false,
            unsent: false,
            readable: readable(name),
            headers: [("", ""); MOST_HEADERS],
            header_count: 0,
        }
    }

    /// A `GET`.
    #[must_use]
    pub const fn get(name: &'static str) -> Self {
        Self::new(Method::Get, name)
    }

    /// A `HEAD`.
    #[must_use]
    pub const fn head(name: &'static str) -> Self {
        Self::new(Method::Head, name)
    }

    /// A `POST`.
    #[must_use]
    pub const fn post(name: &'static str) -> Self {
        Self::new(Method::Post, name)
    }

    /// A `PUT`.
    #[must_use]
    pub const fn put(name: &'static str) -> Self {
        Self::new(Method::Put, name)
    }

    /// A `DELETE`.
    #[must_use]
    pub const fn delete(name: &'static str) -> Self {
        Self::new(Method::Delete, name)
    }

    /// An `OPTIONS`.
    #[must_use]
    pub const fn options(name: &'static str) -> Self {
        Self::new(Method::Options, name)
    }

    /// A `PATCH`.
    #[must_use]
    pub const fn patch(name: &'static str) -> Self {
        Self::new(Method::Patch, name)
    }

    /// Any status but these is a failure.
    #[must_use]
    pub const fn expects(mut self, statuses: &'static [u16]) -> Self {
        self.expected = Expected::Any(statuses);
        self
    }

    /// Only the set-up sends it: a threshold on it and a persona is refused.
    #[must_use]
    pub const fn in_set_up(mut self) -> Self {
        self.set_up_only = true;
        self
    }

    /// It isn't sent with these options, and a threshold on it is refused. For those of
    /// [`Suite::requests_as_asked`](crate::Suite::requests_as_asked).
    #[must_use]
    pub const fn unsent(mut self) -> Self {
        self.unsent = true;
        self
    }

    /// Its duration feeds this trend as well.
    #[must_use]
    pub const fn trend(mut self, name: &'static str) -> Self {
        self.trend = Some(name);
        self
    }

    /// It always has this header, in place of the run's.
    ///
    /// # Panics
    /// In a `static`, at compile time: when it is no header, or one too many.
    #[must_use]
    pub const fn header(mut self, name: &'static str, value: &'static str) -> Self {
        match flaw(name, value) {
            None => {}
            Some(Flaw::Name) => panic!("a header's name holds letters, digits and few signs only"),
            Some(Flaw::Value) => panic!("a header's value holds no line break"),
            Some(Flaw::Framing) => panic!("this header follows from the body"),
        }
        assert!(
            self.header_count < MOST_HEADERS,
            "a request may have eight headers"
        );
        self.headers[self.header_count] = (name, value);
        self.header_count += 1;
        self
    }

    /// It always has these headers, in place of the run's.
    ///
    /// # Panics
    /// As [`Request::header`].
    #[must_use]
    pub const fn headers(mut self, headers: &[(&'static str, &'static str)]) -> Self {
        let mut at = 0;
        while at < headers.len() {
            self = self.header(headers[at].0, headers[at].1);
            at += 1;
        }
        self
    }

    /// Whether this status is expected.
    #[must_use]
    pub const fn is_expected(&self, status: u16) -> bool {
        self.expected.is_met_by(status)
    }

    /// The name of the check that its answers can be read.
    pub(crate) fn readable(&'static self) -> &'static str {
        let check = self.readable.get(..self.name.len() + READABLE.len());
        let check = check.and_then(|check| std::str::from_utf8(check).ok());
        check.unwrap_or(self.name)
    }

    /// Its own headers.
    #[must_use]
    pub fn own_headers(&self) -> &[(&'static str, &'static str)] {
        &self.headers[..self.header_count]
    }
}

const fn readable(name: &str) -> [u8; LONGEST_CHECK] {
    let name = name.as_bytes();
    assert!(
        name.len() <= LONGEST_NAME,
        "a request's name may have 80 bytes"
    );
    let mut check = [0; LONGEST_CHECK];
    let (head, tail) = check.split_at_mut(name.len());
    head.copy_from_slice(name);
    let (tail, _) = tail.split_at_mut(READABLE.len());
    tail.copy_from_slice(READABLE.as_bytes());
    check
}

#[cfg(test)]
mod tests {
    use super::*;

    static PAGE: Request = Request::get("page")
        .header("accept", "text/html")
        .headers(&[("accept-language", "ko"), ("dnt", "1")]);
    static CLAIM: Request = Request::post("claim")
        .expects(&[201, 409])
        .trend("claim_time");

    #[test]
    fn a_request_is_declared_in_one_line() {
        let declared = (PAGE.name, PAGE.method, PAGE.trend);
        assert_eq!(declared, ("page", Method::Get, None));
        assert_eq!(
            PAGE.own_headers(),
            [
                ("accept", "text/html"),
                ("accept-language", "ko"),
                ("dnt", "1")
            ]
        );
        let declared = (CLAIM.name, CLAIM.method, CLAIM.trend);
        assert_eq!(declared, ("claim", Method::Post, Some("claim_time")));
        assert_eq!(CLAIM.own_headers(), []);
    }

    #[test]
    fn the_check_of_its_answers_has_its_name() {
        static LONG: Request = Request::get(concat!(
            "a_name_of_eighty_bytes__________________",
            "______________________________to_the_쿠"
        ));
        assert_eq!(PAGE.readable(), "page: answer can be read");
        assert_eq!(LONG.name.len(), LONGEST_NAME);
        assert_eq!(
            LONG.readable(),
            format!("{}: answer can be read", LONG.name)
        );
    }

    #[test]
    #[should_panic(expected = "a request's name may have 80 bytes")]
    fn a_name_fits_into_a_table() {
        let name: &'static str = "x".repeat(LONGEST_NAME + 1).leak();
        let _ = Request::get(name);
    }

    #[test]
    fn success_is_expected_unless_something_else_is_said() {
        let of = |request: &Request| {
            [0, 199, 200, 201, 302, 399, 400, 409, 500].map(|status| request.is_expected(status))
        };
        assert_eq!(
            of(&PAGE),
            [false, false, true, true, true, true, false, false, false]
        );
        assert_eq!(
            of(&CLAIM),
            [false, false, false, true, false, false, false, true, false]
        );
    }

    #[test]
    fn every_shorthand_has_its_method() {
        let requests = [
            Request::get(""),
            Request::head(""),
            Request::post(""),
            Request::put(""),
            Request::delete(""),
            Request::options(""),
            Request::patch(""),
        ];
        assert_eq!(
            requests.map(|request| request.method.as_str()),
            ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"]
        );
    }
}
