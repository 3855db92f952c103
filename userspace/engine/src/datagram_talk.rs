//! RTSP in UDP datagrams (`rtspu`, RFC 2326 §3.2): recognised and told, not followed.
//!
//! RTSP 2.0 has TCP and TLS only (RFC 7826 §10.1), and the players and servers of the lab cannot speak it, so that nothing
//! could hold a reader of it to the truth. Still it must not look like silence: its messages are counted and named.

use std::net::SocketAddr;

use rtspscope_wire::decode::Datagram;

use crate::locator::Locator;
use crate::model::DatagramTalk;

/// Pairs of ends whose messages are counted.
#[derive(Clone, Debug)]
pub(crate) struct DatagramTalks {
    talks: Vec<DatagramTalk>,
    most: usize,
}

impl DatagramTalks {
    pub(crate) const fn new(most: usize) -> Self {
        Self {
            talks: Vec::new(),
            most,
        }
    }

    /// Counts the datagram if it begins with an RTSP message.
    #[inline]
    pub(crate) fn note(&mut self, at: Locator, datagram: &Datagram<'_>) {
        // Media, STUN and DTLS never begin with a letter (RFC 7983 §7).
        if datagram.payload.first().is_some_and(u8::is_ascii_uppercase) {
            self.note_text(at, datagram);
        }
    }

    pub(crate) fn list(&self) -> &[DatagramTalk] {
        &self.talks
    }

    fn note_text(&mut self, at: Locator, datagram: &Datagram<'_>) {
        let (from, to) = (datagram.source, datagram.destination);
        let (client, server) = match message(datagram.payload) {
            Some(Kind::Request) => (from, to),
            Some(Kind::Response) => (to, from),
            None => return,
        };
        let ends = |talk: &DatagramTalk| [talk.client, talk.server];
        let is_it = |talk: &DatagramTalk| {
            let known: [SocketAddr; 2] = ends(talk);
            talk.first.tap == at.tap && known.contains(&client) && known.contains(&server)
        };
        let known = self.talks.iter().position(is_it);
        if let Some(talk) = known.and_then(|known| self.talks.get_mut(known)) {
            talk.messages += 1;
        } else if self.talks.len() < self.most {
            self.talks.push(DatagramTalk {
                first: at,
                client,
                server,
                messages: 1,
            });
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Request,
    Response,
}

/// What the first line of a datagram makes of it: `RTSP/1.0 200 OK` or `OPTIONS rtspu://… RTSP/1.0`.
fn message(payload: &[u8]) -> Option<Kind> {
    let line = payload.split(|byte| matches!(byte, b'\r' | b'\n')).next()?;
    if line.starts_with(b"RTSP/") {
        return line.contains(&b' ').then_some(Kind::Response);
    }
    let mut words = line.rsplitn(2, |byte| *byte == b' ');
    let (version, rest) = (words.next()?, words.next()?);
    let method = rest.split(|byte| *byte == b' ').next()?;
    let is_method = !method.is_empty()
        && method
            .iter()
            .all(|byte| byte.is_ascii_uppercase() || *byte == b'_');
    (version.starts_with(b"RTSP/") && is_method && rest.len() > method.len())
        .then_some(Kind::Request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_tells() {
        assert_eq!(
            message(b"OPTIONS rtspu://a/ RTSP/1.0\r\nCSeq: 1\r\n\r\n"),
            Some(Kind::Request)
        );
        assert_eq!(message(b"GET_PARAMETER * RTSP/1.0\n"), Some(Kind::Request));
        assert_eq!(message(b"RTSP/1.0 200 OK\r\n\r\n"), Some(Kind::Response));
        for other in [
            &b"NOTIFY * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n\r\n"[..],
            b"INVITE sip:a@b SIP/2.0\r\n",
            b"RTSP/1.0 RTSP/1.0"[..8].as_ref(),
            b"ABC RTSP/1.0\r\n",
            b"",
        ] {
            assert_eq!(message(other), None);
        }
    }
}
