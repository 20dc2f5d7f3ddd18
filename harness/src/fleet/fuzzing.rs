//! Properties of everything that another process of a run may send, for fuzzing.

use super::{Decoder, Kind, Records, Second, Totals};

/// A file of seconds is read to its end or to an error, and a second reads back.
pub fn seconds(data: &[u8]) {
    let Ok(mut records) = Records::new(data) else {
        return;
    };
    let mut decoder = Decoder::default();
    while let Ok(Some((kind, bytes))) = records.read() {
        match kind {
            Kind::Head => {}
            Kind::Second => second(&bytes, &mut decoder),
            Kind::Totals => drop(Totals::decode(&bytes, &mut decoder)),
        }
    }
}

fn second(bytes: &[u8], decoder: &mut Decoder) {
    let Ok(second) = Second::decode(bytes, decoder) else {
        return;
    };
    let written = second.encode();
    let again = Second::decode(&written, decoder).expect("its own bytes");
    assert_eq!(again.encode(), written);
    assert_eq!(again.frame.second, second.frame.second);
}
