//! Places: what a parser points at lies in what it was given, and reads as the parser says.

use std::ops::Range;

use rtspscope_wire::rtsp::message::{MessageSlice, StartLine};
use rtspscope_wire::rtsp::transport::TransportSpec;
use rtspscope_wire::sdp::SdpSlice;
use rtspscope_wire::{Anomaly, Spanned};

/// Each anomaly lies in `within`, and they come in order.
pub(crate) fn check_anomalies(anomalies: &[Anomaly], within: &Range<usize>) {
    for Anomaly { at, what } in anomalies {
        assert!(
            at.start <= at.end && within.start <= at.start && at.end <= within.end,
            "{at:?} of {within:?}: {what}"
        );
    }
    assert!(anomalies.is_sorted_by_key(|odd| odd.at.start));
}

/// Each part reads as `raw` does at its place; `raw` are the bytes that begin at offset `start` of the message.
pub(crate) fn check<'s, 'a: 's>(
    parts: impl IntoIterator<Item = &'s Spanned<'a>>,
    raw: &[u8],
    start: usize,
) {
    for part in parts {
        let place = part.at.start - start..part.at.end - start;
        assert_eq!(raw.get(place), Some(part.bytes));
    }
}

pub(crate) fn of_message<'m, 'a>(message: &'m MessageSlice<'a>) -> Vec<&'m Spanned<'a>> {
    let mut spans = match &message.start {
        StartLine::Request {
            method,
            uri,
            version,
        } => vec![method, uri, version],
        StartLine::Response {
            version,
            code,
            reason,
            ..
        } => vec![version, code, reason],
        StartLine::Unreadable(line) => vec![line],
    };
    let fields = message.headers.iter();
    spans.extend(fields.flat_map(|field| [&field.name, &field.value]));
    spans
}

pub(crate) fn of_transport<'t, 'a>(spec: &'t TransportSpec<'a>) -> Vec<&'t Spanned<'a>> {
    let mut spans = vec![&spec.text, &spec.protocol_text, &spec.profile];
    let ports = [&spec.client_port, &spec.server_port, &spec.port];
    spans.extend(ports.into_iter().flatten().map(|pair| &pair.text));
    let addresses = [&spec.destination, &spec.source, &spec.mode];
    spans.extend(addresses.into_iter().flatten());
    spans.extend(spec.interleaved.as_ref().map(|channels| &channels.text));
    for address in spec.dest_addr.iter().chain(&spec.src_addr) {
        spans.extend(address.host.iter().chain([&address.text]));
    }
    for param in &spec.params {
        spans.extend(param.value.iter().chain([&param.name]));
    }
    spans
}

pub(crate) fn of_sdp<'s, 'a>(sdp: &'s SdpSlice<'a>) -> Vec<&'s Spanned<'a>> {
    let lines = [&sdp.name, &sdp.information, &sdp.timing, &sdp.control];
    let mut spans: Vec<&Spanned<'a>> = lines.into_iter().flatten().collect();
    if let Some(origin) = &sdp.origin {
        spans.extend([&origin.text, &origin.username]);
        spans.extend(origin.address.iter().chain(&origin.session_id));
    }
    let media = &sdp.media;
    let connections = media.iter().map(|medium| &medium.connection);
    for connection in connections.chain([&sdp.connection]).flatten() {
        spans.extend(connection.address.iter().chain([&connection.text]));
    }
    let attributes = media.iter().flat_map(|medium| &medium.attributes);
    for attribute in attributes.chain(&sdp.attributes) {
        spans.extend(attribute.value.iter().chain([&attribute.name]));
    }
    for medium in media {
        spans.extend([&medium.text, &medium.kind, &medium.port_text, &medium.proto]);
        spans.extend(medium.formats.iter().chain(&medium.control));
        spans.extend(medium.rtpmaps.iter().map(|map| &map.encoding));
        spans.extend(medium.fmtps.iter().map(|fmtp| &fmtp.parameters));
    }
    spans
}
