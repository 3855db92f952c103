//! RTSP URLs: their parts, and what an SDP control value refers to.

use crate::Spanned;

mod control;

pub use control::{base_url, is_control_path, is_control_uri, resolve_control};

/// The parts of a URL, each with its place in the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UrlSlice<'a> {
    /// `rtsp`, `rtsps`, …; `None` if the text has no scheme.
    pub scheme: Option<Spanned<'a>>,
    /// `user:password` before the `@`.
    pub userinfo: Option<Spanned<'a>>,
    /// Host without brackets.
    pub host: Spanned<'a>,
    /// The port, if a readable one is given.
    pub port: Option<u16>,
    /// Path and query, from the first `/` or `?` after the host to the end; may be empty.
    pub path: Spanned<'a>,
    /// True if the scheme stood twice, as in `rtsp://rtsp://…`, where the second one was taken.
    pub doubled_scheme: bool,
}

impl UrlSlice<'_> {
    /// The port given, else the default one of the scheme: 554 for `rtsp` and for none, 322 for `rtsps` (RFC 7826 §4.2).
    pub fn port_or_default(&self) -> u16 {
        self.port.unwrap_or_else(|| match &self.scheme {
            Some(scheme) if scheme.is("rtsps") => 322,
            Some(scheme) if scheme.is("http") => 80,
            Some(scheme) if scheme.is("https") => 443,
            Some(_) | None => 554,
        })
    }
}

/// Splits a URL; `None` if there is no host in it, as in `*` or a path alone.
///
/// A missing scheme (`192.0.2.1:554/ch1`) and one that stands twice are tolerated. What a relative reference such as
/// `trackID=1` looks like is a host: ask only for values that should be absolute.
#[expect(
    clippy::needless_pass_by_value,
    reason = "a Spanned is a view, handed over like a &str"
)]
pub fn split(text: Spanned<'_>) -> Option<UrlSlice<'_>> {
    let text = text.trim();
    let (mut scheme, mut rest) = split_scheme(&text);
    let mut doubled_scheme = false;
    while let (Some(inner), after) = split_scheme(&rest) {
        doubled_scheme = true;
        scheme = Some(inner);
        rest = after;
    }
    let authority_len = authority_len(rest.bytes);
    let authority = rest.slice(0..authority_len);
    let (userinfo, host_port) = match memchr::memrchr(b'@', authority.bytes) {
        Some(at) => (
            Some(authority.slice(0..at)),
            authority.slice(at + 1..authority.len()),
        ),
        None => (None, authority),
    };
    let (host, port) = split_host_port(&host_port);
    if host.is_empty() || host.is("*") {
        return None;
    }
    Some(UrlSlice {
        scheme,
        userinfo,
        host,
        port,
        path: rest.slice(authority_len..rest.len()),
        doubled_scheme,
    })
}

/// The scheme and what follows `://`. A scheme begins with a letter (RFC 3986 §3.1).
fn split_scheme<'a>(text: &Spanned<'a>) -> (Option<Spanned<'a>>, Spanned<'a>) {
    let is_scheme_char =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    let len = text
        .bytes
        .iter()
        .take_while(|byte| is_scheme_char(byte))
        .count();
    let begins_well = text.bytes.first().is_some_and(u8::is_ascii_alphabetic);
    if begins_well
        && text
            .bytes
            .get(len..)
            .is_some_and(|rest| rest.starts_with(b"://"))
    {
        (Some(text.slice(0..len)), text.slice(len + 3..text.len()))
    } else {
        (None, text.clone())
    }
}

/// Length of `userinfo@host:port`.
///
/// Passwords come unescaped: where the text up to the first `/`, `?` or `#` is no `host:port` but a later `@` exists,
/// the authority goes on to that `@` and the host behind it.
pub(crate) fn authority_len(rest: &[u8]) -> usize {
    let end = |from: usize| {
        let tail = rest.get(from..).unwrap_or_default();
        from + tail
            .iter()
            .position(|byte| matches!(byte, b'/' | b'?' | b'#'))
            .unwrap_or(tail.len())
    };
    let first = end(0);
    let head = rest.get(..first).unwrap_or_default();
    if memchr::memchr(b'@', head).is_some() || !has_word_after_colon(head) {
        return first;
    }
    memchr::memrchr(b'@', rest)
        .filter(|at| *at > first)
        .map_or(first, end)
}

/// True for `user:secret`, false for `host`, `host:554` and `[::1]:554`.
fn has_word_after_colon(head: &[u8]) -> bool {
    if head.starts_with(b"[") {
        return false;
    }
    let Some(colon) = memchr::memchr(b':', head) else {
        return false;
    };
    head.get(colon + 1..)
        .is_some_and(|port| !port.iter().all(u8::is_ascii_digit))
}

/// Splits `host:port`, `[v6]:port`, a bare IPv6 address, or a host alone. Brackets go; a port beyond 65535 is `None`.
pub fn split_host_port<'a>(text: &Spanned<'a>) -> (Spanned<'a>, Option<u16>) {
    if text.bytes.starts_with(b"[")
        && let Some(close) = memchr::memchr(b']', text.bytes)
    {
        let port = text.slice(close + 1..text.len());
        let digits = port.slice(1..port.len());
        let number = digits.number().filter(|_| port.bytes.starts_with(b":"));
        return (text.slice(1..close), number);
    }
    match (
        memchr::memchr(b':', text.bytes),
        memchr::memrchr(b':', text.bytes),
    ) {
        (Some(first), Some(last)) if first == last => (
            text.slice(0..first),
            text.slice(first + 1..text.len()).number(),
        ),
        _ => (text.clone(), None),
    }
}

#[cfg(test)]
mod tests;
