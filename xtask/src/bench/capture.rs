//! A capture of many cameras that play at once, made from nothing: the same bytes for the same numbers every time.
//!
//! Each camera has its own RTSP connection (OPTIONS to PLAY) and one video stream over UDP at 25 pictures of 20
//! packets a second. Checksums are left 0, as a capture on the sending machine with offloads shows them.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::Path,
};

/// Bytes of one RTP packet after its 12-byte header.
const PAYLOAD_LEN: usize = 1_200;
/// Time from one packet of a camera to the next: 25 pictures a second, 20 packets each.
const PACKET_INTERVAL_MICROS: u64 = 2_000;
/// Packets that share an RTP timestamp.
const PACKETS_PER_PICTURE: u32 = 20;
/// RTP ticks from one picture to the next (90 kHz, RFC 3551 §5).
const TICKS_PER_PICTURE: u32 = 3_600;
/// 2026-01-01T00:00:00Z, in seconds of the Unix era.
const STARTS_AT_SECONDS: u64 = 1_767_225_600;

const IP_TCP: u8 = 6;
const IP_UDP: u8 = 17;
const TCP_SYN: u8 = 0x02;
const TCP_SYN_ACK: u8 = 0x12;
const TCP_PUSH_ACK: u8 = 0x18;

/// Writes the capture and tells how many frames it has.
pub(crate) fn write(file: &Path, cameras: u8, packets: u32) -> io::Result<u64> {
    let mut capture = Capture::new(BufWriter::new(File::create(file)?))?;
    write_all(&mut capture, cameras, packets)?;
    capture.output.flush()?;
    Ok(capture.frames)
}

fn write_all<W: Write>(capture: &mut Capture<W>, cameras: u8, packets: u32) -> io::Result<()> {
    for camera in 0..cameras {
        Dialogue::new(camera).write(capture)?;
    }
    for packet in 0..packets / u32::from(cameras) {
        for camera in 0..cameras {
            let payload = rtp_packet(camera, packet);
            let datagram = udp(rtp_port(camera) - 1_000, rtp_port(camera), &payload);
            capture.frame(camera_address(camera), VIEWER, IP_UDP, &datagram)?;
            capture.micros += PACKET_INTERVAL_MICROS / u64::from(cameras);
        }
    }
    Ok(())
}

const VIEWER: [u8; 4] = [192, 168, 1, 100];

fn camera_address(camera: u8) -> [u8; 4] {
    [203, 0, 113, 10 + camera]
}

/// The viewer's RTP port for a camera; the camera sends from 1,000 below.
fn rtp_port(camera: u8) -> u16 {
    6_000 + 2 * u16::from(camera)
}

fn rtp_packet(camera: u8, packet: u32) -> Vec<u8> {
    let last_of_picture = packet % PACKETS_PER_PICTURE == PACKETS_PER_PICTURE - 1;
    let marker: u8 = if last_of_picture { 0x80 } else { 0 };
    let mut bytes = vec![0x80, marker + 96];
    bytes.extend((packet as u16).to_be_bytes());
    bytes.extend(
        (packet / PACKETS_PER_PICTURE)
            .wrapping_mul(TICKS_PER_PICTURE)
            .to_be_bytes(),
    );
    bytes.extend([0x5c, 0x0b, 0x30, camera]);
    bytes.resize(bytes.len() + PAYLOAD_LEN, camera);
    bytes
}

fn udp(source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(8 + payload.len());
    bytes.extend(source.to_be_bytes());
    bytes.extend(destination.to_be_bytes());
    bytes.extend((8 + payload.len() as u16).to_be_bytes());
    bytes.extend([0, 0]);
    bytes.extend(payload);
    bytes
}

/// One RTSP connection from its handshake to the answer to PLAY.
struct Dialogue {
    camera: u8,
    viewer_sequence: u32,
    camera_sequence: u32,
}

impl Dialogue {
    fn new(camera: u8) -> Self {
        Self {
            camera,
            viewer_sequence: 1_000,
            camera_sequence: 9_000,
        }
    }

    fn write<W: Write>(mut self, capture: &mut Capture<W>) -> io::Result<()> {
        self.segment(capture, true, TCP_SYN, &[])?;
        self.viewer_sequence += 1;
        self.segment(capture, false, TCP_SYN_ACK, &[])?;
        self.camera_sequence += 1;
        for (request, response) in self.messages() {
            self.segment(capture, true, TCP_PUSH_ACK, request.as_bytes())?;
            self.segment(capture, false, TCP_PUSH_ACK, response.as_bytes())?;
        }
        Ok(())
    }

    fn messages(&self) -> [(String, String); 4] {
        let [a, b, c, d] = camera_address(self.camera);
        let url = format!("rtsp://{a}.{b}.{c}.{d}/video");
        let rtp = rtp_port(self.camera);
        let transport = format!("RTP/AVP;unicast;client_port={rtp}-{}", rtp + 1);
        let server_ports = format!("server_port={}-{}", rtp - 1_000, rtp - 999);
        let sdp = format!(
            "v=0\r\no=- 1 1 IN IP4 {a}.{b}.{c}.{d}\r\ns=video\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n\
             m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:track1\r\n"
        );
        let session = format!("Session: bench{}\r\n", self.camera);
        let answer = |cseq: u8, rest: &str| format!("RTSP/1.0 200 OK\r\nCSeq: {cseq}\r\n{rest}");
        let ask = |method: &str, url: &str, cseq: u8, rest: &str| {
            format!("{method} {url} RTSP/1.0\r\nCSeq: {cseq}\r\n{rest}\r\n")
        };
        let described = format!(
            "Content-Base: {url}/\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}",
            sdp.len()
        );
        [
            (
                ask("OPTIONS", &url, 1, ""),
                answer(1, "Public: DESCRIBE, SETUP, PLAY, TEARDOWN\r\n\r\n"),
            ),
            (
                ask("DESCRIBE", &url, 2, "Accept: application/sdp\r\n"),
                answer(2, &described),
            ),
            (
                ask(
                    "SETUP",
                    &format!("{url}/track1"),
                    3,
                    &format!("Transport: {transport}\r\n"),
                ),
                answer(
                    3,
                    &format!("Transport: {transport};{server_ports}\r\n{session}\r\n"),
                ),
            ),
            (
                ask("PLAY", &url, 4, &session),
                answer(4, &format!("{session}\r\n")),
            ),
        ]
    }

    fn segment<W: Write>(
        &mut self,
        capture: &mut Capture<W>,
        from_viewer: bool,
        flags: u8,
        text: &[u8],
    ) -> io::Result<()> {
        let viewer_port = 40_000 + u16::from(self.camera);
        let camera = camera_address(self.camera);
        let (ports, sequence, acknowledged, addresses) = if from_viewer {
            (
                (viewer_port, 554),
                &mut self.viewer_sequence,
                self.camera_sequence,
                (VIEWER, camera),
            )
        } else {
            (
                (554, viewer_port),
                &mut self.camera_sequence,
                self.viewer_sequence,
                (camera, VIEWER),
            )
        };
        let mut bytes = Vec::with_capacity(20 + text.len());
        bytes.extend(ports.0.to_be_bytes());
        bytes.extend(ports.1.to_be_bytes());
        bytes.extend(sequence.to_be_bytes());
        bytes.extend(if flags == TCP_SYN { 0 } else { acknowledged }.to_be_bytes());
        bytes.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        bytes.extend(text);
        *sequence += text.len() as u32;
        capture.frame(addresses.0, addresses.1, IP_TCP, &bytes)?;
        capture.micros += 500;
        Ok(())
    }
}

/// A pcap file with microseconds and Ethernet frames.
struct Capture<W> {
    output: W,
    frames: u64,
    /// Time of the next frame since the start.
    micros: u64,
}

impl<W: Write> Capture<W> {
    fn new(mut output: W) -> io::Result<Self> {
        let mut header = Vec::with_capacity(24);
        header.extend(0xa1b2_c3d4_u32.to_le_bytes());
        header.extend(2_u16.to_le_bytes());
        header.extend(4_u16.to_le_bytes());
        header.extend([0; 8]);
        header.extend(262_144_u32.to_le_bytes());
        header.extend(1_u32.to_le_bytes());
        output.write_all(&header)?;
        Ok(Self {
            output,
            frames: 0,
            micros: 0,
        })
    }

    fn frame(
        &mut self,
        source: [u8; 4],
        destination: [u8; 4],
        protocol: u8,
        payload: &[u8],
    ) -> io::Result<()> {
        let ip_len = 20 + payload.len() as u16;
        let frame_len = 14 + u32::from(ip_len);
        let seconds = STARTS_AT_SECONDS + self.micros / 1_000_000;
        let mut bytes = Vec::with_capacity(16 + frame_len as usize);
        for word in [
            seconds as u32,
            (self.micros % 1_000_000) as u32,
            frame_len,
            frame_len,
        ] {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend([0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 2, 0x08, 0x00]);
        bytes.extend([0x45, 0]);
        bytes.extend(ip_len.to_be_bytes());
        bytes.extend([0, 0, 0x40, 0, 64, protocol, 0, 0]);
        bytes.extend(source);
        bytes.extend(destination);
        bytes.extend(payload);
        self.frames += 1;
        self.output.write_all(&bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capture_of(cameras: u8, packets: u32) -> (Vec<u8>, u64) {
        let mut capture = Capture::new(Vec::new()).expect("memory takes all");
        write_all(&mut capture, cameras, packets).expect("memory takes all");
        (capture.output, capture.frames)
    }

    #[test]
    fn each_camera_has_a_dialogue_and_its_share_of_the_packets() {
        let (bytes, frames) = capture_of(2, 100);
        let dialogues = 2 * 10;
        let rtp_bytes = 100 * (16 + 14 + 20 + 8 + 12 + PAYLOAD_LEN);
        assert_eq!(frames, dialogues + 100);
        assert!(bytes.len() > 24 + rtp_bytes);
    }

    #[test]
    fn the_same_numbers_give_the_same_bytes() {
        assert_eq!(capture_of(3, 30), capture_of(3, 30));
    }
}
