use std::net::IpAddr;

use etherparse::PacketBuilder;

use super::*;
use crate::{Direction, LinkType, TapId, Timestamp};

mod tunnel;

const MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
const RTP: &[u8] = b"\x80\x60\x00\x01payload";

fn frame(link_type: LinkType, bytes: &[u8]) -> FrameRef<'_> {
    FrameRef {
        at: Timestamp(0),
        tap: TapId(0),
        direction: Direction::Unknown,
        link_type,
        number: 1,
        original_len: bytes.len() as u32,
        bytes,
    }
}

fn decode_as(link_type: LinkType, bytes: &[u8]) -> Decoded<'_> {
    decode(&frame(link_type, bytes))
}

fn udp_packet(payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    PacketBuilder::ipv4([203, 0, 113, 10], [192, 168, 1, 100], 64)
        .udp(6970, 5000)
        .write(&mut bytes, payload)
        .unwrap();
    bytes
}

fn udp6_packet(payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let (source, destination) = ([0x20; 16], [0x30; 16]);
    PacketBuilder::ipv6(source, destination, 64)
        .udp(6970, 5000)
        .write(&mut bytes, payload)
        .unwrap();
    bytes
}

fn tcp_packet(payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    PacketBuilder::ipv4([192, 168, 1, 100], [203, 0, 113, 10], 64)
        .tcp(40000, 554, 1000, 512)
        .ack(77)
        .psh()
        .write(&mut bytes, payload)
        .unwrap();
    bytes
}

fn behind(header: &[u8], packet: &[u8]) -> Vec<u8> {
    [header, packet].concat()
}

fn ethernet(ethertypes: &[u8], packet: &[u8]) -> Vec<u8> {
    [&MAC[..], &MAC[..], ethertypes, packet].concat()
}

fn datagram<'a>(decoded: &Decoded<'a>) -> Datagram<'a> {
    let Body::Udp(datagram) = decoded.body else {
        panic!("no UDP in {decoded:?}")
    };
    datagram
}

fn is_the_datagram(link_type: LinkType, bytes: &[u8]) {
    let decoded = decode_as(link_type, bytes);
    assert_eq!(decoded.stop, None);
    let found = datagram(&decoded);
    assert_eq!((found.payload, found.payload_len), (RTP, RTP.len() as u32));
    assert_eq!(
        (found.source.port(), found.destination.port()),
        (6970, 5000)
    );
}

#[test]
fn ip_is_found_behind_every_link_layer() {
    let v4 = udp_packet(RTP);
    let v6 = udp6_packet(RTP);
    is_the_datagram(LinkType::ETHERNET, &ethernet(b"\x08\x00", &v4));
    is_the_datagram(LinkType::ETHERNET, &ethernet(b"\x86\xdd", &v6));
    is_the_datagram(
        LinkType::ETHERNET,
        &ethernet(b"\x81\x00\x00\x07\x08\x00", &v4),
    );
    is_the_datagram(
        LinkType::ETHERNET,
        &ethernet(b"\x88\xa8\x00\x07\x81\x00\x00\x08\x08\x00", &v4),
    );
    is_the_datagram(
        LinkType::ETHERNET,
        &ethernet(b"\x88\x64\x11\x00\x00\x01\x00\x27\x00\x21", &v4),
    );
    is_the_datagram(
        LinkType::ETHERNET,
        &ethernet(
            b"\x81\x00\x00\x07\x88\x64\x11\x00\x00\x01\x00\x3b\x00\x57",
            &v6,
        ),
    );
    is_the_datagram(
        LinkType::ETHERNET,
        &ethernet(b"\x00\x2f\xaa\xaa\x03\x00\x00\x00\x08\x00", &v4),
    );
    let sll = behind(
        b"\x00\x00\x00\x01\x00\x06\x02\x00\x00\x00\x00\x01\x00\x00\x08\x00",
        &v4,
    );
    is_the_datagram(LinkType::LINUX_SLL, &sll);
    let sll2 = behind(
        b"\x86\xdd\x00\x00\x00\x00\x00\x02\x00\x01\x00\x06\x02\x00\x00\x00\x00\x01\x00\x00",
        &v6,
    );
    is_the_datagram(LinkType::LINUX_SLL2, &sll2);
    for number in [12, 14, 101, 228] {
        is_the_datagram(LinkType(number), &v4);
    }
    is_the_datagram(LinkType::IPV6, &v6);
    is_the_datagram(LinkType::NULL, &behind(&[2, 0, 0, 0], &v4));
    is_the_datagram(LinkType::NULL, &behind(&[0, 0, 0, 30], &v6));
    is_the_datagram(LinkType::LOOP, &behind(&[0, 0, 0, 24], &v6));
}

#[test]
fn what_is_not_ip_is_other_without_a_stop() {
    let arp = ethernet(b"\x08\x06", &[0; 46]);
    assert_eq!(
        decode_as(LinkType::ETHERNET, &arp),
        Decoded {
            body: Body::Other,
            stop: None
        }
    );
    let radio = decode_as(LinkType(127), &[0; 40]);
    assert_eq!(
        radio,
        Decoded {
            body: Body::Other,
            stop: None
        }
    );
}

#[test]
fn ethernet_padding_is_no_payload() {
    let bytes = [ethernet(b"\x08\x00", &tcp_packet(b"")), vec![0; 6]].concat();
    let Body::Tcp(segment) = decode_as(LinkType::ETHERNET, &bytes).body else {
        panic!()
    };
    assert_eq!((segment.payload, segment.payload_len), (&b""[..], 0));
}

#[test]
fn a_segment_carries_its_numbers_and_flags() {
    let bytes = tcp_packet(b"OPTIONS");
    let Body::Tcp(segment) = decode_as(LinkType::RAW, &bytes).body else {
        panic!()
    };
    assert_eq!(segment.source, "192.168.1.100:40000".parse().unwrap());
    assert_eq!(segment.destination, "203.0.113.10:554".parse().unwrap());
    assert_eq!((segment.seq, segment.ack, segment.window), (1000, 77, 512));
    assert!(segment.flags.ack() && segment.flags.psh());
    assert!(!segment.flags.syn() && !segment.flags.fin() && !segment.flags.rst());
    assert_eq!((segment.payload, segment.payload_len), (&b"OPTIONS"[..], 7));
}

#[test]
fn ip_options_and_tcp_options_are_stepped_over() {
    let mut bytes = tcp_packet(b"OPTIONS");
    bytes[0] = 0x46;
    bytes.splice(20..20, [1, 1, 1, 0]);
    bytes[24 + 12] = 0x60;
    bytes.splice(44..44, [1, 1, 1, 0]);
    bytes[3] = bytes.len() as u8;
    let Body::Tcp(segment) = decode_as(LinkType::RAW, &bytes).body else {
        panic!()
    };
    assert_eq!(segment.payload, b"OPTIONS");
}

#[test]
fn a_cut_capture_keeps_the_length_on_the_wire() {
    let whole = ethernet(b"\x08\x00", &udp_packet(RTP));
    let mut cut = frame(LinkType::ETHERNET, &whole[..14 + 20 + 8 + 4]);
    cut.original_len = whole.len() as u32;
    let decoded = decode(&cut);
    let found = datagram(&decoded);
    assert_eq!((found.payload, found.payload_len), (&RTP[..4], 11));
    assert_eq!(
        decoded.stop,
        Some(Stop {
            layer: Layer::Payload,
            offset: 42,
            needed: 11,
            present: 4
        })
    );
}

#[test]
fn a_capture_cut_in_the_tcp_options_keeps_the_header() {
    let mut bytes = tcp_packet(b"OPTIONS");
    bytes[20 + 12] = 0x60;
    bytes.splice(40..40, [1, 1, 1, 0]);
    bytes[3] = bytes.len() as u8;
    let Body::Tcp(segment) = decode_as(LinkType::RAW, &bytes[..42]).body else {
        panic!()
    };
    assert_eq!(
        (segment.seq, segment.payload, segment.payload_len),
        (1000, &b""[..], 7)
    );
}

#[test]
fn a_packet_cut_in_its_headers_says_where_reading_stopped() {
    let whole = ethernet(b"\x08\x00", &udp_packet(RTP));
    let stop_at = |len: usize| decode_as(LinkType::ETHERNET, &whole[..len]).stop.unwrap();
    assert_eq!(
        stop_at(13),
        Stop {
            layer: Layer::Link,
            offset: 0,
            needed: 14,
            present: 13
        }
    );
    assert_eq!(
        stop_at(30),
        Stop {
            layer: Layer::Ipv4,
            offset: 14,
            needed: 20,
            present: 16
        }
    );
    assert_eq!(
        stop_at(40),
        Stop {
            layer: Layer::Udp,
            offset: 34,
            needed: 8,
            present: 6
        }
    );
}

#[test]
fn a_super_packet_without_a_length_reaches_to_the_end_of_the_frame() {
    let mut bytes = tcp_packet(b"OPTIONS rtsp://camera/ RTSP/1.0\r\n");
    bytes[2..4].fill(0);
    let Body::Tcp(segment) = decode_as(LinkType::RAW, &bytes).body else {
        panic!()
    };
    assert_eq!((segment.payload.len(), segment.payload_len), (33, 33));

    let mut cut = frame(LinkType::RAW, &bytes[..50]);
    cut.original_len = bytes.len() as u32;
    let Body::Tcp(segment) = decode(&cut).body else {
        panic!()
    };
    assert_eq!((segment.payload.len(), segment.payload_len), (10, 33));
}

#[test]
fn a_first_fragment_gives_the_length_of_the_whole_datagram() {
    let mut bytes = udp_packet(&[0x80; 64]);
    bytes[6] = 0x20;
    bytes[3] = 20 + 32;
    bytes.truncate(20 + 32);
    let decoded = decode_as(LinkType::RAW, &bytes);
    let found = datagram(&decoded);
    assert_eq!((found.payload.len(), found.payload_len), (24, 64));
}

#[test]
fn a_later_fragment_is_known_to_ip_only() {
    let mut bytes = udp_packet(&[0x80; 64]);
    bytes[7] = 4;
    assert_eq!(decode_as(LinkType::RAW, &bytes).body, Body::Other);
    let packet = ip(&frame(LinkType::RAW, &bytes)).unwrap();
    assert_eq!(
        packet.fragment,
        Some(Fragment {
            id: 0,
            offset: 32,
            more: false
        })
    );
    assert_eq!((packet.payload.len(), packet.payload_len), (72, 72));
}

#[test]
fn ipv6_extension_headers_are_stepped_over() {
    let mut bytes = udp6_packet(RTP);
    bytes[6] = 0;
    bytes[5] += 16;
    // Hop-by-hop options, then a fragment header that fragments nothing.
    bytes.splice(40..40, [44, 0, 1, 4, 0, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0, 9]);
    is_the_datagram(LinkType::RAW, &bytes);

    bytes[51] = 8;
    let decoded = decode_as(LinkType::RAW, &bytes);
    assert_eq!(decoded.body, Body::Other);
    let packet = ip(&frame(LinkType::RAW, &bytes)).unwrap();
    assert_eq!(
        packet.fragment,
        Some(Fragment {
            id: 9,
            offset: 8,
            more: false
        })
    );
}

#[test]
fn a_udp_length_beyond_the_packet_is_not_believed() {
    let mut bytes = udp_packet(RTP);
    bytes[24..26].copy_from_slice(&9000_u16.to_be_bytes());
    let decoded = decode_as(LinkType::RAW, &bytes);
    assert_eq!((datagram(&decoded).payload_len, decoded.stop), (11, None));
}

fn icmp_error(kind: u8, code: u8, rest: [u8; 4], quoted: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let payload = [&[kind, code, 0, 0][..], &rest, quoted].concat();
    PacketBuilder::ipv4([192, 168, 1, 100], [203, 0, 113, 10], 64)
        .write(&mut bytes, etherparse::IpNumber::ICMP, &payload)
        .unwrap();
    bytes
}

#[test]
fn an_icmp_error_names_the_flow_that_it_quotes() {
    let quoted = &udp_packet(RTP)[..28];
    let bytes = icmp_error(3, 3, [0; 4], quoted);
    let Body::Icmp(error) = decode_as(LinkType::RAW, &bytes).body else {
        panic!()
    };
    assert_eq!(error.from, IpAddr::from([192, 168, 1, 100]));
    assert_eq!(error.to, IpAddr::from([203, 0, 113, 10]));
    assert_eq!(error.kind, IcmpErrorKind::PortUnreachable);
    let flow = QuotedFlow {
        protocol: 17,
        source: "203.0.113.10:6970".parse().unwrap(),
        destination: "192.168.1.100:5000".parse().unwrap(),
    };
    assert_eq!(error.quoted, flow);
}

#[test]
fn icmp_errors_keep_their_kinds() {
    let quoted = &udp_packet(RTP)[..28];
    let kind_of = |kind, code| {
        let bytes = icmp_error(kind, code, [0, 0, 5, 0xd4], quoted);
        match decode_as(LinkType::RAW, &bytes).body {
            Body::Icmp(error) => Some(error.kind),
            Body::Tcp(_) | Body::Udp(_) | Body::Membership(_) | Body::Other => None,
        }
    };
    assert_eq!(kind_of(3, 0), Some(IcmpErrorKind::NetUnreachable));
    assert_eq!(kind_of(3, 1), Some(IcmpErrorKind::HostUnreachable));
    assert_eq!(
        kind_of(3, 4),
        Some(IcmpErrorKind::FragmentationNeeded { mtu: 1492 })
    );
    assert_eq!(kind_of(3, 13), Some(IcmpErrorKind::AdminProhibited));
    assert_eq!(kind_of(11, 0), Some(IcmpErrorKind::TimeExceeded));
    assert_eq!(kind_of(8, 0), None);
}

#[test]
fn an_icmpv6_error_tells_the_size_that_fits() {
    let quoted = udp6_packet(RTP);
    let payload = [&[2, 0, 0, 0, 0, 0, 5, 0][..], &quoted].concat();
    let mut bytes = Vec::new();
    PacketBuilder::ipv6([0x30; 16], [0x20; 16], 64)
        .write(&mut bytes, etherparse::IpNumber::IPV6_ICMP, &payload)
        .unwrap();
    let Body::Icmp(error) = decode_as(LinkType::RAW, &bytes).body else {
        panic!()
    };
    assert_eq!(error.kind, IcmpErrorKind::FragmentationNeeded { mtu: 1280 });
    assert_eq!(
        (error.quoted.source.port(), error.quoted.destination.port()),
        (6970, 5000)
    );
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_panic_or_read_outside(link in 0_u16..300, bytes: Vec<u8>, original_len: u32) {
        let mut frame = frame(LinkType(link), &bytes);
        frame.original_len = original_len;
        let _ = decode(&frame);
    }

    #[test]
    fn a_damaged_packet_never_gives_more_payload_than_was_captured(at in 0_usize..54, value: u8, len in 0_usize..60) {
        let mut bytes = ethernet(b"\x08\x00", &tcp_packet(b"OPTIONS"));
        bytes[at] = value;
        bytes.truncate(len);
        if let Body::Tcp(segment) = decode_as(LinkType::ETHERNET, &bytes).body {
            assert!(segment.payload.len() <= segment.payload_len as usize);
        }
    }
}

#[test]
fn a_header_that_is_wrong_rather_than_short_has_all_that_it_needs() {
    // A header length of two words, with more than enough bytes behind it.
    let mut packet = tcp_packet(RTP);
    packet[0] = 0x42;
    let stop = decode_as(LinkType::RAW, &packet).stop.unwrap();
    assert_eq!(
        stop,
        Stop {
            layer: Layer::Ipv4,
            offset: 0,
            needed: 20,
            present: 20,
        }
    );
}
