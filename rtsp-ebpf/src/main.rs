//! Kernel side of rtspscope: one entry per kind of hook and link layer, all of which only look.
//!
//! Every TC program ends in "go on with the next program", the XDP program in "pass". A packet of no interest leaves
//! after a glance at its headers and a few reads of tables; media is counted in place; control text is copied to the
//! ring.
#![no_std]
#![no_main]
#![allow(
    clippy::needless_borrows_for_generic_args,
    reason = "a key or value handed over by value is copied to the kernel's stack of 512 bytes"
)]

mod bytes;
mod control;
mod errors;
mod flows;
mod glance;
mod head;
mod headers;
mod interest;
mod local;
mod maps;
mod media;
mod packet;
mod ring;
mod stages;
mod tap;
mod tell;
mod walk;

use core::ptr::read_volatile;

use aya_ebpf::{
    bindings::{
        TC_ACT_SHOT, TC_ACT_UNSPEC,
        xdp_action::{XDP_DROP, XDP_PASS},
    },
    macros::{classifier, xdp},
    programs::{TcContext, XdpContext},
};
use rtsp_ebpf_common::abi::Direction;

use crate::headers::Link;
use crate::packet::{TcPacket, XdpPacket};

/// Whether what a mirror port receives ends here; user space writes it before the programs are loaded, and only if it
/// was asked to and taps nothing but that port.
#[unsafe(no_mangle)]
static DROP: u8 = 0;

#[inline(always)]
fn is_dropped() -> bool {
    // SAFETY: a byte of ours. Volatile, because the loader changes it behind the compiler's back.
    unsafe { read_volatile(&raw const DROP) != 0 }
}

/// How a TC program ends for a packet that was received.
#[inline(always)]
fn received() -> i32 {
    if is_dropped() {
        TC_ACT_SHOT
    } else {
        TC_ACT_UNSPEC
    }
}

/// Taps what an Ethernet interface receives.
#[classifier]
pub fn rtsp_ether_in(ctx: TcContext) -> i32 {
    tap::observe(
        &TcPacket::new(ctx.skb.skb, Direction::Ingress as u32),
        Link::Ethernet,
    );
    received()
}

/// Taps what an Ethernet interface sends.
#[classifier]
pub fn rtsp_ether_out(ctx: TcContext) -> i32 {
    tap::observe(
        &TcPacket::new(ctx.skb.skb, Direction::Egress as u32),
        Link::Ethernet,
    );
    TC_ACT_UNSPEC
}

/// Taps what an interface without link headers (ppp, tun, WireGuard) receives.
#[classifier]
pub fn rtsp_raw_in(ctx: TcContext) -> i32 {
    tap::observe(
        &TcPacket::new(ctx.skb.skb, Direction::Ingress as u32),
        Link::Raw,
    );
    received()
}

/// Taps what an interface without link headers sends.
#[classifier]
pub fn rtsp_raw_out(ctx: TcContext) -> i32 {
    tap::observe(
        &TcPacket::new(ctx.skb.skb, Direction::Egress as u32),
        Link::Raw,
    );
    TC_ACT_UNSPEC
}

/// Taps a mirror port.
#[xdp(frags)]
pub fn rtsp_mirror(ctx: XdpContext) -> u32 {
    tap::observe_mirrored(
        &XdpPacket::new(ctx.ctx, Direction::Ingress as u32),
        Link::Ethernet,
    );
    if is_dropped() { XDP_DROP } else { XDP_PASS }
}

#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
