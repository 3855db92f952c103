use core::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::{EndpointKey, FlowKey, RecordHeader, address_bytes, port_bitmap, socket_address};

#[test]
fn both_families_survive_the_border() {
    for text in ["192.0.2.7:554", "[2001:db8::7]:8554"] {
        let endpoint: SocketAddr = text.parse().unwrap();
        let key = EndpointKey::new(endpoint);
        assert_eq!(socket_address(key.address, key.port), endpoint);
    }
}

#[test]
fn addresses_stand_in_network_order() {
    let bytes = address_bytes(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)));
    assert_eq!(
        bytes,
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 7]
    );
}

#[test]
fn a_flow_turned_twice_is_itself() {
    let key = FlowKey {
        source: [1; 16],
        source_port: [2, 3],
        ifindex: 9,
        ..FlowKey::default()
    };
    assert_eq!(key.reversed().to(), key.from());
    assert_eq!(key.reversed().reversed(), key);
}

#[test]
fn listed_ports_have_their_bit_and_no_other() {
    let words = port_bitmap(&[0, 554, 65_535]);
    assert_eq!(words.iter().map(|word| word.count_ones()).sum::<u32>(), 3);
    assert_eq!(words[0], 1);
    assert_eq!(words[8], 1 << 42);
    assert_eq!(words[1023], 1 << 63);
}

#[test]
fn a_record_shorter_than_it_says_is_refused() {
    let mut record = [0_u8; RecordHeader::LEN + 4];
    record[16..20].copy_from_slice(&4_u32.to_ne_bytes());
    record[RecordHeader::LEN..].copy_from_slice(b"abcd");
    let (header, frame) = RecordHeader::split(&record).unwrap();
    assert_eq!((header.captured_len, frame), (4, &b"abcd"[..]));
    assert_eq!(RecordHeader::split(&record[..record.len() - 1]), None);
    assert_eq!(RecordHeader::split(&record[..20]), None);
}
