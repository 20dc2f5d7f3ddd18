//! The cookies of one virtual user (RFC 6265).

use cookie_store::CookieStore;
use parking_lot::Mutex;
use url::Url;

use super::answer::fields;

/// What servers told one user to keep. The lock is never contended: a user is one task.
#[derive(Default)]
pub(super) struct Jar(Mutex<CookieStore>);

impl Jar {
    /// What a request to this address has as `cookie`, if anything.
    pub(super) fn cookie(&self, url: &Url) -> Option<String> {
        let store = self.0.lock();
        let mut pairs = store
            .get_request_values(url)
            .map(|(name, value)| format!("{name}={value}"));
        let mut all = pairs.next()?;
        for pair in pairs {
            all.push_str("; ");
            all.push_str(&pair);
        }
        Some(all)
    }

    /// Keeps what an answer from this address says. What is no cookie is passed over: it is the
    /// server's text.
    pub(super) fn keep(&self, head: &[u8], url: &Url) {
        let set = fields(head).filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
        for (_, cookie) in set {
            if let Err(error) = self.0.lock().parse(cookie, url) {
                tracing::debug!(%error, "a cookie that is not kept");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).expect("an address")
    }

    #[test]
    fn cookies_go_where_they_belong_until_they_are_taken_back() {
        let (jar, cart) = (Jar::default(), url("http://shop:8080/cart/add"));
        assert_eq!(jar.cookie(&cart), None);
        let head = "HTTP/1.1 200 OK\r\nSet-Cookie: session=abc; Path=/; HttpOnly\r\n\
                    set-cookie: items=\"1 2\"; Path=/cart\r\nset-cookie: far=1; Domain=other\r\n\
                    set-cookie: tls=1; Secure; Path=/\r\nset-cookie: ;;;\r\n\r\n";
        jar.keep(head.as_bytes(), &cart);
        let sorted = |url: &Url| {
            let cookie = jar.cookie(url).unwrap_or_default();
            let mut all: Vec<_> = cookie.split("; ").map(str::to_owned).collect();
            all.sort();
            all
        };
        assert_eq!(sorted(&cart), ["items=\"1 2\"", "session=abc"]);
        assert_eq!(sorted(&url("http://shop:8080/")), ["session=abc"]);
        assert_eq!(sorted(&url("https://shop:8080/")), ["session=abc", "tls=1"]);
        assert_eq!(jar.cookie(&url("http://other/")), None);
        jar.keep(
            b"HTTP/1.1 200 OK\r\nset-cookie: session=; Path=/; Max-Age=0\r\n\r\n",
            &cart,
        );
        assert_eq!(sorted(&cart), ["items=\"1 2\""]);
    }
}
