//! Datagrams that players send for nothing but to open a way through a NAT.
//!
//! Their first bytes are those of no protocol that shares the port (RFC 7983 §7), so they are told by form.

/// What VLC sends from its RTP and RTCP ports.
const VLC: [u8; 4] = [0xce, 0xfa, 0xed, 0xfe];

/// Beginning of the 84 bytes that set-top boxes of one maker send.
const ZXV10: &[u8] = b"ZXV10STB";

/// Whether the payload of a datagram is a known hole punch, or nothing at all.
pub fn is_hole_punch(payload: &[u8]) -> bool {
    payload.is_empty() || payload == VLC || payload.starts_with(ZXV10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_forms_are_told_from_media() {
        let box_punch = [&b"ZXV10STB"[..], &[0; 76]].concat();
        assert_eq!(box_punch.len(), 84);
        for punch in [&VLC[..], &box_punch, b""] {
            assert!(is_hole_punch(punch));
        }
        for other in [&b"\xce\xfa\xed\xfe\0"[..], b"\x80\x60\0\x01", b"ZXV"] {
            assert!(!is_hole_punch(other));
        }
    }
}
