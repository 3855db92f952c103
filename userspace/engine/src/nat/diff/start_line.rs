//! Differences of request lines and status lines.

use rtspscope_wire::Spanned;
use rtspscope_wire::rtsp::message::StartLine;

use super::Changes;

/// Compares two start lines. Only the URI may change without breaking the message.
pub(super) fn compare(a: &StartLine<'_>, b: &StartLine<'_>, changes: &mut Changes) {
    match (a, b) {
        (
            StartLine::Request {
                method,
                uri,
                version,
            },
            StartLine::Request {
                method: method_b,
                uri: uri_b,
                version: version_b,
            },
        ) => {
            damaged("request.method", method, method_b, changes);
            if uri.bytes != uri_b.bytes {
                changes.changed("request.uri", Some(uri.bytes), Some(uri_b.bytes));
            }
            damaged("request.version", version, version_b, changes);
        }
        (StartLine::Response { .. }, StartLine::Response { .. }) => {
            let (line_a, line_b) = (line(a), line(b));
            if line_a != line_b {
                changes.corrupted("status-line", Some(line_a), Some(line_b));
            }
        }
        _ if line(a) == line(b) => {}
        _ => changes.corrupted("start-line", Some(line(a)), Some(line(b))),
    }
}

fn damaged(field: &str, a: &Spanned<'_>, b: &Spanned<'_>, changes: &mut Changes) {
    if a.bytes != b.bytes {
        changes.corrupted(
            field,
            Some(a.text().into_owned()),
            Some(b.text().into_owned()),
        );
    }
}

fn line(start: &StartLine<'_>) -> String {
    match start {
        StartLine::Request {
            method,
            uri,
            version,
        } => format!("{} {} {}", method.text(), uri.text(), version.text()),
        StartLine::Response {
            version,
            status,
            reason,
            ..
        } => {
            let status = status.map_or_else(String::new, |status| status.to_string());
            format!("{} {status} {}", version.text(), reason.text())
        }
        StartLine::Unreadable(line) => line.text().into_owned(),
    }
}
