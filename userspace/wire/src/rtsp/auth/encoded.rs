//! Secrets in base64: the requests of RTSP inside HTTP, encoded one by one, so that padding may stand anywhere.
//!
//! Where the encoding began is not always known, so each of the four ways to cut the text into groups is tried; the
//! wrong ones decode to noise, which holds no secret.

use super::urls::cut_userinfo;
use super::{BLANK, secrets};

/// Shortest text that can hold a request line or a field with a secret.
const MIN_LEN: usize = 16;

/// Blanks what decodes to secrets, in place.
pub(super) fn blank(bytes: &mut [u8]) {
    let mut at = 0;
    while at < bytes.len() {
        let len = run_len(bytes.get(at..).unwrap_or_default());
        if len >= MIN_LEN
            && let Some(run) = bytes.get_mut(at..at + len)
        {
            (0..4).for_each(|skipped| blank_run(run, skipped));
        }
        at += len.max(1);
    }
}

/// Length of the base64 at the front, line ends included; an empty line ends it.
fn run_len(bytes: &[u8]) -> usize {
    let is_part = |byte: &u8| value_of(*byte).is_some() || matches!(byte, b'=' | b'\r' | b'\n');
    let len = bytes.iter().take_while(|byte| is_part(byte)).count();
    memchr::memmem::find(bytes.get(..len).unwrap_or_default(), b"\r\n\r\n")
        .map_or(len, |empty| empty + 4)
}

/// Characters that encode up to three bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Group {
    /// Places of its characters in the run.
    places: [usize; 4],
    /// How many of them there are; the last group of a cut text and a padded one have less than four.
    count: usize,
}

impl Group {
    const fn bytes(&self) -> usize {
        self.count * 3 / 4
    }
}

fn blank_run(run: &mut [u8], skipped: usize) {
    let groups = groups_of(run, skipped);
    let mut decoded = Vec::with_capacity(groups.len() * 3);
    for group in &groups {
        let word = (0..4).fold(0, |word: u32, index| {
            let value = (index < group.count)
                .then(|| {
                    run.get(group.places[index])
                        .and_then(|byte| value_of(*byte))
                })
                .flatten();
            word << 6 | u32::from(value.unwrap_or(0))
        });
        decoded.extend_from_slice(
            word.to_be_bytes()
                .get(1..=group.bytes())
                .unwrap_or_default(),
        );
    }
    let mut found = secrets(&decoded);
    found.extend(cut_userinfo(&decoded, true).filter(|_| is_text(&decoded)));
    let mut blanked = decoded.clone();
    for range in found {
        if let Some(bytes) = blanked.get_mut(range) {
            bytes.fill(BLANK);
        }
    }
    encode(run, &groups, &decoded, &blanked);
}

fn is_text(bytes: &[u8]) -> bool {
    bytes
        .iter()
        .all(|byte| matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n'))
}

/// The groups behind the first `skipped` characters; padding ends one early.
fn groups_of(run: &[u8], skipped: usize) -> Vec<Group> {
    let mut groups = Vec::with_capacity(run.len() / 4 + 1);
    let mut group = Group::default();
    let characters = run
        .iter()
        .enumerate()
        .filter(|(_, byte)| !matches!(byte, b'\r' | b'\n'));
    for (place, byte) in characters.skip(skipped) {
        if *byte == b'=' {
            groups.extend((group.count > 0).then_some(group));
            group = Group::default();
            continue;
        }
        if let Some(slot) = group.places.get_mut(group.count) {
            *slot = place;
            group.count += 1;
        }
        if group.count == group.places.len() {
            groups.push(std::mem::take(&mut group));
        }
    }
    groups.extend((group.count > 0).then_some(group));
    groups
}

/// Writes back the groups whose bytes changed.
fn encode(run: &mut [u8], groups: &[Group], decoded: &[u8], blanked: &[u8]) {
    let mut from = 0;
    for group in groups {
        let range = from..from + group.bytes();
        from = range.end;
        let bytes = blanked.get(range.clone()).unwrap_or_default();
        if decoded.get(range) == Some(bytes) {
            continue;
        }
        let word = (0..3).fold(0, |word: u32, index| {
            word << 8 | u32::from(bytes.get(index).copied().unwrap_or(0))
        });
        for (index, place) in group.places.iter().take(group.count).enumerate() {
            let value = word >> (18 - 6 * index) & 0x3f;
            if let Some(slot) = run.get_mut(*place) {
                *slot = ALPHABET[value as usize];
            }
        }
    }
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

const fn value_of(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `text` in base64, with padding.
    fn encoded(text: &str) -> String {
        let mut out = String::new();
        for bytes in text.as_bytes().chunks(3) {
            let word = (0..3).fold(0_u32, |word, index| {
                word << 8 | u32::from(bytes.get(index).copied().unwrap_or(0))
            });
            for index in 0..4 {
                let value = (word >> (18 - 6 * index) & 0x3f) as usize;
                out.push(if index <= bytes.len() {
                    char::from(ALPHABET[value])
                } else {
                    '='
                });
            }
        }
        out
    }

    fn blanked(text: &str) -> String {
        let mut bytes = text.as_bytes().to_vec();
        blank(&mut bytes);
        String::from_utf8(bytes).unwrap()
    }

    const HEAD: &str = "POST /a HTTP/1.0\r\nx-sessioncookie: abc\r\nContent-Length: 32767\r\n\r\n";

    #[test]
    fn requests_in_base64_lose_their_secrets_and_nothing_else() {
        for path in ["/", "/a", "/ab"] {
            let asked = |userinfo: &str, digest: &str| {
                let request = format!(
                    "DESCRIBE rtsp://{userinfo}@h{path} RTSP/1.0\r\nAuthorization: Digest username=\"u\", response=\"{digest}\"\r\n\r\n"
                );
                let hidden = request.replace("\"u\"", "\"*\"");
                [request, hidden]
            };
            let [shown, _] = asked("me:pw", "0123");
            let [_, hidden] = asked("*****", "****");
            assert_eq!(
                blanked(&format!("{HEAD}{}{}", encoded(&shown), encoded(&shown))),
                format!("{HEAD}{}{}", encoded(&hidden), encoded(&hidden))
            );
        }
    }

    #[test]
    fn lines_of_base64_are_one_text() {
        let shown = encoded("OPTIONS * RTSP/1.0\r\nAuthorization: Basic c2VjcmV0\r\n\r\n");
        let hidden = encoded("OPTIONS * RTSP/1.0\r\nAuthorization: Basic ********\r\n\r\n");
        let in_lines = |text: &str| format!("{}\r\n{}\r\n", &text[..33], &text[33..]);
        assert_eq!(blanked(&in_lines(&shown)), in_lines(&hidden));
    }

    #[test]
    fn a_cut_secret_is_blanked_as_far_as_it_goes() {
        let shown = encoded("OPTIONS * RTSP/1.0\r\nAuthorization: Basic c2VjcmV0\r\n\r\n");
        let hidden = encoded("OPTIONS * RTSP/1.0\r\nAuthorization: Basic ********\r\n\r\n");
        assert_eq!(blanked(&shown[2..64]), hidden[2..64]);
    }

    #[test]
    fn other_base64_stays() {
        let sdp = "a=fmtp:96 sprop-parameter-sets=Z0LAHtkDxWhAAAADAEAAAAwDxYuS,aMuMsg==;packetization-mode=1\r\n";
        assert_eq!(blanked(sdp), sdp);
    }
}
