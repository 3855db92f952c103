//! What the packets of a medium say beyond their number: repair streams, outages, pictures, reports, kinds.

use crate::support::traffic::{LAN, Talk, Wire, interleaved};
use crate::support::{arrival, engine, only_session};
use rtspscope_engine::model::{
    Arrival, DatagramKinds, FarEnd, ParameterSets, RtcpArrival, RtpArrival, SessionState,
    TransportKind,
};
use rtspscope_wire::Span;

const CLIENT: &str = "192.168.1.100:40000";
const SERVER: &str = "203.0.113.10:554";
const CLIENT_RTP: &str = "192.168.1.100:5000";
const CLIENT_RTCP: &str = "192.168.1.100:5001";
const SERVER_RTP: &str = "203.0.113.10:6970";
const SERVER_RTCP: &str = "203.0.113.10:6971";

const PLAIN: &str = "m=video 0 RTP/AVP 96|a=rtpmap:96 H264/90000|a=control:track1";

const WITH_REPAIR: &str = "m=video 0 RTP/AVPF 96 97|a=rtpmap:96 H264/90000|a=rtpmap:97 rtx/90000|\
    a=fmtp:97 apt=96|a=fmtp:96 sprop-parameter-sets=Z0IA,aM4=|a=control:track1";

/// A medium with this description, set up over UDP (`client_port=…`) or interleaved, and played.
fn playing(description: &str, transport: &str) -> (Wire, Talk) {
    let mut wire = Wire::new(engine(1));
    let mut talk = Talk::open(&mut wire, LAN, CLIENT, SERVER);
    let url = "rtsp://203.0.113.10/cam";
    let body = format!("v=0|s=cam|{description}");
    let len = body.replace('|', "\r\n").len() + 2;
    talk.exchange(
        &mut wire,
        &format!("DESCRIBE {url} RTSP/1.0|CSeq: 1"),
        &format!("RTSP/1.0 200 OK|CSeq: 1|Content-Base: {url}/|Content-Type: application/sdp|Content-Length: {len}||{body}"),
    );
    talk.exchange(
        &mut wire,
        &format!("SETUP {url}/track1 RTSP/1.0|CSeq: 2|Transport: {transport}"),
        &format!("RTSP/1.0 200 OK|CSeq: 2|Session: 1|Transport: {transport}"),
    );
    talk.exchange(
        &mut wire,
        &format!("PLAY {url}/ RTSP/1.0|CSeq: 3|Session: 1"),
        "RTSP/1.0 200 OK|CSeq: 3|Session: 1",
    );
    (wire, talk)
}

fn over_udp(description: &str) -> Wire {
    playing(
        description,
        "RTP/AVP;unicast;client_port=5000-5001;server_port=6970-6971",
    )
    .0
}

fn seen(wire: &mut Wire) -> Arrival {
    let snapshot = wire.engine.snapshot();
    arrival(only_session(&snapshot), 0, 0).clone()
}

/// An RTP packet of a source: payload type, sequence number, timestamp, media.
fn rtp(ssrc: u32, payload_type: u8, number: u16, timestamp: u32, media: &[u8]) -> Vec<u8> {
    [
        &[0x80, payload_type][..],
        &number.to_be_bytes(),
        &timestamp.to_be_bytes(),
        &ssrc.to_be_bytes(),
        media,
    ]
    .concat()
}

/// An RTCP packet of these words.
fn rtcp(first: u8, packet_type: u8, words: &[u32]) -> Vec<u8> {
    let len = (words.len() as u16).to_be_bytes();
    let words = words.iter().flat_map(|word| word.to_be_bytes());
    [first, packet_type]
        .into_iter()
        .chain(len)
        .chain(words)
        .collect()
}

fn figures(rtp: &RtpArrival) -> [Option<u64>; 4] {
    [rtp.expected, rtp.lost, rtp.duplicates, rtp.reordered]
}

#[test]
fn retransmissions_on_the_same_port_are_no_part_of_the_stream() {
    let mut wire = over_udp(WITH_REPAIR);
    for n in 0..20_u16 {
        if n != 7 {
            let packet = rtp(7, 96, n, u32::from(n) * 1_800, &[0x41, 0]);
            wire.udp(LAN, SERVER_RTP, CLIENT_RTP, &packet);
        }
        if n % 5 == 3 {
            let packet = rtp(8, 97, 900 + n, u32::from(n) * 1_800, &[0, n as u8, 0x41, 0]);
            wire.udp(LAN, SERVER_RTP, CLIENT_RTP, &packet);
        }
    }
    let rtp = seen(&mut wire).rtp;
    assert_eq!((rtp.packets, rtp.ssrc), (19, Some(7)));
    assert_eq!(figures(&rtp), [Some(20), Some(1), Some(0), Some(0)]);
    assert_eq!((rtp.repair_packets, rtp.repair_bytes), (4, 4 * 16));
    assert_eq!((rtp.ssrc_changes, rtp.restarts), (Some(0), Some(0)));
}

#[test]
fn repair_sources_are_told_by_their_group_too() {
    let grouped = format!("{PLAIN}|a=ssrc-group:FID 7 8");
    let mut wire = over_udp(&grouped);
    for n in 0..4_u16 {
        for ssrc in [7, 8] {
            let packet = rtp(ssrc, 96, n * ssrc as u16, 0, &[0x41, 0]);
            wire.udp(LAN, SERVER_RTP, CLIENT_RTP, &packet);
        }
    }
    let rtp = seen(&mut wire).rtp;
    assert_eq!(figures(&rtp), [Some(22), Some(18), Some(0), Some(0)]);
    assert_eq!((rtp.packets, rtp.repair_packets), (4, 4));
}

#[test]
fn a_source_that_takes_over_is_counted_on() {
    let mut wire = over_udp(PLAIN);
    for (ssrc, number) in [(7, 1), (7, 2), (7, 4), (9, 500), (9, 501), (9, 503)] {
        wire.udp(LAN, SERVER_RTP, CLIENT_RTP, &rtp(ssrc, 96, number, 0, b""));
    }
    let rtp = seen(&mut wire).rtp;
    assert_eq!(figures(&rtp), [Some(8), Some(2), Some(0), Some(0)]);
    assert_eq!(
        (rtp.ssrc, rtp.ssrc_changes, rtp.restarts),
        (Some(9), Some(1), Some(0))
    );
}

#[test]
fn the_longest_gap_is_the_mediums_whichever_source_sends() {
    // A source of its own that the SDP does not tell of and that sends twice; then another camera process after twelve seconds.
    let mut wire = over_udp(PLAIN);
    let start = wire.now_ms;
    for number in 0..100 {
        wire.udp(LAN, SERVER_RTP, CLIENT_RTP, &rtp(7, 96, number, 0, b""));
        if [10, 90].contains(&number) {
            let extra = rtp(8, 98, number, 0, b"");
            wire.udp(LAN, SERVER_RTP, CLIENT_RTP, &extra);
        }
        wire.now_ms = start + 20 * (i64::from(number) + 1);
    }
    let gaps = |wire: &mut Wire| {
        let rtp = seen(wire).rtp;
        [rtp.max_gap, rtp.max_gap_while_sending].map(|gap| gap.expect("more packets than one"))
    };
    assert_eq!(gaps(&mut wire), [20, 20].map(Span::from_millis));
    wire.now_ms = start + 14_000;
    for number in [500, 501] {
        wire.udp(LAN, SERVER_RTP, CLIENT_RTP, &rtp(9, 96, number, 0, b""));
    }
    assert_eq!(gaps(&mut wire), [12_020, 20].map(Span::from_millis));
}

#[test]
fn an_outage_of_many_packets_is_all_loss() {
    let mut wire = over_udp(PLAIN);
    let send = |wire: &mut Wire, number: u16| {
        let packet = rtp(7, 96, number, u32::from(number) * 900, &[0x41; 88]);
        wire.udp(LAN, SERVER_RTP, CLIENT_RTP, &packet);
        wire.wait_ms(9);
    };
    (0..100).for_each(|number| send(&mut wire, number));
    wire.wait_ms(50_000);
    (5_100..5_200).for_each(|number| send(&mut wire, number));
    let rtp = seen(&mut wire).rtp;
    assert_eq!(figures(&rtp), [Some(5_200), Some(5_000), Some(0), Some(0)]);
    assert_eq!((rtp.restarts, rtp.jitter), (Some(0), Some(Span(0))));
    assert_eq!(rtp.max_gap, Some(Span::from_millis(50_010)));
    // 200 packets of 100 bytes in 51.99 s.
    assert_eq!(rtp.bitrate_bps, Some(160_000_000 / 51_990));
}

#[test]
fn a_changed_payload_type_is_told() {
    let mut wire = over_udp(PLAIN);
    for (number, payload_type) in [(1, 96), (2, 96), (3, 98), (4, 98)] {
        wire.udp(
            LAN,
            SERVER_RTP,
            CLIENT_RTP,
            &rtp(7, payload_type, number, 0, b""),
        );
    }
    let rtp = seen(&mut wire).rtp;
    assert_eq!(
        (rtp.payload_type, rtp.payload_type_changes),
        (Some(98), Some(1))
    );
    assert_eq!(rtp.lost, Some(0));
}

#[test]
fn pictures_and_key_pictures_are_counted() {
    let mut wire = over_udp(WITH_REPAIR);
    for picture in 0..100_u32 {
        let media: &[u8] = if picture % 25 == 0 {
            &[0x7c, 0x85]
        } else {
            &[0x41, 0x9a]
        };
        for half in 0..2 {
            let number = (picture * 2 + half) as u16;
            let packet = rtp(7, 96, number, picture * 3_600, media);
            wire.udp(LAN, SERVER_RTP, CLIENT_RTP, &packet);
        }
        wire.wait_ms(38);
    }
    let video = seen(&mut wire).rtp.video.expect("H.264 in clear");
    assert_eq!((video.keyframes, video.frame_rate), (4, Some(25.0)));
    assert_eq!(video.keyframe_interval, Some(Span::from_secs(1)));
    assert_eq!(video.parameter_sets, Some(ParameterSets::Sdp));
}

#[test]
fn encrypted_video_shows_no_pictures() {
    let mut wire = over_udp(&PLAIN.replace("AVP", "SAVP"));
    let transport = "RTP/SAVP;unicast;client_port=5000-5001;server_port=6970-6971";
    let (mut secure, _) = playing(&PLAIN.replace("AVP", "SAVP"), transport);
    for wire in [&mut wire, &mut secure] {
        for number in 0..3 {
            wire.udp(
                LAN,
                SERVER_RTP,
                CLIENT_RTP,
                &rtp(7, 96, number, 0, &[0x65, 0]),
            );
        }
    }
    assert_eq!(seen(&mut secure).rtp.video, None);
    assert!(
        seen(&mut wire).rtp.video.is_some(),
        "the transport that was agreed on is in clear"
    );
}

fn report_figures(rtcp: &RtcpArrival) -> (u64, u64, u64) {
    (rtcp.packets, rtcp.sender_reports, rtcp.receiver_reports)
}

/// A sender report at NTP middle 0x00010002 and, 520 ms later, an answer that was held for half a second.
fn reports() -> [Vec<u8>; 2] {
    let block = [7, 0x4000_0005, 1_000, 900, 0x0001_0002, 32_768];
    [
        rtcp(0x80, 200, &[7, 0x0000_0001, 0x0002_0000, 0, 3, 300]),
        rtcp(0x81, 201, &[&[9][..], &block].concat()),
    ]
}

fn far_end() -> FarEnd {
    FarEnd {
        lost: Some(5),
        fraction_lost: Some(0.25),
        jitter: Some(Span::from_millis(10)),
        round_trip: Some(Span::from_millis(20)),
        receiving: None,
    }
}

#[test]
fn the_far_end_reports_loss_and_the_way_to_it() {
    let mut wire = over_udp(PLAIN);
    wire.rtp(LAN, SERVER_RTP, CLIENT_RTP, 7, 0..3);
    let [sent, answer] = reports();
    wire.udp(LAN, SERVER_RTCP, CLIENT_RTCP, &sent);
    wire.wait_ms(519);
    wire.udp(LAN, CLIENT_RTCP, SERVER_RTCP, &answer);
    wire.udp(
        LAN,
        CLIENT_RTCP,
        SERVER_RTCP,
        &rtcp(0x81, 205, &[9, 7, 0x0064_0000]),
    );
    wire.udp(LAN, CLIENT_RTCP, SERVER_RTCP, &rtcp(0x81, 206, &[9, 7]));
    let seen = seen(&mut wire).rtcp;
    assert_eq!(report_figures(&seen), (1, 1, 1));
    assert_eq!((seen.nacks, seen.keyframe_requests), (1, 1));
    assert_eq!(seen.far_end, far_end());
}

#[test]
fn reports_on_the_media_port_are_reports() {
    let mux = "RTP/AVP;unicast;client_port=5000;server_port=6970;RTCP-mux";
    let (mut wire, _) = playing(&format!("{PLAIN}|a=rtcp-mux"), mux);
    wire.rtp(LAN, SERVER_RTP, CLIENT_RTP, 7, 0..3);
    let [sent, answer] = reports();
    wire.udp(LAN, SERVER_RTP, CLIENT_RTP, &sent);
    wire.wait_ms(519);
    wire.udp(LAN, CLIENT_RTP, SERVER_RTP, &answer);
    wire.rtp(LAN, SERVER_RTP, CLIENT_RTP, 7, 3..5);
    let seen = seen(&mut wire);
    assert_eq!((seen.rtp.packets, seen.rtp.lost), (5, Some(0)));
    assert_eq!(report_figures(&seen.rtcp), (1, 1, 1));
    assert_eq!(seen.rtcp.far_end, far_end());
}

#[test]
fn reports_on_the_media_channel_are_reports() {
    for (transport, channel) in [("0-0", 0), ("0-1", 0), ("0-1", 1)] {
        let transport = format!("RTP/AVP/TCP;unicast;interleaved={transport}");
        let (mut wire, mut talk) = playing(PLAIN, &transport);
        for number in 0..3 {
            let packet = rtp(7, 96, number, 0, &[0x41, 0]);
            talk.server_says(&mut wire, &interleaved(0, &packet));
        }
        let [sent, answer] = reports();
        talk.server_says(&mut wire, &interleaved(channel, &sent));
        wire.wait_ms(519);
        talk.client_says(&mut wire, &interleaved(channel, &answer));
        let seen = seen(&mut wire);
        assert_eq!((seen.rtp.packets, seen.rtp.lost), (3, Some(0)));
        assert_eq!(
            report_figures(&seen.rtcp),
            (1, 1, 1),
            "{transport}, channel {channel}"
        );
        assert_eq!(seen.rtcp.far_end, far_end());
    }
}

#[test]
fn what_a_client_sends_is_told_by_kind() {
    let mut wire = over_udp(PLAIN);
    let stun = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[7; 12]].concat();
    let dtls = [&[22, 0xfe, 0xfd][..], &[0; 10]].concat();
    let box_punch = [&b"ZXV10STB"[..], &[0; 76]].concat();
    let vlc = [0xce, 0xfa, 0xed, 0xfe];
    let payloads = [
        &stun[..],
        &dtls,
        &box_punch,
        &vlc,
        b"dummy",
        &rtp(9, 96, 1, 0, b""),
    ];
    for payload in payloads {
        wire.udp(LAN, CLIENT_RTP, SERVER_RTP, payload);
    }
    wire.rtp(LAN, SERVER_RTP, CLIENT_RTP, 7, 0..3);
    let [sent] = &seen(&mut wire).from_client[..] else {
        panic!("one pair of ports")
    };
    let kinds = DatagramKinds {
        rtp: 1,
        rtcp: 0,
        stun: 1,
        dtls: 1,
        punches: 2,
        other: 1,
    };
    assert_eq!((sent.packets, sent.kinds), (6, kinds));
}

#[test]
fn media_of_a_connection_that_began_before_the_capture_is_counted_by_channel() {
    let mut wire = Wire::new(engine(1));
    let mut talk = Talk::midstream(LAN, CLIENT, SERVER);
    for number in 0..20 {
        let video = interleaved(0, &rtp(1, 96, number, 0, &[0x41; 40]));
        let audio = interleaved(2, &rtp(2, 97, number / 2, 0, &[0; 20]));
        let report = interleaved(1, &rtcp(0x80, 200, &[1, 0, 0, 0, 0, 0]));
        talk.server_says(&mut wire, &[video, audio, report].concat());
    }
    let snapshot = wire.engine.snapshot();
    let session = only_session(&snapshot);
    assert_eq!(
        (session.state, session.transport),
        (SessionState::Playing, TransportKind::Tcp)
    );
    let channels: Vec<_> = session
        .media
        .iter()
        .map(|media| media.negotiated.channels)
        .collect();
    assert_eq!(channels, [Some((0, 1)), Some((2, 3))]);
    assert_eq!(
        figures(&arrival(session, 0, 0).rtp),
        [Some(20), Some(0), Some(0), Some(0)]
    );
    assert_eq!(arrival(session, 0, 0).rtcp.sender_reports, 20);
    assert_eq!(
        figures(&arrival(session, 1, 0).rtp),
        [Some(10), Some(0), Some(10), Some(0)]
    );
    talk.exchange(
        &mut wire,
        "TEARDOWN rtsp://203.0.113.10/cam RTSP/1.0|CSeq: 9|Session: 1",
        "RTSP/1.0 200 OK|CSeq: 9|Session: 1",
    );
    let snapshot = wire.engine.snapshot();
    assert_eq!(only_session(&snapshot).state, SessionState::Ended);
}

#[test]
fn datagrams_of_a_medium_without_rtp_are_counted_and_nothing_more_is_said_of_them() {
    for transport in ["MP2T/H2221/UDP", "RAW/RAW/UDP"] {
        let transport = format!("{transport};unicast;client_port=5000-5001;server_port=6970-6971");
        let mut wire = playing("m=video 0 RTP/AVP 33|a=control:track1", &transport).0;
        for _ in 0..30 {
            wire.udp(LAN, SERVER_RTP, CLIENT_RTP, &[0x47; 1316]);
        }
        let rtp = seen(&mut wire).rtp;
        assert_eq!((rtp.packets, rtp.bytes), (30, 30 * 1316));
        assert_eq!(
            (figures(&rtp), rtp.jitter, rtp.ssrc),
            ([None; 4], None, None)
        );
        assert_eq!(rtp.to.map(|to| to.port()), Some(5000));
        assert!(rtp.first.is_some() && rtp.last.is_some());
    }
}

/// What came of the only medium at the only tap, and what it is called.
fn what_came(wire: &mut Wire) -> (u64, &'static str) {
    let snapshot = wire.engine.snapshot();
    let session = only_session(&snapshot);
    let packets = arrival(session, 0, 0).rtp.packets;
    (packets, session.media[0].unit())
}

#[test]
fn what_comes_by_a_transport_that_is_not_known_is_counted() {
    for transport in ["MP2T/UDP", "x-real-rdt/udp", "RTP/AVP"] {
        let transport = format!("{transport};unicast;client_port=5000-5001;server_port=6970-6971");
        let mut wire = playing(PLAIN, &transport).0;
        for _ in 0..30 {
            wire.udp(LAN, SERVER_RTP, CLIENT_RTP, &[0x47; 1316]);
        }
        let (packets, unit) = what_came(&mut wire);
        assert_eq!((packets, unit), (30, "datagrams"), "{transport}");
    }
    for transport in [
        "MP2T/TCP",
        "MP2T/H2221/TCP",
        "x-real-rdt/tcp",
        "RTP/AVP/TCP",
    ] {
        let transport = format!("{transport};unicast;interleaved=0-1");
        let (mut wire, mut talk) = playing(PLAIN, &transport);
        for _ in 0..30 {
            talk.server_says(&mut wire, &interleaved(0, &[0x47; 188]));
        }
        let (packets, unit) = what_came(&mut wire);
        assert_eq!((packets, unit), (30, "frames"), "{transport}");
        assert!(seen(&mut wire).rtp.last.is_some());
    }
}

#[test]
fn rtp_by_a_transport_that_is_not_known_is_rtp_and_signs_of_life_are_no_media() {
    let way = "unicast;client_port=5000-5001;server_port=6970-6971";
    let mut wire = playing(PLAIN, &format!("MP2T/UDP;{way}")).0;
    wire.rtp(LAN, SERVER_RTP, CLIENT_RTP, 7, 0..20);
    let (packets, unit) = what_came(&mut wire);
    assert_eq!((packets, unit), (20, "RTP packets"));
    let mut wire = playing(PLAIN, &format!("RTP/AVP;{way}")).0;
    for _ in 0..30 {
        wire.udp(LAN, SERVER_RTP, CLIENT_RTP, &[0x47; 8]);
        wire.udp(LAN, SERVER_RTCP, CLIENT_RTCP, &[0x47; 188]);
    }
    let (packets, unit) = what_came(&mut wire);
    assert_eq!((packets, unit), (0, "RTP packets"));
}

/// A session whose SETUP asks for `asked` and is answered with `answered`, and what came of ten packets to port 5000.
fn set_up(asked: &str, answered: &str) -> (u64, Vec<&'static str>) {
    let mut wire = Wire::new(engine(1));
    let mut talk = Talk::open(&mut wire, LAN, CLIENT, SERVER);
    let url = "rtsp://203.0.113.10/cam";
    talk.exchange(
        &mut wire,
        &format!("SETUP {url}/track1 RTSP/1.0|CSeq: 2|Session: 1|Transport: {asked}"),
        &format!("RTSP/1.0 200 OK|CSeq: 2|Session: 1|Transport: {answered}"),
    );
    talk.exchange(
        &mut wire,
        &format!("PLAY {url}/ RTSP/1.0|CSeq: 3|Session: 1"),
        "RTSP/1.0 200 OK|CSeq: 3|Session: 1",
    );
    for number in 0..10 {
        wire.udp(
            LAN,
            SERVER_RTP,
            CLIENT_RTP,
            &rtp(7, 96, number, 0, &[0; 40]),
        );
    }
    talk.tear_down(&mut wire);
    let snapshot = wire.engine.snapshot();
    let troubles = snapshot.findings.iter().map(|finding| finding.code.name());
    let troubles = troubles
        .filter(|code| *code != "capture-incomplete")
        .collect();
    (arrival(only_session(&snapshot), 0, 0).rtp.packets, troubles)
}

#[test]
fn an_answer_without_server_port_is_no_trouble() {
    let asked = "RTP/AVP;unicast;client_port=5000-5001";
    assert_eq!(set_up(asked, asked), (10, Vec::new()));
}

#[test]
fn an_answer_that_names_udp_where_the_request_implied_it_is_the_same_transport() {
    let asked = "RTP/AVP;unicast;client_port=5000-5001";
    let answered = "RTP/AVP/UDP;unicast;client_port=5000-5001;server_port=6970-6971";
    assert_eq!(set_up(asked, answered), (10, Vec::new()));
}
