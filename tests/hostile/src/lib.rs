//! What must hold for any bytes at all: one check per reader of strangers' bytes.
//!
//! Each check takes bytes, has the program's own code read them, and panics where a law is broken. The fuzzer
//! (`tests/fuzz`) calls the checks with inputs that it makes up; the ordinary tests call the same checks with the small
//! corpora that are kept beside it, so that what the fuzzer once found stays found.

#![expect(
    clippy::missing_panics_doc,
    reason = "a check is there to panic: where, the crate says"
)]

mod capture;
mod counters;
mod engine;
mod fragments;
mod frames;
mod netfilter;
mod pictures;
mod reassembly;
mod rtcp;
mod script;
mod spans;
mod split;
mod stream;
mod text;
mod tunnel;

pub use capture::capture;
pub use counters::counters;
pub use engine::engine;
pub use fragments::fragments;
pub use frames::decode;
pub use netfilter::netfilter;
pub use pictures::pictures;
pub use reassembly::reassembler;
pub use rtcp::rtcp;
pub use stream::{stream, walker};
pub use text::{fields, message, sdp, transport};
pub use tunnel::tunnel;

/// A law that holds for any input; it panics where it does not.
pub type Check = fn(&[u8]);

/// All checks with the names of their fuzz targets, which are the names of their corpora too.
pub const CHECKS: [(&str, Check); 16] = [
    ("capture", capture),
    ("counters", counters),
    ("decode", decode),
    ("engine", engine),
    ("fields", fields),
    ("fragments", fragments),
    ("message", message),
    ("netfilter", netfilter),
    ("pictures", pictures),
    ("reassembler", reassembler),
    ("rtcp", rtcp),
    ("sdp", sdp),
    ("stream", stream),
    ("transport", transport),
    ("tunnel", tunnel),
    ("walker", walker),
];
