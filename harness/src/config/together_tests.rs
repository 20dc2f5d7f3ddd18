//! Tags of thresholds that occur, each by itself and not together.

use crate::config::{Field, Inputs, load};
use crate::fixture::outline;
use crate::vu::Request;

/// A load of two personas with this threshold, and so many redirects that are followed.
fn given(threshold: &str, redirects: &str) -> Inputs {
    let mut inputs = Inputs::default();
    let rows = [
        ("mix", "a=50,b=50"),
        ("vus", "4"),
        ("duration", "5s"),
        ("thresholds", threshold),
        ("redirects", redirects),
    ];
    for (key, text) in rows.into_iter().filter(|(_, text)| !text.is_empty()) {
        let field = Field::of_key(key).expect(key);
        inputs.flags.set_flag(field, vec![text.to_owned()]);
    }
    inputs
}

#[test]
fn a_request_that_nobody_sends_with_these_options_has_no_threshold() {
    const UNSENT: Request = Request::post("5_create_order").unsent();
    let mut outline = outline();
    let inputs = || given("http_reqs{name:5_create_order}:count<10", "");
    assert!(load(&outline, inputs()).is_ok());
    outline.requests = |_| vec![UNSENT];
    let problems = load(&outline, inputs()).expect_err("nobody sends it");
    let said = problems[0].to_string();
    assert!(
        said.contains("there is no request '5_create_order'"),
        "{said}"
    );
}

/// Each tag occurs, and no series has them all.
#[test]
fn thresholds_whose_tags_exclude_each_other_are_refused() {
    let with = |more: &str, threshold: &str| load(&outline(), given(threshold, more));
    let rows = [
        (
            "http_reqs{method:GET,name:5_create_order}:count<10",
            "nothing has both method:GET and name:5_create_order: \
             with name:5_create_order, method is POST",
        ),
        (
            "http_reqs{method:!POST,name:5_create_order}:count<10",
            "nothing has both method:!POST and name:5_create_order: ",
        ),
        (
            "http_reqs{status:500,expected_response:true}:count<10",
            "nothing has both status:500 and expected_response:true: no request expects 500, so",
        ),
        (
            "http_reqs{name:5_create_order,status:200,expected_response:true}:count<10",
            "nothing in http_reqs has all of \
             {name:5_create_order,status:200,expected_response:true}",
        ),
        (
            "http_reqs{stage:!main,stage:main}:count<10",
            "nothing has both stage:!main and stage:main",
        ),
        (
            "http_reqs{stage:!main,stage:!grace}:count<10",
            "nothing has both stage:!main and stage:!grace",
        ),
        (
            "http_reqs{name:9_hostile_post,persona:impulse_buyer}:count<10",
            "there is no request '9_hostile_post'",
        ),
        (
            "http_reqs{name:9_hostile_post,persona:!setup}:count<10",
            "there is no request '9_hostile_post'",
        ),
        (
            "http_reqs{scenario:default,persona:setup}:count<10",
            "nothing has both scenario:default and persona:setup: \
             with persona:setup, scenario is setup",
        ),
        (
            "checks{persona:rational_buyer,check:4_get_top_products: answer can be read}:rate==1",
            "there is no check '4_get_top_products: answer can be read'",
        ),
        (
            "checks{persona:rational_buyer,check:attack refused}:rate==1",
            "nothing has both persona:rational_buyer and check:attack refused",
        ),
        (
            "http_reqs{persona:setup,stage:grace}:count<10",
            "nothing has both persona:setup and stage:grace: with persona:setup, stage is main",
        ),
        (
            "http_reqs{method:DELETE}:count<10",
            "nothing in http_reqs has method:DELETE",
        ),
        (
            "http_reqs_interrupted{status:200}:count<10",
            "nothing in http_reqs_interrupted has status:200",
        ),
    ];
    for (threshold, expected) in rows {
        let problems = with("", threshold).expect_err(threshold);
        let found: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert!(
            found.len() == 1 && found[0].contains(expected),
            "{threshold}: {found:#?}"
        );
    }
    let good = [
        ("", "http_reqs{method:POST,name:5_create_order}:count<10"),
        ("", "http_reqs{method:!DELETE}:count<10"),
        // An answer that breaks off is not expected, whatever its status.
        (
            "",
            "http_reqs{name:5_create_order,status:201,expected_response:false}:count<10",
        ),
        (
            "",
            "http_reqs{name:5_create_order,status:201,expected_response:true}:count<10",
        ),
        (
            "",
            "http_reqs{name:5_create_order,status:0,expected_response:true}:count<10",
        ),
        ("", "http_reqs{status:302,expected_response:true}:count<10"),
        (
            "",
            "http_reqs_interrupted{status:0,expected_response:true}:count<10",
        ),
        ("", "http_reqs{name:9_hostile_post}:count<10"),
        ("", "http_reqs{name:9_hostile_post,persona:setup}:count<10"),
        ("", "http_reqs{stage:!main}:count<10"),
        ("", "http_reqs{persona:!setup,stage:grace}:count<10"),
        ("", "checks{persona:impulse_buyer,check:page 200}:rate==1"),
        ("", "checks{persona:setup,check:page 200}:rate==1"),
        ("1", "http_reqs{method:GET,name:5_create_order}:count<10"),
        (
            "1",
            "http_reqs{name:5_create_order,status:302,expected_response:true}:count<10",
        ),
    ];
    for (more, good) in good {
        with(more, good).unwrap_or_else(|problems| panic!("{good}: {problems:?}"));
    }
}

/// Options may change what the catalogue says of a request.
#[test]
fn thresholds_know_the_requests_as_they_are_asked_for() {
    let mut outline = outline();
    outline.requests = |_| vec![Request::put("5_create_order").expects(&[200])];
    let with = |threshold: &str| load(&outline, given(threshold, ""));
    for good in [
        "http_reqs{method:PUT,name:5_create_order}:count<10",
        "http_reqs{name:5_create_order,status:200,expected_response:true}:count<10",
    ] {
        with(good).unwrap_or_else(|problems| panic!("{good}: {problems:?}"));
    }
    with("http_reqs{method:POST,name:5_create_order}:count<10").expect_err("it is a PUT");
}
