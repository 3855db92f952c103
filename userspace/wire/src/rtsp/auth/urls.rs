//! Secrets in URLs: userinfo, and parameters that are named like a user or a password.

use std::ops::Range;

use crate::url::authority_len;

/// Parameters of camera URLs that hold credentials.
const SECRET_PARAMS: [&[u8]; 14] = [
    b"user",
    b"username",
    b"usr",
    b"login",
    b"password",
    b"passwd",
    b"pass",
    b"pwd",
    b"psw",
    b"passphrase",
    b"token",
    b"auth",
    b"secret",
    b"apikey",
];

/// Bytes of a URL that are searched for the end of its userinfo, which bounds the time; no credentials are longer.
const MAX_URL_LEN: usize = 4096;

/// Adds the secret ranges of all URLs in `raw`.
pub(super) fn find(raw: &[u8], found: &mut Vec<Range<usize>>) {
    let mut text_end = 0;
    for slashes in memchr::memmem::find_iter(raw, b"://") {
        let start = slashes + 3;
        if text_end < start {
            let rest = raw.get(start..).unwrap_or_default();
            text_end = start
                + rest
                    .iter()
                    .position(|byte| ends_url(*byte))
                    .unwrap_or(rest.len());
        }
        let end = text_end.min(start + MAX_URL_LEN);
        let url = raw.get(start..end).unwrap_or_default();
        let authority = url.get(..authority_len(url)).unwrap_or_default();
        if let Some(at) = memchr::memrchr(b'@', authority) {
            found.push(start..start + at);
        }
    }
    found.extend(cut_userinfo(raw, false));
    find_params(raw, found);
}

/// The begin of a userinfo at the end of `raw`, whose end is missing. Where nothing tells that bytes are missing
/// (`is_cut`), a host or a host with a port is taken for one.
pub(super) fn cut_userinfo(raw: &[u8], is_cut: bool) -> Option<Range<usize>> {
    let line_start = memchr::memrchr(b'\n', raw).map_or(0, |end| end + 1);
    let start = line_start + memchr::memmem::rfind(raw.get(line_start..)?, b"://")? + 3;
    let rest = raw.get(start..)?;
    let may_go_on = rest.iter().all(|byte| !ends_url(*byte) && *byte != b'@');
    let authority = rest.split(|byte| *byte == b'/').next().unwrap_or_default();
    let host_len = match authority.first() {
        Some(b'[') => memchr::memchr(b']', authority).map_or(authority.len(), |end| end + 1),
        _ => memchr::memchr(b':', authority).unwrap_or(authority.len()),
    };
    let is_host = match authority.get(host_len..) {
        Some([b':', port @ ..]) => port.iter().all(u8::is_ascii_digit),
        Some([]) => true,
        Some(_) | None => false,
    };
    (may_go_on && !rest.is_empty() && (is_cut || !is_host)).then_some(start..raw.len())
}

/// What ends a URL in running text: white space, a control character, a quote or an angle bracket.
const fn ends_url(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte.is_ascii_control() || matches!(byte, b'"' | b'<' | b'>')
}

/// `?user=admin&password=x` and `/user=admin_password=x_channel=1`.
fn find_params(raw: &[u8], found: &mut Vec<Range<usize>>) {
    for equals in memchr::memchr_iter(b'=', raw) {
        let before = raw.get(..equals).unwrap_or_default();
        let name_len = before
            .iter()
            .rev()
            .take_while(|byte| byte.is_ascii_alphabetic())
            .count();
        let name = before.get(equals - name_len..).unwrap_or_default();
        let separator = before.get(..equals - name_len).and_then(<[u8]>::last);
        let is_param = matches!(separator, Some(b'?' | b'&' | b'/' | b'_' | b';'));
        if is_param
            && SECRET_PARAMS
                .iter()
                .any(|secret| name.eq_ignore_ascii_case(secret))
        {
            found.push(
                equals + 1..equals + 1 + value_len(raw.get(equals + 1..).unwrap_or_default()),
            );
        }
    }
}

/// Length of a parameter's value. An underscore ends it only where another `name=` follows.
fn value_len(value: &[u8]) -> usize {
    let begins_param = |rest: &[u8]| {
        let name_len = rest
            .iter()
            .take_while(|byte| byte.is_ascii_alphabetic())
            .count();
        name_len > 0 && rest.get(name_len) == Some(&b'=')
    };
    let ends = |(at, byte): (usize, &u8)| match byte {
        b'&' | b'?' | b'#' | b'/' | b';' | b',' => true,
        b'_' => begins_param(value.get(at + 1..).unwrap_or_default()),
        _ => ends_url(*byte),
    };
    value
        .iter()
        .enumerate()
        .position(ends)
        .unwrap_or(value.len())
}
