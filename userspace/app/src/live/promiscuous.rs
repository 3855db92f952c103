//! Makes a mirror port take frames that are addressed to others, as long as the returned socket lives.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use super::error::LiveError;

/// Switches promiscuous mode on; the kernel counts who wants it, so others' wish is not undone when this one ends.
pub(super) fn enable(ifindex: u32) -> Result<OwnedFd, LiveError> {
    join(ifindex).map_err(LiveError::system("promiscuous mode"))
}

fn join(ifindex: u32) -> io::Result<OwnedFd> {
    // SAFETY: no memory is passed. Protocol 0 receives nothing.
    let socket = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
    if socket < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: just opened, and owned by nobody else.
    let socket = unsafe { OwnedFd::from_raw_fd(socket) };
    let request = libc::packet_mreq {
        mr_ifindex: ifindex.cast_signed(),
        mr_type: libc::PACKET_MR_PROMISC as u16,
        mr_alen: 0,
        mr_address: [0; 8],
    };
    // SAFETY: the request lives through the call and has the length that is named.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_ADD_MEMBERSHIP,
            (&raw const request).cast(),
            size_of_val(&request) as libc::socklen_t,
        )
    };
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(socket)
    }
}
