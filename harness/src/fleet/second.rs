//! A second as a worker sends it: its samples, and how the worker was doing.

use super::frame::{Broken, Decoder, Frame};
use crate::health::Health;
use crate::metrics::{Malformed, Packer, Unpacker};

/// A second of a worker.
#[derive(Debug, Clone, Default)]
pub struct Second {
    /// Its samples.
    pub frame: Frame,
    /// How the worker was doing.
    pub health: Health,
}

impl Second {
    /// The bytes that [`Second::decode`] reads.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut packer = Packer::default();
        packer.bytes(&serde_json::to_vec(&self.health).unwrap_or_default());
        packer.bytes(&self.frame.encode());
        packer.0
    }

    /// Reads a second.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn decode(bytes: &[u8], decoder: &mut Decoder) -> Result<Self, Broken> {
        let mut from = Unpacker::new(bytes);
        let health = serde_json::from_slice(from.bytes()?);
        let health = health.map_err(|_| Malformed::Wrong("health"))?;
        let frame = decoder.decode(from.bytes()?)?;
        from.end()?;
        Ok(Self { frame, health })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_comes_back_and_half_of_one_is_refused() {
        let health = Health {
            cpu_percent: 12.5,
            sockets: 7,
            ..Health::default()
        };
        let second = Second {
            health,
            ..Second::default()
        };
        let bytes = second.encode();
        let mut decoder = Decoder::default();
        let back = Second::decode(&bytes, &mut decoder).expect("its own bytes");
        assert_eq!(back.health, health);
        for length in 0..bytes.len() {
            assert!(Second::decode(&bytes[..length], &mut decoder).is_err());
        }
    }
}
