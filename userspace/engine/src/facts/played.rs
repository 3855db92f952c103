//! Whether a recording had been played to its end.

use rtspscope_wire::rtsp::range;
use rtspscope_wire::{Span, Timestamp};

use crate::model::{Exchange, Leg};
use crate::reading;

/// How much earlier than the end of its range the last packet of a recording may come.
const END_OF_RANGE: Span = Span::from_secs(3);

/// Whether the part of a recording that PLAY named had been played by `last`, a time at that leg.
pub(crate) fn played_out(leg: &Leg, last: Timestamp) -> bool {
    let plays = leg
        .exchanges
        .iter()
        .filter(|exchange| exchange.is("PLAY") && exchange.succeeded());
    let answered = plays.filter_map(|exchange| Some((exchange, exchange.response.as_ref()?.at.at)));
    let in_force = answered.rev().find(|(_, at)| *at <= last);
    in_force.is_some_and(|(play, at)| {
        playing_time(play).is_some_and(|time| last + END_OF_RANGE >= at + time)
    })
}

/// How long the range takes that a PLAY and its answer name, by its length and its pace; `None` where it has no end.
fn playing_time(play: &Exchange) -> Option<Span> {
    let messages = [play.response.as_ref(), play.request.as_ref()];
    let messages: Vec<_> = messages
        .into_iter()
        .flatten()
        .map(|message| reading::fields(message))
        .collect();
    // The server's word counts before the client's wish.
    let first = |name: &'static str| {
        let mut fields = messages
            .iter()
            .filter_map(move |message| message.header(name));
        fields.next().map(|field| field.value.clone())
    };
    let duration = range::parse(first("Range")?).value.duration()?;
    let pace = |name| {
        first(name)
            .and_then(|value| range::pace(&value))
            .unwrap_or(1.0)
    };
    let pace = (pace("Scale") * pace("Speed")).abs();
    (pace > 0.0).then(|| Span((duration.0 as f64 / pace) as i64))
}
