//! The clsact qdisc that TC programs need before TCX: made where it is lacking, removed again if it is still ours alone.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use aya::programs::tc::{self, TcError};

use super::error::LiveError;
use super::interfaces::Interface;

/// Handle and parent of the qdisc and of its two hooks (`linux/pkt_sched.h`).
const CLSACT: u32 = 0xffff_fff1;
const HOOKS: [u32; 2] = [0xffff_fff2, 0xffff_fff3];

/// Length of a netlink header and of the `tcmsg` behind it.
const HEADER_LEN: usize = 16;
const MESSAGE_LEN: usize = HEADER_LEN + 20;

/// The qdisc of one interface.
#[derive(Debug)]
pub(super) struct Qdisc {
    ifindex: u32,
    /// It was not there before.
    made: bool,
}

impl Qdisc {
    /// Makes the qdisc unless it is there.
    pub(super) fn ensure(interface: &Interface) -> Result<Self, LiveError> {
        let made = match tc::qdisc_add_clsact(&interface.name) {
            Ok(()) => true,
            Err(error) if code(&error) == Some(libc::EEXIST) => false,
            Err(error) => return Err(refused(interface, &error)),
        };
        Ok(Self {
            ifindex: interface.index,
            made,
        })
    }
}

impl Drop for Qdisc {
    fn drop(&mut self) {
        if self.made && has_filters(self.ifindex).is_ok_and(|has| !has) {
            // An empty qdisc that could not be removed does nothing.
            let _removed = remove(self.ifindex);
        }
    }
}

fn code(error: &TcError) -> Option<i32> {
    if let TcError::NetlinkError(error) = error {
        error.raw_os_error()
    } else {
        None
    }
}

fn refused(interface: &Interface, error: &TcError) -> LiveError {
    let (what, remedy) = match code(error) {
        Some(libc::ENOENT | libc::EOPNOTSUPP) => (
            "the kernel has no clsact qdisc (sch_ingress)".to_owned(),
            "load the module sch_ingress (OpenWrt: apk add kmod-sched-core)",
        ),
        _ => (
            format!("cannot add a clsact qdisc: {error}"),
            "remove what holds the ingress hook (tc qdisc show)",
        ),
    };
    LiveError::Kernel {
        subject: interface.name.clone(),
        what,
        remedy,
    }
}

fn remove(ifindex: u32) -> io::Result<()> {
    let flags = (libc::NLM_F_REQUEST | libc::NLM_F_ACK) as u16;
    exchange(
        libc::RTM_DELQDISC,
        flags,
        ifindex,
        0xffff_0000,
        CLSACT,
        |_| {},
    )
}

pub(super) fn has_filters(ifindex: u32) -> io::Result<bool> {
    let flags = (libc::NLM_F_REQUEST | libc::NLM_F_DUMP) as u16;
    let mut found = false;
    for hook in HOOKS {
        exchange(libc::RTM_GETTFILTER, flags, ifindex, 0, hook, |kind| {
            found |= kind == libc::RTM_NEWTFILTER;
        })?;
    }
    Ok(found)
}

/// Sends one request about a qdisc and looks at the kinds of the answers up to the last.
fn exchange(
    kind: u16,
    flags: u16,
    ifindex: u32,
    handle: u32,
    parent: u32,
    mut on_answer: impl FnMut(u16),
) -> io::Result<()> {
    let socket = open()?;
    let mut request = Vec::with_capacity(MESSAGE_LEN);
    request.extend((MESSAGE_LEN as u32).to_ne_bytes());
    request.extend(kind.to_ne_bytes());
    request.extend(flags.to_ne_bytes());
    // Sequence number and port of the sender.
    request.extend([0; 8]);
    // Family and padding.
    request.extend([0; 4]);
    for word in [ifindex, handle, parent, 0] {
        request.extend(word.to_ne_bytes());
    }
    // SAFETY: the request lives through the call.
    let sent = unsafe {
        libc::send(
            socket.as_raw_fd(),
            request.as_ptr().cast(),
            request.len(),
            0,
        )
    };
    if sent < 0 {
        return Err(io::Error::last_os_error());
    }
    let mut buffer = vec![0_u8; 32 << 10];
    loop {
        // SAFETY: the buffer lives through the call and has the length that is named.
        let received = unsafe {
            libc::recv(
                socket.as_raw_fd(),
                buffer.as_mut_ptr().cast(),
                buffer.len(),
                0,
            )
        };
        let received = usize::try_from(received).map_err(|_| io::Error::last_os_error())?;
        if let Some(end) = read_answers(&buffer[..received], &mut on_answer) {
            return end;
        }
    }
}

/// Walks over the messages of one datagram; the result of the request once its last message came.
fn read_answers(mut rest: &[u8], on_answer: &mut impl FnMut(u16)) -> Option<io::Result<()>> {
    while let Some((header, _)) = rest.split_at_checked(HEADER_LEN) {
        let len = u32::from_ne_bytes([header[0], header[1], header[2], header[3]]) as usize;
        let kind = u16::from_ne_bytes([header[4], header[5]]);
        let message = rest
            .get(..len)
            .filter(|message| message.len() >= HEADER_LEN)?;
        match i32::from(kind) {
            libc::NLMSG_DONE => return Some(Ok(())),
            libc::NLMSG_ERROR => return Some(read_error(message)),
            _ => on_answer(kind),
        }
        rest = rest.get(len.next_multiple_of(4)..).unwrap_or_default();
    }
    None
}

fn read_error(message: &[u8]) -> io::Result<()> {
    let code: Option<&[u8; 4]> = message.get(HEADER_LEN..).and_then(<[u8]>::first_chunk);
    match code.map(|code| i32::from_ne_bytes(*code)) {
        Some(0) => Ok(()),
        Some(code) => Err(io::Error::from_raw_os_error(code.saturating_neg())),
        None => Err(io::ErrorKind::InvalidData.into()),
    }
}

fn open() -> io::Result<OwnedFd> {
    // SAFETY: no memory is passed.
    let socket = unsafe {
        libc::socket(
            libc::AF_NETLINK,
            libc::SOCK_RAW | libc::SOCK_CLOEXEC,
            libc::NETLINK_ROUTE,
        )
    };
    if socket < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: just opened, and owned by nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(socket) })
}
