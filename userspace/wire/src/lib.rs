//! Bytes to typed packets and messages.
//!
//! This crate knows link layers, IP, TCP, RTSP, SDP, RTP, RTCP and netfilter's messages, and nothing of sessions, NAT or diagnosis. It has no
//! clock and does no I/O. Reading never fails on odd input: a decoder returns what it could read and why it stopped,
//! a parser returns what is there plus anomalies that name their byte range.

pub mod decode;
pub mod defrag;
pub mod frame;
mod lines;
pub mod nal;
pub mod netfilter;
mod notes;
pub mod parsed;
pub mod payload_types;
pub mod punch;
pub mod rtcp;
pub mod rtp;
pub mod rtsp;
pub mod sdp;
pub mod spanned;
pub mod tap;
pub mod tcp;
pub mod text;
pub mod time;
pub mod url;

pub use frame::{FrameRef, LinkType};
pub use parsed::{Anomaly, Parsed};
pub use spanned::Spanned;
pub use tap::{Direction, TapId, TapRole};
pub use time::{Span, Timestamp};
