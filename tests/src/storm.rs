//! Captures with more of something than the program has room for: text, flows, connections.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::Path;

use etherparse::PacketBuilder;

/// Port of the cameras; it is on no list.
const RTSP_PORT: u16 = 5544;

const MACS: [[u8; 6]; 2] = [[2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]];

/// Frames for the wire, in order.
#[derive(Debug, Default)]
pub struct Storm {
    frames: Vec<Vec<u8>>,
}

/// The `number`th camera.
fn camera(number: u16) -> Ipv4Addr {
    let [high, low] = number.to_be_bytes();
    Ipv4Addr::new(10, 9, high, low)
}

/// The `number`th player.
fn player(number: u16) -> Ipv4Addr {
    let [high, low] = number.to_be_bytes();
    Ipv4Addr::new(10, 8, high, low)
}

impl Storm {
    /// So many requests of one connection between the camera and the player of a number, one in each frame.
    pub fn text(&mut self, number: u16, requests: u32) -> io::Result<()> {
        let from = SocketAddrV4::new(player(number), 40_000);
        let mut seq = 1;
        for cseq in 1..=requests {
            let text = format!(
                "OPTIONS rtsp://camera/ RTSP/1.0\r\nCSeq: {cseq}\r\nUser-Agent: storm\r\n\r\n"
            );
            let (to, source) = (camera(number), from.ip().octets());
            let builder = PacketBuilder::ethernet2(MACS[0], MACS[1])
                .ipv4(source, to.octets(), 64)
                .tcp(from.port(), RTSP_PORT, seq, 64_240)
                .psh()
                .ack(1);
            let mut frame = Vec::with_capacity(builder.size(text.len()));
            let written = builder.write(&mut frame, text.as_bytes());
            written.map_err(io::Error::other)?;
            self.frames.push(frame);
            seq = seq.wrapping_add(text.len() as u32);
        }
        Ok(())
    }

    /// So many flows of RTP from the camera of a number to its player, `each` packets of each, one flow after the other.
    pub fn flows(&mut self, number: u16, flows: u16, each: u16) -> io::Result<()> {
        let (from, to) = (camera(number).octets(), player(number).octets());
        for flow in 0..flows {
            for sequence in 0..each {
                let mut rtp = vec![0x80, 96];
                rtp.extend(sequence.to_be_bytes());
                rtp.extend([0, 0, 0, 0]);
                rtp.extend(u32::from(flow).to_be_bytes());
                rtp.extend([0; 20]);
                let builder = PacketBuilder::ethernet2(MACS[0], MACS[1])
                    .ipv4(from, to, 64)
                    .udp(6_970, 10_000 + flow);
                let mut frame = Vec::with_capacity(builder.size(rtp.len()));
                let written = builder.write(&mut frame, &rtp);
                written.map_err(io::Error::other)?;
                self.frames.push(frame);
            }
        }
        Ok(())
    }

    /// Writes the frames as a classic capture; how many there are.
    pub fn write(&self, path: &Path) -> io::Result<u64> {
        let mut file = Vec::new();
        file.extend(0xa1b2_c3d4_u32.to_le_bytes());
        file.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        file.extend(262_144_u32.to_le_bytes());
        file.extend(1_u32.to_le_bytes());
        for frame in &self.frames {
            let len = (frame.len() as u32).to_le_bytes();
            file.extend([[0; 4], [0; 4], len, len].concat());
            file.extend(frame);
        }
        fs::write(path, file)?;
        Ok(self.frames.len() as u64)
    }
}
