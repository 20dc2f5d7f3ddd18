//! What workers of a run on several machines are told of the shop, and what they tell of their users.

use std::collections::HashMap;
use std::time::Duration;

use harness::{Error, WorkerOf};
use serde::{Deserialize, Serialize};

use super::basket::Basket;
use super::books::Books;
use super::last_pieces::LastPieces;
use super::ledger::Ledger;
use super::receipts::Receipts;
use super::set_up::api;
use super::shelves::Shelves;
use super::world::World;
use crate::book::Book;

/// The shop, without what only the audit wants.
#[derive(Debug, Serialize, Deserialize)]
struct Told {
    suffix: String,
    policy_ids: Vec<i64>,
    prices: HashMap<i64, i64>,
    last_pieces: HashMap<i64, i64>,
    basket: Basket,
    coupon_wait: Duration,
    audit: Option<By>,
    coupons: Option<u32>,
}

/// What the audit goes by.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
enum By {
    Ledger,
    Public,
}

/// What workers must know.
#[must_use]
pub fn pack_world(world: &World) -> Vec<u8> {
    let told = Told {
        suffix: world.suffix.clone(),
        policy_ids: world.policy_ids.clone(),
        prices: world.prices.clone(),
        last_pieces: world.last_pieces.prices().clone(),
        basket: world.basket,
        coupon_wait: world.coupon_wait,
        audit: world.before.as_ref().map(|before| match before {
            Books::Ledger(_) => By::Ledger,
            Books::Public { .. } => By::Public,
        }),
        coupons: world.coupons,
    };
    serde_json::to_vec(&told).unwrap_or_default()
}

/// The shop again, for a worker.
///
/// # Errors
/// When the bytes are none of [`pack_world`]'s.
pub fn unpack_world(bytes: &[u8], worker: &WorkerOf<'_>) -> Result<World, Error> {
    let told: Told = serde_json::from_slice(bytes)?;
    let api = api(worker.options, &told.suffix)?;
    let mut world = World::new(api, told.policy_ids, told.prices);
    world.suffix = told.suffix;
    world.basket = told.basket;
    world.last_pieces = LastPieces::part(told.last_pieces, worker.number, worker.workers);
    world.coupon_wait = told.coupon_wait;
    world.coupons = told.coupons;
    // Which of both is all that users want to know; the audit is the lead's.
    world.before = told.audit.map(|by| match by {
        By::Ledger => Books::Ledger(Ledger::default()),
        By::Public => Books::Public {
            shelves: Shelves::default(),
            no_ledger: String::new(),
        },
    });
    Ok(world)
}

/// What the audit wants to know of a user.
#[derive(Serialize, Deserialize)]
struct Known {
    book: Book,
    receipts: Receipts,
}

pub(super) fn pack_user(book: &Book, receipts: &Receipts) -> Vec<u8> {
    let (book, receipts) = (book.clone(), receipts.clone());
    serde_json::to_vec(&Known { book, receipts }).unwrap_or_default()
}

pub(super) fn unpack_user(bytes: &[u8]) -> Result<(Book, Receipts), Error> {
    let Known { book, receipts } = serde_json::from_slice(bytes)?;
    Ok((book, receipts))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::api::TotalIs;
    use crate::book::{Fate, Operation};
    use crate::race::Race;
    use crate::shop::Due;

    #[test]
    fn a_worker_knows_its_part_of_the_shop() {
        let options = harness::Options::default();
        let api = api(&options, "-7").expect("our own");
        let mut world = World::new(api, vec![3, 5], HashMap::from([(1, 2_000)]));
        world.suffix = "-7".to_owned();
        world.last_pieces = LastPieces::new(HashMap::from([(6, 2_000), (7, 2_000)]));
        world.coupon_wait = Duration::from_millis(70);
        world.coupons = Some(100);
        world.before = Some(Books::Public {
            shelves: Shelves {
                stock: Some(BTreeMap::new()),
                sold: None,
            },
            no_ledger: "none".to_owned(),
        });
        let bytes = pack_world(&world);
        let worker = WorkerOf {
            number: 1,
            workers: 3,
            options: &options,
        };
        let told = unpack_world(&bytes, &worker).expect("its own bytes");
        assert_eq!(
            (told.policy_ids, told.prices, told.basket),
            (world.policy_ids, world.prices, world.basket)
        );
        assert!(told.before.is_some());
        assert_eq!(
            (told.coupon_wait, told.coupons),
            (world.coupon_wait, Some(100))
        );
        assert_eq!(told.last_pieces.price_of(6), Some(2_000));
        let third = WorkerOf {
            number: 2,
            ..worker
        };
        let third = unpack_world(&bytes, &third).expect("its own bytes");
        assert!(told.last_pieces.is_any_left() && !third.last_pieces.is_any_left());
        assert!(unpack_world(&bytes[1..], &worker).is_err());
    }

    #[test]
    fn a_users_book_comes_back() {
        let order = || Operation::Order {
            items: vec![(1, 2)],
            paid: 5,
            with_coupon: true,
        };
        let mut book = Book::default();
        book.user_id = Some(9);
        for fate in [Fate::Done, Fate::Unknown] {
            let entry = book.enter(order());
            book.settle(&entry, fate);
            let entry = book.enter(Operation::Claim { policy: 4 });
            book.settle(&entry, fate);
        }
        book.enter_race(Race::Money, [order(), order()]);
        book.settle_race([Fate::Unknown; 2]);
        let entry = book.enter_last_piece(6, order());
        book.settle_last_piece(6, &entry, Fate::Refused);
        let mut receipts = Receipts::default();
        let due = Due { gross: 9, paid: 7 };
        receipts.take(Some(3), 8, due, TotalIs::Net);
        let bytes = pack_user(&book, &receipts);
        let (back, same) = unpack_user(&bytes).expect("its own bytes");
        assert_eq!(
            (back.unknown.len(), back.orders, back.range()),
            (2, 1, book.range())
        );
        assert_eq!(
            (&back.races, &back.last_pieces),
            (&book.races, &book.last_pieces)
        );
        assert_eq!(same, receipts);
        assert_eq!(pack_user(&back, &same), bytes, "nothing is lost");
    }
}
