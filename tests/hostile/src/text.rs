//! Text of strangers: messages, header values, descriptions, addresses, and the credentials in any of them.

use rtspscope_wire::rtsp::range::{self, Unit};
use rtspscope_wire::rtsp::{
    auth, challenge, message as messages, methods, rtp_info, transport as transports,
};
use rtspscope_wire::{Spanned, sdp as descriptions, text as texts, url};

use crate::spans;

/// Where a header value begins in its message: any number that shows when a place is counted from the value instead.
const VALUE_AT: usize = 1_000;

/// Every part of a message lies where it says, and head and body make up the whole.
pub fn message(raw: &[u8]) {
    let parsed = messages::parse(raw);
    spans::check_anomalies(&parsed.anomalies, &(0..raw.len()));
    let message = parsed.value;
    spans::check(spans::of_message(&message), raw, 0);
    for field in &message.headers {
        assert!(field.line.start <= field.name.at.start);
        assert!(field.value.at.end <= field.line.end && field.line.end <= message.head_len);
        let unfolded = field.unfolded();
        assert!(!unfolded.contains(['\r', '\n']) || field.value.text() == unfolded);
    }
    assert_eq!(Some(message.body), raw.get(message.head_len..));
    if let Some(session) = message.session() {
        spans::check([&session.id], raw, 0);
    }
    let _ = (message.cseq(), message.content_length());
}

/// Every part of a Transport value lies where it says.
pub fn transport(raw: &[u8]) {
    let parsed = transports::parse(Spanned::new(raw, VALUE_AT));
    spans::check_anomalies(&parsed.anomalies, &(VALUE_AT..VALUE_AT + raw.len()));
    spans::check(
        parsed.value.iter().flat_map(spans::of_transport),
        raw,
        VALUE_AT,
    );
}

/// Every part of a session description lies where it says.
pub fn sdp(raw: &[u8]) {
    let parsed = descriptions::parse(raw);
    spans::check_anomalies(&parsed.anomalies, &(0..raw.len()));
    spans::check(spans::of_sdp(&parsed.value), raw, 0);
}

/// The values of small header fields and URLs are read in their places, secrets are blanked byte by byte, and nothing reaches a terminal raw.
pub fn fields(raw: &[u8]) {
    let parsed = rtp_info::parse(Spanned::new(raw, VALUE_AT));
    spans::check_anomalies(&parsed.anomalies, &(VALUE_AT..VALUE_AT + raw.len()));
    for info in &parsed.value {
        spans::check(info.url.iter().chain([&info.text]), raw, VALUE_AT);
    }
    check_range(raw);
    check_challenges(raw);
    check_url(raw);
    check_secrets(raw);
    let shown = texts::escape_controls(&String::from_utf8_lossy(raw)).into_owned();
    assert!(!shown.chars().any(char::is_control), "{shown:?}");
}

fn check_range(raw: &[u8]) {
    let within = VALUE_AT..VALUE_AT + raw.len();
    let parsed = range::parse(Spanned::new(raw, VALUE_AT));
    spans::check_anomalies(&parsed.anomalies, &within);
    spans::check([&parsed.value.text], raw, VALUE_AT);
    spans::check(&parsed.value.time, raw, VALUE_AT);
    if parsed.value.unit == Unit::Other {
        assert_eq!((parsed.value.from, parsed.value.to), (None, None));
    }
    assert!(parsed.value.duration().is_none_or(|span| span.0 >= 0));
    let pace = range::pace(&Spanned::new(raw, VALUE_AT));
    assert!(pace.is_none_or(f64::is_finite));
}

fn check_challenges(raw: &[u8]) {
    let within = VALUE_AT..VALUE_AT + raw.len();
    let parsed = challenge::parse(Spanned::new(raw, VALUE_AT));
    spans::check_anomalies(&parsed.anomalies, &within);
    for challenge in &parsed.value {
        spans::check([&challenge.scheme], raw, VALUE_AT);
        let params = challenge.params.iter();
        spans::check(
            params.flat_map(|(name, value)| [name, value]),
            raw,
            VALUE_AT,
        );
        let _ = (challenge.is_stale(), challenge.algorithm());
    }
    let listed = methods::parse(Spanned::new(raw, VALUE_AT));
    spans::check_anomalies(&listed.anomalies, &within);
    spans::check(&listed.value, raw, VALUE_AT);
}

fn check_url(raw: &[u8]) {
    if let Some(parts) = url::split(Spanned::new(raw, VALUE_AT)) {
        let known = [parts.scheme.as_ref(), parts.userinfo.as_ref()];
        let spans = known.into_iter().flatten();
        spans::check(spans.chain([&parts.host, &parts.path]), raw, VALUE_AT);
    }
    let middle = raw.len() / 2;
    let (base, control) = raw.split_at(middle);
    let (base, control) = (
        String::from_utf8_lossy(base),
        String::from_utf8_lossy(control),
    );
    let resolved = url::resolve_control(&base, &control);
    assert!(
        url::is_control_uri(&resolved, &base, &control),
        "{resolved:?}"
    );
}

fn check_secrets(raw: &[u8]) {
    let secrets = auth::secrets(raw);
    let mut expected = raw.to_vec();
    let mut end = None;
    for secret in &secrets {
        assert!(secret.start < secret.end && end.is_none_or(|end| end < secret.start));
        expected[secret.clone()].fill(b'*');
        end = Some(secret.end);
    }
    assert_eq!(auth::redacted(raw), expected);
}
