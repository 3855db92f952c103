//! The clocks of a session on one line, so that a freeze explains itself: what was last heard of each side, and when.

use std::fmt;

use rtspscope_wire::{Span, Timestamp};

use crate::facts::play_accepted;
use crate::model::{Exchange, Leg, Session, Side, TransportKind};

/// Times since PLAY was accepted, as the leg next to the client shows them; `None` for what never happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clocks {
    /// Last RTP packet.
    pub last_media: Option<Span>,
    /// Last request of the client up to then, or at all where no media came.
    pub last_request: Option<Span>,
    /// Requests of the client between PLAY and the end that it asked for: they tell the server that it is still there.
    pub keepalives: u32,
    /// Session timeout in seconds.
    pub timeout_secs: Option<u32>,
    /// Whether the media come over UDP, so that the next two tell something.
    pub over_udp: bool,
    /// Last packet from the client's RTCP ports: its receiver reports.
    pub last_from_rtcp_port: Option<Span>,
    /// Last packet from the client's RTP ports: what keeps a UDP mapping.
    pub last_from_rtp_port: Option<Span>,
    /// End of the connection, and who ended it.
    pub closed: Option<(Side, Span)>,
}

/// Reads them from a session that played.
pub fn clocks(session: &Session) -> Option<Clocks> {
    let leg: &Leg = session.legs.first()?;
    let start = play_accepted(leg)?.at;
    let since = |at: Timestamp| at - start;
    let arrivals = || {
        session
            .media
            .iter()
            .flat_map(|media| &media.arrivals)
            .filter(|arrival| arrival.leg == Some(0))
    };
    let last_sent = |rtcp: bool| {
        let sent = arrivals().flat_map(|arrival| &arrival.from_client);
        let last = sent
            .filter(|sent| sent.rtcp_port == rtcp)
            .map(|sent| sent.last.at);
        last.max().map(since)
    };
    let last_media = arrivals()
        .filter_map(|arrival| arrival.rtp.last)
        .map(|last| last.at)
        .max();
    let until = last_media.unwrap_or(leg.last.at);
    let requests = requests(leg).filter(|(_, at)| *at <= until);
    Some(Clocks {
        last_media: last_media.map(since),
        last_request: requests.map(|(_, at)| at).max().map(since),
        keepalives: keepalives(leg, start),
        timeout_secs: session.timeout_secs,
        over_udp: session.transport == TransportKind::Udp,
        last_from_rtcp_port: last_sent(true),
        last_from_rtp_port: last_sent(false),
        closed: leg.closed.map(|close| (close.by, since(close.at.at))),
    })
}

/// The client's requests with their times.
fn requests(leg: &Leg) -> impl Iterator<Item = (&Exchange, Timestamp)> {
    let asked = leg
        .exchanges
        .iter()
        .filter(|exchange| exchange.by == Side::Client);
    asked.filter_map(|exchange| Some((exchange, exchange.request.as_ref()?.at.at)))
}

fn keepalives(leg: &Leg, start: Timestamp) -> u32 {
    let ends = |exchange: &Exchange| exchange.is("TEARDOWN") || exchange.is("PAUSE");
    let after = requests(leg).filter(|(exchange, at)| *at > start && !ends(exchange));
    let forgotten = u32::try_from(leg.forgotten_keepalives).unwrap_or(u32::MAX);
    forgotten.saturating_add(after.count() as u32)
}

impl fmt::Display for Clocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.last_media {
            Some(last) => write!(f, "last media {} after PLAY", secs(last))?,
            None => f.write_str("no media after PLAY")?,
        }
        if let (Some(last), Some(asked)) = (self.last_media, self.last_request) {
            write!(f, ", {} after the last request", secs(last - asked))?;
        }
        if let Some(timeout) = self.timeout_secs {
            write!(f, "; timeout {timeout} s")?;
        }
        match self.keepalives {
            0 => f.write_str("; the client sent no keepalive")?,
            1 => f.write_str("; the client sent one keepalive")?,
            count => write!(f, "; the client sent {count} keepalives")?,
        }
        if self.over_udp {
            write!(
                f,
                "; its last packet from the RTP port {}, from the RTCP port {}",
                moment(self.last_from_rtp_port),
                moment(self.last_from_rtcp_port)
            )?;
        }
        match self.closed {
            Some((Side::Client, at)) => write!(f, "; closed by the player {}", moment(Some(at))),
            Some((Side::Server, at)) => write!(f, "; closed by the server {}", moment(Some(at))),
            None => f.write_str("; connection still open"),
        }
    }
}

fn secs(span: Span) -> String {
    format!("{:.1} s", span.as_secs_f64())
}

fn moment(since_play: Option<Span>) -> String {
    match since_play {
        None => "never".to_owned(),
        Some(span) if span < Span(0) => "before PLAY".to_owned(),
        Some(span) => format!("at {}", secs(span)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::{Scene, UDP_TALK, tcp_talk};

    #[test]
    fn a_session_tells_its_clocks_on_one_line() {
        let snapshot = Scene::behind_nat(UDP_TALK)
            .punch(2.05, 5000)
            .rtp(9, 9)
            .checked();
        assert_eq!(
            clocks(&snapshot.sessions[0]).unwrap().to_string(),
            "last media 9.8 s after PLAY, 9.9 s after the last request; timeout 60 s; the client sent no keepalive; its last packet \
             from the RTP port at 2.0 s, from the RTCP port at 2.0 s; closed by the player at 11.1 s"
        );
    }

    #[test]
    fn a_keepalive_and_what_came_before_play_are_told_as_such() {
        let talk = UDP_TALK.replace(
            "10.0 >",
            "5.0 > GET_PARAMETER rtsp://203.0.113.10/a RTSP/1.0 | CSeq: 9 | Session: 66334873\n    10.0 >",
        );
        let snapshot = Scene::behind_nat(&talk)
            .punch(0.035, 5000)
            .rtp(9, 9)
            .checked();
        let told = clocks(&snapshot.sessions[0]).unwrap().to_string();
        assert_eq!(
            told,
            "last media 9.8 s after PLAY, 4.9 s after the last request; timeout 60 s; the client sent one keepalive; its last packet \
             from the RTP port before PLAY, from the RTCP port before PLAY; closed by the player at 11.1 s"
        );
    }

    #[test]
    fn ports_mean_nothing_where_media_come_in_the_connection() {
        let snapshot = Scene::behind_nat(&tcp_talk()).rtp(9, 9).checked();
        assert_eq!(
            clocks(&snapshot.sessions[0]).unwrap().to_string(),
            "last media 9.8 s after PLAY, 9.9 s after the last request; timeout 60 s; the client sent no keepalive; \
             closed by the player at 11.1 s"
        );
    }

    #[test]
    fn a_session_that_never_played_has_none() {
        let talk = UDP_TALK.split("0.04 >").next().unwrap();
        assert_eq!(clocks(&Scene::behind_nat(talk).checked().sessions[0]), None);
    }
}
