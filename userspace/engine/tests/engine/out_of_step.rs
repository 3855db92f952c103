//! Captures whose two directions are out of step: of two cards, or two queues of one, whose packets were merged, all of one
//! direction are stamped early or late. What is found is the same as without that.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::support::capture::{Frame, Order, golden, replay};
use rtspscope_engine::{Engine, EngineOptions, Snapshot};
use rtspscope_wire::decode::{self, Body};
use rtspscope_wire::{Direction, FrameRef, LinkType, Span, TapId, TapRole};

/// Pairs of captures on both sides of a router.
pub(crate) const PAIRS: [&str; 18] = [
    "A-gst-ffmpeg-tcp",
    "A-gst-ffmpeg-udp",
    "A-gst-gst-udp-nopunch",
    "A-live555-openRTSP-http",
    "A-live555-retina-tcp",
    "A-vlc-ffmpeg-udp",
    "B-live555-ffmpeg-udp",
    "K-B-alg-owrt-plain",
    "K-alg-owrt-conflict",
    "K-alg-owrt-dest-last",
    "K-alg-owrt-odd",
    "K-alg-owrt-plain",
    "K-alg-owrt-split",
    "K-noalg-plain",
    "N-nfq-live555-rtspc",
    "N-nfqraw-live555-retina",
    "P-proxy-live555-rtspc",
    "R-random-live555-ffmpeg-udp",
];

pub(crate) fn taps(name: &str) -> Vec<(TapRole, Vec<Frame>)> {
    [(TapRole::Lan, "lan"), (TapRole::Wan, "wan")]
        .map(|(role, side)| (role, golden(&format!("{name}.{side}"))))
        .into()
}

fn found(taps: &[(TapRole, Vec<Frame>)]) -> Snapshot {
    replay(
        &mut Engine::new(EngineOptions::default()),
        taps,
        Order::ByTime,
    )
}

/// Codes with their severities, and the judgement of each session.
fn essence(snapshot: &Snapshot) -> BTreeSet<String> {
    let findings = snapshot.findings.iter();
    let findings =
        findings.map(|finding| format!("{} {:?}", finding.code.name(), finding.severity));
    let sessions = snapshot.sessions.iter();
    let judged = sessions.map(|session| {
        let exchanges = session.legs.iter().map(|leg| leg.exchanges.len());
        format!(
            "{:?} {:?} {:?}",
            session.alg,
            session.state,
            exchanges.collect::<Vec<_>>()
        )
    });
    findings.chain(judged).collect()
}

/// Who sent a frame.
fn sender(frame: &Frame) -> Option<IpAddr> {
    let decoded = decode::decode(&FrameRef {
        at: frame.at,
        tap: TapId(0),
        direction: Direction::Unknown,
        link_type: LinkType::ETHERNET,
        number: frame.number,
        original_len: frame.original_len,
        bytes: &frame.bytes,
    });
    match decoded.body {
        Body::Tcp(segment) => Some(segment.source.ip()),
        Body::Udp(datagram) => Some(datagram.source.ip()),
        Body::Icmp(_) | Body::Membership(_) | Body::Other => None,
    }
}

/// Shifts what the servers of a tap's legs send, and orders and numbers its frames as a merged capture would have them.
fn shift(frames: &mut Vec<Frame>, servers: &BTreeSet<IpAddr>, by: Span) {
    for frame in &mut *frames {
        if sender(frame).is_some_and(|sender| servers.contains(&sender)) {
            frame.at = frame.at + by;
        }
    }
    frames.sort_by_key(|frame| frame.at);
    for (number, frame) in (1..).zip(frames) {
        frame.number = number;
    }
}

#[test]
fn findings_do_not_depend_on_the_step_between_the_directions() {
    let mut differences = Vec::new();
    // Whether the client had opened the way for the server's first report is not known then.
    let unsure = |lacks: &str| lacks == "rtcp-never-arrived Warning";
    for name in PAIRS {
        let plain = found(&taps(name));
        let expected = essence(&plain);
        for millis in [-100, -20, -5, -1, 1, 5, 20, 100] {
            for shifted in [&[0_usize][..], &[1], &[0, 1]] {
                let mut taps = taps(name);
                for tap in shifted {
                    let legs = plain.sessions.iter().flat_map(|session| &session.legs);
                    let legs = legs.filter(|leg| usize::from(leg.tap.0) == *tap);
                    let servers = legs.map(|leg| leg.server.ip()).collect();
                    shift(&mut taps[*tap].1, &servers, Span::from_millis(millis));
                }
                let got = essence(&found(&taps));
                let lacks = expected.difference(&got).filter(|lacks| !unsure(lacks));
                let lacks: Vec<_> = lacks.collect();
                let more: Vec<_> = got.difference(&expected).collect();
                if !lacks.is_empty() || !more.is_empty() {
                    differences.push(format!(
                        "{name} {millis} ms at {shifted:?}: lacks {lacks:?}, has {more:?}"
                    ));
                }
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
