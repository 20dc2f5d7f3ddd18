//! Products with one piece each, and how two users are paired who race for one.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

/// The products that the set-up made for races between two users. Each is raced for once.
#[derive(Debug, Default)]
pub struct LastPieces {
    /// In won, by product.
    prices: HashMap<i64, i64>,
    table: Mutex<Table>,
}

/// Who is where. A product is on one of both sides, or gone.
#[derive(Debug, Default)]
struct Table {
    /// Products that no race has used yet; the last one is next.
    left: Vec<i64>,
    /// The user who waits for another one.
    waiting: Option<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    product: i64,
    partner: oneshot::Sender<()>,
}

/// A user's place at the table while it waits. Whatever ends the wait, what nobody came for is
/// left for others.
struct Place<'a> {
    of: &'a LastPieces,
    product: i64,
    partner: oneshot::Receiver<()>,
}

enum Joined<'a> {
    /// Somebody was there.
    Second(i64),
    /// Nobody was.
    First(Place<'a>),
}

impl LastPieces {
    /// These products with their prices, the smallest id first.
    #[must_use]
    pub fn new(prices: HashMap<i64, i64>) -> Self {
        Self::part(prices, 0, 1)
    }

    /// The part of one of several processes, counted from 0: a product is for users of one process,
    /// because two of different ones can't meet. Its users know the prices of all.
    #[must_use]
    pub fn part(prices: HashMap<i64, i64>, number: u32, processes: u32) -> Self {
        let mut left: Vec<i64> = prices.keys().copied().collect();
        left.sort_unstable();
        let dealt = (0..processes).cycle();
        let mut left: Vec<i64> = left
            .into_iter()
            .zip(dealt)
            .filter_map(|(product, of)| (of == number).then_some(product))
            .collect();
        left.reverse();
        let waiting = None;
        Self {
            prices,
            table: Mutex::new(Table { left, waiting }),
        }
    }

    /// What each of them costs, in won, by product.
    #[must_use]
    pub const fn prices(&self) -> &HashMap<i64, i64> {
        &self.prices
    }

    /// What a product costs, if it is one of these.
    #[must_use]
    pub fn price_of(&self, product: i64) -> Option<i64> {
        self.prices.get(&product).copied()
    }

    /// The highest of their prices; nothing if there were none from the beginning.
    #[must_use]
    pub fn dearest(&self) -> Option<i64> {
        self.prices.values().copied().max()
    }

    /// Whether a race could begin.
    #[must_use]
    pub fn is_any_left(&self) -> bool {
        let table = self.table();
        table.waiting.is_some() || !table.left.is_empty()
    }

    /// Whether somebody waits for another user.
    #[must_use]
    pub fn is_somebody_waiting(&self) -> bool {
        self.table().waiting.is_some()
    }

    /// Meets another user: gives both the same product, at the same time and nobody else. Nothing
    /// if nobody comes for that long, or no product is left.
    pub async fn meet(&self, patience: Duration) -> Option<i64> {
        let mut place = match self.join()? {
            Joined::Second(product) => return Some(product),
            Joined::First(place) => place,
        };
        let product = place.product;
        let came = timeout(patience, &mut place.partner).await;
        // Somebody may have come just after the time was over.
        (came.is_ok() || !self.take_back(product)).then_some(product)
    }

    fn join(&self) -> Option<Joined<'_>> {
        let mut table = self.table();
        if let Some(Waiting { product, partner }) = table.waiting.take() {
            // Who doesn't wait any more has taken its product back, so that it isn't found here.
            let _ = partner.send(());
            return Some(Joined::Second(product));
        }
        let product = table.left.pop()?;
        let (sender, partner) = oneshot::channel();
        table.waiting = Some(Waiting {
            product,
            partner: sender,
        });
        let of = self;
        Some(Joined::First(Place {
            of,
            product,
            partner,
        }))
    }

    /// Leaves the product for others, unless somebody came for it; whether it was left.
    fn take_back(&self, product: i64) -> bool {
        let mut table = self.table();
        let is_here = table
            .waiting
            .as_ref()
            .is_some_and(|one| one.product == product);
        if is_here {
            table.waiting = None;
            table.left.push(product);
        }
        is_here
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // It is whole between any two of its changes.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.of.take_back(self.product);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::time::{Instant, sleep};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn pieces(products: impl IntoIterator<Item = i64>) -> Arc<LastPieces> {
        let prices = products.into_iter().map(|id| (id, 100 * id));
        Arc::new(LastPieces::new(prices.collect()))
    }

    #[tokio::test(start_paused = true)]
    async fn two_who_meet_get_the_same_product_and_nobody_else_does() {
        let pieces = pieces([6, 7]);
        let later = async {
            sleep(SECOND / 2).await;
            assert!(pieces.is_somebody_waiting());
            (pieces.meet(SECOND).await, Instant::now())
        };
        let first = async { (pieces.meet(SECOND).await, Instant::now()) };
        let (first, second) = tokio::join!(first, later);
        assert_eq!((first.0, first), (Some(6), second), "at the same time");
        assert!(!pieces.is_somebody_waiting() && pieces.is_any_left());
        let others = tokio::join!(pieces.meet(SECOND), pieces.meet(SECOND));
        assert_eq!(others, (Some(7), Some(7)));
        assert!(!pieces.is_any_left());
        assert_eq!(pieces.meet(SECOND).await, None, "none is left");
        assert_eq!((pieces.price_of(7), pieces.price_of(5)), (Some(700), None));
        assert_eq!(
            (pieces.dearest(), LastPieces::default().dearest()),
            (Some(700), None)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn every_product_is_for_one_of_several_processes() {
        let prices: HashMap<i64, i64> = (1..=5).map(|id| (id, 100)).collect();
        let mut products = Vec::new();
        for number in 0..3 {
            let pieces = LastPieces::part(prices.clone(), number, 3);
            assert_eq!(
                (pieces.price_of(5), pieces.dearest()),
                (Some(100), Some(100))
            );
            while pieces.is_any_left() {
                let (one, other) = tokio::join!(pieces.meet(SECOND), pieces.meet(SECOND));
                assert_eq!(one, other);
                products.extend(one);
            }
        }
        products.sort_unstable();
        assert_eq!(products, [1, 2, 3, 4, 5]);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_in_vain_takes_its_product_back() {
        let pieces = pieces([6]);
        let began = Instant::now();
        assert_eq!(pieces.meet(SECOND).await, None);
        assert!(began.elapsed() < SECOND * 2, "{:?}", began.elapsed());
        assert!(pieces.is_any_left() && !pieces.is_somebody_waiting());
        let both = tokio::join!(pieces.meet(SECOND), pieces.meet(SECOND));
        assert_eq!(both, (Some(6), Some(6)));
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_cut_while_it_waits_loses_no_product_and_keeps_nobody() {
        let pieces = pieces([6]);
        let cut = timeout(SECOND / 10, pieces.meet(SECOND)).await;
        assert!(cut.is_err() && !pieces.is_somebody_waiting());
        let both = tokio::join!(pieces.meet(SECOND), pieces.meet(SECOND));
        assert_eq!(both, (Some(6), Some(6)));
    }

    /// The partner came, and before it learns of that the waiting one is cut: the product is the
    /// partner's alone, and for nobody else.
    #[tokio::test(start_paused = true)]
    async fn who_is_cut_when_somebody_has_come_leaves_the_product_to_that_one() {
        let pieces = pieces([6]);
        let mut waiting = Box::pin(pieces.meet(SECOND));
        assert!(futures::poll!(&mut waiting).is_pending());
        assert_eq!(pieces.meet(SECOND).await, Some(6));
        drop(waiting);
        assert!(!pieces.is_any_left());
    }

    #[tokio::test(start_paused = true)]
    async fn every_product_is_for_exactly_two_however_many_come() {
        let pieces = pieces(1..=50);
        let come = (0..103).map(|n| {
            let pieces = Arc::clone(&pieces);
            async move {
                sleep(Duration::from_millis(n * 37 % 900)).await;
                pieces.meet(SECOND).await
            }
        });
        let met: Vec<i64> = futures::future::join_all(come)
            .await
            .into_iter()
            .flatten()
            .collect();
        let mut times: HashMap<i64, u32> = HashMap::new();
        met.iter()
            .for_each(|product| *times.entry(*product).or_default() += 1);
        assert_eq!(times, (1..=50).map(|id| (id, 2)).collect());
    }
}
