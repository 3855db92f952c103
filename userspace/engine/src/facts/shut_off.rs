//! Whether a router lets nothing of a connection through any more, so that a message which is not let through tells of no ALG.
//!
//! An ALG swallows what it reads. A table that was emptied, an entry that ended and a firewall swallow all alike: the sender's
//! FIN as well, and media over UDP with it.

use rtspscope_wire::Span;

use super::{LAG, SessionFacts, Sides, play_accepted};
use crate::locator::Locator;
use crate::model::{Exchange, Leg, Message, Side};

/// What shows that not the message alone was held back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ShutOff {
    /// The router's own table had ended the connection's entry here; with it the entries of its media, where `with_media`.
    Forgotten { ended: Locator, with_media: bool },
    /// The end that the sender made right after the message did not come out either.
    EndToo(Locator),
    /// Media over UDP had ended in the router before.
    MediaToo(Locator),
    /// Media in the connection had ended in the router before, and the server repeats in vain what follows.
    OtherWayToo(Locator),
    /// Nothing had been said on the connection since, for longer than some routers know a quiet one.
    Quiet(Locator),
}

/// Media must have gone on for so long outside after it had ended inside.
const GOES_ON: Span = Span::from_secs(1);
/// After so long without a segment some routers have forgotten a connection, though none should so soon (RFC 5382 §5).
const FORGETS: Span = Span::from_secs(60);
/// A FIN that comes later may be one segment with the repeated message.
const OF_ITS_OWN: Span = Span::from_millis(100);

impl SessionFacts<'_> {
    /// What shows that a message of `sender` was not the only thing that did not come to `other`.
    pub(super) fn shut_off(
        self,
        sides: &Sides<'_>,
        message: &Message,
        [sender, other]: [&Leg; 2],
    ) -> Option<ShutOff> {
        self.forgotten(message)
            .or_else(|| end_too(message, sender, other))
            .or_else(|| self.media_too(sides, message))
            .or_else(|| self.other_way_too(sides, message))
            .or_else(|| self.quiet(message, sender))
    }

    fn forgotten(self, message: &Message) -> Option<ShutOff> {
        let told = self.netfilter()?;
        let ended = told.connection.as_ref()?.ended?;
        let together = |other: Locator| (other.at - ended.at).abs() <= LAG;
        let mut others = told.mappings.iter().filter_map(|mapping| mapping.ended);
        (ended.at <= message.at.at + LAG).then(|| ShutOff::Forgotten {
            ended,
            with_media: others.any(together),
        })
    }

    /// Media in the connection keeps it in mind.
    fn quiet(self, message: &Message, sender: &Leg) -> Option<ShutOff> {
        let messages = sender.exchanges.iter().flat_map(Exchange::messages);
        let before = messages
            .map(|message| message.at)
            .filter(|at| at.at < message.at.at);
        let last = before.max_by_key(|at| at.at)?;
        let is_quiet = !self.goes_over_tcp() && !sender.lacks_messages();
        (is_quiet && message.at.at - last.at >= FORGETS).then_some(ShutOff::Quiet(last))
    }

    fn media_too(self, sides: &Sides<'_>, message: &Message) -> Option<ShutOff> {
        if message.from != Side::Client {
            return None;
        }
        let played = (
            play_accepted(sides.client)?.at,
            play_accepted(sides.server)?.at,
        );
        self.media()
            .filter(|media| media.is_udp())
            .find_map(|media| {
                let inside = media.at_client()?.rtp.last?;
                let outside = media.at_server()?.rtp.last?;
                let longer = Span((outside.at - played.1).0 - (inside.at - played.0).0);
                let is_before = inside.at <= message.at.at;
                (is_before && longer >= GOES_ON).then_some(ShutOff::MediaToo(inside))
            })
    }
}

impl SessionFacts<'_> {
    /// What holds back a client's request because of its text leaves the server's segments alone.
    fn other_way_too(self, sides: &Sides<'_>, message: &Message) -> Option<ShutOff> {
        sides.server.server_unheard?;
        if message.from != Side::Client {
            return None;
        }
        let media = self.media().filter(|media| media.in_band());
        let ended = media.filter_map(|media| media.at_client()?.rtp.last);
        let last = ended.max_by_key(|last| last.at)?;
        (message.at.at - last.at >= GOES_ON).then_some(ShutOff::OtherWayToo(last))
    }
}

/// The FIN or RST of the message's sender that did not come out, where it is a segment of its own.
fn end_too(message: &Message, sender: &Leg, other: &Leg) -> Option<ShutOff> {
    let own = sender.closed.filter(|close| close.by == message.from)?;
    let came = other.closed.is_some_and(|close| close.by == message.from);
    let after = own.at.at - message.at.at;
    let apart = own.at.frame != message.last_frame && after >= Span(0);
    let is_alone = apart && (own.reset || after < OF_ITS_OWN);
    (is_alone && !came).then_some(ShutOff::EndToo(own.at))
}
