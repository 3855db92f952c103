use super::*;

const FIXED: [u8; 12] = [0x80, 0xe0, 0x12, 0x34, 0, 0, 0, 9, 0xca, 0xfe, 0xba, 0xbe];

/// A packet with the given first byte and what follows the fixed header.
fn packet(first: u8, rest: &[u8]) -> Vec<u8> {
    let mut bytes = FIXED.to_vec();
    bytes[0] = first;
    bytes.extend_from_slice(rest);
    bytes
}

#[test]
fn the_fixed_header_is_read() {
    let rtp = RtpSlice::new(&FIXED).expect("twelve bytes of version 2");
    assert_eq!(
        (rtp.version(), rtp.marker(), rtp.payload_type()),
        (2, true, 96)
    );
    assert_eq!(
        (rtp.sequence_number(), rtp.timestamp(), rtp.ssrc()),
        (0x1234, 9, 0xCAFE_BABE)
    );
    assert_eq!((rtp.header_len(), rtp.payload()), (Some(12), &b""[..]));
}

#[test]
fn eleven_bytes_and_other_versions_are_no_rtp() {
    assert_eq!(RtpSlice::new(&FIXED[..11]), None);
    assert_eq!(RtpSlice::new(&packet(0x40, b"")), None);
    assert_eq!(RtpSlice::new(b"\xce\xfa\xed\xfe"), None);
}

#[test]
fn sources_extension_and_padding_are_no_payload() {
    let bytes = packet(0xb1, b"SRC1\xbe\xde\x00\x01extnmedia\x00\x00\x03");
    let rtp = RtpSlice::new(&bytes).expect("version 2");
    assert_eq!(
        (rtp.csrc_count(), rtp.extension_len(), rtp.header_len()),
        (1, Some(8), Some(24))
    );
    assert_eq!(
        (rtp.padding_len(bytes.len()), rtp.payload()),
        (Some(3), &b"media"[..])
    );
}

#[test]
fn an_impossible_padding_count_leaves_the_payload() {
    for count in [0, 3] {
        let bytes = packet(0xa0, &[7, count]);
        let rtp = RtpSlice::new(&bytes).expect("version 2");
        assert_eq!(
            (rtp.padding_len(bytes.len()), rtp.payload()),
            (None, &[7, count][..])
        );
    }
}

#[test]
fn a_cut_extension_has_no_length_and_no_payload() {
    let bytes = packet(0x90, b"\xbe\xde\x00");
    let rtp = RtpSlice::new(&bytes).expect("version 2");
    assert_eq!(
        (rtp.extension_len(), rtp.header_len(), rtp.payload()),
        (None, None, &b""[..])
    );
    let bytes = packet(0x90, b"\xbe\xde\xff\xffpart");
    assert_eq!(RtpSlice::new(&bytes).map(RtpSlice::payload), Some(&b""[..]));
}

#[test]
fn padding_of_a_packet_that_the_capture_cut_is_unknown() {
    let bytes = packet(0xa0, b"half of it");
    assert_eq!(
        RtpSlice::new(&bytes).and_then(|rtp| rtp.padding_len(1000)),
        None
    );
}
