//! The table of connection tracking, read in one go.

use std::io;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use netlink_sys::Socket;
use netlink_sys::protocols::NETLINK_NETFILTER;
use rtspscope_wire::netfilter::{Entry, Subject, messages};

use super::PACKET_LEN;
use super::request::Request;

/// Longest time that the kernel is waited for at a time, and in all: tables of a million entries take a second.
const PATIENCE: Duration = Duration::from_millis(500);
const PATIENCE_IN_ALL: Duration = Duration::from_secs(3);

/// Hands over each entry, until all were or patience is over.
pub(in crate::live) fn read_table(mut take: impl FnMut(&Entry)) -> io::Result<()> {
    let mut socket = Socket::new(NETLINK_NETFILTER)?;
    socket.bind_auto()?;
    limit_waiting(&socket)?;
    socket.send(&Request::Entries.message(), 0)?;
    let end = Instant::now() + PATIENCE_IN_ALL;
    let mut buffer = Vec::with_capacity(PACKET_LEN);
    while Instant::now() < end {
        buffer.clear();
        socket.recv(&mut buffer, 0)?;
        for message in messages(&buffer) {
            if message.is_done() {
                return Ok(());
            }
            if let Some(number) = message.refusal() {
                return Err(io::Error::from_raw_os_error(number));
            }
            if let Some(Subject::Entry(entry)) = message.event().map(|event| event.subject) {
                take(&entry);
            }
        }
    }
    Ok(())
}

/// Lets a read that waits end.
fn limit_waiting(socket: &Socket) -> io::Result<()> {
    let limit = libc::timeval {
        tv_sec: 0,
        tv_usec: PATIENCE.as_micros() as _,
    };
    // SAFETY: the time lives through the call, and its size is the one that is given.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_RCVTIMEO,
            (&raw const limit).cast(),
            size_of_val(&limit) as libc::socklen_t,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
