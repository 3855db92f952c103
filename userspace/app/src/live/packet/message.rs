//! One frame out of a packet socket, with what the kernel says beside it (`recvmsg(2)`, `packet(7)`).

use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd, OwnedFd};

use rtsp_ebpf_common::abi::{CONTROL_MAX, Direction, Reason, RecordHeader};

use super::SO_TIMESTAMPNS_OLD;

/// Room for the time, the auxiliary data and their headers, in words of eight bytes.
const CONTROL_WORDS: usize = 32;

/// `EtherType` of a VLAN tag where an old kernel does not tell it (IEEE 802.1Q).
const ETHERTYPE_VLAN: u16 = 0x8100;

/// Where a frame and what is said of it are put.
pub(super) struct Buffer {
    frame: Box<[u8]>,
    control: [u64; CONTROL_WORDS],
}

/// A frame that was received.
pub(super) struct Frame<'a> {
    /// Time of the real clock, lengths, direction and tag; the interface is not filled in.
    pub(super) header: RecordHeader,
    pub(super) bytes: &'a [u8],
}

impl Frame<'_> {
    /// Whether the frame left the interface.
    pub(super) fn is_outgoing(&self) -> bool {
        self.header.direction == Direction::Egress as u8
    }
}

impl Buffer {
    pub(super) fn new() -> Self {
        Self {
            frame: vec![0; CONTROL_MAX].into_boxed_slice(),
            control: [0; CONTROL_WORDS],
        }
    }

    /// Takes the next frame; [`io::ErrorKind::WouldBlock`] where none waits.
    pub(super) fn receive(&mut self, socket: &OwnedFd) -> io::Result<Frame<'_>> {
        // SAFETY: all zeros are a valid address and a valid message.
        let (mut from, mut message): (libc::sockaddr_ll, libc::msghdr) =
            unsafe { (std::mem::zeroed(), std::mem::zeroed()) };
        let mut part = libc::iovec {
            iov_base: self.frame.as_mut_ptr().cast(),
            iov_len: self.frame.len(),
        };
        message.msg_name = (&raw mut from).cast();
        message.msg_namelen = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
        message.msg_iov = &raw mut part;
        message.msg_iovlen = 1;
        message.msg_control = self.control.as_mut_ptr().cast();
        message.msg_controllen = size_of_val(&self.control) as _;
        // SAFETY: everything that the message points to lives through the call and has the lengths that it names.
        let received =
            unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, libc::MSG_DONTWAIT) };
        let captured = usize::try_from(received).map_err(|_| io::Error::last_os_error())?;
        let bytes = self.frame.get(..captured).unwrap_or_default();
        let direction = if from.sll_pkttype == libc::PACKET_OUTGOING {
            Direction::Egress
        } else {
            Direction::Ingress
        };
        let mut header = RecordHeader {
            at_ns: 0,
            ifindex: 0,
            original_len: captured as u32,
            captured_len: captured as u32,
            gso_size: 0,
            report_at: 0,
            vlan_protocol: 0,
            vlan_tci: 0,
            direction: direction as u8,
            reason: Reason::Control as u8,
            walk: 0,
            pad: 0,
        };
        read_control(&message, &mut header);
        Ok(Frame { header, bytes })
    }
}

/// Takes over what the kernel said beside the frame.
fn read_control(message: &libc::msghdr, header: &mut RecordHeader) {
    // SAFETY: recvmsg has filled in the control buffer, which still lives.
    let mut next = unsafe { libc::CMSG_FIRSTHDR(message) };
    while !next.is_null() {
        // SAFETY: the kernel wrote a whole header here, as the macros check against the buffer's length.
        let control = unsafe { *next };
        match (control.cmsg_level, control.cmsg_type) {
            (libc::SOL_SOCKET, SO_TIMESTAMPNS_OLD) => {
                // SAFETY: the kernel wrote two longs behind this header (`struct __kernel_old_timespec`).
                let [seconds, nanos] = unsafe {
                    libc::CMSG_DATA(next)
                        .cast::<[libc::c_long; 2]>()
                        .read_unaligned()
                };
                header.at_ns = nanoseconds(seconds, nanos);
            }
            (libc::SOL_PACKET, libc::PACKET_AUXDATA) => {
                // SAFETY: the kernel wrote this structure behind this header.
                let told = unsafe {
                    libc::CMSG_DATA(next)
                        .cast::<libc::tpacket_auxdata>()
                        .read_unaligned()
                };
                read_auxdata(&told, header);
            }
            _ => {}
        }
        // SAFETY: as above.
        next = unsafe { libc::CMSG_NXTHDR(message, next) };
    }
}

#[allow(
    clippy::useless_conversion,
    reason = "the numbers are narrower on 32-bit machines"
)]
fn nanoseconds(seconds: libc::c_long, nanos: libc::c_long) -> u64 {
    let nanos = i64::from(seconds)
        .saturating_mul(1_000_000_000)
        .saturating_add(i64::from(nanos));
    nanos.max(0).cast_unsigned()
}

fn read_auxdata(told: &libc::tpacket_auxdata, header: &mut RecordHeader) {
    header.original_len = told.tp_len;
    if told.tp_status & libc::TP_STATUS_VLAN_VALID != 0 {
        header.vlan_tci = told.tp_vlan_tci;
        let tells = told.tp_status & libc::TP_STATUS_VLAN_TPID_VALID != 0;
        header.vlan_protocol = if tells {
            told.tp_vlan_tpid
        } else {
            ETHERTYPE_VLAN
        };
    }
}
