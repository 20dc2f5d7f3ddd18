//! A trend as text: what series files keep of every second.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::histogram::{Trend, ms};

/// A trend of one interval. Merging the decoded trends of several intervals loses nothing, which
/// can't be said of percentiles.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Encoded {
    /// How many durations.
    pub count: u64,
    /// Their exact sum in ms.
    pub sum: f64,
    /// The smallest in ms.
    pub min: f64,
    /// The largest in ms.
    pub max: f64,
    /// The HDR histogram of whole microseconds, three significant digits: the V2 format of
    /// HdrHistogram, in base64. Absent where only the numbers above are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub histogram: Option<String>,
    /// Microseconds and how often, of the durations in the buckets around limits of thresholds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub around_limits: Vec<(u64, u64)>,
}

/// Why a histogram can't be read.
#[derive(Debug, Error)]
pub enum Broken {
    /// Not base64.
    #[error("a histogram is not base64: {0}")]
    Base64(#[from] base64::DecodeError),
    /// Not HdrHistogram's format.
    #[error("a histogram is not in HdrHistogram's V2 format: {0}")]
    Histogram(#[from] hdrhistogram::serialization::DeserializeError),
    /// No durations have such extremes.
    #[error("the shortest duration is longer than the longest")]
    Extremes,
}

impl Encoded {
    /// The numbers of a trend without its histogram.
    #[must_use]
    pub fn numbers(trend: &Trend) -> Self {
        Self {
            count: trend.count(),
            sum: ms(trend.sum_us),
            min: ms(trend.min_us),
            max: ms(trend.max_us),
            histogram: None,
            around_limits: Vec::new(),
        }
    }

    /// The whole trend.
    #[must_use]
    pub fn whole(trend: &Trend) -> Self {
        let mut all = trend.clone();
        let mut bytes = Vec::new();
        let histogram = all.others_mut();
        histogram.record_n(0, trend.zeros);
        histogram.write_v2(&mut bytes);
        Self {
            histogram: Some(BASE64.encode(bytes)),
            around_limits: trend.fine.iter().map(|(us, count)| (*us, *count)).collect(),
            ..Self::numbers(trend)
        }
    }

    /// The trend again; without a histogram, one that has no percentiles.
    ///
    /// # Errors
    /// What is wrong with the histogram.
    pub fn decode(&self) -> Result<Trend, Broken> {
        let mut trend = Trend::default();
        self.add_to(&mut trend)?;
        Ok(trend)
    }

    /// Adds the trend to another.
    ///
    /// # Errors
    /// What is wrong with the histogram.
    pub fn add_to(&self, trend: &mut Trend) -> Result<(), Broken> {
        if self.count == 0 {
            return Ok(());
        }
        if us(self.min) > us(self.max) {
            return Err(Broken::Extremes);
        }
        trend.note_extremes(us(self.min), us(self.max));
        trend.sum_us = trend.sum_us.saturating_add(us(self.sum));
        let Some(text) = &self.histogram else {
            return Ok(());
        };
        for (us, count) in &self.around_limits {
            let sum = trend.fine.entry(*us).or_default();
            *sum = sum.saturating_add(*count);
        }
        let bytes = BASE64.decode(text)?;
        let histogram: Histogram<u64> = Deserializer::new().deserialize(&mut bytes.as_slice())?;
        for step in histogram.iter_recorded() {
            match step.value_iterated_to() {
                0 => trend.zeros += step.count_at_value(),
                value => trend.others_mut().record_n(value, step.count_at_value()),
            }
        }
        Ok(())
    }
}

fn us(ms: f64) -> u64 {
    (ms * 1_000.0).round() as u64
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::super::histogram::exact_around;
    use super::*;

    proptest! {
        #[test]
        fn what_was_encoded_comes_back(values in prop::collection::vec(0_u64..100_000_000, 0..300)) {
            exact_around(300.0);
            let around = [299_776, 299_777, 300_000].map(Duration::from_micros);
            let mut trend = Trend::default();
            around.into_iter().for_each(|duration| trend.record(duration));
            values.iter().for_each(|us| trend.record(Duration::from_micros(*us)));
            let json = serde_json::to_string(&Encoded::whole(&trend)).expect("plain values");
            let back: Encoded = serde_json::from_str(&json).expect("its own JSON");
            let back = back.decode().expect("its own encoding");
            prop_assert_eq!(back.count(), trend.count());
            prop_assert_eq!(back.sum_ms(), trend.sum_ms());
            prop_assert_eq!((back.min_ms(), back.max_ms()), (trend.min_ms(), trend.max_ms()));
            for percent in [1.0, 50.0, 95.0, 99.9] {
                prop_assert_eq!(back.percentile_ms(percent), trend.percentile_ms(percent));
            }
        }
    }

    #[test]
    fn what_is_no_histogram_is_refused() {
        let with = |text: &str| Encoded {
            count: 1,
            histogram: Some(text.to_owned()),
            ..Encoded::default()
        };
        assert!(matches!(with("!").decode(), Err(Broken::Base64(_))));
        assert!(matches!(with("AAAA").decode(), Err(Broken::Histogram(_))));
    }

    /// Found by fuzzing: a percentile between such extremes was a panic.
    #[test]
    fn extremes_that_no_durations_have_are_an_error() {
        let mut trend = Trend::default();
        trend.record(Duration::from_micros(182));
        let broken = Encoded {
            max: 0.003,
            ..Encoded::whole(&trend)
        };
        assert!(matches!(broken.decode(), Err(Broken::Extremes)));
    }
}
