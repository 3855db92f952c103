//! The stages of a program, as global functions.
//!
//! The kernel verifies a global function once and by itself. What it sees of the packet's headers comes from
//! [`Local`](rtsp_ebpf_common::abi::Local), not from the caller's registers: the many ways through the headers are not
//! multiplied with the many ways through what follows. Each returns an [`Outcome`] as a number.

use aya_ebpf::bindings::{__sk_buff, xdp_md};

use crate::headers::Link;
use crate::packet::{TcPacket, XdpPacket};
use crate::{control, errors, glance, media, ring, tap, walk};

#[inline(always)]
fn of_number(link: u32) -> Link {
    if link == Link::Raw as u32 {
        Link::Raw
    } else {
        Link::Ethernet
    }
}

macro_rules! stages {
    ($context:ty, $packet:ident, $look:ident, $control:ident, $media:ident, $errors:ident, $copy:ident, $walk:ident, $find:ident, $step:ident) => {
        /// Reads a packet; `link` is a [`Link`] as a number.
        #[unsafe(no_mangle)]
        #[inline(never)]
        pub extern "C" fn $look(context: *mut $context, direction: u32, link: u32) -> u32 {
            tap::look_closer(&$packet::new(context, direction), of_number(link))
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
            ring::copy_frame(&$packet::new(context, direction), reason, len) as u32
        }

        /// Handles a segment of a connection whose media the kernel may read.
        #[unsafe(no_mangle)]
        #[inline(never)]
        pub extern "C" fn $walk(context: *mut $context, direction: u32) -> u32 {
            walk::handle(&$packet::new(context, direction)) as u32
        }

        /// Looks for an interleaved frame from `at` on; returns its offset, or 0.
        #[unsafe(no_mangle)]
        #[inline(never)]
        pub extern "C" fn $find(context: *mut $context, at: u32, end: u32) -> u32 {
            walk::find_from(&$packet::new(context, 0), at, end)
        }

        /// Steps over one interleaved frame, or over what of it lies in a segment; returns how many bytes that were.
        #[unsafe(no_mangle)]
        #[inline(never)]
        pub extern "C" fn $step(context: *mut $context, at: u32, end: u32, counts: u32) -> u32 {
            walk::step(&$packet::new(context, 0), at, end, counts != 0)
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
    rtsp_tc_copy,
    rtsp_tc_walk,
    rtsp_tc_find,
    rtsp_tc_step
);
stages!(
    xdp_md,
    XdpPacket,
    rtsp_xdp_look,
    rtsp_xdp_control,
    rtsp_xdp_media,
    rtsp_xdp_errors,
    rtsp_xdp_copy,
    rtsp_xdp_walk,
    rtsp_xdp_find,
    rtsp_xdp_step
);

/// Counts one datagram of a super-packet; returns [`media::SAMPLE`] and [`media::FAILED`] as bits.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn rtsp_tc_segment(context: *mut __sk_buff, at: u32, len: u32) -> u32 {
    media::count_segment(&TcPacket::new(context, 0), at, len)
}

/// Glances at a packet of a mirror port that may matter; `link` is a [`Link`] as a number. Returns a
/// [`Glance`](glance::Glance) as a number.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn rtsp_xdp_glance(context: *mut xdp_md, link: u32) -> u32 {
    glance::at(&XdpPacket::new(context, 0), of_number(link)) as u32
}
