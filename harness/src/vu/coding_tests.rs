use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;

const LONGEST: usize = 1 << 20;

const TEXT: &[u8] = br#"{"userId":1,"balance":10000}"#;
// By Python's gzip and zlib, Node's zlib.brotliCompressSync, and zstd(1).
const GZIP: &str = "1f8b0800000000000203ab562a2d4e2df24c51b232d4514a4acc49cc4b4e05b20d80a01600886b\
                    800b1c000000";
const ZLIB: &str = "789cab562a2d4e2df24c51b232d4514a4acc49cc4b4e05b20d80a0160082090875";
const RAW: &str = "ab562a2d4e2df24c51b232d4514a4acc49cc4b4e05b20d80a01600";
const BROTLI: &str = "8b0d807b22757365724964223a312c2262616c616e6365223a31303030307d03";
const ZSTD: &str = "28b52ffd0468e100007b22757365724964223a312c2262616c616e6365223a31303030307d1dbb\
                    1fed";

fn bytes(hex: &str) -> Bytes {
    let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal");
    (0..hex.len()).step_by(2).map(byte).collect()
}

fn gzipped(text: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).expect("into memory");
    encoder.finish().expect("into memory").into()
}

#[track_caller]
fn assert_decodes(codings: &[&str], body: &Bytes) {
    let decoded = decode(codings.iter().copied(), body.clone(), LONGEST).expect("well-formed");
    assert_eq!(&*decoded, TEXT, "{codings:?}");
}

#[test]
fn what_other_programs_compressed_is_decoded() {
    for (coding, hex) in [
        ("gzip", GZIP),
        ("X-GZIP", GZIP),
        ("deflate", ZLIB),
        ("deflate", RAW),
        ("br", BROTLI),
        ("zstd", ZSTD),
    ] {
        assert_decodes(&[coding], &bytes(hex));
    }
    assert_decodes(&["identity"], &Bytes::from_static(TEXT));
}

#[test]
fn several_codings_are_undone_from_the_last() {
    assert_decodes(&["br", "gzip"], &gzipped(&bytes(BROTLI)));
    let empty = decode(["gzip"].into_iter(), Bytes::new(), LONGEST);
    assert_eq!(empty.expect("an answer to HEAD"), Bytes::new());
}

#[test]
fn several_members_and_frames_are_one_body() {
    let whole = gzipped(&TEXT[..9]);
    assert_decodes(&["gzip"], &[whole, gzipped(&TEXT[9..])].concat().into());
    let twice = [bytes(ZSTD), bytes(ZSTD)].concat().into();
    let decoded = decode(["zstd"].into_iter(), twice, LONGEST).expect("well-formed");
    assert_eq!(&*decoded, [TEXT, TEXT].concat());
}

#[test]
fn broken_bodies_are_errors_that_name_the_coding() {
    for (coding, hex) in [
        ("gzip", GZIP),
        ("deflate", ZLIB),
        ("br", BROTLI),
        ("zstd", ZSTD),
    ] {
        let whole = bytes(hex);
        let cut = whole.slice(..whole.len() / 2);
        for body in [
            cut,
            Bytes::from_static(b"\xff\xfe no such thing at all, nowhere"),
        ] {
            let error = decode([coding].into_iter(), body, LONGEST).expect_err(coding);
            let expected = format!("the answer's body is not well-formed {coding}: ");
            assert!(error.to_string().starts_with(&expected), "{error}");
        }
    }
    for (coding, hex) in [("gzip", GZIP), ("deflate", ZLIB), ("zstd", ZSTD)] {
        let mut checksum = bytes(hex).to_vec();
        // The last byte of zlib's and zstd's checksum, and of gzip's, before the length.
        let at = checksum.len() - if coding == "gzip" { 5 } else { 1 };
        checksum[at] ^= 1;
        let wrong = decode([coding].into_iter(), checksum.into(), LONGEST);
        assert!(matches!(wrong, Err(CodingError::Broken { .. })), "{coding}");
    }
    let unknown = decode(["rot13"].into_iter(), Bytes::from_static(b"x"), LONGEST);
    let error = unknown.expect_err("unknown");
    assert!(error.to_string().contains("'rot13'"), "{error}");
}

#[test]
fn a_bomb_goes_off_at_the_limit() {
    for limit in [100, 3 << 20] {
        let just = gzipped(&vec![0; limit]);
        let decoded = decode(["gzip"].into_iter(), just, limit).expect("just not too long");
        assert_eq!(decoded.len(), limit);
        let bomb = gzipped(&vec![0; limit + 1]);
        let error = decode(["gzip"].into_iter(), bomb, limit).expect_err("too long");
        let of = if limit == 100 { "100 bytes" } else { "3 MiB" };
        let expected = format!(
            "the answer's body, coded as gzip, is longer than {of} when it is decoded (--max-body)"
        );
        assert_eq!(error.to_string(), expected);
    }
    // A layer within another one is bounded as well, whatever comes of it in the end.
    let twice = gzipped(&gzipped(&[0; 200]));
    let error = decode(["br", "gzip"].into_iter(), twice, 10).expect_err("too long");
    assert!(
        matches!(error, CodingError::TooLong { coding: "gzip", .. }),
        "{error}"
    );
}
