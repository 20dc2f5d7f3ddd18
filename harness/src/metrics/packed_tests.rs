//! Trends come back as they were, and hostile bytes are errors.

use std::time::Duration;

use proptest::prelude::*;

use super::super::histogram::exact_around;
use super::*;

fn trend(values_us: &[u64]) -> Trend {
    let mut trend = Trend::default();
    for us in values_us {
        trend.record(Duration::from_micros(*us));
    }
    trend
}

fn packed(trend: &Trend) -> Vec<u8> {
    let mut packer = Packer::default();
    packer.trend(trend);
    packer.0
}

fn unpacked(bytes: &[u8]) -> Result<Trend, Malformed> {
    let mut unpacker = Unpacker::new(bytes);
    let trend = unpacker.trend()?;
    unpacker.end()?;
    Ok(trend)
}

fn assert_equal(one: &Trend, other: &Trend) {
    assert_eq!(one.zeros, other.zeros);
    let exact = |trend: &Trend| (trend.sum_us, trend.min_us, trend.max_us);
    assert_eq!(exact(one), exact(other));
    assert!(one.recorded().eq(other.recorded()));
    assert_eq!(one.fine, other.fine);
}

#[test]
fn numbers_of_every_size_come_back() {
    for number in [
        0,
        1,
        127,
        128,
        300,
        u64::from(u32::MAX),
        u64::MAX - 1,
        u64::MAX,
    ] {
        let mut packer = Packer::default();
        packer.number(number);
        let mut unpacker = Unpacker::new(&packer.0);
        assert_eq!(unpacker.number(), Ok(number));
        assert_eq!(unpacker.end(), Ok(()));
    }
    let mut too_large = [0xff; 10];
    too_large[9] = 2;
    let error = Unpacker::new(&too_large).number();
    assert_eq!(error, Err(Malformed::Wrong("number")));
    assert_eq!(Unpacker::new(&[0x80]).number(), Err(Malformed::Short));
}

#[test]
fn a_trend_that_lies_is_refused() {
    let good = packed(&trend(&[5, 7_000]));
    assert!(unpacked(&good).is_ok());
    // zeros, a flag, the sum in two bytes, minimum, maximum in two, length, then the histogram.
    let lies = [
        (0, 1, Malformed::Wrong("minimum")),
        (1, 2, Malformed::Wrong("trend")),
        (4, 0, Malformed::Wrong("minimum")),
        (8, 0, Malformed::Wrong("histogram")),
        (8 + 7, 9, Malformed::Wrong("histogram")),
        (8 + 15, 5, Malformed::Wrong("histogram")),
        (8 + 24, 1, Malformed::Wrong("histogram")),
    ];
    for (at, byte, expected) in lies {
        let mut lie = good.clone();
        lie[at] = byte;
        assert_eq!(unpacked(&lie).err(), Some(expected), "byte {at}");
    }
    let longer = [good.clone(), vec![0]].concat();
    assert_eq!(unpacked(&longer).err(), Some(Malformed::Long(1)));
    for length in 0..good.len() {
        assert!(unpacked(&good[..length]).is_err(), "{length} bytes");
    }
}

#[test]
fn totals_beyond_32_bits_come_back() {
    const MANY: u64 = 5_000_000_000;
    let mut before = trend(&[0, 7_000]);
    before.others_mut().record_n(7_000, MANY);
    before.sum_us += MANY * 7_000;
    let after = unpacked(&packed(&before)).expect("its own bytes");
    assert_equal(&before, &after);
    assert_eq!(after.count(), MANY + 2);
}

proptest! {
    #[test]
    fn a_trend_comes_back(values in prop::collection::vec(
        prop_oneof![Just(0), 0_u64..5_000, 0_u64..100_000_000, 0..=LONGEST_US], 0..200)
    ) {
        exact_around(300.0);
        let near_a_limit = [299_776, 299_777, 300_000, 300_000];
        let before = trend(&[&values[..], &near_a_limit].concat());
        let mut after = unpacked(&packed(&before)).expect("its own bytes");
        assert_equal(&before, &after);
        // It takes more, however long.
        after.record(Duration::from_hours(24));
        prop_assert_eq!(after.count(), before.count() + 1);
    }

    #[test]
    fn a_changed_byte_is_an_error_or_another_trend(
        values in prop::collection::vec(0_u64..100_000_000, 0..50),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = packed(&trend(&values));
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(trend) = unpacked(&bytes) {
            let [least, most] = trend.percentiles_ms([0.0, 100.0]);
            prop_assert!(least <= most && trend.recorded().count() < 1_000);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = unpacked(&bytes);
    }
}
