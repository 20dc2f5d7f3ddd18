use super::*;

static PAGE: Request = Request::get("page");

const READER: Role = Role {
    key: 'r',
    name: "reader",
    summary: "reads",
    requests: &[("page", 1, 1)],
};

#[test]
#[should_panic(expected = "two requests of the suite are called 'page'")]
fn two_requests_have_two_names() {
    assert_fit(&[READER], &[&PAGE, &PAGE]);
}

#[test]
#[should_panic(expected = "two personas have the key 'r'")]
fn two_personas_have_two_keys() {
    let other = Role {
        name: "other",
        ..READER
    };
    assert_fit(&[READER, other], &[&PAGE]);
}

#[test]
#[should_panic(expected = "two personas are called 'reader'")]
fn two_personas_have_two_names() {
    let other = Role { key: 'o', ..READER };
    assert_fit(&[READER, other], &[&PAGE]);
}

#[test]
#[should_panic(expected = "persona 'reader' plans 'page', which is no request of the suite")]
fn a_plan_is_of_requests_that_there_are() {
    assert_fit(&[READER], &[]);
}

#[test]
#[should_panic(expected = "persona 'reader' plans 2 to 1 of 'page'")]
fn a_plan_has_its_least_before_its_most() {
    let reader = Role {
        requests: &[("page", 2, 1)],
        ..READER
    };
    assert_fit(&[reader], &[&PAGE]);
}
