//! Every cap on what a stranger's packets can make the engine keep. What falls to a cap is counted.

/// Upper bounds of the engine's memory. The defaults hold a busy router's traffic in some tens of megabytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// TCP connections followed at one time, of any protocol; a new one beyond it replaces the oldest that does not
    /// speak RTSP, else it is refused.
    pub connections: usize,
    /// Bytes per direction after which a connection whose protocol is still undecided is let go.
    pub undecided_bytes: u64,
    /// Out-of-order bytes that one direction of a connection may hold back.
    pub buffered_bytes: usize,
    /// Out-of-order segments that one direction of a connection may hold back.
    pub buffered_segments: usize,
    /// Bytes of one RTSP message, head and body.
    pub message_bytes: usize,
    /// Exchanges kept of one connection; later ones are counted.
    pub exchanges: usize,
    /// Bytes of messages kept of one connection; later messages are counted.
    pub connection_message_bytes: usize,
    /// Directed UDP flows followed at one time; a new one beyond it replaces the one that was idle longest.
    pub flows: usize,
    /// Restarts kept apart within one UDP flow (a port pair that a later SETUP uses again).
    pub epochs: usize,
    /// ICMP errors kept.
    pub icmp_errors: usize,
    /// Events waiting for [`crate::Engine::poll_output`]; the oldest falls.
    pub events: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 16_384,
            undecided_bytes: 4_096,
            buffered_bytes: 1 << 20,
            buffered_segments: 1_024,
            message_bytes: 256 << 10,
            exchanges: 4_096,
            connection_message_bytes: 4 << 20,
            flows: 8_192,
            epochs: 16,
            icmp_errors: 4_096,
            events: 65_536,
        }
    }
}
