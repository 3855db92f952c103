//! What the kernel programs and user space share: the counters of a media flow, the walker over interleaved frames,
//! and the records that cross the border between them.
//!
//! Everything here is `no_std`, allocates nothing, and uses integers only, so that the same function runs inside the
//! BPF verifier's limits and on a laptop. A count that the kernel made and one that a saved capture gives are equal
//! because they are made by the same lines.

#![no_std]
#![cfg_attr(target_arch = "bpf", feature(asm_experimental_arch))]
#![allow(
    clippy::inline_always,
    reason = "the kernel allows no function calls while a lock is held, so what it runs there must be inlined"
)]

#[cfg(test)]
extern crate std;

pub mod abi;
pub mod flow;
pub mod interleaved;
pub mod layout;
pub mod rtp;
pub mod verifier;
