//! One fault at a time, in the router or in its peers: the real program watches each live, its recording is replayed,
//! and both must name the fault and accuse nothing else.
//!
//! The peers are scripted, so that they do exactly what a case needs; real players and cameras are in `lab_live`.
//! Needs root.

mod case;
mod coverage;
mod gateway;
mod hairpin;
mod network;
mod server;
