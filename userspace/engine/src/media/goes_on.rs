//! A PLAY on media that was played before: what it says of where the media goes on.

use rtspscope_wire::rtsp::rtp_info;

use crate::counting::GoesOn;
use crate::model::{Exchange, Message};
use crate::reading;

/// What the exchange at `index` says; `None` where it is no PLAY after PAUSE and names no range, so that nothing goes on
/// elsewhere.
pub(crate) fn goes_on(exchanges: &[Exchange], index: usize) -> Option<GoesOn> {
    let exchange = exchanges.get(index).filter(|own| own.is("PLAY"))?;
    let before = exchanges.get(..index)?;
    let played = before
        .iter()
        .rposition(|earlier| earlier.starts_media() && earlier.succeeded())?;
    let mut between = before.iter().skip(played + 1);
    let names_range = |request: &Message| reading::fields(request).header("Range").is_some();
    let begins = between.any(|exchange| exchange.is("PAUSE"))
        || exchange.request.as_deref().is_some_and(names_range);
    if !begins {
        return None;
    }
    Some(match exchange.response.as_deref() {
        None => GoesOn::Asked,
        Some(response) if exchange.succeeded() => GoesOn::With(numbers(response)),
        Some(_) => GoesOn::Unknown,
    })
}

/// The sequence numbers that RTP-Info tells.
fn numbers(response: &Message) -> Vec<u16> {
    let fields = reading::fields(response);
    let told = fields
        .header("RTP-Info")
        .map_or_else(Vec::new, |field| rtp_info::parse(field.value.clone()).value);
    told.iter().filter_map(|entry| entry.seq).collect()
}
