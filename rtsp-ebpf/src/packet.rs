//! A packet as a hook sees it: what the two kinds of context have in common.

use aya_ebpf::{
    bindings::{__sk_buff, xdp_md},
    helpers::{bpf_skb_load_bytes, bpf_xdp_get_buff_len, bpf_xdp_load_bytes},
};

use crate::headers::Link;
use crate::stages;

/// Most bytes that an XDP program can load at once; the kernel refuses more.
const XDP_LOAD_MAX: u32 = 0xffff;

/// A packet under observation.
pub(crate) trait Packet {
    /// Address of the linear part.
    fn start(&self) -> usize;
    /// Address of the end of the linear part.
    fn end(&self) -> usize;
    /// Length in bytes from the link header on.
    fn len(&self) -> u32;
    /// Interface that it crosses.
    fn ifindex(&self) -> u32;
    /// Way across that interface, a [`Direction`](rtsp_ebpf_common::abi::Direction) as a number.
    fn direction(&self) -> u32;
    /// Payload bytes per wire packet where this one stands for several (GSO, GRO), else 0.
    fn gso_size(&self) -> u32;
    /// VLAN tag that the device took out: EtherType and tag control information; zeros where there is none.
    fn vlan(&self) -> (u16, u16);
    /// Copies `len` bytes from `offset` on to `to`; tells whether they were there.
    ///
    /// # Safety
    ///
    /// `to` points to `len` bytes that may be written.
    unsafe fn load(&self, offset: u32, to: *mut u8, len: u32) -> bool;
    /// The stage that reads any packet.
    fn look(&self, link: Link) -> u32;
    /// The stage for TCP.
    fn control(&self) -> u32;
    /// The stage for UDP.
    fn media(&self) -> u32;
    /// The stage for ICMP.
    fn errors(&self) -> u32;
    /// The stage that copies.
    fn copy(&self, reason: u32, len: u32) -> u32;
    /// The stage for one datagram of a super-packet.
    fn segment(&self, at: u32, len: u32) -> u32;
    /// The stage for a segment of a connection whose media the kernel may read.
    fn walk(&self) -> u32;
    /// The stage that looks for an interleaved frame.
    fn find(&self, at: u32, end: u32) -> u32;
    /// The stage for one interleaved frame of it.
    fn step(&self, at: u32, end: u32, counts: bool) -> u32;
}

/// A packet at a TC hook.
pub(crate) struct TcPacket {
    skb: *mut __sk_buff,
    direction: u32,
}

impl TcPacket {
    #[inline(always)]
    pub(crate) fn new(skb: *mut __sk_buff, direction: u32) -> Self {
        Self { skb, direction }
    }
}

impl Packet for TcPacket {
    #[inline(always)]
    fn start(&self) -> usize {
        // SAFETY: the kernel passes a valid context, here and below.
        unsafe { (*self.skb).data as usize }
    }

    #[inline(always)]
    fn end(&self) -> usize {
        // SAFETY: see `start`.
        unsafe { (*self.skb).data_end as usize }
    }

    #[inline(always)]
    fn len(&self) -> u32 {
        // SAFETY: see `start`.
        unsafe { (*self.skb).len }
    }

    #[inline(always)]
    fn ifindex(&self) -> u32 {
        // SAFETY: see `start`.
        unsafe { (*self.skb).ifindex }
    }

    #[inline(always)]
    fn direction(&self) -> u32 {
        self.direction
    }

    #[inline(always)]
    fn gso_size(&self) -> u32 {
        // SAFETY: see `start`.
        unsafe { (*self.skb).gso_size }
    }

    #[inline(always)]
    fn vlan(&self) -> (u16, u16) {
        // SAFETY: see `start`.
        let (present, protocol, tci) = unsafe {
            (
                (*self.skb).vlan_present,
                (*self.skb).vlan_proto,
                (*self.skb).vlan_tci,
            )
        };
        if present == 0 {
            (0, 0)
        } else {
            (u16::from_be(protocol as u16), tci as u16)
        }
    }

    #[inline(always)]
    unsafe fn load(&self, offset: u32, to: *mut u8, len: u32) -> bool {
        // SAFETY: the caller's promise; the verifier checks it again.
        unsafe { bpf_skb_load_bytes(self.skb.cast(), offset, to.cast(), len) == 0 }
    }

    #[inline(always)]
    fn look(&self, link: Link) -> u32 {
        stages::rtsp_tc_look(self.skb, self.direction, link as u32)
    }

    #[inline(always)]
    fn control(&self) -> u32 {
        stages::rtsp_tc_control(self.skb, self.direction)
    }

    #[inline(always)]
    fn media(&self) -> u32 {
        stages::rtsp_tc_media(self.skb, self.direction)
    }

    #[inline(always)]
    fn errors(&self) -> u32 {
        stages::rtsp_tc_errors()
    }

    #[inline(always)]
    fn copy(&self, reason: u32, len: u32) -> u32 {
        stages::rtsp_tc_copy(self.skb, self.direction, reason, len)
    }

    #[inline(always)]
    fn segment(&self, at: u32, len: u32) -> u32 {
        stages::rtsp_tc_segment(self.skb, at, len)
    }

    #[inline(always)]
    fn walk(&self) -> u32 {
        stages::rtsp_tc_walk(self.skb, self.direction)
    }

    #[inline(always)]
    fn find(&self, at: u32, end: u32) -> u32 {
        stages::rtsp_tc_find(self.skb, at, end)
    }

    #[inline(always)]
    fn step(&self, at: u32, end: u32, counts: bool) -> u32 {
        stages::rtsp_tc_step(self.skb, at, end, u32::from(counts))
    }
}

/// A packet at an XDP hook.
pub(crate) struct XdpPacket {
    ctx: *mut xdp_md,
    direction: u32,
}

impl XdpPacket {
    #[inline(always)]
    pub(crate) fn new(ctx: *mut xdp_md, direction: u32) -> Self {
        Self { ctx, direction }
    }

    /// The stage that glances at a packet; a [`Glance`](crate::glance::Glance) as a number.
    #[inline(always)]
    pub(crate) fn glance(&self, link: Link) -> u32 {
        stages::rtsp_xdp_glance(self.ctx, link as u32)
    }
}

impl Packet for XdpPacket {
    #[inline(always)]
    fn start(&self) -> usize {
        // SAFETY: the kernel passes a valid context, here and below.
        unsafe { (*self.ctx).data as usize }
    }

    #[inline(always)]
    fn end(&self) -> usize {
        // SAFETY: see `start`.
        unsafe { (*self.ctx).data_end as usize }
    }

    #[inline(always)]
    fn len(&self) -> u32 {
        // SAFETY: see `start`.
        unsafe { bpf_xdp_get_buff_len(self.ctx) as u32 }
    }

    #[inline(always)]
    fn ifindex(&self) -> u32 {
        // SAFETY: see `start`.
        unsafe { (*self.ctx).ingress_ifindex }
    }

    #[inline(always)]
    fn direction(&self) -> u32 {
        self.direction
    }

    #[inline(always)]
    fn gso_size(&self) -> u32 {
        0
    }

    #[inline(always)]
    fn vlan(&self) -> (u16, u16) {
        (0, 0)
    }

    #[inline(always)]
    unsafe fn load(&self, offset: u32, to: *mut u8, len: u32) -> bool {
        // SAFETY: the caller's promise; the verifier checks it again.
        unsafe { bpf_xdp_load_bytes(self.ctx, offset, to.cast(), len) == 0 }
    }

    #[inline(always)]
    fn look(&self, link: Link) -> u32 {
        stages::rtsp_xdp_look(self.ctx, self.direction, link as u32)
    }

    #[inline(always)]
    fn control(&self) -> u32 {
        stages::rtsp_xdp_control(self.ctx, self.direction)
    }

    #[inline(always)]
    fn media(&self) -> u32 {
        stages::rtsp_xdp_media(self.ctx, self.direction)
    }

    #[inline(always)]
    fn errors(&self) -> u32 {
        stages::rtsp_xdp_errors()
    }

    #[inline(always)]
    fn copy(&self, reason: u32, len: u32) -> u32 {
        let len = if len > XDP_LOAD_MAX {
            XDP_LOAD_MAX
        } else {
            len
        };
        stages::rtsp_xdp_copy(self.ctx, self.direction, reason, len)
    }

    #[inline(always)]
    fn segment(&self, _at: u32, _len: u32) -> u32 {
        0
    }

    #[inline(always)]
    fn walk(&self) -> u32 {
        stages::rtsp_xdp_walk(self.ctx, self.direction)
    }

    #[inline(always)]
    fn find(&self, at: u32, end: u32) -> u32 {
        stages::rtsp_xdp_find(self.ctx, at, end)
    }

    #[inline(always)]
    fn step(&self, at: u32, end: u32, counts: bool) -> u32 {
        stages::rtsp_xdp_step(self.ctx, at, end, u32::from(counts))
    }
}
