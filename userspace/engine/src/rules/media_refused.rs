//! `media-refused`: media comes to the player's computer, which refuses it.

use std::net::IpAddr;

use rtspscope_wire::{Span, Timestamp};

use super::{View, advice};
use crate::facts::MediaFacts;
use crate::finding::{Code, Explanation, Finding, Severity};
use crate::locator::Locator;
use crate::model::{Arrival, Refusal};
use crate::nat::address;

pub(super) const EXPLANATION: Explanation = Explanation {
    meaning: "The packets crossed the router and came to the player's computer at the port that was agreed on, and that computer answered that it \
        does not take them (ICMP). Its own firewall refuses them, or the player does not listen at the port that it named. The network \
        did its part.",
    proof: "Three or more ICMP errors from the player's address about RTP that came from the announced end to the negotiated port: from its first \
        packets on, all the time, up to the end, for three seconds or more, or for one where the player then set the stream up anew.",
    not_this: "A player that takes packets first, or reports that they come, and closes its ports some time before it ends the session has stopped of its \
        own will. Media that comes from another port than the \
        server announced is refused by strict players: nat-source-port-changed. A refused RTCP port alone does no harm: many players never open it.",
    remedies: &[
        "Let the firewall of the player's computer take UDP in for the player (Windows: allow the program; Linux: accept what belongs to the player's ports)",
        advice::USE_TCP,
    ],
};

/// A player that opens its ports a moment late refuses less often.
const OFTEN: usize = 3;
/// One that has what it wanted and closes them is not refused media for so long: it ends the session.
const LONG: Span = Span::from_secs(3);
/// The same of a player that sets the stream up anew, because it missed it.
const LONG_FOR_ONE_THAT_TRIES_AGAIN: Span = Span::from_secs(1);
/// Hosts limit how often they complain (RFC 1812 §4.3.2.8): Linux to once in a second.
const LATELY: Span = Span::from_secs(2);
/// Where nobody listens, the first packet is answered as soon as a host of the same network answers.
const AT_ONCE: Span = Span::from_millis(300);

/// Fires for each medium of the server that the client's host refused up to its end.
pub(super) fn check(view: &View<'_>) -> Vec<Finding> {
    let media = view.facts.media();
    media
        .filter_map(|media| finding(view, media, refusals(view, media)?))
        .collect()
}

/// The first and the last refusal of what came as agreed, and how many there were.
fn refusals(view: &View<'_>, media: MediaFacts<'_>) -> Option<[Locator; 2]> {
    let arrival = media.arrival(0).filter(|_| media.is_udp())?;
    let leg = view.session.legs.first()?;
    let (agreed, rtp) = (media.negotiated_at(0), &arrival.rtp);
    let (from, to) = (rtp.from?, rtp.to?);
    // Outside a NAT its address answers for the hosts behind it, and a provider's shared one is a router's mostly.
    let is_host = view.facts.sides().is_some()
        || address::privacy(leg.client.ip()) == address::Privacy::Private;
    let may_be_announced = || media.setup_answer(0).is_none_or(|answer| !answer.is_cut());
    let is_announced = |port| port == 0 || port == from.port();
    let as_agreed = Some(to.port()) == agreed.client_rtp_port
        && agreed
            .server_rtp_port
            .map_or_else(may_be_announced, is_announced);
    let last = rtp.last?.at;
    let end = media.ending(0).map_or(last, |ending| ending.min(last));
    let host = leg.client.ip();
    let by_host = |refusal: &&Refusal| {
        !refusal.rtcp_port && refusal.from == host && refusal.at.at <= end + LATELY
    };
    let refused: Vec<Locator> = arrival
        .refused
        .iter()
        .filter(by_host)
        .map(|refusal| refusal.at)
        .collect();
    let ends = [*refused.first()?, *refused.last()?];
    let spoken = Spoken {
        refused: &refused,
        begin: rtp.first?.at,
        end,
    };
    let is_refused = if media.media.superseded {
        spoken.lasts(LONG_FOR_ONE_THAT_TRIES_AGAIN)
    } else {
        spoken.lasts(LONG)
    };
    let at_once = AT_ONCE + leg.order_uncertain_for();
    let from_the_begin = spoken.begins_within(at_once)
        || (spoken.begins_within(LATELY)
            && complained_already(view, host, ends[0], spoken.begin + at_once));
    let takes_it = arrival.rtcp.far_end.lost.is_some();
    (as_agreed && is_host && is_refused && from_the_begin && !takes_it).then_some(ends)
}

/// What a host said of a medium that came to it in a time.
#[derive(Clone, Copy, Debug)]
struct Spoken<'a> {
    refused: &'a [Locator],
    begin: Timestamp,
    end: Timestamp,
}

impl Spoken<'_> {
    /// Whether the first packets were refused. A player that took them, and is gone, has crashed or was stopped, is another thing.
    fn begins_within(self, time: Span) -> bool {
        let mut refused = self.refused.iter();
        refused
            .next()
            .is_some_and(|first| first.at - self.begin <= time)
    }

    /// Whether media was refused for so long, up to its end, and in between: a player that opens late and closes early took the
    /// most of it.
    fn lasts(self, time: Span) -> bool {
        let (Some(first), Some(last)) = (self.refused.first(), self.refused.last()) else {
            return false;
        };
        let [after, before] = [self.begin + LATELY, self.end + Span(-LATELY.0)];
        let mut refused = self.refused.iter();
        let is_between = before - after < LATELY
            || refused.any(|refusal| (after..=before).contains(&refusal.at));
        let is_often = self.refused.len() >= OFTEN && is_between;
        is_often && last.at - first.at >= time && self.end - last.at <= LATELY
    }
}

/// Whether a host that complained of a medium at `first` had just refused other media by `begin`, so that its limit may have kept
/// it from complaining of this one at once.
fn complained_already(view: &View<'_>, host: IpAddr, first: Locator, begin: Timestamp) -> bool {
    let sessions = view.others().chain(std::iter::once(view.session));
    let arrivals = sessions
        .flat_map(|session| &session.media)
        .flat_map(|media| &media.arrivals);
    let mut refused = arrivals.flat_map(|arrival| &arrival.refused);
    refused.any(|refusal| {
        let is_recent = refusal.at.at <= begin && first.at - refusal.at.at <= LATELY;
        is_recent && !refusal.rtcp_port && (refusal.at.tap, refusal.from) == (first.tap, host)
    })
}

fn finding(view: &View<'_>, media: MediaFacts<'_>, [first, last]: [Locator; 2]) -> Option<Finding> {
    let arrival: &Arrival = media.arrival(0)?;
    let (host, to) = (view.session.legs.first()?.client.ip(), arrival.rtp.to?);
    let count = arrival
        .refused
        .iter()
        .filter(|refusal| !refusal.rtcp_port)
        .count();
    Some(
        Finding::new(
            Code::MediaRefused,
            Severity::Error,
            view.medium(media.index),
            format!("{} RTP packets came to {host}, and that computer refuses them", arrival.rtp.packets),
        )
        .cause(format!(
            "{host} answered packets for {to} with {count} ICMP errors at {}: its firewall does not take them, or the player does not \
             listen there",
            view.place_of(arrival)
        ))
        .proof_if(arrival.rtp.first, "first RTP packet next to the client")
        .proof(first, "the client's host refuses one (ICMP)")
        .proof(last, "it refuses one for the last time")
        .remedies(EXPLANATION.remedies.iter().copied()),
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rtspscope_wire::Anomaly;
    use rtspscope_wire::rtsp::stream::NOT_CAPTURED;

    use crate::model::Leg;
    use crate::testkit::{LAN, Scene, UDP_TALK, WAN, addr, at};

    fn refused_at(times: &[f64]) -> Scene {
        let scene = Scene::behind_nat(UDP_TALK).punch(0.035, 5000).rtp(217, 217);
        times
            .iter()
            .fold(scene, |scene, secs| scene.refuse(*secs, false))
    }

    #[test]
    fn fires_when_the_host_refuses_to_the_end() {
        let snapshot = refused_at(&[0.1, 4.0, 9.0]).checked();
        let finding = &snapshot.findings[0];
        assert_eq!(finding.code.name(), "media-refused");
        assert_eq!(
            finding.cause,
            "192.168.1.100 answered packets for 192.168.1.100:5000 with 3 ICMP errors at lan: its firewall does not take them, or \
             the player does not listen there"
        );
    }

    #[test]
    fn is_silent_for_a_player_that_opens_late_closes_early_or_is_gone() {
        for times in [
            &[0.1, 0.2, 0.3][..],
            &[9.7, 9.8, 9.9],
            &[0.1, 9.0],
            &[3.0, 6.0, 9.0],
            &[0.1, 1.0, 2.0],
            &[0.1, 8.1, 9.0, 9.9],
        ] {
            let codes = refused_at(times).troubles();
            assert!(!codes.contains(&"media-refused"), "{times:?}");
        }
    }

    /// The same session, which the player ends at that time.
    fn ended_at(end: f64, times: &[f64]) -> Scene {
        let talk = UDP_TALK.replace("10.0 >", &format!("{end:.1} >"));
        let talk = talk.replace("10.1 <", &format!("{:.1} <", end + 0.1));
        let scene = Scene::behind_nat(&talk).punch(0.035, 5000).rtp(60, 60);
        let mut scene = times
            .iter()
            .fold(scene, |scene, secs| scene.refuse(*secs, false));
        for tap in [LAN, WAN] {
            scene.arrival(tap).rtp.last = Some(at(tap, end, 200));
        }
        scene
    }

    #[test]
    fn is_silent_for_a_player_that_took_the_first_packets_and_stopped() {
        let none = Vec::<&str>::new();
        let stopped = |times: &[f64]| ended_at(3.2, times).troubles();
        assert_eq!(stopped(&[0.8, 1.8, 2.8]), none);
        assert_eq!(stopped(&[0.061, 1.1, 2.2]), none, "a probe that lingers");
        let long = ended_at(6.2, &[0.5, 1.5, 2.5, 3.5, 4.5, 5.5]);
        assert_eq!(long.troubles(), none);
        let refused = ended_at(6.2, &[0.1, 1.5, 2.5, 3.5, 4.5, 5.5]);
        assert_eq!(refused.troubles(), ["media-refused"]);
    }

    #[test]
    fn a_player_that_tries_again_did_not_stop_of_its_own_will() {
        let mut scene = ended_at(3.2, &[0.061, 1.1, 2.2]);
        scene.media[0].superseded = true;
        assert_eq!(scene.troubles(), ["media-refused"]);
    }

    #[test]
    fn a_host_that_had_just_refused_other_media_may_complain_late() {
        let later = |other: f64| {
            let mut scene = ended_at(6.2, &[1.1, 2.1, 3.1, 4.1, 5.1]);
            let mut sound = scene.media[0].clone();
            sound.arrivals[0].refused.truncate(1);
            sound.arrivals[0].refused[0].at = at(LAN, other, 29);
            scene.media.push(sound);
            scene.troubles()
        };
        assert_eq!(later(0.1), ["media-refused"]);
        assert_eq!(later(-1.5), Vec::<&str>::new());
        assert_eq!(later(1.0), Vec::<&str>::new(), "both were closed at once");
    }

    #[test]
    fn is_silent_where_the_players_reports_tell_that_media_comes_to_it() {
        let mut scene = refused_at(&[0.1, 4.0, 9.0]);
        scene.arrival(LAN).rtcp.far_end.lost = Some(0);
        assert_eq!(scene.troubles(), Vec::<&str>::new());
    }

    #[test]
    fn is_silent_outside_a_nat_whose_address_may_be_a_providers_shared_one() {
        let codes = |client: &str| {
            let talk_at = |client| Scene::at_one_tap(client, "198.51.100.7:554", UDP_TALK);
            let scene = talk_at(client).rtp_at(LAN, 217);
            let times = [0.1, 4.0, 9.0];
            let refused = |scene: Scene, secs: &f64| scene.refuse(*secs, false);
            let mut scene = times.iter().fold(scene, refused);
            for refusal in &mut scene.arrival(LAN).refused {
                refusal.from = addr(client).ip();
            }
            scene.troubles()
        };
        assert_eq!(codes("192.168.1.100:40000"), ["media-refused"]);
        assert_eq!(codes("100.64.0.9:40000"), Vec::<&str>::new());
        assert_eq!(codes("203.0.113.1:40000"), Vec::<&str>::new());
    }

    #[test]
    fn is_silent_where_the_answer_is_cut_and_may_announce_another_port() {
        let troubles = |is_cut: bool| {
            let mut scene = refused_at(&[0.1, 4.0, 9.0]);
            for agreed in &mut scene.media[0].per_leg {
                agreed.server_rtp_port = None;
            }
            let exchanges = scene.legs.iter_mut().flat_map(Leg::exchanges_mut);
            let answers = exchanges.filter_map(|exchange| exchange.response.as_mut());
            for answer in answers.filter(|_| is_cut) {
                Arc::make_mut(answer).anomalies.push(Anomaly {
                    what: NOT_CAPTURED.to_owned(),
                    at: 0..0,
                });
            }
            scene.troubles()
        };
        assert_eq!(troubles(false), ["media-refused"]);
        assert_eq!(troubles(true), Vec::<&str>::new());
    }

    #[test]
    fn is_silent_where_a_router_refuses_or_media_comes_from_elsewhere() {
        let mut scene = refused_at(&[0.1, 4.0, 9.0]);
        for refusal in &mut scene.arrival(LAN).refused {
            refusal.from = addr("192.168.1.1:0").ip();
        }
        assert!(!scene.troubles().contains(&"media-refused"));
        let mut scene = refused_at(&[0.1, 4.0, 9.0]);
        scene.arrival(LAN).rtp.from = Some(addr("203.0.113.10:7000"));
        assert!(!scene.troubles().contains(&"media-refused"));
    }
}
