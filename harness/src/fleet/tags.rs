//! Tags in a frame: every name once, in a table at its head.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::metrics::{
    CheckTags, IterationTags, Malformed, Method, Packer, Proto, RequestTags, Unpacker, intern,
};

const METHODS: [Method; 9] = [
    Method::Get,
    Method::Head,
    Method::Post,
    Method::Put,
    Method::Delete,
    Method::Connect,
    Method::Options,
    Method::Trace,
    Method::Patch,
];

/// Names live as long as the process, so one run may not bring as many as it likes.
const MOST_NAMES: usize = 10_000;
const LONGEST_NAME: usize = 1_000;

/// The names of one frame, while it is written.
#[derive(Debug, Default)]
pub(super) struct Table {
    numbers: FxHashMap<&'static str, u64>,
    names: Vec<&'static str>,
}

impl Table {
    fn number(&mut self, name: &'static str) -> u64 {
        *self.numbers.entry(name).or_insert_with(|| {
            self.names.push(name);
            self.names.len() as u64 - 1
        })
    }

    pub(super) fn pack(&self, packer: &mut Packer) {
        packer.number(self.names.len() as u64);
        for name in &self.names {
            packer.bytes(name.as_bytes());
        }
    }

    pub(super) fn request(&mut self, tags: &RequestTags, packer: &mut Packer) {
        for name in [tags.scenario, tags.persona, tags.name] {
            packer.number(self.number(name));
        }
        let trend = tags.trend.map_or(0, |trend| self.number(trend) + 1);
        let method = METHODS.iter().position(|method| *method == tags.method);
        let proto = Proto::ALL.iter().position(|proto| *proto == tags.proto);
        for number in [
            method.expect("a method of the list") as u64,
            tags.status.into(),
            tags.stage.into(),
            tags.expected.into(),
            trend,
            proto.expect("a version of the list") as u64,
        ] {
            packer.number(number);
        }
    }

    pub(super) fn iterations(&mut self, tags: &IterationTags, packer: &mut Packer) {
        packer.number(self.number(tags.scenario));
        packer.number(self.number(tags.persona));
        packer.number(tags.stage.into());
    }

    pub(super) fn check(&mut self, tags: &CheckTags, packer: &mut Packer) {
        for name in [tags.scenario, tags.persona, tags.check] {
            packer.number(self.number(name));
        }
        packer.number(tags.stage.into());
    }
}

/// The names that all frames of a run have brought.
#[derive(Debug, Default)]
pub(super) struct Known(FxHashSet<&'static str>);

impl Known {
    fn keep(&mut self, name: &[u8]) -> Result<&'static str, Malformed> {
        const WRONG: Malformed = Malformed::Wrong("name");
        let name = std::str::from_utf8(name).map_err(|_| WRONG)?;
        if let Some(known) = self.0.get(name) {
            return Ok(known);
        }
        if name.len() > LONGEST_NAME || self.0.len() >= MOST_NAMES {
            return Err(WRONG);
        }
        let kept = intern(name);
        self.0.insert(kept);
        Ok(kept)
    }
}

/// The names of one frame, while it is read.
#[derive(Debug)]
pub(super) struct Names(Vec<&'static str>);

impl Names {
    pub(super) fn unpack(from: &mut Unpacker<'_>, known: &mut Known) -> Result<Self, Malformed> {
        let count = from.at_most(MOST_NAMES as u64, "number of names")?;
        let name = |_| known.keep(from.bytes()?);
        (0..count).map(name).collect::<Result<_, _>>().map(Self)
    }

    fn name(&self, from: &mut Unpacker<'_>) -> Result<&'static str, Malformed> {
        let number = from.number()? as usize;
        let name = self.0.get(number).copied();
        name.ok_or(Malformed::Wrong("name"))
    }

    pub(super) fn request(&self, from: &mut Unpacker<'_>) -> Result<RequestTags, Malformed> {
        let [scenario, persona, name] = [self.name(from)?, self.name(from)?, self.name(from)?];
        let method = from.at_most(METHODS.len() as u64 - 1, "method")?;
        let status = from.at_most(999, "status")? as u16;
        let stage = from.at_most(u16::MAX.into(), "stage")? as u16;
        let expected = from.at_most(1, "expectation")? == 1;
        let trend = match from.number()?.checked_sub(1) {
            None => None,
            Some(number) => {
                let trend = self.0.get(number as usize).copied();
                Some(trend.ok_or(Malformed::Wrong("trend"))?)
            }
        };
        let proto = from.at_most(Proto::ALL.len() as u64 - 1, "version of HTTP")?;
        Ok(RequestTags {
            scenario,
            persona,
            name,
            method: METHODS[method as usize],
            status,
            stage,
            expected,
            trend,
            proto: Proto::ALL[proto as usize],
        })
    }

    pub(super) fn iterations(&self, from: &mut Unpacker<'_>) -> Result<IterationTags, Malformed> {
        Ok(IterationTags {
            scenario: self.name(from)?,
            persona: self.name(from)?,
            stage: from.at_most(u16::MAX.into(), "stage")? as u16,
        })
    }

    pub(super) fn check(&self, from: &mut Unpacker<'_>) -> Result<CheckTags, Malformed> {
        Ok(CheckTags {
            scenario: self.name(from)?,
            persona: self.name(from)?,
            check: self.name(from)?,
            stage: from.at_most(u16::MAX.into(), "stage")? as u16,
        })
    }
}
