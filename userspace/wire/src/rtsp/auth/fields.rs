//! Secrets in header fields and in lines of a session description.

use std::ops::Range;

use crate::Spanned;
use crate::lines::Lines;

/// Header fields whose value holds credentials or what is derived from a password.
const CREDENTIAL_FIELDS: [&str; 4] = [
    "Authorization",
    "Proxy-Authorization",
    "Authentication-Info",
    "Proxy-Authentication-Info",
];

/// Digest parameters that are no secret (RFC 7616 §3.4): the server's own words and the request's.
const OPEN_PARAMS: [&str; 10] = [
    "realm",
    "nonce",
    "uri",
    "algorithm",
    "qop",
    "nc",
    "stale",
    "opaque",
    "domain",
    "userhash",
];

/// Adds the secret ranges of all lines.
pub(super) fn find(raw: &[u8], found: &mut Vec<Range<usize>>) {
    let whole = Spanned::new(raw, 0);
    let mut inside_field = false;
    for line in Lines::new(raw, 0) {
        let text = whole.slice(line.text);
        if matches!(text.bytes, [b' ' | b'\t', ..]) && inside_field {
            // A folded value: which parameter goes on here is not worth finding out.
            find_credentials(&text, true, found);
            continue;
        }
        inside_field = false;
        let Some((name, value)) = text.split_once(b':') else {
            find_sdp_key(&text, found);
            continue;
        };
        let name = name.trim();
        if CREDENTIAL_FIELDS
            .iter()
            .any(|field| ends_with(&name, field))
        {
            inside_field = true;
            find_credentials(&value, false, found);
        } else if ends_with(&name, "KeyMgmt") {
            found.push(value.trim().at);
        } else {
            find_sdp_key(&text, found);
        }
    }
}

/// Junk before the name, as a desynchronised stream leaves it, hides no credentials.
fn ends_with(name: &Spanned<'_>, field: &str) -> bool {
    let start = name.len().saturating_sub(field.len());
    name.slice(start..name.len()).is(field)
}

/// `Basic BLOB`, `Digest name=value, …` or the parameters alone (`has_no_scheme`).
fn find_credentials(value: &Spanned<'_>, has_no_scheme: bool, found: &mut Vec<Range<usize>>) {
    let value = value.trim();
    let first_word = value
        .bytes
        .iter()
        .position(u8::is_ascii_whitespace)
        .unwrap_or(value.len());
    let scheme = value.slice(0..first_word);
    let is_params_only = has_no_scheme || memchr::memchr2(b'=', b',', scheme.bytes).is_some();
    if scheme.is("Digest") {
        find_digest_params(&value.slice(first_word..value.len()), found);
    } else if is_params_only {
        find_digest_params(&value, found);
    } else if first_word == value.len() {
        // One word: the scheme with nothing behind it, or a blob without its scheme.
        if !scheme.is("Basic") {
            found.push(value.at);
        }
    } else {
        found.push(value.slice(first_word..value.len()).trim().at);
    }
}

/// Everything but the values of open parameters, and but the names themselves.
fn find_digest_params(params: &Spanned<'_>, found: &mut Vec<Range<usize>>) {
    let mut rest = params.trim();
    let mut quotes_close = true;
    while !rest.is_empty() {
        let len = param_len(rest.bytes, &mut quotes_close);
        let param = rest.slice(0..len).trim();
        match param.split_once(b'=') {
            Some((name, value)) => {
                let name = name.trim();
                if !OPEN_PARAMS.iter().any(|open| name.is(open)) {
                    found.push(value.trim().unquoted().at);
                }
            }
            None => found.push(param.at),
        }
        rest = rest.slice(len + 1..rest.len()).trim();
    }
}

/// Length up to the comma that ends a parameter. Commas in quotes do not end it, unless the quote is never closed:
/// then no later one is either, which `quotes_close` remembers so that the search is not repeated.
fn param_len(bytes: &[u8], quotes_close: &mut bool) -> usize {
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b',' => return at,
            b'"' if *quotes_close => match closing_quote(bytes, at + 1) {
                Some(close) => at = close,
                None => *quotes_close = false,
            },
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

/// Place of the quote that closes; one behind a backslash is part of the text (RFC 2616 §2.2).
fn closing_quote(bytes: &[u8], from: usize) -> Option<usize> {
    let is_escaped = |at: usize| at > from && bytes.get(at - 1) == Some(&b'\\');
    memchr::memchr_iter(b'"', bytes.get(from..)?)
        .map(|len| from + len)
        .find(|&at| !is_escaped(at))
}

/// `a=crypto:TAG SUITE inline:KEY`, `a=key-mgmt:PROTOCOL DATA`, `k=METHOD:KEY`.
fn find_sdp_key(line: &Spanned<'_>, found: &mut Vec<Range<usize>>) {
    let after = |prefix: &[u8]| {
        let head = line.bytes.get(..prefix.len())?;
        head.eq_ignore_ascii_case(prefix)
            .then(|| line.slice(prefix.len()..line.len()))
    };
    if let Some(crypto) = after(b"a=crypto:") {
        let mut from = 0;
        while let Some(at) =
            memchr::memmem::find(crypto.bytes.get(from..).unwrap_or_default(), b"inline:")
        {
            let key = crypto.slice(from + at + b"inline:".len()..crypto.len());
            let len = key
                .bytes
                .iter()
                .position(|byte| matches!(byte, b'|' | b';' | b' '))
                .unwrap_or(key.len());
            found.push(key.slice(0..len).at);
            from = key.at.start + len - crypto.at.start;
        }
    } else if let Some(key) = after(b"a=key-mgmt:") {
        let protocol_len = memchr::memchr(b' ', key.bytes).unwrap_or(0);
        found.push(key.slice(protocol_len..key.len()).trim().at);
    } else if let Some((_, key)) = after(b"k=").and_then(|key| key.split_once(b':')) {
        found.push(key.at);
    }
}
