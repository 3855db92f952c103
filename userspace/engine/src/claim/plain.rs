//! Which media are carried without RTP though their profile does not say so: by their packets.
//!
//! Old and private transports (`x-real-rdt/udp`, `x-pn-tng/tcp`, `MP2T/UDP`) have frames of their own, and some servers agree on
//! RTP and send bare MPEG-TS. What comes there is media all the same, and nobody may say that the server sent none.

use super::Unit;
use super::seat::Seat;
use crate::model::{MediaDirection, MediaStream, Session};
use crate::record::Record;

/// Where RTP was agreed on, fewer datagrams than these, or smaller ones on average, are signs of life and no media: a frame of
/// MPEG-TS has 188 bytes.
const MANY: u64 = 10;
/// See [`MANY`].
const MEDIA_BYTES: u64 = 100;

/// What the sending end sent of one medium, at all legs.
#[derive(Clone, Copy, Debug, Default)]
struct Sent {
    /// Packets that look like RTP.
    rtp: u64,
    /// RTP came, and no look-alike.
    is_proven: bool,
    /// Packets that look like nothing known.
    plain: u64,
    plain_bytes: u64,
}

/// Marks the media that are carried without RTP.
pub(super) fn settle(
    sessions: &mut [Session],
    records: &[Vec<&Record>],
    seats: &[Seat],
    units: &[Unit<'_>],
) {
    for of_medium in seats.chunk_by(|a, b| (a.session, a.media) == (b.session, b.media)) {
        let Some(medium) = of_medium.first().and_then(|seat| {
            let session = sessions.get_mut(seat.session)?;
            session.media.get_mut(seat.media)
        }) else {
            continue;
        };
        let mut sent = Sent::default();
        for seat in of_medium {
            sent.add_flows(seat, units);
            sent.add_channel(seat, records);
        }
        medium.without_rtp = medium.set_up && is_without_rtp(medium, sent);
    }
}

fn is_without_rtp(medium: &MediaStream, sent: Sent) -> bool {
    if medium.has_foreign_profile() {
        return !sent.is_proven;
    }
    sent.rtp == 0 && sent.plain >= MANY && sent.plain_bytes >= sent.plain * MEDIA_BYTES
}

impl Sent {
    fn add_flows(&mut self, seat: &Seat, units: &[Unit<'_>]) {
        let own = seat.own().iter().filter_map(|index| units.get(*index));
        for unit in own {
            self.rtp += unit.rtp_packets();
            self.is_proven |= unit.epoch.is_media();
            let plain = unit.epoch.kinds().other;
            if plain > 0 && !seat.is_for_reports(unit.flow.to) {
                self.plain += plain;
                self.plain_bytes += unit.epoch.bytes;
            }
        }
    }

    fn add_channel(&mut self, seat: &Seat, records: &[Vec<&Record>]) {
        let legs = records.get(seat.session);
        let record = legs.and_then(|legs| legs.get(seat.leg));
        let Some((record, (channel, _))) = record.zip(seat.negotiated.channels) else {
            return;
        };
        let end = match seat.direction {
            MediaDirection::FromServer => 1 - record.client(),
            MediaDirection::FromClient => record.client(),
        };
        for count in seat.on_channel(record, end, channel) {
            self.rtp += count.stats.rtp_packets();
            self.is_proven |= count.is_media();
            self.plain += count.stats.other_packets;
            self.plain_bytes += count.stats.bytes;
        }
    }
}
