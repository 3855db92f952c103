//! `multicast-not-joined`: the group's media never came to the player, and who had to ask for it did not, or in vain.

use rtspscope_wire::Span;

use super::View;
use crate::facts::{Group, Lost, MediaFacts};
use crate::finding::{Code, Explanation, Finding, Severity};
use crate::locator::Locator;
use crate::model::{GroupJoin, GroupMembership, Leg};

pub(super) const EXPLANATION: Explanation = Explanation {
    meaning: "The media go to a multicast group, and a network carries a group only to where somebody asked for it. The player's host \
        asks with an IGMP report (MLD for IPv6), which ends at the first router; that router has to ask on its other side in turn. \
        Most home routers do not, and a firewall on the player's host may keep the report in.",
    proof: "SETUP and PLAY of a multicast transport were accepted, none of the group's media came to the player's side for two seconds or \
        more, and one of: the media entered the router and did not leave it; no report for the group was seen on the player's side, where \
        reports can be seen; or the player's report was seen and the router asked for the group nowhere on the server's side.",
    not_this: "Where the group's media come without a report, a switch floods them and all is well. A capture that shows no report of any \
        host, such as one on the WAN side only or one with a filter, does not tell whether the player asked; nor does one that began after \
        the SETUP. Where the reports are all there and nothing comes, see rtp-never-sent.",
    remedies: &[
        "Let the player ask for unicast, best over TCP: ffmpeg and mpv -rtsp_transport tcp, VLC rtspt://…; multicast does not cross a home router by itself",
        "If it must be multicast: run an IGMP proxy on the router between the two networks (igmpproxy, omcproxy, \"IGMP proxy\" or \"IPTV\" in its menus) and let its firewall pass UDP to the group",
        "Between switches: turn on an IGMP querier, or turn off IGMP snooping, so that reports are asked for and not forgotten",
        "On the player's host: let its firewall pass IGMP (protocol 2) and, with several interfaces, route 224.0.0.0/4 to the right one",
    ],
};

/// A host asks for its group at once; so long without media is no beginning.
const PATIENCE: Span = Span::from_secs(2);

/// Where the group's way ends.
enum Break<'a> {
    /// The media entered the router and did not leave it.
    InRouter(Lost<'a>),
    /// Nobody on the player's side asked.
    NotAsked,
    /// The player asked, and the router did not ask on.
    NotPassedOn(GroupJoin),
}

/// Fires for each multicast medium of which nothing came to the player's side.
pub(super) fn check(view: &View<'_>) -> Vec<Finding> {
    let media = view.facts.media();
    media
        .filter_map(|media| about(view, media.group()?))
        .collect()
}

fn about(view: &View<'_>, group: Group<'_>) -> Option<Finding> {
    let client = view.session.legs.first()?;
    let accepted = group.media.play_accepted(0)?;
    let at_client = group.media.arrival(0)?;
    let watched = watched_since(view, group.media, client, accepted);
    if at_client.rtp.packets > 0 || client.missing_bytes > 0 || watched < PATIENCE {
        return None;
    }
    let membership = at_client.membership.as_ref()?;
    let broken = match group.media.lost_between() {
        Some(lost) => Break::InRouter(lost),
        None => unasked(view, group, client, membership)?,
    };
    Some(finding(
        view,
        group,
        membership,
        &broken,
        (accepted, watched),
    ))
}

/// How long the tap watched after PLAY, up to the end of the session.
fn watched_since(view: &View<'_>, media: MediaFacts<'_>, leg: &Leg, accepted: Locator) -> Span {
    let until = media
        .ending(0)
        .unwrap_or_else(|| view.facts.capture.watched_until(leg));
    until - accepted.at
}

/// Who did not ask, where no tap saw media.
fn unasked<'a>(
    view: &View<'_>,
    group: Group<'_>,
    client: &Leg,
    membership: &GroupMembership,
) -> Option<Break<'a>> {
    let elsewhere = group.media.media.arrivals.iter();
    if elsewhere.into_iter().any(|arrival| arrival.rtp.packets > 0) {
        return None;
    }
    let Some(join) = membership.joins.first() else {
        let asked_before = group.media.setup_request(0).is_none();
        let can_be_seen = shows_reports_of(view, client, membership);
        return (can_be_seen && !asked_before).then_some(Break::NotAsked);
    };
    let sides = view.facts.sides()?;
    let beyond = group.media.at_server()?.membership.as_ref()?;
    let shows = view.tap(sides.server.tap)?.unfiltered || beyond.heard.is_some();
    (shows && beyond.joins.is_empty()).then_some(Break::NotPassedOn(*join))
}

/// Whether the client's reports would be seen: its own words were, or the tap is known to be on its side of the router
/// and nothing can have left them out.
fn shows_reports_of(view: &View<'_>, client: &Leg, membership: &GroupMembership) -> bool {
    let speaker = membership.heard.map(|(speaker, _)| speaker);
    let unfiltered = view.tap(client.tap).is_some_and(|tap| tap.unfiltered);
    let both_sides = view.facts.sides().is_some();
    speaker == Some(client.client.ip()) || (both_sides && (unfiltered || speaker.is_some()))
}

fn finding(
    view: &View<'_>,
    group: Group<'_>,
    membership: &GroupMembership,
    broken: &Break<'_>,
    (accepted, watched): (Locator, Span),
) -> Finding {
    let address = group.address;
    let (summary, cause) = sentences(view, group, membership, broken, watched);
    let finding = Finding::new(
        Code::MulticastNotJoined,
        Severity::Error,
        view.medium(group.media.index),
        summary,
    )
    .cause(cause);
    let finding = match broken {
        Break::InRouter(lost) => finding
            .proof(
                lost.first,
                format!("first RTP packet for {address}, before the router"),
            )
            .proof(
                lost.watched,
                "still recording behind it, without any of them",
            ),
        Break::NotAsked | Break::NotPassedOn(_) => finding,
    };
    let said = membership
        .heard
        .filter(|_| membership.joins.is_empty())
        .map(|(_, at)| at);
    finding
        .proof_if(
            membership.joins.first().map(|join| join.at),
            format!("a report for {address} on the player's side"),
        )
        .proof_if(
            said,
            "a report for another group: this tap would show one for this",
        )
        .proof(accepted, "PLAY is accepted")
        .remedies(EXPLANATION.remedies.iter().copied())
}

fn sentences(
    view: &View<'_>,
    group: Group<'_>,
    membership: &GroupMembership,
    broken: &Break<'_>,
    watched: Span,
) -> (String, String) {
    let (unit, group) = (group.media.media.unit(), group.address);
    let secs = watched.as_secs_f64();
    match broken {
        Break::InRouter(lost) => {
            let packets = lost.sender.rtp.packets;
            let why = match membership.joins.first() {
                Some(join) => format!(
                    "{} had asked for the group, so the router does not forward it",
                    join.host
                ),
                None => "and nobody on the player's side was seen to ask for the group".to_owned(),
            };
            (
                format!(
                    "{packets} packets for the group {group} entered the router and none left it"
                ),
                format!(
                    "{} saw {packets} {unit} for {group}, {} saw none; {why}",
                    view.place_of(lost.sender),
                    view.place_of(lost.receiver)
                ),
            )
        }
        Break::NotAsked => (
            format!("the player never asked its network for the group {group}"),
            format!(
                "no IGMP or MLD report for {group} and none of its media in the {secs:.1} s after PLAY was accepted"
            ),
        ),
        Break::NotPassedOn(join) => (
            format!("the router did not ask for the group {group} on the camera's side"),
            format!(
                "{} asked for {group}, no report for it left on the server's side, and no media came in the {secs:.1} s after PLAY was accepted",
                join.host
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use crate::Snapshot;
    use crate::model::{GroupJoin, GroupMembership};
    use crate::testkit::{LAN, Scene, UDP_TALK, WAN, addr, at};

    const GROUP: &str = "239.11.22.33";

    /// A viewer of the group `GROUP` behind a router, with what was heard of memberships at the LAN and the WAN tap.
    fn scene(lan: GroupMembership, wan: GroupMembership) -> Scene {
        let talk = UDP_TALK
            .replace(
                "unicast;client_port=5000-5001;server_port=6970-6971",
                "multicast;destination=239.11.22.33;port=5000-5001;ttl=8",
            )
            .replace("unicast;client_port=5000-5001", "multicast");
        let mut scene = Scene::behind_nat(&talk);
        let group = addr(&format!("{GROUP}:0")).ip();
        for agreed in &mut scene.media[0].per_leg {
            agreed.multicast = Some((group, 5000, 5001));
        }
        scene.media[0].negotiated.multicast = Some((group, 5000, 5001));
        scene.arrival(LAN).membership = Some(lan);
        scene.arrival(WAN).membership = Some(wan);
        scene
    }

    fn with_media(mut scene: Scene, lan: u64, wan: u64) -> Scene {
        for (tap, packets) in [(LAN, lan), (WAN, wan)] {
            let rtp = &mut scene.arrival(tap).rtp;
            rtp.packets = packets;
            if packets > 0 {
                (rtp.first, rtp.last) = (Some(at(tap, 0.06, 20)), Some(at(tap, 9.9, 200)));
            }
        }
        scene
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn nobody() -> GroupMembership {
        GroupMembership::default()
    }

    fn joined(host: &str) -> GroupMembership {
        let at = at(LAN, 0.02, 9);
        GroupMembership {
            joins: vec![GroupJoin { host: ip(host), at }],
            heard: Some((ip(host), at)),
        }
    }

    /// The host spoke of other groups only.
    fn spoke(host: &str) -> GroupMembership {
        GroupMembership {
            joins: Vec::new(),
            heard: Some((ip(host), at(LAN, 0.02, 9))),
        }
    }

    fn cause(snapshot: &Snapshot) -> &str {
        let ours = |finding: &&crate::Finding| finding.code.name() == "multicast-not-joined";
        let finding = snapshot.findings.iter().find(ours);
        finding.map_or("", |finding| &finding.cause)
    }

    #[test]
    fn fires_when_the_media_enter_the_router_and_do_not_leave_it() {
        let snapshot = with_media(scene(joined("192.168.1.100"), nobody()), 0, 250).checked();
        assert_eq!(
            cause(&snapshot),
            "wan saw 250 RTP packets for 239.11.22.33, lan saw none; 192.168.1.100 had asked for the group, so the router does not forward it"
        );
        let codes = with_media(scene(nobody(), nobody()), 0, 250).troubles();
        assert_eq!(codes, ["rtp-never-arrived", "multicast-not-joined"]);
    }

    #[test]
    fn fires_when_the_player_speaks_of_other_groups_only() {
        let snapshot = scene(spoke("192.168.1.100"), nobody()).checked();
        assert_eq!(
            cause(&snapshot),
            "no IGMP or MLD report for 239.11.22.33 and none of its media in the 9.9 s after PLAY was accepted"
        );
    }

    #[test]
    fn fires_when_the_router_does_not_ask_on() {
        let snapshot = scene(joined("192.168.1.100"), spoke("203.0.113.1")).checked();
        assert_eq!(
            cause(&snapshot),
            "192.168.1.100 asked for 239.11.22.33, no report for it left on the server's side, and no media came in the 9.9 s after PLAY was accepted"
        );
        let everyone_asked = scene(joined("192.168.1.100"), joined("203.0.113.1"));
        assert_eq!(everyone_asked.troubles(), ["rtp-never-sent"]);
    }

    #[test]
    fn is_silent_when_the_media_come_without_a_report() {
        let flooded = with_media(scene(spoke("192.168.1.100"), nobody()), 250, 250);
        assert_eq!(flooded.troubles(), Vec::<&str>::new());
    }

    #[test]
    fn is_silent_where_no_report_of_anyone_can_be_seen() {
        assert_eq!(scene(nobody(), nobody()).troubles(), Vec::<&str>::new());
        let mut unfiltered = scene(nobody(), nobody());
        unfiltered.unfiltered = true;
        assert_eq!(unfiltered.troubles(), ["multicast-not-joined"]);
    }

    fn one_tap(membership: GroupMembership) -> Scene {
        let mut scene = scene(membership, nobody());
        scene.legs.pop();
        for media in &mut scene.media {
            media.per_leg.pop();
            media.setup.pop();
            media.arrivals.pop();
        }
        scene.unfiltered = true;
        scene
    }

    #[test]
    fn one_tap_tells_only_where_the_player_itself_was_heard() {
        assert_eq!(
            one_tap(spoke("192.168.1.100")).troubles(),
            ["multicast-not-joined"]
        );
        assert_eq!(
            one_tap(spoke("192.168.1.7")).codes(),
            ["capture-incomplete"]
        );
        assert_eq!(
            one_tap(joined("192.168.1.100")).codes(),
            ["capture-incomplete"]
        );
    }

    #[test]
    fn is_silent_when_the_capture_began_after_the_setup() {
        let mut scene = scene(spoke("192.168.1.100"), nobody());
        scene.media[0].setup = vec![None, None];
        assert_eq!(scene.troubles(), Vec::<&str>::new());
    }

    #[test]
    fn is_silent_when_the_session_ended_at_once() {
        let mut scene = scene(spoke("192.168.1.100"), nobody());
        for leg in &mut scene.legs {
            leg.exchanges_mut().pop();
            leg.last = at(leg.tap, 1.0, 40);
            leg.closed = leg.closed.map(|close| crate::model::Close {
                at: leg.last,
                ..close
            });
        }
        assert_eq!(scene.troubles(), Vec::<&str>::new());
    }
}
