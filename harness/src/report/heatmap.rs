//! The heatmap: columns of time, rows of latency, shades of how many. Pure.

use std::collections::BTreeMap;

use super::charts::Charts;
use super::limits::placed;
use super::measured::{HEAT_ROWS, Point};
use super::plot::{Mark, Plot, STAGES, Tick, duration, rectangle, time_ticks};

/// Shades, from few to many.
const SHADES: [&str; 7] = ["h1", "h2", "h3", "h4", "h5", "h6", "h7"];
/// The most columns: a screen can't show more.
const MOST_COLUMNS: usize = 120;

impl Charts<'_> {
    /// Columns of time, rows of latency, shades of how many.
    pub(super) fn heatmap(&self) -> Plot {
        let points = &self.measured.points;
        let rows = points.iter().flat_map(|point| point.heat.keys().copied());
        let (low, high) = rows.fold((i32::MAX, i32::MIN), |(low, high), row| {
            (low.min(row), high.max(row))
        });
        if low > high {
            return Plot::default();
        }
        let height = 9.0 * f64::from(high - low + 1);
        let each = height / f64::from(high - low + 1);
        let decades =
            (low as f64 / HEAT_ROWS).ceil() as i32..=((high + 1) as f64 / HEAT_ROWS).floor() as i32;
        let y = decades.map(|power| Tick {
            at: (f64::from(high + 1) - f64::from(power) * HEAT_ROWS) * each,
            label: duration(10_f64.powi(power)),
            anchor: "end",
        });
        Plot {
            title: "Latency heatmap".to_owned(),
            note: "every request: the darker, the more".to_owned(),
            height,
            top: STAGES,
            y: y.collect(),
            x: time_ticks(self.measured.end_ms),
            bands: self.bands(),
            marks: self.cells(high, each),
            limits: {
                let y = |ms: f64| (f64::from(high + 1) - ms.log10() * HEAT_ROWS) * each;
                let mut limits = self.limits.of_all();
                limits.retain(|limit| (0.0..=height).contains(&y(limit.ms)));
                placed(&limits, y)
            },
            ..Plot::default()
        }
    }

    /// A mark for each shade, of all cells that have it; `high` is the topmost row.
    fn cells(&self, high: i32, each: f64) -> Vec<Mark> {
        let columns = self.columns();
        let counts = columns.iter().flat_map(|(_, _, heat)| heat.values());
        let most = counts.max().copied().unwrap_or(1);
        let mut shades = vec![String::new(); SHADES.len()];
        for (x, width, heat) in &columns {
            for (row, count) in heat {
                let share = (*count as f64 / most as f64).sqrt();
                let shade = ((share * SHADES.len() as f64) as usize).min(SHADES.len() - 1);
                let y = f64::from(high - row) * each;
                // A hair wider than it is: no seams between neighbours.
                rectangle(&mut shades[shade], *x, y, width + 0.6, each);
            }
        }
        let marks = SHADES.iter().zip(shades);
        marks
            .filter(|(_, path)| !path.is_empty())
            .map(|(class, path)| Mark { class, path })
            .collect()
    }

    /// Neighbouring points put together, so that there are not too many columns.
    fn columns(&self) -> Vec<(f64, f64, BTreeMap<i32, u64>)> {
        let points = &self.measured.points;
        let together = points.len().div_ceil(MOST_COLUMNS).max(1);
        let column = |points: &[Point]| {
            let (first, last) = (&points[0], &points[points.len() - 1]);
            let (x, to) = (self.x(first.from_ms), self.x(last.to_ms));
            let mut heat = BTreeMap::new();
            for (row, count) in points.iter().flat_map(|point| &point.heat) {
                *heat.entry(*row).or_default() += count;
            }
            (x, to - x, heat)
        };
        points.chunks(together).map(column).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::measured::heat_row;

    #[test]
    fn a_row_of_the_heatmap_begins_at_its_bound() {
        assert_eq!([heat_row(1.0), heat_row(9.99), heat_row(10.0)], [0, 7, 8]);
        assert_eq!(heat_row(0.0), -16, "zero is as fast as the scale goes");
    }
}
