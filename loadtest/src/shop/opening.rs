//! Whether the set-up may erase what the server has, or uses what is there. Pure.

use harness::Refused;

use super::policies::Policies;

/// How a run begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Opening {
    /// `POST /init` erases everything and fills the shop anew.
    Reset(&'static str),
    /// Coupon policies with these ids are there, and so is everything else.
    Keep(Vec<i64>),
}

/// What the user says of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Consent<'a> {
    /// The server's address; none for the private one.
    pub(super) host: Option<&'a str>,
    /// Whether it is the private one, or at a loopback address.
    pub(super) on_this_machine: bool,
    /// `--allow-reset`.
    pub(super) allow_reset: bool,
    /// `--policies`.
    pub(super) policies: Option<&'a Policies>,
}

impl Opening {
    /// Erases only where that was said, or where nobody else's data can be.
    pub(super) fn of(consent: Consent<'_>) -> Result<Self, Refused> {
        match (consent.policies, consent.allow_reset) {
            (Some(Policies::Ids(ids)), true) => Err(Refused(format!(
                "--policies: {} are policies that --allow-reset would erase; leave out one of them",
                listed(ids)
            ))),
            (_, true) => Ok(Self::Reset("--allow-reset")),
            (Some(Policies::Ids(ids)), false) => Ok(Self::Keep(ids.clone())),
            (_, false) if consent.host.is_none() => Ok(Self::Reset("the private server")),
            (_, false) if consent.on_this_machine => Ok(Self::Reset("a loopback address")),
            (Some(Policies::Count(count)), false) => Err(Refused(format!(
                "--policies {count} is how many coupon policies to create, which erases the \
                 server's data (POST /init): that needs --allow-reset; for the one policy with the \
                 id {count} of a shop that is used as it is, write --policies {count},"
            ))),
            (None, false) => Err(Refused(format!(
                "{} may hold data that somebody needs: it is erased (POST /init) only with \
                 --allow-reset; to use what is there, name its coupon policies, as in \
                 --policies 1,2,3",
                consent.host.unwrap_or_default()
            ))),
        }
    }
}

fn listed(ids: &[i64]) -> String {
    let ids: Vec<String> = ids.iter().map(i64::to_string).collect();
    ids.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAR: Consent<'_> = Consent {
        host: Some("http://shop.example"),
        on_this_machine: false,
        allow_reset: false,
        policies: None,
    };
    const NEAR: Consent<'_> = Consent {
        host: Some("http://127.0.0.1:8080"),
        on_this_machine: true,
        ..FAR
    };

    #[test]
    fn data_is_erased_only_with_consent() {
        let count = Policies::Count(7);
        let ids = Policies::Ids(vec![1, 2]);
        let allowed = |consent| Consent {
            allow_reset: true,
            ..consent
        };
        let with = |consent, policies| Consent {
            policies: Some(policies),
            ..consent
        };
        let private = Consent { host: None, ..NEAR };
        let rows = [
            (private, Opening::Reset("the private server")),
            (with(private, &count), Opening::Reset("the private server")),
            (NEAR, Opening::Reset("a loopback address")),
            (with(NEAR, &ids), Opening::Keep(vec![1, 2])),
            (allowed(FAR), Opening::Reset("--allow-reset")),
            (with(allowed(FAR), &count), Opening::Reset("--allow-reset")),
            (with(FAR, &ids), Opening::Keep(vec![1, 2])),
        ];
        for (consent, expected) in rows {
            let opening = Opening::of(consent).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(opening, expected, "{consent:?}");
        }
    }

    #[test]
    fn without_consent_and_ids_it_is_refused_with_both_ways_out() {
        let error = Opening::of(FAR).expect_err("no consent").to_string();
        for part in ["http://shop.example", "--allow-reset", "--policies 1,2,3"] {
            assert!(error.contains(part), "{error}");
        }
        let count = Policies::Count(7);
        let unclear = Consent {
            policies: Some(&count),
            ..FAR
        };
        let error = Opening::of(unclear)
            .expect_err("a number or an id")
            .to_string();
        for part in ["--policies 7 is how many", "--allow-reset", "--policies 7,"] {
            assert!(error.contains(part), "{error}");
        }
        let ids = Policies::Ids(vec![1, 2]);
        let both = Consent {
            allow_reset: true,
            policies: Some(&ids),
            ..FAR
        };
        let error = Opening::of(both).expect_err("a contradiction").to_string();
        assert!(
            error.contains("1,2 are policies that --allow-reset would erase"),
            "{error}"
        );
    }
}
