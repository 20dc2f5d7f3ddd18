//! What a worker keeps of its share on its own disk, in case the lead is lost. Pure.
//!
//! ```text
//! loadtest seconds 1\n
//! kind  length  bytes     the head: which run and which worker
//! kind  length  bytes     a second, as it was sent to the lead
//! …
//! kind  length  bytes     the totals, if the worker came to its end
//! ```
//!
//! A kind is a byte, a length four of them, the lowest first. A record is appended in one piece.

use std::io::{self, ErrorKind, Read};

use thiserror::Error;

/// What a file of this kind begins with. Changes with the encoding.
pub const MAGIC: &[u8] = b"loadtest seconds 1\n";
/// No record is larger: a second has some kilobytes.
const LARGEST: u32 = 256 << 20;

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Which run and which worker.
    Head,
    /// A [`Second`](super::Second).
    Second,
    /// The [`Totals`](super::Totals), without what users know.
    Totals,
}

const KINDS: [Kind; 3] = [Kind::Head, Kind::Second, Kind::Totals];

/// The bytes that [`Records`] reads.
#[must_use]
pub fn record(kind: Kind, bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let mut record = Vec::with_capacity(bytes.len() + 5);
    record.push(kind as u8);
    record.extend(length.to_le_bytes());
    record.extend(bytes);
    record
}

/// Why a file can't be read.
#[derive(Debug, Error)]
pub enum Torn {
    /// The file system's.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// It is something else, or of another version.
    #[error("is not a file of seconds that this version reads")]
    Stranger,
    /// Its end is missing.
    #[error("is cut: it ends in the middle of a record that begins at byte {0}; copy it again")]
    Cut(u64),
    /// Nobody wrote it so.
    #[error("is damaged at byte {0}; copy it again")]
    Damaged(u64),
}

/// Reads the records of a file, one after the other.
#[derive(Debug)]
pub struct Records<R> {
    from: R,
    /// Where the next one begins.
    at: u64,
}

impl<R: Read> Records<R> {
    /// Reads what every file begins with.
    ///
    /// # Errors
    /// It begins with something else.
    pub fn new(mut from: R) -> Result<Self, Torn> {
        let mut magic = [0; MAGIC.len()];
        match from.read_exact(&mut magic) {
            Ok(()) if magic == MAGIC => {}
            Err(error) if error.kind() != ErrorKind::UnexpectedEof => return Err(error.into()),
            _ => return Err(Torn::Stranger),
        }
        let at = MAGIC.len() as u64;
        Ok(Self { from, at })
    }

    /// The next record; nothing at the end.
    ///
    /// # Errors
    /// It is cut or damaged.
    pub fn read(&mut self) -> Result<Option<(Kind, Vec<u8>)>, Torn> {
        let mut kind = [0];
        if self.from.read(&mut kind)? == 0 {
            return Ok(None);
        }
        let at = self.at;
        let cut = |error: io::Error| match error.kind() {
            ErrorKind::UnexpectedEof => Torn::Cut(at),
            _ => Torn::Read(error),
        };
        let mut length = [0; 4];
        self.from.read_exact(&mut length).map_err(cut)?;
        let length = u32::from_le_bytes(length);
        let kind = KINDS.get(usize::from(kind[0]));
        let kind = kind
            .filter(|_| length <= LARGEST)
            .ok_or(Torn::Damaged(at))?;
        let mut bytes = Vec::new();
        let read = self
            .from
            .by_ref()
            .take(length.into())
            .read_to_end(&mut bytes)?;
        if read < length as usize {
            return Err(Torn::Cut(at));
        }
        self.at += 5 + u64::from(length);
        Ok(Some((*kind, bytes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Vec<(Kind, Vec<u8>)>, Torn> {
        let mut records = Records::new(bytes)?;
        let mut all = Vec::new();
        while let Some(one) = records.read()? {
            all.push(one);
        }
        Ok(all)
    }

    #[test]
    fn records_come_back_and_a_cut_file_is_told_from_a_whole_one() {
        let rows = [
            (Kind::Head, &b"who"[..]),
            (Kind::Second, &[0; 300]),
            (Kind::Totals, &[]),
        ];
        let mut file = MAGIC.to_vec();
        let mut ends = vec![file.len()];
        for (kind, bytes) in rows {
            file.extend(record(kind, bytes));
            ends.push(file.len());
        }
        let expected = rows.map(|(kind, bytes)| (kind, bytes.to_vec()));
        assert_eq!(read(&file).expect("its own bytes"), expected);
        for length in 0..file.len() {
            let records = ends.iter().position(|end| *end == length);
            match (read(&file[..length]), records) {
                (Ok(found), Some(whole)) => assert_eq!(found, expected[..whole]),
                (Err(Torn::Stranger), None) => assert!(length < MAGIC.len()),
                (Err(Torn::Cut(at)), None) => assert!(ends.contains(&(at as usize))),
                other => panic!("{length} bytes: {other:?}"),
            }
        }
    }

    #[test]
    fn what_nobody_wrote_is_refused_without_taking_memory() {
        let damaged = [MAGIC, &[9, 1, 0, 0, 0, 7]].concat();
        assert!(matches!(read(&damaged), Err(Torn::Damaged(19))));
        let endless = [MAGIC, &[1, 255, 255, 255, 255]].concat();
        assert!(matches!(read(&endless), Err(Torn::Damaged(19))));
        let long = [MAGIC, &[1, 0, 0, 0, 1]].concat();
        assert!(matches!(read(&long), Err(Torn::Cut(19))));
        assert!(matches!(
            read(b"{\"version\":1}\n....."),
            Err(Torn::Stranger)
        ));
    }
}
