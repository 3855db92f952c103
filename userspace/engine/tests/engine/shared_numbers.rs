//! Two sources of one medium that number their packets together.

use rtsp_ebpf_common::flow::FlowStats;
use rtspscope_engine::model::RtpArrival;
use rtspscope_engine::{FlowCounters, Input};

use crate::support::traffic::{LAN, Talk, Wire, interleaved, rtp_packet};
use crate::support::{arrival, engine, only_session};

const CLIENT: &str = "192.168.1.100:40000";
const CLIENT_RTP: &str = "192.168.1.100:5000";
const SERVER: &str = "203.0.113.10:554";
const SERVER_RTP: &str = "203.0.113.10:6970";

/// Numbers from 65000 on, of which each thirtieth comes from source 0; five were lost.
fn packets() -> impl Iterator<Item = Vec<u8>> {
    let numbers = (0..1_200u16).filter(|n| !(40..45).contains(n));
    numbers.map(|n| {
        let ssrc = if n % 30 == 29 { 0 } else { 7 };
        rtp_packet(65_000_u16.wrapping_add(n), ssrc)
    })
}

fn playing() -> (Wire, Talk) {
    let mut wire = Wire::new(engine(1));
    let mut talk = Talk::open(&mut wire, LAN, CLIENT, SERVER);
    talk.play_udp(&mut wire, "5000-5001", "5000-5001");
    (wire, talk)
}

#[track_caller]
fn assert_counted(wire: &mut Wire) {
    let snapshot = wire.engine.snapshot();
    let RtpArrival {
        packets,
        expected,
        lost,
        duplicates,
        ssrc_changes,
        ..
    } = arrival(only_session(&snapshot), 0, 0).rtp;
    assert_eq!(
        (packets, expected, lost, duplicates, ssrc_changes),
        (1_195, Some(1_200), Some(5), Some(0), Some(1))
    );
    let codes = snapshot.findings.iter().map(|finding| finding.code.name());
    assert!(codes.into_iter().all(|code| code != "rtp-loss"));
}

#[test]
fn what_one_source_lacks_and_the_other_has_is_not_lost() {
    let (mut wire, _) = playing();
    for packet in packets() {
        wire.udp(LAN, SERVER_RTP, CLIENT_RTP, &packet);
    }
    assert_counted(&mut wire);
}

#[test]
fn so_it_is_inside_the_connection() {
    let mut wire = Wire::new(engine(1));
    let mut talk = Talk::open(&mut wire, LAN, CLIENT, SERVER);
    let transport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1";
    talk.exchange(
        &mut wire,
        &format!("SETUP rtsp://203.0.113.10/cam RTSP/1.0|CSeq: 1|{transport}"),
        &format!("RTSP/1.0 200 OK|CSeq: 1|Session: 1|{transport}"),
    );
    for packet in packets() {
        talk.server_says(&mut wire, &interleaved(0, &packet));
    }
    assert_counted(&mut wire);
}

#[test]
fn so_it_is_where_only_the_kernels_counts_are_known() {
    let (mut wire, _) = playing();
    let mut stats = FlowStats::default();
    for packet in packets() {
        wire.wait_ms(1);
        stats.update(&packet, packet.len() as u32, wire.now_ns(), 0);
    }
    wire.engine.handle_input(Input::FlowCounters(&FlowCounters {
        tap: LAN,
        from: SERVER_RTP.parse().unwrap(),
        to: CLIENT_RTP.parse().unwrap(),
        stats,
    }));
    assert_counted(&mut wire);
}
