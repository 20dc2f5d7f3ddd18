//! What is measured: names, tags, distributions, and the recorder that VUs write to.

mod counts;
mod encoded;
mod fine;
mod histogram;
mod malformed;
mod metric;
mod noted;
mod packed;
mod phase;
mod raw;
mod recorder;
mod snapshot;
mod sparse;
mod tags;

pub use encoded::{Broken, Encoded};
pub use histogram::Trend;
pub(crate) use histogram::exact_around;
pub use malformed::Malformed;
pub use metric::{
    AGGREGATIONS, Aggregation, Counter, GaugeOf, Kind, METRICS, Metric, Of, RateOf, TrendOf, all,
    find, phases,
};
pub use noted::{Noted, SET_UP};
pub use packed::{Packer, Unpacker};
pub use phase::Phase;
pub use raw::{Origin, RawSamples, Sample, SampleOf};
pub use recorder::Recorder;
pub use snapshot::{
    CheckCounts, CheckSum, Gauge, IterationSeries, Rate, RequestSeries, Slowest, Snapshot,
};
pub use tags::{
    CheckTags, DEFAULT_SCENARIO, IterationTags, Method, Names, Proto, RequestTags, TagFilter,
    intern, who,
};
