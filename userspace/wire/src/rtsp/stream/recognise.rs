//! What bytes look like: RTSP start lines, other protocols, interleaved frames in text.

use memchr::memmem;

/// Methods of RFC 2326 §10 and RFC 7826 §13.
const METHODS: [&[u8]; 12] = [
    b"OPTIONS",
    b"DESCRIBE",
    b"ANNOUNCE",
    b"SETUP",
    b"PLAY",
    b"PAUSE",
    b"TEARDOWN",
    b"GET_PARAMETER",
    b"SET_PARAMETER",
    b"REDIRECT",
    b"RECORD",
    b"PLAY_NOTIFY",
];
/// First word of a response and last word of a request.
const VERSION: &[u8] = b"RTSP/";
/// Longest first word of a message that is waited for; no registered method comes near.
const MAX_WORD_LEN: usize = 32;
/// Longest first line that is waited for before the protocol is called unknown.
const MAX_FIRST_LINE_LEN: usize = 4096;
/// TLS record types: change cipher spec, alert, handshake, application data (RFC 8446 §5.1).
const TLS_RECORD_TYPES: std::ops::RangeInclusive<u8> = 20..=23;
/// Largest TLS record, with what old versions add to it (RFC 5246 §6.2.3).
const MAX_TLS_RECORD_LEN: u16 = (1 << 14) + 2048;

/// What the first bytes of a stream tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum First {
    NeedMore,
    Rtsp,
    Http,
    Tls,
    Unknown,
}

/// Judges the first bytes of a stream.
pub(super) fn first_bytes(bytes: &[u8]) -> First {
    let bytes = bytes.trim_ascii_start();
    match bytes.first() {
        None => First::NeedMore,
        Some(kind) if TLS_RECORD_TYPES.contains(kind) => tls_record(bytes),
        Some(_) => first_word(bytes),
    }
}

fn tls_record(bytes: &[u8]) -> First {
    match *bytes {
        [_, major, ..] if major != 3 => First::Unknown,
        [_, _, minor, high, low, ..] => {
            let len = u16::from_be_bytes([high, low]);
            let believable = minor <= 4 && (1..=MAX_TLS_RECORD_LEN).contains(&len);
            if believable {
                First::Tls
            } else {
                First::Unknown
            }
        }
        _ => First::NeedMore,
    }
}

fn first_word(bytes: &[u8]) -> First {
    if begins_like_version(bytes) {
        return if bytes.len() < VERSION.len() {
            First::NeedMore
        } else {
            First::Rtsp
        };
    }
    let is_word = |byte: &u8| byte.is_ascii_uppercase() || *byte == b'_';
    let word_len = bytes.iter().take_while(|byte| is_word(byte)).count();
    let (word, after) = bytes.split_at(word_len);
    match after.first() {
        _ if word_len > MAX_WORD_LEN => First::Unknown,
        None => First::NeedMore,
        Some(b'/') if word == b"HTTP" => First::Http,
        Some(b' ') if METHODS.contains(&word) => First::Rtsp,
        Some(b' ') if word_len > 0 => first_line(bytes),
        Some(_) => First::Unknown,
    }
}

/// A word of no RTSP method: the end of the line tells.
fn first_line(bytes: &[u8]) -> First {
    match memchr::memchr(b'\n', bytes) {
        Some(end) => {
            let line = bytes.get(..end).unwrap_or_default();
            // What settles the matter in a part of the line settles it in all of it.
            if line.len() > MAX_FIRST_LINE_LEN || has_control(line) {
                First::Unknown
            } else if is_start_line(line) {
                First::Rtsp
            } else if memmem::find(line, b" HTTP/").is_some() {
                First::Http
            } else {
                First::Unknown
            }
        }
        None if bytes.len() > MAX_FIRST_LINE_LEN || has_control(bytes) => First::Unknown,
        None => First::NeedMore,
    }
}

/// True for a line that begins a request or a response, with or without its line end.
pub(super) fn is_start_line(line: &[u8]) -> bool {
    let line = line.trim_ascii_end();
    is_status_line(line) || (ends_with_version(line) && has_method_word(line))
}

/// True for a line that begins a message where one is expected: the version may lack or be cut.
pub(super) fn is_believable_start(line: &[u8]) -> bool {
    is_start_line(line) || METHODS.iter().any(|method| begins_with_word(line, method))
}

/// True where `text`, which may be cut, can become a start line.
pub(super) fn may_become_start_line(text: &[u8]) -> bool {
    let agrees = |word: &[u8]| {
        word.iter()
            .zip(text)
            .all(|(expected, found)| expected == found)
    };
    !text.is_empty() && (begins_like_version(text) || METHODS.iter().any(|method| agrees(method)))
}

/// True where `text`, which may be cut, begins with the name of the protocol, in whatever case.
fn begins_like_version(text: &[u8]) -> bool {
    let mut letters = VERSION.iter().zip(text);
    letters.all(|(expected, found)| expected.eq_ignore_ascii_case(found))
}

/// Offset in a run of printable text at which a start line begins that ends with the run. Bytes of media that happen to
/// be printable may stand before it.
pub(super) fn find_start_line(run: &[u8]) -> Option<usize> {
    let run = run.trim_ascii_end();
    let status =
        memmem::find_iter(run, VERSION).find(|&at| run.get(at..).is_some_and(is_status_line));
    if status.is_some() || !ends_with_version(run) {
        return status;
    }
    let starts = METHODS.iter().filter_map(|method| {
        let at = memmem::rfind(run, method)?;
        begins_with_word(run.get(at..)?, method).then_some(at)
    });
    starts.max()
}

/// Judges bytes that begin with `$` in the midst of text: `Some(true)` for an interleaved frame, `None` for too few.
///
/// No text has a control character after the `$`, which channels below 32 are, and none goes on with the version bits of
/// RTP and RTCP, so a frame with both is not taken for text nor the other way round.
pub(super) fn is_frame_in_text(bytes: &[u8]) -> Option<bool> {
    match *bytes {
        [b'$', channel, ..] if !is_control(channel) => Some(false),
        [b'$', _, high, low, first, ..] => Some((high, low) != (0, 0) && has_rtp_version(first)),
        [b'$', ..] => None,
        _ => Some(false),
    }
}

/// True where the version bits are 2, as in RTP and RTCP (RFC 3550 §5.1, §6.1).
pub(super) const fn has_rtp_version(first: u8) -> bool {
    first >> 6 == 2
}

/// True where text has bytes that no line of a message may have.
pub(super) fn has_control(text: &[u8]) -> bool {
    text.iter().copied().any(is_control)
}

/// True for a byte that no line of a message may have.
pub(super) const fn is_control(byte: u8) -> bool {
    byte.is_ascii_control() && !matches!(byte, b'\t' | b'\r' | b'\n')
}

/// `RTSP/1.0 200 OK`; some servers send other digits than three, write the name small, or put more blanks than one.
fn is_status_line(line: &[u8]) -> bool {
    match line.split_at_checked(VERSION.len()) {
        Some((name, [major, b'.', minor, b' ', behind @ ..])) => {
            let code = behind.iter().find(|&&byte| byte != b' ');
            name.eq_ignore_ascii_case(VERSION)
                && [Some(major), Some(minor), code]
                    .into_iter()
                    .all(|digit| digit.is_some_and(u8::is_ascii_digit))
        }
        _ => false,
    }
}

fn ends_with_version(line: &[u8]) -> bool {
    match line {
        [
            before @ ..,
            b' ',
            b'R',
            b'T',
            b'S',
            b'P',
            b'/',
            major,
            b'.',
            minor,
        ] => !before.is_empty() && major.is_ascii_digit() && minor.is_ascii_digit(),
        _ => false,
    }
}

fn has_method_word(line: &[u8]) -> bool {
    let len = line
        .iter()
        .take_while(|&&byte| byte.is_ascii_uppercase() || byte == b'_')
        .count();
    (1..=MAX_WORD_LEN).contains(&len) && line.get(len) == Some(&b' ')
}

fn begins_with_word(line: &[u8], word: &[u8]) -> bool {
    line.strip_prefix(word)
        .is_some_and(|rest| rest.first() == Some(&b' '))
}
