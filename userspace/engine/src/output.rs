//! What happened, as it happens: one event per fact and tap, for live output. Judgements are in the snapshot only.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::locator::Locator;
use crate::model::{Message, Side};

/// One thing that the engine saw, at one tap. A connection that crosses two taps gives each event at each of them.
#[derive(Clone, Debug)]
pub enum Event {
    /// A connection turned out to speak RTSP, or TLS on an RTSP port.
    SessionStarted {
        /// The segment that told.
        at: Locator,
        /// Client end as seen at this tap.
        client: SocketAddr,
        /// Server end as seen at this tap.
        server: SocketAddr,
        /// The connection is TLS: no further message will come of it.
        encrypted: bool,
    },
    /// An RTSP message is complete.
    Message {
        /// Client end as seen at this tap.
        client: SocketAddr,
        /// Server end as seen at this tap.
        server: SocketAddr,
        /// Method of the request, also for its response; empty for a response without a request.
        method: String,
        /// Its `CSeq`.
        cseq: Option<u32>,
        /// The message with its place.
        message: Arc<Message>,
    },
    /// PLAY or RECORD was accepted.
    Playing {
        /// The response.
        at: Locator,
        /// Client end as seen at this tap.
        client: SocketAddr,
        /// Server end as seen at this tap.
        server: SocketAddr,
    },
    /// The first RTP packet of a UDP flow or of an interleaved channel between the two ends of a connection.
    MediaArrived {
        /// The packet.
        at: Locator,
        /// Sender as seen at this tap.
        from: SocketAddr,
        /// Receiver as seen at this tap.
        to: SocketAddr,
        /// Its synchronisation source.
        ssrc: Option<u32>,
    },
    /// The connection was closed or reset, or TEARDOWN was accepted.
    Ended {
        /// The segment or response.
        at: Locator,
        /// Client end as seen at this tap.
        client: SocketAddr,
        /// Server end as seen at this tap.
        server: SocketAddr,
        /// Who ended it.
        by: Side,
        /// By RST instead of FIN or TEARDOWN.
        reset: bool,
    },
}
