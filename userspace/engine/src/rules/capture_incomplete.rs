//! `capture-incomplete`: what these captures cannot show, so that silence of the other rules is not taken for health.

use rtspscope_wire::netfilter::Status;
use rtspscope_wire::{Span, TapRole};

use super::View;
use super::connection_refused::seen_nowhere_else;
use super::rtp_never_sent::unseen;
use crate::facts::{MediaFacts, Why, play_accepted};
use crate::finding::{Code, Explanation, Finding, Severity, Subject};
use crate::locator::Locator;
use crate::model::{AlgAction, Arrival, Leg, Mapping, Side, Tap};
use crate::nat::address::are_neighbours;

mod whole;

pub(super) use whole::check_capture;

pub(super) const EXPLANATION: Explanation = Explanation {
    meaning: "Something that a conclusion would rest on was not captured. What the other findings say still holds; what they do not \
        say may be so all the same.",
    proof: "One side of the router only, one direction of the traffic only, a SETUP of which a capture shows nothing or the beginning, \
        no UDP in captures of a session that uses UDP, bytes missing in the connection, frames cut short, packets that the capture itself \
        lost, flows that the router's own table marks as offloaded or, where it does not tell, that its setup forwards past the taps, RTSP \
        in UDP datagrams, packets that stand in a capture more than once, or RTP of which no message or more than one connection may tell.",
    not_this: "Packets that were lost on the wire are the other findings' business. Where client and camera have private addresses \
        of one network (a /24, a /64), no router need be in the path, and the finding says so.",
    remedies: &[
        BOTH_SIDES,
        ALL_TRAFFIC,
        BOTH_DIRECTIONS,
        EACH_ONCE,
        MORE_ROOM,
    ],
};

/// Where both sides are not at hand.
const BOTH_SIDES: &str =
    "Capture on both sides of the router at once, and give both: analyze --lan FILE --wan FILE";
/// Wherever anything is missing.
const ALL_TRAFFIC: &str = "Capture whole frames and all of the traffic of camera and player, UDP too: tcpdump -s 0 host ADDRESS";
/// Where nothing of one end was captured.
const BOTH_DIRECTIONS: &str = "Capture both directions: no src or dst in the filter, no -Q in or -Q out, and both of rx and tx of a \
    port that a switch mirrors";
/// Where packets stand twice.
const EACH_ONCE: &str = "Mirror one direction of each port or both of one port, and capture on one device of those that a packet passes";

/// Where a live run was too slow for what came.
const MORE_ROOM: &str = "Give the live run more room for packets that wait (--ring 32m), and less to do: no --record to a slow disk, \
    fewer interfaces";

/// Says what is missing for one session.
pub(super) fn check(view: &View<'_>) -> Vec<Finding> {
    let Some(leg) = view.session.legs.first() else {
        return Vec::new();
    };
    let mut lacks = one_direction(view);
    let lacks_a_direction = !lacks.is_empty();
    let network = one_network(view);
    if let Some(network) = &network {
        lacks.push((network.clone(), leg.first));
    } else if view.facts.sides().is_none() && seen_nowhere_else(view).is_none() {
        let seen = if view.session.legs.len() > 1 {
            "the taps saw the same side of the router"
        } else {
            "only one side of the router was seen"
        };
        lacks.push((
            format!("{seen}: what NAT or an ALG did cannot be judged"),
            leg.first,
        ));
    }
    lacks.extend(missing(view));
    lacks.extend(hidden_text(view));
    lacks.extend(no_udp(view).map(|told| (told, leg.first)));
    lacks.extend(untold(view));
    lacks.extend(
        view.facts
            .media()
            .filter_map(|media| first_fragments(view, media)),
    );
    lacks.extend(without_udp(view));
    lacks.extend(
        view.facts
            .offloaded()
            .map(|entry| (offloaded(entry), entry.status_at)),
    );
    lacks.extend(view.facts.may_be_forwarded_unseen());
    if let Some(unknown) = unknown_membership(view) {
        lacks.push((unknown, leg.first));
    }
    lacks.extend(behind_another_nat(view));
    lacks.extend(passes_unseen(view));
    let other_side = if network.is_some() {
        Some(ROUTER_ALL_THE_SAME)
    } else {
        view.facts.sides().is_none().then_some(BOTH_SIDES)
    };
    let both_directions = lacks_a_direction.then_some(BOTH_DIRECTIONS);
    let mut taps = view.session.legs.iter().filter_map(|leg| view.tap(leg.tap));
    let whole = if taps.all(Tap::shows_udp) {
        WHOLE_FRAMES
    } else {
        ALL_TRAFFIC
    };
    let remedies = [both_directions, other_side, Some(whole)];
    let finding = report(&lacks, view.subject(), remedies.into_iter().flatten());
    finding.into_iter().collect()
}

/// Bytes and messages that are not there, but for those that another finding explains.
fn missing(view: &View<'_>) -> Vec<(String, Locator)> {
    let mut lacks = Vec::new();
    let swallowed = view.facts.swallowed().map(|lost| lost.other);
    let unadjusted = view.facts.unadjusted().map(|unadjusted| unadjusted.leg);
    for leg in &view.session.legs {
        let tap = view.place(leg);
        let explained = [swallowed, unadjusted].into_iter().flatten();
        let is_explained = explained.into_iter().any(|known| std::ptr::eq(known, leg));
        let lost = lost_before(view, leg);
        let lacking = leg.missing_bytes.saturating_sub(lost);
        let gap = leg.first_gap.unwrap_or(leg.first);
        if lacking > 0 && leg.unseen.is_none() && !is_explained {
            lacks.push((
                format!("{lacking} bytes of the connection are missing at {tap}"),
                gap,
            ));
        }
        if lost > 0 && !is_explained && view.facts.sides().is_none() {
            lacks.push((
                format!("{lost} bytes of the connection never came to {tap} and were never acknowledged: something on the way to it lost them"),
                gap,
            ));
        }
        if leg.dropped_messages > 0 {
            lacks.push((
                format!("{} messages were not kept at {tap}", leg.dropped_messages),
                leg.last,
            ));
        }
    }
    lacks
}

/// Media of which only packets tell.
fn untold(view: &View<'_>) -> Option<(String, Locator)> {
    let untold: Vec<_> = view
        .session
        .media
        .iter()
        .filter(|media| media.is_inferred())
        .collect();
    let medium = untold.first()?;
    let first = medium.arrivals.iter().find_map(|arrival| arrival.rtp.first);
    let told = match untold.len() {
        1 => "a medium was set up in messages that cannot be read here: its packets tell of it, what was agreed on is not known".to_owned(),
        several => format!("{several} media were set up in messages that cannot be read here: their packets tell of them, what was agreed on is not known"),
    };
    Some((
        told,
        first.or(view.session.legs.first().map(|leg| leg.first))?,
    ))
}

/// Taps that captured nothing of one end.
fn one_direction(view: &View<'_>) -> Vec<(String, Locator)> {
    let legs = view.session.legs.iter();
    let told = legs.filter_map(|leg| {
        let unseen = leg.unseen?;
        let [from, other] = match unseen.from {
            Side::Client => ["client", "server"],
            Side::Server => ["server", "client"],
        };
        let told = format!(
            "one direction of the traffic is missing at {}: nothing that the {from} sent is in the capture, though the {other} \
             acknowledges {} bytes of it",
            view.place(leg),
            unseen.acknowledged
        );
        Some((told, unseen.at))
    });
    told.collect()
}

/// A message that cannot be compared, unless what else is seen tells what became of it.
fn hidden_text(view: &View<'_>) -> Option<(String, Locator)> {
    if view.facts.swallowed().is_some() {
        return None;
    }
    let hidden = view.facts.hidden_text()?;
    let how = match hidden.why {
        Why::Cut => "is cut short",
        Why::Missing => "is missing",
        Why::OneDirection => return None,
    };
    let is_open = view.session.alg.action == AlgAction::Unknown;
    let told = format!(
        "a message that an ALG may change {how} at {}: whether the router changed it cannot be told",
        view.place(hidden.leg)
    );
    is_open.then_some((told, hidden.at))
}

/// Bytes that are missing at a tap and that their receiver did not acknowledge either, although the tap watched on: the path
/// lost them, and not the capture.
fn lost_before(view: &View<'_>, leg: &Leg) -> u64 {
    let until = view.facts.capture.watched_until(leg);
    let watched = leg.first_gap.is_some_and(|gap| until - gap.at >= PATIENCE);
    if watched {
        leg.from_client.missing + leg.from_server.missing
    } else {
        0
    }
}

/// A receiver that has a byte acknowledges it sooner (RFC 1122 §4.2.3.2).
const PATIENCE: Span = Span::from_secs(1);

/// What is said where both ends are in one network, so that there need be no router of which one side is missing; `None`
/// where they are not, or where something speaks for a router.
fn one_network(view: &View<'_>) -> Option<String> {
    let legs = &view.session.legs;
    let (client, server) = (legs.first()?.client.ip(), legs.first()?.server.ip());
    let mut others = legs.iter().skip(1);
    let is_translated = others.any(|leg| (leg.client.ip(), leg.server.ip()) != (client, server));
    let mut taps = legs.iter().filter_map(|leg| view.tap(leg.tap));
    let is_outside = taps.any(|tap| tap.role == TapRole::Wan);
    let is_tracked = view
        .facts
        .netfilter()
        .is_some_and(|told| told.connection.is_some());
    if view.facts.sides().is_some() || is_translated || is_outside || is_tracked {
        return None;
    }
    let size = if client.to_canonical().is_ipv4() {
        24
    } else {
        64
    };
    are_neighbours(client, server).then(|| {
        format!(
            "{client} and {server} are in one /{size}: most probably no router is in the path (a switch or bridge may be); what one \
             did cannot be judged"
        )
    })
}

/// Instead of the usual, where both ends are in one network.
const ROUTER_ALL_THE_SAME: &str = "If there is a router in the path all the same, capture on both of its sides at once, and give \
    both: analyze --lan FILE --wan FILE";

/// Instead of the usual, where the captures hold UDP.
const WHOLE_FRAMES: &str =
    "Capture whole frames and all of the traffic of camera and player: tcpdump -s 0 host ADDRESS";

/// Whether media was to come: PLAY or RECORD was accepted, or may have been where no capture shows it.
fn may_have_played(view: &View<'_>) -> bool {
    let legs = &view.session.legs;
    let shows_all =
        |leg: &Leg| !leg.began_before() && leg.missing_bytes == 0 && leg.dropped_messages == 0;
    legs.iter().any(|leg| play_accepted(leg).is_some()) || !legs.iter().all(shows_all)
}

/// What the taps may not see of a flow that the router forwards by a short way.
fn offloaded(entry: &Mapping) -> String {
    let (from, to) = (entry.original.from, entry.original.to);
    if entry.status.has(Status::HW_OFFLOAD) {
        return format!(
            "netfilter's own table: hardware forwards {from} to {to}: the taps see only its first packets"
        );
    }
    format!(
        "netfilter's own table: a flowtable forwards {from} to {to}: a tap on a bridge, VLAN or PPPoE interface sees only its first packets"
    )
}

/// Media that goes over UDP, where no capture holds any, or the one next to the server holds none and no other shows the media.
fn no_udp(view: &View<'_>) -> Option<String> {
    let mut media = view.facts.media().filter(|media| media.is_udp());
    let first = media.next().filter(|_| may_have_played(view))?;
    if view.facts.capture.taps.iter().all(|tap| !tap.shows_udp()) {
        return Some(
            "media goes over UDP, and no capture holds any UDP: whether it arrived cannot be told"
                .to_owned(),
        );
    }
    let next_to_server = view.facts.sides()?.server;
    let is_blind = view
        .tap(next_to_server.tap)
        .is_some_and(|tap| !tap.shows_udp());
    let came = |media: MediaFacts<'_>| {
        let mut arrivals = media.media.arrivals.iter();
        arrivals.any(|arrival| arrival.rtp.packets > 0)
    };
    let is_unseen = is_blind && !std::iter::once(first).chain(media).any(came);
    is_unseen.then(|| {
        format!(
            "media goes over UDP, and the capture at {} holds no UDP: whether the server sent any cannot be told",
            view.place(next_to_server)
        )
    })
}

/// A tap without any UDP, past which the client's own datagrams went.
fn without_udp(view: &View<'_>) -> Option<(String, Locator)> {
    let mut media = view.facts.media();
    let blind = media.find_map(|media| {
        let mut arrivals = media.media.arrivals.iter();
        arrivals.find(|arrival| media.is_overlooked_at(arrival))
    })?;
    let mut legs = view.session.legs.iter();
    let first = legs.find(|leg| leg.tap == blind.tap)?.first;
    let place = view.place_of(blind);
    let told = format!(
        "the capture at {place} holds no UDP, although datagrams of the client came to the next tap: what media did at {place} cannot be told"
    );
    Some((told, first))
}

/// Datagrams of which a tap shows the first fragment alone: so it looks after a filter on ports, and behind a firewall that
/// drops the others.
fn first_fragments(view: &View<'_>, media: MediaFacts<'_>) -> Option<(String, Locator)> {
    let arrivals = media.media.arrivals.iter();
    // A live tap sees them all, and hands samples over.
    let may_be_filtered =
        |arrival: &&Arrival| view.tap(arrival.tap).is_some_and(|tap| !tap.unfiltered);
    let mut filtered = arrivals.filter(may_be_filtered);
    let arrival = filtered.find(|arrival| arrival.fragmented.alone > 0)?;
    let text = format!(
        "only the first fragments of {} datagrams are in the capture at {}, as a filter on ports leaves them: whether the others passed \
         cannot be told",
        arrival.fragmented.alone,
        view.place_of(arrival)
    );
    Some((text, arrival.fragmented.first?))
}

/// Multicast of which nothing came, where no report of the player could be seen.
fn unknown_membership(view: &View<'_>) -> Option<String> {
    let all_is_seen = view.facts.sides().is_some_and(|sides| {
        let tap = view.tap(sides.client.tap);
        tap.is_some_and(|tap| tap.unfiltered)
    });
    if all_is_seen {
        return None;
    }
    let mut groups = view.facts.media().filter_map(MediaFacts::group);
    let unknown = groups.find(|group| {
        let arrivals = &group.media.media.arrivals;
        arrivals.iter().all(|arrival| {
            let membership = arrival.membership.as_ref();
            arrival.rtp.packets == 0 && membership.is_none_or(|known| known.heard.is_none())
        })
    })?;
    Some(format!(
        "media goes to the group {}, and no capture holds an IGMP or MLD report of anyone: whether the player asked for it cannot be told",
        unknown.address
    ))
}

/// Media of which nothing came to the outermost tap, where a NAT beyond it may have kept it back.
fn behind_another_nat(view: &View<'_>) -> Option<(String, Locator)> {
    let address = view.facts.outer_nat()?;
    let unseen = unseen(view);
    let mut kept_back = unseen.iter().filter(|unseen| unseen.may_be_kept_back());
    let last = kept_back.next()?.last;
    let place = view.place(view.session.legs.last()?);
    let told = format!(
        "no media came to {place}, and the router's own address there, {address}, is not public, so another NAT is before the \
         server: whether the server sent none or that NAT kept it back cannot be told"
    );
    Some((told, last))
}

/// Media that the client gets by its own reports, and that a tap does not see.
fn passes_unseen(view: &View<'_>) -> Option<(String, Locator)> {
    let (arrival, growth) = view.facts.media().find_map(MediaFacts::passes_unseen)?;
    let place = view.place_of(arrival);
    let told = format!(
        "the client's receiver reports say that media went on coming to it, and {place} saw none of that: it goes past the tap \
         (offloaded flows, another way)"
    );
    Some((told, growth.shown))
}

fn report(
    lacks: &[(String, Locator)],
    subject: Subject,
    remedies: impl Iterator<Item = &'static str>,
) -> Option<Finding> {
    let (first, _) = lacks.first()?;
    let finding = Finding::new(
        Code::CaptureIncomplete,
        Severity::Info,
        subject,
        first.clone(),
    );
    let cause = lacks
        .iter()
        .map(|(what, _)| what.as_str())
        .collect::<Vec<_>>()
        .join("; ");
    let finding = lacks
        .iter()
        .fold(finding.cause(cause), |finding, (what, at)| {
            finding.proof(*at, what.clone())
        });
    Some(finding.remedies(remedies))
}

#[cfg(test)]
mod tests;
