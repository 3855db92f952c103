//! The bytes of a message in which a differing field stands, as they crossed the wire.

use rtspscope_wire::rtsp::message::MessageSlice;

use crate::model::Message;

/// The line with its line end in which a field stands; of several lines of that name the one that holds the value.
/// `None` where the field is absent, or where it is no single line.
pub(super) fn line(
    message: &Message,
    parsed: &MessageSlice<'_>,
    field: &str,
    value: Option<&str>,
) -> Option<Vec<u8>> {
    let value = value?;
    let line = match field.split_once('.') {
        _ if matches!(field, "body" | "framing" | super::whole::MESSAGE) => return None,
        _ if matches!(field, "status-line" | "start-line") => first_line(&message.raw),
        Some(("request", _)) => first_line(&message.raw),
        Some(("sdp", what)) => of_description(parsed.body, what, value),
        _ if field == "line-ending" => {
            let (_, name) = value.rsplit_once(" after ")?;
            of_header(message, parsed, name, "")
        }
        Some((header, _)) => of_header(message, parsed, header, value),
        None => of_header(message, parsed, field, value),
    };
    line.map(<[u8]>::to_vec)
}

fn first_line(raw: &[u8]) -> Option<&[u8]> {
    raw.split_inclusive(|&byte| byte == b'\n').next()
}

fn of_header<'m>(
    message: &'m Message,
    parsed: &MessageSlice<'_>,
    name: &str,
    value: &str,
) -> Option<&'m [u8]> {
    let fields = || parsed.headers_named(name);
    let holder = fields().find(|field| field.value.text().contains(value));
    let field = holder.or_else(|| fields().next())?;
    message.raw.get(field.line.clone())
}

/// `o.address` is in the o= line, `a.control` in an a=control line.
fn of_description<'b>(body: &'b [u8], what: &str, value: &str) -> Option<&'b [u8]> {
    let (letter, rest) = what.split_once('.').unwrap_or((what, ""));
    let start = match letter {
        "a" => format!("a={rest}"),
        _ => format!("{letter}="),
    };
    let lines = || {
        let lines = body.split_inclusive(|&byte| byte == b'\n');
        lines.filter(|line| line.starts_with(start.as_bytes()))
    };
    let holds = |line: &&[u8]| String::from_utf8_lossy(line).contains(value);
    lines().find(holds).or_else(|| lines().next())
}
