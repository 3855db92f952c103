use super::edit;
use super::settings::{Fault, Settings};
use super::shift::Shift;
use super::{Direction, Gateway, Pinhole, Verdict};

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};

const SETUP: &str = "SETUP rtsp://203.0.113.10/a RTSP/1.0\r\nCSeq: 3\r\nTransport: RTP/AVP;unicast;client_port=5000-5001\r\n\r\n";

fn request_with(faults: &[Fault], text: &str) -> edit::RequestChange {
    let settings = Settings {
        faults: faults.to_vec(),
        ..Settings::default()
    };
    edit::request(text.as_bytes(), &settings, |asked| asked + 5000)
}

fn text(change: &edit::RequestChange) -> &str {
    std::str::from_utf8(change.text.as_deref().expect("the text changed"))
        .expect("the text is UTF-8")
}

#[test]
fn a_setup_gets_other_ports_and_grows() {
    let change = request_with(&[], SETUP);
    assert_eq!(text(&change), SETUP.replace("5000-5001", "10000-10001"));
    assert_eq!(
        change.ports,
        [edit::PortPair {
            asked: 5000,
            given: 10_000,
            count: 2
        }]
    );
}

#[test]
fn only_the_first_of_two_setups_changes_with_that_fault() {
    let two = format!("{SETUP}{}", SETUP.replace("5000-5001", "5002-5003"));
    let change = request_with(&[Fault::FirstSetupOnly], &two);
    assert!(text(&change).contains("=10000-10001\r\n") && text(&change).contains("=5002-5003\r\n"));
}

#[test]
fn a_setup_without_its_transport_stays() {
    let first_half = SETUP
        .split_once("Transport")
        .expect("the header is there")
        .0;
    assert_eq!(
        request_with(&[], first_half),
        edit::RequestChange::default()
    );
}

#[test]
fn the_eaten_cr_is_the_one_of_the_transport_line() {
    let change = request_with(&[Fault::EatCr], SETUP);
    assert!(text(&change).ends_with("client_port=10000-10001\n\r\n"));
}

#[test]
fn a_reply_gets_the_asked_ports_back() {
    let reply = b"RTSP/1.0 200 OK\r\nTransport: RTP/AVP;client_port=10000-10001;server_port=7000-7001\r\n\r\n";
    let ports = BTreeMap::from([(5000, 10_000)]);
    let restored =
        edit::reply(reply, &Settings::default(), &ports, Ipv4Addr::LOCALHOST).expect("it changed");
    assert!(
        String::from_utf8_lossy(&restored).contains("client_port=5000-5001;server_port=7000-7001")
    );
}

#[test]
fn an_sdp_address_changes_together_with_the_content_length() {
    let reply = b"RTSP/1.0 200 OK\r\nContent-Length: 18\r\n\r\nc=IN IP4 0.0.0.0\r\n";
    let settings = Settings {
        faults: vec![Fault::SdpAddress],
        ..Settings::default()
    };
    let changed = edit::reply(
        reply,
        &settings,
        &BTreeMap::new(),
        Ipv4Addr::new(192, 168, 1, 100),
    )
    .expect("it changed");
    assert_eq!(
        changed,
        b"RTSP/1.0 200 OK\r\nContent-Length: 24\r\n\r\nc=IN IP4 192.168.1.100\r\n"
    );
}

#[test]
fn sequence_numbers_shift_after_the_change_and_not_before() {
    let mut shift = Shift::default();
    shift.note(1100, 2);
    shift.note(1100, 2);
    shift.note(1200, -5);
    assert_eq!(
        [
            shift.forward(1000),
            shift.forward(1100),
            shift.forward(1200)
        ],
        [1000, 1102, 1197]
    );
    assert_eq!(
        [
            shift.backward(1000),
            shift.backward(1102),
            shift.backward(1197)
        ],
        [1000, 1100, 1200]
    );
}

#[test]
fn sequence_numbers_shift_across_the_wrap() {
    let mut shift = Shift::default();
    shift.note(5, 2);
    assert_eq!(shift.forward(u32::MAX), u32::MAX);
    assert_eq!(shift.forward(6), 8);
}

/// A segment from 192.168.1.100:40000 to 203.0.113.10:554.
fn packet(sequence: u32, payload: &str) -> Vec<u8> {
    let mut bytes = vec![
        0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 6, 0, 0, 192, 168, 1, 100, 203, 0, 113, 10,
    ];
    bytes.extend(40_000_u16.to_be_bytes());
    bytes.extend(554_u16.to_be_bytes());
    bytes.extend(sequence.to_be_bytes());
    bytes.extend([0, 0, 0, 9, 0x50, 0x18, 1, 0, 0, 0, 0, 0]);
    bytes.extend(payload.as_bytes());
    bytes
}

#[test]
fn a_retransmitted_setup_keeps_its_ports_and_shifts_once() {
    let mut gateway = Gateway::new(Settings::default());
    let mut pinholes = Vec::new();
    let first = gateway.handle_packet(Direction::ToServer, &packet(100, SETUP), &mut pinholes);
    let again = gateway.handle_packet(Direction::ToServer, &packet(100, SETUP), &mut Vec::new());
    assert_eq!(first, again);
    let next = gateway.handle_packet(
        Direction::ToServer,
        &packet(100 + SETUP.len() as u32, "x"),
        &mut Vec::new(),
    );
    let Verdict::Changed(next) = next else {
        panic!("the next segment must shift")
    };
    assert_eq!(next[24..28], (102 + SETUP.len() as u32).to_be_bytes());
    let inside = |port| SocketAddrV4::new(Ipv4Addr::new(192, 168, 1, 100), port);
    let server = Ipv4Addr::new(203, 0, 113, 10);
    let expected = [(10_000, 5000), (10_001, 5001)].map(|(outside_port, port)| Pinhole {
        server,
        outside_port,
        inside: inside(port),
    });
    assert_eq!(pinholes, expected);
}

#[test]
fn a_dropped_setup_leaves_the_other_requests_alone() {
    let settings = Settings {
        faults: vec![Fault::DropSetup],
        ..Settings::default()
    };
    let mut gateway = Gateway::new(settings);
    assert_eq!(
        gateway.handle_packet(Direction::ToServer, &packet(1, SETUP), &mut Vec::new()),
        Verdict::Dropped
    );
    let options = packet(1, "OPTIONS * RTSP/1.0\r\n\r\n");
    assert_eq!(
        gateway.handle_packet(Direction::ToServer, &options, &mut Vec::new()),
        Verdict::Unchanged
    );
}

const TEARDOWN: &str = "TEARDOWN rtsp://203.0.113.10/a RTSP/1.0\r\nCSeq: 5\r\nSession: 1\r\n\r\n";

#[test]
fn a_teardown_is_doubled_and_nothing_else() {
    let change = request_with(&[Fault::DoubleTeardown], TEARDOWN);
    assert_eq!(text(&change), TEARDOWN.repeat(2));
    let options = "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n";
    let unchanged = request_with(&[Fault::DoubleTeardown], options);
    assert_eq!(unchanged, edit::RequestChange::default());
}

#[test]
fn two_setups_of_a_segment_run_into_one_another() {
    let two = format!("{SETUP}{}", SETUP.replace("5000-5001", "5002-5003"));
    let change = request_with(&[Fault::MergeSetups], &two);
    let [first, second] =
        ["10000-10001", "10002-10003"].map(|ports| SETUP.replace("5000-5001", ports));
    let first = first.strip_suffix("\r\n").expect("the blank line");
    assert_eq!(text(&change), format!("{first}{second}"));
    let alone = request_with(&[Fault::MergeSetups], SETUP);
    assert_eq!(text(&alone), SETUP.replace("5000-5001", "10000-10001"));
}

#[test]
fn the_requests_of_a_segment_change_places_with_their_rewrites() {
    let change = request_with(&[Fault::SwapRequests], &format!("{SETUP}{TEARDOWN}"));
    let rewritten = SETUP.replace("5000-5001", "10000-10001");
    assert_eq!(text(&change), format!("{TEARDOWN}{rewritten}"));
    let alone = request_with(&[Fault::SwapRequests], TEARDOWN);
    assert_eq!(alone, edit::RequestChange::default());
}

#[test]
fn an_answer_to_setup_is_doubled_after_it_is_restored() {
    let settings = Settings {
        faults: vec![Fault::DoubleReply],
        ..Settings::default()
    };
    let answer = |port: u16| {
        format!(
            "RTSP/1.0 200 OK\r\nCSeq: 3\r\nTransport: RTP/AVP;client_port={port}-{}\r\n\r\n",
            port + 1
        )
    };
    let ports = BTreeMap::from([(5000, 10_000)]);
    let reply = |text: &str| edit::reply(text.as_bytes(), &settings, &ports, Ipv4Addr::LOCALHOST);
    let doubled = answer(5000).repeat(2);
    assert_eq!(reply(&answer(10_000)), Some(doubled.into_bytes()));
    assert_eq!(reply("RTSP/1.0 200 OK\r\nCSeq: 4\r\n\r\n"), None);
}

#[test]
fn an_answer_to_setup_is_swallowed_and_no_other() {
    let settings = Settings {
        faults: vec![Fault::DropReply],
        ..Settings::default()
    };
    let mut gateway = Gateway::new(settings);
    let mut answer =
        |text: &str| gateway.handle_packet(Direction::ToClient, &packet(1, text), &mut Vec::new());
    let setup = "RTSP/1.0 200 OK\r\nCSeq: 3\r\nTransport: RTP/AVP\r\n\r\n";
    assert_eq!(answer(setup), Verdict::Dropped);
    let play = "RTSP/1.0 200 OK\r\nCSeq: 4\r\n\r\n";
    assert_eq!(answer(play), Verdict::Unchanged);
    // A request that quotes the field is no answer.
    assert_eq!(answer(SETUP), Verdict::Unchanged);
}
