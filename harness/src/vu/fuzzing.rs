//! Properties that hold for any answer of a server, for fuzzing.

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::read::{GzEncoder, ZlibEncoder};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::time::Instant;
use url::{Position, Url};

use super::answer::fields;
use super::connection::{Connection, Received};
use super::error::TransportError;
use super::io::{Metered, Stream};
use super::server_timing::ServerTiming;
use super::session::Session;
use super::{coding, cookies, header, http2, redirect, wire};
use crate::catalogue::PartEntry;
use crate::metrics::Method;

/// Bodies are no longer than this here.
const MOST: usize = 1_024;
/// Nothing here has to wait for anybody.
const TIMEOUT: Duration = Duration::from_secs(5);
/// An answer comes in no more parts than this.
const MOST_PARTS: usize = 64;
const METHODS: [Method; 4] = [Method::Get, Method::Head, Method::Post, Method::Connect];

fn known() -> Vec<PartEntry> {
    crate::fixture::catalogue().server_parts
}

/// Runs the future beside a server that says `parts`, one after the other, and then nothing more.
fn served<T>(parts: &[&[u8]], client: impl AsyncFnOnce(Stream) -> T) -> T {
    thread_local! {
        static RUNTIME: Runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime of one thread");
    }
    let (ours, mut theirs) = UnixStream::pair().expect("a pair of sockets");
    ours.set_nonblocking(true).expect("a socket");
    RUNTIME.with(|runtime| {
        runtime.block_on(async {
            // A pair costs no port. Reading and writing it is the same.
            let ours = std::net::TcpStream::from(OwnedFd::from(ours));
            let ours = TcpStream::from_std(ours).expect("a socket");
            let serve = async {
                for part in parts {
                    if theirs.write_all(part).is_err() {
                        break;
                    }
                    tokio::task::yield_now().await;
                }
                let _ = theirs.shutdown(std::net::Shutdown::Write);
            };
            let client = client(Stream::Plain(Metered::new(ours)));
            let (result, ()) = tokio::join!(client, serve);
            result
        })
    })
}

/// The first byte says the method, and into which parts the rest is cut. However it is cut, the same
/// is read, and no more than came.
pub fn answer(data: &[u8]) {
    let Some((how, bytes)) = data.split_first() else {
        return;
    };
    let method = METHODS[usize::from(how % 4)];
    let size = usize::from(how / 4).max(bytes.len() / MOST_PARTS) + 1;
    let cut: Vec<&[u8]> = bytes.chunks(size).collect();
    let (whole, cut) = (received(method, &[bytes]), received(method, &cut));
    match (whole, cut) {
        (Ok(whole), Ok(cut)) => {
            assert_eq!(whole.head, cut.head);
            assert_eq!(whole.text, cut.text);
            assert_eq!(whole.body, cut.body);
            // What comes after the answer may not have come yet.
            assert!(cut.keep || !whole.keep);
            assert!(whole.body.len() <= MOST);
            assert!(whole.text.len() + whole.body.len() <= bytes.len());
            for (name, value) in fields(&whole.text) {
                assert!(!name.contains('\n') && !value.contains('\n'));
            }
        }
        (Err(TransportError::Timeout), _) | (_, Err(TransportError::Timeout)) => {
            panic!("a server that went away was waited for");
        }
        (Err(_), Err(_)) => {}
        (Ok(_), Err(error)) => panic!("well-formed as a whole, but in parts of {size}: {error}"),
        (Err(error), Ok(_)) => panic!("well-formed in parts of {size}, but as a whole: {error}"),
    }
}

fn received(method: Method, parts: &[&[u8]]) -> Result<Received, TransportError> {
    served(parts, async |stream| {
        let deadline = Instant::now() + TIMEOUT;
        let mut connection = Connection::over(stream, deadline, MOST);
        connection.out.extend_from_slice(b"GET / HTTP/1.1\r\n\r\n");
        connection.exchange(method, &known(), deadline).await
    })
}

/// What a server of HTTP/2 may say: the first byte says into which parts it is cut.
pub fn http2(data: &[u8]) {
    let Some((how, bytes)) = data.split_first() else {
        return;
    };
    let size = usize::from(*how).max(bytes.len() / MOST_PARTS) + 1;
    let parts: Vec<&[u8]> = bytes.chunks(size).collect();
    match served(&parts, over_http2) {
        Ok(received) => {
            assert!(received.body.len() <= MOST);
            assert!(
                (200..1_000).contains(&received.status),
                "{}",
                received.status
            );
        }
        Err(error) => assert!(!matches!(error, TransportError::Timeout)),
    }
}

async fn over_http2(stream: Stream) -> Result<http2::Received, TransportError> {
    let deadline = Instant::now() + TIMEOUT;
    let session = Session::over(stream).await?;
    let mut sender = session.ready().await?;
    sender.most = MOST;
    let fields = [("host", "server")].into_iter();
    let body = Some(Bytes::from_static(b"{}"));
    let exchange = sender.exchange("http", "POST", "/", fields, body, deadline);
    exchange.await.0
}

const CODINGS: [&[&str]; 8] = [
    &["gzip"],
    &["deflate"],
    &["br"],
    &["zstd"],
    &["deflate", "gzip"],
    &["zstd", "br"],
    &["identity", "X-Gzip", ""],
    &["rot13"],
];

/// The first byte says how the rest is coded. What comes out is bounded, and what we code ourselves
/// comes back.
pub fn coding(data: &[u8]) {
    const LONGEST: usize = 1 << 20;
    let Some((how, body)) = data.split_first() else {
        return;
    };
    let body = Bytes::copy_from_slice(body);
    let codings = CODINGS[usize::from(how % 8)].iter().copied();
    if let Ok(decoded) = coding::decode(codings, body.clone(), LONGEST) {
        assert!(decoded.len() <= LONGEST);
    }
    let mut coded = Vec::new();
    let zlib = ZlibEncoder::new(&*body, Compression::fast());
    let read = GzEncoder::new(zlib, Compression::none()).read_to_end(&mut coded);
    read.expect("memory can be read");
    let codings = ["deflate", "gzip"].into_iter();
    let decoded = coding::decode(codings, coded.into(), LONGEST).expect("well-formed");
    assert_eq!(decoded, body);
}

/// Two fields are read as one with a comma between them is.
pub fn server_timing(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (first, second) = text.split_once('\n').unwrap_or((&text, ""));
    let known = known();
    let mut apart = ServerTiming::default();
    apart.read(first, &known);
    apart.read(second, &known);
    let mut together = ServerTiming::default();
    together.read(&format!("{first},{second}"), &known);
    assert_eq!(apart, together);
    for (part, time) in apart.iter() {
        assert!(part < known.len());
        assert!(time < Duration::from_secs(1_000_000_000), "{time:?}");
    }
}

/// Fields of an answer. Whatever cookie is kept can be sent, and changes no request into another.
pub fn cookies(data: &[u8]) {
    let head = [b"HTTP/1.1 200 OK\r\n", data, b"\r\n\r\n"].concat();
    let Ok(Some(read)) = wire::head(&head, Method::Get, &[]) else {
        return;
    };
    let jar = cookies::Jar::default();
    let urls = [
        "http://server:8080/a/b",
        "https://server/",
        "http://127.0.0.1/a",
    ];
    let urls = urls.map(|url| Url::parse(url).expect("an address"));
    for url in &urls {
        jar.keep(&head[..read.length], url);
    }
    for cookie in urls.iter().filter_map(|url| jar.cookie(url)) {
        assert_eq!(header::flaw("cookie", &cookie), None, "{cookie:?}");
    }
}

/// A `Location`. Where it leads can be asked for, and is of the same server.
pub fn redirect(data: &[u8]) {
    let Some((how, location)) = data.split_first() else {
        return;
    };
    let status = [301, 302, 303, 307, 308][usize::from(how % 5)];
    let method = METHODS[usize::from(how / 5 % 3)];
    let base = Url::parse("http://server:8080/api/b?x=1").expect("an address");
    let location = String::from_utf8_lossy(location);
    let Some(to) = redirect::location_of(status, Some(&location), &base) else {
        return;
    };
    match redirect::next(status, method, &base, &to, 1, 1) {
        Ok(hop) => {
            assert_eq!(wire::check_target(hop.method, &hop.path), Ok(()));
            let origin = &base[..Position::BeforePath];
            let asked = Url::parse(&format!("{origin}{}", hop.path)).expect("an address");
            assert_eq!(asked[..], to[..Position::AfterQuery]);
        }
        Err(error) => assert!(matches!(error, redirect::RedirectError::Elsewhere(_))),
    }
}
