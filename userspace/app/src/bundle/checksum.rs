//! Checksums that stay right, or as wrong as they were, when bytes under them change (RFC 1624).

/// Place of the checksum in the header of a protocol; `None` where it has none that is known here.
pub(super) const fn place(protocol: u8) -> Option<usize> {
    match protocol {
        TCP => Some(16),
        UDP => Some(6),
        ICMP | ICMPV6 => Some(2),
        _ => None,
    }
}

/// IP protocol numbers.
pub(super) const ICMP: u8 = 1;
pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;
pub(super) const ICMPV6: u8 = 58;

/// How much the one's complement sum over 16-bit words grew from `old` to `new`. Both begin at an even place.
pub(super) fn growth(old: &[u8], new: &[u8]) -> u32 {
    let words = old.chunks(2).zip(new.chunks(2));
    words
        .filter(|(old, new)| old != new)
        .fold(0, |sum, (old, new)| {
            fold(sum + u32::from(!word(old)) + u32::from(word(new)))
        })
}

/// Applies growths to the checksum at the front of `field`. A UDP checksum of zero means that there is none (RFC 768).
pub(super) fn apply(field: &mut [u8], growth: u32, protocol: u8) {
    let Some(bytes) = field.first_chunk_mut::<2>() else {
        return;
    };
    let old = u16::from_be_bytes(*bytes);
    if growth == 0 || (protocol == UDP && old == 0) {
        return;
    }
    let sum = fold(u32::from(!old) + growth);
    let new = !(sum as u16);
    let new = if protocol == UDP && new == 0 {
        u16::MAX
    } else {
        new
    };
    *bytes = new.to_be_bytes();
}

/// Two growths as one.
pub(super) const fn sum(one: u32, other: u32) -> u32 {
    fold(one + other)
}

fn word(bytes: &[u8]) -> u16 {
    let byte = |at| bytes.get(at).copied().unwrap_or(0);
    u16::from_be_bytes([byte(0), byte(1)])
}

const fn fold(sum: u32) -> u32 {
    let once = (sum & 0xffff) + (sum >> 16);
    (once & 0xffff) + (once >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checksum(bytes: &[u8]) -> u16 {
        let sum = bytes
            .chunks(2)
            .fold(0, |sum, bytes| fold(sum + u32::from(word(bytes))));
        !(sum as u16)
    }

    #[test]
    fn a_changed_text_has_the_checksum_of_the_new_one() {
        for (old, new) in [
            (&b"Basic YWRtaW4="[..], &b"Basic ********"[..]),
            (b"odd", b"o**"),
            (&[0xff, 0xff, 0x00, 0x01], &[0x00, 0x00, 0xff, 0xfe]),
        ] {
            let mut field = checksum(old).to_be_bytes();
            apply(&mut field, growth(old, new), TCP);
            assert_eq!(u16::from_be_bytes(field), checksum(new), "{old:?}");
        }
    }

    #[test]
    fn no_udp_checksum_stays_none() {
        let mut field = [0, 0];
        apply(&mut field, growth(b"ab", b"**"), UDP);
        assert_eq!(field, [0, 0]);
    }
}
