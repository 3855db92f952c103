//! Media of one session that agreed on the same port or channel: a camera that answers each SETUP with the same one, or
//! that sends all media through one port. Ports do not tell such media apart; the announced source and the payload type do.

use rtsp_ebpf_common::rtp::RtpCounters;

use super::seat::Seat;
use crate::model::{MediaStream, Negotiated, Session};

/// The media at one place at one leg, of which one is asked about.
#[derive(Clone, Debug)]
pub(super) struct Shared<'a> {
    /// In order of SETUP, with the source that was announced for each.
    all: Vec<(&'a MediaStream, Option<u32>)>,
    /// Position in it.
    own: usize,
}

impl<'a> Shared<'a> {
    /// `None` where the medium has its place for itself.
    pub(super) fn of(session: &'a Session, media: usize, leg: usize) -> Option<Self> {
        let asked = session.media.get(media)?;
        let place = asked.per_leg.get(leg)?;
        let mut all = Vec::new();
        let mut own = 0;
        for (index, other) in session.media.iter().enumerate() {
            let Some(theirs) = other.per_leg.get(leg) else {
                continue;
            };
            if index == media {
                own = all.len();
            } else if !is_beside((asked, place), (other, theirs), leg) {
                continue;
            }
            all.push((other, theirs.ssrc));
        }
        (all.len() > 1).then_some(Self { all, own })
    }

    /// Whether a source is the medium's own. One that is nobody's by any sign is the first medium's.
    pub(super) fn owns(&self, source: &RtpCounters) -> bool {
        let by_source = |(_, ssrc): &(_, Option<u32>)| *ssrc == Some(source.ssrc);
        let by_type = |(medium, _): &(&MediaStream, _)| {
            medium.payload_type == Some(source.payload_type)
                || medium.repair.payload_types.contains(&source.payload_type)
                || medium.repair.sources.contains(&source.ssrc)
        };
        let owner = self.all.iter().position(by_source);
        let owner = owner.or_else(|| self.all.iter().position(by_type));
        owner.unwrap_or(0) == self.own
    }
}

/// Whether two streams of a session are at the same place of a leg at one time. The same stream set up twice is not beside
/// itself.
fn is_beside(
    (a, at): (&MediaStream, &Negotiated),
    (b, other): (&MediaStream, &Negotiated),
    leg: usize,
) -> bool {
    let is_same_place = match (at.channels, other.channels) {
        (Some(one), Some(two)) => one.0 == two.0,
        (None, None) => {
            at.client_rtp_port.is_some()
                && at.client_rtp_port == other.client_rtp_port
                && at.multicast == other.multicast
        }
        (Some(_), None) | (None, Some(_)) => false,
    };
    let are_one_time = match (a.in_force.get(leg), b.in_force.get(leg)) {
        (Some(one), Some(two)) => one.start < two.end && two.start < one.end,
        (Some(_), None) | (None, Some(_) | None) => true,
    };
    is_same_place && a.set_up && b.set_up && are_one_time && a.control != b.control
}

/// Gives the flows of each such medium to the others too.
pub(super) fn share(sessions: &[Session], seats: &mut [Seat]) {
    for index in 0..seats.len() {
        for other in index + 1..seats.len() {
            let (one, two) = (&seats[index], &seats[other]);
            if one.session != two.session {
                break;
            }
            if one.leg != two.leg || !are_beside(sessions, one, two) {
                continue;
            }
            let both = |a: &[usize], b: &[usize]| {
                let mut all = [a, b].concat();
                all.sort_unstable();
                all.dedup();
                all
            };
            let from_server = both(&one.from_server, &two.from_server);
            let from_client = both(&one.from_client, &two.from_client);
            for seat in [index, other] {
                seats[seat].from_server.clone_from(&from_server);
                seats[seat].from_client.clone_from(&from_client);
            }
        }
    }
}

fn are_beside(sessions: &[Session], one: &Seat, two: &Seat) -> bool {
    let medium = |seat: &Seat| sessions.get(seat.session)?.media.get(seat.media);
    let (Some(a), Some(b)) = (medium(one), medium(two)) else {
        return false;
    };
    is_beside((a, &one.negotiated), (b, &two.negotiated), one.leg)
}
