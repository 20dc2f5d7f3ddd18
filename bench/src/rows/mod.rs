//! The rows of the bench, in the order of the results.

mod by_process;
mod capacity;
mod disturbance;
mod fleet_lead;
mod fleet_split;
mod growth;
mod herd;
mod http2;
mod influx;
mod memory;
mod orders;
mod pace;
mod probes;
mod saturated;
mod scaling;
mod seed_run;
mod throughput;
mod tls;

use crate::{
    bench::Bench,
    generator::{Generator, Measured},
    say,
    section::Section,
};

/// One thing to measure.
pub(crate) struct Row {
    /// What `--row` takes.
    pub(crate) name: &'static str,
    /// What it is.
    pub(crate) title: &'static str,
    /// How it is measured, for the reader of the results.
    pub(crate) how: &'static str,
    pub(crate) measure: fn(&Bench) -> anyhow::Result<Section>,
}

/// All of them.
pub(crate) const ROWS: &[Row] = &[
    saturated::ROW,
    http2::ROW,
    tls::ROW,
    pace::ROW,
    by_process::ROW,
    influx::ROW,
    probes::ROW,
    memory::ROW,
    growth::ROW,
    seed_run::ROW,
    herd::ROW,
    disturbance::ROW,
    capacity::ROW,
    throughput::ROW,
    orders::ROW,
    scaling::ROW,
    fleet_lead::ROW,
    fleet_split::ROW,
];

impl Section {
    /// What every load leaves: how to repeat it, and a remark if something failed in it.
    fn witness(&mut self, what: &str, measured: &Measured) {
        self.command(what, &measured.line);
        if measured.counts.failed > 0 {
            self.note(format!(
                "**{what}: {} of {} requests failed, or their checks.**",
                measured.counts.failed, measured.counts.requests
            ));
        }
    }
}

/// The ratio of a figure of ours to that of everybody else.
fn compare(section: &mut Section, generators: &[Generator], figure: &str) {
    for peer in generators.iter().filter(|g| **g != Generator::Loadtest) {
        let peer = peer.name();
        section.ratio(
            &format!("loadtest / {peer}"),
            &format!("loadtest: {figure}"),
            &format!("{peer}: {figure}"),
        );
    }
}

/// Says a figure while the bench runs.
fn tell(generator: Generator, figure: &str) {
    say(&format!("    {:<9} {figure}", generator.name()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_can_be_anchors() {
        for (n, row) in ROWS.iter().enumerate() {
            assert!(
                row.name
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b == b'-'),
                "{}",
                row.name
            );
            assert!(
                ROWS[..n].iter().all(|other| other.name != row.name),
                "{}",
                row.name
            );
            assert!(row.how.ends_with('.'), "{}", row.name);
        }
    }
}
