//! A client that records: it announces what it will send, and sends it to the ports of the server.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::thread;
use std::time::Duration;

use super::Script;
use super::dialog::Dialog;
use super::text::{header, server_ports};

/// Time between two packets.
const PACE: Duration = Duration::from_millis(20);

/// What it announces.
const DESCRIPTION: &str = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=lab\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n\
    a=rtpmap:96 H264/90000\r\na=control:track0\r\n";

/// Records, and tells how many packets were sent.
pub(super) fn play(
    script: &Script,
    dialog: &mut Dialog,
    server: SocketAddr,
    media: &UdpSocket,
) -> io::Result<u32> {
    let announced = format!(
        "Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{DESCRIPTION}",
        DESCRIPTION.len()
    );
    if dialog.send("ANNOUNCE", &script.url, &announced)?.is_none() {
        return Ok(0);
    }
    let control = format!("{}/track0", script.url);
    let transport = format!("Transport: {}\r\n", script.transport);
    let Some(reply) = dialog.ask("SETUP", &control, &transport, None)? else {
        return Ok(0);
    };
    let session = header(&reply, "session").unwrap_or_default();
    let session = format!("Session: {session}\r\n");
    let (port, _) = server_ports(&reply)?;
    if dialog.ask("RECORD", &script.url, &session, None)?.is_none() {
        return Ok(0);
    }
    for number in 0..script.packets {
        media.send_to(&packet(number), (server.ip(), port))?;
        thread::sleep(PACE);
    }
    dialog.ask("TEARDOWN", &script.url, &session, None)?;
    Ok(script.packets)
}

/// An RTP packet of 200 bytes.
fn packet(number: u32) -> Vec<u8> {
    let sequence = (number as u16).to_be_bytes();
    let timestamp = number.wrapping_mul(1800).to_be_bytes();
    let ssrc = 0x1AB0_0061_u32.to_be_bytes();
    let head = [&[0x80, 96][..], &sequence, &timestamp, &ssrc].concat();
    [head, vec![0x41; 188]].concat()
}
