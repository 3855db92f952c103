//! `rtp-stalled`: media came and then stopped while the session went on.

use rtspscope_wire::{Span, Timestamp};

use super::{View, advice};
use crate::clocks::clocks;
use crate::facts::{MediaFacts, is_later, played_out};
use crate::finding::{Code, Explanation, Finding, Severity};
use crate::locator::Locator;
use crate::model::{Arrival, Leg, Side};

mod held_up;

pub(super) const EXPLANATION: Explanation = Explanation {
    meaning: "Picture or sound began and then froze, while the RTSP connection stayed up. Either the server stopped sending, or the router \
        stopped letting media through: its UDP mapping ended (after 30, 60, 120 or 180 seconds), or an ICMP error tore it down; of media inside \
        the RTSP connection, it lets the segments of one direction through no more. Or camera or player are gone: power, network, a crash.",
    proof: "RTP next to the client that ends ten seconds or more before the session does, and long after its usual distance between \
        packets, or four and a half where the player gives up then; with the other tap, whether it still came there. Three seconds are enough where many packets more came to that tap \
        and both were still recording. Of media inside the connection: segments that the server repeats for three seconds or more and \
        that nobody acknowledges, with the tap that has none of them.",
    not_this: "Flows that the router offloads, which the taps may not see to their end, or of which the client's receiver reports tell \
        that they went on. PAUSE, TEARDOWN, a server that says goodbye (RTCP BYE) and the end of the Range that PLAY named end media as they should. \
        Metadata may be silent for long.",
    remedies: &[
        advice::USE_TCP,
        KEEP_OPEN,
        KEEP_ALIVE,
        advice::LOOK_AT_ROUTER,
        advice::LOOK_AT_CAMERA,
        advice::LOOK_AT_PLAYER,
    ],
};

const KEEP_OPEN: &str = "Where media went on outside the router: let the player send something on its media ports (receiver reports), or raise the router's UDP timeout";
const KEEP_ALIVE: &str = "Where the server stopped: let the player send a keepalive (OPTIONS or GET_PARAMETER with the session) within the timeout, and receiver reports";

/// Shorter silence is loss or jitter.
const SILENCE: Span = Span::from_secs(10);

/// The same where the client gives up after it: players wait for five seconds and more, and one that was told to stop does not
/// wait at all.
const GIVEN_UP: Span = Span::from_millis(4500);
/// It must then be longer by far than any gap before.
const TIMES_WHERE_GIVEN_UP: i64 = 10;

/// And media must have run so long.
const RAN: Span = Span::from_secs(1);

/// Media that ends at both taps within this time ended there together.
const TOGETHER: Span = Span::from_secs(1);

/// The same where the tap next to the server proves it: by so much, and by so many packets, media went on there.
const PROVED: Span = Span::from_secs(3);
/// See [`PROVED`].
const MANY: u64 = 10;

/// The silence must be as many times the longest gap while media flowed: a stream of one picture a minute is no stall.
const TIMES_THE_LONGEST_GAP: i64 = 3;

/// Media that ended long before its session.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stall {
    /// The last packet next to the client.
    pub(super) last: Locator,
    /// How long the session went on without media there.
    pub(super) silence: Span,
    /// The last packet next to the server, where that tap was seen too, and how much later it came.
    at_server: Option<(Locator, Span)>,
    /// The same, where the other tap proves by itself that media went on.
    proved: bool,
}

impl Stall {
    /// Whether media still reached the router when nothing left it any more.
    pub(super) fn ended_in_the_router(&self) -> Option<(Locator, Span)> {
        self.at_server
            .filter(|(_, later)| self.proved || *later >= SILENCE)
    }
}

/// Whether a medium stalled; `None` also where it ended as it should.
pub(super) fn stall(view: &View<'_>, media: MediaFacts<'_>) -> Option<Stall> {
    let leg = view.session.legs.first()?;
    let arrival = media.arrival(0)?;
    let goes_by = || media.may_be_offloaded() || media.passes_unseen().is_some();
    if arrival.rtp.packets < 2 || goes_by() || held_up::is_so(view, media) {
        return None;
    }
    let (silence_there, last) = silence(media, 0, arrival)?;
    if let Some((last_outside, later)) = went_on_outside(view, media) {
        return Some(Stall {
            last,
            silence: silence_there.max(later),
            at_server: Some((last_outside, later)),
            proved: true,
        });
    }
    media.play_accepted(0)?;
    let longest_gap = arrival.rtp.usual_gap().map_or(0, |gap| gap.0);
    let at_server = view.facts.sides().and_then(|sides| {
        let (silence_outside, last_outside) =
            silence(media, sides.server_index, media.at_server()?)?;
        Some((last_outside, silence_there - silence_outside))
    });
    let together = at_server.is_none_or(|(_, later)| later < TOGETHER);
    let ran = arrival
        .rtp
        .first
        .is_some_and(|first| last.at - first.at >= RAN);
    let (enough, times) = if ran && together && is_given_up(view, leg, last) {
        (GIVEN_UP, TIMES_WHERE_GIVEN_UP)
    } else {
        (SILENCE, TIMES_THE_LONGEST_GAP)
    };
    let usual = longest_gap.saturating_mul(times);
    let said_goodbye = media
        .media
        .arrivals
        .iter()
        .any(|arrival| arrival.rtcp.byes > 0);
    let gap = view.session.legs.iter().any(|leg| leg.missing_bytes > 0);
    let may_pause = media.media.kind.as_deref() == Some("application");
    if silence_there < enough || silence_there.0 < usual {
        return None;
    }
    if said_goodbye || may_pause || (media.in_band() && gap) || played_out(leg, last.at) {
        return None;
    }
    Some(Stall {
        last,
        silence: silence_there,
        at_server,
        proved: false,
    })
}

/// Whether the client ended the session after its last packet of media, and nothing else explains that there were no more.
fn is_given_up(view: &View<'_>, leg: &Leg, last: Locator) -> bool {
    let mut legs = view.session.legs.iter();
    if view.facts.capture.may_lack_segments() || legs.any(|leg| leg.from_server.repeated.is_some())
    {
        return false;
    }
    let hung_up = leg
        .closed
        .is_some_and(|close| close.by == Side::Client && close.at.at > last.at);
    let mut torn_down = leg
        .exchanges
        .iter()
        .filter(|exchange| exchange.method == "TEARDOWN");
    hung_up
        || torn_down.any(|exchange| {
            let request = exchange.request.as_ref();
            request.is_some_and(|request| request.at.at > last.at)
        })
}

/// The last packet next to the server and how much longer media came there while the client wanted it, where that proves
/// that it ended in the router: the client's tap watched for so long and lost nothing, and by their usual distance many packets
/// of the same source came. Another source may be another session's, whose client has the same port behind the same address.
///
/// Times are those of the client's tap, so that the clocks of the taps do not matter.
fn went_on_outside(view: &View<'_>, media: MediaFacts<'_>) -> Option<(Locator, Span)> {
    let sides = view.facts.sides().filter(|_| media.is_udp())?;
    let (inside, outside) = (&media.at_client()?.rtp, &media.at_server()?.rtp);
    let (last_inside, last_outside) = (inside.last?, outside.last?);
    let came = last_outside.at + media.clock_step([sides.server, sides.client])?;
    let wanted = media.ending(sides.client_index);
    let seen = came.min(view.facts.capture.watched_until(sides.client));
    let until = wanted.map_or(seen, |wanted| seen.min(wanted));
    let later = until - last_inside.at;
    let proved = later.min(media.surely_watched_until(sides.client) - last_inside.at);
    let lost_nothing = !view.facts.capture.may_lack_segments();
    let is_same = inside.ssrc.is_none_or(|ssrc| outside.ssrc == Some(ssrc));
    let usual = outside.usual_gap()?.0.max(1).unsigned_abs();
    let many = outside.packets.saturating_sub(inside.packets) >= MANY
        && proved.0.max(0).unsigned_abs() / usual >= MANY;
    (proved >= PROVED && many && lost_nothing && is_same).then_some((last_outside, later))
}

/// How long before the end of the session a tap saw the last packet.
fn silence(media: MediaFacts<'_>, leg_index: usize, arrival: &Arrival) -> Option<(Span, Locator)> {
    let last = arrival.rtp.last?;
    let leg = media.facts.session.legs.get(leg_index)?;
    let end: Timestamp = media.ending(leg_index).unwrap_or(leg.last.at);
    Some((end - last.at, last))
}

/// Fires for a medium that ended long before its session.
pub(super) fn check(view: &View<'_>) -> Vec<Finding> {
    let media = view.facts.media();
    media
        .filter_map(|media| {
            held_up::finding(view, media).or_else(|| finding(view, media, &stall(view, media)?))
        })
        .collect()
}

fn finding(view: &View<'_>, media: MediaFacts<'_>, stall: &Stall) -> Option<Finding> {
    let leg = view.session.legs.first()?;
    let in_router = stall.ended_in_the_router();
    let gone = held_up::server_is_gone(view).filter(|_| in_router.is_none());
    let reason = match (in_router, stall.at_server) {
        _ if gone.is_some() => gone.map_or_else(String::new, |gone| held_up::told(view, &gone)),
        (Some((_, later)), _) => format!(
            "on the server's side of the router media went on for {:.1} s more: the router stopped letting it through",
            later.as_secs_f64()
        ),
        (None, at_server) => stopped_before(view, media, at_server.is_some()),
    };
    let first = media.arrival(0)?.rtp.first;
    let ran = first.map_or(Span::default(), |first| stall.last.at - first.at);
    Some(
        Finding::new(
            Code::RtpStalled,
            Severity::Error,
            view.medium(media.index),
            format!(
                "media stopped after {:.1} s while the session went on",
                ran.as_secs_f64()
            ),
        )
        .cause(format!(
            "no packet in the last {:.1} s of the session; {reason}{}",
            stall.silence.as_secs_f64(),
            clocks(view.session).map_or_else(String::new, |clocks| format!("; {clocks}"))
        ))
        .proof(stall.last, "last RTP packet next to the client")
        .proof_if(
            in_router.map(|(last, _)| last),
            "last RTP packet on the server's side",
        )
        .proof_if(
            gone.map(|gone| gone.repeated.last),
            "the client repeats what the server does not acknowledge",
        )
        .proof(leg.last, "the session's connection up to here")
        .remedies(remedies(media, stall, gone.is_some())),
    )
}

/// What is known of media that did not end in the router: whether the server stopped, or something on the way from it.
fn stopped_before(view: &View<'_>, media: MediaFacts<'_>, seen_at_server: bool) -> String {
    let mut arrivals = media.media.arrivals.iter().rev();
    let sending = arrivals.find(|arrival| {
        let sending = arrival.rtcp.sending;
        sending.is_some_and(|growth| is_later(arrival, growth))
    });
    if let Some(arrival) = sending {
        let place = view.place_of(arrival);
        return format!(
            "the server went on sending, as its sender reports count: its packets are lost before {place} or go past it unseen"
        );
    }
    match view.facts.outer_nat() {
        Some(address) if seen_at_server => format!(
            "its packets ended on both sides of the router, whose own address {address} is not public: whether the server stopped or the \
             NAT before it let nothing more through cannot be told"
        ),
        _ if seen_at_server => {
            "the server stopped sending: its packets ended on both sides of the router".to_owned()
        }
        _ => "whether the server or the router stopped cannot be told from one side".to_owned(),
    }
}

/// What to do: a connection has no media ports, a server that stopped is no router's doing, and a camera that is gone hears no
/// keepalive.
fn remedies(media: MediaFacts<'_>, stall: &Stall, is_gone: bool) -> Vec<&'static str> {
    let mut arrivals = media.media.arrivals.iter();
    let went_on = arrivals.any(|arrival| {
        let sending = arrival.rtcp.sending;
        sending.is_some_and(|growth| is_later(arrival, growth))
    });
    let server_stopped = stall.at_server.is_some()
        && stall.ended_in_the_router().is_none()
        && media.facts.outer_nat().is_none()
        && !went_on;
    match (is_gone, media.in_band(), server_stopped) {
        (true, ..) => vec![advice::LOOK_AT_CAMERA],
        (false, true, _) => vec![KEEP_ALIVE],
        (false, false, true) => vec![KEEP_ALIVE, advice::USE_TCP],
        (false, false, false) => vec![advice::USE_TCP, KEEP_OPEN, KEEP_ALIVE],
    }
}

#[cfg(test)]
mod tests {
    use crate::model::Growth;
    use crate::testkit::{LAN, Scene, UDP_TALK, WAN, at};

    fn stopped(inside: f64, outside: f64) -> Scene {
        let talk = UDP_TALK
            .replace("10.0 >", "60.0 >")
            .replace("10.1 <", "60.1 <");
        let mut scene = Scene::behind_nat(&talk).punch(0.035, 5000).rtp(900, 900);
        scene.arrival(LAN).rtp.last = Some(at(LAN, inside, 200));
        scene.arrival(WAN).rtp.last = Some(at(WAN, outside, 300));
        scene
    }

    #[test]
    fn fires_and_tells_whether_the_router_or_the_server_stopped() {
        let snapshot = stopped(30.06, 59.9).checked();
        assert_eq!(
            snapshot.findings[0].summary,
            "media stopped after 30.0 s while the session went on"
        );
        assert!(
            snapshot.findings[0]
                .cause
                .contains("the router stopped letting it through")
        );
        assert!(
            stopped(30.0, 30.0).checked().findings[0]
                .cause
                .contains("the server stopped sending")
        );
    }

    #[test]
    fn a_player_that_gives_up_makes_a_short_silence_a_stall() {
        assert_eq!(stopped(55.4, 55.4).troubles(), ["rtp-stalled"]);
        assert_eq!(stopped(55.6, 55.6).troubles(), Vec::<&str>::new());
        let mut stays = stopped(51.0, 51.0);
        for leg in &mut stays.legs {
            leg.closed = None;
            leg.exchanges_mut()
                .retain(|exchange| exchange.method != "TEARDOWN");
            leg.last = at(leg.tap, 60.0, 40);
        }
        assert_eq!(stays.troubles(), Vec::<&str>::new());
        let mut slow = stopped(55.0, 55.0);
        slow.arrival(LAN).rtp.max_gap = Some(rtspscope_wire::Span::from_millis(600));
        assert_eq!(
            slow.troubles(),
            Vec::<&str>::new(),
            "a picture now and then"
        );
    }

    fn growth(since: f64, more: u32) -> Growth {
        Growth {
            since: at(LAN, since, 90),
            shown: at(LAN, since + 5.0, 91),
            more,
        }
    }

    #[test]
    fn what_the_ends_report_tells_whether_media_went_on() {
        let mut scene = stopped(30.0, 30.0);
        scene.arrival(LAN).rtcp.sending = Some(growth(40.0, 150));
        let cause = &scene.checked().findings[0].cause;
        assert!(
            cause.contains("its packets are lost before lan or go past it unseen"),
            "{cause}"
        );
        let received = |since: f64, more: u32| {
            let mut scene = stopped(30.0, 30.0);
            scene.arrival(LAN).rtcp.far_end.receiving = Some(growth(since, more));
            scene.codes()
        };
        assert_eq!(received(40.0, 150), ["capture-incomplete"]);
        assert_eq!(received(29.0, 150), ["rtp-stalled"]);
        assert_eq!(received(40.0, 1), ["rtp-stalled"]);
    }

    #[test]
    fn is_silent_when_media_ran_to_the_end_or_the_server_said_goodbye() {
        assert_eq!(stopped(59.9, 59.9).troubles(), Vec::<&str>::new());
        let mut ended = stopped(30.0, 30.0);
        ended.arrival(WAN).rtcp.byes = 1;
        assert_eq!(ended.troubles(), Vec::<&str>::new());
    }

    #[test]
    fn is_silent_for_a_stream_of_rare_pictures() {
        let mut scene = stopped(30.0, 30.0);
        scene.arrival(LAN).rtp.max_gap = Some(rtspscope_wire::Span::from_secs(15));
        assert_eq!(scene.troubles(), Vec::<&str>::new());
    }

    /// Media that stopped after 30 s of 60, where PLAY and its answer hold these fields.
    fn stopped_with(request: &str, response: &str) -> Vec<&'static str> {
        let talk = UDP_TALK
            .replace("10.0 >", "60.0 >")
            .replace("10.1 <", "60.1 <")
            .replace(
                "CSeq: 4 | Session: 66334873\n    0.05",
                &format!("CSeq: 4 | Session: 66334873{request}\n    0.05"),
            )
            .replace(
                "CSeq: 4 | Session: 66334873\n    60.0",
                &format!("CSeq: 4 | Session: 66334873{response}\n    60.0"),
            );
        let mut scene = Scene::behind_nat(&talk).punch(0.035, 5000).rtp(900, 900);
        scene.arrival(LAN).rtp.last = Some(at(LAN, 30.0, 200));
        scene.arrival(WAN).rtp.last = Some(at(WAN, 30.0, 300));
        scene.troubles()
    }

    #[test]
    fn is_silent_at_the_end_of_the_range_that_was_asked_for() {
        let none: [&str; 0] = [];
        assert_eq!(stopped_with("", " | Range: npt=10-40.5"), none);
        assert_eq!(stopped_with(" | Range: npt=0-31", ""), none);
        assert_eq!(stopped_with("", " | Range: npt=0-60 | Scale: 2.0"), none);
        assert_eq!(
            stopped_with("", " | Range: clock=20260101T000000Z-20260101T000030Z"),
            none
        );
    }

    #[test]
    fn fires_before_the_end_of_the_range_and_for_one_without_end() {
        let stalled = ["rtp-stalled"];
        assert_eq!(stopped_with("", " | Range: npt=0-60"), stalled);
        assert_eq!(stopped_with("", " | Range: npt=0.000-"), stalled);
        assert_eq!(
            stopped_with(" | Range: npt=0-30", " | Range: npt=0-50"),
            stalled
        );
        assert_eq!(stopped_with("", " | Range: npt=0-30 | Scale: 0.5"), stalled);
    }

    /// A picture of 60 s that ended inside early, and packets that came 40 ms apart outside.
    fn proved(inside: f64, outside: f64, packets: u64) -> Scene {
        let mut scene = stopped(inside, outside);
        scene.arrival(LAN).rtp.packets = 900 - packets;
        scene.arrival(WAN).rtp.max_gap = Some(rtspscope_wire::Span::from_millis(40));
        scene.watched_until = [60.0; 2];
        scene
    }

    #[test]
    fn three_seconds_are_enough_where_many_packets_more_came_outside() {
        let snapshot = proved(56.0, 59.9, 97).checked();
        let codes: Vec<&str> = snapshot
            .findings
            .iter()
            .map(|finding| finding.code.name())
            .collect();
        assert_eq!(codes, ["rtp-stalled", "mapping-expired"]);
        assert!(
            snapshot.findings[0]
                .cause
                .starts_with("no packet in the last 4.0 s of the session; on the server's side of the router media went on for 3.9 s more")
        );
        assert_eq!(proved(57.0, 59.9, 72).troubles(), Vec::<&str>::new());
        assert_eq!(proved(56.0, 59.9, 9).troubles(), Vec::<&str>::new());
    }

    #[test]
    fn is_silent_where_packets_outside_come_too_far_apart_to_be_many() {
        let mut scene = proved(56.0, 59.9, 97);
        scene.arrival(WAN).rtp.max_gap = Some(rtspscope_wire::Span::from_millis(400));
        assert_eq!(scene.troubles(), Vec::<&str>::new());
    }

    #[test]
    fn is_silent_where_another_source_came_outside_or_the_capture_lost_packets() {
        let mut scene = proved(56.0, 59.9, 97);
        scene.arrival(LAN).rtp.ssrc = Some(1);
        scene.arrival(WAN).rtp.ssrc = Some(2);
        assert_eq!(scene.troubles(), Vec::<&str>::new());
        let mut scene = proved(56.0, 59.9, 97);
        scene.losses = vec![(crate::input::LossKind::DroppedByCapture, 1)];
        assert_eq!(scene.troubles(), Vec::<&str>::new());
    }

    #[test]
    fn what_comes_outside_after_the_end_of_the_session_proves_nothing() {
        assert_eq!(proved(59.9, 66.0, 97).troubles(), Vec::<&str>::new());
    }

    #[test]
    fn what_the_clients_tap_watched_is_enough_where_the_captures_end_near_the_freeze() {
        let codes = |inside: f64, outside: f64, end: f64| {
            let mut scene = proved(inside, outside, 97);
            let talk = UDP_TALK.split("10.0 >").next().unwrap();
            scene.legs = Scene::behind_nat(talk).legs;
            for leg in &mut scene.legs {
                leg.last.at = leg.exchanges[2].response.as_ref().unwrap().at.at;
                leg.closed = None;
            }
            scene.watched_until = [end, outside];
            scene.troubles()
        };
        let expired = ["rtp-stalled", "mapping-expired"];
        assert_eq!(codes(20.0, 27.7, 27.7), expired);
        assert_eq!(codes(20.0, 28.5, 27.5), expired);
        assert_eq!(codes(20.0, 28.5, 23.4), Vec::<&str>::new());
    }

    /// The tap next to the client began a second after PLAY.
    fn begun_late(scene: &mut Scene) {
        let leg = &mut scene.legs[0];
        let kept = leg.exchanges_mut().split_off(3);
        *leg.exchanges_mut() = kept;
        leg.first = at(leg.tap, 1.0, 1);
        scene.media[0].setup[0] = None;
    }

    #[test]
    fn a_tap_that_began_after_play_shows_the_freeze_by_any_message_that_both_saw() {
        let mut scene = proved(20.0, 59.9, 400);
        begun_late(&mut scene);
        assert_eq!(scene.troubles(), ["rtp-stalled", "mapping-expired"]);
        let mut scene = proved(59.9, 59.9, 97);
        begun_late(&mut scene);
        assert_eq!(scene.troubles(), Vec::<&str>::new());
        let mut scene = proved(20.0, 59.9, 400);
        begun_late(&mut scene);
        scene.legs[1].exchanges_mut().truncate(3);
        assert_eq!(scene.troubles(), Vec::<&str>::new());
    }

    #[test]
    fn is_silent_where_the_clients_tap_had_stopped_by_then() {
        let codes = |watched_until: f64| {
            let mut scene = proved(30.0, 38.0, 97);
            for leg in &mut scene.legs {
                leg.exchanges_mut().truncate(3);
                leg.last.at = leg.exchanges[2].response.as_ref().unwrap().at.at;
                leg.closed = None;
            }
            scene.watched_until = [watched_until, 40.0];
            scene.troubles()
        };
        assert_eq!(codes(30.0), Vec::<&str>::new());
        assert_eq!(codes(39.0), ["rtp-stalled", "mapping-expired"]);
    }
}
