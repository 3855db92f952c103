//! What the ends' own reports (RTCP) say of media that a tap did not see.
//!
//! A sender report counts the packets that were sent, a reception report names the highest number that came. Where such a count
//! grows from one report to the next, media was under way in between, and a tap without it missed it.

use std::net::IpAddr;

use super::{LAG, MediaFacts, SessionFacts};
use crate::model::{Arrival, Growth};
use crate::nat::address::{Privacy, privacy};

impl SessionFacts<'_> {
    /// The client's address at the tap nearest to the server, where it tells that another NAT is on the way from there: the
    /// server has a public address, and no packet of it could find back to this one.
    pub(crate) fn outer_nat(self) -> Option<IpAddr> {
        self.sides()?;
        let leg = self.session.legs.last()?;
        let (client, server) = (leg.client.ip(), leg.server.ip());
        let is_inside = privacy(client) > Privacy::Public && privacy(server) == Privacy::Public;
        is_inside.then_some(client)
    }
}

impl<'a> MediaFacts<'a> {
    /// Whether the server says at any tap that it sent packets of the medium.
    pub(crate) fn is_said_to_be_sent(self) -> bool {
        let mut arrivals = self.media.arrivals.iter();
        arrivals.any(|arrival| arrival.rtcp.sent_packets.is_some_and(|sent| sent > 0))
    }

    /// Whether the receiver's own reports, at any tap and at any time, tell that packets of the medium came to it.
    pub(crate) fn is_reported_received(self) -> bool {
        let mut arrivals = self.media.arrivals.iter();
        arrivals.any(|arrival| arrival.rtcp.far_end.lost.is_some())
    }

    /// Two reports by which the client got more of the medium after the last packet that a tap saw: it passes there unseen.
    pub(crate) fn passes_unseen(self) -> Option<(&'a Arrival, Growth)> {
        let all = &self.media.arrivals;
        let fullest = all.iter().max_by_key(|arrival| arrival.rtp.packets)?;
        all.iter().find_map(|arrival| {
            let growth = arrival.rtcp.far_end.receiving?;
            let goes_on = is_later(arrival, growth) && is_the_stream(fullest, growth);
            goes_on.then_some((arrival, growth))
        })
    }
}

/// Whether the receiver's own reports say that it gets what one tap saw and the next did not.
pub(super) fn is_received(sender: &Arrival, receiver: &Arrival) -> bool {
    let growth = receiver.rtcp.far_end.receiving;
    let is_enough = growth.is_some_and(|growth| is_the_stream(sender, growth));
    is_enough && sender.rtp.last.is_some()
}

/// Whether as much came as a tap saw of the medium, in so long a time: a stray packet is not the stream.
fn is_the_stream(arrival: &Arrival, growth: Growth) -> bool {
    let rtp = &arrival.rtp;
    let seen = rtp
        .first
        .zip(rtp.last)
        .map(|(first, last)| last.at - first.at);
    let Some(seen) = seen.filter(|seen| seen.0 > 0) else {
        return true;
    };
    let time = growth.shown.at - growth.since.at;
    let usual = i128::from(rtp.packets) * i128::from(time.0) / i128::from(seen.0);
    i128::from(growth.more) * LESS >= usual
}

/// A picture that hardly changes takes so many times fewer packets, and hardly fewer still.
const LESS: i128 = 8;

/// Whether packets were sent, or came, after the last one that the same tap saw. What was on its way is not.
pub(crate) fn is_later(arrival: &Arrival, growth: Growth) -> bool {
    let last = arrival.rtp.last.map(|last| last.at);
    last.is_none_or(|last| growth.since.at >= last + LAG)
}
