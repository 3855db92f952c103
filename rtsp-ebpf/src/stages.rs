//! The stages of a program, as global functions.
//!
//! The kernel verifies a global function once and by itself. What it sees of the packet's headers comes from
//! [`Local`](rtsp_ebpf_common::abi::Local), not from the caller's registers: the many ways through the headers are not
//! multiplied with the many ways through what follows. Each returns an [`Outcome`] as a number.

use aya_ebpf::bindings::{__sk_buff, xdp_md};

use crate::headers::Link;
use crate::packet::{TcPacket, XdpPacket};
use crate::{control, errors, media, ring, tap};

macro_rules! stages {
    ($context:ty, $packet:ident, $look:ident, $control:ident, $media:ident, $errors:ident, $copy:ident) => {
        /// Reads a packet; `link` is a [`Link`] as a number.
        #[unsafe(no_mangle)]
        #[inline(never)]
        pub extern "C" fn $look(context: *mut $context, direction: u32, link: u32) -> u32 {
            let link = if link == Link::Raw as u32 {
                Link::Raw
            } else {
                Link::Ethernet
            };
            tap::look_closer(&$packet::new(context, direction), link);
            0
        }

        /// Handles a TCP segment.
        #[unsafe(no_mangle)]
        #[inline(never)]
        pub extern "C" fn $control(context: *mut $context, direction: u32) -> u32 {
            control::handle(&$packet::new(context, direction)) as u32
        }

        /// Handles a UDP packet.
        #[unsafe(no_mangle)]
        #[inline(never)]
        pub extern "C" fn $media(context: *mut $context, direction: u32) -> u32 {
            media::handle(&$packet::new(context, direction)) as u32
        }

        /// Handles an ICMP or ICMPv6 message.
        #[unsafe(no_mangle)]
        #[inline(never)]
        pub extern "C" fn $errors() -> u32 {
            errors::handle() as u32
        }

        /// Puts the first `len` bytes of a frame in the ring.
        #[unsafe(no_mangle)]
        #[inline(never)]
        pub extern "C" fn $copy(
            context: *mut $context,
            direction: u32,
            reason: u32,
            len: u32,
        ) -> u32 {
            ring::copy_frame(&$packet::new(context, direction), reason as u8, len) as u32
        }
    };
}

stages!(
    __sk_buff,
    TcPacket,
    rtsp_tc_look,
    rtsp_tc_control,
    rtsp_tc_media,
    rtsp_tc_errors,
    rtsp_tc_copy
);
stages!(
    xdp_md,
    XdpPacket,
    rtsp_xdp_look,
    rtsp_xdp_control,
    rtsp_xdp_media,
    rtsp_xdp_errors,
    rtsp_xdp_copy
);

/// Counts one datagram of a super-packet; returns [`media::SAMPLE`] and [`media::FAILED`] as bits.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn rtsp_tc_segment(context: *mut __sk_buff, at: u32, len: u32) -> u32 {
    media::count_segment(&TcPacket::new(context, 0), at, len)
}
