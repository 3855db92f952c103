//! Whether the server said goodbye to a medium (RTCP BYE, RFC 3550 §6.6), and what that means.
//!
//! A goodbye ends media only where none of its source comes any more: an encoder that restarts says one for the source that it
//! had. At the end of a recording it is what it should be; of a camera that is watched live it is the reason for a picture that
//! froze, where the player does not heed it.

use rtspscope_wire::rtsp::range::{self, Instant, RangeHeader, Unit};
use rtspscope_wire::{Span, Timestamp, sdp};

use super::{LAG, MediaFacts};
use crate::locator::Locator;
use crate::model::{Arrival, Exchange, Leg, Message, Side};
use crate::reading;

/// How long after a goodbye a client still asks that did not heed it.
const ASKS_ON: Span = Span::from_secs(10);

/// A goodbye that the client did not heed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Goodbye {
    pub(crate) at: Locator,
    /// Whether what was played was live, as far as the messages say; else it may have been a recording.
    pub(crate) is_live: bool,
}

/// Whether the server said goodbye to what a tap saw, and nothing of it came after that.
pub(crate) fn said_goodbye(arrival: &Arrival) -> bool {
    let last = arrival.rtp.last;
    let is_last = |said: Locator| last.is_none_or(|last| last.at <= said.at + LAG);
    arrival.rtcp.unread_byes > 0 || arrival.rtcp.goodbye.is_some_and(is_last)
}

impl MediaFacts<'_> {
    /// Whether any tap shows that it ended with a goodbye.
    pub(crate) fn ended_with_goodbye(self) -> bool {
        self.media.arrivals.iter().any(said_goodbye)
    }

    /// The goodbye next to the client after which no medium came any more and the client asked on for long, where that was no
    /// recording or need not be one. A client that says it of what it sends itself knows.
    pub(crate) fn unheeded_goodbye(self) -> Option<Goodbye> {
        if self.sender() == Side::Client {
            return None;
        }
        let leg = self.facts.session.legs.first()?;
        let arrival = self.arrival(0).filter(|arrival| said_goodbye(arrival))?;
        let said = arrival.rtcp.goodbye?;
        let end = self.ending(0);
        let asks_on = |exchange: &Exchange| {
            let request = exchange.request.as_ref();
            exchange.by == Side::Client
                && request.is_some_and(|request| {
                    request.at.at - said.at >= ASKS_ON && end.is_none_or(|end| request.at.at < end)
                })
        };
        let goes_on = |other: MediaFacts<'_>| {
            let last = other.arrival(0).and_then(|arrival| arrival.rtp.last);
            last.is_some_and(|last| last.at - said.at >= ASKS_ON)
        };
        // A client asks on for what still comes too.
        if !leg.exchanges.iter().any(asks_on) || self.facts.media().any(goes_on) {
            return None;
        }
        let is_live = match presentation(leg, said.at) {
            Presentation::Live => true,
            Presentation::Open => false,
            Presentation::Recording | Presentation::Unknown => return None,
        };
        Some(Goodbye { at: said, is_live })
    }
}

/// What was played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Presentation {
    /// A range begins at the live moment.
    Live,
    /// A range has an end, or counts by a clock; or the client asked for one that begins later than at the begin.
    Recording,
    /// The description names no end: it is live, or a file of unknown length.
    Open,
    /// No description tells.
    Unknown,
}

/// What the last description and the last PLAY until then tell by their ranges.
fn presentation(leg: &Leg, until: Timestamp) -> Presentation {
    let is_before = |message: &Message| message.at.at <= until;
    let last = |method: &str| {
        let mut exchanges = leg.exchanges.iter().rev();
        exchanges.find(|exchange| {
            let response = exchange.response.as_deref();
            exchange.is(method) && exchange.succeeded() && response.is_some_and(is_before)
        })
    };
    let play = last("PLAY");
    let asked = play.and_then(|play| play.request.as_deref());
    let answered = play.and_then(|play| play.response.as_deref());
    let described = last("DESCRIBE").and_then(|exchange| exchange.response.as_deref());
    let is_recording = |range: &RangeHeader<'_>| {
        let has_end = range.to.is_some_and(|to| to != Instant::Now);
        has_end || matches!(range.unit, Unit::Clock | Unit::Smpte { .. })
    };
    let is_later = |range: &RangeHeader<'_>| matches!(range.from, Some(Instant::Offset(from)) if from > Span::default());
    let messages: Vec<_> = [asked, answered]
        .into_iter()
        .flatten()
        .map(reading::fields)
        .collect();
    let asks_later = asked.is_some_and(|asked| {
        let fields = reading::fields(asked);
        let field = fields.header("Range");
        field.is_some_and(|field| is_later(&range::parse(field.value.clone()).value))
    });
    let named = messages
        .iter()
        .filter_map(|message| message.header("Range"));
    let named = named.map(|field| range::parse(field.value.clone()).value);
    let described = described.map(reading::fields);
    let described: Vec<_> = described
        .iter()
        .flat_map(|message| ranges(message.body))
        .collect();
    let is_open = !described.is_empty();
    let all: Vec<RangeHeader<'_>> = named.chain(described).collect();
    if asks_later || all.iter().any(is_recording) {
        Presentation::Recording
    } else if all.iter().any(|range| range.from == Some(Instant::Now)) {
        Presentation::Live
    } else if is_open {
        Presentation::Open
    } else {
        Presentation::Unknown
    }
}

/// The ranges of a description (RFC 2326 App. C.1.5).
fn ranges(body: &[u8]) -> Vec<RangeHeader<'_>> {
    let description = sdp::parse(body).value;
    let of_media = description
        .media
        .iter()
        .filter_map(|media| media.attribute("range"));
    let all = description.attribute("range").into_iter().chain(of_media);
    let values = all.filter_map(|attribute| attribute.value.clone());
    values.map(|value| range::parse(value).value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::{LAN, UDP_TALK, leg};

    fn presented(description: &str, asked: &str, answered: &str) -> Presentation {
        let talk = UDP_TALK
            .replace("v=0 | ", &format!("v=0 | {description}"))
            .replace(
                "PLAY rtsp://203.0.113.10/a RTSP/1.0",
                &format!("PLAY rtsp://203.0.113.10/a RTSP/1.0{asked}"),
            )
            .replace(
                "0.05 < RTSP/1.0 200 OK",
                &format!("0.05 < RTSP/1.0 200 OK{answered}"),
            );
        let leg = leg(LAN, "192.168.1.100:40000", "203.0.113.10:554", &talk);
        presentation(&leg, leg.last.at)
    }

    #[test]
    fn ranges_tell_a_recording_from_what_is_live() {
        use Presentation::{Live, Open, Recording, Unknown};
        for (description, asked, answered, is) in [
            ("", "", "", Unknown),
            (
                "a=range:npt=0- | ",
                " | Range: npt=0.000-",
                " | Range: npt=0.000-",
                Open,
            ),
            ("", " | Range: npt=0.000-", " | Range: npt=0.000-", Unknown),
            ("a=range:npt=now- | ", " | Range: npt=0.000-", "", Live),
            ("", " | Range: npt=now-", " | Range: npt=now-", Live),
            ("", "", " | Range: npt=812.4-", Unknown),
            ("a=range:npt=0-30 | ", "", "", Recording),
            ("", "", " | Range: npt=0-30.5", Recording),
            ("", " | Range: npt=12-", "", Recording),
            ("", " | Range: clock=20260101T000000Z-", "", Recording),
        ] {
            assert_eq!(
                presented(description, asked, answered),
                is,
                "{description}{asked}{answered}"
            );
        }
    }
}
