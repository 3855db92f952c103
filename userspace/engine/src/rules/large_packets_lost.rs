//! `large-packets-lost`: small packets pass the router, full-size ones do not.

use super::View;
use crate::facts::{MediaFacts, Swallowed};
use crate::finding::{Code, Explanation, Finding, Severity};
use crate::model::Arrival;

pub(super) const EXPLANATION: Explanation = Explanation {
    meaning: "Somewhere a link carries smaller packets than the sender thinks (PPPoE, a VPN, a tunnel), and the message that would tell the sender \
        (ICMP \"fragmentation needed\") is lost or filtered. Short messages and sound get through; a long description, or every picture, does not.",
    proof: "A long message that its sender repeated in vain, of which the other side of the router has no copy although shorter ones came \
        through; or media of which ten or more packets of full size were lost between the taps while only small ones came out.",
    not_this: "Loss that meets small and large packets alike is rtp-loss. A small message that never came out is alg-dropped-message. \
        Where no packet at all came through, the size cannot be the reason.",
    remedies: &[
        "Let the router clamp the segment size of TCP to the path: nft tcp option maxseg size set rt mtu (OpenWrt: MSS clamping on the WAN zone)",
        "Lower the MTU of the camera, or its maximal RTP packet size, to 1400 bytes or less",
        "Do not filter ICMP \"fragmentation needed\" (IPv4 type 3 code 4) and \"packet too big\" (IPv6 type 2)",
    ],
};

/// Payload of a packet that may be too large for a link on the way: 1280 bytes is the least that IPv6 allows.
const LARGE: u64 = 1200;
/// So many packets are no accident.
const ENOUGH: u64 = 10;

/// Fires for a long message that was swallowed, and for each medium of which only the small packets came out.
pub(super) fn check(view: &View<'_>) -> Vec<Finding> {
    let swallowed = view.facts.swallowed();
    let message = swallowed
        .filter(|lost| lost.may_be_too_large() && lost.repeated.is_some())
        .filter(|lost| shorter_came_through(lost))
        .map(|lost| about_message(view, &lost));
    let media = view
        .facts
        .media()
        .filter_map(|media| about_media(view, media));
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
    let other = view.tap_name(lost.other.tap);
    Finding::new(
        Code::LargePacketsLost,
        Severity::Error,
        view.subject(),
        format!("{what} has {len} bytes and never came out; shorter messages did"),
    )
    .cause(format!(
        "{what} was repeated in vain, and {other} saw no copy of it"
    ))
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
    let (client, server) = (media.at_client()?, media.at_server()?);
    if !media.is_udp() {
        return None;
    }
    let lost = server.rtp.packets.checked_sub(client.rtp.packets)?;
    let lost_bytes = server.rtp.bytes.checked_sub(client.rtp.bytes)?;
    let (passed_len, lost_len) = (mean_len(client)?, lost_bytes.checked_div(lost)?);
    if lost < ENOUGH || lost_len < LARGE || passed_len * 2 > lost_len {
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
            "the {lost} lost packets have {lost_len} bytes of payload on average, the {} that came out {passed_len}",
            client.rtp.packets
        ))
        .proof_if(server.rtp.first, "first RTP packet on the server's side")
        .proof(first, "first of those that came out")
        .proof(last, "last of those that came out")
        .remedies(EXPLANATION.remedies.iter().copied()),
    )
}

fn mean_len(arrival: &Arrival) -> Option<u64> {
    arrival.rtp.bytes.checked_div(arrival.rtp.packets)
}

#[cfg(test)]
mod tests {
    use crate::testkit::{LAN, Scene, UDP_TALK, WAN, at};

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
