//! What is missing in the captures as a whole, whatever the session.

use rtspscope_wire::Timestamp;

use super::{ALL_TRAFFIC, BOTH_SIDES, EACH_ONCE, MORE_ROOM, report};
use crate::finding::{Finding, Subject};
use crate::input::LossKind;
use crate::locator::Locator;
use crate::model::{DatagramTalk, Snapshot, Tap, UnclaimedRtp};

/// Says what is missing in the captures as a whole.
pub(in crate::rules) fn check_capture(snapshot: &Snapshot) -> Vec<Finding> {
    let mut lacks: Vec<(String, Locator)> = Vec::new();
    for tap in snapshot.taps.iter().filter(|tap| tap.cut_frames > 0) {
        lacks.push((
            format!(
                "{} of {} frames are cut short at {}",
                tap.cut_frames, tap.frames, tap.name
            ),
            end_of(tap),
        ));
    }
    lacks.extend(snapshot.taps.iter().flat_map(breaks));
    if let Some(tap) = snapshot.taps.first() {
        lacks.extend(
            snapshot
                .losses
                .iter()
                .filter_map(|(kind, count)| Some((told(*kind, *count)?, end_of(tap)))),
        );
    }
    lacks.extend(snapshot.datagram_talks.iter().map(in_datagrams));
    lacks.extend(unclaimed(snapshot));
    let is_wanting = !lacks.is_empty();
    let doubled = doubled(snapshot);
    let each_once = (!doubled.is_empty()).then_some(EACH_ONCE);
    lacks.extend(doubled);
    let has_both_sides = snapshot
        .sessions
        .iter()
        .any(|session| session.nat.is_some());
    let other_side = (is_wanting && !has_both_sides).then_some(BOTH_SIDES);
    let lacks_room = snapshot
        .losses
        .iter()
        .any(|(kind, count)| *kind == LossKind::RingFull && *count > 0);
    let more_room = lacks_room.then_some(MORE_ROOM);
    let whole_frames = (is_wanting && !lacks_room).then_some(ALL_TRAFFIC);
    report(
        &lacks,
        Subject {
            session: None,
            media: None,
        },
        [more_room, other_side, whole_frames, each_once]
            .into_iter()
            .flatten(),
    )
    .into_iter()
    .collect()
}

/// Taps that show each packet twice, by the connections of RTSP there.
fn doubled(snapshot: &Snapshot) -> Vec<(String, Locator)> {
    let told = snapshot.taps.iter().filter_map(|tap| {
        let legs = snapshot.sessions.iter().flat_map(|session| &session.legs);
        let mut own = legs.filter(|leg| leg.tap == tap.id);
        let (leg, copy) = own.find_map(|leg| Some((leg, leg.doubled?)))?;
        let told = format!(
            "the packets between {} and {} stand more than once at {}, as where a port is mirrored in both directions or a router without NAT is passed: packets, duplicates and \
             reports are counted as often there",
            leg.client, leg.server, tap.name
        );
        Some((told, copy))
    });
    told.collect()
}

fn in_datagrams(talk: &DatagramTalk) -> (String, Locator) {
    let told = format!(
        "{} RTSP messages go in UDP datagrams between {} and {}: such a session is not followed",
        talk.messages, talk.client, talk.server
    );
    (told, talk.first)
}

/// RTP that is nobody's, where it must be: there is no RTSP at all, or several connections that might have set it up.
fn unclaimed(snapshot: &Snapshot) -> Option<(String, Locator)> {
    let is_disputed = |flow: &&UnclaimedRtp| {
        let hosts = [flow.from.ip(), flow.to.ip()];
        let legs = snapshot.sessions.iter().flat_map(|session| &session.legs);
        let mut legs = legs.filter(|leg| leg.tap == flow.first.tap);
        legs.any(|leg| {
            let ends = [leg.client.ip(), leg.server.ip()];
            leg.began_before() && ends.iter().all(|end| hosts.contains(end))
        })
    };
    let without_rtsp = snapshot.sessions.is_empty();
    let mut flows = snapshot.unclaimed.iter();
    let flow = flows.find(|flow| without_rtsp || is_disputed(flow))?;
    let more = match flows
        .filter(|flow| without_rtsp || is_disputed(flow))
        .count()
    {
        0 => String::new(),
        more => format!(", and {more} more of the kind"),
    };
    let why = if without_rtsp {
        "no RTSP that set it up: the connection is silent, speaks at a port that is not known, or was not captured"
    } else {
        "more than one RTSP connection that may have set it up before the capture began"
    };
    let told = format!(
        "{} RTP packets go from {} to {}{more}, and there is {why}",
        flow.packets, flow.from, flow.to
    );
    Some((told, flow.first))
}

/// The times in which a tap was blind.
fn breaks(tap: &Tap) -> impl Iterator<Item = (String, Locator)> {
    tap.blind.iter().map(|blind| {
        let for_how_long = match blind.until {
            Some(until) => format!("for {:.1} s", (until - blind.since).as_secs_f64()),
            None => "from then on".to_owned(),
        };
        let told = format!(
            "the interface of {} was gone {for_how_long}: whether anything passed there is not known",
            tap.name
        );
        let since = Locator {
            at: blind.since,
            ..end_of(tap)
        };
        (told, since)
    })
}

fn end_of(tap: &Tap) -> Locator {
    Locator {
        tap: tap.id,
        frame: None,
        at: tap.last_at.unwrap_or(Timestamp(0)),
        stream_offset: None,
    }
}

/// `None` for what takes nothing away from the conclusions.
fn told(kind: LossKind, count: u64) -> Option<String> {
    let told = match kind {
        LossKind::RingFull => {
            format!("{count} packets were not copied because the ring to user space was full")
        }
        LossKind::MapFull => {
            format!("{count} media packets were not counted because the flow map was full")
        }
        LossKind::LoadFailed => format!("{count} packets could not be loaded in the kernel"),
        LossKind::NotParsed => format!("{count} packets could not be read"),
        LossKind::DroppedByCapture => format!("the capturing program lost {count} packets"),
        LossKind::FileCut => "a file ends in the middle of a packet".to_owned(),
        LossKind::EndpointCap => {
            format!(
                "{count} ends of media are followed between the RTSP peers only, because the kernel's table of ends was full"
            )
        }
        LossKind::ConnectionCap => {
            format!("{count} connections were not followed because there were too many at once")
        }
        LossKind::FlowCap => {
            format!("{count} UDP flows were not counted because there were too many at once")
        }
        LossKind::MessageCap => {
            format!("{count} messages were not kept because their connection had too many")
        }
        LossKind::EventCap => return None,
        LossKind::Fragments => format!("{count} fragmented packets were never whole"),
        LossKind::NetfilterOverrun => {
            format!("netfilter's events came too fast {count} times: its table was asked for again")
        }
        LossKind::NetfilterCap => {
            format!(
                "{count} connections of netfilter's table were not kept because there were too many"
            )
        }
    };
    Some(told)
}
