//! The page as it is served: rendered when somebody asks, and kept for a while.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::{Mutex, watch};

/// Makes the page of the run so far. It is called on a thread that may wait.
pub trait Render: Send + Sync + 'static {
    /// The page.
    ///
    /// # Errors
    /// Why there is none.
    fn render(&self) -> io::Result<Vec<u8>>;
}

/// A page is served again for this long before it is rendered anew. Seconds of the run and of its
/// readers don't begin at the same time.
const FRESH: Duration = Duration::from_millis(700);

/// Rendering takes at most a tenth of a core: a page is kept so many times as long as it took.
const REST: u32 = 9;

/// A page that was rendered.
struct Kept {
    page: Bytes,
    at: Instant,
    took: Duration,
}

impl Kept {
    fn is_fresh(&self, now: Instant) -> bool {
        now.duration_since(self.at) < FRESH.max(self.took * REST)
    }
}

/// The page, for all readers.
pub(super) struct Pages {
    render: Arc<dyn Render>,
    kept: Mutex<Option<Kept>>,
    last: watch::Sender<Option<Bytes>>,
}

impl Pages {
    pub(super) fn new(render: Arc<dyn Render>) -> Self {
        Self {
            render,
            kept: Mutex::default(),
            last: watch::Sender::default(),
        }
    }

    /// What there will be from now on: the run is over.
    pub(super) fn end(&self, page: Vec<u8>) {
        self.last.send_replace(Some(page.into()));
    }

    /// The last page, once the run is over.
    pub(super) fn last(&self) -> Option<Bytes> {
        self.last.borrow().clone()
    }

    /// The page as it is now; at the most one is rendered at a time.
    pub(super) async fn now(&self) -> io::Result<Bytes> {
        if let Some(last) = self.last() {
            return Ok(last);
        }
        let mut kept = self.kept.lock().await;
        if let Some(kept) = kept.as_ref().filter(|kept| kept.is_fresh(Instant::now())) {
            return Ok(kept.page.clone());
        }
        let render = Arc::clone(&self.render);
        let began = Instant::now();
        let rendering = tokio::task::spawn_blocking(move || render.render());
        let page = Bytes::from(rendering.await.map_err(io::Error::other)??);
        let at = Instant::now();
        *kept = Some(Kept {
            page: page.clone(),
            at,
            took: at - began,
        });
        // The run may have ended meanwhile.
        Ok(self.last().unwrap_or(page))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[derive(Default)]
    struct Counted(AtomicUsize);

    impl Render for Counted {
        fn render(&self) -> io::Result<Vec<u8>> {
            let number = self.0.fetch_add(1, Ordering::Relaxed);
            Ok(format!("page {number}").into_bytes())
        }
    }

    #[tokio::test]
    async fn readers_share_a_page_until_the_last_one() {
        let pages = Pages::new(Arc::new(Counted::default()));
        let (one, other) = tokio::join!(pages.now(), pages.now());
        assert_eq!(one.expect("a page"), "page 0");
        assert_eq!(other.expect("a page"), "page 0");
        tokio::time::sleep(FRESH + Duration::from_millis(50)).await;
        assert_eq!(pages.now().await.expect("a page"), "page 1");
        pages.end(b"the end".to_vec());
        assert_eq!(pages.now().await.expect("a page"), "the end");
    }

    #[test]
    fn what_takes_long_is_made_less_often() {
        let at = Instant::now();
        let kept = |took| Kept {
            page: Bytes::new(),
            at,
            took,
        };
        let after = |ms| at + Duration::from_millis(ms);
        let quick = kept(Duration::from_millis(10));
        assert!(quick.is_fresh(after(699)) && !quick.is_fresh(after(700)));
        let slow = kept(Duration::from_millis(500));
        assert!(slow.is_fresh(after(4_499)) && !slow.is_fresh(after(4_500)));
    }
}
