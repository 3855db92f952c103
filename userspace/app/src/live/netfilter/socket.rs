//! The socket: what is subscribed to, and what to say where that does not work.

use std::io;
use std::os::fd::AsRawFd;

use netlink_sys::Socket;
use netlink_sys::protocols::NETLINK_NETFILTER;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Groups of `linux/netfilter/nfnetlink_compat.h`: entries new, updated, destroyed; expectations new, destroyed.
const GROUPS: [u32; 5] = [1, 2, 3, 4, 6];

/// The group of changes of nftables.
const RULES: u32 = 7;

/// Bytes of events that the kernel keeps for this socket; a burst of ten thousand connections.
const BUFFER_LEN: libc::c_int = 4 << 20;

/// A socket that is told of all changes, where it is asked for of those of nftables too: to ask where there is no nftables
/// would load it.
pub(super) fn subscribe(rules: bool) -> io::Result<Option<AsyncFd<Socket>>> {
    let mut socket = Socket::new(NETLINK_NETFILTER)?;
    socket.bind_auto()?;
    socket.set_non_blocking(true)?;
    widen(&socket);
    for group in GROUPS.into_iter().chain(rules.then_some(RULES)) {
        socket.add_membership(group)?;
    }
    // SAFETY: the socket owns its descriptor, and nobody puts another in its place while it is watched.
    let watched = unsafe { AsyncFd::register_with_interest(socket, Interest::READABLE) };
    Ok(Some(watched?))
}

/// Makes room for a burst, beyond what other sockets may have. Where that fails events are lost sooner, and the loss is
/// told.
fn widen(socket: &Socket) {
    let len = BUFFER_LEN;
    // SAFETY: the number lives through the call, and its size is the one that is given.
    unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_RCVBUFFORCE,
            (&raw const len).cast(),
            size_of_val(&len) as libc::socklen_t,
        );
    }
}

/// Why the router's table takes no part, and what to do about it.
pub(super) fn unable(error: &io::Error) -> String {
    let what = match error.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => {
            "missing permission: CAP_NET_ADMIN: run it as root, or give the program that capability".to_owned()
        }
        Some(libc::EPROTONOSUPPORT | libc::EINVAL | libc::EOPNOTSUPP | libc::ENOENT) => {
            "the kernel has no netlink for connection tracking: modprobe nf_conntrack_netlink, or OpenWrt's \
             kmod-nf-conntrack-netlink"
                .to_owned()
        }
        _ => error.to_string(),
    };
    format!("the router's own table is not listened to: {what}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_permission_is_one_line_that_names_it() {
        let error = io::Error::from_raw_os_error(libc::EPERM);
        assert_eq!(
            unable(&error),
            "the router's own table is not listened to: missing permission: CAP_NET_ADMIN: run it as root, or give the program that capability"
        );
    }
}
