//! A snapshot made by hand, for the tests of all outputs: media that died at the WAN side, and hostile text in it.

use std::net::SocketAddr;
use std::sync::Arc;

use rtspscope_engine::finding::Subject;
use rtspscope_engine::model::{
    AlgAction, AlgEffect, AlgJudgement, Arrival, ClientDatagrams, DatagramKinds, Delivery,
    DiffClass, Exchange, FarEnd, FieldDiff, Leg, MediaStream, Memo, Message, NatPair, Negotiated,
    PairEvidence, ParameterSets, RtcpArrival, RtpArrival, Session, SessionState, Side, Tap,
    TransportKind, VideoArrival,
};
use rtspscope_engine::{Code, Evidence, Finding, Locator, LossKind, Severity, Snapshot, TapFiles};
use rtspscope_wire::{LinkType, Span, TapId, TapRole, Timestamp};

const START: i64 = 1_700_000_000_000_000_000;

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn at(tap: u16, frame: u64) -> Locator {
    Locator {
        tap: TapId(tap),
        frame: Some(frame),
        at: Timestamp(START + frame.cast_signed() * 1_000_000),
        stream_offset: None,
    }
}

fn tap(id: u16, name: &str, role: TapRole) -> Tap {
    Tap {
        id: TapId(id),
        name: name.to_owned(),
        role,
        source: format!("captures/{name}"),
        files: TapFiles::of(format!("captures/{name}")),
        link_type: Some(LinkType::ETHERNET),
        frames: 300,
        bytes: 400_000,
        first_at: Some(Timestamp(START)),
        last_at: Some(Timestamp(START + 9_000_000_000)),
        watched_until: Some(Timestamp(START + 9_000_000_000)),
        clock_offset: (id > 0).then_some(Span(-1_500_000)),
        blind: Vec::new(),
        clock_drift_ppm: None,
        udp_datagrams: 260,
        unfiltered: false,
        cut_frames: 0,
    }
}

fn message(tap: u16, frame: u64, status: Option<u16>, text: &str) -> Arc<Message> {
    Arc::new(Message {
        at: at(tap, frame),
        last_frame: Some(frame),
        from: if status.is_some() {
            Side::Server
        } else {
            Side::Client
        },
        status,
        raw: text.as_bytes().into(),
        head_len: text.len(),
        anomalies: Vec::new(),
        memo: Memo::default(),
    })
}

fn leg(tap: u16, client: &str) -> Leg {
    let request = "SETUP rtsp://admin:geheim@203.0.113.10/test RTSP/1.0\r\nCSeq: 3\r\n\r\n";
    Leg {
        tap: TapId(tap),
        client: address(client),
        server: address("203.0.113.10:554"),
        client_isn: Some(1),
        server_isn: Some(2),
        first: at(tap, 1),
        last: at(tap, 290),
        closed: None,
        encrypted: false,
        exchanges: vec![Exchange {
            by: Side::Client,
            method: "SETUP".to_owned(),
            cseq: Some(3),
            request: Some(message(tap, 12, None, request)),
            response: Some(message(
                tap,
                13,
                Some(200),
                "RTSP/1.0 200 OK\r\nCSeq: 3\r\n\r\n",
            )),
            repeats: 1,
        }]
        .into(),
        missing_bytes: 0,
        first_gap: None,
        holes: Vec::new(),
        dropped_messages: 0,
        forgotten_keepalives: 0,
        client_unheard: None,
        server_unheard: None,
        from_client: Delivery::default(),
        from_server: Delivery::default(),
        client_shut: None,
        server_shut: None,
        too_big: Vec::new(),
        cut_short: false,
        client_sent: None,
        unseen: None,
        doubled: None,
        out_of_step: None,
        unreachable: None,
        desync: None,
        server_channels: Vec::new(),
        other_answer: None,
        by_request: false,
    }
}

fn arrival(tap: u16, packets: u64) -> Arrival {
    let seen = packets > 0;
    Arrival {
        tap: TapId(tap),
        rtp: RtpArrival {
            packets,
            bytes: packets * 1_000,
            expected: seen.then_some(packets + 2),
            lost: seen.then_some(2),
            duplicates: seen.then_some(0),
            reordered: seen.then_some(0),
            jitter: seen.then_some(Span(1_234_567)),
            max_gap: seen.then_some(Span(40_000_000)),
            bitrate_bps: seen.then_some(1_581_538),
            ssrc: seen.then_some(0xfeed_beef),
            first: seen.then(|| at(tap, 20)),
            last: seen.then(|| at(tap, 280)),
            from: seen.then(|| address("203.0.113.10:5000")),
            to: seen.then(|| address("203.0.113.1:9998")),
            video: seen.then(|| VideoArrival {
                keyframes: 3,
                keyframe_interval: Some(Span(2_000_000_000)),
                last_keyframe: Some(at(tap, 200)),
                wait_for_keyframe: Span(0),
                longest_without_keyframe: Span(2_000_000_000),
                pictures: 125,
                frame_rate: Some(25.0),
                parameter_sets: Some(ParameterSets::Both),
            }),
            ..RtpArrival::default()
        },
        rtcp: RtcpArrival {
            packets: packets / 50,
            sender_reports: packets / 50,
            far_end: FarEnd {
                lost: seen.then_some(2),
                fraction_lost: seen.then_some(0.25),
                jitter: seen.then_some(Span(1_500_000)),
                round_trip: seen.then_some(Span(20_000_000)),
                receiving: None,
            },
            ..RtcpArrival::default()
        },
        from_client: vec![ClientDatagrams {
            from: address("203.0.113.1:9998"),
            to: address("203.0.113.10:5000"),
            packets: 2,
            kinds: DatagramKinds {
                punches: 2,
                ..DatagramKinds::default()
            },
            first: at(tap, 18),
            last: at(tap, 19),
            rtcp_port: false,
        }],
        ..Arrival::new(TapId(tap), Some(usize::from(tap)))
    }
}

fn media() -> MediaStream {
    MediaStream {
        control: Some("trackID=0".to_owned()),
        kind: Some("video".to_owned()),
        encoding: Some("H264".to_owned()),
        clock_rate: Some(90_000),
        payload_type: Some(96),
        profile: Some("RTP/AVP".to_owned()),
        set_up: true,
        negotiated: Negotiated {
            client_rtp_port: Some(9_998),
            client_rtcp_port: Some(9_999),
            server_rtp_port: Some(5_000),
            server_rtcp_port: Some(5_001),
            ..Negotiated::default()
        },
        arrivals: vec![arrival(0, 0), arrival(1, 257)],
        ..MediaStream::default()
    }
}

fn diff() -> FieldDiff {
    FieldDiff {
        method: "SETUP".to_owned(),
        in_response: false,
        cseq: Some(3),
        field: "Transport.client_port".to_owned(),
        pre: Some("9998-9999".to_owned()),
        post: Some("10000-10001".to_owned()),
        pre_raw: Some(b"Transport: RTP/AVP;unicast;client_port=9998-9999\r\n".to_vec()),
        post_raw: Some(b"Transport: RTP/AVP;unicast;client_port=10000-10001\r\n".to_vec()),
        class: DiffClass::Alg,
        pre_at: at(0, 12),
        post_at: at(1, 11),
    }
}

pub(crate) fn finding() -> Finding {
    Finding {
        code: Code::RtpNeverArrived,
        severity: Severity::Error,
        subject: Subject { session: Some(1), media: Some(0) },
        summary: "no picture: 257 RTP packets reached the router's WAN side and none left it on the LAN side".to_owned(),
        cause: "the camera sends to 203.0.113.1:9998, as negotiated with rtsp://admin:geheim@203.0.113.10/test".to_owned(),
        evidence: vec![
            Evidence { at: at(0, 12), note: "the client asks for port 9998".to_owned() },
            Evidence { at: at(1, 20), note: "RTP arrives outside the NAT".to_owned() },
        ],
        remedy: vec!["Let the player carry media over TCP".to_owned(), "Or load the RTSP helper on the router".to_owned()],
    }
}

/// The snapshot.
pub(crate) fn snapshot() -> Snapshot {
    let session = Session {
        id: 1,
        url: Some("rtsp://admin:geheim@203.0.113.10/test".to_owned()),
        state: SessionState::Playing,
        client: address("192.168.1.100:40000"),
        user_agent: Some("Evil\u{1b}[2JPlayer".to_owned()),
        server: address("203.0.113.10:554"),
        server_name: None,
        legs: vec![leg(0, "192.168.1.100:40000"), leg(1, "203.0.113.1:40000")],
        transport: TransportKind::Udp,
        started_at: Timestamp(START),
        ended_at: None,
        timeout_secs: Some(60),
        media: vec![media()],
        nat: Some(NatPair {
            pre: 0,
            post: 1,
            evidence: vec![PairEvidence::TcpSequence, PairEvidence::Content],
            proxied: false,
            sequence_delta: Some(2),
            rewrites: vec![diff()],
            client_translated: true,
        }),
        alg: AlgJudgement {
            action: AlgAction::Rewrite,
            effect: AlgEffect::Damaged,
        },
        netfilter: None,
    };
    Snapshot {
        taps: vec![
            tap(0, "lan.pcap", TapRole::Lan),
            tap(1, "wan.pcap", TapRole::Wan),
        ],
        losses: vec![(LossKind::DroppedByCapture, 4), (LossKind::FileCut, 1)],
        blind_spots: vec![Code::CaptureIncomplete],
        sessions: vec![session],
        findings: vec![finding()],
        ..Snapshot::default()
    }
}
