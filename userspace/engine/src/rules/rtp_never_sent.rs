//! `rtp-never-sent`: the server agreed to play and sent nothing.

use std::net::SocketAddr;

use rtspscope_wire::Span;

use super::View;
use crate::facts::MediaFacts;
use crate::finding::{Code, Explanation, Finding, Severity};
use crate::locator::Locator;
use crate::model::{Arrival, Leg, Tap};

pub(super) const EXPLANATION: Explanation = Explanation {
    meaning: "SETUP and PLAY were accepted, and the server sent no RTP. The router has no part in it: where the server's packets \
        would pass first, there were none.",
    proof: "PLAY answered with success, no RTP of this medium at any tap, the tap next to the server among them, for two seconds \
        or more (five for a second medium: audio may be silent). Of media inside the RTSP connection any tap tells that has the whole \
        of what the server sent.",
    not_this: "Packets that end at the router are rtp-never-arrived. Metadata and a back channel to the camera may be silent. \
        With one side of the router only (for UDP), without any UDP in the capture next to the server, or with gaps in them, nothing is concluded; nor where the \
        server's own sender reports (RTCP) say that it sent, where the player took no bytes of the connection (slow-receiver), or another NAT is between the outer tap and the server (its client address \
        there is private or a provider's, 100.64.0.0/10, and the server's is public), unless the media goes inside the RTSP connection, \
        which carried answers meanwhile.",
    remedies: &[CAMERA, PUNCH],
};

const CAMERA: &str = "Look at the camera: another stream or channel, fewer viewers at once, a restart, newer firmware";
const PUNCH: &str = "Try the same URL from the camera's own network: if that plays, the camera may be waiting for a packet from the player; let the player use TCP";

/// How long a server may think before its first packet: a keyframe interval of a usual camera.
const PATIENCE: Span = Span::from_secs(2);

/// The same where another medium of the session plays.
const PATIENCE_BESIDE_OTHERS: Span = Span::from_secs(5);

/// A medium of which no tap saw a packet though the tap next to the server had the time to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unseen<'a> {
    media: MediaFacts<'a>,
    /// PLAY was accepted.
    accepted: Locator,
    /// How long there was nothing.
    watched: Span,
    /// Until when.
    pub(super) last: Locator,
    /// Whether the connection that would carry the medium carried an answer after that time.
    goes_on: bool,
}

impl Unseen<'_> {
    /// Whether a NAT beyond the outermost tap may have kept the medium back: not out of a connection that goes on without a gap.
    pub(super) fn may_be_kept_back(&self) -> bool {
        !(self.media.in_band() && self.goes_on)
    }
}

/// Fires for such a medium, unless something is between that tap and the server that may have kept it back.
pub(super) fn check(view: &View<'_>) -> Vec<Finding> {
    let has_outer_nat = view.facts.outer_nat().is_some();
    let unseen = unseen(view).into_iter();
    unseen
        .filter(|unseen| !(has_outer_nat && unseen.may_be_kept_back()))
        .map(|unseen| finding(view, unseen))
        .collect()
}

/// Media that no tap saw, and that the server does not say it sent.
pub(super) fn unseen<'a>(view: &View<'a>) -> Vec<Unseen<'a>> {
    let others_play = view
        .session
        .media
        .iter()
        .any(|media| media.arrivals.iter().any(|arrival| arrival.rtp.packets > 0));
    let patience = if others_play {
        PATIENCE_BESIDE_OTHERS
    } else {
        PATIENCE
    };
    let silent = view
        .facts
        .media()
        .filter(|media| media.media.set_up && is_silent(view, *media) && may_not_be_silent(*media));
    silent
        .filter_map(|media| {
            let (leg_index, leg) = leg_that_tells(view, media)?;
            let accepted = media.play_accepted(leg_index)?;
            let until = media.ending(leg_index);
            let until = until.unwrap_or_else(|| view.facts.capture.watched_until(leg));
            let watched = until - accepted.at;
            let last = media.last_seen(leg);
            let mut answers = leg
                .exchanges
                .iter()
                .filter_map(|exchange| exchange.response.as_deref());
            let goes_on = all_of_server_is_read(leg)
                && answers.any(|answer| answer.at.at - accepted.at >= patience);
            (watched >= patience).then_some(Unseen {
                media,
                accepted,
                watched,
                last,
                goes_on,
            })
        })
        .collect()
}

/// The leg past which the medium would have come, with nothing missing in it: the one next to the server. Of a medium inside the
/// connection the only leg tells as well, because all that the server sends there comes past every tap.
fn leg_that_tells<'a>(view: &View<'a>, media: MediaFacts<'a>) -> Option<(usize, &'a Leg)> {
    let is_whole = |leg: &&Leg| leg.missing_bytes == 0 && leg.dropped_messages == 0;
    if let Some(sides) = view.facts.sides() {
        let leg = Some(sides.server).filter(is_whole)?;
        let may_be_elsewhere = media.in_band() && strays(view, leg);
        return (!may_be_elsewhere).then_some((sides.server_index, leg));
    }
    let [leg] = &view.session.legs[..] else {
        return None;
    };
    let is_read = media.in_band() && all_of_server_is_read(leg) && !strays(view, leg);
    Some(leg)
        .filter(|_| is_read)
        .filter(is_whole)
        .map(|leg| (0, leg))
}

/// Whether the server sends RTP on a channel that nobody agreed on, which may be the one that is looked for.
fn strays(view: &View<'_>, leg: &Leg) -> bool {
    let media = view.session.media.iter();
    let legs = media.flat_map(|media| [&media.negotiated].into_iter().chain(&media.per_leg));
    let agreed: Vec<_> = legs.filter_map(|agreed| agreed.channels).collect();
    let is_agreed = |channel: &u8| {
        agreed
            .iter()
            .any(|(rtp, rtcp)| [rtp, rtcp].contains(&channel))
    };
    !leg.server_channels.iter().all(is_agreed)
}

/// Whether every byte that the server is known to have sent was captured and understood.
fn all_of_server_is_read(leg: &Leg) -> bool {
    let sent = &leg.from_server;
    leg.desync.is_none()
        && leg.unseen.is_none()
        && !leg.cut_short
        && sent.seen == sent.reached
        && sent.missing == 0
}

fn is_silent(view: &View<'_>, media: MediaFacts<'_>) -> bool {
    let nothing = media
        .media
        .arrivals
        .iter()
        .all(|arrival| arrival.rtp.packets == 0);
    let next_to_server = view
        .facts
        .sides()
        .and_then(|sides| view.tap(sides.server.tap));
    let udp_is_captured = next_to_server.is_some_and(Tap::shows_udp);
    let may_be_told = udp_is_captured && !goes_to_another_session(view, media);
    let sent_anyhow = media.in_band() || (media.is_udp() && may_be_told);
    let is_said = media.is_said_to_be_sent() || media.passes_unseen().is_some();
    let is_held_up = media.in_band()
        && view
            .session
            .legs
            .iter()
            .any(|leg| leg.client_shut.is_some());
    nothing && !is_said && !is_held_up && (sent_anyhow || (udp_is_captured && is_asked_for(media)))
}

/// Whether a multicast group was asked for next to the server, so that its media would have come there.
fn is_asked_for(media: MediaFacts<'_>) -> bool {
    let joins = media
        .at_server()
        .and_then(|arrival| arrival.membership.as_ref());
    media.group().is_some() && joins.is_some_and(|membership| !membership.joins.is_empty())
}

/// Whether media came to this medium's own address and port, between its SETUP and its end, and is another session's: two hosts
/// behind one public address that ask for the same port look alike from outside, so that nobody can say whose the server left
/// out. What had ended before is of a session whose ports a player took up again.
pub(super) fn goes_to_another_session(view: &View<'_>, media: MediaFacts<'_>) -> bool {
    let legs = view.session.legs.iter().zip(&media.media.per_leg);
    let is_its_place = |arrival: &Arrival| {
        legs.clone().enumerate().any(|(index, (leg, agreed))| {
            let end = agreed.client_rtp_port;
            let end = end.map(|port| SocketAddr::new(leg.client.ip(), port));
            let is_there = leg.tap == arrival.tap && end.is_some() && arrival.rtp.to == end;
            is_there && media.is_meanwhile(index, arrival)
        })
    };
    let mut media_of_others = view.others().flat_map(|session| &session.media);
    media_of_others.any(|medium| {
        let mut arrivals = medium.arrivals.iter();
        arrivals.any(|arrival| arrival.rtp.packets > 0 && is_its_place(arrival))
    })
}

/// Metadata comes when something happens, and a back channel goes the other way.
fn may_not_be_silent(media: MediaFacts<'_>) -> bool {
    media.media.kind.as_deref() != Some("application") && !media.may_go_to_server()
}

fn finding(view: &View<'_>, unseen: Unseen<'_>) -> Finding {
    let Unseen {
        media,
        accepted,
        watched,
        last,
        goes_on: _,
    } = unseen;
    let what = media.media.kind.as_deref().unwrap_or("media");
    let may_wait = (!media.in_band()).then_some(PUNCH);
    Finding::new(
        Code::RtpNeverSent,
        Severity::Error,
        view.medium(media.index),
        format!("the server accepted PLAY and sent no {what}"),
    )
    .cause(format!(
        "no RTP packet in the {:.1} s after the server accepted PLAY",
        watched.as_secs_f64()
    ))
    .proof(accepted, "the server accepts PLAY")
    .proof(last, "no RTP up to here")
    .remedies([CAMERA].into_iter().chain(may_wait))
}

#[cfg(test)]
mod tests {
    use rtspscope_wire::Span;
    use rtspscope_wire::sdp::StreamDirection;

    use crate::model::{Desync, Leg, ShutWindow, Side};
    use crate::testkit::{LAN, Scene, UDP_TALK, WAN, at, leg, tcp_talk};

    #[test]
    fn fires_when_play_was_accepted_and_no_tap_saw_media() {
        assert_eq!(
            Scene::behind_nat(UDP_TALK).rtp(0, 0).troubles(),
            ["rtp-never-sent"]
        );
        assert_eq!(
            Scene::behind_nat(&tcp_talk()).rtp(0, 0).troubles(),
            ["rtp-never-sent"]
        );
    }

    /// An interleaved session of which one tap saw everything, and no media.
    fn at_one_tap(talk: &str) -> Scene {
        Scene::at_one_tap("192.168.1.100:40000", "203.0.113.10:554", talk)
    }

    #[test]
    fn fires_at_one_tap_for_a_whole_connection_without_a_frame() {
        let findings = at_one_tap(&tcp_talk()).checked().findings;
        assert_eq!(findings[0].code.name(), "rtp-never-sent");
        assert_eq!(findings[0].remedy, [super::CAMERA]);
        assert_eq!(at_one_tap(UDP_TALK).troubles(), Vec::<&str>::new());
    }

    #[test]
    fn is_silent_at_one_tap_where_a_frame_may_have_escaped_it() {
        let lacks: [fn(&mut Leg); 6] = [
            |leg| leg.server_channels = vec![2],
            |leg| leg.missing_bytes = 1,
            |leg| leg.cut_short = true,
            |leg| leg.from_server.reached = Some(9000),
            |leg| leg.from_server.missing = 1,
            |leg| {
                leg.desync = Some(Desync {
                    from: Side::Server,
                    bytes: 3,
                    first: leg.first,
                });
            },
        ];
        for lack in lacks {
            let mut scene = at_one_tap(&tcp_talk());
            lack(&mut scene.legs[0]);
            assert!(!scene.troubles().contains(&"rtp-never-sent"));
        }
    }

    #[test]
    fn is_silent_when_the_media_was_sent_and_lost() {
        assert_eq!(
            Scene::behind_nat(UDP_TALK)
                .punch(0.035, 5000)
                .rtp(0, 1)
                .troubles(),
            ["rtp-never-arrived"]
        );
    }

    #[test]
    fn is_silent_where_the_player_took_no_bytes() {
        let mut scene = Scene::behind_nat(&tcp_talk());
        scene.legs[0].client_shut = Some(ShutWindow {
            count: 1,
            longest: Span::from_millis(1500),
            total: Span::from_millis(1500),
            until: at(LAN, 1.6, 25).at,
            first: at(LAN, 0.1, 20),
        });
        assert_eq!(scene.troubles(), ["slow-receiver"]);
    }

    #[test]
    fn is_silent_when_the_session_ended_at_once() {
        let short = UDP_TALK
            .replace("10.0 >", "0.9 >")
            .replace("10.1 <", "0.91 <");
        assert_eq!(
            Scene::behind_nat(&short).rtp(0, 0).troubles(),
            Vec::<&str>::new()
        );
    }

    #[test]
    fn is_silent_without_any_udp_in_the_captures() {
        let mut scene = Scene::behind_nat(UDP_TALK).rtp(0, 0);
        scene.udp_datagrams = [0, 0];
        assert_eq!(scene.codes(), ["capture-incomplete"]);
    }

    #[test]
    fn is_silent_where_the_tap_next_to_the_server_may_have_been_filtered() {
        let codes = |udp_datagrams: [u64; 2]| {
            let mut scene = Scene::behind_nat(UDP_TALK).rtp(0, 0);
            scene.udp_datagrams = udp_datagrams;
            scene.codes()
        };
        assert_eq!(codes([9, 0]), ["capture-incomplete"]);
        assert_eq!(codes([0, 9]), ["rtp-never-sent"]);
    }

    #[test]
    fn fires_without_any_udp_where_no_filter_can_have_left_it_out() {
        let mut scene = Scene::behind_nat(UDP_TALK).rtp(0, 0);
        scene.udp_datagrams = [0, 0];
        scene.unfiltered = true;
        assert_eq!(scene.codes(), ["rtp-never-sent"]);
    }

    #[test]
    fn is_silent_where_media_for_the_same_port_is_another_sessions() {
        let codes = |other: u64| -> Vec<&str> {
            let scenes = [0, other].map(|rtp| Scene::behind_nat(UDP_TALK).rtp(rtp, rtp));
            let findings = Scene::together(scenes.into()).findings;
            findings.iter().map(|finding| finding.code.name()).collect()
        };
        assert!(codes(0).contains(&"rtp-never-sent"));
        assert!(!codes(50).contains(&"rtp-never-sent"));
    }

    #[test]
    fn fires_where_media_for_the_same_port_had_ended_before_or_began_after() {
        let codes = |secs: f64| {
            let mut other = Scene::behind_nat(UDP_TALK).rtp(50, 50);
            for tap in [LAN, WAN] {
                let rtp = &mut other.arrival(tap).rtp;
                (rtp.first, rtp.last) = (Some(at(tap, secs, 40)), Some(at(tap, secs + 1.0, 90)));
            }
            let scenes = vec![Scene::behind_nat(UDP_TALK).rtp(0, 0), other];
            let findings = Scene::together(scenes).findings.into_iter();
            findings.map(|found| found.code.name()).collect::<Vec<_>>()
        };
        assert!(codes(-5.0).contains(&"rtp-never-sent"));
        assert!(!codes(2.0).contains(&"rtp-never-sent"));
        assert!(codes(10.5).contains(&"rtp-never-sent"));
    }

    #[test]
    fn is_silent_where_the_server_says_that_it_sent() {
        let said = |sent: u32| {
            let mut scene = Scene::behind_nat(UDP_TALK).rtp(0, 0).rtcp(1, 1);
            scene.arrival(LAN).rtcp.sent_packets = Some(sent);
            scene.troubles()
        };
        assert_eq!(said(0), ["rtp-never-sent"]);
        assert_eq!(said(1), Vec::<&str>::new());
    }

    #[test]
    fn is_silent_where_another_nat_is_before_the_server() {
        let behind = |outer: &str, server: &str| {
            let legs = [(LAN, "192.168.1.100:40000"), (WAN, outer)];
            let legs = legs.map(|(tap, client)| leg(tap, client, server, UDP_TALK));
            Scene::of(legs.into()).rtp(0, 0)
        };
        for outer in ["100.64.3.7:40000", "192.168.0.2:40000"] {
            let snapshot = behind(outer, "203.0.113.10:554").checked();
            let [finding] = &snapshot.findings[..] else {
                panic!("{:?}", snapshot.findings)
            };
            assert_eq!(finding.code.name(), "capture-incomplete");
            let address = outer.split(':').next().unwrap();
            let told = format!("address there, {address}, is not public, so another NAT");
            assert!(finding.cause.contains(&told), "{}", finding.cause);
        }
        let inside = behind("10.0.0.2:40000", "10.0.0.9:554").troubles();
        assert_eq!(inside, ["rtp-never-sent"]);
    }

    #[test]
    fn fires_behind_another_nat_where_the_connection_went_on_without_media() {
        let behind = |lack: fn(&mut Leg)| {
            let hosts = [(LAN, "192.168.1.100:40000"), (WAN, "100.64.3.7:40000")];
            let talk = tcp_talk();
            let mut legs = hosts.map(|(tap, client)| leg(tap, client, "203.0.113.10:554", &talk));
            lack(&mut legs[1]);
            Scene::of(legs.into()).rtp(0, 0).codes()
        };
        assert_eq!(behind(|_| ()), ["rtp-never-sent"]);
        assert_eq!(
            behind(|leg| leg.from_server.reached = Some(9000)),
            ["capture-incomplete"]
        );
    }

    #[test]
    fn is_silent_when_play_was_refused() {
        let refused = UDP_TALK.replace(
            "0.05 < RTSP/1.0 200 OK",
            "0.05 < RTSP/1.0 455 Method Not Valid in This State",
        );
        assert_eq!(
            Scene::behind_nat(&refused).rtp(0, 0).troubles(),
            ["request-refused"]
        );
    }

    #[test]
    fn is_silent_for_metadata() {
        let mut scene = Scene::behind_nat(UDP_TALK).rtp(0, 0);
        scene.media[0].kind = Some("application".to_owned());
        assert_eq!(scene.troubles(), Vec::<&str>::new());
    }

    #[test]
    fn is_silent_for_a_back_channel() {
        let mut scene = Scene::behind_nat(UDP_TALK).rtp(0, 0);
        scene.media[0].sdp_direction = Some(StreamDirection::SendOnly);
        assert_eq!(scene.troubles(), Vec::<&str>::new());
    }
}
