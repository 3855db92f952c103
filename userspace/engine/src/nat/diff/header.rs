//! Differences of header fields, and of the line ends between them.

use rtspscope_wire::rtsp::message::{HeaderField, MessageSlice};
use rtspscope_wire::rtsp::rtp_info;

use super::{Changes, transport};

/// Fields that name the message or its body: inside one connection, whoever changes them breaks the conversation.
const IDENTITY: [&str; 5] = [
    "cseq",
    "session",
    "content-type",
    "content-encoding",
    "require",
];

/// Fields without which a message cannot be understood, whoever forwards it.
const ESSENTIAL: [&str; 4] = ["cseq", "session", "transport", "content-length"];

/// Compares the heads of two copies of a message. Content-Length belongs to the body.
pub(super) fn compare(raw: [&[u8]; 2], [a, b]: [&MessageSlice<'_>; 2], changes: &mut Changes) {
    let mut names: Vec<String> = Vec::new();
    for field in a.headers.iter().chain(&b.headers) {
        let name = field.name.text().to_ascii_lowercase();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let mut line_ends = LineEnds::default();
    for name in names.iter().filter(|name| *name != "content-length") {
        let (mut in_a, mut in_b) = (a.headers_named(name), b.headers_named(name));
        loop {
            match (in_a.next(), in_b.next()) {
                (None, None) => break,
                (Some(x), Some(y)) => {
                    compare_field(name, raw, [x, y], changes);
                    line_ends.note(raw, [x, y]);
                }
                (x, y) => {
                    let shown = x
                        .or(y)
                        .map_or_else(|| name.clone(), |field| field.name.text().into_owned());
                    let value = |field: Option<&HeaderField<'_>>| {
                        field.map(|field| value_shown(name, field.value.bytes))
                    };
                    let (x, y) = (value(x), value(y));
                    changes.one_sided(
                        &shown,
                        x.as_deref(),
                        y.as_deref(),
                        ESSENTIAL.contains(&name.as_str()),
                    );
                }
            }
        }
    }
    if let Some([pre, post]) = line_ends.first_difference {
        changes.corrupted("line-ending", Some(pre), Some(post));
    } else if a.line_ending != b.line_ending {
        changes.corrupted(
            "line-ending",
            Some(format!("{:?}", a.line_ending)),
            Some(format!("{:?}", b.line_ending)),
        );
    }
}

fn compare_field(
    name: &str,
    raw: [&[u8]; 2],
    [x, y]: [&HeaderField<'_>; 2],
    changes: &mut Changes,
) {
    if x.value.bytes == y.value.bytes {
        let [line_x, line_y] = [text_of_line(raw[0], x), text_of_line(raw[1], y)];
        if line_x != line_y {
            changes.changed(&x.name.text(), Some(line_x), Some(line_y));
        }
        return;
    }
    match name {
        "transport" => transport::compare(&x.value, &y.value, changes),
        "rtp-info" => compare_rtp_info([x, y], changes),
        _ if changes.in_place && IDENTITY.contains(&name) => {
            changes.corrupted(
                &x.name.text(),
                Some(x.value.text().into_owned()),
                Some(y.value.text().into_owned()),
            );
        }
        _ => {
            let (pre, post) = (
                value_shown(name, x.value.bytes),
                value_shown(name, y.value.bytes),
            );
            changes.changed(&x.name.text(), Some(&pre), Some(&post));
        }
    }
}

/// Credentials never leave the message: of them only the scheme is told.
fn value_shown(name: &str, value: &[u8]) -> Vec<u8> {
    if name.ends_with("authorization") {
        let scheme = value.split(|&byte| byte == b' ').next().unwrap_or_default();
        [scheme, b" ***"].concat()
    } else {
        value.to_vec()
    }
}

fn compare_rtp_info([x, y]: [&HeaderField<'_>; 2], changes: &mut Changes) {
    let urls = |field: &HeaderField<'_>| -> Vec<String> {
        let entries = rtp_info::parse(field.value.clone()).value;
        entries
            .iter()
            .filter_map(|entry| entry.url.as_ref())
            .map(|url| url.text().into_owned())
            .collect()
    };
    let (urls_x, urls_y) = (urls(x), urls(y));
    if urls_x == urls_y {
        changes.changed("RTP-Info", Some(x.value.bytes), Some(y.value.bytes));
    } else {
        changes.changed(
            "RTP-Info.url",
            Some(urls_x.join(", ").as_bytes()),
            Some(urls_y.join(", ").as_bytes()),
        );
    }
}

/// A field's line without its line end.
fn text_of_line<'a>(raw: &'a [u8], field: &HeaderField<'_>) -> &'a [u8] {
    raw.get(field.line.clone())
        .unwrap_or_default()
        .trim_ascii_end()
}

/// Compares how the same lines end; the first one that differs is told.
#[derive(Debug, Default)]
struct LineEnds {
    first_difference: Option<[String; 2]>,
}

impl LineEnds {
    fn note(&mut self, raw: [&[u8]; 2], fields: [&HeaderField<'_>; 2]) {
        let ends = [
            end_of_line(raw[0], fields[0]),
            end_of_line(raw[1], fields[1]),
        ];
        if ends[0] != ends[1] && self.first_difference.is_none() {
            self.first_difference = Some(ends.map(|end| name_of_end(end, &fields[0].name.text())));
        }
    }
}

fn end_of_line<'a>(raw: &'a [u8], field: &HeaderField<'_>) -> &'a [u8] {
    let line = raw.get(field.line.clone()).unwrap_or_default();
    let text_len = line
        .iter()
        .rposition(|byte| !matches!(byte, b'\r' | b'\n'))
        .map_or(0, |last| last + 1);
    line.get(text_len..).unwrap_or_default()
}

fn name_of_end(end: &[u8], header: &str) -> String {
    let names: Vec<&str> = end
        .iter()
        .map(|byte| if *byte == b'\r' { "CR" } else { "LF" })
        .collect();
    let names = if names.is_empty() {
        "nothing".to_owned()
    } else {
        names.join(" ")
    };
    format!("{names} after {header}")
}
