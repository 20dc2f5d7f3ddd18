//! A suite of two personas and ten requests, which are only names here.

use std::sync::Arc;

use harness::{Persona, Program, Request, Stop, Suite, VirtualUser};

pub(crate) static REQUESTS: [Request; 10] = [
    Request::get("list_things"),
    Request::get("find_things"),
    Request::get("open_thing"),
    Request::get("open_account"),
    Request::get("list_orders"),
    Request::get("open_order"),
    Request::get("list_offers"),
    Request::get("open_offer"),
    Request::get("list_letters"),
    Request::get("open_letter"),
];

pub(crate) static PERSONAS: [Persona<VirtualUser>; 2] = [
    Persona {
        key: 'a',
        name: "visitor",
        summary: "looks around",
        requests: &[],
        iterate: &rest,
    },
    Persona {
        key: 'b',
        name: "customer",
        summary: "looks around as well",
        requests: &[],
        iterate: &rest,
    },
];

/// Nobody runs it: the lead has no virtual users, and the workers' were made up.
async fn rest(_: &mut VirtualUser) -> Result<(), Stop> {
    Ok(())
}

pub(crate) struct MadeUp;

impl Suite for MadeUp {
    type World = ();
    type User = VirtualUser;
    const PROGRAM: Program = Program {
        name: "made_up",
        about: "Leads a run whose workers replay what was made up",
        version: env!("CARGO_PKG_VERSION"),
    };

    fn requests() -> Vec<&'static Request> {
        REQUESTS.iter().collect()
    }

    fn personas() -> Vec<&'static Persona<VirtualUser>> {
        PERSONAS.iter().collect()
    }

    fn user(vu: VirtualUser, _: &Arc<()>) -> VirtualUser {
        vu
    }
}
