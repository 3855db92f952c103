//! The clocks of a session on one line, so that a freeze explains itself: what was last heard of each side, and when.

use std::fmt;

use rtspscope_wire::{Span, Timestamp};

use crate::facts::play_accepted;
use crate::model::{Leg, Session, Side};

/// Times since PLAY was accepted, as the leg next to the client shows them; `None` for what never happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clocks {
    /// Last request of the client.
    pub last_request: Option<Span>,
    /// Session timeout in seconds.
    pub timeout_secs: Option<u32>,
    /// Last packet from the client's RTCP ports: its receiver reports.
    pub last_from_rtcp_port: Option<Span>,
    /// Last packet from the client's RTP ports: what keeps a UDP mapping.
    pub last_from_rtp_port: Option<Span>,
    /// Last RTP packet.
    pub last_media: Option<Span>,
    /// End of the connection, and who ended it.
    pub closed: Option<(Side, Span)>,
}

/// Reads them from a session that played.
pub fn clocks(session: &Session) -> Option<Clocks> {
    let leg: &Leg = session.legs.first()?;
    let start = play_accepted(leg)?.at;
    let since = |at: Timestamp| at - start;
    let requests = leg
        .exchanges
        .iter()
        .filter(|exchange| exchange.by == Side::Client)
        .filter_map(|exchange| exchange.request.as_ref());
    let arrivals = || {
        session
            .media
            .iter()
            .flat_map(|media| &media.arrivals)
            .filter(|arrival| arrival.tap == leg.tap)
    };
    let last_sent = |rtcp: bool| {
        let sent = arrivals().flat_map(|arrival| &arrival.from_client);
        let last = sent
            .filter(|sent| sent.rtcp_port == rtcp)
            .map(|sent| sent.last.at);
        last.max().map(since)
    };
    Some(Clocks {
        last_request: requests.map(|request| request.at.at).max().map(since),
        timeout_secs: session.timeout_secs,
        last_from_rtcp_port: last_sent(true),
        last_from_rtp_port: last_sent(false),
        last_media: arrivals()
            .filter_map(|arrival| arrival.rtp.last)
            .map(|last| last.at)
            .max()
            .map(since),
        closed: leg.closed.map(|close| (close.by, since(close.at.at))),
    })
}

impl fmt::Display for Clocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |span: Option<Span>| {
            span.map_or_else(
                || "never".to_owned(),
                |span| format!("{:.1} s", span.as_secs_f64()),
            )
        };
        write!(f, "since PLAY: last media {}", shown(self.last_media))?;
        write!(f, ", last request {}", shown(self.last_request))?;
        if let Some(timeout) = self.timeout_secs {
            write!(f, " (timeout {timeout} s)")?;
        }
        write!(
            f,
            ", last packet from the player's RTP port {}",
            shown(self.last_from_rtp_port)
        )?;
        write!(
            f,
            " and from its RTCP port {}",
            shown(self.last_from_rtcp_port)
        )?;
        match self.closed {
            Some((Side::Client, at)) => write!(f, ", closed by the player {}", shown(Some(at))),
            Some((Side::Server, at)) => write!(f, ", closed by the server {}", shown(Some(at))),
            None => f.write_str(", connection still open"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::{Scene, UDP_TALK};

    #[test]
    fn a_session_tells_its_clocks_on_one_line() {
        let snapshot = Scene::behind_nat(UDP_TALK)
            .punch(2.05, 5000)
            .rtp(9, 9)
            .checked();
        assert_eq!(
            clocks(&snapshot.sessions[0]).unwrap().to_string(),
            "since PLAY: last media 9.8 s, last request 9.9 s (timeout 60 s), last packet from the player's RTP port 2.0 s and \
             from its RTCP port 2.0 s, closed by the player 11.1 s"
        );
    }

    #[test]
    fn a_session_that_never_played_has_none() {
        let talk = UDP_TALK.split("0.04 >").next().unwrap();
        assert_eq!(clocks(&Scene::behind_nat(talk).checked().sessions[0]), None);
    }
}
