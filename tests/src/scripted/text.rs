//! What client and camera read in a message of the other.

use std::io;
use std::net::Ipv4Addr;

/// The length of the message that `bytes` begin with, head and body; `None` while it is not complete.
pub(super) fn whole_message_len(bytes: &[u8]) -> Option<usize> {
    if bytes.first() == Some(&b'$') {
        return None;
    }
    let head_len = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&bytes[..head_len]);
    let body_len = header(&head, "content-length")
        .and_then(|value| value.parse::<usize>().ok())
        .unwrap_or(0);
    (bytes.len() >= head_len + body_len).then_some(head_len + body_len)
}

/// The length of the interleaved frame that `bytes` begin with (RFC 2326 §10.12); `None` while it is not complete.
pub(super) fn whole_frame_len(bytes: &[u8]) -> Option<usize> {
    let [b'$', _, high, low, ..] = *bytes else {
        return None;
    };
    let len = 4 + usize::from(u16::from_be_bytes([high, low]));
    (bytes.len() >= len).then_some(len)
}

/// The value of a header field, by its name in any case.
pub(super) fn header<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    message
        .lines()
        .take_while(|line| !line.is_empty())
        .find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
}

/// The control URIs of the media in their order (RFC 2326 appendix C.1.1).
pub(super) fn control_uris(description: &str, url: &str) -> Vec<String> {
    let base = header(description, "content-base").unwrap_or(url);
    let media = description.split("\nm=").skip(1);
    media
        .map(|medium| {
            let control = medium
                .lines()
                .find_map(|line| line.strip_prefix("a=control:"))
                .unwrap_or("*")
                .trim();
            match control {
                "*" => base.to_owned(),
                _ if control.starts_with("rtsp://") => control.to_owned(),
                _ => format!("{}/{control}", base.trim_end_matches('/')),
            }
        })
        .collect()
}

/// The two ports that an answer to SETUP names for the server.
pub(super) fn server_ports(reply: &str) -> io::Result<(u16, u16)> {
    let ports = header(reply, "transport").and_then(|transport| {
        let value = transport
            .split(';')
            .find_map(|field| field.strip_prefix("server_port="))?;
        let (first, second) = value.split_once('-')?;
        Some((first.parse().ok()?, second.parse().ok()?))
    });
    ports.ok_or_else(|| io::Error::other("the answer to SETUP names no server_port"))
}

/// The group that an answer to SETUP names.
pub(super) fn group(reply: &str) -> Option<Ipv4Addr> {
    let mut fields = header(reply, "transport")?.split(';');
    fields
        .find_map(|field| field.strip_prefix("destination="))?
        .parse()
        .ok()
}
