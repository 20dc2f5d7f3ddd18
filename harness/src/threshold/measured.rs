//! What was measured, as people read it: in the unit of its threshold. Pure.

use super::parse::Threshold;
use crate::format::{beside, ms_unit, number, percent};
use crate::metrics::Kind;

impl Threshold {
    /// A number that was measured for it, with as many digits as it takes to see on which side of
    /// the limit it is.
    #[must_use]
    pub(crate) fn measured(&self, actual: f64) -> String {
        let (short, times, unit) = match self.metric.kind() {
            _ if self.aggregation.is_duration() => (ms_unit(actual), 1.0, " ms"),
            Kind::Rate => (percent(actual), 100.0, " %"),
            _ => (number(actual), 1.0, ""),
        };
        beside(self.limit * times, actual * times, short, unit)
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse::parse;

    #[test]
    fn what_was_measured_is_told_with_its_unit_and_on_its_side_of_the_limit() {
        // (threshold, measured, told)
        let rows = [
            ("http_req_duration: p(95)<200", 2_269.2, "2,269 ms"),
            ("http_req_duration: p(95)<200", 9.414, "9.41 ms"),
            ("http_req_duration: p(95)<200", 200.0, "200 ms"),
            ("http_req_duration: p(95)<200", 200.4, "200.4 ms"),
            ("http_req_duration: p(95)<=200", 200.001, "200.001 ms"),
            ("http_req_duration: p(95)<2s", 1_999.96, "1,999.96 ms"),
            ("checks: rate==1", 1.0, "100 %"),
            ("checks: rate==1", 0.9, "90.0 %"),
            ("checks: rate==1", 0.999_999, "> 99.99 %"),
            ("http_req_failed: rate<0.01", 0.010_001, "1.0001 %"),
            ("http_req_failed: rate<0.01", 0.01, "1.0 %"),
            ("http_req_failed: rate<=0.29", 0.29, "29.0 %"),
            ("http_req_failed: rate<0.0001", 0.000_05, "0.005 %"),
            ("http_req_failed: rate==0", 0.000_05, "< 0.01 %"),
            ("http_reqs: count>=1000", 1_234_567.0, "1,234,567"),
            ("http_reqs: rate>100", 99.96, "99.96"),
            ("http_reqs: rate>100", 123.4, "123"),
            ("vus: value>0", 12.0, "12"),
        ];
        for (text, actual, told) in rows {
            let threshold = parse(text, &[]).expect(text);
            assert_eq!(threshold.measured(actual), told, "{text} {actual}");
        }
    }
}
