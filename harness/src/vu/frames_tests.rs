use super::*;

const PING: u8 = 6;

fn frame(kind: u8, flags: u8, stream: u32, payload: usize) -> Vec<u8> {
    let length = u32::try_from(payload).expect("a short one").to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.resize(HEAD + payload, 0xff);
    bytes
}

#[test]
fn frames_are_found_however_they_are_cut() {
    let bytes = [
        vec![b'P'; PREFACE],
        frame(SETTINGS, 0, 0, 6),
        frame(HEADERS, 4, 1, 40),
        frame(DATA, END_STREAM, 1, 0),
        frame(PING, END_STREAM, 0, 8),
        frame(HEADERS, 4 | END_STREAM, 0x8000_0003, 1),
    ]
    .concat();
    let of = |kind, stream, ends_stream| {
        let frame = Frame {
            kind,
            stream,
            ends_stream,
        };
        [(frame, End::First), (frame, End::Last)]
    };
    let expected = [
        of(SETTINGS, 0, false),
        of(HEADERS, 1, false),
        of(DATA, 1, true),
        of(PING, 0, false),
        of(HEADERS, 3, true),
    ]
    .concat();
    for size in 1..bytes.len() {
        let mut frames = Frames::after(PREFACE);
        let mut found = Vec::new();
        for part in bytes.chunks(size) {
            frames.pass(part, |frame, end, _| found.push((frame, end)));
        }
        assert_eq!(found, expected, "in parts of {size}");
    }
}

#[test]
fn a_streams_passage_is_told_from_the_others() {
    let mut traffic = Traffic::new();
    let meter = Meter::default();
    traffic.begin(1);
    traffic.begin(3);
    traffic.outgoing = Frames::default();
    traffic.wrote(&frame(HEADERS, END_STREAM, 1, 5), &meter);
    let handed = |traffic: &Traffic| {
        let of = |(stream, passage): &(u32, Passage)| (*stream, passage.handed);
        traffic.passages.iter().map(of).collect::<Vec<_>>()
    };
    assert_eq!(handed(&traffic), [(1, true), (3, false)]);
    traffic.wrote(&frame(HEADERS, 0, 3, 5), &meter);
    assert_eq!(handed(&traffic), [(1, true), (3, false)]);
    traffic.wrote(&frame(DATA, END_STREAM, 3, 5), &meter);
    assert_eq!(handed(&traffic), [(1, true), (3, true)]);
    assert!(!traffic.is_greeted());
    traffic.read_some(&frame(SETTINGS, 0, 0, 0), &meter);
    assert!(traffic.is_greeted());
    assert!(traffic.end(1).handed);
    assert_eq!(traffic.end(1), Passage::default(), "it has ended");
    assert_eq!(handed(&traffic), [(3, true)]);
}

#[test]
fn bytes_are_accounted_for_once() {
    let mut traffic = Traffic::new();
    traffic.bytes = (10, 20);
    assert_eq!(traffic.account(), (10, 20));
    traffic.bytes = (15, 27);
    assert_eq!(traffic.account(), (5, 7));
    assert_eq!(traffic.account(), (0, 0));
}

#[test]
fn whoever_goes_away_says_which_streams_it_looks_at() {
    let mut bytes = frame(GOAWAY, 0, 0, 12);
    bytes[HEAD..HEAD + 4].copy_from_slice(&0x8000_0003_u32.to_be_bytes());
    for size in 1..bytes.len() {
        let mut traffic = Traffic::new();
        for stream in [1, 3, 5, 7] {
            traffic.begin(stream);
        }
        for part in bytes.chunks(size) {
            traffic.read_some(part, &Meter::default());
        }
        let ignored = [1, 3, 5, 7].map(|stream| traffic.end(stream).ignored);
        assert_eq!(ignored, [false, false, true, true], "in parts of {size}");
    }
}
