//! The camera's media: RTP at a steady pace with a sender report now and then.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Time between two packets of a medium.
const PACE: Duration = Duration::from_millis(20);

/// Packets between two sender reports.
const PER_REPORT: u32 = 10;

/// Ticks of the media clock in a packet's time; the same for every medium, since nobody decodes them.
const TICKS: u32 = 1800;

/// Packets from one keyframe to the next; a packet is a picture.
const PER_KEYFRAME: u32 = 25;

/// First payload bytes of a slice of a keyframe and of another picture (H.264 table 7-1).
const KEYFRAME: u8 = 0x65;
const OTHER_PICTURE: u8 = 0x41;

/// How media flow.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manner {
    /// No packet from the first to the second of these times after PLAY.
    pub(super) pause: Option<[Duration; 2]>,
    /// No RTP from this time after PLAY on; reports go on.
    pub(super) stop: Option<Duration>,
    /// Payload bytes of even and odd packets.
    pub(super) sizes: [usize; 2],
    /// No keyframes.
    pub(super) keyless: bool,
    /// From the packet of this number on, frames inside the connection tell a length that is one too short.
    pub(super) broken_from: Option<u32>,
}

impl Default for Manner {
    fn default() -> Self {
        Self {
            pause: None,
            stop: None,
            sizes: [400, 400],
            keyless: false,
            broken_from: None,
        }
    }
}

/// One medium that was set up.
#[derive(Debug)]
pub(super) struct Flow {
    way: Way,
    payload_type: u8,
}

/// How a medium reaches the client.
#[derive(Debug)]
enum Way {
    Datagrams {
        rtp: UdpSocket,
        rtcp: UdpSocket,
        to: [SocketAddr; 2],
    },
    Inside {
        stream: Arc<Mutex<TcpStream>>,
        channels: [u8; 2],
    },
}

impl Flow {
    /// Takes the ports `from` and the next one, for media to `to` and the next one, or to a group.
    pub(super) fn open(from: SocketAddr, to: SocketAddr, payload_type: u8) -> io::Result<Self> {
        let next = |at: SocketAddr| SocketAddr::new(at.ip(), at.port().wrapping_add(1));
        let bind = |at: SocketAddr| {
            let socket = UdpSocket::bind(at)?;
            socket.set_multicast_ttl_v4(8)?;
            Ok::<_, io::Error>(socket)
        };
        let way = Way::Datagrams {
            rtp: bind(from)?,
            rtcp: bind(next(from))?,
            to: [to, next(to)],
        };
        Ok(Self { way, payload_type })
    }

    /// Media inside the connection.
    pub(super) const fn inside(
        stream: Arc<Mutex<TcpStream>>,
        channels: [u8; 2],
        payload_type: u8,
    ) -> Self {
        Self {
            way: Way::Inside { stream, channels },
            payload_type,
        }
    }

    /// Sends on the RTP or RTCP channel. A player that has gone answers with an error, which is no reason to stop.
    fn send(&self, packet: &[u8], is_rtcp: bool, shorter_by: u16) {
        match &self.way {
            Way::Datagrams { rtp, rtcp, to } => {
                let (socket, to) = if is_rtcp { (rtcp, to[1]) } else { (rtp, to[0]) };
                let _ = socket.send_to(packet, to);
            }
            Way::Inside { stream, channels } => {
                let len = (packet.len() as u16).wrapping_sub(shorter_by);
                let channel = channels[usize::from(is_rtcp)];
                let frame = [&[b'$', channel][..], &len.to_be_bytes(), packet].concat();
                if let Ok(mut stream) = stream.lock() {
                    let _ = stream.write_all(&frame);
                }
            }
        }
    }

    /// An RTP packet (RFC 3550 §5.1).
    fn send_rtp(&self, number: u32, manner: Manner) {
        let is_key = !manner.keyless && number.is_multiple_of(PER_KEYFRAME);
        let len = manner.sizes[(number % 2) as usize];
        let mut packet = vec![0x80, self.payload_type];
        packet.extend((number as u16).to_be_bytes());
        packet.extend(number.wrapping_mul(TICKS).to_be_bytes());
        packet.extend(self.ssrc());
        let end = packet.len() + len;
        packet.push(if is_key { KEYFRAME } else { OTHER_PICTURE });
        packet.resize(end, 0x5A);
        let is_broken = manner.broken_from.is_some_and(|from| number >= from);
        self.send(&packet, false, u16::from(is_broken));
    }

    /// A sender report without report blocks (RFC 3550 §6.4.1), of so many packets.
    fn send_report(&self, number: u32, sent: u32) {
        let mut packet = vec![0x80, 200, 0, 6];
        packet.extend(self.ssrc());
        packet.extend([0; 8]);
        packet.extend(number.wrapping_mul(TICKS).to_be_bytes());
        packet.extend(sent.to_be_bytes());
        packet.extend([0; 4]);
        self.send(&packet, true, 0);
    }

    fn ssrc(&self) -> [u8; 4] {
        [0x1A, 0xB0, 0, self.payload_type]
    }
}

/// Media that flow until this is dropped.
#[derive(Debug)]
pub(super) struct Running {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    /// Starts to send.
    pub(super) fn start(flows: Vec<Flow>, manner: Manner) -> Self {
        let (stop, stopped) = mpsc::channel();
        let thread = thread::spawn(move || {
            let (began, mut number, mut sent) = (Instant::now(), 0, 0);
            while stopped.recv_timeout(PACE) == Err(RecvTimeoutError::Timeout) {
                send(&flows, manner, began.elapsed(), [&mut number, &mut sent]);
            }
        });
        Self {
            stop: Some(stop),
            thread: Some(thread),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // Only a panic of the thread makes this fail, and that was printed.
            let _ = thread.join();
        }
    }
}

/// Sends what is due at a time after PLAY.
fn send(flows: &[Flow], manner: Manner, now: Duration, [number, sent]: [&mut u32; 2]) {
    if manner
        .pause
        .is_some_and(|[from, to]| (from..to).contains(&now))
    {
        return;
    }
    let stopped = manner.stop.is_some_and(|stop| now >= stop);
    for flow in flows {
        if !stopped {
            flow.send_rtp(*number, manner);
        }
        if number.is_multiple_of(PER_REPORT) {
            flow.send_report(*number, *sent);
        }
    }
    *number += 1;
    *sent += u32::from(!stopped);
}
