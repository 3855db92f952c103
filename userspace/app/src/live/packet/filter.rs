//! The filter that the kernel runs in front of a packet socket (classic BPF, `bpf(4)`; `linux/filter.h`).
//!
//! A classic filter remembers nothing, so it cannot tell which connection speaks RTSP. What it can tell is what never
//! matters: everything that is not IP, and the bulk of most networks, which runs on two ports.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

/// Ports that carry the bulk of most networks' traffic, in TCP and as QUIC, and no RTSP: SSH and HTTPS.
const BULK: [u16; 2] = [22, 443];

/// Length of an Ethernet header, and where its type is.
const ETHERNET_LEN: u32 = 14;
const ETHERTYPE_AT: u32 = 12;

/// `EtherType`s.
const IPV4: u32 = 0x0800;
const IPV6: u32 = 0x86dd;
/// Tags that stand in the frame, and `PPPoE`: what is behind them is for user space.
const WRAPPED: [u32; 5] = [0x8100, 0x88a8, 0x9100, 0x9200, 0x8864];
/// Largest value of the type that is an 802.3 length.
const MAX_802_3_LEN: u32 = 1500;

const TCP: u32 = 6;
const UDP: u32 = 17;
/// FIN, SYN and RST in the TCP flags (RFC 9293 §3.1).
const OPENS_OR_ENDS: u32 = 0x07;
/// Offset of a fragment in IPv4's flags and offset.
const FRAGMENT_OFFSET: u32 = 0x1fff;

/// Where a comparison goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum To {
    Next,
    Accept,
    Drop,
    Mark(Mark),
}

/// Places in the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    V4,
    V6,
    PortsV4,
    PortsV6,
    FlagsV4,
    FlagsV6,
}

/// One instruction whose targets are not resolved yet.
#[derive(Clone, Copy, Debug)]
struct Step {
    code: u32,
    k: u32,
    yes: To,
    no: To,
}

/// A program under construction.
#[derive(Debug, Default)]
struct Program {
    steps: Vec<Step>,
    marks: Vec<(Mark, usize)>,
}

impl Program {
    fn mark(&mut self, mark: Mark) {
        self.marks.push((mark, self.steps.len()));
    }

    fn load(&mut self, size: u32, mode: u32, k: u32) {
        let code = libc::BPF_LD | size | mode;
        let (yes, no) = (To::Next, To::Next);
        self.steps.push(Step { code, k, yes, no });
    }

    fn jump(&mut self, test: u32, k: u32, yes: To, no: To) {
        let code = libc::BPF_JMP | test | libc::BPF_K;
        self.steps.push(Step { code, k, yes, no });
    }

    fn equals(&mut self, k: u32, yes: To) {
        self.jump(libc::BPF_JEQ, k, yes, To::Next);
    }

    /// Puts "accept" and "drop" at the end, and turns targets into distances.
    fn resolve(mut self) -> Vec<libc::sock_filter> {
        let end = self.steps.len();
        for k in [u32::MAX, 0] {
            let code = libc::BPF_RET | libc::BPF_K;
            let (yes, no) = (To::Next, To::Next);
            self.steps.push(Step { code, k, yes, no });
        }
        let place = |to: To, from: usize| match to {
            To::Next => from + 1,
            To::Accept => end,
            To::Drop => end + 1,
            To::Mark(mark) => {
                let found = self.marks.iter().find(|(known, _)| *known == mark);
                found.map_or(end, |(_, at)| *at)
            }
        };
        let distance =
            |to, from: usize| u8::try_from(place(to, from) - from - 1).unwrap_or(u8::MAX);
        let steps = self.steps.iter().enumerate();
        let steps = steps.map(|(at, step)| libc::sock_filter {
            code: step.code as u16,
            jt: distance(step.yes, at),
            jf: distance(step.no, at),
            k: step.k,
        });
        steps.collect()
    }
}

/// Puts the filter in front of the socket; ports that the user listed pass.
pub(super) fn attach(socket: &OwnedFd, is_ethernet: bool, rtsp_ports: &[u16]) -> io::Result<()> {
    let mut steps = program(is_ethernet, rtsp_ports);
    let program = libc::sock_fprog {
        len: u16::try_from(steps.len()).unwrap_or(u16::MAX),
        filter: steps.as_mut_ptr(),
    };
    // SAFETY: the program and what it points to live through the call, in which the kernel copies them.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_FILTER,
            (&raw const program).cast(),
            size_of_val(&program) as libc::socklen_t,
        )
    };
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

fn program(is_ethernet: bool, rtsp_ports: &[u16]) -> Vec<libc::sock_filter> {
    let bulk: Vec<u16> = BULK
        .into_iter()
        .filter(|port| !rtsp_ports.contains(port))
        .collect();
    let mut program = Program::default();
    let ip_at = if is_ethernet {
        by_ethertype(&mut program);
        ETHERNET_LEN
    } else {
        by_version(&mut program);
        0
    };
    program.mark(Mark::V4);
    ipv4(&mut program, ip_at, &bulk);
    program.mark(Mark::V6);
    ipv6(&mut program, ip_at, &bulk);
    program.resolve()
}

fn by_ethertype(program: &mut Program) {
    program.load(libc::BPF_H, libc::BPF_ABS, ETHERTYPE_AT);
    program.equals(IPV4, To::Mark(Mark::V4));
    program.equals(IPV6, To::Mark(Mark::V6));
    for wrapped in WRAPPED {
        program.equals(wrapped, To::Accept);
    }
    program.jump(libc::BPF_JGT, MAX_802_3_LEN, To::Drop, To::Accept);
}

fn by_version(program: &mut Program) {
    program.load(libc::BPF_B, libc::BPF_ABS, 0);
    program.jump(libc::BPF_JGE, 0x60, To::Next, To::Mark(Mark::V4));
    program.jump(libc::BPF_JGE, 0x70, To::Drop, To::Mark(Mark::V6));
}

fn ipv4(program: &mut Program, at: u32, bulk: &[u16]) {
    let protocol = at + 9;
    program.load(libc::BPF_H, libc::BPF_ABS, at + 6);
    program.jump(libc::BPF_JSET, FRAGMENT_OFFSET, To::Accept, To::Next);
    // The length of the header, for what is behind it.
    program.load(libc::BPF_LDX | libc::BPF_B, libc::BPF_MSH, at);
    program.load(libc::BPF_B, libc::BPF_ABS, protocol);
    program.equals(TCP, To::Mark(Mark::FlagsV4));
    program.jump(libc::BPF_JEQ, UDP, To::Mark(Mark::PortsV4), To::Accept);
    program.mark(Mark::FlagsV4);
    flags(program, libc::BPF_IND, at);
    program.mark(Mark::PortsV4);
    ports(program, libc::BPF_IND, at, bulk);
}

fn ipv6(program: &mut Program, at: u32, bulk: &[u16]) {
    const HEADER_LEN: u32 = 40;
    program.load(libc::BPF_B, libc::BPF_ABS, at + 6);
    program.equals(TCP, To::Mark(Mark::FlagsV6));
    program.jump(libc::BPF_JEQ, UDP, To::Mark(Mark::PortsV6), To::Accept);
    program.mark(Mark::FlagsV6);
    flags(program, libc::BPF_ABS, at + HEADER_LEN);
    program.mark(Mark::PortsV6);
    ports(program, libc::BPF_ABS, at + HEADER_LEN, bulk);
}

/// A segment that opens or ends a connection passes whatever its ports are.
fn flags(program: &mut Program, mode: u32, at: u32) {
    program.load(libc::BPF_B, mode, at + 13);
    program.jump(libc::BPF_JSET, OPENS_OR_ENDS, To::Accept, To::Next);
}

fn ports(program: &mut Program, mode: u32, at: u32, bulk: &[u16]) {
    for offset in [0, 2] {
        program.load(libc::BPF_H, mode, at + offset);
        for port in bulk {
            program.equals(u32::from(*port), To::Drop);
        }
    }
    program.jump(libc::BPF_JGE, 0, To::Accept, To::Accept);
}

#[cfg(test)]
mod tests;
