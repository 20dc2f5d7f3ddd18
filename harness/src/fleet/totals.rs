//! What a worker leaves at its end: the whole run's samples, to be checked against the sum of its
//! seconds, what came of its share, and what its users know.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;

use super::frame::{Broken, Decoder, Frame};
use crate::executor::{Account, Roll, Settled};
use crate::metrics::{Malformed, Packer, Unpacker, intern};
use crate::vu::Lack;

/// A worker, for the table of workers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Worker {
    /// From 1.
    pub index: u32,
    /// The name of its machine.
    pub host: String,
    /// How much of the load it took.
    pub weight: u32,
    /// Its virtual users.
    pub vus: u64,
    /// Its requests.
    pub requests: u64,
    /// Its complete iterations.
    pub iterations: u64,
    /// Arrivals that it dropped.
    pub dropped: u64,
    /// CPU of its worst second, in % of its cores.
    pub cpu_percent: f64,
    /// Its worst scheduling lag.
    pub lag_ms: f64,
    /// How late after the start its first virtual user began.
    pub began_ms: f64,
    /// How far its reading of the store's clock may have been off.
    pub skew_ms: f64,
    /// How far its clock ran away from the store's while the load ran.
    pub drift_ms: f64,
    /// What its health says of the run.
    pub findings: Vec<String>,
    /// Whether it is lost: nothing of it was checked.
    #[serde(default)]
    pub lost: bool,
}

impl Worker {
    /// A clock that runs away from the store's by more than this, or a start that is later, makes a
    /// run invalid: seconds of the workers would not be the same ones.
    const MOST_APART_MS: f64 = 100.0;

    /// Adds what its own clock and start say of the run to its findings.
    pub fn find(&mut self) {
        let most = Self::MOST_APART_MS;
        if self.drift_ms.abs() > most {
            let drift = self.drift_ms;
            self.findings.push(format!(
                "its clock ran {drift:.0} ms away from the store's while the load ran, more than \
                 {most:.0} ms"
            ));
        }
        let late = self.began_ms + self.skew_ms;
        if late > most {
            self.findings.push(format!(
                "it began up to {late:.0} ms after the start, more than {most:.0} ms"
            ));
        }
    }
}

/// What a worker leaves at its end.
#[derive(Debug, Clone, Default)]
pub struct Totals {
    /// All of its samples. `second` is the last one that it has sent, and there is none if `sent`
    /// is 0.
    pub whole: Frame,
    /// How many seconds it has sent.
    pub sent: u64,
    /// What came of every scenario.
    pub settled: Vec<Settled>,
    /// The first unexpected answer of each request name and status.
    pub failures: Vec<(&'static str, u16, String)>,
    /// What its machine had none left of.
    pub lacks: Vec<Lack>,
    /// Why its share could not be carried through.
    pub error: Option<String>,
    /// The worker.
    pub worker: Worker,
    /// How long its share took.
    pub duration: Duration,
    /// What became of the rows of its outputs, as summaries have it.
    pub outputs: Value,
    /// What each of its users knows, by number.
    pub users: Vec<(u32, Vec<u8>)>,
}

/// The parts that are text.
#[derive(Serialize, Deserialize)]
struct Told {
    sent: u64,
    duration: Duration,
    settled: Vec<ToldScenario>,
    failures: Vec<(String, u16, String)>,
    no_port: bool,
    no_file: bool,
    error: Option<String>,
    worker: Worker,
    outputs: Value,
}

#[derive(Serialize, Deserialize)]
struct ToldScenario {
    arrivals: Option<Account>,
    /// Persona, virtual users, and those that completed an iteration.
    rolls: Vec<(String, u64, u64)>,
}

impl ToldScenario {
    fn of(settled: &Settled) -> Self {
        let rolls = settled.rolls.iter();
        Self {
            arrivals: settled.arrivals,
            rolls: rolls
                .map(|(persona, roll)| ((*persona).to_owned(), roll.vus, roll.worked))
                .collect(),
        }
    }

    fn settled(self) -> Settled {
        let rolls = self.rolls.into_iter();
        Settled {
            arrivals: self.arrivals,
            rolls: rolls
                .map(|(persona, vus, worked)| (intern(&persona), Roll { vus, worked }))
                .collect(),
        }
    }
}

impl Totals {
    /// The bytes that [`Totals::decode`] reads.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let told = Told {
            sent: self.sent,
            duration: self.duration,
            settled: self.settled.iter().map(ToldScenario::of).collect(),
            failures: self
                .failures
                .iter()
                .map(|(name, status, text)| ((*name).to_owned(), *status, text.clone()))
                .collect(),
            no_port: self.lacks.contains(&Lack::Port),
            no_file: self.lacks.contains(&Lack::File),
            error: self.error.clone(),
            worker: self.worker.clone(),
            outputs: self.outputs.clone(),
        };
        let mut packer = Packer::default();
        packer.bytes(&serde_json::to_vec(&told).unwrap_or_default());
        packer.bytes(&self.whole.encode());
        packer.number(self.users.len() as u64);
        for (number, knows) in &self.users {
            packer.number((*number).into());
            packer.bytes(knows);
        }
        packer.0
    }

    /// Reads a worker's totals.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn decode(bytes: &[u8], decoder: &mut Decoder) -> Result<Self, Broken> {
        let mut from = Unpacker::new(bytes);
        let told: Told =
            serde_json::from_slice(from.bytes()?).map_err(|_| Malformed::Wrong("total"))?;
        let whole = decoder.decode(from.bytes()?)?;
        let mut users = Vec::new();
        for _ in 0..from.at_most(u32::MAX.into(), "number of users")? {
            let number = from.at_most(u32::MAX.into(), "user")? as u32;
            users.push((number, from.bytes()?.to_vec()));
        }
        from.end()?;
        let lacks = [(told.no_port, Lack::Port), (told.no_file, Lack::File)];
        Ok(Self {
            whole,
            sent: told.sent,
            settled: told
                .settled
                .into_iter()
                .map(ToldScenario::settled)
                .collect(),
            failures: told
                .failures
                .into_iter()
                .map(|(name, status, text)| (intern(&name), status, text))
                .collect(),
            lacks: lacks
                .into_iter()
                .filter_map(|(lacks, lack)| lacks.then_some(lack))
                .collect(),
            error: told.error,
            worker: told.worker,
            outputs: told.outputs,
            duration: told.duration,
            users,
        })
    }

    /// The last second that it has sent.
    #[must_use]
    pub fn last(&self) -> Option<u64> {
        (self.sent > 0).then_some(self.whole.second)
    }
}

/// What came of each scenario over all workers.
#[must_use]
pub fn settled(all: &[Totals]) -> Vec<Settled> {
    let mut sums: Vec<Settled> = Vec::new();
    for totals in all {
        sums.resize(sums.len().max(totals.settled.len()), Settled::default());
        for (sum, own) in sums.iter_mut().zip(&totals.settled) {
            sum.add(own);
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totals(started: u64) -> Totals {
        let arrivals = Account {
            scheduled: started + 1,
            started,
            dropped: 1,
        };
        let rolls = vec![("buyer", Roll { vus: 3, worked: 2 })];
        Totals {
            sent: 2,
            settled: vec![
                Settled {
                    arrivals: Some(arrivals),
                    rolls,
                },
                Settled::default(),
            ],
            failures: vec![("buy", 500, "oops".to_owned())],
            lacks: vec![Lack::File],
            error: Some("it broke".to_owned()),
            duration: Duration::from_micros(5_000_017),
            outputs: serde_json::json!([{"name": "influxdb"}]),
            users: vec![(7, vec![0, 255]), (300, vec![])],
            ..Totals::default()
        }
    }

    #[test]
    fn totals_come_back_and_half_of_them_are_refused() {
        let before = totals(10);
        let bytes = before.encode();
        let mut decoder = Decoder::default();
        let after = Totals::decode(&bytes, &mut decoder).expect("its own bytes");
        assert_eq!(after.settled, before.settled);
        assert_eq!(after.failures, before.failures);
        assert_eq!(after.lacks, before.lacks);
        assert_eq!(after.outputs, before.outputs);
        assert_eq!(
            (after.error, after.duration, after.users, after.sent),
            (before.error, before.duration, before.users, before.sent)
        );
        for length in 0..bytes.len() {
            assert!(Totals::decode(&bytes[..length], &mut decoder).is_err());
        }
    }

    #[test]
    fn scenarios_of_all_workers_add_up() {
        let sums = settled(&[totals(10), totals(5)]);
        let arrivals = sums[0].arrivals.expect("an open model");
        assert_eq!(
            (arrivals.scheduled, arrivals.started, arrivals.dropped),
            (17, 15, 2)
        );
        assert_eq!(sums[0].rolls, [("buyer", Roll { vus: 6, worked: 4 })]);
        assert_eq!(sums[1], Settled::default());
    }
}
