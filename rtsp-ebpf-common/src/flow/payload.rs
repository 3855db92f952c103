//! What a UDP payload or an interleaved frame is, told from its first bytes (RFC 7983, RFC 5761).

/// Bytes of a payload that [`Payload::read`] looks at: a compound of SR, SDES and BYE fits.
pub const HEAD_LEN: usize = 128;

/// RTCP packets of one compound that are looked at.
const MAX_COMPOUND: usize = 8;

/// Length of the fixed RTP header (RFC 3550 §5.1).
const RTP_HEADER_LEN: u32 = 12;

/// Length of a STUN header (RFC 8489 §5).
const STUN_HEADER_LEN: u32 = 20;

/// Length of a DTLS record header (RFC 6347 §4.1).
const DTLS_HEADER_LEN: u32 = 13;

/// Kind of a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Class {
    /// Looks like RTP; only a second packet proves it ([`RtpCounters::is_proven`](crate::rtp::RtpCounters::is_proven)).
    Rtp = 0,
    /// RTCP, alone or compound.
    Rtcp = 1,
    /// STUN.
    Stun = 2,
    /// DTLS.
    Dtls = 3,
    /// None of these.
    Other = 4,
}

/// Kinds of RTCP packet that one compound holds.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RtcpKinds(u8);

impl RtcpKinds {
    /// Packet type 200 (RFC 3550 §6.4.1).
    pub const SENDER_REPORT: Self = Self(1);
    /// Packet type 201 (RFC 3550 §6.4.2).
    pub const RECEIVER_REPORT: Self = Self(2);
    /// Packet type 203 (RFC 3550 §6.6).
    pub const BYE: Self = Self(4);

    /// Whether all of `kinds` are there.
    #[inline(always)]
    pub const fn contains(self, kinds: Self) -> bool {
        self.0 & kinds.0 == kinds.0
    }

    /// 1 if `kind` is there, else 0.
    #[inline(always)]
    pub const fn count(self, kind: Self) -> u64 {
        self.contains(kind) as u64
    }

    #[inline(always)]
    const fn of_packet_type(packet_type: u8) -> Self {
        match packet_type {
            200 => Self::SENDER_REPORT,
            201 => Self::RECEIVER_REPORT,
            203 => Self::BYE,
            _ => Self(0),
        }
    }
}

/// The facts of one payload that are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payload {
    /// Kind.
    pub class: Class,
    /// Payload type of RTP; 0 for anything else.
    pub payload_type: u8,
    /// Kinds of packet in a compound of RTCP.
    pub rtcp: RtcpKinds,
    /// Sequence number of RTP.
    pub sequence: u16,
    /// RTP timestamp.
    pub timestamp: u32,
    /// Synchronisation source of RTP.
    pub ssrc: u32,
    /// Length on the wire in bytes.
    pub len: u32,
}

impl Payload {
    /// Reads the first bytes of a payload of `len` bytes; `head` may be shorter than that, or longer and padded.
    #[inline(always)]
    pub fn read(head: &[u8], len: u32) -> Self {
        let class = classify(head, len);
        let mut payload = Self {
            class,
            payload_type: 0,
            rtcp: RtcpKinds(0),
            sequence: 0,
            timestamp: 0,
            ssrc: 0,
            len,
        };
        match class {
            Class::Rtp => {
                payload.payload_type = byte(head, 1) & 0x7f;
                payload.sequence = u16::from_be_bytes([byte(head, 2), byte(head, 3)]);
                payload.timestamp = word(head, 4);
                payload.ssrc = word(head, 8);
            }
            Class::Rtcp => payload.rtcp = compound(head, len),
            Class::Stun | Class::Dtls | Class::Other => {}
        }
        payload
    }
}

/// Tells what a payload of `len` bytes is from its first bytes.
///
/// The first byte parts STUN, DTLS and RTP or RTCP (RFC 7983 §7); a second byte of 192..=223 under version 2 is RTCP
/// (RFC 5761 §4). Each kind must also have its header whole and lengths in it that fit: a hole punch of a few bytes is
/// [`Class::Other`] whatever they are.
#[inline(always)]
pub fn classify(head: &[u8], len: u32) -> Class {
    let first = byte(head, 0);
    match first {
        0..=3 if is_stun(head, len) => Class::Stun,
        20..=63 if is_dtls(head, len) => Class::Dtls,
        128..=191 => rtp_or_rtcp(head, len, first),
        _ => Class::Other,
    }
}

#[inline(always)]
fn rtp_or_rtcp(head: &[u8], len: u32, first: u8) -> Class {
    if matches!(byte(head, 1), 192..=223) {
        return if len >= 4 && rtcp_len(head, 0) <= len {
            Class::Rtcp
        } else {
            Class::Other
        };
    }
    let sources_len = u32::from(first & 0x0f) * 4;
    let has_extension = first & 0x10 != 0;
    let header_len = RTP_HEADER_LEN + sources_len + if has_extension { 4 } else { 0 };
    if head.len() >= RTP_HEADER_LEN as usize && header_len <= len {
        Class::Rtp
    } else {
        Class::Other
    }
}

/// The cookie marks STUN of today (RFC 8489 §5); the older one without it (RFC 3489) is known by its exact length.
#[inline(always)]
fn is_stun(head: &[u8], len: u32) -> bool {
    let body_len = u32::from(byte(head, 2)) << 8 | u32::from(byte(head, 3));
    len >= STUN_HEADER_LEN && body_len.is_multiple_of(4) && body_len + STUN_HEADER_LEN == len
}

/// The version of a DTLS record is 0xfeff or 0xfefd (RFC 6347 §4.1).
#[inline(always)]
fn is_dtls(head: &[u8], len: u32) -> bool {
    len >= DTLS_HEADER_LEN && byte(head, 1) == 0xfe && matches!(byte(head, 2), 0xff | 0xfd)
}

/// Walks over a compound (RFC 3550 §6.1) as far as the head shows it.
#[inline(always)]
fn compound(head: &[u8], len: u32) -> RtcpKinds {
    let mut kinds = 0;
    let mut at = 0_u32;
    for _ in 0..MAX_COMPOUND {
        let index = at as usize;
        if at + 4 > len || index + 4 > head.len() || byte(head, index) & 0xc0 != 0x80 {
            break;
        }
        kinds |= RtcpKinds::of_packet_type(byte(head, index + 1)).0;
        at += rtcp_len(head, index);
    }
    RtcpKinds(kinds)
}

/// Length in bytes of the RTCP packet that begins at `at`: its header counts words less one (RFC 3550 §6.4.1).
#[inline(always)]
fn rtcp_len(head: &[u8], at: usize) -> u32 {
    ((u32::from(byte(head, at + 2)) << 8 | u32::from(byte(head, at + 3))) + 1) * 4
}

#[inline(always)]
fn word(head: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([
        byte(head, at),
        byte(head, at + 1),
        byte(head, at + 2),
        byte(head, at + 3),
    ])
}

/// A byte of the head, 0 beyond its end.
#[inline(always)]
fn byte(head: &[u8], at: usize) -> u8 {
    match head.get(at) {
        Some(byte) => *byte,
        None => 0,
    }
}
