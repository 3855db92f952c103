//! Packet sockets (`packet(7)`): a copy of every frame of an interface, with its time, its direction, the tag that the
//! device took out of it, and a count of what did not fit.
//!
//! The channel of pnet hands over the bytes alone, so the socket is ours; decision 15 says more.

mod filter;
mod message;

use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use rtsp_ebpf_common::abi::RecordHeader;
use rtspscope_wire::{LinkType, TapRole};

use super::LiveOptions;
use super::copied::Reader;
use super::error::LiveError;
use super::interfaces::Interface;
use super::promiscuous;
use message::Buffer;

/// Nanosecond times with two C longs on every machine (`SO_TIMESTAMPNS_OLD` in `asm-generic/socket.h`).
const SO_TIMESTAMPNS_OLD: libc::c_int = 35;

/// A packet socket on one interface.
struct Socket {
    descriptor: OwnedFd,
    link_type: LinkType,
    /// Frames that leave the interface are its host's own: a mirror port has none of interest.
    only_incoming: bool,
    buffer: Buffer,
    /// Held, not used: keeps a mirror port promiscuous.
    _promiscuous: Option<OwnedFd>,
}

/// Opens a packet socket with filter, buffer and times.
pub(super) fn open(
    interface: &Interface,
    options: &LiveOptions,
) -> Result<Box<dyn Reader>, LiveError> {
    let is_mirror = interface.role == TapRole::Mirror;
    let failed = LiveError::system("packet socket");
    let descriptor = bound(interface, options).map_err(failed)?;
    let promiscuous = is_mirror.then(|| promiscuous::enable(interface.index));
    Ok(Box::new(Socket {
        descriptor,
        link_type: interface.link_type,
        only_incoming: is_mirror || interface.is_loopback,
        buffer: Buffer::new(),
        _promiscuous: promiscuous.transpose()?,
    }))
}

/// The socket takes nothing until it is bound, and by then its filter is there.
fn bound(interface: &Interface, options: &LiveOptions) -> io::Result<OwnedFd> {
    let is_ethernet = interface.link_type == LinkType::ETHERNET;
    // Without a link header the kernel itself finds where the packet begins.
    let kind = if is_ethernet {
        libc::SOCK_RAW
    } else {
        libc::SOCK_DGRAM
    };
    let socket = unbound(kind)?;
    filter::attach(&socket, is_ethernet, &options.rtsp_ports)?;
    set(&socket, libc::SOL_PACKET, libc::PACKET_AUXDATA, &1)?;
    set(&socket, libc::SOL_SOCKET, SO_TIMESTAMPNS_OLD, &1)?;
    let room = libc::c_int::try_from(options.room_bytes()).unwrap_or(libc::c_int::MAX);
    if set(&socket, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, &room).is_err() {
        // Without CAP_NET_ADMIN the system's limit (net.core.rmem_max) holds.
        set(&socket, libc::SOL_SOCKET, libc::SO_RCVBUF, &room)?;
    }
    bind(&socket, interface.index)?;
    Ok(socket)
}

fn unbound(kind: libc::c_int) -> io::Result<OwnedFd> {
    // SAFETY: no memory is passed.
    let socket = unsafe { libc::socket(libc::AF_PACKET, kind | libc::SOCK_CLOEXEC, 0) };
    if socket < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: just opened, and owned by nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(socket) })
}

/// Whether this process may have packet sockets, by opening one that takes nothing.
pub(super) fn try_open() -> io::Result<()> {
    unbound(libc::SOCK_RAW).map(drop)
}

fn bind(socket: &OwnedFd, ifindex: u32) -> io::Result<()> {
    // SAFETY: all zeros are a valid address.
    let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
    address.sll_ifindex = ifindex.cast_signed();
    // SAFETY: the address lives through the call and has the length that is named.
    let result = unsafe {
        libc::bind(
            socket.as_raw_fd(),
            (&raw const address).cast(),
            size_of::<libc::sockaddr_ll>() as libc::socklen_t,
        )
    };
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

/// Sets an option that is a number.
fn set(
    socket: &OwnedFd,
    level: libc::c_int,
    option: libc::c_int,
    value: &libc::c_int,
) -> io::Result<()> {
    // SAFETY: the value lives through the call and has the length that is named.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            std::ptr::from_ref(value).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

impl Reader for Socket {
    fn read(
        &mut self,
        most: usize,
        take: &mut dyn FnMut(RecordHeader, &[u8]),
    ) -> io::Result<usize> {
        for count in 0..most {
            match self.buffer.receive(&self.descriptor) {
                Ok(frame) if self.only_incoming && frame.is_outgoing() => {}
                Ok(frame) => take(frame.header, frame.bytes),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(most)
    }

    fn newly_dropped(&mut self) -> u64 {
        // SAFETY: all zeros are a valid answer.
        let mut told: libc::tpacket_stats = unsafe { std::mem::zeroed() };
        let mut len = size_of::<libc::tpacket_stats>() as libc::socklen_t;
        // SAFETY: both live through the call, and the length is that of the structure.
        let result = unsafe {
            libc::getsockopt(
                self.descriptor.as_raw_fd(),
                libc::SOL_PACKET,
                libc::PACKET_STATISTICS,
                (&raw mut told).cast(),
                &raw mut len,
            )
        };
        // The kernel begins to count anew with each answer.
        if result < 0 { 0 } else { told.tp_drops.into() }
    }

    fn link_type(&self) -> LinkType {
        self.link_type
    }
}
