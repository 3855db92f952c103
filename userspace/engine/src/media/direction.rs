//! Which end sends a medium, as far as the messages say.
//!
//! RTSP plays by default; `mode=RECORD` turns that round (RFC 2326 §12.39). An ONVIF back channel looks like a medium
//! that is played and is told by `a=sendonly`, which means the client there. Elsewhere `a=sendonly` is written by servers
//! that mean themselves, so that it counts only where the client asked for back channels (ONVIF Streaming §5.3).

use rtspscope_wire::rtsp::message::MessageSlice;
use rtspscope_wire::sdp::StreamDirection;

use crate::model::{Exchange, Leg, MediaDirection, Message, Side};
use crate::reading;

/// What a client requires that wants to speak to a camera.
const BACK_CHANNEL: &[u8] = b"onvif.org/ver20/backchannel";

/// By the SETUP of the medium, at each leg the exchange with this index.
pub(super) fn of(
    legs: &[&Leg],
    setups: &[Option<usize>],
    described: Option<StreamDirection>,
) -> MediaDirection {
    let mut at_legs = legs.iter().zip(setups);
    let is_recorded = at_legs.any(|(leg, setup)| {
        let setup = setup.and_then(|index| leg.exchanges.get(index));
        setup.and_then(mode).unwrap_or_else(|| records(leg))
    });
    let speaks = described == Some(StreamDirection::SendOnly) && legs.iter().any(|leg| asks(leg));
    if is_recorded || speaks {
        MediaDirection::FromClient
    } else {
        MediaDirection::FromServer
    }
}

/// Whether this SETUP is one of a client that will send, as far as it says alone.
pub(crate) fn may_be_sent_by_client(setup: &Exchange) -> bool {
    mode(setup) == Some(true) || requires_back_channel(setup)
}

/// Whether the mode of the SETUP is to record; `None` where it names none. The client's word goes before the server's.
fn mode(setup: &Exchange) -> Option<bool> {
    let messages = [setup.request.as_deref(), setup.response.as_deref()];
    messages
        .into_iter()
        .flatten()
        .find_map(reading::is_to_record)
}

/// Whether the client records and plays nothing.
fn records(leg: &Leg) -> bool {
    let asks_for = |method: &str| leg.exchanges.iter().any(|exchange| exchange.is(method));
    asks_for("RECORD") && !asks_for("PLAY")
}

fn asks(leg: &Leg) -> bool {
    leg.exchanges.iter().any(requires_back_channel)
}

fn requires_back_channel(exchange: &Exchange) -> bool {
    let request = exchange.request.as_deref();
    exchange.by == Side::Client && request.is_some_and(|request| names(request, "Require"))
}

fn names(request: &Message, field: &str) -> bool {
    let message: MessageSlice<'_> = reading::fields(request);
    let mut fields = message.headers_named(field);
    fields.any(|field| {
        let mut windows = field.value.bytes.windows(BACK_CHANNEL.len());
        windows.any(|window| window.eq_ignore_ascii_case(BACK_CHANNEL))
    })
}
