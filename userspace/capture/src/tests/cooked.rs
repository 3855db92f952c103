//! Cooked captures of a router, packet by packet: sides told apart, copies left out.

use std::net::Ipv4Addr;

use rtspscope_wire::TapRole;

use super::build::LITTLE;
use super::{Seen, one, read};

const CLIENT: [u8; 4] = [192, 168, 1, 100];
const SECOND: [u8; 4] = [192, 168, 1, 101];
const INSIDE: [u8; 4] = [192, 168, 1, 1];
const OUTSIDE: [u8; 4] = [203, 0, 113, 1];
const CAMERA: [u8; 4] = [203, 0, 113, 10];

const IN: u8 = 0;
const OUT: u8 = 4;

/// Link addresses: the router's two interfaces and three neighbours.
const LAN: u8 = 1;
const WAN: u8 = 2;
const CLIENT_CARD: u8 = 3;
const SECOND_CARD: u8 = 4;
const CAMERA_CARD: u8 = 5;

/// A UDP datagram in IPv4.
fn packet(from: [u8; 4], to: [u8; 4], hops: u8, id: u8) -> Vec<u8> {
    let ip = [0x45, 0, 0, 32, 0, id, 0, 0, hops, 17, 0, 0];
    [
        &ip[..],
        &from,
        &to,
        &[0x13, 0x88, 0x17, 0x70, 0, 12, 0, 0, id, 1, 2, 3],
    ]
    .concat()
}

fn version_2(interface: u8, way: u8, packet: &[u8]) -> Vec<u8> {
    let head = [8, 0, 0, 0, 0, 0, 0, interface, 0, 1, way, 6];
    [&head[..], &[0; 8], packet].concat()
}

fn version_1(card: u8, way: u8, packet: &[u8]) -> Vec<u8> {
    let head = [0, way, 0, 1, 0, 6, 2, 0, 0, 0, 0, card, 0, 0, 8, 0];
    [&head[..], packet].concat()
}

fn version_1_of_ppp(way: u8, packet: &[u8]) -> Vec<u8> {
    let head = [0, way, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0];
    [&head[..], packet].concat()
}

/// The same packet at the device under the line, in a PPPoE session.
fn version_1_of_pppoe(card: u8, way: u8, packet: &[u8]) -> Vec<u8> {
    let head = [0, way, 0, 1, 0, 6, 2, 0, 0, 0, 0, card, 0, 0, 0x88, 0x64];
    let session = [0x11, 0, 0, 5, 0, packet.len() as u8 + 2, 0, 0x21];
    [&head[..], &session, packet].concat()
}

fn capture(link_type: u32, frames: &[Vec<u8>]) -> Vec<u8> {
    let records: Vec<u8> = frames
        .iter()
        .enumerate()
        .flat_map(|(at, frame)| LITTLE.record(0, at as u32, frame))
        .collect();
    [LITTLE.pcap(0xa1b2_c3d4, link_type), records].concat()
}

/// `tap#number way` of each frame that counts.
fn placed(seen: &Seen) -> Vec<String> {
    let shorter = |input: &String| {
        let (place, rest) = input.split_once('@')?;
        Some(format!("{place} {}", rest.split(' ').nth(1)?))
    };
    seen.inputs.iter().filter_map(shorter).collect()
}

fn names(seen: &Seen) -> Vec<&str> {
    seen.taps.iter().map(|tap| tap.name.as_str()).collect()
}

#[test]
fn interfaces_of_version_2_are_taps_with_direction() {
    let frames = [
        version_2(2, IN, &packet(CLIENT, CAMERA, 64, 1)),
        version_2(3, OUT, &packet(OUTSIDE, CAMERA, 63, 1)),
        version_2(3, IN, &packet(CAMERA, OUTSIDE, 64, 9)),
        version_2(2, OUT, &packet(CAMERA, CLIENT, 63, 9)),
    ];
    let seen = one(&capture(276, &frames));
    assert_eq!(placed(&seen), ["0#1 in", "1#2 out", "1#3 in", "0#4 out"]);
    assert_eq!((names(&seen), seen.notes.len()), (vec!["if2", "if3"], 0));
}

#[test]
fn a_packet_on_a_bridge_and_its_port_counts_once_in_both_ways() {
    let (up, down) = (packet(CLIENT, CAMERA, 64, 1), packet(CAMERA, CLIENT, 63, 9));
    let next = packet(CAMERA, CLIENT, 63, 10);
    let (port, bridge) = (2, 4);
    let frames = [
        version_2(port, IN, &up),
        version_2(bridge, IN, &up),
        version_2(bridge, OUT, &down),
        version_2(port, OUT, &down),
        version_2(bridge, OUT, &next),
        version_2(port, OUT, &next),
    ];
    let seen = one(&capture(276, &frames));
    assert_eq!(placed(&seen), ["0#1 in", "0#3 out", "0#5 out"]);
    assert_eq!(names(&seen), ["if2"]);
    assert_eq!(
        seen.notes,
        ["3 frames are copies from stacked interfaces and are left out"]
    );
}

#[test]
fn a_checksum_that_the_port_fills_in_makes_no_other_packet() {
    let unfinished = packet(CAMERA, CLIENT, 63, 9);
    let mut finished = unfinished.clone();
    finished[26..28].copy_from_slice(&[0xab, 0xcd]);
    let frames = [version_2(4, OUT, &unfinished), version_2(2, OUT, &finished)];
    assert_eq!(placed(&one(&capture(276, &frames))), ["0#1 out"]);
}

#[test]
fn a_packet_that_the_network_doubled_counts_twice() {
    let doubled = packet(CAMERA, OUTSIDE, 64, 9);
    let frames = [version_2(3, IN, &doubled), version_2(3, IN, &doubled)];
    assert_eq!(placed(&one(&capture(276, &frames))), ["0#1 in", "0#2 in"]);
}

#[test]
fn an_announcement_on_two_links_joins_them_not() {
    let announcement = packet(INSIDE, [239, 255, 255, 250], 4, 1);
    let frames = [
        version_2(2, OUT, &announcement),
        version_2(3, OUT, &announcement),
    ];
    assert_eq!(placed(&one(&capture(276, &frames))), ["0#1 out", "1#2 out"]);
}

#[test]
fn version_1_has_two_sides_with_and_without_translation() {
    for (outside, name) in [(OUTSIDE, "translated"), (CLIENT, "routed")] {
        let frames = [
            version_1(CLIENT_CARD, IN, &packet(CLIENT, CAMERA, 64, 1)),
            version_1(WAN, OUT, &packet(outside, CAMERA, 63, 1)),
            version_1(CAMERA_CARD, IN, &packet(CAMERA, outside, 64, 9)),
            version_1(LAN, OUT, &packet(CAMERA, CLIENT, 63, 9)),
        ];
        let seen = one(&capture(113, &frames));
        assert_eq!(
            placed(&seen),
            ["0#1 in", "1#2 out", "1#3 in", "0#4 out"],
            "{name}"
        );
        assert_eq!(names(&seen), ["side1", "side2"], "{name}");
    }
}

#[test]
fn another_host_of_the_same_network_is_on_the_same_side() {
    let frames = [
        version_1(CLIENT_CARD, IN, &packet(CLIENT, CAMERA, 64, 1)),
        version_1(WAN, OUT, &packet(OUTSIDE, CAMERA, 63, 1)),
        version_1(SECOND_CARD, IN, &packet(SECOND, CAMERA, 64, 2)),
        version_1(LAN, OUT, &packet(CAMERA, SECOND, 63, 3)),
        version_1(LAN, OUT, &packet(CAMERA, CLIENT, 63, 4)),
    ];
    let seen = one(&capture(113, &frames));
    assert_eq!(
        placed(&seen),
        ["0#1 in", "1#2 out", "0#3 in", "0#4 out", "0#5 out"]
    );
}

/// As a host sends it that asks for an address (DHCP), or has taken one by itself and looks who is there.
#[test]
fn a_call_on_a_link_makes_no_side_of_its_own() {
    let calls = [
        packet([0; 4], [255; 4], 64, 1),
        packet([169, 254, 7, 7], [224, 0, 0, 251], 255, 1),
    ];
    for call in calls {
        let frames = [
            version_1(SECOND_CARD, IN, &call),
            version_1(LAN, OUT, &call),
            version_1(WAN, OUT, &call),
            version_1(CLIENT_CARD, IN, &packet(CLIENT, CAMERA, 64, 1)),
            version_1(WAN, OUT, &packet(OUTSIDE, CAMERA, 63, 1)),
            version_1(CAMERA_CARD, IN, &packet(CAMERA, OUTSIDE, 64, 9)),
            version_1(LAN, OUT, &packet(CAMERA, CLIENT, 63, 9)),
        ];
        let seen = one(&capture(113, &frames));
        let session = placed(&seen).split_off(3);
        assert_eq!(session, ["0#4 in", "1#5 out", "1#6 in", "0#7 out"]);
        assert_eq!(seen.taps.len(), 2);
    }
}

#[test]
fn a_side_that_was_guessed_wrong_is_mended() {
    let (stranger, unknown) = ([10, 9, 8, 7], [198, 51, 100, 7]);
    let frames = [
        version_1(LAN, OUT, &packet(CAMERA, CLIENT, 63, 1)),
        version_1(SECOND_CARD, IN, &packet(stranger, unknown, 64, 2)),
        version_1(LAN, OUT, &packet(CAMERA, stranger, 63, 3)),
        version_1(SECOND_CARD, IN, &packet(stranger, CAMERA, 64, 4)),
    ];
    let seen = one(&capture(113, &frames));
    assert_eq!(placed(&seen), ["0#1 out", "1#2 in", "0#3 out", "0#4 in"]);
}

#[test]
fn a_dialled_line_without_link_addresses_is_one_side() {
    let other = [198, 51, 100, 7];
    let frames = [
        version_1_of_ppp(IN, &packet(CAMERA, OUTSIDE, 60, 1)),
        version_1_of_ppp(OUT, &packet(OUTSIDE, CAMERA, 63, 1)),
        version_1_of_ppp(IN, &packet(other, OUTSIDE, 60, 2)),
        version_1(LAN, OUT, &packet(other, CLIENT, 59, 2)),
    ];
    let seen = one(&capture(113, &frames));
    assert_eq!(placed(&seen), ["0#1 in", "0#2 out", "0#3 in", "1#4 out"]);
}

#[test]
fn a_dialled_line_and_the_device_under_it_are_one_side() {
    let ask = |id| packet(OUTSIDE, CAMERA, 63, id);
    let answer = |id| packet(CAMERA, OUTSIDE, 60, id);
    let goes_out = |id| {
        [
            version_1(CLIENT_CARD, IN, &packet(CLIENT, CAMERA, 64, id)),
            version_1_of_ppp(OUT, &ask(id)),
            version_1_of_pppoe(WAN, OUT, &ask(id)),
        ]
    };
    let comes_in = |id| {
        [
            version_1_of_pppoe(CAMERA_CARD, IN, &answer(id)),
            version_1_of_ppp(IN, &answer(id)),
            version_1(LAN, OUT, &packet(CAMERA, CLIENT, 59, id)),
        ]
    };
    let frames: Vec<_> = (1..4)
        .flat_map(|id| [goes_out(id), comes_in(id + 50)])
        .collect();
    let seen = one(&capture(113, &frames.concat()));
    let turn = |first: u64| {
        let [asked, sent, answered, given] = [first, first + 1, first + 3, first + 5];
        [
            format!("0#{asked} in"),
            format!("1#{sent} out"),
            format!("1#{answered} in"),
            format!("0#{given} out"),
        ]
    };
    assert_eq!(placed(&seen), [turn(1), turn(7), turn(13)].concat());
    assert_eq!(names(&seen), ["side1", "side2"]);

    let from_outside: Vec<_> = (1..4)
        .flat_map(|id| [comes_in(id + 50), goes_out(id)])
        .collect();
    let seen = one(&capture(113, &from_outside.concat()));
    assert_eq!(names(&seen), ["side1", "side2"]);
    assert_eq!(placed(&seen).len(), 12);
}

#[test]
fn stacked_copies_of_version_1_count_once_and_rare_doubles_twice() {
    let way_in = |id| version_1(CAMERA_CARD, IN, &packet(CAMERA, OUTSIDE, 64, id));
    let stacked: Vec<Vec<u8>> = (0..40).flat_map(|id| [way_in(id), way_in(id)]).collect();
    assert_eq!(placed(&one(&capture(113, &stacked))).len(), 40);

    let mut doubled: Vec<Vec<u8>> = (0..40).map(way_in).collect();
    doubled.insert(20, way_in(19));
    doubled.insert(31, way_in(29));
    assert_eq!(placed(&one(&capture(113, &doubled))).len(), 42);
}

#[test]
fn what_a_bridge_passes_on_counts_once() {
    let passed = packet(CLIENT, SECOND, 64, 1);
    let frames = [
        version_1(CLIENT_CARD, IN, &passed),
        version_1(CLIENT_CARD, OUT, &passed),
    ];
    assert_eq!(placed(&one(&capture(113, &frames))), ["0#1 in"]);
}

#[test]
fn a_pcapng_interface_with_a_name_of_its_own_is_one_tap() {
    let capture = |name: &[u8]| {
        let frame = |at, side, way| {
            LITTLE.enhanced(
                0,
                at,
                &version_2(side, way, &packet(CLIENT, CAMERA, 64, 1)),
                &[],
            )
        };
        let interface = LITTLE.interface(276, &[LITTLE.option(2, name)]);
        [
            LITTLE.section(),
            interface,
            frame(1, 2, IN),
            frame(2, 3, OUT),
        ]
        .concat()
    };
    assert_eq!(names(&one(&capture(b"modem0"))), ["modem0"]);
    assert_eq!(names(&one(&capture(b"any"))), ["if2"]);
}

#[test]
fn a_cooked_capture_has_no_side_of_its_own() {
    let frames = [version_2(2, IN, &packet(CLIENT, CAMERA, 64, 1))];
    let seen = read(&[(&capture(276, &frames), TapRole::Lan)]).unwrap();
    assert_eq!(seen.taps[0].role, TapRole::Unknown);
    assert_eq!(
        seen.notes,
        ["holds both sides of the router: which is which is told by the packets"]
    );
}

#[test]
fn cooked_headers_cut_anywhere_are_survived() {
    let whole = version_1(CLIENT_CARD, IN, &packet(CLIENT, CAMERA, 64, 1));
    for link_type in [113, 276] {
        let cuts: Vec<Vec<u8>> = (0..whole.len()).map(|len| whole[..len].to_vec()).collect();
        let seen = one(&capture(link_type, &cuts));
        assert_eq!(
            seen.inputs.len() + usize::from(!seen.notes.is_empty()),
            cuts.len()
        );
    }
}

#[test]
fn many_interfaces_become_a_bounded_number_of_taps() {
    let from = |index: u8| Ipv4Addr::from([10, 0, index, 1]).octets();
    let frames: Vec<Vec<u8>> = (0..=255)
        .map(|index| version_2(index, IN, &packet(from(index), CAMERA, 64, 1)))
        .collect();
    let seen = one(&capture(276, &frames));
    assert_eq!((seen.taps.len(), seen.inputs.len()), (64, 256));
}
