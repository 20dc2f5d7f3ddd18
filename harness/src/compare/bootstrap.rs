//! How sure a run is of its own numbers: a block bootstrap over its seconds. Pure and repeatable.
//!
//! A second is not an independent sample: neighbours share a garbage collection, a checkpoint, a busy
//! machine. So seconds are drawn in blocks. With n seconds a block has about n^⅓ of them (Hall,
//! Horowitz and Jing 1995, for variances), but never so many that fewer than [`FEWEST_BLOCKS`] are left.
//!
//! Of the replicates only their spread is used: with a handful of blocks the tails of a bootstrap
//! distribution are too short, and a t quantile with the blocks' degrees of freedom is not.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::metrics::Trend;

/// Fewer blocks than this tell nothing of their spread.
pub const FEWEST_BLOCKS: usize = 5;
/// More blocks than this only cost time.
const MOST_BLOCKS: usize = 100;
/// Times that blocks are drawn: the spread is known to about 3 %.
const REPLICATES: u32 = 400;

/// A number that a run came to, and how far it would scatter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The number.
    pub value: f64,
    /// Standard error: of the logarithm of a [`Measure`] that is compared by its ratio, of the number itself
    /// where a difference is.
    pub error: f64,
    /// Independent blocks behind it.
    pub blocks: usize,
    /// Samples behind it.
    pub samples: u64,
}

/// What is measured of some seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Measure {
    /// A percentile of the distribution, in ms.
    Percentile(f64),
    /// Count per second.
    PerSecond,
    /// Share of the marked among all, compared by difference.
    Share,
}

/// One second of a metric.
#[derive(Debug, Clone, Default)]
pub struct Second {
    /// How long it was, in seconds.
    pub length: f64,
    /// The distribution; its count is what [`Measure::PerSecond`] counts.
    pub trend: Trend,
    /// How many of them are marked, such as failed.
    pub marked: u64,
}

/// Estimates each measure from a run's seconds; nothing where there is no sample at all, or too few blocks.
#[must_use]
pub fn estimate(seconds: &[Second], measures: &[Measure], seed: u64) -> Vec<Option<Estimate>> {
    let blocks = blocks(seconds);
    if blocks.len() < FEWEST_BLOCKS {
        return vec![None; measures.len()];
    }
    let grid = Grid::of(&blocks);
    let once = vec![1; blocks.len()];
    let whole = grid.measure(&blocks, &once, measures);
    let mut spreads = vec![Spread::default(); measures.len()];
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    for _ in 0..REPLICATES {
        let mut times = vec![0; blocks.len()];
        for _ in 0..blocks.len() {
            times[rng.random_range(0..blocks.len())] += 1;
        }
        let drawn = grid.measure(&blocks, &times, measures);
        for ((spread, value), measure) in spreads.iter_mut().zip(drawn).zip(measures) {
            spread.add(value.map(|value| match measure {
                Measure::Share => value,
                _ => value.max(f64::MIN_POSITIVE).ln(),
            }));
        }
    }
    let count = blocks.len() as f64;
    // The spread of n draws with replacement falls short by (n − 1) / n.
    let correction = (count / (count - 1.0)).sqrt();
    let samples = blocks.iter().map(|block| block.trend.count()).sum();
    whole
        .into_iter()
        .zip(spreads)
        .map(|(value, spread)| {
            Some(Estimate {
                value: value?,
                error: spread.deviation()? * correction,
                blocks: blocks.len(),
                samples,
            })
        })
        .collect()
}

/// How many seconds a block has.
fn block_length(seconds: usize) -> usize {
    let by_rule = (seconds as f64).cbrt().round() as usize;
    let at_most = seconds / (2 * FEWEST_BLOCKS);
    by_rule
        .min(at_most)
        .max(seconds.div_ceil(MOST_BLOCKS))
        .max(1)
}

/// The seconds, merged into blocks of neighbours; a rest that fills no block joins the last one.
fn blocks(seconds: &[Second]) -> Vec<Second> {
    let length = block_length(seconds.len());
    let mut blocks: Vec<Second> = Vec::new();
    for (index, second) in seconds.iter().enumerate() {
        if index % length == 0 && index + length <= seconds.len() {
            blocks.push(Second::default());
        }
        if let Some(block) = blocks.last_mut() {
            block.length += second.length;
            block.trend.merge(&second.trend);
            block.marked += second.marked;
        }
    }
    blocks
}

/// The values that occur in any block, and how often in each.
struct Grid {
    values: Vec<f64>,
    /// Per block: index of the value, count.
    counts: Vec<Vec<(usize, u64)>>,
}

impl Grid {
    fn of(blocks: &[Second]) -> Self {
        let recorded: Vec<Vec<(f64, u64)>> = blocks
            .iter()
            .map(|block| block.trend.recorded().collect())
            .collect();
        let mut values: Vec<f64> = recorded.iter().flatten().map(|(value, _)| *value).collect();
        values.sort_unstable_by(f64::total_cmp);
        values.dedup();
        let index = |value: f64| values.partition_point(|known| *known < value);
        let counts = recorded
            .iter()
            .map(|block| {
                let indexed = block.iter().map(|(value, count)| (index(*value), *count));
                indexed.collect()
            })
            .collect();
        Self { values, counts }
    }

    /// The measures of blocks that occur so many times each.
    fn measure(&self, blocks: &[Second], times: &[u64], measures: &[Measure]) -> Vec<Option<f64>> {
        let mut histogram = vec![0_u64; self.values.len()];
        let (mut count, mut marked, mut length) = (0, 0, 0.0);
        for ((block, counts), times) in blocks.iter().zip(&self.counts).zip(times) {
            if *times == 0 {
                continue;
            }
            count += block.trend.count() * times;
            marked += block.marked * times;
            length += block.length * *times as f64;
            for (index, count) in counts {
                histogram[*index] += count * times;
            }
        }
        measures
            .iter()
            .map(|measure| match measure {
                Measure::Percentile(percent) => self.percentile(&histogram, *percent, count),
                Measure::PerSecond => (length > 0.0).then(|| count as f64 / length),
                Measure::Share => (count > 0).then(|| marked as f64 / count as f64),
            })
            .collect()
    }

    /// Nearest rank, as everywhere else.
    fn percentile(&self, histogram: &[u64], percent: f64, count: u64) -> Option<f64> {
        let rank = ((percent / 100.0 * count as f64).ceil() as u64).max(1);
        let mut seen = 0;
        let at = histogram.iter().position(|here| {
            seen += here;
            seen >= rank
        })?;
        Some(self.values[at])
    }
}

/// Mean and deviation in one pass (Welford). A replicate without a value makes it unknown.
#[derive(Debug, Clone, Copy, Default)]
struct Spread {
    count: f64,
    mean: f64,
    squares: f64,
    unknown: bool,
}

impl Spread {
    fn add(&mut self, value: Option<f64>) {
        let Some(value) = value else {
            self.unknown = true;
            return;
        };
        self.count += 1.0;
        let before = value - self.mean;
        self.mean += before / self.count;
        self.squares += before * (value - self.mean);
    }

    fn deviation(self) -> Option<f64> {
        (!self.unknown && self.count > 1.0).then(|| (self.squares / (self.count - 1.0)).sqrt())
    }
}
