//! Packets to flows, sessions, NAT pairs and findings.
//!
//! The engine does no I/O and has no clock: everything it knows came in as an [`Input`], and the same inputs give the
//! same [`Snapshot`], whatever the source was. Mutate with [`Engine::handle_input`], drain with
//! [`Engine::poll_output`], look with [`Engine::snapshot`].

pub mod advice;
pub mod alg;
pub mod clocks;
pub mod engine;
pub mod finding;
pub mod fingerprint;
pub mod input;
pub mod limits;
pub mod locator;
pub mod model;
pub mod nat;
pub mod output;
pub mod router_setup;
pub mod rules;

mod claim;
mod connection;
mod connections;
mod copies;
mod counting;
mod datagram_talk;
mod delivery;
mod exchange;
mod facts;
mod flow;
mod fragmented;
mod groups;
mod icmp;
mod interleaved;
mod jitter;
mod key;
mod media;
mod netfilter;
mod numbers;
mod reading;
mod record;
mod retire;
mod roles;
mod session;
mod snapshot;
mod step;
mod tap_clocks;
mod tap_files;
mod taps;
#[cfg(test)]
mod testkit;
mod timeline;
mod tunnel;
mod window;

pub use engine::{Engine, EngineOptions};
pub use facts::assigned::{Assigned, Assignment};
pub use finding::{Code, Evidence, Finding, Severity};
pub use input::{
    Blind, CaptureLoss, Carrier, ChannelAt, ChannelCounters, ChannelReport, ChannelTotals,
    Conntrack, FlowCounters, Handover, Input, KeyPictureTotals, KeyPictures, LossKind, Passing,
    PictureSpan, PictureTotals, Returned, Stray, TapInfo,
};
pub use limits::{Limits, Retention, SetupLimits};
pub use locator::Locator;
pub use model::{Session, Snapshot};
pub use output::Event;
pub use router_setup::RouterSetup;
pub use tap_files::{TapFile, TapFiles};
