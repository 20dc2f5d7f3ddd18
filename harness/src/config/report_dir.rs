//! Where runs leave their reports.

use std::path::PathBuf;

use super::reader::Reader;

/// The directory in which every run gets one of its own.
pub(super) fn report_dir(reader: &mut Reader) -> PathBuf {
    let parse = |text: &str| match text {
        "-" => Err("- is no directory; write ./- for one of that name".to_owned()),
        path => Ok(PathBuf::from(path)),
    };
    reader.parse_or("report_dir", parse, PathBuf::from("reports"))
}
