//! Profile or file, environment and flags, layered and validated into one [`RunConfig`].
//!
//! Precedence: built-in default < profile or config file < `LOADTEST_*` < flags. All values are
//! text in one grammar, wherever they come from, and every problem is reported at once.

mod field;
mod layer;
pub(crate) mod parse;
mod profile;
mod reader;
mod shape;
mod validate;

use std::path::PathBuf;
use std::time::Duration;

pub use field::{FIELDS, Field, Form};
pub use layer::{Layer, Source, Value};
pub use profile::{BuiltIn, PROFILES};
pub use reader::Problem;
pub use validate::{Inputs, load};

use crate::executor::Schedule;
use crate::output::Address;
use crate::personas::Mix;
use crate::shop::Coupons;
use crate::threshold::Threshold;

/// Everything a run needs to know, valid in itself.
#[derive(Debug, Clone, PartialEq)]
pub struct RunConfig {
    /// Name of the profile, path of the file, or `custom`.
    pub profile: String,
    /// The server's address; without one a private stack is started.
    pub host: Option<String>,
    /// Who iterates when.
    pub schedule: Schedule,
    /// The personas' shares.
    pub mix: Mix,
    /// How many coupons there are.
    pub coupons: Coupons,
    /// How long a persona waits for its coupon.
    pub coupon_wait: Duration,
    /// The longest that a request may take.
    pub http_timeout: Duration,
    /// What must hold.
    pub thresholds: Vec<Threshold>,
    /// The share of iterations that may be cut before the run is invalid.
    pub max_interrupted: f64,
    /// Where chance begins.
    pub seed: u64,
    /// Where the summary goes as JSON besides the report directory.
    pub summary_json: Option<SummaryJson>,
    /// Where runs leave their reports.
    pub report_dir: PathBuf,
    /// Whether the books are audited.
    pub audit: bool,
    /// Where metrics go while the load runs.
    pub outputs: Vec<Address>,
    /// Whether InfluxDB gets k6's schema instead of ours.
    pub influx_raw: bool,
    /// Whether progress is kept to oneself.
    pub quiet: bool,
}

/// Where the summary goes as JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SummaryJson {
    /// Standard output; tables then go to standard error.
    Stdout,
    /// A file.
    File(PathBuf),
}
