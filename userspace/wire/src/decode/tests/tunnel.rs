//! Wrapped packets count as what they hold.

use super::*;

/// The IP packet that carries `payload` as `protocol`.
fn wrapped(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x45, 0, 0, 0, 0, 1, 0, 0, 64, protocol, 0, 0];
    bytes.extend([198, 51, 100, 1, 198, 51, 100, 2]);
    bytes.extend(payload);
    let len = bytes.len() as u16;
    bytes[2..4].copy_from_slice(&len.to_be_bytes());
    bytes
}

fn gre(header: &[u8], inner: &[u8]) -> Vec<u8> {
    wrapped(47, &[header, inner].concat())
}

fn vxlan(port: u16, header: [u8; 8], inner: &[u8]) -> Vec<u8> {
    let len = (16 + inner.len()) as u16;
    let udp = [
        49_152_u16.to_be_bytes(),
        port.to_be_bytes(),
        len.to_be_bytes(),
        [0; 2],
    ]
    .concat();
    wrapped(17, &[&udp, &header[..], inner].concat())
}

fn in_datagram(port: u16, header: &[u8], inner: &[u8]) -> Vec<u8> {
    let len = (8 + header.len() + inner.len()) as u16;
    let udp = [49_152, port, len, 0].map(u16::to_be_bytes).concat();
    wrapped(17, &[&udp, header, inner].concat())
}

const VNI_7: [u8; 8] = [8, 0, 0, 0, 0, 0, 7, 0];

#[test]
fn ip_in_gre_is_read_with_each_of_its_options() {
    let v4 = udp_packet(RTP);
    is_the_datagram(LinkType::RAW, &gre(b"\x00\x00\x08\x00", &v4));
    is_the_datagram(LinkType::RAW, &gre(b"\x20\x00\x08\x00KEY1", &v4));
    is_the_datagram(LinkType::RAW, &gre(b"\xb0\x00\x08\x00CHK0KEY1SEQ1", &v4));
    is_the_datagram(LinkType::RAW, &gre(b"\x00\x00\x86\xdd", &udp6_packet(RTP)));
}

#[test]
fn frames_that_a_switch_mirrors_are_read() {
    let frame = ethernet(b"\x81\x00\x00\x07\x08\x00", &udp_packet(RTP));
    is_the_datagram(LinkType::RAW, &gre(b"\x00\x00\x65\x58", &frame));
    is_the_datagram(LinkType::RAW, &gre(b"\x00\x00\x88\xbe", &frame));
    is_the_datagram(LinkType::RAW, &gre(b"\x10\x00\x88\xbeSEQ1ERSPAN-2", &frame));
    let third = [&b"\x10\x00\x22\xebSEQ1"[..], &[0; 12]].concat();
    is_the_datagram(LinkType::RAW, &gre(&third, &frame));
    let with_subheader = [&b"\x10\x00\x22\xebSEQ1"[..], &[0; 11], &[1], &[9; 8]].concat();
    is_the_datagram(LinkType::RAW, &gre(&with_subheader, &frame));
    is_the_datagram(LinkType::RAW, &vxlan(4789, VNI_7, &frame));
}

#[test]
fn what_routers_and_clouds_stream_to_a_port_is_read() {
    let frame = ethernet(b"\x81\x00\x00\x07\x08\x00", &udp_packet(RTP));
    let tzsp = |header: &[u8]| in_datagram(37_008, header, &frame);
    is_the_datagram(LinkType::RAW, &tzsp(b"\x01\x00\x00\x01\x01"));
    is_the_datagram(
        LinkType::RAW,
        &tzsp(b"\x01\x01\x00\x01\x00\x0a\x01\xc4\x28\x02MK\x01"),
    );
    let geneve = |header: &[u8], inner: &[u8]| in_datagram(6081, header, inner);
    is_the_datagram(
        LinkType::RAW,
        &geneve(b"\x00\x00\x65\x58\0\0\x07\0", &frame),
    );
    is_the_datagram(
        LinkType::RAW,
        &geneve(b"\x02\x40\x08\x00\0\0\x07\0OPTIONS_", &udp_packet(RTP)),
    );
}

#[test]
fn media_to_the_port_of_a_wrapper_stays_media() {
    let rtp = b"\x80\x60\x00\x01\x00\x00\x00\x01SSRC";
    let frame = ethernet(b"\x08\x00", &udp_packet(RTP));
    let is_outer = |port: u16, header: &[u8]| {
        let bytes = in_datagram(port, header, &frame);
        assert_eq!(
            datagram(&decode_as(LinkType::RAW, &bytes))
                .destination
                .port(),
            port
        );
    };
    is_outer(37_008, rtp);
    is_outer(6081, rtp);
    // A frame of 802.11, a list of tags without an end, a version to come, a control message, a reserved byte.
    is_outer(37_008, b"\x01\x00\x00\x12\x01");
    is_outer(37_008, &[&b"\x01\x00\x00\x01"[..], &[0; 40]].concat());
    is_outer(6081, b"\x40\x00\x65\x58\0\0\x07\0");
    is_outer(6081, b"\x00\x80\x65\x58\0\0\x07\0");
    is_outer(6081, b"\x00\x00\x65\x58\0\0\x07\x01");
}

#[test]
fn labels_of_mpls_are_stepped_over() {
    let v4 = udp_packet(RTP);
    let labelled = |ethertype: &[u8], labels: &[u8], inner: &[u8]| {
        ethernet(ethertype, &[labels, inner].concat())
    };
    let one = b"\x00\x01\x01\x40";
    let two = b"\x00\x01\x00\x40\x00\x02\x01\x40";
    is_the_datagram(LinkType::ETHERNET, &labelled(b"\x88\x47", one, &v4));
    is_the_datagram(LinkType::ETHERNET, &labelled(b"\x88\x48", two, &v4));
    is_the_datagram(
        LinkType::ETHERNET,
        &labelled(b"\x88\x47", two, &udp6_packet(RTP)),
    );
    is_the_datagram(
        LinkType::ETHERNET,
        &labelled(b"\x81\x00\x00\x07\x88\x47", one, &v4),
    );
    // Ethernet behind a control word.
    let bridged = [&[0; 4][..], &ethernet(b"\x08\x00", &v4)].concat();
    is_the_datagram(LinkType::ETHERNET, &labelled(b"\x88\x47", one, &bridged));
    // No last label.
    let endless = labelled(b"\x88\x47", &b"\x00\x01\x00\x40".repeat(17), &v4);
    assert_eq!(decode_as(LinkType::ETHERNET, &endless).body, Body::Other);
}

#[test]
fn ip_in_ip_is_read() {
    is_the_datagram(LinkType::RAW, &wrapped(4, &udp_packet(RTP)));
    is_the_datagram(LinkType::RAW, &wrapped(41, &udp6_packet(RTP)));
    let twice = wrapped(4, &gre(b"\x00\x00\x08\x00", &udp_packet(RTP)));
    is_the_datagram(LinkType::RAW, &twice);
}

#[test]
fn the_addresses_are_those_inside() {
    let bytes = gre(b"\x00\x00\x08\x00", &udp_packet(RTP));
    let packet = ip(&frame(LinkType::RAW, &bytes)).unwrap();
    assert_eq!(packet.source, IpAddr::from([203, 0, 113, 10]));
    assert_eq!((packet.start, packet.offset), (24, 44));
}

#[test]
fn what_is_no_wrapper_stays_what_it_is() {
    let inner = ethernet(b"\x08\x00", &udp_packet(RTP));
    let ports = |bytes: &[u8]| {
        datagram(&decode_as(LinkType::RAW, bytes))
            .destination
            .port()
    };
    // Another port, a reserved bit, media to the port of VXLAN.
    assert_eq!(ports(&vxlan(4790, VNI_7, &inner)), 4790);
    assert_eq!(ports(&vxlan(4789, [8, 0, 0, 1, 0, 0, 7, 0], &inner)), 4789);
    assert_eq!(ports(&vxlan(4789, *b"\x80\x60\x00\x01abcd", &inner)), 4789);
    // PPTP, source routing, a protocol that is not read.
    for header in [
        b"\x30\x01\x88\x0b",
        b"\x40\x00\x08\x00",
        b"\x00\x00\x88\x47",
    ] {
        assert_eq!(
            decode_as(LinkType::RAW, &gre(header, &inner)).body,
            Body::Other
        );
    }
}

#[test]
fn a_wrapper_that_the_capture_cuts_is_told() {
    let bytes = gre(b"\x00\x00\x08\x00", &udp_packet(RTP));
    let mut cut = frame(LinkType::RAW, &bytes[..30]);
    cut.original_len = bytes.len() as u32;
    let stop = decode(&cut).stop.unwrap();
    assert_eq!(
        (stop.layer, stop.offset, stop.needed, stop.present),
        (Layer::Ipv4, 24, 20, 6)
    );
    cut.bytes = &bytes[..55];
    let decoded = decode(&cut);
    assert_eq!(datagram(&decoded).payload_len, RTP.len() as u32);
    assert_eq!(decoded.stop.unwrap().layer, Layer::Payload);
}

#[test]
fn nesting_ends() {
    let mut bytes = udp_packet(RTP);
    for _ in 0..3 {
        bytes = wrapped(4, &bytes);
    }
    is_the_datagram(LinkType::RAW, &bytes);
    let deeper = wrapped(4, &bytes);
    assert_eq!(decode_as(LinkType::RAW, &deeper).body, Body::Other);
}
