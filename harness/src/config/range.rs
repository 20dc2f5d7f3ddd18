//! Useless limits: every number of their kind is within them, or every number crosses them.

use crate::metrics::{Aggregation, Kind};
use crate::threshold::{Operator, Threshold};

/// Refuses a limit that lies outside of what there can be. One at its edge, such as `rate>=0`, is
/// taken: it is the way to ask for no more than the number.
///
/// # Errors
/// Whether it always or never holds, and what there can be.
pub(super) fn refuse_limit(threshold: &Threshold) -> Result<(), String> {
    use Operator::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    let limit = threshold.limit;
    let (kind, aggregation) = (threshold.metric.kind(), threshold.aggregation);
    let most = match kind {
        Kind::Rate => 1.0,
        _ => f64::INFINITY,
    };
    let is_whole = matches!(aggregation, Aggregation::Count | Aggregation::Value);
    let (below, above) = (limit < 0.0, limit > most);
    let is_between = is_whole && limit.fract() != 0.0;
    let occurs = !(below || above || is_between);
    let holds = match threshold.operator {
        Less | LessOrEqual if above => "always",
        Greater | GreaterOrEqual if below => "always",
        NotEqual if !occurs => "always",
        Less if limit <= 0.0 => "never",
        LessOrEqual if below => "never",
        Greater if limit >= most => "never",
        GreaterOrEqual if above => "never",
        Equal if !occurs => "never",
        _ => return Ok(()),
    };
    let there_is = match (kind, is_whole) {
        (Kind::Rate, _) => "a share is from 0 to 1 (100%), as in 'rate<0.05' or 'rate<5%'",
        (_, true) => "it is a whole number from 0",
        (Kind::Trend, _) => "a duration is from 0",
        _ => "it is a number from 0",
    };
    Err(format!("'{threshold}' {holds} holds: {there_is}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::threshold::parse;

    #[test]
    fn a_limit_beyond_what_there_can_be_is_refused() {
        let rows = [
            ("checks: rate<5", Some("always")),
            ("checks: rate<=200%", Some("always")),
            ("checks: rate>-1", Some("always")),
            ("checks: rate!=2", Some("always")),
            ("checks: rate<-1", Some("never")),
            ("checks: rate<0", Some("never")),
            ("checks: rate>1", Some("never")),
            ("checks: rate>100%", Some("never")),
            ("checks: rate>=95", Some("never")),
            ("checks: rate==100", Some("never")),
            ("checks: rate>=0", None),
            ("checks: rate<=1", None),
            ("checks: rate<1", None),
            ("checks: rate>0", None),
            ("checks: rate==1", None),
            ("checks: rate!=1", None),
            ("http_req_failed: rate<=0", None),
            ("http_reqs: count!=1.5", Some("always")),
            ("http_reqs: count==1.5", Some("never")),
            ("http_reqs: count<0", Some("never")),
            ("http_reqs: count>=-1", Some("always")),
            ("http_reqs: count<1.5", None),
            ("http_reqs: count>=0", None),
            ("http_reqs: count==0", None),
            ("http_reqs: rate<1.5", None),
            ("http_reqs: rate==1.5", None),
            ("http_reqs: rate<0", Some("never")),
            ("vus: value==2.5", Some("never")),
            ("vus: value>2", None),
            ("http_req_duration: p(95)<-5", Some("never")),
            ("http_req_duration: max>-1", Some("always")),
            ("http_req_duration: max>=0", None),
            ("http_req_duration: p(95)<1.5", None),
        ];
        for (text, expected) in rows {
            let threshold = parse(text, &[]).expect(text);
            let found = refuse_limit(&threshold).err();
            let begins = expected.map(|holds| format!("'{text}' {holds} holds: "));
            assert_eq!(found.is_some(), begins.is_some(), "{text}: {found:?}");
            if let (Some(found), Some(begins)) = (found, begins) {
                assert!(found.starts_with(&begins), "{found}");
            }
        }
    }
}
