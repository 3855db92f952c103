//! The few things that the whole engine reads from the bytes of a message.

use rtspscope_wire::Spanned;
use rtspscope_wire::rtsp::challenge::{self, Challenge};
use rtspscope_wire::rtsp::message::{self, MessageSlice};
use rtspscope_wire::rtsp::methods;
use rtspscope_wire::rtsp::transport::{self, TransportSpec};
use rtspscope_wire::url;

use crate::model::Message;

/// The message's bytes as fields.
pub(crate) fn fields(message: &Message) -> MessageSlice<'_> {
    message::parse(known(message)).value
}

/// What is surely known of a message: of one that the capture cuts off, the lines that end. Half a line would be read as a
/// whole one, with a port of fewer digits or without its last parameters.
pub(crate) fn known(message: &Message) -> &[u8] {
    known_of(&message.raw, message.is_cut())
}

/// The same of bytes that are no message yet.
pub(crate) fn known_of(raw: &[u8], is_cut: bool) -> &[u8] {
    if !is_cut {
        return raw;
    }
    let last_end = raw.iter().rposition(|&byte| byte == b'\n');
    let known = last_end.and_then(|end| raw.get(..=end));
    known.unwrap_or(raw)
}

/// Whether the capture cut off a part of what the message begins with: what a request asks for, then, is not known.
pub(crate) fn lacks_its_line(message: &Message) -> bool {
    message.is_cut() && !message.raw.contains(&b'\n')
}

/// Session id of a Session header, without its parameters.
pub(crate) fn session_id(message: &Message) -> Option<&str> {
    message.memo.session_id(|| {
        let id: Box<str> = fields(message).session()?.id.text().into();
        (!id.is_empty()).then_some(id)
    })
}

/// Whether the mode of the first Transport is to record; `None` where it names none.
pub(crate) fn is_to_record(message: &Message) -> Option<bool> {
    message.memo.is_to_record(|| {
        let fields = fields(message);
        let mode = transports(&fields).first()?.mode.clone()?;
        // Some servers and players call it receiving, as seen from the server.
        Some(mode.is("RECORD") || mode.is("RECEIVE"))
    })
}

/// Path of the request's URI with its query; hosts and user information are left away, because a NAT may change them.
pub(crate) fn uri_path(raw: &[u8]) -> Option<String> {
    let parsed = message::parse(raw).value;
    let uri = parsed.uri()?;
    let path = url::split(uri.clone()).map_or_else(
        || uri.text().into_owned(),
        |url| url.path.text().into_owned(),
    );
    Some(path.trim_matches('/').to_owned())
}

/// The request's URI as written, where it names a host.
pub(crate) fn uri(raw: &[u8]) -> Option<String> {
    let parsed = message::parse(raw).value;
    let uri = parsed.uri()?;
    let has_host = url::split(uri.clone()).is_some_and(|url| !url.host.is_empty());
    has_host.then(|| uri.text().into_owned())
}

/// All alternatives of the first Transport header.
pub(crate) fn transports<'a>(message: &MessageSlice<'a>) -> Vec<TransportSpec<'a>> {
    message.header("Transport").map_or_else(Vec::new, |field| {
        transport::parse(field.value.clone()).value
    })
}

/// What a server asks for in all WWW-Authenticate fields of a response, or a client gives in its Authorization field.
pub(crate) fn challenges<'a>(message: &MessageSlice<'a>, field: &str) -> Vec<Challenge<'a>> {
    let fields = message.headers_named(field);
    fields
        .flat_map(|field| challenge::parse(field.value.clone()).value)
        .collect()
}

/// The methods that all fields of this name (Public, Allow) list.
pub(crate) fn methods<'a>(message: &MessageSlice<'a>, field: &str) -> Vec<Spanned<'a>> {
    let fields = message.headers_named(field);
    fields
        .flat_map(|field| methods::parse(field.value.clone()).value)
        .collect()
}

/// `rtsp://user:secret@host/` becomes `rtsp://***@host/`, at every URL of the text.
pub(crate) fn without_userinfo(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        shown.push_str(before);
        shown.push_str("://");
        let authority = after
            .find(['/', ' ', '"', ',', ';', '\r', '\n'])
            .unwrap_or(after.len());
        let (authority, tail) = after.split_at(authority);
        match authority.rsplit_once('@') {
            Some((_, host)) => {
                shown.push_str("***@");
                shown.push_str(host);
            }
            None => shown.push_str(authority),
        }
        rest = tail;
    }
    shown.push_str(rest);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_of_a_url_are_never_shown() {
        assert_eq!(
            without_userinfo("rtsp://a:b@h/x, rtsp://h2/y@z"),
            "rtsp://***@h/x, rtsp://h2/y@z"
        );
    }
}
