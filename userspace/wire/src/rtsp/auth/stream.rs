//! Secrets in bytes of one TCP direction, as a saved capture holds them: over several messages, cut anywhere, and in
//! base64 where RTSP goes through HTTP.
//!
//! What [`super::secrets`] finds lies in lines whose begin is there. Where bytes are missing before or behind, a line's
//! visible part may be the rest of a secret or the begin of one, and is blanked for that chance.

use std::ops::Range;

use super::urls::cut_userinfo;
use super::{BLANK, encoded, secrets};

/// Bytes of a stream that follow each other, and whether others are missing around them.
#[derive(Debug)]
pub struct Island<'a> {
    /// The bytes.
    pub bytes: &'a mut [u8],
    /// Bytes before the first are missing.
    pub after_gap: bool,
    /// Bytes behind the last are missing.
    pub before_gap: bool,
}

/// Replaces each secret byte by `*`; in base64 by what decodes to `*`. The length stays.
pub fn blank(island: &mut Island<'_>) {
    for range in secrets(island.bytes) {
        fill(island.bytes, range);
    }
    if island.after_gap {
        let len = cut_line_len(island.bytes);
        fill(island.bytes, 0..len);
    }
    if island.before_gap
        && let Some(range) = cut_userinfo(island.bytes, true)
    {
        fill(island.bytes, range);
    }
    encoded::blank(island.bytes);
}

fn fill(bytes: &mut [u8], range: Range<usize>) {
    if let Some(bytes) = bytes.get_mut(range) {
        bytes.fill(BLANK);
    }
}

/// Length of a first line that may be the end of a longer one: text that begins no message.
fn cut_line_len(bytes: &[u8]) -> usize {
    let len = bytes
        .iter()
        .position(|byte| matches!(byte, b'\r' | b'\n'))
        .unwrap_or(bytes.len());
    let line = bytes.get(..len).unwrap_or_default();
    let is_text = line.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t'));
    if is_text && !begins_message(line) {
        len
    } else {
        0
    }
}

/// A status line, or a request line whose URL, if it held a secret, is whole and was searched.
fn begins_message(line: &[u8]) -> bool {
    if line.starts_with(b"RTSP/") || line.starts_with(b"HTTP/") {
        return true;
    }
    let mut words = line.split(|byte| *byte == b' ');
    let method = words.next().unwrap_or_default();
    let version = words.nth(1).unwrap_or_default();
    method
        .iter()
        .all(|byte| byte.is_ascii_uppercase() || *byte == b'_')
        && (version.starts_with(b"RTSP/") || version.starts_with(b"HTTP/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blanked(text: &str, after_gap: bool, before_gap: bool) -> String {
        let mut bytes = text.as_bytes().to_vec();
        blank(&mut Island {
            bytes: &mut bytes,
            after_gap,
            before_gap,
        });
        assert_eq!(bytes.len(), text.len());
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn whole_messages_lose_their_secrets_only() {
        assert_eq!(
            blanked(
                "DESCRIBE rtsp://a:b@h/ RTSP/1.0\r\nAuthorization: Basic YTpi\r\n\r\n",
                true,
                true
            ),
            "DESCRIBE rtsp://***@h/ RTSP/1.0\r\nAuthorization: Basic ****\r\n\r\n"
        );
    }

    #[test]
    fn the_rest_of_a_line_behind_a_gap_may_be_a_secret() {
        assert_eq!(
            blanked("aW46c2VjcmV0\r\nCSeq: 2\r\n\r\n", true, false),
            "************\r\nCSeq: 2\r\n\r\n"
        );
        assert_eq!(
            blanked("cret@h/a RTSP/1.0\r\n", true, false),
            "*****************\r\n"
        );
        assert_eq!(
            blanked("RTSP/1.0 200 OK\r\n", true, false),
            "RTSP/1.0 200 OK\r\n"
        );
        assert_eq!(blanked("CSeq: 2\r\n", false, false), "CSeq: 2\r\n");
    }

    #[test]
    fn media_behind_a_gap_stays() {
        let media = "$\u{0}\u{0}\u{4}abcd\nabc";
        assert_eq!(blanked(media, true, false), media);
    }

    #[test]
    fn a_url_that_is_cut_in_its_userinfo_is_blanked() {
        assert_eq!(
            blanked("DESCRIBE rtsp://admin:se", false, true),
            "DESCRIBE rtsp://********"
        );
        assert_eq!(
            blanked("DESCRIBE rtsp://admin:se", false, false),
            "DESCRIBE rtsp://********"
        );
        assert_eq!(
            blanked("DESCRIBE rtsp://192.0.2.1:554", false, true),
            "DESCRIBE rtsp://*************"
        );
        for whole in [
            "a=control:rtsp://192.0.2.1:554/track1",
            "a=control:rtsp://h/track1",
            "a=control:rtsp://[2001:db8::1]/track1",
            "rtsp://[2001:db8::1]:8554",
            "OPTIONS rtsp://h:554 RTSP/1.0",
        ] {
            assert_eq!(blanked(whole, false, false), whole);
        }
    }
}
