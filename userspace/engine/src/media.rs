//! The media of a session: what SDP announced, what SETUP agreed on at each leg.

mod describe;
mod direction;
mod ends;
mod goes_on;
mod negotiated;
mod setups;
mod uses;

pub(crate) use describe::described_groups;
pub(crate) use direction::may_be_sent_by_client;
pub(crate) use ends::Streams;
pub(crate) use goes_on::goes_on;
pub(crate) use negotiated::negotiated;
pub(crate) use uses::{begins_channels_anew, repeats_setup};

use crate::model::{Leg, MediaStream, Negotiated};
use describe::{Announced, DescribedGroup, announced};

/// All media of the session with these legs, the leg next to the client first: in order of SETUP, then those that only
/// the SDP names. Arrivals are left empty.
pub(crate) fn media(legs: &[&Leg]) -> Vec<MediaStream> {
    let mut announced = announced(legs);
    let setups = setups::find(legs);
    let mut media: Vec<MediaStream> = Vec::new();
    let mut streams: Vec<(&str, Option<usize>)> = Vec::new();
    let stream_count = setups::streams(&setups);
    for (at, setup) in setups.iter().enumerate() {
        let gave_way = setups::gave_way_to_others(&setups, at);
        let is_others = gave_way || !describe::is_named(&setup.uri, &announced);
        let earlier = is_others.then(|| describe::earlier(legs, setup)).flatten();
        if gave_way || earlier.is_some() {
            media.push(set_up(legs, setup, earlier));
            continue;
        }
        let known = streams.iter().find(|(uri, _)| *uri == setup.uri);
        let place = known.map_or_else(
            || {
                describe::set_up_by(&setup.uri, &announced)
                    .or_else(|| by_order(&announced, stream_count, streams.len()))
            },
            |(_, place)| *place,
        );
        if known.is_none() {
            streams.push((&setup.uri, place));
        }
        let description = place
            .and_then(|place| announced.get_mut(place))
            .map(Announced::take);
        media.push(set_up(legs, setup, description));
    }
    let unasked = announced.into_iter().filter(|described| !described.taken);
    media.extend(unasked.map(|described| MediaStream {
        per_leg: vec![Negotiated::default(); legs.len()],
        setup: vec![None; legs.len()],
        ..described.stream
    }));
    media
}

/// Media of a connection whose SETUPs came before the capture began, by the channels that carry RTP; each has the next
/// channel for its RTCP (RFC 2326 §10.12).
pub(crate) fn untold(channels: Vec<u8>, legs: usize) -> Vec<MediaStream> {
    let media = channels.into_iter().map(|number| {
        let negotiated = Negotiated {
            channels: Some((number, number.saturating_add(1))),
            ..Negotiated::default()
        };
        MediaStream {
            set_up: true,
            per_leg: vec![negotiated.clone(); legs],
            negotiated,
            setup: vec![None; legs],
            ..MediaStream::default()
        }
    });
    media.collect()
}

/// Where control URIs tell nothing and there are as many streams set up as media, order tells.
fn by_order(announced: &[Announced], streams: usize, position: usize) -> Option<usize> {
    let same = announced.len() == streams;
    announced
        .get(position)
        .filter(|described| same && !described.taken)
        .map(|_| position)
}

fn set_up(
    legs: &[&Leg],
    setup: &setups::SetUp,
    description: Option<(MediaStream, Option<DescribedGroup>)>,
) -> MediaStream {
    let (described, group) = description.unwrap_or_default();
    let exchanges = || {
        legs.iter()
            .zip(&setup.at)
            .map(|(leg, at)| leg.exchanges.get((*at)?))
    };
    let mut per_leg: Vec<Negotiated> = exchanges()
        .map(|exchange| {
            exchange.map_or_else(Negotiated::default, |exchange| negotiated(exchange, group))
        })
        .collect();
    let agreed = merged(&per_leg);
    for ((leg, at), own) in legs.iter().zip(&setup.at).zip(&mut per_leg) {
        if at.is_none() && leg.began_before() {
            *own = unheard(&agreed);
        }
    }
    let profile = exchanges().flatten().find_map(negotiated::profile);
    MediaStream {
        control: Some(setup.uri.clone()),
        profile: profile.or(described.profile),
        direction: direction::of(legs, &setup.at, described.sdp_direction),
        set_up: exchanges().flatten().any(crate::model::Exchange::succeeded),
        negotiated: agreed,
        per_leg,
        setup: setup.at.clone(),
        first_setup: setup.first.clone(),
        in_force: setup.in_force.clone(),
        superseded: setup.superseded,
        ..described
    }
}

/// What holds at a leg too whose tap began after the SETUP: the server's ports, the channels and the source. Where the
/// client is reached may be translated on the way.
fn unheard(agreed: &Negotiated) -> Negotiated {
    Negotiated {
        server_rtp_port: agreed.server_rtp_port,
        server_rtcp_port: agreed.server_rtcp_port,
        channels: agreed.channels,
        ssrc: agreed.ssrc,
        multicast: agreed.multicast,
        ..Negotiated::default()
    }
}

/// The first leg's view, filled up from the others where it shows nothing.
fn merged(per_leg: &[Negotiated]) -> Negotiated {
    let mut all = per_leg.first().cloned().unwrap_or_default();
    for other in per_leg.iter().skip(1).cloned() {
        all.client_rtp_port = all.client_rtp_port.or(other.client_rtp_port);
        all.client_rtcp_port = all.client_rtcp_port.or(other.client_rtcp_port);
        all.answered_rtp_port = all.answered_rtp_port.or(other.answered_rtp_port);
        all.answered_rtcp_port = all.answered_rtcp_port.or(other.answered_rtcp_port);
        all.server_rtp_port = all.server_rtp_port.or(other.server_rtp_port);
        all.server_rtcp_port = all.server_rtcp_port.or(other.server_rtcp_port);
        all.channels = all.channels.or(other.channels);
        all.destination = all.destination.or(other.destination);
        all.source = all.source.or(other.source);
        all.ssrc = all.ssrc.or(other.ssrc);
        all.multicast = all.multicast.or(other.multicast);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::media;
    use crate::testkit::{LAN, leg};

    /// The media of a session whose client sets up these streams of a camera that knows itself by its private address.
    fn set_up(streams: &[&str], controls: [&str; 2]) -> Vec<(Option<String>, bool)> {
        let [video, audio] = controls;
        let sdp = format!(
            "v=0 | m=video 0 RTP/AVP 96 | a=control:{video} | m=audio 0 RTP/AVP 0 | a=control:{audio}"
        );
        let length = sdp.replace(" | ", "\r\n").len() + 2;
        let described = format!(
            "
    0.00 > DESCRIBE rtsp://203.0.113.1:4554/cam RTSP/1.0 | CSeq: 1
    0.01 < RTSP/1.0 200 OK | CSeq: 1 | Content-Base: rtsp://192.168.1.90/cam/ | Content-Type: application/sdp | Content-Length: {length} || {sdp}"
        );
        let set_up = streams.iter().enumerate().map(|(number, stream)| {
            let cseq = number + 2;
            format!(
                "
    0.1{number} > SETUP rtsp://203.0.113.1:4554/cam/{stream} RTSP/1.0 | CSeq: {cseq} | Transport: RTP/AVP/TCP;interleaved=0-1
    0.1{number} < RTSP/1.0 200 OK | CSeq: {cseq} | Session: 1 | Transport: RTP/AVP/TCP;interleaved=0-1"
            )
        });
        let talk: String = std::iter::once(described).chain(set_up).collect();
        let leg = leg(LAN, "198.51.100.5:40000", "203.0.113.1:4554", &talk);
        let media = media(&[&leg]).into_iter();
        media.map(|medium| (medium.kind, medium.set_up)).collect()
    }

    #[test]
    fn a_stream_of_a_camera_that_knows_itself_by_another_address_is_told_by_its_path() {
        let video = |set_up| (Some("video".to_owned()), set_up);
        let audio = |set_up| (Some("audio".to_owned()), set_up);
        for controls in [
            ["track1", "track2"],
            [
                "rtsp://192.168.1.90/cam/track1",
                "rtsp://192.168.1.90/cam/track2",
            ],
        ] {
            let both_ways = set_up(&["track2", "track1"], controls);
            assert_eq!(both_ways, [audio(true), video(true)]);
            let one_alone = set_up(&["track2"], controls);
            assert_eq!(one_alone, [audio(true), video(false)]);
        }
    }

    #[test]
    fn order_tells_where_no_path_does() {
        let kinds = set_up(&["0", "1"], ["track1", "track2"]);
        assert_eq!(kinds[0].0.as_deref(), Some("video"));
        assert_eq!(kinds[1].0.as_deref(), Some("audio"));
    }
}
