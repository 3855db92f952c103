//! The filter run by the kernel itself: a socket pair takes one as a packet socket does, and needs no privilege.

use std::os::unix::net::UnixDatagram;

use super::*;

/// Whether a frame comes through the filter.
fn passes(is_ethernet: bool, rtsp_ports: &[u16], frame: &[u8]) -> bool {
    let (near, far) = UnixDatagram::pair().unwrap();
    far.set_nonblocking(true).unwrap();
    let far = OwnedFd::from(far);
    attach(&far, is_ethernet, rtsp_ports).unwrap();
    // A frame that the filter drops counts as refused.
    let _ = near.send(frame);
    let far = UnixDatagram::from(far);
    let mut received = [0; 256];
    match far.recv(&mut received) {
        Ok(len) => {
            assert_eq!(&received[..len], frame, "it passes whole");
            true
        }
        Err(error) => {
            assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
            false
        }
    }
}

fn ipv4(protocol: u8, fragment: u16, options: &[u8], transport: &[u8]) -> Vec<u8> {
    let words = 5 + options.len() / 4;
    let mut packet = vec![0x40 | words as u8, 0, 0, 0, 0, 0];
    packet.extend(fragment.to_be_bytes());
    packet.extend([64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    packet.extend(options);
    packet.extend(transport);
    packet
}

fn ipv6(next: u8, transport: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x60, 0, 0, 0, 0, 0, next, 64];
    packet.extend([0xfd; 32]);
    packet.extend(transport);
    packet
}

fn udp(source: u16, destination: u16) -> Vec<u8> {
    let mut datagram = [source.to_be_bytes(), destination.to_be_bytes()].concat();
    datagram.extend([0, 12, 0, 0, 0x80, 96, 0, 1]);
    datagram
}

fn tcp(source: u16, destination: u16, flags: u8) -> Vec<u8> {
    let mut segment = [source.to_be_bytes(), destination.to_be_bytes()].concat();
    segment.extend([0, 0, 0, 1, 0, 0, 0, 1, 0x50, flags, 1, 0, 0, 0, 0, 0]);
    segment
}

fn ethernet(ethertype: u16, packet: &[u8]) -> Vec<u8> {
    [&[2; 12][..], &ethertype.to_be_bytes(), packet].concat()
}

/// Whether an IPv4 packet passes, which must be the same behind an Ethernet header and without.
fn passes_v4(packet: &[u8]) -> bool {
    let behind_header = passes(true, &[554], &ethernet(0x0800, packet));
    assert_eq!(passes(false, &[554], packet), behind_header);
    behind_header
}

fn passes_v6(packet: &[u8]) -> bool {
    let behind_header = passes(true, &[554], &ethernet(0x86dd, packet));
    assert_eq!(passes(false, &[554], packet), behind_header);
    behind_header
}

#[test]
fn media_and_connections_on_any_port_pass() {
    assert!(passes_v4(&ipv4(17, 0, &[], &udp(6970, 5000))));
    assert!(passes_v4(&ipv4(6, 0, &[], &tcp(40_000, 10_554, 0x18))));
    assert!(passes_v6(&ipv6(17, &udp(6970, 5000))));
    assert!(passes_v6(&ipv6(6, &tcp(40_000, 554, 0x10))));
}

#[test]
fn the_bulk_stays_in_the_kernel_in_both_directions() {
    for port in [22, 443] {
        assert!(!passes_v4(&ipv4(17, 0, &[], &udp(port, 50_000))));
        assert!(!passes_v4(&ipv4(17, 0, &[], &udp(50_000, port))));
        assert!(!passes_v4(&ipv4(6, 0, &[], &tcp(port, 50_000, 0x10))));
        assert!(!passes_v6(&ipv6(6, &tcp(50_000, port, 0x18))));
        assert!(!passes_v6(&ipv6(17, &udp(port, 50_000))));
    }
}

#[test]
fn ports_are_read_behind_options() {
    let options = [1; 8];
    assert!(!passes_v4(&ipv4(17, 0, &options, &udp(443, 50_000))));
    // Without the options these bytes would be the ports.
    let look_alike = [1, 187, 1, 187, 1, 1, 1, 1];
    assert!(passes_v4(&ipv4(17, 0, &look_alike, &udp(6970, 5000))));
}

#[test]
fn what_opens_or_ends_a_connection_passes_on_any_port() {
    for flags in [0x02, 0x12, 0x11, 0x04, 0x14] {
        assert!(passes_v4(&ipv4(6, 0, &[], &tcp(50_000, 443, flags))));
        assert!(passes_v6(&ipv6(6, &tcp(50_000, 443, flags))));
    }
}

#[test]
fn a_listed_port_passes() {
    let segment = ipv4(6, 0, &[], &tcp(50_000, 443, 0x18));
    assert!(passes(true, &[554, 443], &ethernet(0x0800, &segment)));
    let other = ipv4(6, 0, &[], &tcp(50_000, 22, 0x18));
    assert!(!passes(true, &[554, 443], &ethernet(0x0800, &other)));
}

#[test]
fn fragments_and_other_protocols_pass() {
    // A later fragment has no ports: these bytes are media.
    assert!(passes_v4(&ipv4(17, 0x2001, &[], &udp(443, 443))));
    assert!(passes_v4(&ipv4(1, 0, &[], &[3, 3, 0, 0])));
    assert!(passes_v4(&ipv4(2, 0, &[], &[0x16, 0, 0, 0])));
    assert!(passes_v6(&ipv6(58, &[143, 0, 0, 0])));
    assert!(passes_v6(&ipv6(44, &[17, 0, 0, 1])));
}

#[test]
fn tagged_frames_pass_and_what_is_no_ip_does_not() {
    for ethertype in [0x8100, 0x88a8, 0x8864, 60] {
        assert!(
            passes(true, &[554], &ethernet(ethertype, &[0; 40])),
            "{ethertype:x}"
        );
    }
    for ethertype in [0x0806, 0x88cc, 0x888e] {
        assert!(
            !passes(true, &[554], &ethernet(ethertype, &[0; 40])),
            "{ethertype:x}"
        );
    }
}
