//! No input makes a parser panic, and whatever a parser points at lies in what it was given.

use std::ops::Range;

use proptest::collection::vec;
use proptest::prelude::*;
use rtspscope_wire::rtcp::{self, FeedbackMessage, Packet};
use rtspscope_wire::rtp::RtpSlice;
use rtspscope_wire::rtsp::message::{MessageSlice, StartLine};
use rtspscope_wire::rtsp::transport::TransportSpec;
use rtspscope_wire::rtsp::{auth, message, rtp_info, transport};
use rtspscope_wire::sdp::{self, SdpSlice};
use rtspscope_wire::{Anomaly, Spanned, url};

/// Pieces of the grammars, so that random input reaches further than the first line.
const PIECES: [&str; 64] = [
    "RTSP/1.0",
    "RTSP/2.0 ",
    "SETUP ",
    "PLAY rtsp://h/a ",
    "200 OK",
    "\r\n",
    "\n",
    "\r",
    "\r\n\r\n",
    " ",
    "\t",
    ":",
    ";",
    ",",
    "=",
    "-",
    "/",
    "\"",
    "@",
    "://",
    "*",
    "CSeq: 1",
    "Transport: ",
    "RTP/AVP",
    "/TCP",
    "unicast",
    "client_port=",
    "5000-5001",
    "65536",
    "server_port=",
    "interleaved=",
    "0-1",
    "ssrc=",
    "1A2B3C4D",
    "dest_addr=",
    "\"[::1]:5\"",
    "destination=",
    "mode=",
    "url=",
    "seq=",
    "rtptime=",
    "Authorization: ",
    "Digest ",
    "Basic ",
    "response=",
    "username=",
    "realm=\"",
    "rtsp://u:p@h/",
    "password=",
    "Content-Length: ",
    "Session: a;timeout=",
    "v=0",
    "o=- 1 1 IN IP4 h",
    "c=IN IP4 239.0.0.1/8",
    "m=video 0 RTP/AVP 96",
    "a=rtpmap:96 ",
    "H264/90000",
    "a=control:",
    "a=fmtp:96 ",
    "inline:",
    "a=crypto:",
    "KeyMgmt: ",
    "\u{202e}",
    "[",
];

fn any_text() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => prop::sample::select(&PIECES[..]).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..8),
    ];
    prop_oneof![
        4 => vec(piece, 0..60).prop_map(|pieces| pieces.concat()),
        1 => vec(any::<u8>(), 0..400),
    ]
}

fn check_anomalies(anomalies: &[Anomaly], within: &Range<usize>) {
    for odd in anomalies {
        let Anomaly { at, what } = odd;
        assert!(
            at.start <= at.end && within.start <= at.start && at.end <= within.end,
            "{at:?} of {within:?}: {what}"
        );
    }
    assert!(anomalies.is_sorted_by_key(|odd| odd.at.start));
}

/// `raw` are the bytes that begin at offset `start` of the message.
fn check_spans<'s, 'a: 's>(
    parts: impl IntoIterator<Item = &'s Spanned<'a>>,
    raw: &[u8],
    start: usize,
) {
    for part in parts {
        let place = part.at.start - start..part.at.end - start;
        assert_eq!(raw.get(place), Some(part.bytes));
    }
}

fn message_spans<'m, 'a>(message: &'m MessageSlice<'a>) -> Vec<&'m Spanned<'a>> {
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
    spans.extend(
        message
            .headers
            .iter()
            .flat_map(|field| [&field.name, &field.value]),
    );
    spans
}

fn transport_spans<'t, 'a>(spec: &'t TransportSpec<'a>) -> Vec<&'t Spanned<'a>> {
    let mut spans = vec![&spec.text, &spec.protocol_text, &spec.profile];
    spans.extend(
        [&spec.client_port, &spec.server_port, &spec.port]
            .into_iter()
            .flatten()
            .map(|pair| &pair.text),
    );
    spans.extend(
        [&spec.destination, &spec.source, &spec.mode]
            .into_iter()
            .flatten(),
    );
    spans.extend(spec.interleaved.as_ref().map(|channels| &channels.text));
    for address in spec.dest_addr.iter().chain(&spec.src_addr) {
        spans.extend(address.host.iter().chain([&address.text]));
    }
    spans.extend(
        spec.params
            .iter()
            .flat_map(|param| param.value.iter().chain([&param.name])),
    );
    spans
}

fn sdp_spans<'s, 'a>(sdp: &'s SdpSlice<'a>) -> Vec<&'s Spanned<'a>> {
    let mut spans: Vec<&Spanned<'a>> = [&sdp.name, &sdp.information, &sdp.timing, &sdp.control]
        .into_iter()
        .flatten()
        .collect();
    if let Some(origin) = &sdp.origin {
        spans.extend([&origin.text, &origin.username]);
        spans.extend(origin.address.iter().chain(&origin.session_id));
    }
    let media = &sdp.media;
    let connections = media
        .iter()
        .map(|medium| &medium.connection)
        .chain([&sdp.connection])
        .flatten();
    spans.extend(
        connections.flat_map(|connection| connection.address.iter().chain([&connection.text])),
    );
    let attributes = media
        .iter()
        .flat_map(|medium| &medium.attributes)
        .chain(&sdp.attributes);
    spans.extend(attributes.flat_map(|attribute| attribute.value.iter().chain([&attribute.name])));
    for medium in media {
        spans.extend([&medium.text, &medium.kind, &medium.port_text, &medium.proto]);
        spans.extend(medium.formats.iter().chain(&medium.control));
        spans.extend(medium.rtpmaps.iter().map(|map| &map.encoding));
        spans.extend(medium.fmtps.iter().map(|fmtp| &fmtp.parameters));
    }
    spans
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn every_part_of_a_message_lies_where_it_says(raw in any_text()) {
        let parsed = message::parse(&raw);
        check_anomalies(&parsed.anomalies, &(0..raw.len()));
        let message = parsed.value;
        check_spans(message_spans(&message), &raw, 0);
        for field in &message.headers {
            prop_assert!(field.line.start <= field.name.at.start && field.value.at.end <= field.line.end);
            prop_assert!(field.line.end <= message.head_len);
            prop_assert!(!field.unfolded().contains(['\r', '\n']) || field.value.text() == field.unfolded());
        }
        prop_assert_eq!(message.body, &raw[message.head_len..]);
        let _ = (message.cseq(), message.content_length(), message.session());
    }

    #[test]
    fn every_part_of_a_transport_lies_where_it_says(raw in any_text(), start in 0_usize..1000) {
        let parsed = transport::parse(Spanned::new(&raw, start));
        check_anomalies(&parsed.anomalies, &(start..start + raw.len()));
        check_spans(parsed.value.iter().flat_map(transport_spans), &raw, start);
    }

    #[test]
    fn every_part_of_an_rtp_info_lies_where_it_says(raw in any_text(), start in 0_usize..1000) {
        let parsed = rtp_info::parse(Spanned::new(&raw, start));
        check_anomalies(&parsed.anomalies, &(start..start + raw.len()));
        for info in &parsed.value {
            check_spans(info.url.iter().chain([&info.text]), &raw, start);
        }
    }

    #[test]
    fn every_part_of_a_description_lies_where_it_says(raw in any_text()) {
        let parsed = sdp::parse(&raw);
        check_anomalies(&parsed.anomalies, &(0..raw.len()));
        check_spans(sdp_spans(&parsed.value), &raw, 0);
    }

    #[test]
    fn secrets_are_in_order_and_blanking_keeps_the_length(raw in any_text()) {
        let secrets = auth::secrets(&raw);
        prop_assert!(secrets.iter().all(|range| range.start < range.end && range.end <= raw.len()));
        prop_assert!(secrets.windows(2).all(|pair| pair[0].end < pair[1].start));
        let blanked = auth::redacted(&raw);
        prop_assert_eq!(blanked.len(), raw.len());
        for (at, (before, after)) in raw.iter().zip(blanked.iter()).enumerate() {
            let is_secret = secrets.iter().any(|range| range.contains(&at));
            prop_assert_eq!(*after, if is_secret { b'*' } else { *before });
        }
    }

    #[test]
    fn a_password_never_survives(before in any_text(), password in "[A-Za-z0-9]{8,20}", after in any_text()) {
        for line in [
            format!("\r\nAuthorization: Basic {password}\r\n"),
            format!("\r\nAuthorization: Digest username=\"u\", response=\"{password}\"\r\n"),
            format!("\r\nContent-Base: rtsp://admin:{password}@192.0.2.1/a\r\n"),
        ] {
            let raw = [&before, line.as_bytes(), &after].concat();
            let blanked = auth::redacted(&raw);
            let at = before.len() + line.find(&password).expect("it was put there");
            prop_assert!(blanked[at..at + password.len()].iter().all(|byte| *byte == b'*'));
        }
    }

    #[test]
    fn urls_and_controls_of_any_kind_are_read(text in any_text(), control in any_text()) {
        if let Some(parts) = url::split(Spanned::new(&text, 7)) {
            let spans = [Some(&parts.host), Some(&parts.path), parts.scheme.as_ref(), parts.userinfo.as_ref()];
            check_spans(spans.into_iter().flatten(), &text, 7);
        }
        let (base, control) = (String::from_utf8_lossy(&text), String::from_utf8_lossy(&control));
        let resolved = url::resolve_control(&base, &control);
        prop_assert!(url::is_control_uri(&resolved, &base, &control));
    }

    #[test]
    fn rtcp_of_any_bytes_ends(kind in 192_u8..224, first in 0x80_u8..0xc0, body in vec(any::<u8>(), 0..200), head in any::<bool>()) {
        let mut raw = if head { vec![first, kind] } else { Vec::new() };
        raw.extend(body);
        prop_assert!(rtcp::packets(&raw).count() <= raw.len() / 4);
        for packet in rtcp::packets(&raw) {
            match packet {
                Packet::SenderReport(report) => prop_assert!(report.reports.count() <= 31),
                Packet::ReceiverReport(report) => prop_assert!(report.reports.count() <= 31),
                Packet::SourceDescription(chunks) => prop_assert!(chunks.count() <= 31),
                Packet::Bye(bye) => prop_assert!(bye.sources.count() <= 31),
                Packet::ExtendedReport(report) => {
                    prop_assert!(report.report_blocks().count() <= raw.len() / 4);
                }
                Packet::Feedback(feedback) => {
                    if let FeedbackMessage::Nack(nacks) = feedback.message {
                        prop_assert!(nacks.count() <= raw.len() / 4 * 17);
                    }
                }
                Packet::App(_) | Packet::Other { .. } => {}
            }
        }
    }

    #[test]
    fn an_rtp_view_of_any_bytes_stays_inside(raw in vec(any::<u8>(), 0..120), len in 0_usize..2000) {
        if let Some(rtp) = RtpSlice::new(&raw) {
            prop_assert!(rtp.payload().len() + 12 <= raw.len());
            let _ = (rtp.padding_len(len), rtp.header_len());
        }
    }
}
