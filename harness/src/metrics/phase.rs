//! The parts of a request's time.

/// The parts of a request's time, each a trend of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Sending + waiting + receiving.
    Duration,
    /// Waiting for a connection, connecting included.
    Blocked,
    /// Opening the TCP connection.
    Connecting,
    /// The TLS handshake.
    TlsHandshaking,
    /// Writing the request.
    Sending,
    /// From the request written to the first byte of the answer.
    Waiting,
    /// From the first byte of the answer to its last.
    Receiving,
}

impl Phase {
    /// Whether it is over before anything is sent: what was never sent has no others.
    pub(crate) const fn is_before_sending(self) -> bool {
        matches!(
            self,
            Self::Blocked | Self::Connecting | Self::TlsHandshaking
        )
    }
}

/// How many phases there are.
pub(super) const PHASES: usize = Phase::Receiving as usize + 1;
