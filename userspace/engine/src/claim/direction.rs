//! Which end sends a medium whose description says `a=sendonly` and leaves open in whose view: its packets tell.

use rtspscope_wire::sdp::StreamDirection;

use super::Unit;
use super::seat::Seat;
use crate::counting::MediaCount;
use crate::model::{MediaDirection, MediaStream, Session};
use crate::record::Record;

/// Turns the direction of such media of which the client sends RTP and the server sends none at any leg.
pub(super) fn settle(
    sessions: &mut [Session],
    records: &[Vec<&Record>],
    seats: &mut [Seat],
    units: &[Unit<'_>],
) {
    for of_medium in seats.chunk_by_mut(|a, b| (a.session, a.media) == (b.session, b.media)) {
        let Some(medium) = of_medium.first().and_then(|seat| {
            let session = sessions.get_mut(seat.session)?;
            session.media.get_mut(seat.media)
        }) else {
            continue;
        };
        if is_settled(medium) {
            continue;
        }
        let sent = |direction: MediaDirection| {
            let mut at_legs = of_medium.iter();
            at_legs.any(|seat| sends(seat, direction, records, units))
        };
        if sent(MediaDirection::FromClient) && !sent(MediaDirection::FromServer) {
            medium.direction = MediaDirection::FromClient;
            for seat in of_medium {
                seat.direction = MediaDirection::FromClient;
            }
        }
    }
}

fn is_settled(medium: &MediaStream) -> bool {
    medium.direction == MediaDirection::FromClient
        || medium.sdp_direction != Some(StreamDirection::SendOnly)
}

/// Whether RTP, and no single look-alike, came from that end.
fn sends(
    seat: &Seat,
    direction: MediaDirection,
    records: &[Vec<&Record>],
    units: &[Unit<'_>],
) -> bool {
    let flows = match direction {
        MediaDirection::FromServer => &seat.from_server,
        MediaDirection::FromClient => &seat.from_client,
    };
    let by_udp = flows
        .iter()
        .filter_map(|index| units.get(*index))
        .any(|unit| unit.epoch.is_media());
    let legs = records.get(seat.session);
    let record = legs.and_then(|legs| legs.get(seat.leg));
    let in_channel = || {
        let (record, (channel, _)) = (record?, seat.negotiated.channels?);
        let end = match direction {
            MediaDirection::FromServer => 1 - record.client(),
            MediaDirection::FromClient => record.client(),
        };
        let mut uses = seat.on_channel(record, end, channel);
        Some(uses.any(MediaCount::is_media))
    };
    by_udp || in_channel().unwrap_or(false)
}
