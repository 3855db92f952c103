//! Datagrams as fast as the kernel takes them.

use std::io;
use std::mem::zeroed;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::thread;
use std::time::{Duration, Instant};

/// Datagrams that one call hands to the kernel.
const BATCH: usize = 64;

/// Payload of a datagram that nobody is interested in, in bytes: short ones cost a router most.
const SHORT: usize = 64;

/// Bytes of RTP payload in a datagram.
const MEDIA_LEN: usize = 1200;

/// Length of an RTP header without sources or extension (RFC 3550 §5.1).
const RTP_LEN: usize = 12;

/// One stream of RTP on its way out.
#[derive(Debug)]
pub(super) struct Stream {
    socket: UdpSocket,
    ssrc: u32,
    /// Datagrams that the kernel took.
    pub(super) sent: u64,
    packets: Vec<Vec<u8>>,
}

impl Stream {
    /// A stream over a connected socket.
    pub(super) fn new(socket: UdpSocket, ssrc: u32) -> Self {
        Self {
            socket,
            ssrc,
            sent: 0,
            packets: vec![vec![0; RTP_LEN + MEDIA_LEN]; BATCH],
        }
    }

    /// Sends a batch; what the kernel does not take is not numbered.
    pub(super) fn send_batch(&mut self) -> io::Result<()> {
        for (packet, number) in self.packets.iter_mut().zip(self.sent..) {
            packet[..2].copy_from_slice(&[0x80, 96]);
            packet[2..4].copy_from_slice(&(number as u16).to_be_bytes());
            packet[4..8].copy_from_slice(&((number as u32).wrapping_mul(90)).to_be_bytes());
            packet[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
        }
        self.sent += send_all(&self.socket, &self.packets)?;
        Ok(())
    }
}

/// Sends datagrams of no interest for so long and prints how many.
pub(super) fn blast(to: &str, millis: u64) -> io::Result<()> {
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    socket.connect(to)?;
    let packets = vec![vec![b'x'; SHORT]; BATCH];
    let stopwatch = Stopwatch::start(millis);
    let mut sent = 0;
    while stopwatch.is_running() {
        sent += send_all(&socket, &packets)?;
    }
    stopwatch.print(sent);
    Ok(())
}

/// Time of a flood: on the wall, to end it, and of the sender's processor, which runs the path of its packets up to the
/// receiver too. The latter does not depend on who else wants the machine.
#[derive(Debug)]
pub(super) struct Stopwatch {
    start: Instant,
    limit: Duration,
    busy: Duration,
}

impl Stopwatch {
    /// Starts it for so many milliseconds.
    pub(super) fn start(millis: u64) -> Self {
        Self {
            start: Instant::now(),
            limit: Duration::from_millis(millis),
            busy: processor_time(),
        }
    }

    /// Whether the time is not over.
    pub(super) fn is_running(&self) -> bool {
        self.start.elapsed() < self.limit
    }

    /// Prints what was sent and in which time, for the one who started this.
    #[allow(clippy::print_stdout, reason = "it is the output of the program")]
    pub(super) fn print(&self, sent: u64) {
        let busy = processor_time().saturating_sub(self.busy);
        println!(
            r#"{{"sent":{sent},"seconds":{},"busy_seconds":{}}}"#,
            self.start.elapsed().as_secs_f64(),
            busy.as_secs_f64()
        );
    }
}

/// Processor time of this process.
fn processor_time() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the structure lives through the call; the clock exists on every Linux.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
    Duration::new(
        time.tv_sec.unsigned_abs(),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}

/// Takes datagrams and reads none: their end of the way, without an ICMP error for each.
pub(super) fn sink(address: &str) -> io::Result<()> {
    let _socket = UdpSocket::bind(address)?;
    loop {
        thread::park();
    }
}

/// Hands datagrams to the kernel in one call; how many it took.
fn send_all(socket: &UdpSocket, packets: &[Vec<u8>]) -> io::Result<u64> {
    let mut pieces: Vec<libc::iovec> = packets
        .iter()
        .map(|packet| libc::iovec {
            iov_base: packet.as_ptr().cast_mut().cast(),
            iov_len: packet.len(),
        })
        .collect();
    let mut messages: Vec<libc::mmsghdr> = pieces
        .iter_mut()
        .map(|piece| {
            // SAFETY: all zeros are a valid header.
            let mut message: libc::mmsghdr = unsafe { zeroed() };
            message.msg_hdr.msg_iov = piece;
            message.msg_hdr.msg_iovlen = 1;
            message
        })
        .collect();
    // SAFETY: headers, pieces and packets live through the call.
    let sent = unsafe {
        libc::sendmmsg(
            socket.as_raw_fd(),
            messages.as_mut_ptr(),
            messages.len() as libc::c_uint,
            0,
        )
    };
    match u64::try_from(sent) {
        Ok(sent) => Ok(sent),
        Err(_) => match io::Error::last_os_error() {
            error if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            error => Err(error),
        },
    }
}
