use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::fixture;

/// The head of an answer to `GET`.
fn head(bytes: &[u8]) -> Result<Option<Head>, ProtocolError> {
    super::head(bytes, Method::Get, &fixture::catalogue().server_parts)
}

fn written(method: Method, path: &str, body: Option<&[u8]>) -> Result<String, PathError> {
    let mut out = BytesMut::new();
    check_target(method, path)?;
    request_line(&mut out, method, "/api", path);
    out.put_slice(b"host: shop\r\n");
    content(&mut out, method, body);
    Ok(String::from_utf8(out.to_vec()).expect("text"))
}

#[test]
fn requests_are_written_as_the_standard_says() {
    let get = "GET /api/a?b=1 HTTP/1.1\r\nhost: shop\r\n\r\n";
    assert_eq!(written(Method::Get, "/a?b=1", None), Ok(get.into()));
    let empty = "POST /api/a HTTP/1.1\r\nhost: shop\r\ncontent-length: 0\r\n\r\n";
    assert_eq!(written(Method::Post, "/a", None), Ok(empty.into()));
    let full = "POST /api/a HTTP/1.1\r\nhost: shop\r\ncontent-length: 12\r\n\r\n{\"amount\":1}";
    assert_eq!(
        written(Method::Post, "/a", Some(b"{\"amount\":1}")),
        Ok(full.into())
    );
}

#[test]
fn only_methods_that_mean_content_say_that_there_is_none() {
    use Method::{Connect, Delete, Get, Head, Options, Patch, Post, Put, Trace};
    let line = |method: Method| written(method, "/a", None).expect("a path");
    for method in [Post, Put, Patch] {
        let expected = format!(
            "{} /api/a HTTP/1.1\r\nhost: shop\r\ncontent-length: 0\r\n\r\n",
            method.as_str()
        );
        assert_eq!(line(method), expected);
    }
    for method in [Get, Head, Delete, Options, Trace, Connect] {
        let expected = format!("{} /api/a HTTP/1.1\r\nhost: shop\r\n\r\n", method.as_str());
        assert_eq!(line(method), expected);
    }
    assert_eq!(
        written(Options, "*", None),
        Ok("OPTIONS * HTTP/1.1\r\nhost: shop\r\n\r\n".into())
    );
    assert_eq!(
        written(Connect, "shop:443", None),
        Ok("CONNECT shop:443 HTTP/1.1\r\nhost: shop\r\n\r\n".into())
    );
    assert!(written(Get, "*", None).is_err());
    assert!(written(Connect, "", None).is_err());
}

#[test]
fn some_answers_have_no_body_whatever_their_length_says() {
    let of = |method: Method, status: u16| {
        let text = format!("HTTP/1.1 {status} X\r\ncontent-length: 9\r\n\r\n");
        let head = super::head(text.as_bytes(), method, &[])
            .expect("well-formed")
            .expect("whole");
        (head.framing, head.keep_alive)
    };
    assert_eq!(of(Method::Get, 200), (Framing::Length(9), true));
    assert_eq!(of(Method::Head, 200), (Framing::Length(0), true));
    assert_eq!(of(Method::Head, 404), (Framing::Length(0), true));
    assert_eq!(of(Method::Connect, 200), (Framing::Length(0), false));
    assert_eq!(of(Method::Connect, 405), (Framing::Length(9), true));
    for fields in ["", "transfer-encoding: chunked\r\n"] {
        let text = format!("HTTP/1.1 200 OK\r\n{fields}\r\n");
        let head = super::head(text.as_bytes(), Method::Head, &[])
            .expect("well-formed")
            .expect("whole");
        assert_eq!((head.framing, head.keep_alive), (Framing::Length(0), true));
    }
}

#[test]
fn a_compressed_body_is_told_from_others() {
    let coded = |fields: &str| {
        let text = format!("HTTP/1.1 200 OK\r\n{fields}content-length: 0\r\n\r\n");
        head(text.as_bytes())
            .expect("well-formed")
            .expect("whole")
            .coded
    };
    assert!(!coded("") && !coded("content-language: ko\r\n"));
    assert!(coded("Content-Encoding: gzip\r\n"));
}

#[test]
fn nothing_is_smuggled_in_by_a_path() {
    for path in ["", "a", "/a b", "/a\r\nx: y", "/a\0", "/쿠폰"] {
        assert!(written(Method::Get, path, None).is_err(), "{path:?}");
    }
}

#[test]
fn the_end_of_a_body_is_found_by_the_rules() {
    use Framing::{Chunked, Length, UntilClose};
    // (status line and fields, framing, keep-alive)
    let rows = [
        ("1.1 200 OK|content-length: 5", Length(5), true),
        (
            "1.1 200 OK|Content-Length: 5|CONNECTION: Close",
            Length(5),
            false,
        ),
        ("1.0 200 OK|content-length: 5", Length(5), false),
        (
            "1.0 200 OK|content-length: 5|connection: keep-alive",
            Length(5),
            true,
        ),
        (
            "1.1 200 OK|content-length: 5|content-length: 5",
            Length(5),
            true,
        ),
        ("1.1 204 No Content", Length(0), true),
        ("1.1 304 Not Modified|content-length: 9", Length(0), true),
        ("1.1 100 Continue", Length(0), true),
        ("1.1 200 OK|transfer-encoding: chunked", Chunked, true),
        (
            "1.1 200 OK|transfer-encoding: gzip, Chunked|content-length: 9",
            Chunked,
            true,
        ),
        (
            "1.1 200 OK|transfer-encoding: gzip|content-length: 9",
            UntilClose,
            false,
        ),
        ("1.1 200 OK", UntilClose, false),
        ("1.1 200", UntilClose, false),
    ];
    for (lines, framing, keep_alive) in rows {
        let text = format!("HTTP/{}\r\n\r\n", lines.replace('|', "\r\n"));
        let head = head(text.as_bytes()).expect("well-formed").expect("whole");
        assert_eq!(
            (head.framing, head.keep_alive, head.length),
            (framing, keep_alive, text.len()),
            "{lines}"
        );
    }
}

#[test]
fn the_servers_own_times_are_read() {
    let head = head(b"HTTP/1.1 200 OK\r\nserver-timing: queue;dur=1\r\nServer-Timing: db;dur=2.5\r\ncontent-length: 0\r\n\r\n");
    let timing = head.expect("well-formed").expect("whole").server_timing;
    assert_eq!(
        timing.iter().collect::<Vec<_>>(),
        [
            (0, Duration::from_millis(1)),
            (1, Duration::from_micros(2_500))
        ]
    );
}

#[test]
fn what_is_no_answer_is_an_error() {
    for lines in [
        "FTP/1.1 200 OK",
        "HTTP/1.1 abc OK",
        "HTTP/1.1 200 OK|no colon",
        "HTTP/1.1 200 OK|content-length: -1",
        "HTTP/1.1 200 OK|content-length: +1",
        "HTTP/1.1 200 OK|content-length:",
        "HTTP/1.1 200 OK|content-length: 99999999999999999999999",
        "HTTP/1.1 200 OK|content-length: 1|content-length: 2",
    ] {
        let text = format!("{}\r\n\r\n", lines.replace('|', "\r\n"));
        assert!(head(text.as_bytes()).is_err(), "{lines}");
    }
    let endless = format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(LONGEST_HEAD));
    assert_eq!(head(endless.as_bytes()), Err(ProtocolError::EndlessHead));
    assert_eq!(
        head(format!("{endless}\r\n\r\n").as_bytes()),
        Err(ProtocolError::EndlessHead),
        "whole or not"
    );
    let many = format!(
        "HTTP/1.1 200 OK\r\n{}\r\n",
        "x: y\r\n".repeat(MOST_FIELDS + 1)
    );
    assert!(head(many.as_bytes()).is_err());
}

#[test]
fn a_line_between_chunks_is_as_long_whole_as_in_parts() {
    for longest in [0, 1] {
        let (size, trailer) = ("1;x=", "x: ");
        let size = format!(
            "{size}{}\r\nx\r\n0\r\n\r\n",
            "y".repeat(LONGEST_HEAD - 6 + longest)
        );
        let trailer = "y".repeat(LONGEST_HEAD - 2 - trailer.len() + longest);
        let trailer = format!("0\r\nx: {trailer}\r\n\r\n");
        for text in [size, trailer] {
            for part in [text.len(), 1_000] {
                let (mut chunks, mut unread) = (Chunks::default(), BytesMut::new());
                let mut parts = text.as_bytes().chunks(part);
                let read = parts.try_fold(None, |_, part| {
                    unread.extend_from_slice(part);
                    chunks.take(&mut unread)
                });
                assert_eq!(read.is_err(), longest == 1, "in parts of {part}");
            }
        }
    }
}

#[test]
fn broken_chunks_are_an_error() {
    for bytes in [
        "x\r\n",
        "3\r\nabcd\r\n",
        "ffffffffffffffff\r\n",
        "11111111111111111\r\n",
    ] {
        let taken = Chunks::default().take(&mut BytesMut::from(bytes));
        assert_eq!(taken, Err(ProtocolError::Chunk), "{bytes:?}");
    }
}

proptest! {
    /// However the network cuts it, the body is the same, and what follows it is left alone.
    #[test]
    fn chunks_arrive_whole_however_they_are_cut(
        parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..6),
        cuts in prop::collection::vec(1_usize..30, 1..40),
        trailer in any::<bool>(),
    ) {
        let mut wire = Vec::new();
        for part in &parts {
            wire.extend_from_slice(format!("{:X};ext=1\r\n", part.len()).as_bytes());
            wire.extend_from_slice(part);
            wire.extend_from_slice(b"\r\n");
        }
        wire.extend_from_slice(if trailer { b"0\r\nx: y\r\n\r\n" } else { b"0\r\n\r\n" });
        wire.extend_from_slice(b"HTTP");
        let mut chunks = Chunks::default();
        let mut unread = BytesMut::new();
        let mut rest = &wire[..];
        let mut cuts = cuts.iter().cycle();
        let body = loop {
            let cut = rest.len().min(*cuts.next().expect("endless"));
            unread.extend_from_slice(&rest[..cut]);
            rest = &rest[cut..];
            if let Some(body) = chunks.take(&mut unread).expect("well-formed") {
                break body;
            }
            prop_assert!(!rest.is_empty(), "the end was not seen");
        };
        prop_assert_eq!(&body[..], &parts.concat()[..]);
        unread.extend_from_slice(rest);
        prop_assert_eq!(&unread[..], b"HTTP");
    }

    /// A head is the same whether or not something follows it, and never there too early.
    #[test]
    fn a_head_is_whole_or_not_there(cut in 0_usize..200) {
        const ANSWER: &[u8] = b"HTTP/1.1 201 Created\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
        let cut = cut.min(ANSWER.len());
        let seen = head(&ANSWER[..cut]).expect("well-formed");
        prop_assert_eq!(seen.map(|head| head.length), (cut >= ANSWER.len() - 2).then_some(ANSWER.len() - 2));
    }
}

#[test]
fn what_old_and_talkative_servers_send_is_understood() {
    let read = |fields: &str| {
        let text = format!("HTTP/1.1 200 OK\r\n{fields}\r\n");
        super::head(text.as_bytes(), Method::Get, &[])
    };
    let framing = |fields: &str| read(fields).expect("a head").expect("it is whole").framing;
    assert_eq!(
        framing("transfer-encoding: identity\r\ncontent-length: 7\r\n"),
        Framing::Length(7)
    );
    assert_eq!(
        framing("transfer-encoding: identity\r\n"),
        Framing::UntilClose
    );
    assert_eq!(
        framing("x-long: one,\r\n  two: 2\r\ncontent-length: 7\r\n"),
        Framing::Length(7)
    );
    let many: String = (0..200).map(|n| format!("x-{n}: {n}\r\n")).collect();
    assert_eq!(
        framing(&format!("{many}content-length: 7\r\n")),
        Framing::Length(7)
    );
    let unasked = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n";
    assert_eq!(
        super::head(unasked, Method::Get, &[]),
        Err(ProtocolError::Upgrade)
    );
}
