//! `large-packets-lost`: small packets pass the router, full-size ones do not.

use rtspscope_wire::Span;

use super::View;
use crate::facts::{Cut, MediaFacts, Swallowed};
use crate::finding::{Code, Explanation, Finding, Severity};
use crate::model::{Arrival, Fragmented, Leg, Side, TooBig};

pub(super) const EXPLANATION: Explanation = Explanation {
    meaning: "Somewhere a link carries smaller packets than the sender thinks (PPPoE, a VPN, a tunnel), and the message that would tell the sender \
        (ICMP \"fragmentation needed\") is lost, filtered, or not heeded; or the sender does cut its packets, and the pieces behind the first are \
        dropped. Short messages and sound get through; a long description, or every picture, does not.",
    proof: "A long message that its sender repeated in vain, of which the other side of the router has no copy although shorter ones came \
        through; or media of which ten or more packets of full size were lost between the taps while only small ones came out; or a router that \
        said again and again (ICMP type 3 code 4, ICMPv6 type 2) that the sender's packets are too large; or ten or more datagrams, at least half, \
        of which only the first fragment came.",
    not_this: "Loss that meets small and large packets alike is rtp-loss. A small message that never came out is alg-dropped-message. \
        Where no packet at all came through, the size cannot be the reason. A router that says once or twice that packets are too large is how a \
        sender learns the size: that is healthy. A tap that shows no later fragment of anybody has a filter on ports.",
    remedies: &[
        "Let the router clamp the segment size of TCP to the path: nft tcp option maxseg size set rt mtu (OpenWrt: MSS clamping on the WAN zone)",
        "Lower the MTU of the camera, or its maximal RTP packet size, to 1400 bytes or less",
        "Do not filter ICMP \"fragmentation needed\" (IPv4 type 3 code 4) and \"packet too big\" (IPv6 type 2), nor fragments",
    ],
};

/// Payload of a packet that may be too large for a link on the way: 1280 bytes is the least that IPv6 allows.
const LARGE: u64 = 1200;
/// So many packets are no accident.
const ENOUGH: u64 = 10;
/// A sender that was told so often, over so long a time, does not heed it. Linux tells a sender once in a second at most.
const TOLD: usize = 3;
/// See [`TOLD`].
const TOLD_OVER: Span = Span::from_secs(1);

/// Fires for a long message that was swallowed, and for each medium of which only the small packets came out.
pub(super) fn check(view: &View<'_>) -> Vec<Finding> {
    let swallowed = view.facts.swallowed();
    let message = swallowed
        .filter(|lost| lost.may_be_too_large() && lost.repeated.is_some())
        .filter(|lost| shorter_came_through(lost))
        .map(|lost| about_message(view, &lost))
        .or_else(|| {
            view.session
                .legs
                .iter()
                .find_map(|leg| about_connection(view, leg))
        })
        .or_else(|| black_hole(view));
    let media = view.facts.media().filter_map(|media| {
        about_media(view, media)
            .or_else(|| not_heeded(view, media))
            .or_else(|| fragments(view, media))
    });
    message.into_iter().chain(media).collect()
}

/// Whether the other side has another message of the same sender.
fn shorter_came_through(lost: &Swallowed<'_>) -> bool {
    let messages = lost
        .other
        .exchanges
        .iter()
        .flat_map(|exchange| exchange.request.iter().chain(&exchange.response));
    messages.into_iter().any(|message| {
        message.from == lost.message.from && message.raw.len() < lost.message.raw.len()
    })
}

fn about_message(view: &View<'_>, lost: &Swallowed<'_>) -> Finding {
    let len = lost.message.raw.len();
    let method = &lost.exchange.method;
    let what = match lost.message.status {
        Some(status) => format!("the answer {status} to {method}"),
        None => method.clone(),
    };
    let other = view.place(lost.other);
    Finding::new(
        Code::LargePacketsLost,
        Severity::Error,
        view.subject(),
        format!("{what} has {len} bytes and never came out; shorter messages did"),
    )
    .cause(format!(
        "{what} was repeated in vain, and {other} saw no copy of it{}",
        told(view.session.legs.iter().flat_map(|leg| &leg.too_big))
    ))
    .proof_if(
        first_of(view.session.legs.iter().flat_map(|leg| &leg.too_big)),
        SAYS,
    )
    .proof(
        lost.message.at,
        format!("{what}, {len} bytes, on its sender's side"),
    )
    .proof_if(lost.repeated, "its sender repeats it for the last time")
    .proof(
        lost.other.last,
        "last packet of the connection on the other side",
    )
    .remedies(EXPLANATION.remedies.iter().copied())
}

fn about_media(view: &View<'_>, media: MediaFacts<'_>) -> Option<Finding> {
    let mut ways = media.ways().filter(|_| media.is_udp());
    ways.find_map(|way| lost_between(view, media, way))
}

/// Large packets of which one leg has none that passed another one, nearer to the server.
fn lost_between(view: &View<'_>, media: MediaFacts<'_>, way: [usize; 2]) -> Option<Finding> {
    let [server, client] = way;
    let (server, client) = (media.arrival(server)?, media.arrival(client)?);
    let lost = server.rtp.packets.checked_sub(client.rtp.packets)?;
    let lost_bytes = server.rtp.bytes.checked_sub(client.rtp.bytes)?;
    let (passed_len, lost_len) = (mean_len(client)?, lost_bytes.checked_div(lost)?);
    if !media.were_lost_between(way, lost)
        || lost < ENOUGH
        || lost_len < LARGE
        || passed_len * 2 > lost_len
    {
        return None;
    }
    let (first, last) = (client.rtp.first?, client.rtp.last?);
    Some(
        Finding::new(
            Code::LargePacketsLost,
            Severity::Error,
            view.medium(media.index),
            format!("{lost} large RTP packets never came out of the router; small ones did"),
        )
        .cause(format!(
            "the {lost} lost packets have {lost_len} bytes of payload on average, the {} that came out {passed_len}{}",
            client.rtp.packets,
            told(notices(media))
        ))
        .proof_if(server.rtp.first, "first RTP packet on the server's side")
        .proof(first, "first of those that came out")
        .proof(last, "last of those that came out")
        .proof_if(first_of(notices(media)), SAYS)
        .remedies(EXPLANATION.remedies.iter().copied()),
    )
}

/// What is to be seen in a notice.
const SAYS: &str = "a router says that the packet is too large for its next link";

/// What routers said of a medium's packets, at any tap.
fn notices(media: MediaFacts<'_>) -> impl Iterator<Item = &TooBig> {
    media
        .media
        .arrivals
        .iter()
        .flat_map(|arrival| &arrival.too_big)
}

fn first_of<'a>(notices: impl Iterator<Item = &'a TooBig>) -> Option<crate::locator::Locator> {
    notices.map(|notice| notice.at).min_by_key(|at| at.at)
}

/// What the last notice says, as the end of a sentence.
fn told<'a>(notices: impl Iterator<Item = &'a TooBig>) -> String {
    let Some(last) = notices.last() else {
        return String::new();
    };
    match last.mtu {
        Some(mtu) => format!(
            "; {} says that its next link carries {mtu} bytes",
            last.from
        ),
        None => format!(
            "; {} says that they are too large for its next link",
            last.from
        ),
    }
}

/// The server's segments were too large, it was told so, and it repeated them in vain up to the end.
fn about_connection(view: &View<'_>, leg: &Leg) -> Option<Finding> {
    let (first, repeated) = (leg.too_big.first()?, leg.server_unheard?);
    (repeated.at >= first.at.at).then_some(())?;
    Some(
        Finding::new(
            Code::LargePacketsLost,
            Severity::Error,
            view.subject(),
            "the server's full-size segments never came through",
        )
        .cause(format!(
            "the server repeated bytes in vain up to the end{}",
            told(leg.too_big.iter())
        ))
        .proof(first.at, SAYS)
        .proof(repeated, "the server repeats bytes for the last time")
        .remedies(EXPLANATION.remedies.iter().copied()),
    )
}

/// A segment that was lost a few times by accident comes through sooner.
const IN_VAIN: Span = Span::from_secs(2);

/// Full-size segments that are repeated on one side of the router and never seen on the other, where smaller ones come out.
/// No router need say why.
fn black_hole(view: &View<'_>) -> Option<Finding> {
    let mut cuts = [Side::Server, Side::Client]
        .map(|from| view.facts.cut(from))
        .into_iter()
        .flatten();
    let cut = cuts.find(|cut: &Cut<'_>| cut.by_size() && cut.waited >= IN_VAIN)?;
    let receiver = cut.receiver?;
    let sender = match cut.from {
        Side::Client => "client",
        Side::Server => "server",
    };
    let largest = receiver.delivery(cut.from).largest?;
    Some(
        Finding::new(
            Code::LargePacketsLost,
            Severity::Error,
            view.subject(),
            format!("the {sender}'s full-size segments never come through; small ones do"),
        )
        .cause(format!(
            "at {} the {sender} repeated a segment of {} bytes {} times, and {} has none of it; the largest that came there has {largest} bytes",
            view.place(cut.sender),
            cut.repeated.len,
            cut.repeated.times,
            view.place(receiver)
        ))
        .proof(cut.repeated.first, format!("the {sender} repeats {} bytes", cut.repeated.len))
        .proof(cut.repeated.last, "it does so for the last time")
        .proof_if(
            receiver.delivery(cut.from).last,
            format!("a smaller segment of the {sender} on the other side of the router"),
        )
        .remedies(EXPLANATION.remedies.iter().copied()),
    )
}

/// A sender of media that was told again and again.
fn not_heeded(view: &View<'_>, media: MediaFacts<'_>) -> Option<Finding> {
    let arrivals = media.media.arrivals.iter();
    let told_often = |arrival: &&Arrival| {
        let (first, last) = (arrival.too_big.first(), arrival.too_big.last());
        let over = first
            .zip(last)
            .map(|(first, last)| last.at.at - first.at.at);
        arrival.too_big.len() >= TOLD && over.is_some_and(|over| over >= TOLD_OVER)
    };
    let arrival = arrivals.into_iter().find(told_often)?;
    let (first, last) = (arrival.too_big.first()?, arrival.too_big.last()?);
    Some(
        Finding::new(
            Code::LargePacketsLost,
            Severity::Error,
            view.medium(media.index),
            "a router drops media packets because they are too large, and the sender goes on",
        )
        .cause(format!(
            "{} ICMP errors at {} say that packets of this medium are too large{}",
            arrival.too_big.len(),
            view.place_of(arrival),
            told(arrival.too_big.iter())
        ))
        .proof(first.at, SAYS)
        .proof(last.at, "the last that says so")
        .remedies(EXPLANATION.remedies.iter().copied()),
    )
}

/// Datagrams of which only the first fragment came, at the tap next to the client that saw any.
fn fragments(view: &View<'_>, media: MediaFacts<'_>) -> Option<Finding> {
    let broken = |arrival: &&Arrival| {
        let lost = lost_fragments(arrival);
        lost >= ENOUGH && lost.saturating_mul(2) >= arrival.fragmented.begun
    };
    let mut at_legs = (0..view.session.legs.len()).filter_map(|leg| media.arrival(leg));
    let arrival = at_legs.find(broken)?;
    let counted = arrival.fragmented;
    let lost = lost_fragments(arrival);
    Some(
        Finding::new(
            Code::LargePacketsLost,
            Severity::Error,
            view.medium(media.index),
            format!("of {lost} large media packets only the first fragment came"),
        )
        .cause(format!(
            "{} datagrams of this medium began in fragments at {}, {} of them became whole: something on the way drops fragments",
            counted.begun,
            view.place_of(arrival),
            counted.whole
        ))
        .proof(counted.first?, "the first that came in fragments")
        .proof_if(arrival.rtp.last, "last whole RTP packet")
        .remedies(EXPLANATION.remedies.iter().copied()),
    )
}

/// Datagrams of which a fragment never came, where the tap shows more than first ones.
fn lost_fragments(arrival: &Arrival) -> u64 {
    let Fragmented {
        begun,
        whole,
        alone,
        ..
    } = arrival.fragmented;
    begun.saturating_sub(whole).saturating_sub(alone)
}

fn mean_len(arrival: &Arrival) -> Option<u64> {
    arrival.rtp.bytes.checked_div(arrival.rtp.packets)
}

#[cfg(test)]
mod tests {
    use crate::model::{Fragmented, TooBig};
    use crate::testkit::{BETWEEN, LAN, Scene, UDP_TALK, WAN, addr, at};

    fn media(inside: (u64, u64), outside: (u64, u64)) -> Vec<&'static str> {
        let mut scene = Scene::behind_nat(UDP_TALK)
            .punch(0.035, 5000)
            .rtp(inside.0, outside.0);
        scene.arrival(LAN).rtp.bytes = inside.1;
        scene.arrival(WAN).rtp.bytes = outside.1;
        scene.troubles()
    }

    #[test]
    fn fires_when_only_small_packets_of_a_medium_come_out() {
        let codes = media((100, 100 * 300), (400, 100 * 300 + 300 * 1400));
        assert!(codes.contains(&"large-packets-lost"), "{codes:?}");
    }

    #[test]
    fn is_silent_when_the_loss_meets_all_sizes() {
        let codes = media((100, 100 * 1350), (400, 400 * 1350));
        assert!(!codes.contains(&"large-packets-lost"), "{codes:?}");
    }

    /// 22 large packets more outside, the client's tap watching from this second on, and so many missing among what came there.
    fn begun_at(secs: f64, lost: u64) -> Vec<&'static str> {
        let mut scene = Scene::behind_nat(UDP_TALK).punch(0.035, 5000).rtp(142, 164);
        scene.first_at[0] = secs;
        scene.legs[0].first = at(LAN, secs, 1);
        let inside = &mut scene.arrival(LAN).rtp;
        (inside.bytes, inside.lost) = (101_992, Some(lost));
        inside.first = Some(at(LAN, secs.max(0.06), 20));
        scene.arrival(WAN).rtp.bytes = 139_549;
        scene.troubles()
    }

    #[test]
    fn what_passed_before_a_tap_began_was_not_lost() {
        assert_eq!(begun_at(1.5, 0), Vec::<&str>::new());
        assert_eq!(begun_at(0.0, 0), ["large-packets-lost"]);
        assert!(begun_at(1.5, 22).contains(&"large-packets-lost"));
    }

    #[test]
    fn fires_for_a_loss_behind_the_second_of_two_routers() {
        let mut scene = Scene::behind_two_nats(UDP_TALK).punch(0.035, 5000);
        for (tap, packets, bytes) in [
            (LAN, 100, 30_000),
            (BETWEEN, 100, 30_000),
            (WAN, 400, 450_000),
        ] {
            scene = scene.rtp_at(tap, packets);
            scene.arrival(tap).rtp.bytes = bytes;
        }
        assert_eq!(scene.troubles(), ["large-packets-lost"]);
    }

    fn told(tap: rtspscope_wire::TapId, secs: f64) -> TooBig {
        TooBig {
            at: at(tap, secs, 40),
            from: addr("203.0.113.77:0").ip(),
            mtu: Some(1280),
        }
    }

    #[test]
    fn tells_what_the_router_says_of_the_size() {
        let mut scene = Scene::behind_nat(UDP_TALK).punch(0.035, 5000).rtp(100, 400);
        scene.arrival(LAN).rtp.bytes = 100 * 300;
        scene.arrival(WAN).rtp.bytes = 100 * 300 + 300 * 1400;
        scene.arrival(WAN).too_big = vec![told(WAN, 0.2)];
        let snapshot = scene.checked();
        let finding = &snapshot.findings[0];
        assert_eq!(
            finding.cause,
            "the 300 lost packets have 1400 bytes of payload on average, the 100 that came out 300; 203.0.113.77 says that its next link carries 1280 bytes"
        );
        assert_eq!(finding.evidence[3].at, at(WAN, 0.2, 40));
    }

    #[test]
    fn fires_when_a_sender_is_told_again_and_again() {
        let codes = |times: &[f64]| {
            let mut scene = Scene::behind_nat(UDP_TALK).punch(0.035, 5000).rtp(9, 9);
            scene.arrival(WAN).too_big = times.iter().map(|secs| told(WAN, *secs)).collect();
            scene.troubles()
        };
        assert_eq!(codes(&[0.1, 0.6, 1.1]), ["large-packets-lost"]);
        assert_eq!(codes(&[0.1, 0.6, 1.0]), Vec::<&str>::new());
        assert_eq!(codes(&[0.1, 1.1]), Vec::<&str>::new(), "it learns the size");
    }

    #[test]
    fn fires_when_fragments_go_missing() {
        let codes = |begun, whole, alone| {
            let mut scene = Scene::behind_nat(UDP_TALK).punch(0.035, 5000).rtp(9, 9);
            scene.arrival(LAN).fragmented = Fragmented {
                begun,
                whole,
                alone,
                first: Some(at(LAN, 0.1, 21)),
            };
            scene.troubles()
        };
        assert_eq!(codes(20, 10, 0), ["large-packets-lost"]);
        assert_eq!(codes(21, 11, 0), Vec::<&str>::new(), "most came");
        assert_eq!(codes(9, 0, 0), Vec::<&str>::new(), "too few");
        assert_eq!(codes(20, 0, 20), Vec::<&str>::new(), "a filter may be");
    }

    /// The server repeats its segment of so many bytes; the client's side has segments of at most so many, and of the server's
    /// numbers has seen so many.
    fn black_hole(repeated: u64, largest: u32, reached: u32) -> Vec<&'static str> {
        let mut scene = Scene::behind_nat(&crate::testkit::tcp_talk()).rtp(9, 30);
        scene.held_up(5000, 5000);
        let again = scene.legs[1].from_server.repeated.as_mut().unwrap();
        again.len = repeated;
        scene.legs[0].from_server.largest = Some(largest);
        scene.legs[0].from_server.reached = Some(reached);
        scene.troubles()
    }

    #[test]
    fn fires_for_a_hole_of_which_no_router_says_why() {
        assert_eq!(black_hole(1448, 722, 9000), ["large-packets-lost"]);
        assert_eq!(black_hole(1448, 1448, 9000), ["rtp-stalled"], "no size");
        assert_eq!(black_hole(1448, 722, 5000), ["rtp-stalled"], "nothing");
        assert_eq!(black_hole(722, 300, 9000), ["rtp-stalled"], "small ones");
    }

    #[test]
    fn fires_when_segments_are_too_large_and_repeated_in_vain() {
        let codes = |unheard| {
            let mut scene = Scene::behind_nat(UDP_TALK).punch(0.035, 5000).rtp(9, 9);
            scene.legs[1].too_big = vec![told(WAN, 0.2)];
            scene.legs[1].server_unheard = unheard;
            scene.troubles()
        };
        assert_eq!(codes(Some(at(WAN, 3.0, 77))), ["large-packets-lost"]);
        assert_eq!(codes(None), Vec::<&str>::new(), "the server heeded it");
    }

    fn answer(len: usize) -> Vec<&'static str> {
        let options = "
            0.0 > OPTIONS rtsp://h/a RTSP/1.0 | CSeq: 1
            0.1 < RTSP/1.0 200 OK | CSeq: 1";
        let asked = "
            0.2 > GET_PARAMETER rtsp://h/a RTSP/1.0 | CSeq: 2";
        let answer = format!(
            "
            0.3 < RTSP/1.0 200 OK | CSeq: 2 | X: {}",
            "x".repeat(len)
        );
        let mut scene = Scene::heard(
            &format!("{options}{asked}"),
            &format!("{options}{asked}{answer}"),
        );
        scene.legs[1].server_unheard = Some(at(WAN, 3.3, 90));
        scene.troubles()
    }

    #[test]
    fn fires_when_a_long_answer_never_came_out() {
        assert_eq!(answer(1300), ["large-packets-lost"]);
    }

    #[test]
    fn leaves_a_short_answer_to_another_rule() {
        assert_eq!(answer(300), ["alg-dropped-message"]);
    }
}
