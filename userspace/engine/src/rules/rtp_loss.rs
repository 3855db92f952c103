//! `rtp-loss`: loss that a viewer notices, or an order that no player puts right in time, and on which side of the router it
//! began.

use rtspscope_wire::Span;

use super::{View, advice};
use crate::facts::MediaFacts;
use crate::finding::{Code, Explanation, Finding, Severity};
use crate::input::{Blind, LossKind};
use crate::model::{Arrival, Hole, MediaDirection, Outage, RtpArrival, Session};

pub(super) const EXPLANATION: Explanation = Explanation {
    meaning: "RTP sequence numbers are missing: packets were sent and did not come by. From about one in a hundred on a viewer sees blocks, \
        smears or halts. Packets that come far out of order are lost to the player as well: it plays what came in time.",
    proof: "Distinct sequence numbers between the first and the last that never came at a tap: a duplicate hides none, and another order is \
        no loss. Of the order: one packet in ten or more behind a later one, and a jitter of 100 ms or more. Where the tap next to the sender misses them as well, they were lost before the router.",
    not_this: "Packets that the capture itself lost look the same: as many as it counts are taken off, and those that are missing while \
        bytes of the connection, which the other end acknowledged, are missing at the same tap.",
    remedies: &[
        "Where the loss began before the router: look at the camera's network, its Wi-Fi and its uplink",
        "Where it began in or behind the router: look at the viewer's Wi-Fi and the router's load",
        advice::USE_TCP,
        "Lower the camera's bit rate, or use its second stream",
    ],
};

/// One packet in this many: what error concealment no longer hides.
const NOTICED_ONE_IN: u64 = 100;

/// A few packets lost once are no pattern.
const FEW: u64 = 5;

/// One packet in this many behind a later one: on one way through a network packets keep their order, but for single ones.
const DISORDERED_ONE_IN: u64 = 10;

/// So many packets show what is usual.
const MANY: u64 = 100;

/// Jitter (RFC 3550 §6.4.1) beyond which a late packet is given up: live555, and with it VLC, waits 100 ms for one that is
/// missing (`ReorderingPacketBuffer`), GStreamer 200 ms (`rtpjitterbuffer`). Pictures that are sent out of their order alone (B frames)
/// have jitter too, and disorder alone may be of microseconds; so both count together only.
const LATE: Span = Span::from_millis(100);

/// Fires for a medium that misses one packet in a hundred or more next to the end that receives it, or that comes there in
/// disorder.
pub(super) fn check(view: &View<'_>) -> Vec<Finding> {
    view.facts
        .media()
        .chain(view.facts.media_of_client())
        .filter(|media| media.is_udp() || media.media.is_inferred())
        .filter_map(|media| finding(view, media).or_else(|| disorder(view, media)))
        .collect()
}

/// A medium where it comes in and, with both sides of the router visible, where it came from.
struct Way<'a> {
    /// Nearest to the end that receives it.
    arrival: &'a Arrival,
    /// Nearest to the end that sends it.
    before: Option<&'a Arrival>,
    /// The sending end's name.
    sender: &'static str,
    remedies: &'static [&'static str],
}

impl<'a> Way<'a> {
    fn of(media: MediaFacts<'a>) -> Option<Self> {
        let (near_client, near_server) = (media.arrival(0)?, media.farthest());
        Some(match media.media.direction {
            MediaDirection::FromServer => Self {
                arrival: near_client,
                before: near_server,
                sender: "server",
                remedies: EXPLANATION.remedies,
            },
            MediaDirection::FromClient => Self {
                arrival: near_server.unwrap_or(near_client),
                before: near_server.map(|_| near_client),
                sender: "client",
                remedies: &[advice::USE_TCP],
            },
        })
    }
}

fn finding(view: &View<'_>, media: MediaFacts<'_>) -> Option<Finding> {
    let way = Way::of(media)?;
    let (arrival, sender) = (way.arrival, way.sender);
    let (lost, expected, first) = (arrival.rtp.lost?, arrival.rtp.expected?, arrival.rtp.first?);
    let surely = surely_lost(view, arrival)?;
    if surely < FEW || surely.saturating_mul(NOTICED_ONE_IN) < expected {
        return None;
    }
    let lost_before = way.before.and_then(|arrival| arrival.rtp.lost);
    let began = match lost_before {
        Some(before) if before.saturating_mul(2) >= lost => {
            format!("most of them were missing already on the {sender}'s side of the router")
        }
        Some(_) => format!("most of them were still there on the {sender}'s side of the router"),
        None => "on which side of the router cannot be told from one side".to_owned(),
    };
    let percent = lost as f64 * 100.0 / expected.max(1) as f64;
    Some(
        Finding::new(
            Code::RtpLoss,
            Severity::Warning,
            view.medium(media.index),
            format!("{lost} of {expected} RTP packets are missing ({percent:.1} %)"),
        )
        .cause(format!(
            "{lost} sequence numbers never came at {}; {began}{}",
            view.place_of(arrival),
            in_capture(lost - surely)
        ))
        .proof(first, "first RTP packet")
        .proof_if(
            arrival.rtp.last,
            "last RTP packet; the numbers between were counted",
        )
        .remedies(way.remedies.iter().copied()),
    )
}

/// Media that comes whole and so much out of order that players give much of it up.
fn disorder(view: &View<'_>, media: MediaFacts<'_>) -> Option<Finding> {
    let way = Way::of(media)?;
    let (arrival, sender) = (way.arrival, way.sender);
    let is_disordered = |rtp: &RtpArrival| {
        let reordered = rtp.reordered.unwrap_or(0);
        let is_late = rtp.jitter.is_some_and(|jitter| jitter >= LATE);
        is_late && rtp.packets >= MANY && reordered.saturating_mul(DISORDERED_ONE_IN) >= rtp.packets
    };
    let rtp = Some(&arrival.rtp).filter(|rtp| is_disordered(rtp))?;
    let (first, packets) = (rtp.first?, rtp.packets);
    let (reordered, jitter) = (rtp.reordered?, rtp.jitter?.as_millis_f64());
    let began = match way.before {
        Some(before) if is_disordered(&before.rtp) => {
            format!("they came so on the {sender}'s side of the router already")
        }
        Some(_) => format!("they were in order on the {sender}'s side of the router"),
        None => "on which side of the router that began cannot be told from one side".to_owned(),
    };
    Some(
        Finding::new(
            Code::RtpLoss,
            Severity::Warning,
            view.medium(media.index),
            format!("{reordered} of {packets} RTP packets came out of order, with a jitter of {jitter:.0} ms"),
        )
        .cause(format!(
            "{reordered} packets came to {} after one with a higher number, and too late for a player that waits 100 ms; {began}",
            view.place_of(arrival)
        ))
        .proof(first, "first RTP packet")
        .proof_if(rtp.last, "last RTP packet; those between were counted")
        .remedies(way.remedies.iter().copied()),
    )
}

fn in_capture(packets: u64) -> String {
    if packets == 0 {
        return String::new();
    }
    format!("; up to {packets} of them may have passed there and be missing in the capture only")
}

/// Packets that are missing at a tap beyond those that its capture may have lost.
fn surely_lost(view: &View<'_>, arrival: &Arrival) -> Option<u64> {
    let losses = view.facts.capture.losses.iter();
    let excused: u64 = losses
        .map(|(kind, count)| may_be_media(*kind, *count))
        .sum();
    let lost = arrival.rtp.lost?;
    let in_hole = match arrival.rtp.outage {
        Some(outage) if is_in_a_hole(view, arrival, outage) => outage.lost,
        None if may_be_in_a_hole(view, arrival) => lost,
        _ => 0,
    };
    Some(lost.saturating_sub(excused).saturating_sub(in_hole))
}

/// Packets of media among those that a capture lost, at most. A file that was cut ends earlier and lacks nothing before; a
/// datagram of which fragments are missing was lost on the wire like any other.
const fn may_be_media(kind: LossKind, count: u64) -> u64 {
    match kind {
        LossKind::RingFull
        | LossKind::MapFull
        | LossKind::LoadFailed
        | LossKind::NotParsed
        | LossKind::DroppedByCapture => count,
        LossKind::FileCut
        | LossKind::EndpointCap
        | LossKind::ConnectionCap
        | LossKind::FlowCap
        | LossKind::MessageCap
        | LossKind::EventCap
        | LossKind::Fragments
        | LossKind::NetfilterOverrun
        | LossKind::NetfilterCap => 0,
    }
}

/// Whether packets went missing while bytes of a connection passed the same tap that it does not have either: the capture
/// slept. For half of that time at least, so that a moment at the edge of a longer loss is no excuse; and of another session's
/// connection, which may be silent for hours, only where its gap is hardly longer than the outage.
fn is_in_a_hole(view: &View<'_>, arrival: &Arrival, outage: Outage) -> bool {
    let length = outage.until - outage.since;
    let covers = |hole: &Hole| {
        let both = hole.shown.at.min(outage.until) - hole.since.max(outage.since);
        both.0 > 0 && both.0 >= length.0 / 2
    };
    let is_unseen = breaks(view, arrival).any(|blind| {
        let until = blind.until.unwrap_or(outage.until);
        let both = until.min(outage.until) - blind.since.max(outage.since);
        both.0 > 0 && both.0 >= length.0 / 2
    });
    let is_short =
        |hole: &&Hole| (hole.shown.at - hole.since).0 <= length.0.saturating_mul(HARDLY_LONGER);
    let mut others = holes(view.others(), arrival);
    is_unseen
        || holes(std::iter::once(view.session), arrival).any(covers)
        || others.any(|hole| is_short(&hole) && covers(hole))
}

/// See [`is_in_a_hole`].
const HARDLY_LONGER: i64 = 4;

/// The same of packets of which only counts are known: then any such time while the medium came may be theirs.
fn may_be_in_a_hole(view: &View<'_>, arrival: &Arrival) -> bool {
    let ends = arrival.rtp.first.zip(arrival.rtp.last);
    ends.is_some_and(|(first, last)| {
        let mut own = holes(std::iter::once(view.session), arrival);
        own.any(|hole| hole.since < last.at && hole.shown.at > first.at)
            || breaks(view, arrival).any(|blind| {
                blind.since < last.at && blind.until.is_none_or(|until| until > first.at)
            })
    })
}

/// The times in which the tap of an arrival was blind.
fn breaks<'v>(view: &'v View<'_>, arrival: &Arrival) -> impl Iterator<Item = &'v Blind> {
    let tap = view.tap(arrival.tap);
    tap.into_iter().flat_map(|tap| &tap.blind)
}

/// The times in which connections of these sessions lack bytes at the tap of an arrival.
fn holes<'s>(
    sessions: impl Iterator<Item = &'s Session>,
    arrival: &Arrival,
) -> impl Iterator<Item = &'s Hole> {
    let legs = sessions.flat_map(|session| &session.legs);
    let tap = arrival.tap;
    legs.filter(move |leg| leg.tap == tap)
        .flat_map(|leg| &leg.holes)
}

#[cfg(test)]
mod tests {
    use crate::input::LossKind;
    use crate::model::{Hole, MediaDirection, Outage};
    use crate::testkit::{BETWEEN, LAN, Scene, UDP_TALK, WAN, at};

    fn lossy(lan: u64, wan: u64) -> Scene {
        let mut scene = Scene::behind_nat(UDP_TALK)
            .punch(0.035, 5000)
            .rtp(1000 - lan, 1000 - wan);
        for (tap, lost) in [(LAN, lan), (WAN, wan)] {
            let rtp = &mut scene.arrival(tap).rtp;
            (rtp.lost, rtp.expected) = (Some(lost), Some(1000));
        }
        scene
    }

    #[test]
    fn fires_and_tells_where_the_loss_began() {
        assert!(
            lossy(20, 20).checked().findings[0]
                .cause
                .contains("missing already on the server's side")
        );
        assert!(
            lossy(20, 0).checked().findings[0]
                .cause
                .contains("still there on the server's side")
        );
    }

    #[test]
    fn a_recording_is_judged_next_to_the_server() {
        let recorded = |lan: u64, wan: u64| {
            let mut scene = lossy(lan, wan);
            scene.media[0].direction = MediaDirection::FromClient;
            let findings = scene.checked().findings.into_iter();
            let mut own = findings.filter(|finding| finding.code.name() == "rtp-loss");
            own.next()
                .map(|finding| (finding.cause, finding.evidence[0].at.tap))
        };
        let (cause, tap) = recorded(0, 20).unwrap();
        assert_eq!(
            cause,
            "20 sequence numbers never came at wan; most of them were still there on the client's side of the router"
        );
        assert_eq!(tap, WAN);
        let (cause, _) = recorded(20, 20).unwrap();
        assert!(cause.ends_with("missing already on the client's side of the router"));
        assert_eq!(recorded(0, 5), None);
    }

    #[test]
    fn of_several_taps_the_one_nearest_to_the_server_tells_where_it_began() {
        let mut scene = Scene::behind_two_nats(UDP_TALK).punch(0.035, 5000);
        for (tap, lost) in [(LAN, 20), (BETWEEN, 20), (WAN, 0)] {
            scene = scene.rtp_at(tap, 1000 - lost);
            let rtp = &mut scene.arrival(tap).rtp;
            (rtp.lost, rtp.expected) = (Some(lost), Some(1000));
        }
        let cause = &scene.checked().findings[0].cause;
        assert!(
            cause.contains("still there on the server's side"),
            "{cause}"
        );
    }

    #[test]
    fn is_silent_below_one_in_a_hundred() {
        assert_eq!(lossy(9, 0).troubles(), Vec::<&str>::new());
    }

    /// A thousand packets at the two taps, so many of them out of order, with so much jitter at the LAN.
    fn disordered([lan, wan]: [u64; 2], jitter_ms: i64) -> Vec<String> {
        let mut scene = Scene::behind_nat(UDP_TALK)
            .punch(0.035, 5000)
            .rtp(1000, 1000);
        for (tap, reordered, jitter) in [(LAN, lan, jitter_ms), (WAN, wan, 200)] {
            let rtp = &mut scene.arrival(tap).rtp;
            rtp.reordered = Some(reordered);
            rtp.jitter = Some(rtspscope_wire::Span::from_millis(jitter));
        }
        let findings = scene.checked().findings.into_iter();
        findings.map(|finding| finding.cause).collect()
    }

    #[test]
    fn fires_where_many_packets_come_late_and_out_of_order() {
        for (wan, began) in [
            (0, "they were in order on the server's side of the router"),
            (
                100,
                "they came so on the server's side of the router already",
            ),
        ] {
            let causes = disordered([100, wan], 100);
            assert_eq!(
                causes,
                [format!(
                    "100 packets came to lan after one with a higher number, and too late for a player that waits 100 ms; {began}"
                )]
            );
        }
    }

    #[test]
    fn is_silent_for_disorder_or_jitter_alone() {
        assert_eq!(disordered([99, 0], 500), Vec::<String>::new());
        assert_eq!(disordered([900, 0], 99), Vec::<String>::new());
    }

    #[test]
    fn what_the_capture_lost_excuses_as_many_packets() {
        let with = |kind: LossKind, count: u64| {
            let mut scene = lossy(20, 0);
            scene.losses = vec![(kind, count)];
            scene.troubles()
        };
        for kind in [
            LossKind::RingFull,
            LossKind::MapFull,
            LossKind::LoadFailed,
            LossKind::NotParsed,
            LossKind::DroppedByCapture,
        ] {
            assert_eq!(with(kind, 10), ["rtp-loss"], "{kind:?}");
            assert_eq!(with(kind, 11), Vec::<&str>::new(), "{kind:?}");
        }
        for kind in [LossKind::FileCut, LossKind::Fragments, LossKind::EventCap] {
            assert_eq!(with(kind, 500), ["rtp-loss"], "{kind:?}");
        }
        let mut scene = lossy(20, 0);
        scene.losses = vec![(LossKind::DroppedByCapture, 10)];
        let cause = &scene.checked().findings[1].cause;
        assert!(
            cause.ends_with(
                "up to 10 of them may have passed there and be missing in the capture only"
            ),
            "{cause}"
        );
    }

    /// What is said of 20 packets that are missing between 4 and 8 s, where the connection lacks bytes between these times.
    fn with_hole(lost_at_once: u64, since: f64, until: f64) -> Vec<&'static str> {
        let time = |secs| at(LAN, secs, 0).at;
        let mut scene = lossy(20, 0);
        scene.arrival(LAN).rtp.outage = Some(Outage {
            lost: lost_at_once,
            since: time(4.0),
            until: time(8.0),
        });
        scene.legs[0].holes = vec![Hole {
            since: time(since),
            shown: at(LAN, until, 90),
        }];
        scene.troubles()
    }

    #[test]
    fn is_silent_where_the_tap_lacks_bytes_of_the_connection_at_the_same_time() {
        assert_eq!(with_hole(20, 0.05, 10.0), Vec::<&str>::new());
        assert_eq!(with_hole(20, 3.0, 6.0), Vec::<&str>::new());
    }

    #[test]
    fn is_silent_where_only_counts_are_known_and_bytes_are_missing_while_the_medium_came() {
        let with = |since: f64, until: f64| {
            let mut scene = lossy(20, 0);
            scene.legs[0].holes = vec![Hole {
                since: at(LAN, since, 0).at,
                shown: at(LAN, until, 90),
            }];
            scene.troubles()
        };
        assert_eq!(with(5.0, 6.0), Vec::<&str>::new());
        assert_eq!(with(9.9, 11.0), ["rtp-loss"]);
    }

    /// The same 4 s of loss, where another session's connection lacks bytes between these times.
    fn with_hole_of_another(since: f64, until: f64) -> bool {
        let mut scene = lossy(20, 0);
        scene.arrival(LAN).rtp.outage = Some(Outage {
            lost: 20,
            since: at(LAN, 4.0, 0).at,
            until: at(LAN, 8.0, 0).at,
        });
        let mut other = Scene::behind_nat(UDP_TALK).punch(0.035, 5000).rtp(9, 9);
        other.legs[0].holes = vec![Hole {
            since: at(LAN, since, 0).at,
            shown: at(LAN, until, 90),
        }];
        let findings = Scene::together(vec![scene, other]).findings;
        findings
            .iter()
            .any(|finding| finding.code.name() == "rtp-loss")
    }

    #[test]
    fn a_long_silence_of_another_connection_is_no_excuse() {
        assert!(!with_hole_of_another(3.0, 19.0));
        assert!(with_hole_of_another(3.0, 19.1));
    }

    #[test]
    fn fires_where_bytes_are_missing_at_another_time_or_the_loss_is_greater() {
        assert_eq!(with_hole(20, 3.0, 5.9), ["rtp-loss"]);
        assert_eq!(with_hole(20, 8.0, 9.0), ["rtp-loss"]);
        assert_eq!(with_hole(10, 0.05, 10.0), ["rtp-loss"]);
    }
}
