//! The camera's media: RTP at a steady pace with a sender report now and then.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Time between two packets of a medium.
const PACE: Duration = Duration::from_millis(20);

/// Packets between two sender reports.
const PER_REPORT: u32 = 10;

/// Ticks of the media clock in a packet's time; the same for every medium, since nobody decodes them.
const TICKS: u32 = 1800;

/// How media flow.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manner {
    /// No packet from the first to the second of these times after PLAY.
    pub(super) pause: Option<[Duration; 2]>,
    /// No RTP from this time after PLAY on; reports go on.
    pub(super) stop: Option<Duration>,
    /// Payload bytes of even and odd packets.
    pub(super) sizes: [usize; 2],
}

impl Default for Manner {
    fn default() -> Self {
        Self {
            pause: None,
            stop: None,
            sizes: [400, 400],
        }
    }
}

/// One medium that was set up.
#[derive(Debug)]
pub(super) struct Flow {
    rtp: UdpSocket,
    rtcp: UdpSocket,
    to: [SocketAddr; 2],
    payload_type: u8,
}

impl Flow {
    /// Takes the ports `from` and the next one, for media to `to` and the next one.
    pub(super) fn open(from: SocketAddr, to: SocketAddr, payload_type: u8) -> io::Result<Self> {
        let next = |at: SocketAddr| SocketAddr::new(at.ip(), at.port().wrapping_add(1));
        Ok(Self {
            rtp: UdpSocket::bind(from)?,
            rtcp: UdpSocket::bind(next(from))?,
            to: [to, next(to)],
            payload_type,
        })
    }

    /// An RTP packet (RFC 3550 §5.1).
    fn send_rtp(&self, number: u32, len: usize) {
        let mut packet = vec![0x80, self.payload_type];
        packet.extend((number as u16).to_be_bytes());
        packet.extend(number.wrapping_mul(TICKS).to_be_bytes());
        packet.extend(self.ssrc());
        packet.resize(packet.len() + len, 0x5A);
        // A player that has gone answers with an ICMP error, which is no reason to stop.
        let _ = self.rtp.send_to(&packet, self.to[0]);
    }

    /// A sender report without report blocks (RFC 3550 §6.4.1).
    fn send_report(&self, number: u32) {
        let mut packet = vec![0x80, 200, 0, 6];
        packet.extend(self.ssrc());
        packet.extend([0; 8]);
        packet.extend(number.wrapping_mul(TICKS).to_be_bytes());
        packet.extend(number.to_be_bytes());
        packet.extend([0; 4]);
        let _ = self.rtcp.send_to(&packet, self.to[1]);
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
            let (began, mut number) = (Instant::now(), 0);
            while stopped.recv_timeout(PACE) == Err(RecvTimeoutError::Timeout) {
                send(&flows, manner, began.elapsed(), &mut number);
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
fn send(flows: &[Flow], manner: Manner, now: Duration, number: &mut u32) {
    if manner
        .pause
        .is_some_and(|[from, to]| (from..to).contains(&now))
    {
        return;
    }
    let stopped = manner.stop.is_some_and(|stop| now >= stop);
    let len = manner.sizes[(*number % 2) as usize];
    for flow in flows {
        if !stopped {
            flow.send_rtp(*number, len);
        }
        if number.is_multiple_of(PER_REPORT) {
            flow.send_report(*number);
        }
    }
    *number += 1;
}
