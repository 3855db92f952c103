//! Whether a recording had been played to its end.

use rtspscope_wire::rtsp::message::MessageSlice;
use rtspscope_wire::rtsp::range::{self, Instant};
use rtspscope_wire::{Span, Timestamp, sdp};

use crate::model::{Exchange, Leg, Side};
use crate::reading;

/// How much earlier than the end of its range the last packet of a recording may come, and how much later than that of the
/// description.
const END_OF_RANGE: Span = Span::from_secs(3);

/// What a server's `x-notice` begins with when it has come to either end of a recording (ANNOUNCE of video on demand).
const AT_AN_END: [&str; 2] = ["2101", "2104"];

/// Whether what there was to play had been played by `last`, a time at that leg: the part that PLAY named, what the
/// description says that there is, or what the server says to have ended.
pub(crate) fn played_out(leg: &Leg, last: Timestamp) -> bool {
    let in_force = answered(leg, "PLAY").rev().find(|(_, at)| *at <= last);
    in_force.is_some_and(|(play, at)| {
        by_range(play, at, last) || by_description(leg, last) || is_told(leg, at, last)
    })
}

/// The accepted requests of a method, each with the time of its answer.
fn answered<'l>(
    leg: &'l Leg,
    method: &'l str,
) -> impl DoubleEndedIterator<Item = (&'l Exchange, Timestamp)> {
    let accepted = leg.exchanges.iter();
    let accepted = accepted.filter(move |exchange| exchange.is(method) && exchange.succeeded());
    accepted.filter_map(|exchange| Some((exchange, exchange.response.as_ref()?.at.at)))
}

/// Whether the range that a PLAY and its answer name was over by `last`. A server that was told not to keep the pace of real
/// time (`Rate-Control: no`, ONVIF Streaming Specification) may come to its end at any time. A range that ends where it begins is
/// none: a maker's players ask so for what is live.
fn by_range(play: &Exchange, at: Timestamp, last: Timestamp) -> bool {
    let told = Told::of(play);
    let duration = told.range().and_then(|range| range.duration());
    let duration = duration.filter(|duration| duration.0 > 0);
    let time = duration.and_then(|duration| told.time_of(duration));
    time.is_some_and(|time| told.is_unpaced() || last + END_OF_RANGE >= at + time)
}

/// Whether the end of the presentation, as the description has it (`a=range`, RFC 2326 §C.1.5), was come to about `last`. Media
/// that went on long after it shows that the description says nothing.
fn by_description(leg: &Leg, last: Timestamp) -> bool {
    let described = answered(leg, "DESCRIBE").rev().find(|(_, at)| *at <= last);
    let Some(response) = described.and_then(|(exchange, _)| exchange.response.as_ref()) else {
        return false;
    };
    let fields = reading::fields(response);
    let description = sdp::parse(fields.body).value;
    let of_media = description.media.iter().flat_map(|media| &media.attributes);
    let attributes = description.attributes.iter().chain(of_media);
    let ranges = attributes.filter(|attribute| attribute.name.is("range"));
    let mut ranges = ranges.filter_map(|attribute| {
        let range = range::parse(attribute.value.clone()?).value;
        let duration = range.duration().filter(|duration| duration.0 > 0)?;
        Some((range.from?, duration))
    });
    ranges.any(|(begin, duration)| {
        let played = played_until(leg, begin, last);
        played.is_some_and(|played| (played - duration).abs() <= END_OF_RANGE)
    })
}

/// How far into a presentation that begins so its playing had come by `last`, over all PLAY and PAUSE; `None` where they say it
/// in another way.
fn played_until(leg: &Leg, begin: Instant, last: Timestamp) -> Option<Span> {
    let mut played = Span::default();
    let mut runs: Option<(Timestamp, f64)> = None;
    let run = |runs: Option<(Timestamp, f64)>, until: Timestamp| {
        runs.map_or(Span::default(), |(since, pace)| {
            Span(((until - since).0 as f64 * pace) as i64)
        })
    };
    let is_of_playing = |exchange: &&Exchange| {
        (exchange.is("PLAY") || exchange.is("PAUSE")) && exchange.succeeded()
    };
    for exchange in leg.exchanges.iter().filter(is_of_playing) {
        let at = exchange.response.as_ref()?.at.at;
        if at > last {
            break;
        }
        played = Span(played.0.saturating_add(run(runs.take(), at).0));
        if exchange.is("PAUSE") {
            continue;
        }
        let told = Told::of(exchange);
        if let Some(from) = told.range().and_then(|range| range.from) {
            played = distance(begin, from)?;
        }
        runs = Some((at, told.pace()?));
    }
    Some(Span(played.0.saturating_add(run(runs, last).0)))
}

/// How far a place of a presentation is from its begin. Normal play time counts from the begin, whatever the clock said then.
fn distance(begin: Instant, place: Instant) -> Option<Span> {
    match (begin, place) {
        (Instant::Offset(begin), Instant::Offset(place)) => Some(place - begin),
        (Instant::At(begin), Instant::At(place)) => Some(place - begin),
        (Instant::At(_), Instant::Offset(place)) => Some(place),
        (Instant::Now, _) | (_, Instant::Now) | (Instant::Offset(_), Instant::At(_)) => None,
    }
}

/// Whether the server said, since that PLAY and not long before the last packet, that it is at the end: ANNOUNCE with a
/// notice, or `PLAY_NOTIFY` (RFC 7826 §13.5.1).
fn is_told(leg: &Leg, played: Timestamp, last: Timestamp) -> bool {
    let of_server = |exchange: &&Exchange| exchange.by == Side::Server;
    let asked = leg.exchanges.iter().filter(of_server);
    let mut asked = asked.filter_map(|exchange| exchange.request.as_ref());
    asked.any(|request| {
        let at = request.at.at;
        let fields = reading::fields(request);
        let says = |name: &str, begins: &[&str]| {
            let value = fields.header(name).map(|field| field.value.text());
            value.is_some_and(|value| begins.iter().any(|begin| value.trim().starts_with(begin)))
        };
        let is_end = says("x-notice", &AT_AN_END) || says("Notify-Reason", &["end-of-stream"]);
        is_end && at >= played && at + END_OF_RANGE >= last
    })
}

/// What a PLAY and its answer say; the server's word counts before the client's wish.
struct Told<'a>(Vec<MessageSlice<'a>>);

impl<'a> Told<'a> {
    fn of(play: &'a Exchange) -> Self {
        let messages = [play.response.as_ref(), play.request.as_ref()];
        let messages = messages.into_iter().flatten();
        Self(messages.map(|message| reading::fields(message)).collect())
    }

    fn first(&self, name: &str) -> Option<rtspscope_wire::Spanned<'a>> {
        let mut fields = self.0.iter().filter_map(|message| message.header(name));
        fields.next().map(|field| field.value.clone())
    }

    fn range(&self) -> Option<range::RangeHeader<'a>> {
        Some(range::parse(self.first("Range")?).value)
    }

    /// How fast it plays; `None` for a picture that stands.
    fn pace(&self) -> Option<f64> {
        let factor = |name| {
            let value = self.first(name);
            value.and_then(|value| range::pace(&value)).unwrap_or(1.0)
        };
        let pace = (factor("Scale") * factor("Speed")).abs();
        (pace > 0.0).then_some(pace)
    }

    /// How long that much of a presentation takes.
    fn time_of(&self, duration: Span) -> Option<Span> {
        Some(Span((duration.0 as f64 / self.pace()?) as i64))
    }

    fn is_unpaced(&self) -> bool {
        self.first("Rate-Control")
            .is_some_and(|value| value.trim().is("no"))
    }
}
