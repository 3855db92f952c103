//! What a UDP payload or an interleaved frame is, told from its first bytes (RFC 7983, RFC 5761).

/// Bytes of a payload that [`Payload::read`] looks at: a compound of SR, SDES and BYE fits.
pub const HEAD_LEN: usize = 128;

/// RTCP packets of one compound that are looked at.
const MAX_COMPOUND: u64 = 8;

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
    /// Reads the first bytes of a payload of `len` bytes; `head` may be shorter than that.
    #[inline]
    pub fn read(head: &[u8], len: u32) -> Self {
        // What nearly all are; `len` may be less than what lies behind `head`.
        if let Some(&[first, second, s0, s1, t0, t1, t2, t3, c0, c1, c2, c3]) = head.first_chunk()
            && Self::is_rtp(first, second, len)
        {
            let sequence = u16::from_be_bytes([s0, s1]);
            let timestamp = u32::from_be_bytes([t0, t1, t2, t3]);
            let ssrc = u32::from_be_bytes([c0, c1, c2, c3]);
            return Self::rtp(second, sequence, timestamp, ssrc, len);
        }
        Self::read_any(head, len)
    }

    #[inline(never)]
    fn read_any(head: &[u8], len: u32) -> Self {
        if let Some(whole) = head.first_chunk::<HEAD_LEN>() {
            return Self::read_padded(whole, (HEAD_LEN as u32).min(len), len);
        }
        Self::read_short(head, len)
    }

    #[inline(never)]
    fn read_short(head: &[u8], len: u32) -> Self {
        let mut padded = [0; HEAD_LEN];
        let seen = head.len().min(HEAD_LEN);
        padded[..seen].copy_from_slice(&head[..seen]);
        Self::read_padded(&padded, (seen as u32).min(len), len)
    }

    /// Whether a payload of `len` bytes that begins with these two is RTP, if it holds the fixed header.
    #[inline(always)]
    pub fn is_rtp(first: u8, second: u8, len: u32) -> bool {
        first & 0xc0 == 0x80 && !matches!(second, 192..=223) && is_rtp(first, RTP_HEADER_LEN, len)
    }

    /// Whether a payload that begins with these two bytes is RTCP, if it holds a header.
    #[inline(always)]
    pub fn is_rtcp(first: u8, second: u8) -> bool {
        first & 0xc0 == 0x80 && matches!(second, 192..=223)
    }

    /// RTP of `len` bytes whose header says this; `second` is its second byte: marker bit and payload type.
    #[inline(always)]
    pub fn rtp(second: u8, sequence: u16, timestamp: u32, ssrc: u32, len: u32) -> Self {
        Self {
            class: Class::Rtp,
            payload_type: second & 0x7f,
            rtcp: RtcpKinds(0),
            sequence,
            timestamp,
            ssrc,
            len,
        }
    }

    /// Reads a payload of `len` bytes of which the first `seen` are in `head`; what follows them there means nothing.
    #[inline(always)]
    pub fn read_padded(head: &[u8; HEAD_LEN], seen: u32, len: u32) -> Self {
        let class = classify_padded(head, seen, len);
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
                payload.payload_type = head[1] & 0x7f;
                payload.sequence = u16::from_be_bytes([head[2], head[3]]);
                payload.timestamp = u32::from_be_bytes([head[4], head[5], head[6], head[7]]);
                payload.ssrc = u32::from_be_bytes([head[8], head[9], head[10], head[11]]);
            }
            Class::Rtcp => payload.rtcp = compound(head, seen),
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
pub fn classify(head: &[u8], len: u32) -> Class {
    Payload::read(head, len).class
}

#[inline(always)]
fn classify_padded(head: &[u8; HEAD_LEN], seen: u32, len: u32) -> Class {
    if seen < 4 {
        return Class::Other;
    }
    match head[0] {
        0..=3 if is_stun(head, seen, len) => Class::Stun,
        20..=63 if is_dtls(head, seen) => Class::Dtls,
        128..=191 if matches!(head[1], 192..=223) => {
            if rtcp_len(head[2], head[3]) <= len {
                Class::Rtcp
            } else {
                Class::Other
            }
        }
        128..=191 if is_rtp(head[0], seen, len) => Class::Rtp,
        _ => Class::Other,
    }
}

#[inline(always)]
fn is_rtp(first: u8, seen: u32, len: u32) -> bool {
    let sources_len = u32::from(first & 0x0f) * 4;
    let extension_len = u32::from(first & 0x10) / 4;
    seen >= RTP_HEADER_LEN && RTP_HEADER_LEN + sources_len + extension_len <= len
}

/// A STUN header names the exact length behind it (RFC 8489 §5), today's with a cookie and RFC 3489's without.
#[inline(always)]
fn is_stun(head: &[u8; HEAD_LEN], seen: u32, len: u32) -> bool {
    let body_len = u32::from(u16::from_be_bytes([head[2], head[3]]));
    seen >= STUN_HEADER_LEN && body_len.is_multiple_of(4) && body_len + STUN_HEADER_LEN == len
}

/// The version of a DTLS record is 0xfeff or 0xfefd (RFC 6347 §4.1).
#[inline(always)]
fn is_dtls(head: &[u8; HEAD_LEN], seen: u32) -> bool {
    seen >= DTLS_HEADER_LEN && head[1] == 0xfe && matches!(head[2], 0xff | 0xfd)
}

/// Walks over a compound (RFC 3550 §6.1) as far as the head shows it.
#[inline(always)]
fn compound(head: &[u8; HEAD_LEN], seen: u32) -> RtcpKinds {
    let mut kinds = 0;
    let mut at = 0_u32;
    let mut count = crate::verifier::hide(0);
    while count < MAX_COMPOUND && at < HEAD_LEN as u32 && at + 4 <= seen {
        count += 1;
        // A multiple of 4 below HEAD_LEN: four bytes are there.
        let index = masked(at);
        if head[index] & 0xc0 != 0x80 {
            break;
        }
        kinds |= RtcpKinds::of_packet_type(head[index | 1]).0;
        at += rtcp_len(head[index | 2], head[index | 3]);
    }
    RtcpKinds(kinds)
}

/// Length in bytes of an RTCP packet: its header counts words less one (RFC 3550 §6.4.1).
#[inline(always)]
fn rtcp_len(high: u8, low: u8) -> u32 {
    (u32::from(u16::from_be_bytes([high, low])) + 1) * 4
}

/// An offset into the head that is a multiple of 4.
///
/// The mask stands right before the use and out of the compiler's sight: the kernel's verifier loses track of bounds
/// that were checked on another copy of the value.
#[inline(always)]
fn masked(at: u32) -> usize {
    const { assert!(HEAD_LEN.is_power_of_two()) };
    (crate::verifier::hide(u64::from(at)) & (HEAD_LEN as u64 - 4)) as usize
}
