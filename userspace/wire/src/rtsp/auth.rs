//! Where a message holds credentials, so that they are blanked wherever its bytes are shown or saved.
//!
//! Works on any bytes, whole messages or fragments, and knows no message structure but lines: a secret must be found
//! also where an ALG or a cut capture broke the message. In doubt it blanks too much.

use std::borrow::Cow;
use std::ops::Range;

mod encoded;
mod fields;
mod stream;
mod urls;

pub use stream::{Island, blank};

/// What stands in place of each secret byte.
const BLANK: u8 = b'*';

/// Byte ranges of `raw` that must not be shown, in order and without overlap:
///
/// - the credentials of Authorization, Proxy-Authorization and Authentication-Info (for Digest all but what the
///   server's challenge or the request line say anyway: realm, nonce, uri, algorithm, qop, nc, stale),
/// - the userinfo of each URL in head and body, also where its end is missing, and values of parameters that are named like user and password,
/// - keys of SRTP: the `KeyMgmt` field, and `a=crypto`, `a=key-mgmt` and `k=` in a session description.
pub fn secrets(raw: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    fields::find(raw, &mut found);
    urls::find(raw, &mut found);
    merged(found)
}

/// `raw` with each secret byte replaced by `*`; the length stays.
pub fn redacted(raw: &[u8]) -> Cow<'_, [u8]> {
    let secrets = secrets(raw);
    if secrets.is_empty() {
        return Cow::Borrowed(raw);
    }
    let mut blanked = raw.to_vec();
    for range in secrets {
        if let Some(bytes) = blanked.get_mut(range) {
            bytes.fill(BLANK);
        }
    }
    Cow::Owned(blanked)
}

fn merged(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.retain(|range| !range.is_empty());
    ranges.sort_by_key(|range| (range.start, range.end));
    let mut merged: Vec<Range<usize>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

#[cfg(test)]
mod tests;
