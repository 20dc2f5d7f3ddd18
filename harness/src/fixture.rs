//! A made-up suite for unit tests: three personas, ten requests, two options and one profile.

use crate::catalogue::{Catalogue, PartEntry, RequestEntry};
use crate::config::{Field, Fields, Inputs, Layer, Options, Outline, Profile, Program, parse};
use crate::persona::Role;
use crate::vu::Expected;

const fn role(
    key: char,
    name: &'static str,
    requests: &'static [(&'static str, u32, u32)],
) -> Role {
    Role {
        key,
        name,
        summary: "acts",
        requests,
    }
}

pub(crate) static ROLES: [Role; 3] = [
    role(
        'a',
        "impulse_buyer",
        &[
            ("0_get_userId", 1, 1),
            ("1_charge_balance", 1, 1),
            ("2_claim_coupon", 1, 1),
            ("3_get_coupons", 0, 21),
            ("4_get_top_products", 1, 1),
            ("5_create_order", 1, 1),
            ("6_get_balance", 1, 1),
        ],
    ),
    role(
        'b',
        "rational_buyer",
        &[
            ("0_get_userId", 1, 1),
            ("1_charge_balance", 1, 1),
            ("2_claim_coupon", 1, 1),
            ("3_get_coupons", 0, 21),
            ("5_create_order", 1, 1),
            ("6_get_balance", 1, 1),
        ],
    ),
    role('c', "malicious_buyer", &[("7_malicious_order", 1, 4)]),
];

const REQUESTS: [(&str, &str, Option<&str>); 10] = [
    ("0_get_userId", "GET", None),
    ("1_charge_balance", "POST", Some("charge_balance_time")),
    ("2_claim_coupon", "POST", Some("coupon_issue_time")),
    ("3_get_coupons", "GET", Some("coupon_check_time")),
    ("4_get_top_products", "GET", Some("get_top5_time")),
    ("5_create_order", "POST", Some("order_time")),
    ("6_get_balance", "GET", None),
    ("7_malicious_order", "POST", None),
    ("8_hostile_get", "GET", None),
    ("9_hostile_post", "POST", None),
];

pub(crate) static PAUSE: Field = Field::one("pause", "pause", "TIME", "Suite", "Wait so long")
    .default("1s")
    .checked(|text| parse::duration(text).map(drop))
    .compared();

static SMOKE: Profile = Profile {
    name: "smoke",
    toml: "description = \"5 VUs once each\"\nvus = 5\niterations_per_vu = 1\nmax_duration = \"1m\"",
};

static HERD: Profile = Profile {
    name: "herd",
    toml: "description = \"all at once\"\nvus = 300\niterations_per_vu = 1\npause = \"3s\"",
};

static RAMP: Profile = Profile {
    name: "flow_10vus",
    toml: "description = \"a ramp\"\nstages = [\"ramp_up=30s:10\", \"hold=1m:10\", \"ramp_down=10s:0\"]",
};

static MIXED: Profile = Profile {
    name: "mixed",
    toml: "description = \"all personas\"\nmix = \"a=60,b=30,c=10\"\nvus = 300\nduration = \"30s\"",
};

pub(crate) fn catalogue() -> Catalogue {
    let request = |(name, method, trend): &(&str, &str, Option<&str>)| RequestEntry {
        name: (*name).to_owned(),
        method: (*method).to_owned(),
        trend: trend.map(str::to_owned),
        planned: ROLES.iter().any(|role| {
            let mut plan = role.requests.iter();
            plan.any(|(planned, ..)| planned == name)
        }),
        readable: format!("{name}: answer can be read"),
        expected: match *name {
            "5_create_order" => Expected::Any(&[201]),
            _ => Expected::Success,
        },
        set_up_only: *name == "9_hostile_post",
        unsent: false,
    };
    let part = |name: &str, label: &str| PartEntry {
        name: name.to_owned(),
        label: label.to_owned(),
        is_queue: name == "queue",
    };
    Catalogue {
        requests: REQUESTS.iter().map(request).collect(),
        server_parts: vec![
            part("queue", "the server's queue"),
            part("db", "the database"),
            part("redis", "Redis"),
        ],
    }
}

pub(crate) fn outline() -> Outline {
    Outline {
        program: Program {
            name: "loadtest",
            about: "a made-up suite",
            version: "0.1.0",
        },
        roles: ROLES.to_vec(),
        catalogue: catalogue().into(),
        fields: Fields::with(&[&PAUSE]),
        profiles: vec![SMOKE, HERD, RAMP, MIXED],
        headers: || Ok(Vec::new()),
        private: Some("a private stack"),
        requests: |_| Vec::new(),
        checks: |_| vec!["page 200", "balance as predicted", "attack refused"],
        about: |_, check| match check {
            "attack refused" => vec!["7_malicious_order"],
            _ => Vec::new(),
        },
        refuse: |options: &Options| {
            let never = options.get(&PAUSE) == Some("9m");
            let message = || (&PAUSE, "contradicts itself".to_owned());
            never.then(message).into_iter().collect()
        },
        pause: |options: &Options| {
            let given = options
                .get(&PAUSE)
                .and_then(|text| parse::duration(text).ok());
            given.unwrap_or(std::time::Duration::from_secs(1))
        },
    }
}

/// What the made-up suite is given: flags by their keys, and variables.
pub(crate) fn inputs(flags: &[(&str, &[&str])], variables: &[(&str, &str)]) -> Inputs {
    let mut layer = Layer::default();
    for (key, texts) in flags {
        let field = outline().fields.of_key(key).expect(key);
        layer.set_flag(field, texts.iter().map(|text| (*text).to_owned()).collect());
    }
    Inputs {
        flags: layer,
        variables: owned(variables),
    }
}

pub(crate) fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let pair = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
    pairs.iter().map(pair).collect()
}
