//! The series of a run that goes on: each look reads only the lines that came since the last one.

use std::io::{Seek, SeekFrom};
use std::path::PathBuf;

use super::record::{RecordError, open_file};
use super::series::{Series, SeriesError};

/// A file that grows, and what was read of it.
#[derive(Debug)]
pub struct Following {
    path: PathBuf,
    read: Read,
}

/// A series, and how many bytes of its file it has.
#[derive(Debug, Default)]
pub struct Read {
    /// The series.
    pub series: Series,
    bytes: u64,
}

impl Following {
    /// Follows the file of this path.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self {
            path,
            read: Read::default(),
        }
    }

    /// The series so far. It is read from its beginning the next time, unless it is given back.
    ///
    /// # Errors
    /// The file and what is wrong with it.
    pub fn take(&mut self) -> Result<Read, RecordError> {
        let mut read = std::mem::take(&mut self.read);
        let wrong = |source| RecordError::Series {
            path: self.path.clone(),
            source,
        };
        let mut file = open_file(&self.path)?;
        let there = file.seek(SeekFrom::Start(read.bytes));
        there.map_err(|error| wrong(error.into()))?;
        read.bytes += read.series.read_on(file).map_err(wrong)?;
        match read.bytes {
            0 => Err(wrong(SeriesError::Empty)),
            _ => Ok(read),
        }
    }

    /// Keeps what was taken, for the next time.
    pub fn keep(&mut self, read: Read) {
        self.read = read;
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::super::series::{Head, SERIES_VERSION, Second};
    use super::*;
    use crate::shown::json;

    fn second(elapsed_ms: u64) -> String {
        let second = Second {
            elapsed_ms,
            ..Second::default()
        };
        json(&second).expect("plain") + "\n"
    }

    fn ends(read: &Read) -> Vec<u64> {
        let seconds = read.series.seconds.iter();
        seconds.map(|second| second.elapsed_ms).collect()
    }

    #[test]
    fn each_line_is_read_once_and_when_it_is_whole() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("series.jsonl");
        let mut file = std::fs::File::create(&path).expect("a file");
        let mut write = |text: &str| file.write_all(text.as_bytes()).expect("written");
        let mut following = Following::new(path.clone());
        assert!(following.take().is_err(), "there is no line yet");

        let head = Head {
            version: SERIES_VERSION,
            ..Head::default()
        };
        let (half, rest) = (second(2_000), second(3_000));
        let (begin, end) = half.split_at(9);
        write(&format!(
            "{}\n{}{begin}",
            json(&head).expect("plain"),
            second(1_000)
        ));
        let read = following.take().expect("a series");
        assert_eq!(ends(&read), [1_000]);
        following.keep(read);

        write(&format!("{end}{rest}"));
        let mut read = following.take().expect("a series");
        assert_eq!(ends(&read), [1_000, 2_000, 3_000]);
        // What was read isn't read again.
        read.series.seconds[0].elapsed_ms = 7;
        following.keep(read);
        write(&second(4_000));
        let read = following.take().expect("a series");
        assert_eq!(ends(&read), [7, 2_000, 3_000, 4_000]);
        drop(read);
        let read = following.take().expect("a series");
        assert_eq!(
            ends(&read),
            [1_000, 2_000, 3_000, 4_000],
            "it wasn't given back"
        );
    }
}
