//! `rtp-never-arrived`: media went into the path and nothing of it came out at the client.

use rtspscope_wire::Span;

use super::{View, advice};
use crate::facts::{Late, Lost, MediaFacts};
use crate::finding::{Code, Explanation, Finding, Severity};
use crate::model::{AlgEffect, MediaDirection, Side};

mod before_every_tap;

pub(super) const EXPLANATION: Explanation = Explanation {
    meaning: "The server sent media, a tap between router and server saw it, and no packet of it was seen between router \
        and client: not at the negotiated port and not at any other. The player shows no picture and gives up after some seconds.",
    proof: "RTP packets at the tap next to the server, none at the tap next to the client while that tap was recording. \
        A second finding often says why: nat-no-pinhole or nat-port-randomised. A tap next to the client that began while media was under way \
        tells of that time alone, and the words say so. Or no RTP at any tap, while the server's sender \
        reports (RTCP) that pass there count the packets it sends: those were lost before. Of a medium that the client sends, a recording \
        or a back channel, the same the other way round.",
    not_this: "A server that sends nothing is rtp-never-sent. With one tap only and no such reports, or where the client's capture ended before the \
        media began, nothing is concluded, nor where the client's tap began after the media had ended outside; and what the client's receiver \
        reports show to have come before that tap began is rtp-stalled. Of an attempt that was lost before the player set the stream up anew and got it, over \
        TCP mostly, this is a warning.",
    remedies: &[
        advice::PASS_UDP,
        advice::USE_TCP,
        advice::LOAD_HELPER,
        advice::USE_VPN,
    ],
};

/// Fires for a medium that was seen next to the end that sends it only, or nowhere though the server reports that it sends.
pub(super) fn check(view: &View<'_>) -> Vec<Finding> {
    let facts = view.facts;
    facts
        .media()
        .chain(facts.media_of_client())
        .filter(|media| media.media.set_up)
        .filter_map(|media| match media.lost_between() {
            Some(lost) => finding(view, media, lost),
            None => match media.lost_beside_the_router() {
                Some(lost) => finding(view, media, lost),
                None => before_every_tap::finding(view, media),
            },
        })
        .collect()
}

/// The words for the two ends of a medium's way.
struct Ways {
    receiver: &'static str,
    sending_side: &'static str,
    asks: &'static str,
}

const TO_CLIENT: Ways = Ways {
    receiver: "client",
    sending_side: "server",
    asks: "the client asks for this medium",
};

const TO_SERVER: Ways = Ways {
    receiver: "server",
    sending_side: "client",
    asks: "the client says that it will send this medium",
};

fn finding(view: &View<'_>, media: MediaFacts<'_>, lost: Lost<'_>) -> Option<Finding> {
    let [server, client] = lost.legs.map(|index| view.session.legs.get(index));
    let [server, client] = [server?, client?];
    if media.in_band() && (client.missing_bytes > 0 || server.missing_bytes > 0) {
        return None;
    }
    if is_stopped(media, lost)
        || may_be_anothers(view, media, lost)
        || is_stopped_by_size(view, media)
    {
        return None;
    }
    let ways = match media.media.direction {
        MediaDirection::FromServer => TO_CLIENT,
        MediaDirection::FromClient => TO_SERVER,
    };
    let to = lost
        .sender
        .rtp
        .to
        .map_or_else(|| format!("the {}", ways.receiver), |to| to.to_string());
    let sides = view.facts.sides();
    let at_router = sides.filter(|sides| lost.legs == [sides.server_index, sides.client_index]);
    let unseen = view
        .tap(lost.receiver.tap)
        .is_some_and(|tap| !tap.shows_udp())
        && media.is_udp();
    let doubt = if unseen {
        "; that capture holds no UDP at all, which fits only if it was not filtered to TCP"
    } else {
        ""
    };
    let (unit, one) = (media.media.unit(), media.media.unit_of_one());
    let sender_tap = view.place_of(lost.sender);
    let receiver_tap = view.place_of(lost.receiver);
    let packets = lost.sender.rtp.packets;
    let receiver = ways.receiver;
    let side = if at_router.is_some() {
        "the router"
    } else {
        "the break"
    };
    let (summary, cause) = match lost.late {
        None => (
            format!("{packets} {unit} were sent and none reached the {receiver}'s side"),
            format!("{sender_tap} saw {packets} {unit} for {to}, {receiver_tap} saw none{doubt}"),
        ),
        Some(late) => told_late(&late, [&sender_tap, &receiver_tap], (unit, receiver, &to)),
    };
    let sent = match lost.late {
        None => (lost.first, "first"),
        Some(_) => (lost.sender.rtp.last?, "last"),
    };
    let finding = Finding::new(
        Code::RtpNeverArrived,
        Severity::Error,
        view.medium(media.index),
        summary,
    )
    .cause(cause)
    .proof(
        sent.0,
        format!(
            "{} {one} for {to}, on the {}'s side of {side}",
            sent.1, ways.sending_side
        ),
    )
    .proof_if(
        lost.late.map(|late| late.since),
        format!("recording begins on the {receiver}'s side, while media is under way"),
    )
    .proof_if(media.setup_request(lost.legs[1]), ways.asks)
    .proof(
        lost.watched,
        format!(
            "still recording on the {receiver}'s side, without any {}",
            media.media.matter()
        ),
    );
    let damaged = at_router.is_some() && view.session.alg.effect == AlgEffect::Damaged;
    let disable = damaged.then_some(advice::DISABLE_ALG);
    let opens = at_router.is_some() && media.needs_opening() && !damaged;
    let turns = at_router.is_some_and(|sides| sides.turns_around());
    let is_translated = (client.client, client.server) != (server.client, server.server);
    let pass = (!is_translated).then(|| pass_udp(media, lost)).flatten();
    let remedies = [
        turns.then_some(advice::ASK_INSIDE),
        pass.as_deref(),
        Some(if media.in_band() {
            advice::LOOK_AT_ROUTER
        } else {
            advice::USE_TCP
        }),
        disable,
        opens.then_some(advice::LOAD_HELPER),
        is_translated.then_some(advice::USE_VPN),
    ];
    Some(finding.remedies(remedies.into_iter().flatten()))
}

/// The words where the receiver's tap began while media was under way: it tells of that time alone.
fn told_late(
    late: &Late,
    [sender_tap, receiver_tap]: [&str; 2],
    (unit, receiver, to): (&str, &str, &str),
) -> (String, String) {
    let [before, time] = [late.before, late.time].map(Span::as_secs_f64);
    let summary =
        format!("{unit} were sent for {time:.1} s and none of them reached the {receiver}'s side");
    let cause = format!(
        "in the {time:.1} s from the begin of the recording at {receiver_tap} on, {sender_tap} saw {unit} for {to}, {receiver_tap} saw none; \
         whether any reached the {receiver} in the {before:.1} s before, nobody recorded"
    );
    (summary, cause)
}

/// What to do first where no address is translated between the two taps, so that only a filter can have kept the media back.
fn pass_udp(media: MediaFacts<'_>, lost: Lost<'_>) -> Option<String> {
    let (from, to) = (lost.sender.rtp.from?, lost.sender.rtp.to?);
    (!media.in_band()).then(|| {
        format!(
            "Let the firewall between them (router, switch, access point) pass UDP from {from} to {to}, and between the next ports for the \
             reports; other sessions choose other ports"
        )
    })
}

/// Whether it had come before the receiver's tap began, by the receiver's own reports: `rtp-stalled` tells that.
fn is_stopped(media: MediaFacts<'_>, lost: Lost<'_>) -> bool {
    lost.late.is_some() && media.is_reported_received()
}

/// Whether only the size of its segments stops media inside the connection: `large-packets-lost` tells that.
fn is_stopped_by_size(view: &View<'_>, media: MediaFacts<'_>) -> bool {
    let from = match media.media.direction {
        MediaDirection::FromServer => Side::Server,
        MediaDirection::FromClient => Side::Client,
    };
    media.in_band() && view.facts.cut(from).is_some_and(|cut| cut.by_size())
}

/// Whether media that came out may have been taken for those of another session: where the receiving tap began after SETUP,
/// and another connection of the client was there too.
fn may_be_anothers(view: &View<'_>, media: MediaFacts<'_>, lost: Lost<'_>) -> bool {
    let Some(index) = lost.receiver.leg else {
        return false;
    };
    let saw_setup = media.media.setup.get(index).copied().flatten().is_some();
    let Some(leg) = view.session.legs.get(index).filter(|_| !saw_setup) else {
        return false;
    };
    let host = (leg.tap, leg.client.ip());
    let mut others = view.others().flat_map(|other| &other.legs);
    others.any(|other| (other.tap, other.client.ip()) == host)
}

#[cfg(test)]
mod tests {
    use rtspscope_wire::TapId;

    use crate::model::{Growth, Leg};
    use crate::testkit::{LAN, Scene, UDP_TALK, WAN, at, leg};

    #[test]
    fn fires_when_the_server_sent_and_nothing_came_out() {
        let snapshot = Scene::behind_nat(UDP_TALK)
            .punch(0.035, 5000)
            .rtp(0, 257)
            .checked();
        let finding = &snapshot.findings[0];
        assert_eq!(finding.code.name(), "rtp-never-arrived");
        assert_eq!(
            finding.cause,
            "wan saw 257 RTP packets for 203.0.113.1:5000, lan saw none"
        );
        assert_eq!(
            finding
                .evidence
                .iter()
                .map(|proof| proof.at.frame)
                .collect::<Vec<_>>(),
            [Some(20), Some(6), Some(11)]
        );
    }

    /// A client and a camera between which nothing translates an address, and what there is to do where media is held back.
    fn untranslated(client: &str, server: &str) -> Vec<String> {
        let legs = [LAN, WAN].map(|tap| leg(tap, client, server, UDP_TALK));
        let mut scene = Scene::of(legs.into()).rtp(0, 257);
        scene.legs[1].first.at = at(WAN, 0.001, 1).at;
        let findings = scene.checked().findings.into_iter();
        let mut lost = findings.filter(|finding| finding.code.name() == "rtp-never-arrived");
        lost.next().unwrap().remedy
    }

    #[test]
    fn a_firewall_is_what_to_look_at_where_nothing_is_translated() {
        for (client, server) in [
            ("192.168.1.100:40000", "192.168.20.5:554"),
            ("[2001:db8:1::10]:40000", "[2001:db8:2::20]:554"),
        ] {
            let remedy = untranslated(client, server);
            let told = ["Let the firewall", "Let the player carry media over TCP"];
            assert_eq!(remedy.len(), 2);
            assert!(
                remedy
                    .iter()
                    .zip(told)
                    .all(|(step, told)| step.starts_with(told))
            );
        }
        let remedy = untranslated("192.168.1.100:40000", "192.168.20.5:554");
        assert!(remedy[0].contains("UDP from 192.168.20.5:6970 to 192.168.1.100:5000, and"));
    }

    /// Three taps with a client's own host before the router, and RTP at each, from the client on.
    fn at_three(rtp: [u64; 3]) -> Vec<String> {
        const HOST: TapId = TapId(2);
        let inside = "192.168.1.100:40000";
        let legs = [(HOST, inside), (LAN, inside), (WAN, "203.0.113.1:40000")];
        let legs = legs.map(|(tap, client)| leg(tap, client, "203.0.113.10:554", UDP_TALK));
        let mut scene = Scene::of(legs.into()).punch(0.035, 5000);
        for (tap, packets) in [HOST, LAN, WAN].into_iter().zip(rtp) {
            scene = scene.rtp_at(tap, packets);
        }
        let findings = scene.checked().findings.into_iter();
        let findings = findings.filter(|finding| finding.severity > crate::Severity::Info);
        findings
            .map(|finding| format!("{}: {}", finding.code.name(), finding.cause))
            .collect()
    }

    #[test]
    fn fires_for_a_break_between_any_two_neighbours() {
        assert_eq!(
            at_three([0, 257, 257]),
            ["rtp-never-arrived: lan saw 257 RTP packets for 192.168.1.100:5000, the tap saw none"]
        );
        assert_eq!(
            at_three([0, 0, 257]),
            ["rtp-never-arrived: wan saw 257 RTP packets for 203.0.113.1:5000, lan saw none"]
        );
        assert_eq!(at_three([257, 257, 257]), Vec::<String>::new());
        assert_eq!(at_three([257, 0, 257]), Vec::<String>::new());
    }

    #[test]
    fn is_silent_where_the_client_reports_that_it_gets_the_stream() {
        let reported = |more: u32| {
            let mut scene = Scene::behind_nat(UDP_TALK).punch(0.035, 5000).rtp(0, 257);
            scene.arrival(LAN).rtcp.far_end.receiving = Some(Growth {
                since: at(LAN, 1.0, 90),
                shown: at(LAN, 6.0, 91),
                more,
            });
            scene.codes()
        };
        assert_eq!(reported(130), ["capture-incomplete"]);
        assert_eq!(reported(1), ["rtp-never-arrived"]);
    }

    #[test]
    fn media_inside_the_connection_is_told_of_once_and_not_sent_to_tcp() {
        let findings = |largest: u32| {
            let mut scene = Scene::behind_nat(&crate::testkit::tcp_talk()).rtp(0, 30);
            scene.held_up(5000, 5000);
            let again = scene.legs[1].from_server.repeated.as_mut().unwrap();
            again.len = 1448;
            scene.legs[0].from_server.largest = Some(largest);
            scene.legs[0].from_server.reached = Some(9000);
            scene.checked().findings
        };
        let codes = |findings: &[crate::Finding]| -> Vec<&'static str> {
            findings.iter().map(|finding| finding.code.name()).collect()
        };
        assert_eq!(codes(&findings(722)), ["large-packets-lost"]);
        let lost = findings(1448);
        assert_eq!(codes(&lost), ["rtp-never-arrived"]);
        assert_eq!(lost[0].remedy[0], crate::rules::advice::LOOK_AT_ROUTER);
    }

    #[test]
    fn is_silent_when_one_packet_came_out() {
        assert_eq!(
            Scene::behind_nat(UDP_TALK)
                .punch(0.035, 5000)
                .rtp(1, 257)
                .codes(),
            Vec::<&str>::new()
        );
    }

    #[test]
    fn is_silent_when_the_clients_tap_had_stopped_before() {
        let mut scene = Scene::behind_nat(UDP_TALK).rtp(0, 257);
        let lan = &mut scene.legs[0];
        lan.exchanges_mut().truncate(3);
        lan.last = lan.exchanges[2].response.as_ref().unwrap().at;
        lan.closed = None;
        scene.watched_until[0] = 0.5;
        assert_eq!(scene.codes(), Vec::<&str>::new());
    }

    /// What a tap shows that began after PLAY.
    fn begun_late(leg: &mut Leg, kept: usize) {
        let kept = leg.exchanges_mut().split_off(kept);
        *leg.exchanges_mut() = kept;
        leg.first = at(leg.tap, 1.0, 1);
    }

    fn late(tap: usize, packets: u64) -> Scene {
        let mut scene = Scene::behind_nat(UDP_TALK).rtp(packets, 257);
        scene.arrival(WAN).rtp.max_gap = Some(rtspscope_wire::Span::from_millis(40));
        begun_late(&mut scene.legs[tap], 3);
        let medium = &mut scene.media[0];
        medium.setup[tap] = None;
        medium.per_leg[tap] = crate::model::Negotiated {
            client_rtp_port: None,
            client_rtcp_port: None,
            ..medium.per_leg[tap].clone()
        };
        scene
    }

    #[test]
    fn fires_where_one_tap_began_after_play() {
        assert_eq!(late(0, 0).troubles(), ["rtp-never-arrived"]);
        assert_eq!(
            late(1, 0).troubles(),
            ["rtp-never-arrived", "nat-no-pinhole"]
        );
        assert_eq!(late(0, 257).troubles(), Vec::<&str>::new());
        assert_eq!(late(1, 257).troubles(), Vec::<&str>::new());
    }

    #[test]
    fn a_tap_that_shows_only_the_play_after_a_pause_tells_nothing_of_what_came_before() {
        let talk = crate::testkit::tcp_talk().replace(
            "    10.0 >",
            "    2.0 > PAUSE rtsp://203.0.113.10/a RTSP/1.0 | CSeq: 6 | Session: 66334873
    2.1 < RTSP/1.0 200 OK | CSeq: 6
    5.0 > PLAY rtsp://203.0.113.10/a RTSP/1.0 | CSeq: 7 | Session: 66334873
    5.1 < RTSP/1.0 200 OK | CSeq: 7
    10.0 >",
        );
        let mut scene = Scene::behind_nat(&talk).rtp(0, 50);
        scene.arrival(WAN).rtp.last = Some(at(WAN, 2.0, 100));
        begun_late(&mut scene.legs[0], 4);
        (scene.legs[0].client_isn, scene.legs[0].server_isn) = (None, None);
        scene.media[0].setup[0] = None;
        scene.first_at[0] = 3.0;
        assert!(!scene.troubles().contains(&"rtp-never-arrived"));
    }

    #[test]
    fn is_silent_where_a_late_tap_shares_no_message_or_no_time_with_the_other() {
        let mut scene = late(0, 0);
        scene.legs[1].exchanges_mut().truncate(3);
        assert_eq!(scene.troubles(), Vec::<&str>::new());
        let mut scene = late(0, 0);
        scene.arrival(WAN).rtp.last = Some(at(WAN, 1.5, 200));
        scene.first_at[0] = 1.0;
        assert_eq!(scene.troubles(), Vec::<&str>::new());
    }

    #[test]
    fn fires_while_the_session_is_quiet_because_the_tap_itself_still_watches() {
        let talk = UDP_TALK.split("10.0 >").next().unwrap();
        let running = |watched_until, packets| {
            let mut scene = Scene::behind_nat(talk).rtp(0, packets);
            for leg in &mut scene.legs {
                leg.last.at = rtspscope_wire::Timestamp(50_000_000);
                leg.closed = None;
            }
            scene.arrival(crate::testkit::WAN).rtp.last =
                scene.arrival(crate::testkit::WAN).rtp.first;
            scene.watched_until = [watched_until; 2];
            scene.troubles().contains(&"rtp-never-arrived")
        };
        assert!(running(0.6, 10));
        assert!(!running(0.5, 10));
        assert!(!running(2.0, 9));
        assert!(running(2.1, 9));
    }

    #[test]
    fn admits_that_a_capture_without_any_udp_may_have_been_filtered() {
        let mut scene = Scene::behind_nat(UDP_TALK).rtp(0, 9);
        scene.udp_datagrams = [0, 9];
        assert!(
            scene.checked().findings[0]
                .cause
                .ends_with("which fits only if it was not filtered to TCP")
        );
    }
}
