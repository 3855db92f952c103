//! What a TEARDOWN or a PAUSE ends: a whole session, or one stream of it (RFC 2326 §10.6, §10.7).
//!
//! Neither ends what it does not name, another stream or another session. One that the server refuses changes nothing where
//! the client goes on.

use crate::model::{Exchange, Side};
use crate::reading;

/// What was set up on a connection, and what it was played by.
pub(crate) struct Streams<'a> {
    exchanges: &'a [Exchange],
    set_up: Vec<Named<'a>>,
    played: Vec<Named<'a>>,
}

/// By what a request names its stream or session.
struct Named<'a> {
    index: usize,
    uri: String,
    session: Option<&'a str>,
    granted: bool,
}

impl<'a> Streams<'a> {
    pub(crate) fn of(exchanges: &'a [Exchange]) -> Self {
        let named = |is_it: fn(&Exchange) -> bool| {
            let own = exchanges.iter().enumerate();
            let own = own.filter(move |(_, exchange)| is_it(exchange));
            own.filter_map(named).collect()
        };
        Self {
            exchanges,
            set_up: named(|exchange| exchange.is("SETUP")),
            played: named(|exchange| exchange.starts_media() && exchange.succeeded()),
        }
    }

    /// Whether the TEARDOWN or PAUSE at `end` ended what was set up at `setup`; where that SETUP was not seen, whether it may have.
    pub(crate) fn is_ended_by(&self, setup: Option<usize>, end: usize) -> bool {
        let own = || self.set_up.iter().find(|own| Some(own.index) == setup);
        self.holds(end) && own().is_none_or(|own| self.is_about(end, own))
    }

    /// Whether the request at `end` names what was set up at `setup`, by itself or with its session.
    pub(crate) fn names(&self, setup: usize, end: usize) -> bool {
        let mut set_up = self.set_up.iter();
        let own = set_up.find(|own| own.index == setup);
        own.is_none_or(|own| self.is_about(end, own))
    }

    /// The last TEARDOWN with which all ended that was set up in the session before it.
    pub(crate) fn last_end(&self, counts: impl Fn(&Exchange) -> bool) -> Option<usize> {
        self.ends(counts).pop()
    }

    /// All such TEARDOWNs.
    pub(crate) fn ends(&self, counts: impl Fn(&Exchange) -> bool) -> Vec<usize> {
        let mut open: Vec<&Named<'_>> = Vec::new();
        let mut set_up = self.set_up.iter().filter(|own| own.granted).peekable();
        let mut ends = Vec::new();
        for (index, _) in self.teardowns().filter(|(_, exchange)| counts(exchange)) {
            while let Some(new) = set_up.next_if(|new| new.index < index) {
                // For another session the client gave up what it had.
                open.retain(|own| !is_other(own.session, new.session));
                open.push(new);
            }
            if !self.holds(index) {
                continue;
            }
            open.retain(|own| !self.is_about(index, own));
            if open.is_empty() {
                ends.push(index);
            }
        }
        ends
    }

    fn teardowns(&self) -> impl Iterator<Item = (usize, &'a Exchange)> {
        let all = self.exchanges.iter().enumerate();
        all.filter(|(_, exchange)| exchange.is("TEARDOWN"))
    }

    /// Whether the request at `end` took effect. One whose answer is not known may have; a TEARDOWN that was refused may be the
    /// client's last word all the same.
    fn holds(&self, end: usize) -> bool {
        let Some(exchange) = self.exchanges.get(end) else {
            return false;
        };
        let mut later = self.exchanges.iter().skip(end + 1);
        let goes_on = |later: &Exchange| later.by == Side::Client && !later.is("TEARDOWN");
        exchange.status().is_none()
            || exchange.succeeded()
            || (exchange.is("TEARDOWN") && !later.any(goes_on))
    }

    fn is_about(&self, end: usize, own: &Named<'_>) -> bool {
        let exchange = self.exchanges.get(end);
        let Some(end) = exchange.and_then(|exchange| named((end, exchange))) else {
            return true;
        };
        !self.is_of_other_session(&end, own) && !self.is_of_other_stream(&end, own)
    }

    /// Whether it names another session, which is not the one that was played either: some servers name one for each stream.
    fn is_of_other_session(&self, end: &Named<'_>, own: &Named<'_>) -> bool {
        let plays = |session| self.is_played(|play| play.session == session);
        is_other(own.session, end.session) && (!plays(end.session) || plays(own.session))
    }

    /// Whether it names another stream, and not by the URI of the whole: that of which the stream's is a part, or by which it
    /// was played.
    fn is_of_other_stream(&self, end: &Named<'_>, own: &Named<'_>) -> bool {
        let is_stream = |uri: &str| self.set_up.iter().any(|setup| setup.uri == uri);
        let plays = |uri: &str| self.is_played(|play| play.uri == uri);
        end.uri != own.uri
            && is_stream(&end.uri)
            && !is_part(&own.uri, &end.uri)
            && (!plays(&end.uri) || plays(&own.uri))
    }

    fn is_played(&self, is_it: impl Fn(&Named<'_>) -> bool) -> bool {
        self.played.iter().any(is_it)
    }
}

/// What the request of an exchange names; of a SETUP the session is the one that its answer opens.
fn named((index, exchange): (usize, &Exchange)) -> Option<Named<'_>> {
    let request = exchange.request.as_deref()?;
    let opened = exchange
        .response
        .as_deref()
        .filter(|_| exchange.is("SETUP"));
    let session = opened.and_then(reading::session_id);
    Some(Named {
        index,
        uri: reading::fields(request).uri()?.text().into_owned(),
        session: session.or_else(|| reading::session_id(request)),
        granted: exchange.by == Side::Client && exchange.succeeded(),
    })
}

fn is_other(own: Option<&str>, other: Option<&str>) -> bool {
    own.zip(other).is_some_and(|(own, other)| own != other)
}

/// Whether a stream's URI begins with that of a whole.
fn is_part(uri: &str, whole: &str) -> bool {
    let rest = uri.strip_prefix(whole.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.starts_with(['/', '?', '&', ';']))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::{LAN, leg};

    /// Two streams of a session that play.
    const TWO: &str = "
        0.0 > SETUP rtsp://h/a/1 RTSP/1.0 | CSeq: 1
        0.1 < RTSP/1.0 200 OK | CSeq: 1 | Session: 7
        0.2 > SETUP rtsp://h/a/2 RTSP/1.0 | CSeq: 2 | Session: 7
        0.3 < RTSP/1.0 200 OK | CSeq: 2 | Session: 7
        0.4 > PLAY rtsp://h/a RTSP/1.0 | CSeq: 3 | Session: 7
        0.5 < RTSP/1.0 200 OK | CSeq: 3 | Session: 7";
    const KEEPALIVE: &str = "
        9.0 > OPTIONS rtsp://h/a RTSP/1.0 | CSeq: 9 | Session: 7
        9.1 < RTSP/1.0 200 OK | CSeq: 9 | Session: 7";

    fn asked(method: &str, uri: &str, session: u32, status: u16) -> String {
        format!(
            "\n2.0 > {method} {uri} RTSP/1.0 | CSeq: 4 | Session: {session}\n2.1 < RTSP/1.0 {status} Status | CSeq: 4"
        )
    }

    /// Which of the two streams ended, and whether all did.
    fn ended(then: &str) -> ([bool; 2], bool) {
        let leg = leg(
            LAN,
            "192.168.1.100:40000",
            "203.0.113.10:554",
            &format!("{TWO}{then}"),
        );
        let streams = Streams::of(&leg.exchanges);
        let ends = |setup| {
            let mut all = leg.exchanges.iter().enumerate().skip(3);
            all.any(|(index, exchange)| {
                (exchange.is("TEARDOWN") || exchange.is("PAUSE"))
                    && streams.is_ended_by(Some(setup), index)
            })
        };
        ([ends(0), ends(1)], streams.last_end(|_| true).is_some())
    }

    #[test]
    fn the_end_of_one_stream_is_not_that_of_the_other() {
        let [one, other] =
            ["rtsp://h/a/1", "rtsp://h/a/2"].map(|uri| asked("TEARDOWN", uri, 7, 200));
        assert_eq!(ended(&other), ([false, true], false));
        assert_eq!(ended(&format!("{one}{other}")), ([true, true], true));
        let paused = asked("PAUSE", "rtsp://h/a/2", 7, 200);
        assert_eq!(ended(&paused), ([false, true], false));
    }

    #[test]
    fn the_end_of_the_whole_is_that_of_each() {
        for uri in ["rtsp://h/a", "rtsp://h/a/", "*"] {
            assert_eq!(ended(&asked("TEARDOWN", uri, 7, 200)), ([true, true], true));
        }
    }

    #[test]
    fn a_stream_by_which_all_were_played_is_the_whole() {
        let whole = "rtsp://h/a/2";
        let talk = TWO.replace("PLAY rtsp://h/a", "PLAY rtsp://h/a/2");
        let talk = format!("{talk}{}", asked("TEARDOWN", whole, 7, 200));
        let leg = leg(LAN, "192.168.1.100:40000", "203.0.113.10:554", &talk);
        assert_eq!(Streams::of(&leg.exchanges).last_end(|_| true), Some(3));
    }

    #[test]
    fn what_is_refused_ends_nothing_where_the_client_goes_on() {
        let refused = asked("TEARDOWN", "rtsp://h/a", 7, 460);
        assert_eq!(ended(&format!("{refused}{KEEPALIVE}")), ([false; 2], false));
        assert_eq!(ended(&refused), ([true; 2], true));
        let refused = asked("PAUSE", "rtsp://h/a", 7, 501);
        assert_eq!(ended(&refused), ([false; 2], false));
    }

    #[test]
    fn an_unanswered_one_may_have_ended_what_it_names() {
        let asked = "\n2.0 > TEARDOWN rtsp://h/a RTSP/1.0 | CSeq: 4 | Session: 7";
        assert_eq!(ended(asked), ([true; 2], true));
    }

    #[test]
    fn the_end_of_another_session_is_not_that_of_this() {
        let other = asked("TEARDOWN", "rtsp://h/a", 6, 200);
        assert_eq!(ended(&other), ([false; 2], false));
    }
}
