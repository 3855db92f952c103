//! `mapping-expired`: the NAT's UDP mapping ended while media went on.

use rtspscope_wire::Span;

use super::rtp_stalled::stall;
use super::{View, advice};
use crate::facts::MediaFacts;
use crate::finding::{Code, Explanation, Finding, Severity};
use crate::locator::Locator;
use crate::model::Mapping;

pub(super) const EXPLANATION: Explanation = Explanation {
    meaning: "Media came through the NAT for a while and then stopped there, although the server went on. A NAT forgets a UDP mapping \
        after some time without packets from inside (30 to 180 seconds are usual, RFC 4787 §4.3), or when an ICMP error comes by.",
    proof: "RTP through the NAT to a client behind it, then RTP outside only, for ten seconds or more, or for three where many packets came \
        meanwhile; or for a second or more after the router's own table told that the mapping ended.",
    not_this: "Media that ends on both sides at once was ended by the server: rtp-stalled alone, which also tells of media that stopped though the \
        router's own table kept the mapping. Media that never came through is \
        nat-no-pinhole or nat-port-randomised.",
    remedies: &[
        advice::USE_TCP,
        "Let the player send on its media ports while it plays: receiver reports, or a packet every 15 seconds",
        "Raise the router's UDP timeout (Linux: net.netfilter.nf_conntrack_udp_timeout_stream)",
    ],
};

/// Media that the mapping's own end may have held back: a packet inside may be known so much later than that end. An error
/// that answers the last packet inside comes as little later.
const LAG: Span = Span::from_millis(500);

/// So long media must have gone on outside after the end that the router's own table shows.
const GOES_ON: Span = Span::from_secs(1);

/// No mapping is known to end sooner without a packet (RFC 4787 §4.3: at least two minutes; 20 s are seen in the field).
const SHORTEST: Span = Span::from_secs(10);

const TOO_SOON: &str = ", and hardly any NAT forgets so soon: a firewall rule, a table that was flushed or an address that the router \
    got anew may have ended it as well";

/// Of a table that tells how long an entry lasts without a packet, in either direction.
const NO_TIME_OUT: &str = "no time-out ended it: the table was flushed, or a line or an address of the router was made anew";

/// Fires for a UDP medium behind a NAT that went on outside after it had ended inside.
pub(super) fn check(view: &View<'_>) -> Vec<Finding> {
    let behind_nat = view.facts.media().filter(|media| media.needs_opening());
    behind_nat
        .filter_map(|media| finding(view, media))
        .collect()
}

/// How a medium ended inside only.
#[derive(Clone, Copy, Debug)]
struct Expired {
    last_inside: Locator,
    last_outside: Locator,
    later: Span,
}

fn finding(view: &View<'_>, media: MediaFacts<'_>) -> Option<Finding> {
    let expired = by_silence(view, media).or_else(|| by_table(view, media))?;
    let last = expired.last_inside;
    let sent = last_sent(view, media);
    let idle = sent.map_or_else(
        || match view
            .facts
            .sides()
            .and_then(|sides| media.setup_request(sides.client_index))
        {
            Some(_) => "the client had sent nothing from its media port".to_owned(),
            None => {
                "the client sent nothing from its media port while its side was captured".to_owned()
            }
        },
        |sent| {
            format!(
                "the client had last sent from its media port {:.1} s before",
                (last.at - sent.at).as_secs_f64()
            )
        },
    );
    let torn = media
        .at_client()
        .and_then(|arrival| arrival.refused.last())
        .map(|refusal| refusal.at);
    let mapping = media.mapping().filter(|mapping| mapping.ended.is_some());
    let told = mapping.map_or_else(String::new, told);
    let set = view.facts.udp_timeouts();
    let set_text = set.map_or_else(String::new, |(time_outs, _)| set_to(time_outs));
    let silence = sent.map(|sent| last.at - sent.at);
    let shortest = set.map_or(SHORTEST, |(time_outs, _)| {
        Span::from_secs(time_outs.into_iter().min().map_or(0, i64::from))
    });
    let moved = view.facts.moved();
    let moved_text = moved.map_or_else(String::new, |moved| moved.told());
    let too_soon = mapping.is_none()
        && torn.is_none()
        && moved.is_none()
        && silence.is_some_and(|silence| silence + LAG < shortest);
    let flushed = mapping.and_then(|mapping| last_used(mapping, [Some(last), sent]));
    let remedies = if moved.is_some() {
        vec![advice::LOOK_AT_THE_MOMENT.to_owned()]
    } else if flushed.is_some() || (too_soon && set.is_some()) {
        [advice::LOOK_AT_THE_MOMENT, advice::USE_TCP]
            .map(str::to_owned)
            .to_vec()
    } else {
        let look = too_soon.then(|| advice::LOOK_AT_THE_MOMENT.to_owned());
        let usual = remedies(set.map(|(time_outs, _)| time_outs), silence);
        look.into_iter().chain(usual).collect()
    };
    let flushed = flushed.map_or_else(String::new, |idle| {
        format!(
            "a packet had passed {:.1} s before, so {NO_TIME_OUT}",
            idle.as_secs_f64()
        )
    });
    Some(
        Finding::new(
            Code::MappingExpired,
            Severity::Error,
            view.medium(media.index),
            format!(
                "the NAT stopped letting media in; outside it went on for {:.1} s",
                expired.later.as_secs_f64()
            ),
        )
        .cause(format!(
            "RTP ended inside while it went on outside; {idle}{}{}{}{}{}",
            if too_soon { TOO_SOON } else { "" },
            after_semicolon(&moved_text),
            after_semicolon(&told),
            after_semicolon(&flushed),
            after_semicolon(&set_text)
        ))
        .proof(last, "last RTP packet inside")
        .proof_if(mapping.and_then(|mapping| mapping.ended), told)
        .proof(expired.last_outside, "last RTP packet outside")
        .proof_if(moved.map(|moved| moved.first), moved_text)
        .proof_if(sent, "last packet of the client from its media port")
        .proof_if(
            torn.filter(|torn| torn.at <= last.at + LAG),
            "an ICMP error of the client's host, which may end a mapping",
        )
        .proof_if(set.map(|(_, at)| at), set_text)
        .remedies(remedies.iter().map(String::as_str)),
    )
}

/// The last packet of the client from its media port: the port that it named, else, where the tap began after that, the one
/// to which media came.
fn last_sent(view: &View<'_>, media: MediaFacts<'_>) -> Option<Locator> {
    let client_index = view.facts.sides()?.client_index;
    let named = media.negotiated_at(client_index).client_rtp_port;
    let arrival = media.at_client()?;
    let port = named.or(arrival.rtp.to.map(|to| to.port()))?;
    let sent = arrival.from_client.iter();
    let own = sent.filter(|sent| sent.from.port() == port);
    own.map(|sent| sent.last).max_by_key(|sent| sent.at)
}

/// How long before its end an entry had been used by one of these packets, where that is less than it lasts without one:
/// netfilter counts anew with each packet, whichever way it goes.
fn last_used(mapping: &Mapping, packets: [Option<Locator>; 2]) -> Option<Span> {
    let (ended, lasts) = (mapping.ended?, mapping.timeout_secs?);
    let used = packets.into_iter().flatten().map(|packet| packet.at);
    let last = used.filter(|at| *at <= ended.at + LAG).max()?;
    let idle = (ended.at - last).max(Span(0));
    (idle + LAG < Span::from_secs(i64::from(lasts))).then_some(idle)
}

/// By a long silence inside, whoever ended it, at a NAT whose own table does not show that it kept the mapping.
fn by_silence(view: &View<'_>, media: MediaFacts<'_>) -> Option<Expired> {
    let stall = stall(view, media)?;
    let (last_outside, later) = stall.ended_in_the_router()?;
    let [inner, outer] = stall.ended_between()?.map(|leg| view.session.legs.get(leg));
    if inner?.client == outer?.client || media.lasting_mapping().is_some() {
        return None;
    }
    Some(Expired {
        last_inside: stall.last,
        last_outside,
        later,
    })
}

/// By the end of the entry itself, after which media came outside only.
fn by_table(view: &View<'_>, media: MediaFacts<'_>) -> Option<Expired> {
    let ended = media.mapping()?.ended?;
    let sides = view.facts.sides()?;
    let last_inside = media.at_client()?.rtp.last?;
    let last_outside = media.at_server()?.rtp.last?;
    let later = last_outside.at - ended.at;
    let was_wanted = media
        .ending(sides.client_index)
        .is_none_or(|end| end >= ended.at + GOES_ON);
    let is_proof = last_inside.at <= ended.at + LAG && later >= GOES_ON && was_wanted;
    (is_proof && !media.may_be_offloaded()).then_some(Expired {
        last_inside,
        last_outside,
        later: last_outside.at - last_inside.at,
    })
}

fn told(mapping: &Mapping) -> String {
    let time_out = mapping.timeout_secs.map_or_else(String::new, |secs| {
        format!(", which lasts {secs} s without a packet,")
    });
    let (from, to) = (mapping.original.from, mapping.original.to);
    format!("netfilter's own table: the mapping {from} to {to}{time_out} ended")
}

/// How long the router keeps UDP mappings by its own settings.
fn set_to([once, stream]: [u32; 2]) -> String {
    format!(
        "the router's setup: a UDP mapping lasts {stream} s without a packet, {once} s where packets went one way only"
    )
}

/// Time-outs to choose from, in seconds; RFC 4787 §4.3 recommends five minutes or more.
const LONGER: [u32; 6] = [180, 300, 600, 1_800, 3_600, 7_200];

/// What to do, with a time-out that is longer than the router's own and than the silence that it ended.
fn remedies(set: Option<[u32; 2]>, silence: Option<Span>) -> Vec<String> {
    let silence = silence.map_or(0.0, Span::as_secs_f64);
    let longer = set.and_then(|[once, stream]| {
        let least = once.max(stream);
        let is_longer = |secs: &u32| *secs > least && f64::from(*secs) > silence;
        LONGER.into_iter().find(is_longer)
    });
    let mut remedies: Vec<String> = EXPLANATION
        .remedies
        .iter()
        .map(ToString::to_string)
        .collect();
    if let (Some(secs), Some(raise)) = (longer, remedies.last_mut()) {
        *raise = format!(
            "Raise the router's UDP timeout: sysctl -w net.netfilter.nf_conntrack_udp_timeout_stream={secs}"
        );
    }
    remedies
}

fn after_semicolon(told: &str) -> String {
    if told.is_empty() {
        String::new()
    } else {
        format!("; {told}")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::model::Netfilter;
    use crate::router_setup::RouterSetup;
    use crate::testkit::{LAN, Scene, WAN, leg, mapping, read_at, told_at, with_helper};

    #[test]
    fn fires_when_media_went_on_outside_only() {
        let snapshot = Scene::stopped(30.0, 59.9).checked();
        let finding = &snapshot.findings[1];
        assert_eq!(finding.code.name(), "mapping-expired");
        assert_eq!(
            finding.cause,
            "RTP ended inside while it went on outside; the client had last sent from its media port 30.0 s before"
        );
    }

    #[test]
    fn tells_of_an_address_that_the_router_got_anew() {
        let told = |stray: &str| {
            let mut scene = Scene::stopped(9.7, 59.9);
            let lan = "40.0 > OPTIONS rtsp://203.0.113.10/a RTSP/1.0 | CSeq: 9";
            let asked = leg(LAN, "192.168.1.100:40000", "203.0.113.10:554", lan);
            let inside = Arc::make_mut(&mut scene.legs[0].exchanges);
            inside.extend(asked.exchanges.iter().cloned());
            let mut stray = leg(WAN, stray, "203.0.113.10:554", lan);
            (stray.client_isn, stray.server_isn) = (None, None);
            let snapshot = Scene::together(vec![scene, Scene::of(vec![stray])]);
            let mut findings = snapshot.findings.into_iter();
            let own = findings.find(|finding| finding.code.name() == "mapping-expired");
            let own = own.expect("the finding");
            (own.cause, own.remedy)
        };
        let (cause, remedy) = told("203.0.113.99:40000");
        assert_eq!(
            cause,
            "RTP ended inside while it went on outside; the client had last sent from its media port 9.7 s before; the client's requests \
             leave from 203.0.113.99:40000 since: the router got another address outside, to which nothing of this session comes"
        );
        assert_eq!(remedy, [super::advice::LOOK_AT_THE_MOMENT]);
        let (cause, _) = told("203.0.113.1:41000");
        assert!(!cause.contains("another address outside"));
    }

    #[test]
    fn doubts_that_a_mapping_ends_within_seconds() {
        let told = |sent| {
            let snapshot = Scene::stopped(sent + 2.7, 59.9).punch(sent, 5000).checked();
            let finding = &snapshot.findings[1];
            assert_eq!(finding.code.name(), "mapping-expired");
            (
                finding.cause.contains(super::TOO_SOON),
                finding.remedy[0].clone(),
            )
        };
        assert_eq!(
            told(10.0),
            (true, super::advice::LOOK_AT_THE_MOMENT.to_owned())
        );
        let snapshot = Scene::stopped(30.0, 59.9).checked();
        assert!(!snapshot.findings[1].cause.contains(super::TOO_SOON));
    }

    /// Cause, last proof and last remedy with time-outs of the router's own.
    fn with_time_outs(once: u32, stream: u32, silence: f64) -> (String, String, String) {
        let setup = RouterSetup {
            udp_timeout_secs: Some(once),
            udp_stream_timeout_secs: Some(stream),
            ..with_helper(&[554])
        };
        let scene = Scene {
            setup: Some(setup),
            ..Scene::stopped(silence, silence + 25.0)
        };
        let mut findings = scene.checked().findings.into_iter();
        let finding = findings
            .find(|finding| finding.code.name() == "mapping-expired")
            .unwrap();
        let proof = finding.evidence.last().unwrap();
        assert_eq!(proof.at, read_at());
        (
            finding.cause,
            proof.note.clone(),
            finding.remedy.last().unwrap().clone(),
        )
    }

    #[test]
    fn the_routers_own_time_out_stands_beside_the_silence_and_a_longer_one_is_named() {
        let (cause, proof, remedy) = with_time_outs(30, 120, 30.0);
        let set = "the router's setup: a UDP mapping lasts 120 s without a packet, 30 s where packets went one way only";
        assert_eq!(proof, set);
        assert_eq!(
            cause,
            format!(
                "RTP ended inside while it went on outside; the client had last sent from its media port 30.0 s before; {set}"
            )
        );
        assert_eq!(
            remedy,
            "Raise the router's UDP timeout: sysctl -w net.netfilter.nf_conntrack_udp_timeout_stream=180"
        );
        let (_, _, remedy) = with_time_outs(30, 180, 30.0);
        assert!(remedy.ends_with("_stream=300"), "{remedy}");
    }

    #[test]
    fn names_an_icmp_error_that_answers_the_last_packet_inside() {
        let notes = |secs: f64| -> Vec<String> {
            let findings = Scene::stopped(30.0, 59.9)
                .refuse(secs, false)
                .checked()
                .findings;
            let ours = findings
                .into_iter()
                .find(|finding| finding.code.name() == "mapping-expired");
            let evidence = ours.unwrap().evidence.into_iter();
            evidence.map(|proof| proof.note).collect()
        };
        let torn = "an ICMP error of the client's host, which may end a mapping".to_owned();
        assert!(notes(30.001).contains(&torn));
        assert!(!notes(31.0).contains(&torn));
    }

    #[test]
    fn is_silent_when_media_ended_on_both_sides() {
        assert!(
            !Scene::stopped(30.0, 30.0)
                .troubles()
                .contains(&"mapping-expired")
        );
    }

    /// The same with the end of the client's mapping told at `ended`.
    fn told(inside: f64, outside: f64, ended: f64) -> Scene {
        let mut mapping = mapping(
            "192.168.1.100:5000",
            "203.0.113.10:6970",
            "203.0.113.1:5000",
        );
        mapping.timeout_secs = Some(30);
        mapping.ended = Some(told_at(ended, 77));
        let netfilter = Netfilter {
            mappings: vec![mapping],
            ..Netfilter::default()
        };
        Scene {
            netfilter: Some(netfilter),
            ..Scene::stopped(inside, outside)
        }
    }

    #[test]
    fn fires_soon_when_the_table_itself_shows_the_end() {
        let snapshot = told(52.0, 59.9, 52.1).checked();
        let finding = snapshot
            .findings
            .iter()
            .find(|finding| finding.code.name() == "mapping-expired")
            .unwrap();
        assert_eq!(
            finding.cause,
            "RTP ended inside while it went on outside; the client had last sent from its media port 52.0 s before; \
             netfilter's own table: the mapping 192.168.1.100:5000 to 203.0.113.10:6970, which lasts 30 s without a packet, ended; \
             a packet had passed 0.1 s before, so no time-out ended it: the table was flushed, or a line or an address of the router was made anew"
        );
        assert_eq!(finding.evidence[1].at, told_at(52.1, 77));
        let remedies = [super::advice::LOOK_AT_THE_MOMENT, super::advice::USE_TCP];
        assert_eq!(finding.remedy, remedies);
    }

    #[test]
    fn a_table_that_shows_the_end_after_its_time_out_leaves_the_usual_advice() {
        let findings = told(20.0, 59.9, 50.1).checked().findings;
        let expired = findings
            .iter()
            .find(|finding| finding.code.name() == "mapping-expired");
        let expired = expired.unwrap();
        assert!(
            !expired.cause.contains(super::NO_TIME_OUT),
            "{}",
            expired.cause
        );
        assert_eq!(expired.remedy[0], super::advice::USE_TCP);
    }

    /// The same with a mapping that the table had from `began` on and still has.
    fn kept(began: f64) -> Scene {
        let mut scene = told(30.0, 59.9, 0.0);
        let mapping = scene.netfilter.as_mut().unwrap().mappings.first_mut();
        let mapping = mapping.unwrap();
        (mapping.first, mapping.ended) = (told_at(began, 3), None);
        scene
    }

    #[test]
    fn is_silent_where_the_table_kept_the_mapping_and_the_stall_tells_of_it() {
        let findings = kept(0.0).checked().findings;
        assert_eq!(findings[0].code.name(), "rtp-stalled");
        assert!(
            findings[0].cause.contains(
                "though netfilter's own table kept the mapping 192.168.1.100:5000 to 203.0.113.10:6970: a firewall rule"
            ),
            "{}",
            findings[0].cause
        );
        assert_eq!(findings[0].remedy[0], super::advice::LOOK_AT_THE_MOMENT);
        assert!(!kept(0.0).troubles().contains(&"mapping-expired"));
    }

    #[test]
    fn fires_where_the_mapping_is_a_new_one_or_not_all_was_told_of_the_table() {
        assert!(kept(31.0).troubles().contains(&"mapping-expired"));
        let mut overrun = kept(0.0);
        overrun.losses = vec![(crate::LossKind::NetfilterOverrun, 1)];
        assert!(overrun.troubles().contains(&"mapping-expired"));
    }

    #[test]
    fn no_time_out_of_the_routers_own_ends_a_mapping_sooner_than_it_is_set_to() {
        let (cause, _, remedy) = with_time_outs(30, 120, 29.0);
        assert!(cause.contains(super::TOO_SOON), "{cause}");
        assert_eq!(remedy, super::advice::USE_TCP);
    }

    #[test]
    fn is_silent_when_media_went_on_inside_after_the_end_of_a_mapping() {
        assert!(
            !told(59.9, 59.9, 52.1)
                .troubles()
                .contains(&"mapping-expired")
        );
    }

    #[test]
    fn is_silent_when_the_mapping_ended_after_the_media() {
        assert!(
            !told(52.0, 52.0, 58.0)
                .troubles()
                .contains(&"mapping-expired")
        );
    }
}
