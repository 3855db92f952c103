//! Static payload types (RFC 3551 tables 4 and 5).

/// What a static payload type means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StaticType {
    /// Encoding name.
    pub encoding: &'static str,
    /// RTP clock rate in Hz.
    pub clock_rate: u32,
    /// Kind of media.
    pub kind: StaticKind,
    /// Audio channels; 0 for video.
    pub channels: u8,
}

/// Kind of media of a static payload type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StaticKind {
    /// Audio.
    Audio,
    /// Video.
    Video,
    /// Audio and video in one stream.
    AudioVideo,
}

/// The static meaning of a payload type; `None` for dynamic, reserved and unassigned ones.
pub fn lookup(payload_type: u8) -> Option<StaticType> {
    match payload_type {
        0 => Some(StaticType {
            encoding: "PCMU",
            clock_rate: 8000,
            kind: StaticKind::Audio,
            channels: 1,
        }),
        _ => None,
    }
}
